"""The training loop: length-grouped steps, cut for memory, the best weights on dev kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from stiltwalk.config.recipe import Mixing, Precision, TrainSettings
from stiltwalk.errors import TrainingDiverged
from stiltwalk.features.batches import Cut, Step, epoch_steps
from stiltwalk.infer.engine import Engine
from stiltwalk.kinds.kind import make_batch, uses_types
from stiltwalk.models.checkpoint import require_room
from stiltwalk.models.device import pick_device
from stiltwalk.train.learner import TaskModels, TaskRows, TrainRows, dev_score
from stiltwalk.train.mixing import steps_per_task
from stiltwalk.train.occurring import OccurringVocabulary
from stiltwalk.train.optimizer import adamw
from stiltwalk.train.resume import keep, resume
from stiltwalk.train.schedule import learning_rate, looks_at_dev


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """All that one training stage needs.

    Args:
        models: one head per entry of `rows`, on one encoder.
        rows: what is trained on; the tasks' English rows are scored too.
        settings: how to learn.
        seed: the only source of chance: order of rows, dropout.
        pad_id: the tokenizer's padding id.
        precision: number format of matrix products.
        keep: called with the weights as they are whenever they are the best so far.
        progress: told (steps done, steps in all).
        num_steps: per entry of `rows`, optimiser steps in an epoch; None to see each row once.
        resume_file: the rolling checkpoint to go on from; None to do without.
        resume_every_s: how often it is replaced; changes no result.
    """

    models: TaskModels
    rows: Sequence[TrainRows]
    settings: TrainSettings
    seed: int
    pad_id: int
    precision: Precision
    keep: Callable[[], None]
    progress: Callable[[int, int], None]
    num_steps: Sequence[int] | None = None
    resume_file: Path | None = None
    resume_every_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at dev: after how many steps, the mean score, and each task's."""

    step: int
    score: float
    by_task: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What came out: looks at dev, the best of them, and one record per step."""

    looks: tuple[Look, ...]
    best: Look
    log: tuple[dict[str, Any], ...]
    num_tokens: int


@dataclass(eq=False)
class _Course:
    """Where training stands."""

    keeps: Literal["best", "last"]
    looks: list[Look]
    log: list[dict[str, Any]]

    @property
    def best(self) -> Look:
        """The look whose weights are kept: the first with the best score, or the last."""
        if self.keeps == "last":
            return self.looks[-1]
        return max(self.looks, key=lambda look: look.score)

    def left_by_decay(self, settings: TrainSettings) -> float:
        """Return what AdamW has left of a weight that never had a gradient."""
        decay = settings.weight_decay
        return float(math.prod(1 - entry["learning_rate"] * decay for entry in self.log))

    def is_over(self, patience: int) -> bool:
        """Tell whether dev has not got better for too long."""
        return bool(self.looks) and len(self.looks) - self.looks.index(self.best) > patience


def fit(session: Session) -> Training:
    """Train until the epochs are over or dev stops getting better.

    Raises:
        TrainingDiverged: if the loss of a step is not finite; nothing is kept from there on.
    """
    vocabulary = _fitting(session)
    AcceleratorState._reset_state()  # one process may train in one number format after another
    accelerator = Accelerator(
        mixed_precision="bf16" if session.precision == "bf16" else "no",
        cpu=pick_device().type == "cpu",  # where dev rows are scored: never half on Apple's GPU
    )
    torch.manual_seed(session.seed)
    optimizer = accelerator.prepare(adamw(session.models, session.settings))
    models = accelerator.prepare(session.models)
    steps = list(all_steps(session))
    course = _resumed(session, optimizer)
    kept_s = time.monotonic()
    for number in range(len(course.log), len(steps)):
        if course.is_over(session.settings.patience):
            break
        rate = learning_rate(number, len(steps), session.settings)
        tools = _Tools(accelerator, optimizer, number, rate)
        course.log.append(_learn(session, models, steps[number], tools))
        session.progress(number + 1, len(steps))
        if looks_at_dev(number, len(steps), session.settings):
            course.looks.append(_look(session, number + 1))
            if course.best is course.looks[-1]:
                with vocabulary.whole(course.left_by_decay(session.settings)):
                    session.keep()
                kept_s = -math.inf  # what is kept and where training stands must not drift apart
        is_due = time.monotonic() - kept_s > session.resume_every_s
        if session.resume_file and is_due and number + 1 < len(steps):
            state = {"looks": [asdict(look) for look in course.looks], "log": course.log}
            keep(session.resume_file, session.models, optimizer, state)
            kept_s = time.monotonic()
    if session.resume_file:
        session.resume_file.unlink(missing_ok=True)
    vocabulary.close(course.left_by_decay(session.settings))
    return Training(
        looks=tuple(course.looks),
        best=course.best,
        log=tuple(course.log),
        num_tokens=sum(entry["num_tokens"] for entry in course.log),
    )


def _fitting(session: Session) -> OccurringVocabulary:
    """Check that the models take the rows, and leave them the ids that occur there."""
    for model, rows in zip(session.models.models, session.rows, strict=True):
        require_room(model, int(rows.train.ids.lengths.max()))
    seen = [features for rows in session.rows for features in rows.fed]
    return OccurringVocabulary(list(session.models.models), seen)


def _resumed(session: Session, optimizer: Any) -> _Course:  # noqa: ANN401 - Accelerate's wrapper
    """Return where an earlier, interrupted process got to, or the beginning."""
    state = None
    if session.resume_file:
        state = resume(session.resume_file, session.models, optimizer)
    if state is None:
        return _Course(session.settings.keep, looks=[], log=[])
    looks = [Look(**look) for look in state["looks"]]
    return _Course(session.settings.keep, looks, state["log"])


def all_steps(session: Session) -> Iterator[Step]:
    """Yield every step of every epoch; the order follows from the seed alone."""
    settings = session.settings
    cut = Cut(
        effective_batch_size=settings.effective_batch_size,
        sort_window_batches=settings.sort_window_batches,
        micro_batch_tokens=settings.micro_batch_tokens,
    )
    lengths = [rows.train.unit_lengths() for rows in session.rows]
    rows_per_unit = [rows.train.rows_per_unit for rows in session.rows]
    num_steps = session.num_steps or steps_per_task(
        [rows.train.num_units for rows in session.rows], settings.effective_batch_size, Mixing()
    )
    for epoch in range(settings.num_epochs):
        rng = np.random.default_rng([session.seed, epoch])
        yield from epoch_steps(lengths, rows_per_unit, num_steps, cut, rng)


@dataclass(frozen=True, slots=True, eq=False)
class _Tools:
    accelerator: Accelerator
    optimizer: Any
    number: int
    rate: float


def _learn(session: Session, models: nn.Module, step: Step, tools: _Tools) -> dict[str, Any]:
    """Take one optimiser step over one effective batch."""
    began = time.perf_counter()
    for group in tools.optimizer.param_groups:
        group["lr"] = tools.rate
    models.train()
    loss, num_tokens = accumulate(session, models, step, tools.accelerator)
    task = session.rows[step.task].name
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"The loss of {task} became {loss} at step {tools.number + 1}, rows "
            f"{step.units[:5].tolist()} and {max(len(step.units) - 5, 0)} more. Lower "
            "learning_rate, or look at those rows."
        )
    norm = tools.accelerator.clip_grad_norm_(
        [p for p in models.parameters() if p.requires_grad], session.settings.max_gradient_norm
    )
    tools.optimizer.step()
    tools.optimizer.zero_grad(set_to_none=True)
    return {
        "step": tools.number + 1,
        "task": task,
        "loss_nats": loss,
        "learning_rate": tools.rate,
        "gradient_norm": float(norm),
        "num_tokens": num_tokens,
        "time_s": time.perf_counter() - began,
    }


def accumulate(
    session: Session, models: nn.Module, step: Step, accelerator: Accelerator
) -> tuple[float, int]:
    """Add up the gradients of one effective batch, however it was cut.

    Returns:
        The mean loss over the batch's loss terms, in nats, and its real tokens.
    """
    rows = session.rows[step.task]
    features, device = rows.train, accelerator.device
    total_weight = max(int(rows.kind.weights(features)[step.units].sum()), 1)
    with_types = uses_types(session.models.models[step.task])
    loss, num_tokens = 0.0, 0
    for units in step.micro_batches:
        picked = features.rows_of(units)
        batch = make_batch(features, picked, session.pad_id, with_types=with_types).to(device)
        with accelerator.autocast():
            logits = models(step.task, batch)
            part = rows.kind.loss(logits, features, units) / total_weight
        accelerator.backward(part)
        loss += float(part.detach())
        num_tokens += int(features.ids.lengths[picked].sum())
    return loss, num_tokens


def _look(session: Session, step: int) -> Look:
    """Score the English dev rows of every task."""
    by_task = {}
    for number, rows in enumerate(session.rows):
        if not isinstance(rows, TaskRows):
            continue
        engine = Engine(
            model=session.models.models[number],
            pad_id=session.pad_id,
            precision=session.precision,
        )
        by_task[rows.name] = dev_score(rows, engine)
    return Look(step=step, score=sum(by_task.values()) / len(by_task), by_task=by_task)
