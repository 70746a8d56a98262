"""Tests for stiltwalk.training.loop and stiltwalk.training.data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from rows import LABELS, examples
from stiltwalk.draws import Draws
from stiltwalk.errors import DataError, TrainingDiverged
from stiltwalk.features.text import load_text_encoder
from stiltwalk.inference.engine import Engine
from stiltwalk.models import adapters, checkpoint
from stiltwalk.recipe.schema import LoRA, Precision, TrainSettings
from stiltwalk.records import Metric, PairExample, TaskType
from stiltwalk.tasks.task import Task
from stiltwalk.training import loop
from stiltwalk.training.data import TaskModels, TaskRows, dev_score, task_rows
from stiltwalk.training.loop import Training, TrainingSession, accumulate, all_steps, fit

SETTINGS = TrainSettings(
    learning_rate=1e-3,
    num_epochs=2,
    effective_batch_size=4,
    max_length_tokens=64,
    micro_batch_tokens=64,
    eval_every_steps=2,
)
METRICS = {
    TaskType.PAIR: Metric.ACCURACY,
    TaskType.CHOICE: Metric.ACCURACY,
    TaskType.TAGGING: Metric.CHUNK_F1,
    TaskType.SPAN: Metric.SQUAD,
}


def task(kind: TaskType) -> Task:
    return Task(
        name=f"small_{kind}",
        task_type=kind,
        languages=("en",),
        metric=METRICS[kind],
        paper="",
        licence="",
        labels=LABELS[kind],
    )


@dataclass(eq=False)
class Trainee:
    """A session on the tiny model, and what it kept."""

    folder: Path
    kinds: Sequence[TaskType] = (TaskType.PAIR,)
    settings: TrainSettings = SETTINGS
    seed: int = 1
    precision: Precision = "fp32"
    lora: LoRA | None = None
    kept: list[dict[str, Tensor]] = field(default_factory=list)
    told: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Turn examples into rows, and put the heads on the encoder."""
        text = load_text_encoder(self.folder)
        self.encoder = checkpoint.load(TaskType.RETRIEVAL, self.folder, seed=self.seed)
        if self.lora:
            adapters.add(self.encoder, self.lora, seed=self.seed)
        self.rows = [
            task_rows(task(kind), examples(kind), examples(kind, 5), text, self.settings)
            for kind in self.kinds
        ]
        models = [
            checkpoint.with_head(self.encoder, kind, LABELS[kind], seed=self.seed)
            for kind in self.kinds
        ]
        self.models = TaskModels(models, [each.head for each in self.rows])
        self.session = TrainingSession(
            models=self.models,
            rows=self.rows,
            settings=self.settings,
            draws=Draws(self.seed, "target", "small"),
            pad_id=text.pad_id,
            precision=self.precision,
            keep=lambda: self.kept.append(self.weights()),
            progress=lambda done, total: self.told.append((done, total)),
        )

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights as they are."""
        return {name: value.clone() for name, value in self.models.state_dict().items()}

    def fit(self) -> Training:
        """Train to the end."""
        return fit(self.session)


def dev_scores(monkeypatch: pytest.MonkeyPatch, *scores: float) -> None:
    """Let the evaluations on dev find these scores, one after another."""
    left = iter(scores)
    monkeypatch.setattr(loop, "dev_score", lambda _rows, _engine: next(left))


@pytest.mark.parametrize("kind", list(METRICS))
def test_every_kind_learns_and_is_looked_at(kind: TaskType, tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr, [kind])
    before = trainee.weights()
    training = trainee.fit()
    assert [evaluation.step for evaluation in training.evaluations] == [2, 4, 6]
    assert all(0 <= evaluation.score <= 1 for evaluation in training.evaluations)
    after = trainee.weights()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert [entry["step"] for entry in training.log] == [1, 2, 3, 4, 5, 6]
    assert training.num_tokens == 2 * trainee.rows[0].train.ids.lengths.sum()
    assert trainee.told == [(number, 6) for number in range(1, 7)]
    json.dumps(training.log)  # kept as JSON lines


def test_a_strictly_better_score_wins(tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dev_scores(monkeypatch, 0.5, 0.5, 0.6)
    trainee = Trainee(tiny_xlmr)
    training = trainee.fit()
    assert training.best.step == 6
    assert len(trainee.kept) == 2  # the tie in between kept nothing


def test_the_first_of_equal_scores_is_kept(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_scores(monkeypatch, 0.5, 0.5, 0.5)
    trainee = Trainee(tiny_xlmr)
    assert trainee.fit().best.step == 2
    assert len(trainee.kept) == 1


def test_patience_stops(tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dev_scores(monkeypatch, 0.1, 0.5, 0.4, 0.5, 0.9, 0.9)
    trainee = Trainee(tiny_xlmr, settings=replace(SETTINGS, num_epochs=4, patience=2))
    training = trainee.fit()
    assert [evaluation.step for evaluation in training.evaluations] == [2, 4, 6, 8]
    assert training.best.step == 4


def test_a_better_score_renews_patience(tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dev_scores(monkeypatch, 0.1, 0.05, 0.2, 0.1, 0.3, 0.1)
    trainee = Trainee(tiny_xlmr, settings=replace(SETTINGS, num_epochs=4, patience=2))
    assert len(trainee.fit().evaluations) == 6


def test_a_loss_that_is_not_finite_names_step_task_and_rows_and_leaves_what_was_kept(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(session: TrainingSession, number: int) -> None:
        if number == 3:
            with torch.no_grad():
                session.models.models[0].classifier.out_proj.bias[0] = torch.nan

    _after_each_step(monkeypatch, break_it)
    trainee = Trainee(tiny_xlmr)
    rows = list(all_steps(trainee.session))[3].units.tolist()
    with pytest.raises(
        TrainingDiverged, match=r"loss of small_pair became nan at step 4\b"
    ) as told:
        trainee.fit()
    assert f"rows {rows} and 0 more" in str(told.value)
    assert trainee.kept
    assert all(torch.isfinite(value).all() for each in trainee.kept for value in each.values())


def test_weights_that_are_not_finite_are_neither_scored_nor_kept(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(session: TrainingSession, number: int) -> None:
        if number == 4:
            with torch.no_grad():
                session.models.models[0].classifier.out_proj.bias[0] = torch.nan

    _after_each_step(monkeypatch, break_it)
    dev_scores(monkeypatch, 0.1, 0.9)
    trainee = Trainee(tiny_xlmr)
    with pytest.raises(TrainingDiverged, match=r"out_proj\.bias are not finite .* after step 4\b"):
        trainee.fit()
    assert len(trainee.kept) == 1


def test_an_optimiser_that_diverges_in_its_last_step_is_not_kept(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_it(session: TrainingSession, number: int) -> None:
        if number == 6:
            with torch.no_grad():  # still a number; what it computes is none
                last = session.models.models[0].base_model.encoder.layer[-1]
                last.output.LayerNorm.weight.fill_(3e38)

    _after_each_step(monkeypatch, break_it)
    trainee = Trainee(tiny_xlmr)
    with pytest.raises(
        TrainingDiverged, match=r"English dev row \d+ of small_pair, after step 6: .*not finite"
    ):
        trainee.fit()
    assert all(torch.isfinite(value).all() for each in trainee.kept for value in each.values())


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_a_weight(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    trainee.models.models[0].classifier.out_proj.bias.register_hook(lambda grad: grad * torch.inf)
    before = trainee.weights()
    with pytest.raises(
        TrainingDiverged, match=r"gradient of small_pair became (inf|nan) at step 1\b"
    ):
        trainee.fit()
    changed = [
        name for name, value in trainee.weights().items() if not torch.equal(before[name], value)
    ]
    assert all("word_embeddings" in name for name in changed), changed  # cut to what occurs


def _after_each_step(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[TrainingSession, int], None]
) -> None:
    whole = loop._learn

    def learn(session: TrainingSession, *rest: object) -> object:
        entry = whole(session, *rest)  # type: ignore[arg-type]
        act(session, int(entry["step"]))
        return entry

    monkeypatch.setattr(loop, "_learn", learn)


def test_frozen_embeddings_stay_and_the_rest_moves(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    checkpoint.freeze_word_embeddings(trainee.models.models[0])
    before = trainee.weights()
    trainee.fit()
    moved = {
        name for name, value in trainee.weights().items() if not torch.equal(before[name], value)
    }
    assert not any("word_embeddings" in name for name in moved)
    assert any("position_embeddings" in name for name in moved)
    assert any("layer.1" in name for name in moved)


@pytest.mark.parametrize("kinds", [(TaskType.PAIR,), (TaskType.SPAN, TaskType.CHOICE)])
def test_equal_seeds_give_equal_bits_and_others_do_not(
    kinds: Sequence[TaskType], tiny_xlmr: Path
) -> None:
    def trained(seed: int) -> tuple[dict[str, Tensor], Training]:
        trainee = Trainee(tiny_xlmr, kinds, seed=seed)
        training = trainee.fit()
        return trainee.weights(), training

    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - global state must not matter
    first, first_training = trained(1)
    torch.manual_seed(6)
    np.random.seed(6)  # noqa: NPY002
    second, second_training = trained(1)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first_training.evaluations == second_training.evaluations
    other, _ = trained(2)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_gradients_are_clipped_once_per_step(tiny_xlmr: Path) -> None:
    """With a tiny bound, the size of a step no longer depends on the size of the loss."""
    trainee = Trainee(tiny_xlmr, settings=replace(SETTINGS, max_gradient_norm=1e-3))
    norms = []
    whole = torch.nn.utils.clip_grad_norm_

    def watched(*args: object, **named: object) -> object:
        norm = whole(*args, **named)  # type: ignore[arg-type]
        gradients = [p.grad for p in trainee.models.parameters() if p.grad is not None]
        norms.append(float(torch.stack([g.norm() for g in gradients]).norm()))
        return norm

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch.nn.utils, "clip_grad_norm_", watched)
        training = trainee.fit()
    assert len(norms) == len(training.log) == 6
    assert norms == pytest.approx([1e-3] * 6, rel=1e-3)
    assert all(entry["gradient_norm"] > 1e-3 for entry in training.log)  # before clipping


@pytest.mark.parametrize("kind", list(METRICS))
def test_the_memory_budget_changes_no_gradient(kind: TaskType, tiny_xlmr: Path) -> None:
    def gradients(budget: int) -> tuple[dict[str, Tensor], int]:
        trainee = Trainee(tiny_xlmr, [kind], replace(SETTINGS, micro_batch_tokens=budget))
        trainee.models.eval()  # no dropout: its mask depends on the shape
        step = next(all_steps(trainee.session))
        accumulate(trainee.session, trainee.models, step, Accelerator())
        named = trainee.models.named_parameters()
        found = {name: p.grad for name, p in named if p.grad is not None}
        return found, len(step.micro_batches)

    (whole, one), (cut, many) = gradients(10**6), gradients(16)
    assert one == 1 < many
    assert whole.keys() == cut.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(cut[name], gradient, atol=1e-6, rtol=1e-4)


MIXED = (TaskType.PAIR, TaskType.TAGGING, TaskType.SPAN, TaskType.CHOICE)


def test_a_mixture_shares_one_encoder(family: Path) -> None:
    trainee = Trainee(family, MIXED)
    encoder = {id(parameter) for parameter in trainee.encoder.parameters()}
    for model in trainee.models.models:
        body = {id(parameter) for parameter in model.base_model.parameters()}
        assert body <= encoder
    heads = sum(
        sum(p.numel() for p in model.parameters() if id(p) not in encoder)
        for model in trainee.models.models
    )
    used = {id(p): p.numel() for m in trainee.models.models for p in m.base_model.parameters()}
    total = sum(parameter.numel() for parameter in trainee.models.parameters())
    assert total == sum(used.values()) + heads


def test_a_mixture_takes_one_task_per_step_and_all_of_each(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr, MIXED)
    training = trainee.fit()
    names = [entry["task"] for entry in training.log]
    assert {name: names.count(name) for name in names} == {
        f"small_{kind}": SETTINGS.num_epochs * 3 for kind in MIXED
    }
    assert any(a != b for a, b in pairwise(names[:6]))  # mixed, not one after another
    assert set(training.best.by_task) == set(names)
    assert training.best.score == pytest.approx(sum(training.best.by_task.values()) / 4)


def test_a_mixture_of_one_is_the_task_alone(tiny_xlmr: Path) -> None:
    trainee = Trainee(tiny_xlmr)
    assert {step.task for step in all_steps(trainee.session)} == {0}
    assert len(list(all_steps(trainee.session))) == 6


def test_epochs_come_in_different_orders(tiny_xlmr: Path) -> None:
    steps = list(all_steps(Trainee(tiny_xlmr).session))
    first, second = (np.concatenate([s.units for s in part]) for part in (steps[:3], steps[3:]))
    assert sorted(first) == sorted(second)
    assert first.tolist() != second.tolist()


def test_bfloat16_and_fp32_can_be_trained_in_one_process(tiny_xlmr: Path) -> None:
    for precision in ("bf16", "fp32", "bf16"):
        trainee = Trainee(tiny_xlmr, precision=precision)  # type: ignore[arg-type]
        training = trainee.fit()
        assert all(np.isfinite(entry["loss_nats"]) for entry in training.log)
        assert {value.dtype for value in trainee.weights().values()} <= {torch.float32, torch.int64}


# --- what is looked at on dev -------------------------------------------------------------------


def rows_of(given: Task, dev: Sequence[object], folder: Path, **changes: int) -> TaskRows:
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    encoder = load_text_encoder(folder)
    return task_rows(given, examples(given.task_type), dev, encoder, settings)  # type: ignore[arg-type]


def test_the_first_rows_of_dev_are_looked_at(tiny_xlmr: Path) -> None:
    dev = examples(TaskType.PAIR, 9)
    rows = rows_of(task(TaskType.PAIR), dev, tiny_xlmr, eval_rows=4)
    assert list(rows.dev_examples) == dev[:4]
    assert rows.dev.num_rows == 4


def test_of_questions_so_many_windows_are_looked_at(tiny_xlmr: Path) -> None:
    long = [replace(e, context=e.context + " hours" * 100) for e in examples(TaskType.SPAN, 6)]
    rows = rows_of(task(TaskType.SPAN), long, tiny_xlmr, eval_rows=5)
    assert rows.dev.num_rows == 5
    assert len(rows.dev_examples) == int(rows.dev.example[-1]) + 1 < 5


@pytest.mark.parametrize("lacking", ["train", "dev"])
def test_a_task_without_rows_is_named(tiny_xlmr: Path, lacking: str) -> None:
    some = {"train": examples(TaskType.PAIR), "dev": examples(TaskType.PAIR), lacking: []}
    with pytest.raises(DataError, match=f"small_pair has no English {lacking} rows"):
        task_rows(
            task(TaskType.PAIR), some["train"], some["dev"], load_text_encoder(tiny_xlmr), SETTINGS
        )


def test_tags_that_a_task_does_not_declare_are_collected_from_training(tiny_xlmr: Path) -> None:
    undeclared = replace(task(TaskType.TAGGING), labels=())
    rows = rows_of(undeclared, examples(TaskType.TAGGING, 3), tiny_xlmr)
    assert rows.labels == ("NOUN", "NUM", "PUNCT")


def test_a_task_of_several_parts_is_scored_as_the_mean_over_its_parts(tiny_xlmr: Path) -> None:
    from stiltwalk.tasks import TASKS  # noqa: PLC0415 - for this test only

    anli = TASKS["anli_plus"]
    parts = anli.parts
    assert len(parts) > 1
    dev = [
        PairExample(
            f"{part}:{number}", "Paris", "Tokyo", "neutral" if part == parts[0] else "entailment"
        )
        for part, right, count in (
            (part, *(("neutral", 8) if part == parts[0] else ("entailment", 1))) for part in parts
        )
        for number in range(count)
    ]
    rows = rows_of(anli, dev, tiny_xlmr, eval_rows=2)
    assert len(rows.dev_examples) == 2 + len(parts) - 1  # the first two of each part
    model = checkpoint.with_head(
        checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr), TaskType.PAIR, anli.labels, seed=1
    )
    with torch.no_grad():
        model.classifier.out_proj.bias[anli.labels.index("neutral")] = 100
    score = dev_score(rows, Engine(model=model, pad_id=1))
    assert score == pytest.approx(1 / len(parts))  # right on the first part alone


def test_questions_without_an_answer_are_scored_at_the_best_threshold(tiny_xlmr: Path) -> None:
    answered = examples(TaskType.SPAN, 4)
    dev = [*answered[:2], *(replace(e, answers=()) for e in answered[2:])]
    trainee = Trainee(tiny_xlmr, [TaskType.SPAN])
    rows = rows_of(task(TaskType.SPAN), dev, tiny_xlmr)
    score = dev_score(rows, Engine(model=trainee.models.models[0], pad_id=1))
    assert score >= 0.5  # "no answer" everywhere is right for half, and a threshold allows it


def test_the_last_weights_are_kept_where_the_settings_say_so(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev_scores(monkeypatch, 0.9, 0.5, 0.6)
    trainee = Trainee(tiny_xlmr, settings=replace(SETTINGS, keep="last"))
    training = trainee.fit()
    assert training.best.step == 6
    kept = trainee.kept[-1]
    assert all(torch.equal(kept[name], value) for name, value in trainee.weights().items())
