"""What a stage would take: examples, tokens, time, disk. Estimates, from shipped facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, assert_never

from stiltwalk.data.source import MINI
from stiltwalk.mini import catalogue
from stiltwalk.recipe.schema import Recipe, TrainSettings
from stiltwalk.recipe.types import DeviceName, ProfileName
from stiltwalk.records import Split, TaskType
from stiltwalk.stages.stage import (
    Base,
    DrawnRows,
    FineTune,
    Intermediate,
    Measure,
    Predict,
    Pretrain,
    Prompt,
    Rules,
    Stage,
    StageRows,
)
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import HELD_OUT_ONE_IN, num_rows
from stiltwalk.tasks.task import Task

STEP_OVERHEAD_S = 0.012
ROW_OVERHEAD_S = 0.0003
"""What a small encoder spends outside matrix products, per optimiser step and per row."""
STAGE_OVERHEAD_S = 0.5
"""What a stage spends before and after: reading, loading, writing."""
MEAN_LINE_TOKENS = 60
"""Of a line of text; estimates are meant to a factor of two."""
MEASURE_S: Mapping[ProfileName, float] = {"quick": 60.0, "full": 20_000.0}
"""What timing a task takes, and testing the instrument before it."""
TEMPLATE_TOKENS = 20
"""Of the text around a record, and of an answer, where a decoder is asked."""
_BYTES_PER_WEIGHT = 4


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """The size of an encoder, as far as it decides costs."""

    num_blocks: int
    width: int
    vocabulary_size: int

    @property
    def block_weights(self) -> int:
        """Weights in matrix products: four of attention, eight of the feed-forward layer."""
        return 12 * self.num_blocks * self.width**2

    @property
    def file_bytes(self) -> int:
        """The size of a checkpoint in fp32."""
        return _BYTES_PER_WEIGHT * (self.block_weights + self.vocabulary_size * self.width)


@dataclass(frozen=True, kw_only=True)
class StageCost:
    """An estimate; examples and tokens count every pass, `time_s` is on the recipe's device."""

    num_examples: int = 0
    num_tokens: int = 0
    time_s: float = 0.0
    disk_bytes: int = 0


def cost(stage: Stage, recipe: Recipe, shape: ModelShape) -> StageCost:  # noqa: PLR0911 - one case each
    """Estimate a stage from row counts and mean lengths, without opening any data."""
    match stage:
        case Base() | Rules():
            return StageCost()
        case Pretrain():
            settings = stage.settings
            tokens = settings.steps * settings.batch_size * settings.max_tokens // 4
            work = _Work(settings.steps * settings.batch_size, tokens, settings.steps)
            return _trained(work, recipe, shape)
        case Intermediate():
            return _trained(_with_text(stage, recipe), recipe, shape)
        case FineTune():
            work = _work([stage.rows.task], stage.settings, recipe, stage.rows)
            return _trained(work, recipe, shape)
        case Prompt():
            return replace(_trained(_few_shot(stage, recipe), recipe, shape), disk_bytes=0)
        case Predict():
            return _prediction(stage, recipe, shape)
        case Measure():
            return StageCost(time_s=MEASURE_S[stage.profile] * (1 + len(stage.a)))
        case _:
            assert_never(stage)


class _Work(NamedTuple):
    """What training goes through, all epochs."""

    num_examples: int
    num_tokens: int
    num_steps: int


