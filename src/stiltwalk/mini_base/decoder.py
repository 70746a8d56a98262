"""Make the miniature's decoder language model out of its encoder, on one CPU core in minutes.

The encoder's weights stay, but a token no longer sees what follows it, and the language-model head
writes answers. Words are aligned across languages already; as the output layer is the same table,
what is found in one language can be said in it.

Source: warm-started decoders, Rothe, Narayan and Severyn (2020), arXiv 1907.12461.

Shape letters: B rows, T tokens, N places where an answer's token is predicted, D width.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaForCausalLM

from stiltwalk import mini
from stiltwalk.errors import TrainingDiverged
from stiltwalk.mini_base import texts
from stiltwalk.mini_base.tokenizer import END, PAD, START
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import SmallDecoder

_FINAL_RATE = 0.02
_GROUP = 8

Row = tuple[list[int], list[int]]
"""Tokens of a prompt, and of its answer."""


def pretrain_decoder(
    settings: SmallDecoder, seed: int, folder: Path, progress: Callable[[int, int], None]
) -> None:
    """Write a folder that stock `AutoModelForCausalLM.from_pretrained` reads.

    Bit-equal for equal settings, seed, versions and number of torch threads.

    Args:
        settings: everything but chance.
        seed: decides initial weights and texts.
        folder: made if missing.
        progress: called with (steps done, all steps).

    Raises:
        TrainingDiverged: if the loss is no longer finite.
    """
    base = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert base is not None, "it is shipped"
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _new_model(base)
        _train(model, settings, tokenizer, seed, progress)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, folder / name)
    made = {
        "settings": asdict(settings),
        "seed": seed,
        "data": mini.revision(),
        "torch": torch.__version__,
        "num_threads": torch.get_num_threads(),
        "note": f"Word embeddings are {MINI_BASE}'s: keep them frozen when fine-tuning.",
    }
    text = json.dumps(made, indent=2, sort_keys=True) + "\n"
    (folder / "provenance.json").write_text(text, encoding="utf-8")


def _new_model(base: Path) -> Any:  # noqa: ANN401 - a transformers model
    """Return the encoder as a decoder, its words frozen."""
    config = XLMRobertaConfig.from_pretrained(base)
    config.is_decoder = True
    config.use_cache = True
    model: Any = XLMRobertaForCausalLM.from_pretrained(base, config=config, dtype=torch.float32)
    model.get_input_embeddings().weight.requires_grad_(requires_grad=False)
    return model.train()


def _train(
    model: Any,  # noqa: ANN401 - a transformers model
    settings: SmallDecoder,
    tokenizer: Tokenizer,
    seed: int,
    progress: Callable[[int, int], None],
) -> None:
    random = Random(f"decoder:{seed}")  # noqa: S311 - no secret
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)
    step = 0
    batches = _batches(settings, tokenizer, random, lambda: step / settings.steps)
    for step in range(settings.steps):
        rising, left = (step + 1) / settings.warmup_steps, 1 - step / settings.steps
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(rising, max(_FINAL_RATE, left))
        loss = _loss(model, next(batches))
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"The loss of pretraining is {loss.item()} at step {step + 1}: lower its "
                "learning_rate."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learnt, settings.max_gradient_norm)
        optimizer.step()
        progress(step + 1, settings.steps)


def _loss(model: Any, rows: list[Row]) -> Tensor:  # noqa: ANN401 - a transformers model
    """Return the mean cross-entropy over the answers' tokens."""
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    filled = [[*prompt, *answer] for prompt, answer in rows]
    ids_BT = torch.tensor([row + [PAD] * (longest - len(row)) for row in filled])
    starts_B1 = torch.tensor([[len(prompt)] for prompt, _ in rows])
    is_answer_BT = (torch.arange(longest) >= starts_B1) & (ids_BT != PAD)
    mask_BT = (ids_BT != PAD).long()
    states_BTD = model.roberta(ids_BT, mask_BT, use_cache=False).last_hidden_state
    states_ND = states_BTD[:, :-1][is_answer_BT[:, 1:]]
    return functional.cross_entropy(model.lm_head(states_ND), ids_BT[is_answer_BT])


def _batches(
    settings: SmallDecoder, tokenizer: Tokenizer, random: Random, progress: Callable[[], float]
) -> Iterator[list[Row]]:
    """Yield batches of rows of like length, so that little is padding."""
    size = settings.batch_size
    while True:
        drawn = [_text(settings, random, progress()) for _ in range(size * _GROUP)]
        prompts, answers = (
            tokenizer.encode_batch(list(each), add_special_tokens=False)
            for each in zip(*drawn, strict=True)
        )
        rows = [
            ([START, *prompt.ids], [*answer.ids, END])
            for prompt, answer in zip(prompts, answers, strict=True)
        ]
        rows = [row for row in rows if len(row[0]) + len(row[1]) <= settings.max_tokens]
        rows.sort(key=lambda row: len(row[0]) + len(row[1]))
        batches = [rows[at : at + size] for at in range(0, len(rows), size)]
        random.shuffle(batches)
        yield from batches


def _text(settings: SmallDecoder, random: Random, progress: float) -> tuple[str, str]:
    """Return a prompt about facts in two languages, and its answer."""
    if random.random() < settings.found_share:
        found = texts.span_text(random, progress)
        question = f"Question: {found.query}"
        prompt = f"{question}\n{found.context}\n{question}\nAnswer:"
        return prompt, f" {found.context[found.start : found.end]}"
    told = texts.replaced_text(random, progress)
    says = any(region.replaced for region in told.regions)
    return f"{told.first}\n{told.second}\nAnswer:", " no" if says else " yes"
