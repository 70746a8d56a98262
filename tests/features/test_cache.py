"""Tests for stiltwalk.features.cache: what comes back from the disk is what was made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rows import examples
from stiltwalk.features.cache import KeptFeatures, kept_features
from stiltwalk.features.rows import OF_SOME, Features
from stiltwalk.features.sentences import tagging_features
from stiltwalk.features.spans import span_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.records import TaggedExample, TaskType

EMPTY = TaggedExample("t-empty", (), ())


def made(kind: TaskType, encoder: TextEncoder) -> list[Features]:
    """Return two parts; of tags, the first ends with a sentence that has no row."""
    if kind is TaskType.SPAN:
        rows = examples(kind)
        return [span_features(some, encoder, 40) for some in (rows[:5], rows[5:])]
    rows = [*examples(kind)[:5], EMPTY, *examples(kind)[5:]]
    return [tagging_features(some, encoder, {}, 40) for some in (rows[:6], rows[6:])]


def no_making() -> list[Features]:
    raise AssertionError("they are there already")


def same(found: Features, expected: Features) -> bool:
    """Compare all that answering needs."""
    names = ("ids", *OF_SOME)
    flat = [(getattr(found, name), getattr(expected, name)) for name in names]
    return (
        all(
            (one is None and other is None)
            or (
                np.array_equal(one.values, other.values)
                and np.array_equal(one.starts, other.starts)
            )
            for one, other in flat
        )
        and np.array_equal(found.second, expected.second)
        and np.array_equal(found.example, expected.example)
        and found.rows_per_unit == expected.rows_per_unit
    )


@pytest.mark.parametrize("kind", [TaskType.SPAN, TaskType.TAGGING])
def test_kept_parts_are_those_that_were_made(
    kind: TaskType, encoder: TextEncoder, tmp_path: Path
) -> None:
    parts = made(kind, encoder)
    first = kept_features(tmp_path, {"task": "a"}, lambda: parts)
    again = kept_features(tmp_path, {"task": "a"}, no_making)
    for kept in (first, again):
        assert all(same(kept.part(number), part) for number, part in enumerate(parts))
        assert kept.whole.num_rows == sum(part.num_rows for part in parts)


def test_kept_rows_are_views_of_the_file(xlmr: TextEncoder, tmp_path: Path) -> None:
    kept: KeptFeatures = kept_features(tmp_path, {}, lambda: made(TaskType.SPAN, xlmr))
    values = kept.part(1).ids.values
    assert not values.flags.owndata
    assert not values.flags.writeable


def test_another_key_is_another_file(xlmr: TextEncoder, tmp_path: Path) -> None:
    parts = made(TaskType.SPAN, xlmr)
    kept_features(tmp_path, {"max_length_tokens": 40}, lambda: parts)
    with pytest.raises(AssertionError, match="already"):
        kept_features(tmp_path, {"max_length_tokens": 41}, no_making)


def cut_short(content: bytes) -> bytes:
    return content[:-100]


def zeroed(content: bytes) -> bytes:
    """Return a file one page of whose middle is lost, as after a power cut."""
    at = len(content) // 2
    return content[: at - 64] + bytes(128) + content[at + 64 :]


@pytest.mark.parametrize("damage", [cut_short, zeroed])
def test_a_damaged_file_is_made_anew_and_said(
    damage: Callable[[bytes], bytes],
    xlmr: TextEncoder,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    parts = made(TaskType.SPAN, xlmr)
    kept_features(tmp_path, {}, lambda: parts)
    (file,) = tmp_path.glob("*.arrow")
    file.write_bytes(damage(file.read_bytes()))
    assert same(kept_features(tmp_path, {}, lambda: parts).part(0), parts[0])
    (said,) = [each.getMessage() for each in caplog.records]
    assert said == f"{file} is not what was written; its features are made again."
    assert same(kept_features(tmp_path, {}, no_making).part(1), parts[1])
