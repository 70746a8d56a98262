"""Columns that should hold lists, and hold something else: never a guess, never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mirrors import write_parquet
from stiltwalk.data import readers
from stiltwalk.data.hub import Reader
from stiltwalk.data.source import Place, open_parquet
from stiltwalk.errors import DataError

HELLASWAG = {"ctx_a": ["a"], "ctx_b": ["b"], "label": ["1"], "endings": [["c", "d"]]}
COMMONSENSE = {
    "question": ["q"],
    "answerKey": ["A"],
    "choices": [{"label": ["A", "B"], "text": ["a", "b"]}],
}
TAGGED = {"tokens": [["a", "b"]], "tags": [["NOUN", "VERB"]]}
PAIR = {"text_a": ["a"], "text_b": ["b"], "label": ["yes"]}
READ_PAIRS = readers.pairs(("text_a", "text_b", "label"), ("yes", "no"))
READ_TAGS = readers.tagged("tokens", "tags", ("NOUN", "VERB"))


@pytest.mark.parametrize(
    ("read", "good", "column", "bad", "said"),
    [
        (readers.hellaswag, HELLASWAG, "endings", "cd", "endings is 'cd', not a list of texts"),
        (readers.hellaswag, HELLASWAG, "endings", ["c", None], "one of endings is empty"),
        (readers.commonsense_qa, COMMONSENSE, "choices", "ab", "choices are 'ab', not letters"),
        (readers.commonsense_qa, COMMONSENSE, "choices", {"label": ["A"]}, "not letters with"),
        (readers.commonsense_qa, COMMONSENSE, "choices", [{"label": "A"}], "not letters with"),
        (READ_TAGS, TAGGED, "tokens", "ab", "tokens is 'ab', not a list of texts"),
        (READ_TAGS, TAGGED, "tokens", [1, 2], "tokens holds 1, not texts"),
        (READ_TAGS, TAGGED, "tokens", ["a", None], "one of tokens is empty"),
        (READ_TAGS, TAGGED, "tags", "VERB", "tags is 'VERB', not a list"),
        (READ_TAGS, TAGGED, "tags", [["NOUN"], ["VERB"]], "unknown label '['NOUN']'"),
        (READ_PAIRS, PAIR, "label", ["yes"], "unknown label '['yes']'"),
    ],
)
def test_a_column_without_its_lists_is_named_with_its_row(
    tmp_path: Path, read: Reader, good: dict[str, Any], column: str, bad: object, said: str
) -> None:
    place = Place("owner/set", "default", "train")
    whole = write_parquet(tmp_path / "whole.parquet", good)
    assert len(list(read(open_parquet(place, [whole]), "en"))) == 1
    path = write_parquet(tmp_path / "a.parquet", {**good, column: [bad]})
    with pytest.raises(DataError) as error:
        list(read(open_parquet(place, [path]), "en"))
    assert str(error.value).startswith(f"{place}, row 0 (counted from 0): ")
    assert said in str(error.value)
