"""What a prompt costs: the head at a mask, and the tokens on every row.

    python benchmarks/prompts.py [--quick] [--json] [--repeats 7] [--threads 1] [--real FOLDER]

A language model of XLM-R's base size (12 x 768, 250,002 words, random weights, fp32; --quick: two
blocks), XLM-R's tokenizer, four lines of the sample per language that are nearest to its median
length, so that hardly anything is padding. No time depends on what the weights or ids say.

    head itself English: the whole head at every token, the whole head at the mask, and rows of the
                classes alone at the mask; `ratio` is to the whole head at every token
    with head   the same with the encoder before it
    LANGUAGE    the text alone, which is what a classifier reads, and in the cloze with 0, 5 and 20
                vectors; `ratio` is to the text alone

All variants of all languages take turns; the median over repeats, and half the distance of the
quartiles over it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead
from stiltwalk.heads.head import make_batch
from stiltwalk.models.masked_lm import lm_logits
from stiltwalk.models.soft_prompt import PromptedModel, SoftPrompt, Verbaliser, uniform_start
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import TextExample
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import clozes_in

TOKENIZER = "models/xlm-roberta-tokenizer"
NUM_WORDS = 250_002
NUM_ROWS = 4
MAX_TOKENS = 256
LANGUAGES = ("en", "de", "zh", "ar", "th", "sw", "yo")
SIZES = (0, 5, 20)
TASK = TASKS["sib200"]
ALONE = "text alone"
EVERYWHERE = "whole head, every token"
AT_MASK = "whole head, mask alone"
CLASSES = "class rows, mask alone"
BASELINES = (ALONE, EVERYWHERE)

Row = dict[str, Any]
Inputs = dict[str, Tensor]
Works = Mapping[tuple[str, str], Callable[[], object]]


def language_model(num_blocks: int) -> XLMRobertaForMaskedLM:
    """Return XLM-R's base size with random weights."""
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=NUM_WORDS,
        num_hidden_layers=num_blocks,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
    )
    return XLMRobertaForMaskedLM(config).eval()


def words_of_classes(num_classes: int, each: int = 16) -> Verbaliser:
    """Return classes with some words each; which ones costs nothing."""
    ids = tuple(tuple(range(each * n + 10, each * n + 10 + each)) for n in range(num_classes))
    return Verbaliser(labels=TASK.labels, ids=ids, weights=((1 / each,) * each,) * num_classes)


def rows_of(real: Path, language: str, encoder: TextEncoder) -> list[TextExample]:
    """Return the lines of a language that are nearest to its median length."""
    lines = (real / "text" / f"ntrex.{language}.txt").read_text(encoding="utf-8").splitlines()
    lengths = np.array([len(ids) for ids in encoder.ids(lines)])
    nearest = np.argsort(np.abs(lengths - np.median(lengths)), kind="stable")[:NUM_ROWS]
    return [TextExample(str(at), lines[at], TASK.labels[0]) for at in nearest.tolist()]


def inputs(encoder: TextEncoder, rows: Sequence[TextExample], num_tokens: int | None) -> Inputs:
    """Return one batch of rows in the cloze with so many vectors; None for the text alone."""
    if num_tokens is None:
        features = line_features([row.text for row in rows], encoder, MAX_TOKENS)
    else:
        settings = PromptSettings(method="soft", num_tokens=num_tokens)
        cloze = clozes_in(None, miniature=False).of(TASK, "en")
        kind = ClozeHead(cloze, settings, NUM_WORDS)
        features = kind.features(rows, encoder, TASK.labels, MAX_TOKENS)
    numbers = np.arange(len(rows))
    return make_batch(features, numbers, encoder.pad_id, with_types=False).inputs()


def timed(works: Works, repeats: int) -> dict[tuple[str, str], list[float]]:
    """Return seconds of every variant, in turns."""
    found: dict[tuple[str, str], list[float]] = {name: [] for name in works}
    with torch.inference_mode():
        for repeat in range(repeats + 1):
            for name, work in works.items():
                began = time.perf_counter()
                work()
                if repeat:  # the first warms up
                    found[name].append(time.perf_counter() - began)
    return found


