"""The stages a recipe unfolds into, and what each does in words. Values only: no torch.

The stages a recipe unfolds into. Values only: nothing here runs, opens or imports torch.

A stage is its lineage: it holds its parents, so its fingerprint covers everything that its
result depends on. `version` is raised by hand when a stage's code comes to mean something else.

Base ── Intermediate ── FineTune ── Predict     the baseline arm has no Intermediate
             ├───────────────────── Predict     retrieval asks an encoder, without a head
             └────────── Prompt ─── Predict     a cloze is answered at its mask

Pretrain stands in Base's place for an encoder that is made here; Rules needs no model at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from stiltwalk.data.by_language import ByLanguage
from stiltwalk.draws import Draws
from stiltwalk.recipe.schema import LoRA, Mixing, Precision, PrecisionOrAuto, TrainSettings
from stiltwalk.recipe.types import (
    LATER,
    Answering,
    MaskedText,
    PretrainSettings,
    ProfileName,
    PromptSettings,
    ScenarioName,
    SmallDecoder,
)
from stiltwalk.store.machine import MeasuredOn
from stiltwalk.tasks.clozes import Cloze
from stiltwalk.tasks.own import OwnTask
from stiltwalk.tasks.task import Dev


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """What else decides the bits of a training stage."""

    precision: Precision
    num_threads: int


@dataclass(frozen=True, kw_only=True)
class StageRows:
    """A task's rows: a commit, a checksum, or the miniature's version; `dev` of rows to learn.

    `own` is the declaration of a user's own task.
    """

    task: str
    revision: str
    dev: Dev | None = field(default=None, metadata=LATER)
    own: OwnTask | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How a decoder is asked one task: digest of its text, ways of answering, solved rows.

    `shots` is the revision of the rows that `seed` draws them from, empty where none are read.
    """

    template: str
    answering: Answering
    shots: str = ""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class DrawnRows(StageRows):
    """Some of a task's English training rows: so many of every class, drawn by a stage's seed."""

    per_class: int


