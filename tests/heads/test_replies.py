"""Tests for stiltwalk.heads.decoder: what a model replies is read as people would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from stiltwalk.features.prompts import PromptEncoder
from stiltwalk.heads.decoder import UNPARSED, DecoderHead, first_line
from stiltwalk.recipe.types import Answering
from stiltwalk.records import PairExample, SpanExample, TaggedExample
from stiltwalk.tasks import TASKS

WRITTEN = Answering(way="generation", chat_template=False, max_new_tokens=64)


def characters(kind: str) -> Tokenizer:
    """Return a tokenizer of single characters: with a mark before words, or without any."""
    letters = sorted({*map(chr, range(32, 127)), "\n", "▁", *"“”«»"})
    vocab = {"<unk>": 0, "<pad>": 1, **{each: at for at, each in enumerate(letters, start=2)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=[], unk_token="<unk>"))  # noqa: S106
    tokenizer.normalizer = normalizers.Sequence([])
    if kind == "prepend":  # as Llama 2 has it
        marks = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
        tokenizer.normalizer = normalizers.Sequence(marks)
        steps = [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        tokenizer.decoder = decoders.Sequence(steps)
    elif kind == "metaspace":
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    else:
        tokenizer.decoder = decoders.Fuse()
    return tokenizer


def encoder_of(kind: str) -> PromptEncoder:
    encoder = PromptEncoder.__new__(PromptEncoder)
    encoder._tokenizer = characters(kind)
    encoder._chat = None
    return encoder


ENCODERS = {kind: encoder_of(kind) for kind in ("prepend", "metaspace", "plain")}
kinds = st.sampled_from(sorted(ENCODERS))
PANX, MNLI, SQUAD = TASKS["panx"], TASKS["mnli"], TASKS["squad_v2"]
HEADS: dict[tuple[str, str], DecoderHead] = {
    (kind, task.name): DecoderHead(task=task, answering=WRITTEN, encoder=encoder)
    for kind, encoder in ENCODERS.items()
    for task in (PANX, MNLI, SQUAD)
}


def parsed(head: DecoderHead, reply: str, example: Any) -> tuple[Any, bool]:  # noqa: ANN401
    """Return what is read off a reply, written token by token."""
    ids = np.array(head.encoder._tokenizer.encode(reply, add_special_tokens=False).ids)
    return head.parsed([ids], [example], head.task.labels)[0]


pair = PairExample("0", "It rains.", "The street is wet.", "entailment")
LEADS = (
    "",
    " ",
    "\n\n",
    "Answer: ",
    "**Answer:** ",
    "answer is: ",
    "The answer is: ",
    "# Answer:\n",
)
AROUND = (
    ("", ""),
    ('"', '"'),
    ("**", "**"),
    ("`", "`"),
    ("*", "*."),
    ("“", "”"),
    ("", "."),
    (" ", " \n"),
)
CASES = (str, str.upper, str.capitalize)
BEHIND = ("", "\n", "\nBecause it says so.", "  \n\nQuestion: false")


@given(
    kinds,
    st.sampled_from(["true", "false", "neither"]),
    st.sampled_from(LEADS),
    st.sampled_from(AROUND),
    st.sampled_from(CASES),
    st.sampled_from(BEHIND),
)
def test_a_label_is_read_however_it_is_dressed(
    kind: str,
    word: str,
    lead: str,
    around: tuple[str, str],
    case: Callable[[str], str],
    behind: str,
) -> None:
    labels = {"true": "entailment", "neither": "neutral", "false": "contradiction"}
    reply = lead + around[0] + case(word) + around[1] + behind
    assert parsed(HEADS[kind, "mnli"], reply, pair) == (labels[word], True)


@pytest.mark.parametrize(
    "reply", ["", "maybe", "true or false", "untrue", "Answer:", "**", "tru e!x"]
)
@pytest.mark.parametrize("kind", ENCODERS)
def test_what_is_no_label_stays_unparsed(kind: str, reply: str) -> None:
    assert parsed(HEADS[kind, "mnli"], reply, pair) == (UNPARSED, False)


@given(
    kinds,
    st.lists(st.sampled_from(PANX.labels), min_size=1, max_size=8),
    st.sampled_from(LEADS),
    st.sampled_from([" ", ", ", "  ", "\n", " | "]),
    st.sampled_from([str, str.lower]),
)
def test_tags_are_read_however_they_are_written(
    kind: str, tags: list[str], lead: str, between: str, case: Callable[[str], str]
) -> None:
    example = TaggedExample("0", ("w",) * len(tags), tuple(tags))
    reply = lead + case(between.join(tags))
    assert parsed(HEADS[kind, "panx"], reply, example) == (tuple(tags), True)


def test_tags_that_differ_in_case_alone_are_told_apart_by_it() -> None:
    head = HEADS["plain", "panx"]
    example = TaggedExample("0", ("w", "w"), ("n", "N"))
    ids = np.array(head.encoder._tokenizer.encode("n N").ids)
    assert head.parsed([ids], [example], ("n", "N"))[0] == (("n", "N"), True)


@pytest.mark.parametrize("kind", ENCODERS)
def test_an_answer_to_a_question_keeps_its_own_words(kind: str) -> None:
    example = SpanExample("0", "Who?", "Paris", ())
    head = HEADS[kind, "squad_v2"]
    assert parsed(head, "Answer: Paris, \nFrance", example) == ("Paris,", True)
    assert parsed(head, "**Unanswerable**.", example) == ("", True)
    assert parsed(head, "", example) == ("", False)


@pytest.mark.parametrize(
    ("reply", "line"),
    [("a\nb", "a"), ("\n a \nb", "a"), ("Answer:\n\nb", "b"), ("answers differ", "answers differ")],
)
def test_the_first_line_that_says_something_counts(reply: str, line: str) -> None:
    assert first_line(reply) == line