def _work(
    names: list[str], settings: TrainSettings, recipe: Recipe, learned: StageRows | None = None
) -> _Work:
    """Estimate all epochs over some tasks' English rows."""
    num_examples = num_tokens = num_steps = 0
    for name in names:
        rows = _rows(TASKS[name], Split.TRAIN, "en", recipe)
        if learned and learned.dev == "held-out":
            rows -= rows // HELD_OUT_ONE_IN
        rows = min(rows, settings.max_rows or rows)
        if isinstance(learned, DrawnRows):
            rows = len(TASKS[name].labels) * learned.per_class
        if len(names) > 1:
            rows = min(rows, recipe.mixing.cap or rows)
        rows *= settings.num_epochs
        num_examples += rows
        num_tokens += round(rows * _mean_tokens(TASKS[name], "en", recipe))
        num_steps += -(-rows // settings.effective_batch_size)
    return _Work(num_examples, num_tokens, num_steps)


def _few_shot(stage: Prompt, recipe: Recipe) -> _Work:
    """Estimate the epochs over a prompt's examples; nothing without vectors."""
    if not (stage.settings.is_trained and isinstance(stage.rows, DrawnRows)):
        return _Work(0, 0, 0)
    task, settings = TASKS[stage.rows.task], stage.settings
    num_classes = len(stage.cloze.label_words) - len(stage.unseen)
    rows = num_classes * stage.rows.per_class * settings.num_epochs
    tokens = round(rows * (_mean_tokens(task, "en", recipe) + settings.num_tokens))
    return _Work(rows, tokens, -(-rows // settings.effective_batch_size))


def _with_text(stage: Intermediate, recipe: Recipe) -> _Work:
    """Estimate an intermediate stage; translated rows are taken to be as long as English ones."""
    work = _work([rows.task for rows in stage.rows], stage.settings, recipe)
    if stage.text is None:
        return work
    weight, longest = stage.text.settings.weight, stage.text.settings.max_length_tokens
    num_steps = round(work.num_steps * weight / (1 - weight))
    num_lines = num_steps * stage.settings.effective_batch_size
    is_mini = stage.text.where.place == MINI
    tokens = catalogue.MEAN_TOKENS["tatoeba"] if is_mini else min(MEAN_LINE_TOKENS, longest)
    return _Work(
        work.num_examples + num_lines,
        work.num_tokens + round(num_lines * tokens),
        work.num_steps + num_steps,
    )


def _trained(work: _Work, recipe: Recipe, shape: ModelShape) -> StageCost:
    """Cost a forward and a backward pass: three times the products of a forward one."""
    return StageCost(
        num_examples=work.num_examples,
        num_tokens=work.num_tokens,
        time_s=6 * shape.block_weights * work.num_tokens / _flops_per_s(recipe)
        + work.num_steps * STEP_OVERHEAD_S
        + STAGE_OVERHEAD_S,
        disk_bytes=shape.file_bytes,
    )


def _flops_per_s(recipe: Recipe) -> float:
    return DEVICES[recipe.planned_on].flops_per_s(recipe.precision)


def _prediction(stage: Predict, recipe: Recipe, shape: ModelShape) -> StageCost:
    """Estimate one forward pass over every language's test rows; mining reads dev rows too."""
    task = TASKS[stage.rows.task]
    num_examples = num_tokens = 0
    for language in stage.languages:
        for split in task.asked_splits:
            rows = _rows(task, split, language, recipe)
            if stage.max_rows is not None:
                rows = min(rows, stage.max_rows * _sides(task))
            num_examples += rows
            num_tokens += round(rows * _mean_tokens(task, language, recipe))
    share = stage.relative_depth or 1.0
    products_s = 2 * shape.block_weights * share * num_tokens / _flops_per_s(recipe)
    return StageCost(
        num_examples=num_examples,
        num_tokens=num_tokens,
        time_s=products_s + num_examples * ROW_OVERHEAD_S + STAGE_OVERHEAD_S,
    )


def _sides(task: Task) -> int:
    """Return how many lines one row of a task stands for: a translation has two."""
    return 2 if task.task_type is TaskType.RETRIEVAL else 1


def _rows(task: Task, split: Split, language: str, recipe: Recipe) -> int:
    if recipe.data.source == MINI and not task.is_own:
        return catalogue.ROWS[split] * _sides(task)
    return num_rows(task, recipe.data.where, split, language)


def _mean_tokens(task: Task, language: str, recipe: Recipe) -> float:
    around = TEMPLATE_TOKENS if recipe.model.family == "causal" else 0
    if recipe.data.source == MINI and not task.is_own:
        return around + catalogue.MEAN_TOKENS[task.name]
    return around + task.tokens_of_row(language)


@dataclass(frozen=True, kw_only=True)
class Device:
    """A device in words, and the FLOP/s that matrix products get on it; fp16 as bf16."""

    name: str
    fp32: float
    bf16: float

    def flops_per_s(self, precision: Literal["fp32", "bf16", "fp16", "auto"]) -> float:
        """Return the FLOP/s in a number format, fp16 like bf16; "auto" may come to fp32."""
        return self.bf16 if precision in ("bf16", "fp16") else self.fp32


_OF_FP32, _OF_BF16 = 0.6, 0.35
"""Shares of the dense peak that a training loop keeps: estimates."""


def _gpu(name: str, fp32_peak: float, bf16_peak: float) -> Device:
    return Device(name=name, fp32=_OF_FP32 * fp32_peak, bf16=_OF_BF16 * bf16_peak)


DEVICES: Mapping[DeviceName, Device] = {
    "two-cpu-cores": Device(name="two CPU cores", fp32=60e9, bf16=120e9),
    "rtx3090": _gpu("one GeForce RTX 3090", 35.6e12, 71e12),
    "rtx4090": _gpu("one GeForce RTX 4090", 82.6e12, 165e12),
    "a100": _gpu("one A100", 19.5e12, 312e12),
    "h100": _gpu("one H100 SXM", 67e12, 989e12),
}
"""Peaks as the vendor states them, dense, with accumulation in fp32."""
