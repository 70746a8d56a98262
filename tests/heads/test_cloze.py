"""Tests for stiltwalk.heads.cloze: where text, vectors and the mask stand in a row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from prompted import CLOZE, FIVE_VECTORS, LABELS, NO_VECTORS
from stiltwalk.errors import RecipeError
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import PairExample, TextExample
from stiltwalk.tasks.clozes import Cloze

V = 700
PAIR = Cloze(
    language="en",
    template="{first}? {mask}, {second}",
    label_words=(("yes", ("is",)), ("no", ("not",))),
)


@pytest.fixture
def encoder(tiny_xlmr: Path) -> TextEncoder:
    return load_text_encoder(tiny_xlmr)


def rows(
    encoder: TextEncoder,
    text: str,
    settings: PromptSettings,
    cloze: Cloze = CLOZE,
    length: int = 64,
) -> list[int]:
    kind = ClozeHead(cloze, settings, V)
    made = kind.features([TextExample("1", text, "travel")], encoder, LABELS, length)
    assert made.labels[0].tolist() == [LABELS.index("travel")]
    found: list[int] = made.ids[0].tolist()
    return found


def test_a_row_says_what_the_filled_template_says(encoder: TextEncoder) -> None:
    (before,) = encoder.ids(["Paris, 12 hours is in"])
    found = rows(encoder, "Paris, 12 hours", NO_VECTORS)
    start = [*encoder.before.tolist(), *before.tolist(), encoder.mask_id]
    assert found[: len(start)] == start
    (dot, *end) = found[len(start) :]
    assert dot in encoder.ids(["Paris."])[0]
    assert end == encoder.after.tolist()


def test_vectors_stand_behind_the_text(encoder: TextEncoder) -> None:
    found, plain = (rows(encoder, "Paris", each) for each in (FIVE_VECTORS, NO_VECTORS))
    behind = len(encoder.before) + len(encoder.ids(["Paris"])[0])
    assert found == [*plain[:behind], *range(V, V + 5), *plain[behind:]]


def test_vectors_that_start_from_the_template_stand_in_its_place(encoder: TextEncoder) -> None:
    settings = PromptSettings(method="soft", start="template")
    found, plain = (rows(encoder, "Paris", each) for each in (settings, NO_VECTORS))
    own = ClozeHead(CLOZE, settings, V).template_ids(encoder).tolist()
    words = iter(own)
    assert [next(words) if token >= V else token for token in found] == plain
    assert [token for token in found if token >= V] == list(range(V, V + len(own)))


def test_a_long_text_is_cut_and_the_cloze_is_not(encoder: TextEncoder) -> None:
    found = rows(encoder, "Paris 12 hours " * 50, FIVE_VECTORS, length=32)
    fixed = ClozeHead(CLOZE, FIVE_VECTORS, V).fixed_ids(encoder).tolist()
    assert len(found) == 32
    assert found[-len(fixed) - 1 : -1] == fixed
    with pytest.raises(RecipeError, match="leaves no room for a text beside a cloze of"):
        rows(encoder, "Paris", FIVE_VECTORS, length=len(fixed) + 2)


def test_a_text_that_spells_a_mask_gets_no_second_one(encoder: TextEncoder) -> None:
    found = rows(encoder, "Paris <mask> hours", NO_VECTORS)
    assert found.count(encoder.mask_id) == 1
    assert encoder.unknown_id in found


def test_both_texts_of_a_pair_stand_where_the_template_says(encoder: TextEncoder) -> None:
    kind = ClozeHead(PAIR, FIVE_VECTORS, V)
    pair = PairExample("1", "Paris", "Tokyo", "no")
    made = kind.features([pair], encoder, ("yes", "no"), 64)
    first, second = (ids.tolist() for ids in encoder.ids(["Paris", "Tokyo"]))
    row = made.ids[0].tolist()
    assert row[:-1] == [
        *encoder.before.tolist(),
        *first,
        row[-len(second) - 9],  # the question mark
        encoder.mask_id,
        row[-len(second) - 7],  # the comma
        *second,
        *range(V, V + 5),
    ]
    assert made.labels[0].tolist() == [1]


def test_between_stands_for_what_parts_two_texts(encoder: TextEncoder) -> None:
    cloze = replace(CLOZE, template="{text}{between}{mask}")
    found = rows(encoder, "Paris", NO_VECTORS, cloze)
    assert found == encoder.pair(encoder.ids(["Paris"])[0], np.array([encoder.mask_id])).tolist()
