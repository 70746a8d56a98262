"""Prompts and answers → rows for a decoder language model, and its tokens → text."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from stiltwalk.errors import ModelError
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import Ids, TextEncoder


class PromptEncoder(TextEncoder):
    """A decoder's tokenizer: what stands around a prompt, and which tokens end an answer.

    It may lack tokens for padding and for the unknown: the one is masked, the other not shown.
    """

    def __init__(self, tokenizer: Tokenizer, end_ids: Sequence[int], chat: Chat | None) -> None:
        """Use a fast tokenizer.

        Args:
            tokenizer: see `TextEncoder`.
            end_ids: tokens with which the model ends a text; the first one ends trained answers.
            chat: the model's chat template, None to do without.
        """
        super().__init__(tokenizer)
        self._chat = chat
        self._end_ids = tuple(end_ids)

    def _special(self, name: str) -> int:
        try:
            return super()._special(name)
        except ModelError:
            return 0

    @cached_property
    def end_id(self) -> int:
        """The token that ends a trained answer."""
        turn = [] if self._chat is None else self.ids([self._chat.after])[0].tolist()
        ends = [token for token in turn if token in self.special_ids]
        return int([*ends, *self._end_ids][0])

    @cached_property
    def stop_ids(self) -> Ids:
        """Every token that ends a written answer: the model's own, and any with a line's end."""
        return np.union1d([self.end_id, *self._end_ids], self.line_ids).astype(np.int32)

    @cached_property
    def line_ids(self) -> Ids:
        """The tokens with a line's end, which end an answer once it says something."""
        return self._tokens_where(lambda text: "\n" in text)

    @cached_property
    def blank_ids(self) -> Ids:
        """The tokens that say nothing: white space, and what stands for no text."""
        return self._tokens_where(lambda text: not text.strip())

    def _tokens_where(self, holds: Callable[[str], bool]) -> Ids:
        size, ends = self._tokenizer.get_vocab_size(), {self.end_id, *self._end_ids}
        texts = self._tokenizer.decode_batch([[number] for number in range(size)])
        found = [number for number, text in enumerate(texts) if holds(text) and number not in ends]
        return np.array(found, dtype=np.int32)

    @cached_property
    def head_tokens(self) -> int:
        """How many tokens of what stands before every request; they stay when a row is cut."""
        return len(self.before if self._chat is None else self.ids([self._chat.before])[0])

    def asked_and_answers(
        self, prompts: Sequence[str], answers: Sequence[Sequence[str]]
    ) -> list[tuple[Ids, list[Ids]]]:
        """Return the ids of every prompt, and those with which each of its answers follows it.

        As lm-evaluation-harness has it (`_encode_pair`): an answer's ids are those of the whole
        text behind as many as the prompt has alone. So where a token of the whole lies across the
        border, the prompt still stands as it is alone, and the answer begins behind that token.
        Spaces at a prompt's end belong to the answer. Line breaks there stay, unlike in the
        harness: they end a chat template's header, and would end a written answer. Without a
        template exactly one space parts prompt and answer.

        An answer that this leaves without a token has those of its text alone, or the end's; a
        prompt without any is the end's, as in the harness. White space that all of several answers
        begin with as a token of its own belongs to the prompt: it tells none from another.
        """
        framed = [self._framed(prompt) for prompt in prompts]
        asked = [text.rstrip(" ") for text in framed]
        gaps = [text[len(short) :] for text, short in zip(framed, asked, strict=True)]
        wholes = [
            short + gap + answer.lstrip(" ")
            for short, gap, each in zip(asked, gaps, answers, strict=True)
            for answer in each
        ]
        whole_ids = iter(self.ids(wholes))
        before = self.before if self._chat is None else self.before[:0]
        found = []
        for ids, each in zip(self.ids(asked), answers, strict=True):
            behind = [next(whole_ids)[len(ids) :] for _ in each]
            kept = [
                one if len(one) else self._alone(text)
                for one, text in zip(behind, each, strict=True)
            ]
            shared = self._num_shared(kept)
            start = np.concatenate([before, ids, *(one[:shared] for one in kept[:1])])
            start = start if len(start) else np.array([self._end_ids[0]], np.int32)
            found.append((start, [one[shared:] for one in kept]))
        return found

    def _framed(self, prompt: str) -> str:
        """Return a prompt with all that stands around it, up to where its answer begins."""
        if self._chat is None:
            return f"{prompt.rstrip(' ')} "
        return self._chat.before + prompt + self._chat.between

    def _num_shared(self, answers: Sequence[Ids]) -> int:
        """Count the tokens that say nothing and begin all of several answers."""
        count = 0
        for first, *others in zip(*(each[:-1].tolist() for each in answers), strict=False):
            if not others or {first} != set(others) or self.text([first]):
                break
            count += 1
        return count

    def _alone(self, answer: str) -> Ids:
        (ids,) = self.ids([answer])
        return ids if len(ids) else np.array([self.end_id], dtype=np.int32)

    def text(self, ids: Sequence[int]) -> str:
        """Return what some tokens say, without white space around it."""
        return self._tokenizer.decode(list(ids), skip_special_tokens=True).strip()