@dataclass(frozen=True, kw_only=True)
class Base:
    """A published or local encoder, pinned to a commit or a checksum; the name is for people."""

    name: str = field(compare=False)
    revision: str
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class Pretrain:
    """Make the miniature's encoder, or its decoder, from nothing."""

    settings: PretrainSettings | SmallDecoder
    data: str
    seed: int
    num_threads: int
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class TranslatedRows:
    """A task's rows in other languages, for a part of its steps; `where` is for reading alone."""

    task: str
    where: ByLanguage = field(compare=False)
    revision: str
    languages: tuple[str, ...]
    weight: float


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text for masked language modelling; `where` is for reading alone, `settings` lacks it."""

    where: ByLanguage = field(compare=False)
    revision: str
    languages: tuple[str, ...]
    settings: MaskedText


@dataclass(frozen=True, kw_only=True)
class Intermediate:
    """Train an encoder on English tasks, together; keeps the encoder, drops the heads.

    Beside the English rows there can be translations of them, and text. A decoder, asked in text,
    keeps its one head; `asking` has an entry per task then, here and below None for encoders.
    """

    parent: Base | Pretrain
    rows: tuple[StageRows, ...]
    settings: TrainSettings
    mixing: Mixing
    numerics: Numerics
    seed: int
    translated: tuple[TranslatedRows, ...] = ()
    text: Text | None = None
    lora: LoRA | None = None
    asking: tuple[Asking, ...] = field(default=(), metadata=LATER)
    version: int = 4

    @property
    def draws(self) -> Draws:
        """Where its random draws come from."""
        return Draws(self.seed, "intermediate", "+".join(rows.task for rows in self.rows))


@dataclass(frozen=True, kw_only=True)
class FineTune:
    """Put a head on an encoder and train both on one task's English rows.

    The head is fresh, or starts as the trained one of the intermediate task `head_of`.
    """

    parent: Base | Pretrain | Intermediate
    rows: StageRows
    settings: TrainSettings
    numerics: Numerics
    seed: int
    lora: LoRA | None = None
    asking: Asking | None = field(default=None, metadata=LATER)
    head_of: str = field(default="", metadata=LATER)
    version: int = 4

    @property
    def draws(self) -> Draws:
        """Where its random draws come from."""
        return Draws(self.seed, "target", self.rows.task)


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """Find the words of each class in a frozen language model, and train vectors beside a cloze.

    `unseen` are classes that are not learned. Without vectors nothing is drawn: `seed` is 0.
    """

    parent: Base | Pretrain | Intermediate
    rows: StageRows
    cloze: Cloze
    settings: PromptSettings
    unseen: tuple[str, ...]
    numerics: Numerics
    seed: int
    version: int = 2

    @property
    def draws(self) -> Draws:
        """Where its random draws come from."""
        return Draws(self.seed, "target", self.rows.task)


@dataclass(frozen=True, kw_only=True)
class Predict:
    """Answer one task's test rows in its languages, and score the answers.

    `relative_depth` says where retrieval reads its vectors, `bucc_duplicates` what mining does
    with repeated sentences; None for other tasks, as `backend` is for transformers. `precision`
    "auto" is decided by the parent's dev rows. `shuffled_seed` shuffles foreign embeddings.
    """

    parent: Base | Pretrain | Intermediate | FineTune | Prompt
    rows: StageRows
    languages: tuple[str, ...]
    max_rows: int | None
    max_length_tokens: int
    precision: PrecisionOrAuto
    relative_depth: float | None = None
    bucc_duplicates: str | None = None
    shuffled_seed: int | None = None
    asking: Asking | None = field(default=None, metadata=LATER)
    backend: str | None = field(default=None, metadata=LATER)
    version: int = 2

    @property
    def shuffle(self) -> int | None:
        """What permutes the embeddings of the control; None for a model as it is."""
        if self.shuffled_seed is None:
            return None
        return Draws(self.shuffled_seed, "evaluation", self.rows.task).number("shuffled embeddings")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Score what rules without a model answer: majority and word overlap."""

    rows: StageRows
    train: StageRows | None
    max_train_rows: int | None
    languages: tuple[str, ...]
    max_rows: int | None
    version: int = 1

    @property
    def says(self) -> str:
        """What it does, in words."""
        return f"answer {self.rows.task} by rules"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Time one arm's models of a seed against another's, side by side, each as it was evaluated.

    `a` and `b` hold one evaluation per task, in the same order; `names` are those of the arms.
    No scenarios are all of the profile's. Another machine or other versions measure anew.
    """

    a: tuple[Predict, ...]
    b: tuple[Predict, ...]
    names: tuple[str, str] = field(compare=False)
    profile: ProfileName
    scenarios: tuple[ScenarioName, ...]
    num_threads: int
    on: MeasuredOn | None
    version: int = 2

    @property
    def says(self) -> str:
        """What it does, in words."""
        tasks = ", ".join(each.rows.task for each in self.a)
        return f"time {self.names[1]} against {self.names[0]} on {tasks}"


Encoder = Base | Pretrain | Intermediate
Checkpoint = Encoder | FineTune | Prompt
Stage = Checkpoint | Predict | Rules | Measure


@cache
def fingerprint(stage: Stage) -> str:
    """Return 16 hex digits that change if anything the result depends on changes."""
    return sha256(canonical(stage).encode()).hexdigest()[:16]


def canonical(stage: Stage) -> str:
    """Return the stage with its whole lineage as JSON, the same text for equal stages."""
    return json.dumps(_with_names(stage), sort_keys=True)


def parents(stage: Stage) -> tuple[Stage, ...]:
    """Return the stages whose results this one reads."""
    match stage:
        case Base() | Pretrain() | Rules():
            return ()
        case Intermediate() | FineTune() | Prompt() | Predict():
            return (stage.parent,)
        case Measure():
            return (*stage.a, *stage.b)


def rows_of(stage: Stage) -> tuple[StageRows | TranslatedRows | Text, ...]:
    """Return what a stage reads besides its parents."""
    match stage:
        case Intermediate():
            return (*stage.rows, *stage.translated, *([stage.text] if stage.text else []))
        case Rules():
            return (stage.rows, stage.train) if stage.train else (stage.rows,)
        case FineTune() | Prompt() | Predict():
            return (stage.rows,)
        case _:
            return ()


def intermediate_tasks(stage: Stage) -> tuple[str, ...]:
    """Return the intermediate tasks that a stage's lineage trained on, none for the baseline."""
    if isinstance(stage, Intermediate):
        return tuple(rows.task for rows in stage.rows)
    return tuple(task for parent in parents(stage) for task in intermediate_tasks(parent))


