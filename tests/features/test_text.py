"""Tests for stiltwalk.features.text and stiltwalk.features.sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer

import tiny
from stiltwalk.errors import DataError, ModelError
from stiltwalk.features.sentences import choice_features, line_features, pair_features
from stiltwalk.features.text import TextEncoder, fit_pair, load_text_encoder
from stiltwalk.records import ChoiceExample, PairExample

ids = st.lists(st.integers(5, 99), max_size=40)
TRUNCATING = tiny.xlmr_tokenizer()
TRUNCATING.enable_truncation(24, strategy="longest_first")
PLAIN = TextEncoder(tiny.xlmr_tokenizer())
words = st.lists(
    st.sampled_from("Paris Tokyo Kenya hours kilometers Россия 韩国、德国 ☃ 95 ;".split()),
    max_size=30,
).map(" ".join)
LABELS = {"entailment": 0, "neutral": 1}


def pair(text_a: str, text_b: str) -> PairExample:
    return PairExample("x-0", text_a, text_b, "neutral")


@given(words, words)
def test_a_pair_is_cut_as_the_tokenizers_library_cuts_it(text_a: str, text_b: str) -> None:
    expected = TRUNCATING.encode(text_a, text_b).ids
    features = pair_features([pair(text_a, text_b)], PLAIN, LABELS, 24)
    assert features.ids[0].tolist() == expected


@given(ids, ids, st.integers(2, 60))
def test_a_cut_pair_keeps_the_beginnings_and_fills_the_room(
    first: list[int], second: list[int], room: int
) -> None:
    a, b = fit_pair(first, second, room)
    assert a == first[: len(a)]
    assert b == second[: len(b)]
    assert len(a) + len(b) == min(room, len(first) + len(second))


def test_special_tokens_stand_where_the_checkpoint_puts_them() -> None:
    xlmr, bert = TextEncoder(tiny.xlmr_tokenizer()), TextEncoder(tiny.bert_tokenizer())
    assert [list(xlmr.before), list(xlmr.between), list(xlmr.after)] == [[0], [2, 2], [2]]
    assert [list(bert.before), list(bert.between), list(bert.after)] == [[2], [3], [3]]
    assert (xlmr.num_special_in_pair, bert.num_special_in_pair) == (4, 3)
    assert (xlmr.unknown_id, xlmr.pad_id) == (3, 1)
    assert (bert.unknown_id, bert.pad_id) == (1, 0)


def test_rows_equal_what_the_tokenizer_writes(encoder: TextEncoder) -> None:
    tokenizer: Tokenizer = encoder._tokenizer
    features = pair_features([pair("Paris is", "in Kenya")], encoder, LABELS, 64)
    assert features.ids[0].tolist() == tokenizer.encode("Paris is", "in Kenya").ids
    lines = line_features(["Paris is"], encoder, 64)
    assert lines.ids[0].tolist() == tokenizer.encode("Paris is").ids


def test_a_file_s_own_padding_and_truncation_are_switched_off() -> None:
    tokenizer = tiny.xlmr_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=50)
    assert len(TextEncoder(tokenizer).ids(["Paris is in Kenya, Tokyo is in Japan"])[0]) > 4


def test_the_end_of_a_prompt_is_kept(encoder: TextEncoder) -> None:
    prompt = "Monday Tuesday Wednesday Paris Tokyo Nairobi " * 3
    example = ChoiceExample("x", prompt, ("Japan", "Kenya hours"), "1")
    room = 16
    features = choice_features([example], encoder, room)
    prompt_ids, first, second = encoder.ids([prompt, "Japan", "Kenya hours"])
    for row, choice in enumerate((first, second)):
        kept = room - encoder.num_special_in_pair - len(choice)
        assert 0 < kept < len(prompt_ids)
        assert features.ids[row].tolist() == encoder.pair(prompt_ids[-kept:], choice).tolist()
        assert features.second[row] == len(encoder.before) + kept + len(encoder.between)
    assert features.labels[0].tolist() == [1]


@given(words, words, st.integers(16, 40))
def test_a_choice_never_passes_the_limit_and_keeps_something_of_both(
    prompt: str, choice: str, limit: int
) -> None:
    features = choice_features([ChoiceExample("x", prompt, (choice, "a"), "0")], PLAIN, limit)
    assert features.ids.lengths.max() <= limit
    both = [len(encoded) for encoded in PLAIN.ids([prompt, choice])]
    assert features.ids.lengths[0] >= min(limit - 1, sum(both) + 4)


def test_choices_that_differ_in_number_are_refused_with_the_row() -> None:
    rows = [ChoiceExample("x-0", "p", ("a", "b"), "0"), ChoiceExample("x-1", "p", ("a",), "0")]
    with pytest.raises(DataError, match="x-1 has 1 choices where the first has 2"):
        choice_features(rows, PLAIN, 64)


@given(words, st.integers(4, 40))
def test_a_line_is_cut_at_its_end(text: str, limit: int) -> None:
    whole = PLAIN.ids([text])[0]
    assert line_features([text], PLAIN, limit).ids[0].tolist() == [0, *whole[: limit - 2], 2]


def test_a_tokenizer_without_padding_is_refused() -> None:
    tokenizer = tiny.xlmr_tokenizer()
    text = tokenizer.to_str().replace('"<pad>"', '"<nothing>"')
    with pytest.raises(ModelError, match="has no pad token"):
        TextEncoder(Tokenizer.from_str(text))


def test_a_folder_without_a_readable_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json could not be read"):
        load_text_encoder(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "BertTokenizer",
        "DistilBertTokenizer",
        "ElectraTokenizer",
        "LayoutLMTokenizer",
        "LxmertTokenizer",
        "MobileBertTokenizer",
        "MPNetTokenizer",
        "SqueezeBertTokenizer",
        "ernie",
        "megatron-bert",
        "nomic_bert",
        "",
        None,
    ],
)
@pytest.mark.parametrize(
    "settings",
    [
        {"do_lower_case": True},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False, "tokenize_chinese_chars": False},
        {},
    ],
)
def test_ids_follow_the_settings_as_transformers_has_it(
    tmp_path: Path, name: str | None, settings: dict[str, bool]
) -> None:
    letters = "é É e E a A 韩 国".split()
    pieces = [*tiny.BERT_TOKENS, *letters, *(f"##{letter}" for letter in letters)]
    vocab = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    is_class = name is not None and not name.islower()  # the others are families
    kind = {"tokenizer_class": name or "PreTrainedTokenizerFast"} if is_class else {}
    names = "pad unk cls sep mask".split()
    special = {f"{each}_token": f"[{each.upper()}]" for each in names}
    ends = {"bos_token": "[CLS]", "eos_token": "[SEP]"}  # MPNet would add others
    named = {**kind, **settings, **special, **ends}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(named), encoding="utf-8")
    config = {"model_type": "bert" if is_class or name is None else name}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    reference = AutoTokenizer.from_pretrained(tmp_path)
    encoder = load_text_encoder(tmp_path)
    for text in ("É e E", "Éé aA", "韩国 国韩", "e\u0301E\u0301"):
        wanted = reference(text)["input_ids"]
        assert encoder.single(encoder.ids([text])[0]).tolist() == wanted, text
