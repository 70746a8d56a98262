"""Tests for stiltwalk.mini.catalogue: shipped facts against the rows themselves."""

from collections.abc import Iterator
from statistics import fmean

import pytest
from tokenizers import Tokenizer

from stiltwalk import mini
from stiltwalk.mini.catalogue import BITEXTS, CONTENTS, MEAN_TOKENS
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TextExample,
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    folder = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert folder is not None
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def texts(task: str, language: str) -> Iterator[str | tuple[str, str]]:
    if task in BITEXTS:
        bitext = mini.bitext(task, Split.TEST, language)
        yield from (sentence.text for sentence in bitext.foreign[:100] + bitext.english[:100])
        return
    for row in mini.examples(task, Split.TEST, language)[:100]:
        yield from parts(row)


def parts(row: Example) -> Iterator[str | tuple[str, str]]:
    match row:
        case PairExample():
            yield row.text_a, row.text_b
        case SpanExample():
            yield row.question, row.context
        case ChoiceExample():
            yield from ((row.prompt, choice) for choice in row.choices)
        case TextExample():
            yield row.text
        case TaggedExample():
            yield " ".join(row.words)


@pytest.mark.parametrize("task", CONTENTS)
def test_the_mean_tokens_that_plans_use_are_true_within_15_percent(
    task: str, tokenizer: Tokenizer
) -> None:
    means = []
    for language in CONTENTS[task].languages[:12]:
        found = tokenizer.encode_batch(list(texts(task, language)))
        rows = 200 if task in BITEXTS else 100
        means.append(sum(len(encoding.ids) for encoding in found) / rows)
    assert fmean(means) == pytest.approx(MEAN_TOKENS[task], rel=0.15)