@dataclass(frozen=True, eq=False)
class Rendered:
    """Prompts and the answers that can follow each, the same number for all.

    Args:
        prompts: one text per example.
        answers: the texts that can follow it; empty where the answer is to be written.
        ended: whether the token that ends an answer stands behind each.
    """

    prompts: Sequence[str]
    answers: Sequence[Sequence[str]]
    ended: bool = True

    def features(
        self, encoder: PromptEncoder, max_length_tokens: int, room_tokens: int
    ) -> Features:
        """Return a row per answer, or per prompt where there are none.

        Args:
            encoder: the checkpoint's tokenizer.
            max_length_tokens: longest row; a longer prompt loses its beginning.
            room_tokens: of it kept free, for what is to be written.
        """
        end = np.array([encoder.end_id] if self.ended else [], dtype=np.int32)
        rows: list[Ids] = []
        starts: list[int] = []
        for prompt, answers in encoder.asked_and_answers(self.prompts, self.answers):
            longest = max((len(answer) + len(end) for answer in answers), default=room_tokens)
            head, body = np.split(prompt, [encoder.head_tokens])
            room = max(0, max_length_tokens - len(head) - longest)
            asked = np.concatenate([head, body[max(0, len(body) - room) :]])
            rows += [np.concatenate([asked, answer, end]) for answer in answers] or [asked]
            starts += [len(asked)] * max(1, len(answers))
        per_unit = max(1, len(self.answers[0])) if self.answers else 1
        return Features(
            ids=Ragged.of(rows),
            second=np.array(starts, dtype=np.int32),
            types=Ragged.of(
                [np.arange(len(row)) >= start for row, start in zip(rows, starts, strict=True)]
            ),
            example=np.repeat(np.arange(len(self.prompts)), per_unit),
            labels=Ragged.of([[]] * len(self.prompts)),
            rows_per_unit=per_unit,
        )


def load_prompt_encoder(folder: Path, *, chat: bool | str) -> PromptEncoder:
    """Return the tokenizer of a decoder's folder.

    Args:
        folder: a Hugging Face model folder.
        chat: whether its chat template is used, if it has one; of several the name of one.

    Raises:
        ModelError: if it cannot be read, nothing says with which token the model ends, or it has
            several chat templates and none of that name.
    """
    try:
        content = (folder / "tokenizer.json").read_bytes()
        name = "" if isinstance(chat, bool) else chat
        return _loaded(content, end_ids_of(folder), chat_of(folder, name) if chat else None)
    except Exception as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"The tokenizer in {folder} could not be read as a fast one: {error}. Save one with "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…)."
        ) from error


@lru_cache(maxsize=2)
def _loaded(content: bytes, end_ids: tuple[int, ...], chat: Chat | None) -> PromptEncoder:
    return PromptEncoder(Tokenizer.from_buffer(content), end_ids, chat)


def end_ids_of(folder: Path) -> tuple[int, ...]:
    """Return the tokens with which a model ends a text, as its configuration names them.

    Raises:
        ModelError: if it names none.
    """
    for name in ("generation_config.json", "config.json"):
        file = folder / name
        if not file.is_file():
            continue
        found = json.loads(file.read_text(encoding="utf-8")).get("eos_token_id")
        if found is not None:
            return tuple(found) if isinstance(found, list) else (int(found),)
    raise ModelError(
        f"{folder} names no eos_token_id in generation_config.json or config.json, so nothing "
        "tells when an answer ends. Add it to config.json."
    )


