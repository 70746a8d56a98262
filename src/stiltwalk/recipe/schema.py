"""What a recipe holds. Values only; `load.py` makes them from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from stiltwalk.data.source import DataSource
from stiltwalk.recipe.types import (
    LATER,
    STRICT,
    Answering,
    BackendName,
    Count,
    CountOrNone,
    DeviceName,
    Family,
    Languages,
    LengthTokens,
    MaskedText,
    MeasureSettings,
    NotNegative,
    Positive,
    PromptSettings,
    RetrievalSettings,
    Seed,
    Share,
    Translated,
)
from stiltwalk.records import BASELINE_ARM
from stiltwalk.tasks.own import OwnTask
from stiltwalk.tasks.task import XTREME, Benchmark, Dev, OwnFiles

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
"""Of runs and arms: they name folders, for which a file system has room."""
Precision = Literal["fp32", "bf16", "fp16"]
PrecisionOrAuto = Literal["fp32", "bf16", "fp16", "auto"]
Preset = Literal["xstilts", "xtreme"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How one training stage learns. Defaults: the scripts of Phang et al. (2020).

    Args:
        learning_rate: peak, reached after the warm-up, then linear decay to 0.
        num_epochs: passes over the English rows (or `max_rows` of them).
        effective_batch_size: examples per optimiser step, however they are cut for memory.
        max_length_tokens: sub-words per row, special tokens included; None for the task's own.
        max_rows: the first so many English rows of each task; None for all.
        weight_decay: on matrices; biases and norms are never decayed.
        adam_epsilon: AdamW's.
        warmup_share: part of all steps, in [0, 1].
        warmup_steps: optimiser steps, in place of the share; None for the share.
        max_gradient_norm: clipped to this once per optimiser step.
        micro_batch_tokens: padded tokens per forward pass, shared by all processes; bounds memory,
            changes the last bits.
        micro_batch_size: examples per forward pass, in place of `micro_batch_tokens`. Of a ranking
            task their documents are each other's wrong answers, so it changes what is learnt.
        sort_window_batches: how many effective batches are sorted by length together.
        eval_every_steps: optimiser steps between two evaluations on the English dev rows.
        eval_rows: dev rows looked at (QA: windows); None for all.
        patience: evaluations without a better score before training stops.
        keep: the weights that were best on dev, or the last ones whatever dev says.
        freeze_word_embeddings: leave the embedding table of words as it is.
        gradient_checkpointing: compute activations again for the backward pass, a third slower,
            in place of keeping them.
        compile: compile the encoder's blocks with torch.compile.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    learning_rate: Positive = 1e-5
    num_epochs: Count = 3
    effective_batch_size: Count = 32
    max_length_tokens: LengthTokens | None = None
    max_rows: Count | None = None
    weight_decay: NotNegative = 0.01
    adam_epsilon: Positive = 1e-8
    warmup_share: Share = 0.1
    warmup_steps: CountOrNone | None = None
    max_gradient_norm: Positive = 1.0
    micro_batch_tokens: LengthTokens = 8192
    micro_batch_size: Count | None = field(default=None, metadata=LATER)
    sort_window_batches: Count = 32
    eval_every_steps: Count = 1000
    eval_rows: Count | None = 500
    patience: Count = 30
    keep: Literal["best", "last"] = "best"
    freeze_word_embeddings: bool = False
    gradient_checkpointing: bool = False
    compile: bool = False


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """Which task each optimiser step of a mixture trains; a task has n examples (QA: windows).

    Args:
        sampling: a task's share of the steps is proportional to min(n, cap)^(1 / temperature), or
            the same for all.
        cap: examples beyond which a task gets no larger share; None for no limit.
        temperature: above 1 it lifts small tasks.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    sampling: Literal["proportional", "uniform"] = "proportional"
    cap: Count | None = None
    temperature: Annotated[float, Field(ge=1)] = 1.0


