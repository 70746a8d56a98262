"""Time written answers against what users run today, interleaved.

    python benchmarks/generation.py [--quick] [--json] [--rows 96] [--new-tokens 32] [--repeats 5]
        [--width 384] [--blocks 6] [--device cpu] [--threads 2]

XQuAD's questions in eleven languages as prompts, drawn at random, so their lengths spread as they
do, cut into XLM-R's pieces by every variant; a random decoder whose vocabulary are the pieces that
occur, since an output layer over all 250,000 would be most of so small a model. What ends an answer
is simulated, since weights are random: every 16th token does, for all variants, as `eos_token_id`
or `Stopping`; answers spread from none to all of `--new-tokens`. All write the same tokens in fp32,
which is checked. What users run today runs in a process of its own, as they start it; ours in
another that takes huge pages, as `stiltwalk run` does. `ratio` is in requests/s to `pipeline`.

    pipeline   transformers' text-generation pipeline, 32 rows at once
    generate   model.generate, 32 rows at once in the set's order, padded to their longest
    vllm       vLLM with its own defaults, where it is installed; the model is float32 there, too
    ours       sorted, filled to a budget of tokens; prompts are read in small batches and written
               on in large ones; what is finished leaves; keys and values stay where they are
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
import transformers
from huge_pages import started
from inference_workloads import REAL
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from stiltwalk.data.source import DataSource
from stiltwalk.features.prompts import PromptEncoder, Rendered
from stiltwalk.features.rows import Features
from stiltwalk.inference.backends.transformers import Transformers
from stiltwalk.inference.backends.vllm import VLLM
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import Engine
from stiltwalk.records import Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.tasks.templates import template_of

TOKENIZER = REAL / "models" / "xlm-roberta-tokenizer" / "tokenizer.json"
BATCH_ROWS = 32
LONGEST_TOKENS = 2048
PAD, END, UNKNOWN = 1, 2, 3
Answers = list[list[int]]


@dataclass(frozen=True, eq=False)
class Given:
    """What all variants are given."""

    model: Any
    tokenizer: Any
    texts: Sequence[str]
    stop_ids: list[int]
    most_tokens: int

    def features(self) -> Features:
        """Return the prompts' tokens."""
        encoder = PromptEncoder(self.tokenizer.backend_tokenizer, (END,), None)
        answers: list[tuple[()]] = [()] * len(self.texts)
        return Rendered(self.texts, answers).features(encoder, LONGEST_TOKENS, self.most_tokens)


def prompts(count: int) -> list[str]:
    """Return questions of all languages, drawn at random, as they are put to a decoder."""
    task, source = TASKS["xquad"], DataSource(source=str(REAL / "hub"))
    by_language = [examples(task, source, Split.TEST, language) for language in task.languages]
    rows = [row for each in by_language for row in each]
    drawn = np.random.default_rng(0).choice(len(rows), count, replace=False)
    return [template_of(task.template).asked(rows[at]) for at in drawn]


def given(options: argparse.Namespace) -> Given:
    """Return prompts, and a random decoder of the asked size."""
    texts = prompts(options.rows)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_cut(texts),
        padding_side="left",
        pad_token="<pad>",  # noqa: S106
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.width,
        num_hidden_layers=options.blocks,
        num_attention_heads=options.width // 64,
        num_key_value_heads=options.width // 64,
        intermediate_size=3 * options.width,
        initializer_range=0.06,  # tied or small weights say the same token over and over
        pad_token_id=PAD,
        bos_token_id=0,
        eos_token_id=END,
    )
    model = LlamaForCausalLM(config).to(options.device).eval()
    stop_ids = list(range(END, len(tokenizer), 16))
    return Given(model, tokenizer, texts, stop_ids, options.new_tokens)


def _cut(texts: Sequence[str]) -> Tokenizer:
    """Return XLM-R's tokenizer with the pieces alone that these texts are cut into."""
    whole = Tokenizer.from_file(str(TOKENIZER))
    used = {number for found in whole.encode_batch(list(texts)) for number in found.ids}
    document = json.loads(whole.to_str())
    pieces = document["model"]["vocab"]
    document["model"]["vocab"] = pieces[:4] + [pieces[at] for at in sorted(used) if at > UNKNOWN]
    document["added_tokens"] = [each for each in document["added_tokens"] if each["id"] <= UNKNOWN]
    document["post_processor"] = None  # a text's end would be read before its answer
    return Tokenizer.from_str(json.dumps(document))


def ours(given: Given) -> Answers:
    """Write through the engine."""
    stopping = Stopping(stop_ids=torch.tensor(given.stop_ids), most_tokens=given.most_tokens)
    backend = Transformers(engine=Engine(model=given.model, pad_id=PAD))
    found, _ = backend.written(given.features(), stopping)
    return [row.tolist() for row in found]


def vllm(given: Given) -> Answers:
    """Write through vLLM, as `model.backend = "vllm"` does."""
    stopping = Stopping(stop_ids=torch.tensor(given.stop_ids), most_tokens=given.most_tokens)
    found, _ = _served(given.model).written(given.features(), stopping)
    return [row.tolist() for row in found]


