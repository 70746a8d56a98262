"""What work takes: examples, tokens, time, disk. Estimates, from shipped facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from stiltwalk.recipe.schema import Recipe, TrainSettings
from stiltwalk.recipe.types import Answering, DeviceName, resolved
from stiltwalk.records import Split
from stiltwalk.stages.rows import StageRows
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import (
    PART_OF_A_POOL,
    num_asked,
    num_documents,
    num_rows,
    tokens_of_document,
    tokens_of_row,
)
from stiltwalk.tasks.task import Task

STEP_OVERHEAD_S = 0.012
ROW_OVERHEAD_S = 0.0003
"""What a small encoder spends outside matrix products, per optimiser step and per row."""
REQUEST_OVERHEAD_S = 0.005
"""What a model spends on each of its passes that is alone."""
STAGE_OVERHEAD_S = 0.5
"""What a stage spends before and after: reading, loading, writing."""
TEMPLATE_TOKENS = 20
"""Of the text around a record, and of an answer, where a decoder is asked."""
_BYTES_PER_WEIGHT = 4
_RANKING_BYTES = 200_000_000
"""Of a block of cosines and its candidates, found and sorted."""
_BYTES_PER_ID = 120
_USUAL_OPTIONS = 2
"""Of tasks without classes, as COPA's."""


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
    """An estimate; examples and tokens count every pass, `time_s` is on the recipe's device.

    `memory_bytes` is what ranking a pool takes besides the model, as large as the pool may be;
    `to_ask` what a server is to be asked, see `asked_of_server`.
    """

    num_examples: int = 0
    num_tokens: int = 0
    time_s: float = 0.0
    disk_bytes: int = 0
    memory_bytes: int = 0
    to_ask: Mapping[str, Any] | None = None


class Work(NamedTuple):
    """What training goes through, all epochs."""

    num_examples: int
    num_tokens: int
    num_steps: int


def work(learned: Sequence[StageRows], settings: TrainSettings, recipe: Recipe) -> Work:
    """Estimate all epochs over some tasks' English rows."""
    num_examples = num_tokens = num_steps = 0
    for each in learned:
        task = TASKS[each.task]
        rows = each.num_learned(
            num_rows(task, recipe.data.where, Split.TRAIN, "en"), settings.max_rows
        )
        if len(learned) > 1:
            rows = min(rows, recipe.mixing.cap or rows)
        rows *= settings.num_epochs
        num_examples += rows
        document_tokens = tokens_of_document(task, recipe.data.where)
        num_tokens += round(rows * (mean_tokens(task, "en", recipe) + document_tokens))
        num_steps += -(-rows // settings.effective_batch_size)
    return Work(num_examples, num_tokens, num_steps)


def training_cost(work: Work, recipe: Recipe, shape: ModelShape) -> StageCost:
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


def asked_cost(
    task: Task,
    languages: Sequence[str],
    max_rows: int | None,
    share: float,
    recipe: Recipe,
    shape: ModelShape,
) -> StageCost:
    """Cost a forward pass through a share of the blocks over a task's rows in its languages."""
    num_examples = num_tokens = memory_bytes = 0
    for language in languages:
        for split in task.asked_splits:
            rows = num_asked(task, recipe.data.where, split, language, max_rows)
            num_examples += rows
            num_tokens += round(rows * mean_tokens(task, language, recipe))
    pool = num_documents(task, recipe.data.where, max_rows)
    if pool:
        held = num_examples + PART_OF_A_POOL
        memory_bytes = _RANKING_BYTES + 12 * shape.width * held + _BYTES_PER_ID * pool
    num_examples += pool
    num_tokens += round(pool * tokens_of_document(task, recipe.data.where))
    cost = forward_cost(num_examples, num_tokens, share, recipe, shape)
    return replace(cost, memory_bytes=memory_bytes)


def forward_cost(
    num_examples: int, num_tokens: int, share: float, recipe: Recipe, shape: ModelShape
) -> StageCost:
    """Cost rows that go through a share of the blocks once."""
    products_s = 2 * shape.block_weights * share * num_tokens / _flops_per_s(recipe)
    return StageCost(
        num_examples=num_examples,
        num_tokens=num_tokens,
        time_s=products_s + num_examples * ROW_OVERHEAD_S + STAGE_OVERHEAD_S,
    )


def told_ranking(memory_bytes: int) -> str:
    """Return what ranking a pool takes, a sentence."""
    gigabytes = memory_bytes / 1e9
    return f"To rank documents, part by part: about {gigabytes:.1f} GB of memory besides the model."


def request_time(task: Task, language: str, recipe: Recipe, shape: ModelShape) -> float:
    """Estimate what answering one request takes, alone; the words of an answer one by one."""
    written = 0
    if recipe.model.family == "causal":
        how = resolved(task.task_type, recipe.answering.get(task.name, Answering()))
        written = (how.max_new_tokens or 0) * (how.way == "generation")
    num_tokens = mean_tokens(task, language, recipe) + written
    products_s = 2 * shape.block_weights * num_tokens / _flops_per_s(recipe)
    return products_s + REQUEST_OVERHEAD_S * (1 + written)


def asked_of_server(
    task: Task, languages: Sequence[str], max_rows: int | None, recipe: Recipe
) -> dict[str, Any]:
    """Estimate the requests for a task's answers, their tokens, and money where prices are told.

    Options are one request each, and the prompt alone one; written answers are taken at their
    longest.
    """
    how = resolved(task.task_type, recipe.answering.get(task.name, Answering()))
    num_options = len(task.labels) or _USUAL_OPTIONS
    times, most = (1, how.max_new_tokens or 0) if how.way == "generation" else (num_options + 1, 0)
    found: dict[str, Any] = {"task": task.name, "requests": 0, "input_tokens": 0}
    for language in languages:
        rows = num_rows(task, recipe.data.where, Split.TEST, language)
        rows = rows if max_rows is None else min(rows, max_rows)
        found["requests"] += rows * times
        prompt_tokens = mean_tokens(task, language, recipe) * (1 + how.in_context)
        found["input_tokens"] += round(rows * times * prompt_tokens)
    found["output_tokens"] = found["requests"] * most
    prices = recipe.model.price_per_million_tokens
    if prices:
        read, write = found["input_tokens"], found["output_tokens"]
        found["money"] = (read * prices[0] + write * prices[1]) / 1e6
    return found


def told_asked(asked: Mapping[str, Any]) -> str:
    """Return what a server is to be asked, a sentence."""
    money = f", about {asked['money']:,.4g} at its prices" if "money" in asked else ""
    return (
        f"To ask the server, {asked['task']}: {asked['requests']:,} requests, about "
        f"{asked['input_tokens']:,} tokens to read and at most {asked['output_tokens']:,} to "
        f"write{money}."
    )


def mean_tokens(task: Task, language: str, recipe: Recipe) -> float:
    """Return the mean length of a task's rows, with what is written around them."""
    around = TEMPLATE_TOKENS if recipe.model.family == "causal" else 0
    return around + tokens_of_row(task, recipe.data.where, language)


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
    "two-cpu-cores": Device(name="two CPU cores", fp32=110e9, bf16=220e9),
    "rtx3090": _gpu("one GeForce RTX 3090", 35.6e12, 71e12),
    "rtx4090": _gpu("one GeForce RTX 4090", 82.6e12, 165e12),
    "a100": _gpu("one A100", 19.5e12, 312e12),
    "h100": _gpu("one H100 SXM", 67e12, 989e12),
}
"""Peaks as the vendor states them, dense, with accumulation in fp32."""