def seed_of(stage: Stage) -> int:
    """Return the seed that a stage's training was given, 0 where nothing was trained."""
    match stage:
        case Intermediate() | FineTune() | Prompt() if stage.seed:
            return stage.seed
        case _:
            return max((seed_of(parent) for parent in parents(stage)), default=0)


def _with_names(stage: Stage) -> dict[str, Any]:
    """Return the stage as a dict that also tells which class each level was."""
    values: dict[str, Any] = {"stage": type(stage).__name__, **_compared(stage)}
    if isinstance(stage, Measure):
        return values | {"a": [*map(_with_names, stage.a)], "b": [*map(_with_names, stage.b)]}
    for parent in parents(stage):
        values["parent"] = _with_names(parent)
    return values


def _compared(value: Any) -> Any:  # noqa: ANN401 - any field of a stage
    """Return a value as JSON's types, without what is for people or for reading alone."""
    if is_dataclass(value):
        return {
            each.name: _compared(getattr(value, each.name))
            for each in fields(value)
            if each.compare and (getattr(value, each.name) or "later" not in each.metadata)
        }
    return [_compared(each) for each in value] if isinstance(value, tuple) else value


def describe(stage: Stage) -> str:  # noqa: PLR0911 - one case each
    """Return what a stage does, in a few words for people."""
    match stage:
        case Base():
            return f"base encoder {stage.name}"
        case Pretrain():
            what = "a decoder" if isinstance(stage.settings, SmallDecoder) else "an encoder"
            return f"pretrain {what} for {stage.settings.steps:,} steps"
        case Intermediate():
            said = f"train on {' + '.join(intermediate_tasks(stage))}{_beside(stage)}"
            return said + _with_lora(stage)
        case FineTune():
            what = f"fine-tune on {stage.rows.task}{_few(stage)}{_after(stage)}"
            return what + _with_lora(stage) + _head(stage)
        case Prompt():
            return f"{stage.settings.says} for {stage.rows.task}{_few(stage)}{_after(stage)}"
        case Predict():
            control = ", embeddings shuffled" if stage.shuffled_seed is not None else ""
            through = f", through {stage.backend}" if stage.backend else ""
            asked = f"predict {stage.rows.task} in {_many(len(stage.languages))}"
            after = _after(stage) + _with_lora(stage) + _asked(stage.parent) + _head(stage.parent)
            return f"{asked}{after}{control}{through}"
        case Rules() | Measure():
            return stage.says


def _after(stage: Stage) -> str:
    if isinstance(stage, Intermediate):
        tasks = intermediate_tasks(stage)
        named = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
        return f" after {named}{_beside(stage)}"
    return "".join(map(_after, parents(stage)))


def _beside(stage: Intermediate) -> str:
    """Return what is trained on alongside the English rows."""
    languages = {code for rows in stage.translated for code in rows.languages}
    said = f" translated into {_many(len(languages))}" if languages else ""
    return said + (f" with MLM in {_many(len(stage.text.languages))}" if stage.text else "")


def _asked(parent: Stage) -> str:
    return f" with a {parent.settings.says}{_few(parent)}" if isinstance(parent, Prompt) else ""


def _head(stage: Stage) -> str:
    reused = stage.head_of if isinstance(stage, FineTune) else ""
    return f", beginning with the head of {reused}" if reused else ""


def _few(stage: FineTune | Prompt) -> str:
    rows = stage.rows
    return f", {rows.per_class} rows a class" if isinstance(rows, DrawnRows) else ""


def _many(languages: int) -> str:
    return "1 language" if languages == 1 else f"{languages} languages"


def _with_lora(stage: Stage) -> str:
    last = stage.parent if isinstance(stage, Predict) else stage
    lora = last.lora if isinstance(last, Intermediate | FineTune) else None
    return f" with {lora.says}" if lora else ""
