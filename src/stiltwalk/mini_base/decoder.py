"""Make the miniature's decoder language model out of its encoder, on one CPU core in minutes.

The encoder's weights stay, but a token no longer sees what follows it, and the language-model head
writes answers. Words are aligned across languages already; as the output layer is the same table,
what is found in one language can be said in it. They stay frozen: whoever fine-tunes the decoder
should leave them frozen too.

Source: warm-started decoders, Rothe, Narayan and Severyn (2020), arXiv 1907.12461.

Shape letters: B rows, T tokens, N places where an answer's token is predicted, D width.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import XLMRobertaConfig, XLMRobertaForCausalLM

from stiltwalk.mini_base import exercises as ex
from stiltwalk.mini_base.encoder import Pretraining, Progress, descend, write_provenance
from stiltwalk.mini_base.exercises import END, PAD, START


@dataclass(frozen=True, kw_only=True)
class DecoderSettings(Pretraining):
    """How the decoder is trained; it has the encoder's size and words.

    Args:
        found_share: texts that look up a masked field of a record in another language's; the rest
            tell whether a translation says the same.
    """

    steps: int = 700
    learning_rate: float = 1e-3
    max_tokens: int = 200
    found_share: float = 0.75


def make_decoder(
    settings: DecoderSettings, seed: int, base: Path, folder: Path, progress: Progress
) -> None:
    """Write a folder that stock `AutoModelForCausalLM.from_pretrained` reads.

    Bit-equal for equal settings, seed, versions and number of torch threads.

    Args:
        settings: everything but chance.
        seed: decides initial weights and texts.
        base: the encoder's folder.
        folder: made if missing.
        progress: see `Progress`.

    Raises:
        TrainingDiverged: if the loss is no longer finite.
    """
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _new_model(base)
        _train(model, settings, tokenizer, seed, progress)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, folder / name)
    note = "Word embeddings are the encoder's: keep them frozen when fine-tuning."
    write_provenance(folder, settings, seed, note)


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
    settings: DecoderSettings,
    tokenizer: Tokenizer,
    seed: int,
    progress: Progress,
) -> None:
    random = Random(f"decoder:{seed}")  # noqa: S311 - no secret
    done = 0.0
    batches = ex.batches(
        settings.batch_size,
        settings.max_tokens,
        random,
        lambda count: _rows(tokenizer, [_text(settings, random, done) for _ in range(count)]),
    )

    def loss_at(step: int) -> Tensor:
        nonlocal done
        done = step / settings.steps
        return _loss(model, next(batches))

    descend(model, settings, loss_at, progress)


def _rows(tokenizer: Tokenizer, drawn: list[tuple[str, str]]) -> list[ex.Row]:
    """Return tokens of prompts with their answers, and where these start."""
    prompts, answers = (
        tokenizer.encode_batch(list(side), add_special_tokens=False)
        for side in zip(*drawn, strict=True)
    )
    return [
        ex.Row([START, *prompt.ids, *answer.ids, END], [1 + len(prompt.ids)])
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def _loss(model: Any, rows: list[ex.Row]) -> Tensor:  # noqa: ANN401 - a transformers model
    """Return the mean cross-entropy over the answers' tokens."""
    ids_BT = ex.padded([row.tokens for row in rows])
    starts_B1 = torch.tensor([row.target for row in rows])
    is_answer_BT = (torch.arange(ids_BT.shape[1]) >= starts_B1) & (ids_BT != PAD)
    states_BTD = model.roberta(ids_BT, (ids_BT != PAD).long(), use_cache=False).last_hidden_state
    states_ND = states_BTD[:, :-1][is_answer_BT[:, 1:]]
    return functional.cross_entropy(model.lm_head(states_ND), ids_BT[is_answer_BT])


def _text(settings: DecoderSettings, random: Random, progress: float) -> tuple[str, str]:
    """Return a prompt about facts in two languages, and its answer."""
    if random.random() < settings.found_share:
        found = ex.span_text(random, progress)
        question = f"Question: {found.query}"
        prompt = f"{question}\n{found.context}\n{question}\nAnswer:"
        return prompt, f" {found.context[found.start : found.end]}"
    told = ex.replaced_text(random, progress)
    says = any(region.replaced for region in told.regions)
    return f"{told.first}\n{told.second}\nAnswer:", " no" if says else " yes"
