"""The frozen values that travel between rooms: examples in, answers out, rows of results.

Answers are what XTREME's files hold (labels, tags, texts, pairs), never logits of one head, so
another family of models can give them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

BASELINE_ARM = "none"
"""The arm without an intermediate task; gains are measured against it."""


class TaskType(StrEnum):
    """The shape of a task: which features, head, loss and decoding it needs."""

    TEXT = "text"
    PAIR = "pair"
    CHOICE = "choice"
    TAGGING = "tagging"
    SPAN = "span"
    RETRIEVAL = "retrieval"
    RANKING = "ranking"


class Split(StrEnum):
    """Which part of a task's data; the hub's own names live in the task's declaration."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


class Phase(StrEnum):
    """A part of a run, as reports call it; every stage belongs to one."""

    BASE = "base encoder"
    INTERMEDIATE = "intermediate phase"
    SELECTION = "selection"
    TARGET = "target phase"
    PROMPT = "prompt"
    EVALUATION = "evaluation"
    TIMING = "timing"
    REFERENCE = "reference points"


class Metric(StrEnum):
    """Names of metrics that code asks about; `stiltwalk.metrics.score.METRICS` has them all."""

    ACCURACY = "accuracy"
    ACCURACY_AND_F1 = "accuracy_and_f1"
    CHUNK_F1 = "chunk_f1"
    SQUAD = "squad"
    MLQA = "mlqa"
    PAIR_F1 = "pair_f1"
    MAP_AT_20 = "map_at_20"


@dataclass(frozen=True, slots=True)
class TextExample:
    """A text and the word for what it is about."""

    id: str
    text: str
    label: str


@dataclass(frozen=True, slots=True)
class PairExample:
    """Two texts and the word for how they relate."""

    id: str
    text_a: str
    text_b: str
    label: str


@dataclass(frozen=True, slots=True)
class ChoiceExample:
    """A prompt, possible continuations, and the index of the right one, as text."""

    id: str
    prompt: str
    choices: tuple[str, ...]
    label: str


@dataclass(frozen=True, slots=True)
class TaggedExample:
    """A sentence of words with one tag each."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A stretch of a context: its text, and the character it starts at."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class SpanExample:
    """A question on a context; no answers at all means that it cannot be answered."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class PoolDocument:
    """What a query can find: a text in a language, and the paragraph around it where it has one."""

    id: str
    text: str
    context: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class RankingExample:
    """A query and the ids of the documents that answer it.

    `documents` are those of them that come with it: one where pairs are learned, none where a pool
    is searched.
    """

    id: str
    query: str
    right: tuple[str, ...]
    documents: tuple[PoolDocument, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of one side of a bitext."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Bitext:
    """Two sides to be matched, and which (foreign id, English id) are translations."""

    foreign: tuple[Sentence, ...]
    english: tuple[Sentence, ...]
    gold: tuple[tuple[str, str], ...]


Example = TextExample | PairExample | ChoiceExample | TaggedExample | SpanExample | RankingExample

Labels = Sequence[str]
"""One label per example: a label word, the index of a choice, or Tatoeba's foreign line."""
TagLists = Sequence[Sequence[str]]
"""One tag per word, sentence by sentence."""
Texts = Mapping[str, str]
"""Question id to answer text."""
GoldTexts = Mapping[str, Sequence[str]]
"""Question id to every accepted answer text."""
IdPairs = Sequence[tuple[str, str]]
"""(foreign id, English id), as in BUCC's files."""
Rankings = Mapping[str, Sequence[str]]
"""Query id to document ids: predicted ones best first, or all that are right."""
Answers = Labels | TagLists | Texts | IdPairs | Rankings
Scores = dict[str, float]
"""Name of a figure to a fraction in [0, 1]; the first one is what the task is ranked by."""


@dataclass(frozen=True, kw_only=True)
class ScoreRow:
    """One figure of one checkpoint on one task in one language.

    `stage` is the fingerprint of the stage that wrote it; `intermediate` the tasks trained on
    before the target task, empty for none; `value` a fraction in [0, 1]. `control` names what
    answered in place of the model as it is: a rule, or the model with shuffled embeddings.
    """

    stage: str
    intermediate: tuple[str, ...]
    task: str
    language: str
    split: str
    metric: str
    value: float
    seed: int
    num_examples: int
    control: str = ""


@dataclass(frozen=True, kw_only=True)
class TimingRow:
    """What predicting one language of one task took, unpaired: an observation, not a verdict.

    `written_tokens` are those of answers that a decoder wrote, the last one of each included.
    """

    stage: str
    task: str
    language: str
    num_examples: int
    real_tokens: int
    padded_tokens: int
    time_s: float
    written_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class ExampleScoreRow:
    """What every example of one language adds to the figure that counts: sum of won / sum of `of`.

    Equal tasks and languages have equal examples in equal order, whoever answered, so that
    checkpoints can be compared example by example.
    """

    stage: str
    task: str
    language: str
    seed: int
    won: Sequence[float]
    of: Sequence[float]


def gold_answers(examples: Sequence[Example]) -> Answers | GoldTexts:
    """Return the right answers of some examples of one kind, in the form that is scored."""
    match examples:
        case [SpanExample(), *_]:
            return {
                example.id: [answer.text for answer in example.answers]
                for example in examples
                if isinstance(example, SpanExample)
            }
        case [RankingExample(), *_]:
            return {each.id: each.right for each in examples if isinstance(each, RankingExample)}
        case [TaggedExample(), *_]:
            return [example.tags for example in examples if isinstance(example, TaggedExample)]
        case _:
            labelled = TextExample | PairExample | ChoiceExample
            return [each.label for each in examples if isinstance(each, labelled)]


def gold_lines(asked: Bitext) -> list[str]:
    """Return the index of the right foreign line of each English line, as Tatoeba's files do."""
    place = {sentence.id: str(index) for index, sentence in enumerate(asked.foreign)}
    right = {english: place[foreign] for foreign, english in asked.gold}
    return [right[sentence.id] for sentence in asked.english]
