"""The training loop: length-grouped steps, cut for memory, the best weights on dev kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from stiltwalk.draws import Draws
from stiltwalk.errors import NotFinite, TrainingDiverged
from stiltwalk.features.batches import Cut, Step, epoch_steps
from stiltwalk.files import remove_sealed
from stiltwalk.heads.head import make_batch, uses_types
from stiltwalk.heads.ranking import RankingHead
from stiltwalk.inference.engine import Engine
from stiltwalk.models.checkpoint import refuse_broken, require_room
from stiltwalk.models.device import from_lead
from stiltwalk.recipe.schema import Mixing, Precision, TrainSettings
from stiltwalk.store.machine import leads
from stiltwalk.training.checkpoint import keep, resume
from stiltwalk.training.data import TaskModels, TaskRows, TrainRows, dev_score, steps_per_task
from stiltwalk.training.distributed import (
    economise,
    exchange,
    gather_weights,
    start,
    sum_over_processes,
)
from stiltwalk.training.dropout import cheap_dropout
from stiltwalk.training.embedding_subset import VocabularySubset

Track = Callable[[str, Mapping[str, Any], int], None]
"""Told the figures of a step ("train"), or of an evaluation after it ("dev"), and its number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingSession:
    """All that one training stage needs.

    Args:
        models: one head per entry of `rows`, on one encoder.
        rows: what is trained on; the tasks' English rows are scored too.
        settings: how to learn.
        draws: the only source of chance: order of rows, dropout.
        pad_id: the tokenizer's padding id.
        precision: number format of matrix products.
        keep: called with the weights as they are whenever they are the best so far.
        progress: told (steps done, steps in all).
        track: see `Track`.
        num_steps: per entry of `rows`, optimiser steps in an epoch; None to see each row once.
        resume_file: the rolling checkpoint to go on from; None to do without.
        resume_every_s: how often it is replaced; changes no result.
    """

    models: TaskModels
    rows: Sequence[TrainRows]
    settings: TrainSettings
    draws: Draws
    pad_id: int
    precision: Precision
    keep: Callable[[], None]
    progress: Callable[[int, int], None]
    track: Track = lambda _part, _values, _step: None
    num_steps: Sequence[int] | None = None
    resume_file: Path | None = None
    resume_every_s: float = 300.0


def fit(session: TrainingSession) -> Training:
    """Train until the epochs are over or dev stops getting better.

    Several processes that were started together share every effective batch.

    Raises:
        TrainingDiverged: if the loss of a step, its gradient, or what comes of it, is not finite;
            nothing is kept from there on.
    """
    # a compiler fuses torch's own dropout
    with nullcontext() if session.settings.compile else cheap_dropout(session.models):
        try:
            return _fit(session)
        except NotFinite as error:
            raise TrainingDiverged(f"{error} Lower learning_rate.") from error


def _fit(session: TrainingSession) -> Training:
    vocabulary = _fitting(session)
    accelerator = start(session.precision, num_heads=len(session.rows))
    optimizer = adamw(session.models, session.settings)
    models, optimizer = accelerator.prepare(session.models, optimizer)
    steps = list(all_steps(session))
    training = _resumed(session, optimizer, accelerator)
    kept_s = time.monotonic()
    for number in range(len(training.log), len(steps)):
        if training.is_over(session.settings.patience):
            break
        rate = learning_rate(number, len(steps), session.settings)
        tools = _Tools(accelerator, optimizer, number, rate)
        training.log.append(_learn(session, models, steps[number], tools))
        session.track("train", training.log[-1], number + 1)
        session.progress(number + 1, len(steps))
        if evaluates_on_dev(number, len(steps), session.settings):
            training.evaluations.append(_evaluate(session, models, number + 1))
            session.track("dev", training.evaluations[-1].by_task, number + 1)
            if training.best is training.evaluations[-1]:
                with vocabulary.whole(training.left_by_decay(session.settings)):
                    session.keep()
                kept_s = -math.inf  # what is kept and where training stands must not drift apart
        is_due = time.monotonic() - kept_s > session.resume_every_s
        if session.resume_file and number + 1 < len(steps) and from_lead(is_due):
            keep(session.resume_file, session.models, optimizer, _state(training, accelerator))
            kept_s = time.monotonic()
    if session.resume_file and leads():
        remove_sealed(session.resume_file)
    vocabulary.close(training.left_by_decay(session.settings))
    return training


def _fitting(session: TrainingSession) -> VocabularySubset:
    """Check that the models take the rows, make them thrifty, leave them the ids that occur."""
    for model, rows in zip(session.models.models, session.rows, strict=True):
        require_room(model, int(rows.train.ids.lengths.max()))
        economise(model, session.settings)
    seen = [features for rows in session.rows for features in rows.fed]
    return VocabularySubset(list(session.models.models), seen, session.pad_id)


