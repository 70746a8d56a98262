"""Tests for stiltwalk.features.sentences: names of classes that a vocabulary can spell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from prompted import CLOZE
from stiltwalk.errors import DataError
from stiltwalk.features.sentences import label_ids
from stiltwalk.features.text import load_text_encoder


def test_every_name_has_its_own_ids(tiny_xlmr: Path) -> None:
    encoder = load_text_encoder(tiny_xlmr)
    found = label_ids(CLOZE, encoder)
    assert [len(names) for names in found] == [2, 1, 1]
    assert found[0][1].tolist() == encoder.ids(["Kenya"])[0].tolist()


@pytest.mark.parametrize("word", ["\u200b", "\u0489", "𓀀"])
def test_a_name_without_a_token_is_refused_with_its_class(tiny_xlmr: Path, word: str) -> None:
    words = (("travel", ("Paris",)), ("health", ("hours", word)))
    with pytest.raises(DataError, match="class 'health' has no token in the model's vocabulary"):
        label_ids(replace(CLOZE, label_words=words), load_text_encoder(tiny_xlmr))
