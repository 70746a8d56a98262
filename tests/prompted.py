"""A tiny language model with a cloze of two classes or more, for tests of prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from rows import predict
from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead
from stiltwalk.inference.engine import Engine
from stiltwalk.models.soft_prompt import (
    FrozenModel,
    PromptedModel,
    SoftPrompt,
    Verbaliser,
    nearest_words,
)
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import Answers, TextExample
from stiltwalk.tasks.clozes import Cloze

LABELS = ("travel", "health", "sports")
CLOZE = Cloze(
    language="en",
    template="{text} is in {mask}.",
    label_words=(("travel", ("Paris", "Kenya")), ("health", ("hours",)), ("sports", ("Monday",))),
)
NO_VECTORS = PromptSettings(method="nearest_words", num_words=6)
FIVE_VECTORS = PromptSettings(method="soft", num_words=6, num_tokens=5)
EXAMPLES = [
    TextExample(str(n), f"{place} {'12 hours ' * (n % 4)}", LABELS[n % 3])
    for n, place in enumerate("Paris Tokyo Nairobi Россия 韩国 Германия".split() * 2)
]
MAX_TOKENS = 64


def write_language_model(folder: Path) -> Path:
    """Give a folder's encoder a language-model head, which it had not."""
    torch.manual_seed(1)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim == 1:  # biases other than 0 are needed to see them
                weights.add_(0.3 * torch.randn(len(weights)))
            elif "head" in name and weights.shape[0] == weights.shape[1]:
                weights.mul_(5)
    model.save_pretrained(folder)
    return folder


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """A prompted model and what makes its rows."""

    model: PromptedModel
    kind: ClozeHead
    encoder: TextEncoder
    labels: tuple[str, ...]

    def features(self, examples: Sequence[Any] = EXAMPLES) -> Features:
        """Return the rows of examples."""
        return self.kind.features(examples, self.encoder, self.labels, MAX_TOKENS)

    def answers(self, examples: Sequence[Any] = EXAMPLES) -> Answers:
        """Return the answers to examples."""
        engine = Engine(model=self.model, pad_id=self.encoder.pad_id)
        return predict(engine, self.kind, self.features(examples), examples, self.labels)[0]

    def logits(self, examples: Sequence[Any] = EXAMPLES) -> torch.Tensor:
        """Return the class scores of examples, row by row."""
        engine = Engine(model=self.model, pad_id=self.encoder.pad_id)
        found, _ = engine.map_rows(
            self.features(examples),
            lambda model, batch, rows: self.kind.outputs(
                model, batch, self.features(examples), rows
            ),
        )
        return torch.stack([torch.from_numpy(each) for each in found])


def asked(
    folder: Path,
    settings: PromptSettings = NO_VECTORS,
    prompt: SoftPrompt | None = None,
    cloze: Cloze = CLOZE,
) -> Asked:
    """Return a prompted model of a folder with a language-model head."""
    encoder = load_text_encoder(folder)
    masked_lm = FrozenModel(encoder=folder, head=folder).load()
    table = masked_lm.get_input_embeddings().weight
    words = verbaliser(folder, cloze, settings.num_words)
    vectors = SoftPrompt(table[:0].detach()) if prompt is None else prompt
    return Asked(
        model=PromptedModel(masked_lm, words, vectors, encoder.mask_id).eval(),
        kind=ClozeHead(cloze, settings, len(table)),
        encoder=encoder,
        labels=tuple(label for label, _ in cloze.label_words),
    )


def verbaliser(folder: Path, cloze: Cloze = CLOZE, num_words: int = 6) -> Verbaliser:
    """Return the words nearest to the classes' names."""
    masked_lm = FrozenModel(encoder=folder, head=folder).load()
    table = masked_lm.get_input_embeddings().weight
    return nearest_words(table, load_text_encoder(folder), cloze, num_words)


def turned(cloze: Cloze) -> Cloze:
    """Return the cloze with its classes in another order."""
    return replace(cloze, label_words=(*cloze.label_words[1:], cloze.label_words[0]))
