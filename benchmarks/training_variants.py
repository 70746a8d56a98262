"""The variants that `training.py` compares: each trains, and says what every step took."""

from __future__ import annotations

import contextlib
import copy
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stiltwalk.draws import Draws
from stiltwalk.features.rows import Features
from stiltwalk.heads.head import make_batch
from stiltwalk.models import checkpoint
from stiltwalk.recipe.schema import Precision, TrainSettings
from stiltwalk.records import TaskType
from stiltwalk.training import loop
from stiltwalk.training.data import TaskModels, TaskRows
from stiltwalk.training.loop import TrainingSession, all_steps, fit

VARIANTS = ("trainer_default", "trainer_tuned", "ours_fp32", "ours_bf16")
PRECISIONS: dict[str, Precision] = {"ours_fp32": "fp32", "ours_bf16": "bf16"}
PAD_ID = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What all variants are given."""

    encoder: Any
    rows: TaskRows
    settings: TrainSettings

    def model(self, seed: int) -> Any:  # noqa: ANN401 - transformers' classes share no type
        """Return the encoder, copied, with a fresh head."""
        own = copy.deepcopy(self.encoder)
        return checkpoint.with_head(own, self.rows.task.task_type, self.rows.labels, seed=seed)


class EnoughError(Exception):
    """Ends a training of which only some steps were wanted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """Per step real tokens, the time at its end, and the loss; the model."""

    model: Any
    tokens: list[int] = field(default_factory=list)
    ends_s: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def tokens_per_s(self) -> float:
        """Return real tokens per second, without the first step."""
        count = len(self.ends_s)
        return sum(self.tokens[1:count]) / (self.ends_s[-1] - self.ends_s[0])


def sampled(longest: Sequence[int], count: int, seed: int) -> list[int]:
    """Return which batches of an epoch are run: the middle one, then those that are counted.

    Sorted by length, every n-th is counted from a random one on, so that each batch is as likely
    as any other, and all lengths are there.

    Args:
        longest: the longest row of every batch, in tokens.
        count: how many are counted.
        seed: decides the first.
    """
    order = np.argsort(longest, kind="stable")
    at = (np.arange(count) + np.random.default_rng(seed).random()) * len(order) / count
    return [int(order[len(order) // 2]), *map(int, order[at.astype(int)])]


def ours(problem: Problem, variant: str, seed: int, counted_steps: int | None) -> Run:
    """Train with stiltwalk; None for all steps."""
    run = Run(model=problem.model(seed))

    def progress(done: int, total: int) -> None:
        run.ends_s.append(time.perf_counter())
        if counted_steps and done == total:
            raise EnoughError  # before dev rows are scored

    session = TrainingSession(
        models=TaskModels([run.model], [problem.rows.kind]),
        rows=[problem.rows],
        settings=problem.settings,
        draws=Draws(seed, "target", "benchmark"),
        pad_id=PAD_ID,
        precision=PRECISIONS[variant],
        keep=lambda: None,
        progress=progress,
    )
    lengths, steps = problem.rows.train.ids.lengths, list(all_steps(session))
    if counted_steps:
        epoch = steps[: len(steps) // problem.settings.num_epochs]
        longest = [int(lengths[step.units].max()) for step in epoch]
        steps = [epoch[number] for number in sampled(longest, counted_steps, seed)]
    run.tokens.extend(int(lengths[step.units].sum()) for step in steps)
    with contextlib.suppress(EnoughError), patch.object(loop, "all_steps", lambda _: steps):
        run.losses.extend(entry["loss_nats"] for entry in fit(session).log)
    return run


class Watch(TrainerCallback):
    """Notes when steps end, and their losses."""

    def __init__(self, run: Run) -> None:
        """Note it in a run."""
        self.run = run

    def on_step_end(self, *_: object, **__: object) -> None:
        """Note the time."""
        self.run.ends_s.append(time.perf_counter())

    def on_log(self, *_: object, logs: dict[str, float], **__: object) -> None:
        """Note the loss."""
        self.run.losses.extend(logs[name] for name in logs if name == "loss")


class SamplingTrainer(Trainer):
    """Trains on some batches of the epoch that its own sampler draws."""

    counted_steps: int | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:  # noqa: ANN401 - as theirs
        """Return the rows of those batches, or what the Trainer would."""
        sampler = super()._get_train_sampler(train_dataset)
        if self.counted_steps is None:
            return sampler
        rows, size = list(sampler), self.args.train_batch_size
        batches = [rows[at : at + size] for at in range(0, len(rows), size)]
        longest = [max(len(self.train_dataset[row]["input_ids"]) for row in b) for b in batches]
        picked = sampled(longest, self.counted_steps, self.args.seed)
        return [row for number in picked for row in batches[number]]


def trainer(problem: Problem, variant: str, seed: int, counted_steps: int | None) -> Run:
    """Train with `transformers.Trainer`; None for all steps."""
    features, settings = problem.rows.train, problem.settings
    run = Run(model=problem.model(seed))

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        picked = np.array([row["row"] for row in rows])
        batch = make_batch(features, picked, PAD_ID, with_types=False)
        run.tokens.append(int(batch.attention_mask_RT.sum()))
        return {**batch.inputs(), **_gold(problem.rows.task.task_type, features, picked)}

    tuned = {"train_sampling_strategy": "group_by_length", "bf16": True}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=settings.effective_batch_size,
            max_steps=1 + counted_steps if counted_steps else -1,
            num_train_epochs=settings.num_epochs,
            learning_rate=settings.learning_rate,
            warmup_steps=settings.warmup_share,
            weight_decay=settings.weight_decay,
            draws=Draws(seed, "target", "benchmark"),
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no" if counted_steps else "steps",
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            **(tuned if variant == "trainer_tuned" else {}),
        )
        dataset = [{"row": n, "input_ids": ids.tolist()} for n, ids in enumerate(features.ids)]
        theirs = SamplingTrainer(run.model, arguments, collate, dataset, callbacks=[Watch(run)])
        theirs.counted_steps = counted_steps
        theirs.remove_callback(PrinterCallback)
        theirs.train()
    return run


def _gold(kind: TaskType, features: Features, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """Return what the Trainer's models compare with."""
    gold = torch.from_numpy(features.labels.padded(rows, 0))
    if kind is TaskType.SPAN:
        return {"start_positions": gold[:, 0], "end_positions": gold[:, 1]}
    return {"labels": gold[:, 0]}


def train(problem: Problem, variant: str, seed: int, counted_steps: int | None = None) -> Run:
    """Train with one variant; one process may use one number format after another.

    Args:
        problem: what is learned.
        variant: one of `VARIANTS`.
        seed: decides the batches, the head's first weights, and which batches are counted.
        counted_steps: a fair sample of so many batches of an epoch, after one that is not
            counted; None to train to the end.
    """
    AcceleratorState._reset_state()
    method = ours if variant in PRECISIONS else trainer
    return method(problem, variant, seed, counted_steps)
