"""The variants that `training.py` compares: each trains, and says what every step took."""

from __future__ import annotations

import contextlib
import copy
import tempfile
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState
from numpy.typing import NDArray
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from stiltwalk.config.recipe import Precision, TrainSettings
from stiltwalk.features.rows import Features
from stiltwalk.kinds.kind import make_batch
from stiltwalk.models import checkpoint
from stiltwalk.records import Kind
from stiltwalk.train.learner import TaskModels, TaskRows
from stiltwalk.train.loop import Session, all_steps, fit

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
        return checkpoint.with_head(own, self.rows.task.kind, self.rows.labels, seed=seed)


class EnoughError(Exception):
    """Ends a training of which only the first steps were wanted."""


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


def ours(problem: Problem, variant: str, seed: int, num_steps: int | None) -> Run:
    """Train with stiltwalk; None for all steps."""
    run = Run(model=problem.model(seed))

    def progress(done: int, _total: int) -> None:
        run.ends_s.append(time.perf_counter())
        if done == num_steps:
            raise EnoughError

    session = Session(
        models=TaskModels([run.model], [problem.rows.kind]),
        rows=[problem.rows],
        settings=problem.settings,
        seed=seed,
        pad_id=PAD_ID,
        precision=PRECISIONS[variant],
        keep=lambda: None,
        progress=progress,
    )
    lengths = problem.rows.train.ids.lengths
    run.tokens.extend(int(lengths[step.units].sum()) for step in all_steps(session))
    with contextlib.suppress(EnoughError):
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


def trainer(problem: Problem, variant: str, seed: int, num_steps: int | None) -> Run:
    """Train with `transformers.Trainer`; None for all steps."""
    features, settings = problem.rows.train, problem.settings
    run = Run(model=problem.model(seed))

    def collate(rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        picked = np.array([row["row"] for row in rows])
        batch = make_batch(features, picked, PAD_ID, with_types=False)
        run.tokens.append(int(batch.attention_mask_RT.sum()))
        return {**batch.inputs(), **_gold(problem.rows.task.kind, features, picked)}

    tuned = {"train_sampling_strategy": "group_by_length", "bf16": True}
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder,
            per_device_train_batch_size=settings.effective_batch_size,
            max_steps=num_steps or -1,
            num_train_epochs=settings.num_epochs,
            learning_rate=settings.learning_rate,
            warmup_steps=settings.warmup_share,
            weight_decay=settings.weight_decay,
            seed=seed,
            use_cpu=not torch.cuda.is_available(),
            remove_unused_columns=False,
            save_strategy="no",
            logging_strategy="no" if num_steps else "steps",
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            **(tuned if variant == "trainer_tuned" else {}),
        )
        dataset = [{"row": n, "input_ids": ids.tolist()} for n, ids in enumerate(features.ids)]
        loop = Trainer(run.model, arguments, collate, dataset, callbacks=[Watch(run)])
        loop.remove_callback(PrinterCallback)
        loop.train()
    return run


def _gold(kind: Kind, features: Features, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """Return what the Trainer's models compare with."""
    gold = torch.from_numpy(features.labels.padded(rows, 0))
    if kind is Kind.SPAN:
        return {"start_positions": gold[:, 0], "end_positions": gold[:, 1]}
    return {"labels": gold[:, 0]}


def train(problem: Problem, variant: str, seed: int, num_steps: int | None = None) -> Run:
    """Train with one variant; one process may use one number format after another."""
    AcceleratorState._reset_state()
    method = ours if variant in PRECISIONS else trainer
    return method(problem, variant, seed, num_steps)