@dataclass(frozen=True, kw_only=True)
class LoRA:
    """Small trained matrices beside an encoder that stays as it is (Hu et al. 2021).

    Heads are trained in full; the encoder's own weights, its pooler included, in neither phase.
    Adapters want a far higher `learning_rate` than full training, to be set in the arm's own
    `intermediate` and `target`.

    Args:
        rank: columns of the matrices.
        alpha: what they add is scaled by alpha / rank.
        dropout: on what goes into them.
        modules: names of the linear layers that get some; None for all of the attention.
        merged: added to the weights at the end of each stage, so that checkpoints are ordinary
            ones; otherwise kept beside them, and the target phase trains them on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rank: Count = 8
    alpha: Count = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    modules: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    merged: bool = True

    @property
    def says(self) -> str:
        """Return what it is, in a few words for people."""
        return f"LoRA of rank {self.rank}, {'merged' if self.merged else 'kept as adapters'}"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way from the base encoder to the targets.

    Args:
        tasks: the intermediate tasks that are trained together; none for the baseline.
        lora: train adapters in both phases, not the encoder; None for full training.
        intermediate: how the intermediate phase learns; filled by `load.py`.
        target: how each target is learned; filled by `load.py`.
        mlm: masked language modelling alongside the intermediate tasks.
        translated: by task, rows in other languages for a part of its steps.
        head: each target begins with a fresh head, or, where an intermediate task of the arm has
            its type and labels, with the trained one of that task.
        prompt: answer at a mask in place of a head, see `PromptSettings`; None for a head.
        examples_per_class: learn each target from so many English rows of every class, which the
            seed draws; None for all rows.
        unseen_classes: by target, classes that a prompt does not learn; they are also scored alone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    tasks: tuple[str, ...] = ()
    mlm: MaskedText | None = None
    translated: Mapping[str, Translated] = field(default_factory=dict)
    lora: LoRA | None = None
    head: Literal["fresh", "reuse"] = "fresh"
    prompt: PromptSettings | None = None
    examples_per_class: Count | None = None
    unseen_classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    intermediate: TrainSettings
    target: Mapping[str, TrainSettings]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """The base model: `mini-base`, `mini-decoder`, a folder, or a hub id.

    `family` "causal" is a decoder language model, which is asked in text; `backend` is what answers
    its prompts on test rows.

    Args:
        base_url: with the backend "endpoint", the server's address, http://HOST:PORT/v1. Nothing is
            trained then, and no other name is needed.
        served_model: the model's name there.
        price_per_million_tokens: of what it reads and of what it writes, in any currency.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    revision: str | None = None
    family: Family = "encoder"
    backend: BackendName = "transformers"
    base_url: str | None = None
    served_model: str | None = None
    price_per_million_tokens: tuple[NotNegative, NotNegative] | None = None


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where rows come from, and how many of them are predicted.

    `test_rows` limits every language of every target (pairs, for retrieval); None for all.
    Paths are relative to the recipe's file.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    source: str
    bucc: str | None = None
    ccg: str | None = None
    ud: str | None = None
    xquad_r: str | None = None
    mewslix: str | None = None
    test_rows: Count | None = None

    @property
    def where(self) -> DataSource:
        """Return the part that says where rows are."""
        folders = {name.value: getattr(self, name) for name in OwnFiles}
        return DataSource(source=self.source, **folders)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement for the report to judge: one arm scores higher than another.

    Args:
        says: the statement in your words.
        arm: the arm that is said to be better.
        over: than which.
        by_points: by more than so many percentage points; below 0 for "not much worse".
        targets: on the mean of these; none for all of the recipe's.
        languages: in these of each target's; none for all.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    says: str
    arm: str
    over: str = BASELINE_ARM
    by_points: Annotated[float, Field(ge=-100, le=100)] = 0.0
    targets: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One study: a base encoder, arms of intermediate tasks, targets, seeds.

    Args:
        name: names the run's folder and its report.
        model: the base encoder.
        data: where rows come from.
        arms: by name; in TOML a list of tasks, or a table whose `intermediate` and `target` change
            single values for this arm. An empty list is the baseline without an intermediate task.
        targets: tasks to fine-tune on in English and to evaluate in every language.
        seeds: each arm is trained once per seed; from 1, since 0 marks what no seed has touched.
        benchmark: whose languages the targets are tested in, and whose groups and mean the report
            shows. XTREME-R adds languages to udpos, panx, xquad and tatoeba.
        languages: evaluate only these of a target's languages; None for all.
        preset: whose published values `target` starts from: Phang et al. (2020) or XTREME.
        intermediate: how the intermediate phase learns.
        mixing: how several intermediate tasks share the steps.
        target: how each target is learned; filled for every target by `load.py`.
        dev: `[target] dev`: what targets are chosen on whose published English dev rows overlap
            test rows: English training rows, held out, or the published ones, as in the paper.
        bucc_duplicates: what becomes of a sentence that stands on several lines: every pair of
            ids, as in jiant, or none, as in XTREME.
        retrieval: how retrieval makes vectors of lines.
        precision: number format of training and prediction; `auto` trains in fp32, and predicts in
            bf16 with each model whose English dev score it leaves as it is; fp16 scales its
            gradients and needs a GPU.
        planned_on: the device whose hours `plan` estimates; a run takes the one that is there.
        num_threads: CPU threads; the last bits of training depend on it.
        resume_every_s: how often a training stage keeps where it is; changes no result.
        trackers: names by which Accelerate knows where to show training, such as tensorboard;
            changes no result.
        controls: also show rules without a model, and models with shuffled foreign embeddings.
        answering: by task, how a decoder answers it; nothing for an encoder.
        measure: how the arms are timed against the baseline, where the recipe has both.
        tasks: your own tasks, for `targets` and `arms` to name: tables [[tasks]], or a list of
            files that declare some.
        claims: what the report is to judge beside the claims of Phang et al. (2020).
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Annotated[str, Field(pattern=NAME)]
    model: ModelSettings
    data: DataSettings
    arms: Mapping[str, Arm]
    targets: tuple[str, ...]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1,)
    benchmark: Benchmark = XTREME
    languages: Languages | None = None
    preset: Preset = "xstilts"
    intermediate: TrainSettings = field(default_factory=TrainSettings)
    mixing: Mixing = field(default_factory=Mixing)
    target: Mapping[str, TrainSettings]
    dev: Annotated[Dev, Field(validation_alias="target.dev")] = "held-out"
    bucc_duplicates: Literal["all", "drop"] = "all"
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    precision: PrecisionOrAuto = "fp32"
    planned_on: DeviceName = "two-cpu-cores"
    num_threads: Annotated[int, Field(ge=1, le=1024)] = 2
    resume_every_s: Positive = 300.0
    trackers: tuple[str, ...] = ()
    controls: bool = False
    answering: Mapping[str, Answering] = field(default_factory=dict)
    measure: MeasureSettings | None = None
    claims: tuple[Claim, ...] = ()
    tasks: tuple[OwnTask, ...] = ()

    @property
    def baseline(self) -> Arm:
        """The baseline, without an intermediate task, whether the recipe asks for it or not."""
        return Arm(intermediate=self.intermediate, target=self.target)