def _state(training: Training, accelerator: Accelerator) -> dict[str, Any]:
    """Return what a later process needs besides weights and optimiser."""
    evaluations = [asdict(evaluation) for evaluation in training.evaluations]
    scaler = accelerator.scaler.state_dict() if accelerator.scaler else None
    return {"evaluations": evaluations, "log": training.log, "scaler": scaler}


def _resumed(
    session: TrainingSession,
    optimizer: Any,  # noqa: ANN401 - Accelerate's wrapper
    accelerator: Accelerator,
) -> Training:
    """Return where an earlier, interrupted process got to, or the beginning."""
    state = None
    if session.resume_file:
        state = resume(session.resume_file, session.models, optimizer)
        accelerator.wait_for_everyone()  # the first process may soon replace the file
    if state is None:
        return Training(session.settings.keep, evaluations=[], log=[])
    if accelerator.scaler:
        accelerator.scaler.load_state_dict(state["scaler"])
    evaluations = [Evaluation(**evaluation) for evaluation in state["evaluations"]]
    return Training(session.settings.keep, evaluations, state["log"])


def all_steps(session: TrainingSession) -> Iterator[Step]:
    """Yield every step of every epoch; the order follows from the draws' name alone."""
    settings = session.settings
    cut = Cut(
        effective_batch_size=settings.effective_batch_size,
        sort_window_batches=settings.sort_window_batches,
        micro_batch_tokens=settings.micro_batch_tokens,
        micro_batch_size=settings.micro_batch_size,
    )
    lengths = [rows.train.unit_lengths() for rows in session.rows]
    rows_per_unit = [rows.train.rows_per_unit for rows in session.rows]
    num_steps = session.num_steps or steps_per_task(
        [rows.train.num_units for rows in session.rows], settings.effective_batch_size, Mixing()
    )
    for epoch in range(settings.num_epochs):
        rng = np.random.default_rng(session.draws.number("order", epoch))
        yield from epoch_steps(lengths, rows_per_unit, num_steps, cut, rng)


@dataclass(frozen=True, slots=True, eq=False)
class _Tools:
    accelerator: Accelerator
    optimizer: Any
    number: int
    rate: float


def _learn(
    session: TrainingSession, models: nn.Module, step: Step, tools: _Tools
) -> dict[str, Any]:
    """Take one optimiser step over one effective batch."""
    began = time.perf_counter()
    process = tools.accelerator.process_index
    torch.manual_seed(session.draws.number("dropout", tools.number, process))
    for group in tools.optimizer.param_groups:
        group["lr"] = tools.rate
    models.train()
    loss, num_tokens, num_padded = accumulate(session, models, step, tools.accelerator)
    task = session.rows[step.task].name
    if not math.isfinite(loss):
        raise _diverged("loss", loss, task, step, tools.number)
    norm = float(
        tools.accelerator.clip_grad_norm_(
            [p for p in models.parameters() if p.requires_grad], session.settings.max_gradient_norm
        )
    )
    if not math.isfinite(norm) and not tools.accelerator.scaler:  # the scaler leaves a step out
        raise _diverged("gradient", norm, task, step, tools.number)
    tools.optimizer.step()
    tools.optimizer.zero_grad(set_to_none=True)
    return {
        "step": tools.number + 1,
        "task": task,
        "loss_nats": loss,
        "learning_rate": tools.rate,
        "gradient_norm": norm if math.isfinite(norm) else None,
        "num_tokens": num_tokens,
        "padding_share": 1 - num_tokens / num_padded,
        "time_s": (time_s := time.perf_counter() - began),
        "tokens_per_s": num_tokens / time_s,
    }


def _diverged(what: str, value: float, task: str, step: Step, number: int) -> TrainingDiverged:
    return TrainingDiverged(
        f"The {what} of {task} became {value} at step {number + 1}, rows "
        f"{step.units[:5].tolist()} and {max(len(step.units) - 5, 0)} more. Lower "
        "learning_rate, or look at those rows."
    )