_REQUEST, _REPLY = "⟪request⟫", "⟪reply⟫"


@dataclass(frozen=True, slots=True)
class Chat:
    """What stands before a request, between it and the reply, and behind the reply."""

    before: str
    between: str
    after: str


@lru_cache(maxsize=4)
def chat_of(folder: Path, name: str = "") -> Chat | None:
    """Return how a checkpoint frames one request, None where it has no chat template.

    Args:
        folder: a Hugging Face model folder.
        name: of one of its templates; empty for the only one, or the one called "default".

    Raises:
        ModelError: if there is none of that name, or it does not leave request and reply as they
            are.
    """
    settings = _settings(folder)
    templates = _templates(folder, settings)
    if not templates and not name:
        return None
    only = next(iter(templates)) if len(templates) == 1 else "default"
    template = templates.get(name or only)
    if template is None:
        raise ModelError(
            f"{folder} has no chat template {name or 'default'!r}; it has "
            f"{', '.join(map(repr, templates)) or 'none'}. Name one as chat_template in the "
            "recipe's [answering.TASK] tables, or set it to false."
        )
    request = [{"role": "user", "content": _REQUEST}]
    asked = _rendered(template, request, settings, prompt=True)
    whole = _rendered(
        template, [*request, {"role": "assistant", "content": _REPLY}], settings, prompt=False
    )
    if asked.count(_REQUEST) != 1 or whole.count(_REPLY) != 1:
        raise ModelError(
            f"The chat template of {folder} does not show a request and its reply once each. Set "
            "chat_template = false in the recipe's [answering.TASK] tables."
        )
    before, _, between = asked.partition(_REQUEST)
    return Chat(before, between, whole.partition(_REPLY)[2])


def _settings(folder: Path) -> dict[str, Any]:
    """Return the tokenizer's settings."""
    file = folder / "tokenizer_config.json"
    found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return found


def _templates(folder: Path, settings: dict[str, Any]) -> dict[str, str]:
    """Return a checkpoint's chat templates by name, those in files of their own before others."""
    given = settings.get("chat_template")
    if isinstance(given, str):
        given = {"default": given}
    elif isinstance(given, list):
        given = {each["name"]: each["template"] for each in given}
    named = sorted(folder.glob("additional_chat_templates/*.jinja"))
    files = {file.stem: file for file in named}
    if (own := folder / "chat_template.jinja").is_file():
        files["default"] = own
    return (given or {}) | {name: file.read_text("utf-8") for name, file in files.items()}


def _rendered(
    template: str, messages: list[dict[str, str]], settings: dict[str, Any], *, prompt: bool
) -> str:
    from transformers.utils.chat_template_utils import (  # noqa: PLC0415 - for chats alone
        render_jinja_template,
    )

    known: dict[str, Any] = {
        name: _text(value) for name, value in settings.items() if name.endswith("_token")
    }
    known["enable_thinking"] = False  # Qwen 3's name for answering at once
    try:
        with _at_most(_TEMPLATE_S):
            rendered: Any = render_jinja_template(
                [messages], chat_template=template[:_LONGEST], add_generation_prompt=prompt, **known
            )
    except Exception as error:  # whatever a template does
        raise ModelError(
            f"The chat template cannot be used ({type(error).__name__}: {str(error)[:200]}). Set "
            "chat_template = false in the recipe's [answering.TASK] tables."
        ) from error
    return str(rendered[0][0])


_TEMPLATE_S, _LONGEST = 5.0, 1 << 20


@contextmanager
def _at_most(time_s: float) -> Iterator[None]:
    """End what runs inside the block after a time of computing; it is Python, line by line."""
    ends, before = time.thread_time() + time_s, sys.gettrace()

    def look(_frame: FrameType, _event: str, _value: Any) -> Any:  # noqa: ANN401 - Python's own
        if time.thread_time() > ends:
            raise TimeoutError(f"it takes longer than {time_s:.0f} s")
        return look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


def _text(token: Any) -> str:  # noqa: ANN401 - a text, or a table that holds it
    return str(token["content"] if isinstance(token, dict) else token or "")
