"""Tokenizers for the features' tests: no model, no torch needed."""

from __future__ import annotations

import pytest

import tiny
from stiltwalk.features.text import TextEncoder


@pytest.fixture(scope="session")
def xlmr() -> TextEncoder:
    """Return a text encoder that writes pairs as `<s> A </s></s> B </s>`."""
    return TextEncoder(tiny.xlmr_tokenizer())


@pytest.fixture(scope="session", params=["xlm-roberta", "bert"])
def encoder(request: pytest.FixtureRequest) -> TextEncoder:
    """Return a text encoder of either way to put special tokens."""
    make = tiny.xlmr_tokenizer if request.param == "xlm-roberta" else tiny.bert_tokenizer
    return TextEncoder(make())