def accumulate(
    session: TrainingSession, models: nn.Module, step: Step, accelerator: Accelerator
) -> tuple[float, int, int]:
    """Add up the gradients of one effective batch, however it was cut.

    Of several processes each takes its share of every micro-batch; of one to be ranked, where the
    documents are compared with each other, all do the whole. One without a share computes
    on another's row and counts it as nothing, since all must take part in every exchange.

    Returns:
        The mean loss over the batch's loss terms, in nats, its real tokens, and its padded ones.
    """
    rows = session.rows[step.task]
    features, device = rows.train, accelerator.device
    total_weight = max(int(rows.head.weights(features)[step.units].sum()), 1)
    with_types = uses_types(session.models.models[step.task])
    processes = accelerator.num_processes
    sums = np.zeros(3)
    for number, units in enumerate(step.micro_batches, start=1):
        share = units[accelerator.process_index :: processes]
        taken, counts = (share, 1.0) if len(share) else (units[:1], 0.0)
        is_whole = isinstance(rows.head, RankingHead)
        if is_whole:
            taken, counts = units, 1 / processes
        picked = features.rows_of(taken)
        batch = make_batch(features, picked, session.pad_id, with_types=with_types).to(device)
        with exchange(accelerator, models, now=number == len(step.micro_batches)):
            with accelerator.autocast():
                logits = models(step.task, batch)
                part = rows.head.loss(logits, features, taken) * counts / total_weight
            accelerator.backward(part * processes)  # they are averaged, and must add up
        real = features.ids.lengths[picked].sum() * counts
        padded = batch.input_ids_RT.numel() * (counts if is_whole else 1)
        sums += float(part.detach()), real, padded
    loss, num_tokens, num_padded = sum_over_processes(sums, accelerator)
    return loss, round(num_tokens), round(num_padded)


def _evaluate(session: TrainingSession, models: nn.Module, step: int) -> Evaluation:
    """Score the English dev rows of every task, unless the weights are no numbers any more."""
    named = session.models.named_parameters()
    trained = ((name, weights) for name, weights in named if weights.requires_grad)
    refuse_broken(trained, f"the model after step {step}")
    gather_weights(models)
    by_task = {}
    for number, rows in enumerate(session.rows):
        if not isinstance(rows, TaskRows):
            continue
        engine = Engine(
            model=session.models.models[number],
            pad_id=session.pad_id,
            precision=session.precision,
        )
        try:
            by_task[rows.name] = dev_score(rows, engine)
        except NotFinite as error:
            text = f"English dev row {error.row + 1} of {rows.name}, after step {step}: {error}"
            raise NotFinite(text, error.row) from error
    by_task = from_lead(by_task)  # the others' last bits may differ, and all must go one way
    return Evaluation(step=step, score=sum(by_task.values()) / len(by_task), by_task=by_task)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One evaluation on dev: after how many steps, the mean score, and each task's."""

    step: int
    score: float
    by_task: dict[str, float]


@dataclass(eq=False)
class Training:
    """Where training stands, or what came out: evaluations on dev, and one record per step."""

    keeps: Literal["best", "last"]
    evaluations: list[Evaluation]
    log: list[dict[str, Any]]

    @property
    def best(self) -> Evaluation:
        """The evaluation whose weights are kept: the first with the best score, or the last."""
        if self.keeps == "last":
            return self.evaluations[-1]
        return max(self.evaluations, key=lambda evaluation: evaluation.score)

    @property
    def num_tokens(self) -> int:
        """Real tokens of all steps."""
        return sum(entry["num_tokens"] for entry in self.log)

    def left_by_decay(self, settings: TrainSettings) -> float:
        """Return what AdamW has left of a weight that never had a gradient."""
        decay = settings.weight_decay
        taken = (entry for entry in self.log if entry["gradient_norm"] is not None)
        return float(math.prod(1 - entry["learning_rate"] * decay for entry in taken))

    def is_over(self, patience: int) -> bool:
        """Tell whether dev has not got better for too long."""
        return (
            bool(self.evaluations)
            and len(self.evaluations) - self.evaluations.index(self.best) > patience
        )


def adamw(models: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return AdamW that decays matrices, and neither biases nor norms."""
    trained = [p for p in models.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, eps=settings.adam_epsilon, fused=True
    )


def learning_rate(step: int, num_steps: int, settings: TrainSettings) -> float:
    """Return the learning rate of a step: linear warm-up, then linear decay to 0.

    Args:
        step: 0 for the first optimiser step.
        num_steps: all optimiser steps of the stage, at least 1.
        settings: peak and share of the warm-up.

    Source:
        `get_linear_schedule_with_warmup`, as in the scripts of Phang et al. (2020).
    """
    warmup = int(settings.warmup_share * num_steps)
    if settings.warmup_steps is not None:
        warmup = min(settings.warmup_steps, num_steps)
    if step < warmup:
        return settings.learning_rate * step / warmup
    return settings.learning_rate * (num_steps - step) / max(1, num_steps - warmup)


def evaluates_on_dev(step: int, num_steps: int, settings: TrainSettings) -> bool:
    """Tell whether dev rows are scored after a step: every so often, and at the end."""
    return (step + 1) % settings.eval_every_steps == 0 or step + 1 == num_steps
