"""A text or a pair in a cloze: the label is read at the mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stiltwalk.errors import RecipeError
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import Ids, TextEncoder, fit_pair
from stiltwalk.heads.classification import PairHead
from stiltwalk.heads.head import Examples
from stiltwalk.models.soft_prompt import FrozenModel, PromptedModel, load_facts, load_prompted
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import Labels, TextExample
from stiltwalk.tasks.clozes import BETWEEN, MASK, Cloze


class ClozeHead(PairHead):
    """Rows of a cloze with a prompt's places in it; loss and decoding are those of a pair."""

    reads_first_token = False

    def __init__(
        self, cloze: Cloze, settings: PromptSettings, num_words: int, *, unseen: Sequence[str] = ()
    ) -> None:
        self._cloze = cloze
        self._settings = settings
        self._num_words = num_words
        self._is_unseen = [label in unseen for label, _ in cloze.label_words]

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        is_unseen_C = torch.tensor(self._is_unseen, device=logits.device)
        return super().loss(logits.masked_fill(is_unseen_C, -torch.inf), features, units)

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        """Return one row per example; of a text that is too long the end is cut, of two the longer.

        Raises:
            RecipeError: if the cloze leaves no room for a text.
        """
        pieces = self._pieces(encoder)
        fixed = len(self.fixed_ids(encoder))
        room = max_length_tokens - fixed - encoder.num_special_in_single
        if room < 1:
            raise RecipeError(
                f"max_length_tokens = {max_length_tokens} leaves no room for a text beside a cloze "
                f"of {fixed} tokens. Give more, or fewer num_tokens."
            )
        label_ids = {label: number for number, label in enumerate(labels)}
        rows = []
        for texts in _texts(examples, encoder, room):
            waiting = iter(texts)
            filled = [next(waiting) if piece is None else piece for piece in pieces]
            rows.append(encoder.single(np.concatenate(filled)))
        return Features(
            ids=Ragged.of(rows),
            second=np.array([len(row) for row in rows], dtype=np.int32),
            types=encoder.single_types(rows),
            example=np.arange(len(rows)),
            labels=Ragged.of([[label_ids[each.label]] for each in examples]),
        )

    def fixed_ids(self, encoder: TextEncoder) -> Ids:
        """Return what every row holds besides its text: words, the mask, places of vectors."""
        return np.concatenate([piece for piece in self._pieces(encoder) if piece is not None])

    def template_ids(self, encoder: TextEncoder) -> Ids:
        """Return the ids of the cloze's own words, in order."""
        found = [
            ids for piece, ids in self._words(encoder) if ids is not None and piece not in _OWN
        ]
        return np.concatenate([np.zeros(0, np.int32), *found])

    def _pieces(self, encoder: TextEncoder) -> list[Ids | None]:
        vectors = iter(range(self._num_words, 2 * self._num_words))
        replaces = self._settings.is_trained and self._settings.start == "template"
        pieces: list[Ids | None] = []
        for piece, ids in self._words(encoder):
            if replaces and ids is not None and piece not in _OWN:
                ids = np.array([next(vectors) for _ in ids], dtype=np.int32)  # noqa: PLW2901
            pieces.append(ids)
        if self._settings.is_trained and not replaces:
            behind = max(place for place, piece in enumerate(pieces) if piece is None) + 1
            places = [next(vectors) for _ in range(self._settings.num_tokens)]
            pieces.insert(behind, np.array(places, dtype=np.int32))
        return pieces

    def _words(self, encoder: TextEncoder) -> list[tuple[str, Ids | None]]:
        own = {MASK: np.array([encoder.mask_id], np.int32), BETWEEN: encoder.between}
        return [
            (piece, own.get(piece) if piece.startswith("{") else _literal(piece, encoder))
            for piece in self._cloze.pieces
        ]


_OWN = (MASK, BETWEEN)


def _literal(text: str, encoder: TextEncoder) -> Ids:
    """Return the ids of a template's words as they come behind a text, not at the start of one."""
    (alone,) = encoder.ids(["a"])
    (behind,) = encoder.ids([f"a{text}".rstrip()])
    if np.array_equal(behind[: len(alone)], alone):
        return behind[len(alone) :]
    return encoder.ids([text.strip()])[0]


def _texts(examples: Sequence[Any], encoder: TextEncoder, room: int) -> list[tuple[Ids, ...]]:
    if not examples or isinstance(examples[0], TextExample):
        return [
            (_unmasked(ids, encoder)[:room],) for ids in encoder.ids([e.text for e in examples])
        ]
    first = encoder.ids([each.text_a for each in examples])
    second = encoder.ids([each.text_b for each in examples])
    return [
        fit_pair(_unmasked(a, encoder), _unmasked(b, encoder), room)
        for a, b in zip(first, second, strict=True)
    ]


def _unmasked(ids: Ids, encoder: TextEncoder) -> Ids:
    """Return a text's ids with the unknown word where it spells out a mask."""
    shown: Ids = np.where(ids == encoder.mask_id, encoder.unknown_id, ids).astype(np.int32)
    return shown


@dataclass(frozen=True, kw_only=True)
class PromptedFolder:
    """Two places: the prompt's kilobytes, and the frozen model."""

    prompt: Path
    model: FrozenModel

    def load(self) -> PromptedModel:
        """Return the model with the prompt in it; see `load_prompted`."""
        return load_prompted(self.prompt, self.model)

    def kind(self) -> ClozeHead:
        """Return what makes rows for it."""
        facts = load_facts(self.prompt)
        num_words = self.model.num_words
        return ClozeHead(facts.cloze, facts.settings, num_words)
