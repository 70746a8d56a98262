"""Ids, token types, special tokens and offsets are those of `AutoTokenizer`, whatever the build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

import tiny
from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import line_features, pair_features, tagging_features
from stiltwalk.features.spans import span_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.head import make_batch
from stiltwalk.records import PairExample, SpanExample, TaggedExample
from tokenizers_in_memory import BUILDS

WORDS = [
    word for line in tiny.LINES for word in line.split()
] + "☃ É e\u0301 한글 ㎞ kilometers <s> </s> [SEP] ﬁ Straße".split()
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
Tools = Any
"""A tokenizer of transformers."""
Both = tuple[TextEncoder, Tools]


@pytest.fixture(scope="module", params=BUILDS)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Return our encoder and transformers' tokenizer of each build in turn."""
    folder = BUILDS[request.param].write(tmp_path_factory.mktemp("build"))
    return load_text_encoder(folder), AutoTokenizer.from_pretrained(folder)


def told(tools: Tools, *texts: str, **how: object) -> tuple[list[int], list[int]]:
    found = tools(*texts, return_token_type_ids=True, **how)
    return found["input_ids"], found["token_type_ids"]


def row_of(features: Features, row: int = 0) -> tuple[list[int], list[int]]:
    ids = features.ids[row].tolist()
    return ids, [0] * len(ids) if features.types is None else features.types[row].tolist()


@settings(max_examples=12)
@given(first=TEXTS, second=TEXTS, limit=st.integers(16, 40))
def test_ids_and_types_are_those_of_transformers(
    both: Both, first: str, second: str, limit: int
) -> None:
    encoder, tools = both
    pairs = pair_features([PairExample("x", first, second, "a")], encoder, {"a": 0}, limit)
    cut = {"truncation": "longest_first", "max_length": limit}
    assert row_of(pairs) == told(tools, first, second, **cut)
    lines = line_features([first], encoder, limit)
    assert row_of(lines) == told(tools, first, truncation=True, max_length=limit)
    words = TaggedExample("t", tuple(first.split()), ("a",) * len(first.split()))
    tagged = tagging_features([words], encoder, {"a": 0}, 400)
    assert tagged.ids[0][: len(encoder.start)].tolist() == encoder.start.tolist()
    assert row_of(tagged)[1][: len(encoder.start)] == told(tools, "a")[1][: len(encoder.start)]


@settings(max_examples=8)
@given(question=TEXTS.map(lambda text: text[:40]), context=TEXTS)
def test_windows_have_types_and_offsets_of_transformers(
    both: Both, question: str, context: str
) -> None:
    encoder, tools = both
    features = span_features([SpanExample("q", question, context, ())], encoder, 384)
    found = tools(question, context, return_token_type_ids=True, return_offsets_mapping=True)
    assert row_of(features) == (found["input_ids"], found["token_type_ids"])
    assert features.offsets is not None
    parts = found.sequence_ids(0)
    for ours, theirs, part in zip(
        features.offsets[0].tolist(), found["offset_mapping"], parts, strict=True
    ):
        if part != 1:
            assert ours == [-1, -1]
        else:  # whole graphemes, so perhaps wider
            assert ours[0] <= theirs[0] <= theirs[1] <= ours[1]


def test_special_tokens_are_those_of_transformers(both: Both) -> None:
    encoder, tools = both
    assert (encoder.pad_id, encoder.mask_id) == (tools.pad_token_id, tools.mask_token_id)
    unknown = tools.unk_token_id
    assert encoder.unknown_id == (tools.pad_token_id if unknown is None else unknown)
    assert set(tools.all_special_ids) <= set(encoder.special_ids.tolist())


def test_a_batch_is_padded_as_transformers_pads_it(both: Both) -> None:
    encoder, tools = both
    firsts, seconds = ["Paris is in France", "hours", "韩国、德国"], ["Tokyo", "is in Kenya", "a"]
    pairs = [PairExample("x", a, b, "a") for a, b in zip(firsts, seconds, strict=True)]
    features = pair_features(pairs, encoder, {"a": 0}, 64)
    batch = make_batch(features, features.example, encoder.pad_id, with_types=True)
    expected = tools(
        firsts,
        seconds,
        padding=True,
        padding_side="right",
        return_token_type_ids=True,
        return_tensors="pt",
    )
    for name, tensor in batch.inputs().items():
        assert tensor.tolist() == expected[name].tolist(), name


def test_a_model_that_is_told_no_types_has_none(tmp_path: Path) -> None:
    build = BUILDS["wordpiece as BERT"]
    names = ["input_ids", "attention_mask"]
    folder = type(build)(build.make, build.names, build.around, {"model_input_names": names})
    encoder = load_text_encoder(folder.write(tmp_path))
    features = pair_features([PairExample("x", "a", "b", "a")], encoder, {"a": 0}, 64)
    assert features.types is None
    assert "token_type_ids" not in AutoTokenizer.from_pretrained(tmp_path)("a", "b")
