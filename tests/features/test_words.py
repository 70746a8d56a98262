"""Tests for stiltwalk.features.sentences."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from stiltwalk.features.sentences import NO_LABEL, joined_tags, tagging_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.records import TaggedExample

XLMR = TextEncoder(tiny.xlmr_tokenizer())
BERT = TextEncoder(tiny.bert_tokenizer())
TAGS = ("NOUN", "VERB", "X")
TAG_IDS = {tag: number for number, tag in enumerate(TAGS)}

any_word = st.one_of(
    st.sampled_from(
        ["Paris", "hours", "韩国、德国", "Россия", "", " ", "\u200b", "\xad", "☃", "😀😀"]
    ),
    st.text(max_size=12),
    st.text("kilometers", min_size=20, max_size=40),
)
sentences = st.lists(
    st.lists(st.tuples(any_word, st.sampled_from(TAGS)), max_size=20).map(
        lambda pairs: TaggedExample("x", tuple(w for w, _ in pairs), tuple(t for _, t in pairs))
    ),
    max_size=4,
)
either = st.sampled_from([XLMR, BERT])


@settings(max_examples=50)
@given(sentences, either, st.integers(4, 24))
def test_no_word_is_lost_however_short_the_rows(
    examples: list[TaggedExample], encoder: TextEncoder, limit: int
) -> None:
    features = tagging_features(examples, encoder, TAG_IDS, limit)
    assert features.words is not None
    tags = [[TAGS[label] for label in row] for row in features.labels]
    assert joined_tags(tags, features, len(examples)) == [example.tags for example in examples]
    assert features.words.lengths.tolist() == features.labels.lengths.tolist()
    assert features.ids.lengths.max(initial=0) <= limit


@given(sentences, either, st.integers(4, 24))
def test_every_word_is_read_at_its_own_first_sub_word(
    examples: list[TaggedExample], encoder: TextEncoder, limit: int
) -> None:
    features = tagging_features(examples, encoder, TAG_IDS, limit)
    assert features.words is not None
    words = [word for example in examples for word in example.words]
    budget = limit - len(encoder.between) - 1
    firsts = [
        ids[0] if 0 < len(ids) <= budget else encoder.unknown_id for ids in encoder.ids(words)
    ]
    read = [
        int(features.ids[row][position])
        for row in range(features.num_rows)
        for position in features.words[row]
    ]
    assert read == firsts


def test_a_sentence_is_split_before_the_word_that_would_pass_the_limit() -> None:
    words = ("Paris", "Tokyo", "Kenya")
    lengths = [len(ids) for ids in XLMR.ids(words)]
    example = TaggedExample("x", words, ("NOUN", "VERB", "X"))
    exactly = tagging_features([example], XLMR, TAG_IDS, sum(lengths) + 3)  # XLM-R's limit less 3
    assert exactly.num_rows == 1
    split = tagging_features([example], XLMR, TAG_IDS, sum(lengths) + 2)
    assert split.labels.lengths.tolist() == [2, 1]
    bert = tagging_features([example], BERT, TAG_IDS, sum(map(len, BERT.ids(words))) + 2)
    assert bert.num_rows == 1  # BERT's limit less 2


def test_a_word_of_nothing_and_a_word_over_the_limit_are_shown_as_unknown() -> None:
    example = TaggedExample("x", ("\u200b" * 0, "kilometers" * 9, "a"), TAGS)
    features = tagging_features([example], XLMR, TAG_IDS, 8)
    assert features.words is not None
    first = features.ids[0]
    assert [int(first[at]) for at in features.words[0][:2]] == [XLMR.unknown_id] * 2


def test_a_tag_that_training_does_not_know_teaches_nothing() -> None:
    features = tagging_features([TaggedExample("x", ("a",), ("NEW",))], XLMR, TAG_IDS, 16)
    assert features.labels[0].tolist() == [NO_LABEL]


def test_a_sentence_without_words_has_no_tags() -> None:
    features = tagging_features([TaggedExample("x", (), ())], XLMR, TAG_IDS, 16)
    assert joined_tags([], features, 1) == [()]
