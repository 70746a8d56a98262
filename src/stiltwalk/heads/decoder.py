"""Tasks put as text to a decoder language model: prompt in, answer out.

Shape letters: R rows of a batch, T tokens, N places where an answer's token is predicted, K kept
positions, V vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from stiltwalk.features.prompts import PromptEncoder, Rendered, load_prompt_encoder
from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder
from stiltwalk.heads.head import Batch, Examples, Outputs
from stiltwalk.models.checkpoint import Model
from stiltwalk.recipe.types import Answering
from stiltwalk.records import Answers, Example, Labels, SpanExample, TaggedExample, TaskType
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.templates import Template, template_of

UNPARSED = "unparsed"
"""The answer to a row, and the figure's name, where a decoder's text is no answer."""
_NO_CHOICE = "-1"
_NO_TAG = "O"


@dataclass(frozen=True, eq=False)
class DecoderHead:
    """One task as text, whatever its shape.

    Args:
        task: decides the template and how answers are read.
        answering: how it is answered, nothing left open.
        encoder: the checkpoint's tokenizer.
        shots: solved examples that stand before every question.
    """

    task: Task
    answering: Answering
    encoder: PromptEncoder
    shots: Sequence[Example] = ()

    @cached_property
    def template(self) -> Template:
        """The task's text."""
        return template_of(self.task.template)

    @property
    def max_new_tokens(self) -> int:
        """The longest answer that is written."""
        assert self.answering.max_new_tokens is not None
        return self.answering.max_new_tokens

    @property
    def is_scored(self) -> bool:
        """Whether options are compared; otherwise the answer is written."""
        return self.answering.way == "scoring"

    def features(
        self, examples: Examples, encoder: TextEncoder, labels: Labels, max_length_tokens: int
    ) -> Features:
        return Rendered(
            [self.template.asked(example) for example in examples],
            [(self.template.answer(example),) for example in examples],
        ).features(self.encoder, max_length_tokens, 0)

    def asked(
        self, examples: Sequence[Example], labels: Sequence[str], max_length_tokens: int
    ) -> Features:
        prompts = [self._before + self.template.asked(example) for example in examples]
        answers: list[tuple[str, ...]] = [()] * len(examples)
        if self.is_scored:
            answers = [self.template.options(example, tuple(labels)) for example in examples]
        return Rendered(prompts, answers, ended=self.answering.count_end_token).features(
            self.encoder, max_length_tokens, self.max_new_tokens
        )

    @cached_property
    def _before(self) -> str:
        solved = (f"{self.template.asked(e)} {self.template.answer(e)}" for e in self.shots)
        return "".join(f"{text}\n\n" for text in solved)

    def weights(self, features: Features) -> NDArray[np.int64]:
        return features.ids.lengths - features.second

    def logits(self, model: Model, batch: Batch) -> Tensor:
        assert batch.token_type_ids_RT is not None, "they tell which tokens are the answer"
        is_answer_RT = batch.token_type_ids_RT[:, 1:] == 1
        kept_K = is_answer_RT.any(dim=0).nonzero()[:, 0]
        logits_RKV = model(
            input_ids=batch.input_ids_RT,
            attention_mask=batch.attention_mask_RT,
            logits_to_keep=kept_K,
            use_cache=False,
        ).logits
        places_RK = is_answer_RT[:, kept_K]
        gold_N = batch.input_ids_RT[:, 1:][:, kept_K][places_RK]
        return functional.cross_entropy(logits_RKV[places_RK].float(), gold_N, reduction="none")

    def loss(self, logits: Tensor, features: Features, units: NDArray[np.int64]) -> Tensor:
        return logits.sum()

    def outputs(
        self, model: Model, batch: Batch, features: Features, rows: NDArray[np.int64]
    ) -> list[NDArray[Any]]:
        raise AssertionError(self.task.name)

    def decode(
        self, outputs: Outputs, features: Features, examples: Examples, labels: Labels
    ) -> Answers:
        found = self.parsed(outputs, examples, labels)
        if self.task.task_type is TaskType.SPAN:
            return {e.id: str(answer) for e, (answer, _) in zip(examples, found, strict=True)}
        return [answer for answer, _ in found]

    def parsed(
        self, outputs: Sequence[NDArray[Any]], examples: Sequence[Example], labels: Sequence[str]
    ) -> list[tuple[str | tuple[str, ...], bool]]:
        """Return one answer per example, and whether it could be read as one."""
        if self.is_scored:
            return [(self._named(self._best(each), labels), True) for each in outputs]
        texts = [self.encoder.text(tokens.tolist()) for tokens in outputs]
        if self.task.task_type is TaskType.TAGGING:
            known = dict(zip([*self._shown(labels), *labels], [*labels, *labels], strict=True))
            reader = _TagReader(known, _NO_TAG if _NO_TAG in labels else labels[0])
            return [
                reader.read(text, len(example.words))
                for text, example in zip(texts, examples, strict=True)
                if isinstance(example, TaggedExample)
            ]
        pairs = zip(texts, examples, strict=True)
        return [self._read(text, example, tuple(labels)) for text, example in pairs]

    def _shown(self, texts: Sequence[str]) -> list[str]:
        return [self.encoder.text(ids.tolist()) for ids in self.encoder.ids(texts)]

    def _best(self, scores_K2: NDArray[Any]) -> int:
        per_token = scores_K2[:, 1] if self.answering.length_normalised else 1.0
        return int((scores_K2[:, 0] / per_token).argmax())

    def _named(self, best: int, labels: Sequence[str]) -> str:
        return str(best) if self.task.task_type is TaskType.CHOICE else labels[best]

    def _read(self, text: str, example: Example, labels: tuple[str, ...]) -> tuple[str, bool]:
        said = first_line(text)
        if isinstance(example, SpanExample):
            has_none = bool(said) and _plain(said) == _plain(self.template.no_answer)
            return ("" if has_none else said), bool(said)
        options = self.template.options(example, labels)
        known = [
            {_plain(one) for one in each}
            for each in zip(options, self._shown(options), strict=True)
        ]
        fitting = [number for number, forms in enumerate(known) if _plain(said) in forms]
        if said in options:
            fitting = [options.index(said)]
        if len(fitting) == 1:
            return self._named(fitting[0], labels), True
        return (_NO_CHOICE if self.task.task_type is TaskType.CHOICE else UNPARSED), False