@cache
def _served(model: Any) -> VLLM:  # noqa: ANN401 - a decoder's class
    """Return a model in vLLM, which has to be closed."""
    with TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return VLLM(Path(folder), precision="fp32", most_tokens=LONGEST_TOKENS)


def generate(given: Given) -> Answers:
    """Write as the documentation of transformers shows it."""
    found: Answers = []
    every = [row.tolist() for row in given.features().ids]
    for at in range(0, len(every), BATCH_ROWS):
        listed = every[at : at + BATCH_ROWS]
        batch = given.tokenizer.pad({"input_ids": listed}, return_tensors="pt")
        batch = batch.to(given.model.device)
        with torch.inference_mode():
            out = given.model.generate(**batch, **_asked(given))
        width = batch["input_ids"].shape[1]
        found += [_ended(row[width:], given) for row in out.tolist()]
    return found


def pipeline(given: Given) -> Answers:
    """Write through the pipeline, which tokenises, too."""
    run = transformers.pipeline(
        "text-generation",
        model=given.model,
        tokenizer=given.tokenizer,
        batch_size=BATCH_ROWS,
        device=given.model.device,
    )
    found = run(list(given.texts), **_asked(given), return_tensors=True)
    whole = [each[0]["generated_token_ids"] for each in found]
    lengths = given.features().ids.lengths.tolist()
    return [
        _ended(tokens[_padding(tokens) + length :], given)
        for tokens, length in zip(whole, lengths, strict=True)
    ]


def _padding(tokens: Sequence[int]) -> int:
    """Return how many tokens of padding stand in front."""
    return next(at for at, token in enumerate(tokens) if token != PAD)


def _asked(given: Given) -> dict[str, Any]:
    return {
        "max_new_tokens": given.most_tokens,
        "do_sample": False,
        "eos_token_id": given.stop_ids,
        "pad_token_id": PAD,
    }


def _ended(tokens: Sequence[int], given: Given) -> list[int]:
    """Return tokens up to the one that ends them."""
    stops = set(given.stop_ids)
    end = next((at for at, token in enumerate(tokens) if token in stops), len(tokens))
    return list(tokens[:end])


VARIANTS: dict[str, Callable[[Given], Answers]] = {
    "pipeline": pipeline,
    "generate": generate,
    "ours": ours,
}
if find_spec("vllm"):
    VARIANTS["vllm"] = vllm


_given: Given


def _start(options: argparse.Namespace) -> None:
    global _given  # noqa: PLW0603 - a process's own
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    _given = given(options)


def _close() -> None:
    _served(_given.model).close()


def _lengths() -> list[int]:
    lengths: list[int] = _given.features().ids.lengths.tolist()
    return lengths


def _timed(name: str, rows: int) -> tuple[float, Answers]:
    """Return how long the first rows take, and what was written."""
    asked = replace(_given, texts=_given.texts[:rows])
    began = time.perf_counter()
    said = VARIANTS[name](asked)
    return time.perf_counter() - began, said


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row per variant; all take turns, in another order each time."""
    stock, own = (started(_start, options, huge_pages=each) for each in (False, True))
    where = {name: own if name == "ours" else stock for name in VARIANTS}
    lengths = own.submit(_lengths).result()
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    said: dict[str, Answers] = {}
    for name, process in where.items():
        process.submit(_timed, name, 2).result()  # the first time is slower
    for repeat in range(options.repeats):
        for name in VARIANTS if repeat % 2 else reversed(VARIANTS):
            took_s, said[name] = where[name].submit(_timed, name, options.rows).result()
            times[name].append(took_s)
    if "vllm" in VARIANTS:
        stock.submit(_close).result()
    for process in (stock, own):
        process.shutdown()
    base = statistics.median(times["pipeline"])
    return [
        {
            "workload": "xquad",
            "variant": name,
            "requests_per_s": options.rows / statistics.median(took_s),
            "ratio": base / statistics.median(took_s),
            "spread": [options.rows / max(took_s), options.rows / min(took_s)],
            "repeats": options.repeats,
            "same_answers": statistics.mean(
                one == two for one, two in zip(said[name], said["ours"], strict=True)
            ),
            "mean_tokens_in": statistics.mean(lengths),
            "mean_tokens_out": statistics.mean(map(len, said["ours"])),
        }
        for name, took_s in times.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="22 rows, one repeat")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rows", type=int, default=96)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.quick:
        options.rows, options.repeats = 22, 1
    rows = measure(options)
    if options.json:
        machine = f"{platform.platform()}, {options.threads} threads, torch {torch.__version__}"
        print(json.dumps({"machine": machine, "rows": rows}, indent=1))
        return
    print("variant    requests/s  [   range   ]  ratio  same answers  tokens in, out")
    for row in rows:
        low, high = row["spread"]
        print(
            f"{row['variant']:10} {row['requests_per_s']:9.2f}  [{low:5.2f}-{high:5.2f}] "
            f"{row['ratio']:5.2f} x {row['same_answers']:9.1%}  {row['mean_tokens_in']:8.1f}, "
            f"{row['mean_tokens_out']:.1f}"
        )


if __name__ == "__main__":
    main()
