"""Show the instrument differences that are known, and count what it says about them.

    python benchmarks/instrument.py [--quick] [--only WORDS] [--noise FILE] [--json]

The shipped encoder on Tatoeba's lines of the miniature, one request at a time; every measurement
draws other requests and sizes itself by a pilot, as `stiltwalk compare` does. One is wrong where it
shows a difference that is not there, or equality where there is one; INCONCLUSIVE is never wrong.
`--quick` measures once in each quiet case; those called busy run beside an endless loop. `--only`
takes the cases whose name holds some words, such as "busy" or "quiet, the same". `--noise` keeps
the log-ratios of the quiet blocks of a model against itself, for `verdict_errors.py`.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.inference.predictor import Delayed, Predictor, Settings, System, load_predictor
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.tasks import TASKS
from stiltwalk.timing.blocks import Along, controlled
from stiltwalk.timing.sample_size import QUICK, SINGLE_STREAM, Figure
from stiltwalk.timing.session import Session
from stiltwalk.timing.tost import Verdict, judge
from stiltwalk.timing.workload import load_workload

TASK = TASKS["tatoeba"]
MARGIN = 0.03
PROMPT_TOKENS = 20
SCENARIO = replace(SINGLE_STREAM, figures=(Figure.P50,))
PROFILE = replace(QUICK, scenarios=(SCENARIO,))


class Prompted(nn.Module):
    """An encoder with a soft prompt in front of every line; its states leave the prompt out."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - a transformers model
        """Put random vectors in front of a model's inputs."""
        super().__init__()
        self.model, self.config = model, model.config
        self.prompt = nn.Parameter(torch.randn(1, PROMPT_TOKENS, model.config.hidden_size))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **rest: Any) -> Any:  # noqa: ANN401
        """Return the model's outputs without the prompt's states."""
        rows = len(input_ids)
        words = self.model.get_input_embeddings()(input_ids)
        mask = attention_mask.new_ones(rows, PROMPT_TOKENS)
        found = self.model(
            inputs_embeds=torch.cat([self.prompt.expand(rows, -1, -1), words], dim=1),
            attention_mask=torch.cat([mask, attention_mask], dim=1),
            **rest,
        )
        found.hidden_states = [state[:, PROMPT_TOKENS:] for state in found.hidden_states]
        return found


@dataclass(frozen=True)
class Case:
    """A known difference: what B is, what the instrument must say, and the true ratio of times."""

    variant: str
    make: Callable[[Predictor], System]
    expected: Verdict
    measurements: int
    beside: str = "quiet"
    truth: float = inf

    @property
    def name(self) -> str:
        """Where and what."""
        return f"{self.beside}, {self.variant}"

    def is_wrong(self, verdict: Verdict) -> bool:
        """Tell whether a verdict claims what is not so; INCONCLUSIVE claims nothing."""
        match verdict:
            case Verdict.EQUIVALENT:
                return abs(self.truth - 1) > MARGIN
            case Verdict.SLOWER:
                return self.truth <= 1
            case _:
                return verdict is Verdict.FASTER


def with_model(answerer: Predictor, model: Any) -> Predictor:  # noqa: ANN401
    return replace(answerer, engine=replace(answerer.engine, model=model.eval()))


def adapted(answerer: Predictor, *, merged: bool) -> Predictor:
    settings = LoraConfig(r=8, target_modules=["query", "value"], init_lora_weights=False)
    model = get_peft_model(copy.deepcopy(answerer.engine.model), settings)
    return with_model(answerer, model.merge_and_unload() if merged else model)


CASES = (
    Case("the same (A/A)", lambda a: a, Verdict.EQUIVALENT, 20, truth=1.0),
    Case("+5 % delay", lambda a: Delayed(a, (0.05,)), Verdict.SLOWER, 20, truth=1.05),
    Case("+2 % delay", lambda a: Delayed(a, (0.02,)), Verdict.EQUIVALENT, 3, truth=1.02),
    Case(
        f"{PROMPT_TOKENS} soft-prompt tokens",
        lambda a: with_model(a, Prompted(a.engine.model)),
        Verdict.SLOWER,
        3,
    ),
    Case("LoRA r=8, unmerged", lambda a: adapted(a, merged=False), Verdict.SLOWER, 3),
    Case("LoRA r=8, merged", lambda a: adapted(a, merged=True), Verdict.EQUIVALENT, 3, truth=1.0),
    Case("the same (A/A)", lambda a: a, Verdict.EQUIVALENT, 10, "busy", 1.0),
    Case("+5 % delay", lambda a: Delayed(a, (0.05,)), Verdict.SLOWER, 10, "busy", 1.05),
)


@contextmanager
def beside(what: str) -> Iterator[None]:
    """Keep another core busy, if that is asked for."""
    if what == "quiet":
        yield
        return
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        loop.kill()
        loop.wait()


def measurements(case: Case, number: int) -> Iterator[list[float]]:
    """Yield the block log-ratios of every measurement; both models are loaded anew each time."""
    folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    settings = Settings(task=TASK, max_length_tokens=TASK.max_length_tokens)
    workload = load_workload(TASK, DataSource(source=MINI), TASK.languages, None)
    for seed in range(1, number + 1):
        first, second = (load_predictor(folder, settings) for _ in range(2))
        session = Session(profile=PROFILE, num_threads=1, seed=seed)
        with controlled(1), beside(case.beside):
            along = Along(place="measurement")
            found = session.measure((first, case.make(second)), workload, SCENARIO, 1, along)
        yield found.log_ratios(Figure.P50)


def row(case: Case, log_ratios: Sequence[list[float]]) -> dict[str, Any]:
    found = [judge(each, MARGIN) for each in log_ratios]
    verdicts = Counter(str(each.verdict) for each in found)
    return {
        "workload": f"{TASK.name}, {SCENARIO.name}, {case.beside}",
        "variant": case.variant,
        "expected": case.expected,
        "as_expected": verdicts[case.expected],
        "wrong": sum(case.is_wrong(each.verdict) for each in found),
        "verdicts": dict(verdicts),
        "ratio": median(each.ratio for each in found),
        "spread": median(each.spread for each in found),
        "blocks": median(each.num_blocks for each in found),
        "repeats": len(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one measurement of each case")
    parser.add_argument("--only", default="", help="words in the names of cases")
    parser.add_argument("--noise", type=Path, help="file for a model's blocks against itself")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    rows = []
    for case in CASES:
        if options.only not in case.name or (options.quick and case.beside != "quiet"):
            continue
        found = list(measurements(case, 1 if options.quick else case.measurements))
        rows.append(row(case, found))
        if options.noise and case == CASES[0]:
            noise = [log_ratio for measurement in found for log_ratio in measurement]
            options.noise.write_text(json.dumps(noise), encoding="utf-8")
        if not options.json:
            last = rows[-1]
            print(
                f"{last['workload']:36} {last['variant']:24} {last['expected']:>10} in "
                f"{last['as_expected']:2} of {last['repeats']:2}, wrong {last['wrong']}; time x "
                f"{last['ratio']:.3f}, spread {last['spread']:.4f}, {last['blocks']:.0f} blocks",
                flush=True,
            )
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