class Measured:
    """One encoder with both heads, and what it is fed."""

    def __init__(self, num_blocks: int, encoder: TextEncoder, real: Path) -> None:
        """Make the model; the batches are of every language in every form."""
        self.model = language_model(num_blocks)
        self.whole = self.model.get_output_embeddings()
        self.mask_id = encoder.mask_id
        self.verbaliser = words_of_classes(len(TASK.labels))
        prompt = SoftPrompt(uniform_start(max(SIZES), 768, seed=1))
        self.prompted = PromptedModel(self.model, self.verbaliser, prompt, encoder.mask_id)
        self.reader = self.model.get_output_embeddings()
        self.batches = {
            (language, size): inputs(encoder, rows, size)
            for language in LANGUAGES
            for rows in [rows_of(real, language, encoder)]
            for size in (None, *SIZES)
        }

    def heads(self) -> Works:
        """Return the three heads on one batch, after a look that they say the same."""
        batch = self.batches["en", 0]
        at_mask = batch["input_ids"] == self.mask_id

        def with_outputs(layer: nn.Module, work: Callable[[], Tensor]) -> Callable[[], Tensor]:
            def run() -> Tensor:
                self.model.set_output_embeddings(layer)
                return work()

            return run

        head, whole, reader = self.model.lm_head, self.whole, self.reader
        with torch.inference_mode():
            states = self.model.base_model(**batch).last_hidden_state
        alone_works = {
            EVERYWHERE: with_outputs(whole, lambda: head(states)),
            AT_MASK: with_outputs(whole, lambda: head(states[at_mask])),
            CLASSES: with_outputs(reader, lambda: head(states[at_mask])),
        }
        works = {
            EVERYWHERE: with_outputs(whole, lambda: self.model(**batch).logits[at_mask]),
            AT_MASK: with_outputs(whole, lambda: lm_logits(self.model, batch, at_mask)),
            CLASSES: with_outputs(reader, lambda: self.prompted(**batch).logits),
        }
        with torch.inference_mode():
            everywhere, alone, scores = (work() for work in works.values())
        summed = [everywhere[:, list(ids)].mean(dim=1) for ids in self.verbaliser.ids]
        torch.testing.assert_close(alone, everywhere, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(scores, torch.stack(summed, dim=1), atol=1e-5, rtol=1e-5)
        return {
            **{("head itself", name): work for name, work in alone_works.items()},
            **{("with head", name): work for name, work in works.items()},
        }

    def languages(self) -> Works:
        """Return every language with and without a cloze and its vectors."""
        works: dict[tuple[str, str], Callable[[], object]] = {}
        for (language, size), batch in self.batches.items():
            if size is None:
                works[language, ALONE] = lambda b=batch: self.model.base_model(**b)
            else:
                works[language, f"cloze, {size} vectors"] = lambda b=batch: self.prompted(**b)
        return works

    def tokens_per_row(self) -> dict[tuple[str, str], float]:
        """Return what each language's variants feed."""
        return {
            (language, ALONE if size is None else f"cloze, {size} vectors"): float(
                batch["attention_mask"].sum() / NUM_ROWS
            )
            for (language, size), batch in self.batches.items()
        }


def result(
    name: tuple[str, str], seconds: Sequence[float], baseline_s: float, tokens: float | None
) -> Row:
    """Return one row."""
    lower, _, upper = quantiles(seconds, n=4)
    return {
        "workload": name[0],
        "variant": name[1],
        "ms": 1000 * median(seconds),
        "ratio": median(seconds) / baseline_s,
        "repeats": len(seconds),
        "spread": (upper - lower) / 2 / median(seconds),
        "tokens_per_row": tokens,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--real", type=Path, default=Path(__file__).parents[2] / "shared" / "real")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    encoder = load_text_encoder(given.real / TOKENIZER)
    measured = Measured(2 if given.quick else 12, encoder, given.real)
    # the last of the heads leaves the rows of classes in place, which the languages are asked with
    times = timed({**measured.heads(), **measured.languages()}, 3 if given.quick else given.repeats)
    tokens = measured.tokens_per_row()
    baselines = {name[0]: median(each) for name, each in times.items() if name[1] in BASELINES}
    rows = [result(n, each, baselines[n[0]], tokens.get(n)) for n, each in times.items()]
    if given.json:
        machine = {"platform": platform.platform(), "torch": torch.__version__}
        print(json.dumps({"machine": machine, "rows": rows}))
        return
    for row in rows:
        fed = f"{row['tokens_per_row']:7.1f} tokens a row" if row["tokens_per_row"] else ""
        print(
            f"{row['workload']:11} {row['variant']:26} {row['ms']:9.1f} ms {row['ratio']:7.3f} "
            f"± {row['spread']:.3f} {fed}"
        )


if __name__ == "__main__":
    main()
