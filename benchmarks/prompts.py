"""What a prompt costs: the head at a mask, and the vectors on every row.

    python benchmarks/prompts.py [--quick] [--json] [--repeats 7] [--threads 1]

A language model of XLM-R's base size (12 x 768, 250,002 words, random weights, fp32; --quick: two
blocks), on topic rows of the embedded benchmark. No time depends on what the weights or ids say.

    head        one batch in English: the whole head at every token, the whole head at the mask, and
                rows of the classes alone at the mask; `ratio` is to the whole head at every token
    LANGUAGE    the cloze with 0, 5 and 20 vectors; `ratio` is to the row without any

Variants take turns; the median over repeats, and half the distance of the quartiles over it.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles
from typing import Any

import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from stiltwalk.config.model_folder import MINI_BASE, locate
from stiltwalk.config.prompt import PromptSettings
from stiltwalk.config.recipe import ModelSettings
from stiltwalk.data import mini
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.kinds.cloze import ClozeKind
from stiltwalk.kinds.kind import make_batch
from stiltwalk.models.masked_lm import lm_logits
from stiltwalk.models.soft_prompt import PromptedModel, SoftPrompt, uniform_start
from stiltwalk.models.verbaliser import Verbaliser
from stiltwalk.records import Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import clozes_in

NUM_WORDS = 250_002
NUM_ROWS = 16
LANGUAGES = ("en", "de", "zh", "ar", "th", "sw")
SIZES = (0, 5, 20)

Row = dict[str, Any]
Work = Callable[[], object]


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
    labels = TASKS["sib200"].labels
    return Verbaliser(labels=labels, ids=ids, weights=((1 / each,) * each,) * num_classes)


def inputs(encoder: TextEncoder, language: str, num_tokens: int) -> dict[str, torch.Tensor]:
    """Return one batch of a language's rows with so many vectors."""
    task = TASKS["sib200"]
    settings = PromptSettings(method="soft", num_tokens=num_tokens)
    kind = ClozeKind(clozes_in(None, miniature=True).of(task, "en"), settings, NUM_WORDS)
    rows = mini.examples("sib200", Split.TEST, language)[:NUM_ROWS]
    features = kind.features(rows, encoder, task.labels, 128)
    numbers = torch.arange(NUM_ROWS).numpy()
    return make_batch(features, numbers, encoder.pad_id, with_types=False).inputs()


def timed(works: Mapping[str, Work], repeats: int) -> dict[str, list[float]]:
    """Return seconds of every variant, in turns."""
    found: dict[str, list[float]] = {name: [] for name in works}
    with torch.inference_mode():
        for repeat in range(repeats + 1):
            for name, work in works.items():
                began = time.perf_counter()
                work()
                if repeat:  # the first warms up
                    found[name].append(time.perf_counter() - began)
    return found


def rows_of(workload: str, times: Mapping[str, list[float]], baseline: str) -> list[Row]:
    """Return one row per variant."""
    found = []
    for variant, seconds in times.items():
        lower, _, upper = quantiles(seconds, n=4)
        found.append(
            {
                "workload": workload,
                "variant": variant,
                "ms": 1000 * median(seconds),
                "ratio": median(seconds) / median(times[baseline]),
                "repeats": len(seconds),
                "spread": (upper - lower) / 2 / median(seconds),
            }
        )
    return found


def heads(
    model: XLMRobertaForMaskedLM, encoder: TextEncoder, repeats: int
) -> tuple[list[Row], PromptedModel]:
    """Time the three heads on one encoder; return it with the last one, which replaces its own."""
    batch = inputs(encoder, "en", 0)
    at_mask = batch["input_ids"] == encoder.mask_id
    everywhere, mask_alone = "whole head, every token", "whole head, mask alone"
    whole = {
        everywhere: lambda: model(**batch).logits[at_mask],
        mask_alone: lambda: lm_logits(model, batch, at_mask),
    }
    found = timed(whole, repeats)
    verbaliser = words_of_classes(7)
    with torch.inference_mode():
        expected = lm_logits(model, batch, at_mask)
    prompt = SoftPrompt(uniform_start(max(SIZES), 768, seed=1))
    prompted = PromptedModel(model, verbaliser, prompt, encoder.mask_id)
    with torch.inference_mode():
        scores = prompted(**batch).logits
        summed = torch.stack([expected[:, list(ids)].mean(dim=1) for ids in verbaliser.ids], dim=1)
    torch.testing.assert_close(scores, summed, atol=1e-5, rtol=1e-5)
    found |= timed({"class rows, mask alone": lambda: prompted(**batch)}, repeats)
    return rows_of("head", found, everywhere), prompted


def vectors(prompted: PromptedModel, encoder: TextEncoder, repeats: int) -> list[Row]:
    """Time rows with more and more vectors, per language."""
    found = []
    for language in LANGUAGES:
        batches = {f"{size} vectors": inputs(encoder, language, size) for size in SIZES}
        works = {name: lambda b=batch: prompted(**b) for name, batch in batches.items()}
        rows = rows_of(language, timed(works, repeats), "0 vectors")
        for row in rows:
            mask = batches[row["variant"]]["attention_mask"]
            row["tokens_per_row"] = float(mask.sum() / len(mask))
        found += rows
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    encoder = load_text_encoder(folder)
    model = language_model(2 if given.quick else 12)
    repeats = 3 if given.quick else given.repeats
    rows, prompted = heads(model, encoder, repeats)
    rows += vectors(prompted, encoder, repeats)
    if given.json:
        machine = {"platform": platform.platform(), "torch": torch.__version__}
        print(json.dumps({"machine": machine, "rows": rows}))
        return
    for row in rows:
        tokens = f"{row['tokens_per_row']:7.1f}" if "tokens_per_row" in row else " " * 7
        print(
            f"{row['workload']:6} {row['variant']:26} {row['ms']:9.1f} ms {row['ratio']:7.3f} "
            f"± {row['spread']:.3f} {tokens}"
        )


if __name__ == "__main__":
    main()