_AROUND = " \t\r\n\"'`*_#>\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u300c\u300d"
"""Quotes and Markdown."""
_LEAD = re.compile(
    r"[\s\"'`*_#>-]*(the\s+)?(correct\s+|final\s+)?(answer|label|tags?|reply|response|output)"
    r"(\s+is)?[*_`\s]*[:\uff1a][*_`]*|[\s#>]+",
    re.IGNORECASE,
)


def first_line(text: str) -> str:
    """Return the first line of a reply that says something, without "Answer:" before it."""
    rest = text
    while (lead := _LEAD.match(rest)) and lead.end():
        rest = rest[lead.end() :]
    return (rest.strip().splitlines() or [""])[0].rstrip()


def _plain(text: str) -> str:
    bare = text.strip(_AROUND).rstrip(".,;:!。" + _AROUND) or text
    return "".join(bare.split()).casefold()


def decoder_head(
    task: Task, answering: Answering, folder: Path, shots: Sequence[Example] = ()
) -> DecoderHead:
    """Return how a task is put to the decoder in a folder, or raise `ModelError`."""
    encoder = load_prompt_encoder(folder, chat=answering.chat_template)
    return DecoderHead(task=task, answering=answering, encoder=encoder, shots=shots)


@dataclass(frozen=True, eq=False)
class _TagReader:
    """Reads tags off a reply, the longest that fits each time.

    Args:
        known: texts to tags; a tokenizer may write "B-PER" as three words.
        filler: for words without a tag.
    """

    known: Mapping[str, str]
    filler: str

    def read(self, text: str, num_words: int) -> tuple[tuple[str, ...], bool]:
        line = first_line(text)
        written = line.split()
        tags, is_exact = self._tags(written, num_words)
        if not is_exact and text[text.find(line) :].strip() != line:  # perhaps one tag a line
            below, is_exact = self._tags(text[text.find(line) :].split(), num_words)
            tags = below if is_exact else tags
        return tuple([*tags, *[self.filler] * num_words][:num_words]), is_exact

    def _tags(self, written: Sequence[str], num_words: int) -> tuple[list[str], bool]:
        tags: list[str] = []
        at = 0
        while at < len(written):
            sizes = range(min(self._longest, len(written) - at), 0, -1)
            forms = ((size, self._tag("".join(written[at : at + size]))) for size in sizes)
            size, tag = next((each for each in forms if each[1] is not None), (0, None))
            if tag is None:
                break
            tags.append(tag)
            at += size
        return tags, at == len(written) and len(tags) == num_words

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.known))

    @cached_property
    def _exact(self) -> dict[str, str]:
        return {"".join(text.split()): tag for text, tag in self.known.items()}

    @cached_property
    def _folded(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for text, tag in self._exact.items():
            found.setdefault(text.casefold(), set()).add(tag)
        return found

    def _tag(self, text: str) -> str | None:
        bare = text.strip("[]()|,;" + _AROUND)
        for one in (text, bare):
            if one in self._exact:
                return self._exact[one]
        alike = self._folded.get(bare.casefold()) or self._folded.get(text.casefold()) or set()
        return next(iter(alike)) if len(alike) == 1 else None
