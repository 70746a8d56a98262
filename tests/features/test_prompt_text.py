"""Tests for stiltwalk.features.prompts: an answer's ids are those of the whole text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer

import tiny
from stiltwalk.features.prompts import Chat, PromptEncoder, Rendered

END = 2
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
PIECES = "Paris Tokyo is in 84 hours, Question: true; Köln километров 韩国、 สวัสดี 😀 \n [x]".split(
    " "
)
texts = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map(" ".join)
CHATS: Mapping[str, Chat | None] = {
    "no template": None,
    "a line break": Chat("<s>user\n", "</s>\n<s>assistant\n", "</s>\n"),
    "a space": Chat("<s>User: ", "</s> Assistant: ", "</s>"),
    "a mark": Chat("<s>[INST] ", " [/INST]", "</s>"),
}


def trained(scheme: str) -> Tokenizer:
    """Return a sub-word tokenizer that writes spaces as Metaspace does."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    _train(tokenizer)
    return tokenizer


def prepended() -> Tokenizer:
    """Return one that the normaliser does it for, and nothing cuts at words, as Llama 2's."""
    tokenizer = trained("always")
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def byte_level() -> Tokenizer:
    """Return one of bytes, as GPT-2's and Llama 3's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    _train(tokenizer)
    return tokenizer


def _train(tokenizer: Tokenizer) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = BpeTrainer(
        vocab_size=1400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([*tiny.LINES, *PIECES], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )


FAMILIES: Mapping[str, Callable[[], Tokenizer]] = {
    "Metaspace, always": lambda: trained("always"),
    "Metaspace, first": lambda: trained("first"),
    "Metaspace, never": lambda: trained("never"),
    "Prepend and Replace": prepended,
    "byte-level": byte_level,
}
TOKENIZERS = {name: make() for name, make in FAMILIES.items()}
every_chat = pytest.mark.parametrize("chat", CHATS.values(), ids=CHATS.keys())
every_family = pytest.mark.parametrize("family", FAMILIES)


def whole_text(chat: Chat | None, prompt: str, answer: str) -> str:
    """Return what a model reads, as one text."""
    if chat is None:
        return f"{prompt} {answer}"
    return f"{chat.before}{prompt}{chat.between}{answer}"


@every_chat
@every_family
@given(prompt=texts, answers=st.lists(texts, min_size=1, max_size=4))
def test_prompt_and_answer_are_the_ids_of_the_whole_text(
    family: str, chat: Chat | None, prompt: str, answers: list[str]
) -> None:
    tokenizer = TOKENIZERS[family]
    prompt, answers = prompt.strip() or "?", [each.strip() or "!" for each in answers]
    encoder = PromptEncoder(tokenizer, (END,), chat)
    ((asked, found),) = encoder.asked_and_answers([prompt], [answers])
    for answer, ids in zip(answers, found, strict=True):
        text = whole_text(chat, prompt, answer)
        whole = tokenizer.encode(text, add_special_tokens=chat is None).ids
        assert [*asked.tolist(), *ids.tolist()] == whole


@every_chat
@every_family
def test_a_written_answer_is_asked_for_with_the_ids_that_it_was_learned_behind(
    family: str, chat: Chat | None
) -> None:
    encoder = PromptEncoder(TOKENIZERS[family], (END,), chat)
    learned = Rendered(["Paris is in:"], [["Japan"]]).features(encoder, 200, 0)
    asked = Rendered(["Paris is in:"], [()]).features(encoder, 200, 8)
    assert asked.ids[0].tolist() == learned.ids[0][: learned.second[0]].tolist()
    written = learned.ids[0][learned.second[0] : -1]
    assert encoder.text(written.tolist()) == "Japan"
    assert learned.ids[0][-1] == encoder.end_id
    assert not set(written.tolist()) & set(encoder.stop_ids.tolist())


@every_family
def test_one_space_parts_prompt_and_answer_however_many_they_bring(family: str) -> None:
    encoder = PromptEncoder(TOKENIZERS[family], (END,), None)
    wanted, *others = encoder.asked_and_answers(
        ["Paris is", "Paris is ", "Paris is"], [["in 84"], ["in 84"], [" in 84"]]
    )
    for asked, (answer,) in others:
        assert asked.tolist() == wanted[0].tolist()
        assert answer.tolist() == wanted[1][0].tolist()


def letters(merges: Sequence[tuple[str, str]]) -> Tokenizer:
    """Return a tokenizer of single letters and some merges, across spaces too."""
    tokens = [*SPECIAL, "a", "b", "c", " ", *("".join(pair) for pair in merges)]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return Tokenizer(models.BPE(vocabulary, list(merges), unk_token="<unk>"))  # noqa: S106


def read(encoder: PromptEncoder, prompt: str, answer: str) -> tuple[list[str], list[str]]:
    """Return the tokens of a prompt and its answer."""
    ((asked, (ids,)),) = encoder.asked_and_answers([prompt], [[answer]])
    token = encoder._tokenizer.id_to_token
    return [token(each) for each in asked.tolist()], [token(each) for each in ids.tolist()]


def test_behind_a_token_across_the_border_the_answer_is_what_the_whole_has_beyond_the_prompt() -> (
    None
):
    across = PromptEncoder(letters([("a", " ")]), (END,), None)
    assert read(across, "ca", "bc") == (["c", "a"], ["b", "c"])
    assert read(across, "cb", "bc") == (["c", "b"], [" ", "b", "c"])


def test_an_answer_that_the_prompt_swallows_stands_alone_and_an_empty_one_ends() -> None:
    one = PromptEncoder(letters([("a", " "), ("a ", "b")]), (END,), None)
    assert read(one, "a", "b") == (["a"], ["b"])
    assert read(one, "a", "") == (["a"], ["</s>"])
    assert read(one, "", "b") == (["</s>"], [" ", "b"])


@pytest.mark.parametrize("make", [prepended, byte_level])
def test_white_space_before_every_option_is_the_prompt_s(make: Callable[[], Tokenizer]) -> None:
    """A template that ends in a special token and a space, and a tokenizer that adds another."""
    chat = Chat("<s>[INST] ", "</s> ", "</s>")
    encoder = PromptEncoder(make(), (END,), chat)
    options = ("Paris", "Tokyo is", "84")
    ((asked, found),) = encoder.asked_and_answers(["Which? "], [options])
    firsts = {encoder.text(ids[:1].tolist()) for ids in found}
    assert len(firsts) > 1 or "" not in firsts
    ((alone, (one,)),) = encoder.asked_and_answers(["Which? "], [options[:1]])
    assert asked.tolist() + found[0].tolist() == alone.tolist() + one.tolist()


def test_a_line_s_end_and_white_space_are_told_from_what_ends_a_text() -> None:
    encoder = PromptEncoder(byte_level(), (END,), None)
    assert encoder.end_id not in encoder.line_ids
    assert encoder.end_id not in encoder.blank_ids
    assert set(encoder.stop_ids.tolist()) == {END, *encoder.line_ids.tolist()}
    (space, word, line) = (encoder.ids([text])[0] for text in (" ", "Paris", "\n"))
    assert {*space.tolist(), *line.tolist()} <= set(encoder.blank_ids.tolist())
    assert not set(word.tolist()) & set(encoder.blank_ids.tolist())
    assert set(line.tolist()) <= set(encoder.line_ids.tolist())
