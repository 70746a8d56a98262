# ruff: noqa: S311 - repeatable dice are the point here
"""Rows made up for the tests: plausible, the same on every machine."""

from collections.abc import Callable, Mapping
from functools import cache
from random import Random

from stiltwalk.records import ExampleScoreRow, Metric, Phase, ScoreRow, TaskType, TimingRow
from stiltwalk.reports.data import (
    ArmExampleScores,
    ArmScore,
    ArmTiming,
    RunRows,
    StageLine,
    TrainingCurve,
)
from stiltwalk.reports.findings import TransferTable, transfer_table
from stiltwalk.reports.significance import Resamples
from stiltwalk.store.manifest import RecordedArm
from stiltwalk.tasks import TARGETS, TASKS

ARMS = ("none", "mnli", "squad_v1", "all")
LIFT = {"none": 0.0, "mnli": 0.006, "squad_v1": -0.004, "all": 0.015}
ENGLISH = {
    "xnli": 0.87, "pawsx": 0.93, "udpos": 0.96, "panx": 0.9, "xquad": 0.78,
    "mlqa": 0.74, "tydiqa": 0.7, "bucc2018": 0.9, "tatoeba": 0.93, "sib200": 0.8,
}  # fmt: skip
MADE_BY = {
    "stiltwalk": "0.1.0 (commit 375d5b7)",
    "python": "3.11.7",
    "torch": "2.13.0+cpu",
    "machine": "2 x86-64 cores, Linux 6.1",
    "data": "mini, made with babel 2.18.0 (CLDR 47)",
    "base encoder": "mini-base, sha256 1f2e3d4c5b6a",
    "finished": "2026-11-23T10:00:00Z",
}


def make_run(
    *,
    arms: tuple[str, ...] = ARMS,
    targets: tuple[str, ...] = TARGETS,
    seeds: tuple[int, ...] = (1,),
    title: str = "mini",
    recipe: str = 'name = "mini"\n\n[data]\nsource = "mini"\n',
) -> RunRows:
    """Return a whole run of made-up rows."""
    names = dict(zip(ARMS, ((), ("mnli",), ("squad_v1",), ("mnli", "squad_v1")), strict=True))
    rows, timings = [], []
    for arm in arms:
        for task in targets:
            for seed in seeds:
                untrained = arm == "none" and TASKS[task].task_type is TaskType.RETRIEVAL
                rows += _scores(arm, names.get(arm, (arm,)), task, 0 if untrained else seed)
                timings += _timings(arm, task, seed)
    return RunRows(
        title=title,
        recipe=recipe,
        miniature=True,
        limited="200 test rows per language",
        arms=arms,
        targets=targets,
        rows=tuple(rows),
        timings=tuple(timings),
        reference_points=tuple(_baselines(targets)),
        stages=tuple(make_stages(arms, targets, seeds)),
        provenance=MADE_BY,
        model="mini-base",
        made_of={arm: RecordedArm(tasks=names.get(arm, (arm,))) for arm in arms},
        example_scores=tuple(share for each in rows for share in _shares(each)),
        training_curves=tuple(_courses(arms, targets, seeds)),
    )


def table_of(run: RunRows) -> TransferTable:
    """Return the table of a run, its noise from few resamples."""
    return transfer_table(run, Resamples(run, num_resamples=20))


def make_rows(
    arms: Mapping[str, tuple[str, ...]],
    targets: tuple[str, ...],
    seeds: tuple[int, ...],
    score: Callable[[str, str, int], float],
) -> tuple[ArmScore, ...]:
    """Return dev and test rows of arms that score in every language what is asked.

    Args:
        arms: name to its intermediate tasks.
        targets: of the run.
        seeds: of the run; a bare encoder's rows have 0.
        score: arm, target and seed to a fraction.
    """
    found: list[ArmScore] = []
    for arm, tasks in arms.items():
        for target in targets:
            trained = TASKS[target].task_type is not TaskType.RETRIEVAL
            for seed in seeds if trained or tasks else (0,):
                value = score(arm, target, seed)
                for language in TASKS[target].languages:
                    found += _rows(arm, tasks, target, (language, "test", seed), value)
                if trained:
                    found += _rows(arm, tasks, target, ("en", "dev", seed), value)
    return tuple(found)


@cache
def _fingerprint(text: str) -> str:
    return Random(text).randbytes(8).hex()


def _scores(arm: str, intermediate: tuple[str, ...], task: str, seed: int) -> list[ArmScore]:
    dice = Random(f"{arm} {task} {seed}")
    lift = LIFT.get(arm, 0.0) + dice.gauss(0, 0.01)
    if (arm, task) in {("squad_v1", "xquad"), ("squad_v1", "tydiqa")}:
        lift += 0.05
    found = []
    for language in TASKS[task].languages:
        fall = 0.0 if language == "en" else 0.03 + 0.25 * Random(language).random()
        value = min(0.995, ENGLISH[task] - fall + lift + dice.gauss(0, 0.008))
        found += _rows(arm, intermediate, task, (language, "test", seed), value)
    if TASKS[task].task_type is not TaskType.RETRIEVAL:
        value = ENGLISH[task] + lift + dice.gauss(0, 0.004)
        found += _rows(arm, intermediate, task, ("en", "dev", seed), value)
    return found


def _rows(
    arm: str, intermediate: tuple[str, ...], task: str, where: tuple[str, str, int], value: float
) -> list[ArmScore]:
    language, split, seed = where
    figures = {"accuracy": value}
    if TASKS[task].metric in {Metric.SQUAD, Metric.MLQA}:
        figures = {"f1": value + 0.06, "exact_match": value - 0.06}
    elif TASKS[task].metric is not Metric.ACCURACY:
        figures = {"f1": value}
    return [
        ArmScore(
            arm=arm,
            row=ScoreRow(
                stage=_fingerprint(f"{arm} {task} {seed}"),
                intermediate=intermediate,
                task=task,
                language=language,
                split=split,
                metric=metric,
                value=each,
                seed=seed,
                num_examples=200,
            ),
        )
        for metric, each in figures.items()
    ]


def _shares(each: ArmScore) -> list[ArmExampleScores]:
    """Return 100 right or wrong examples behind a test row, half of them easy for every arm."""
    row = each.row
    if row.split != "test" or row.metric == "exact_match":
        return []
    dice = Random(f"examples {row.task} {row.language}")
    hardness = [dice.random() for _ in range(100)]
    won = tuple(float(each < row.value) for each in hardness)
    share = ExampleScoreRow(
        stage=row.stage,
        task=row.task,
        language=row.language,
        seed=row.seed,
        won=won,
        of=(1.0,) * len(won),
    )
    return [ArmExampleScores(arm=each.arm, row=share)]


def _courses(
    arms: tuple[str, ...], targets: tuple[str, ...], seeds: tuple[int, ...]
) -> list[TrainingCurve]:
    found = []
    for arm in arms:
        for task in targets:
            for seed in seeds if TASKS[task].task_type is not TaskType.RETRIEVAL else ():
                level = ENGLISH[task] + LIFT.get(arm, 0.0)
                found.append(
                    TrainingCurve(
                        arms=(arm,),
                        phase=Phase.TARGET,
                        task=TASKS[task].train_task,
                        seed=seed,
                        evaluations=tuple((100 * n, level * (1 - 0.5**n)) for n in range(1, 6)),
                        losses=tuple((25 * n, 2.5 / n) for n in range(1, 21)),
                    )
                )
    return found


def _timings(arm: str, task: str, seed: int) -> list[ArmTiming]:
    dice = Random(f"time {arm} {task} {seed}")
    found = []
    for language in TASKS[task].languages:
        real = int(200 * (18 + 30 * Random(f"fertility {language}").random()))
        row = TimingRow(
            stage=_fingerprint(f"{arm} {task} {seed}"),
            task=task,
            language=language,
            num_examples=200,
            real_tokens=real,
            padded_tokens=int(real * (1.01 + 0.05 * dice.random())),
            time_s=real / 60_000 * (1 + 0.1 * dice.random()),
        )
        found.append(ArmTiming(arm=arm, row=row))
    return found


def _baselines(targets: tuple[str, ...]) -> list[ArmScore]:
    levels = {
        "majority": {"xnli": 0.34, "pawsx": 0.52, "udpos": 0.12, "panx": 0.02},
        "overlap rule": {"xnli": 0.6, "pawsx": 0.58},
        "permuted embeddings": {
            "xnli": 0.5, "pawsx": 0.6, "udpos": 0.52, "panx": 0.22, "xquad": 0.3, "mlqa": 0.28,
            "tydiqa": 0.25, "bucc2018": 0.04, "tatoeba": 0.01,
        },
    }  # fmt: skip
    return [
        row
        for name, tasks in levels.items()
        for task in targets
        if task in tasks
        for language in TASKS[task].languages
        for row in _rows(name, (), task, (language, "test", 1), tasks[task])
    ]


def make_stages(
    arms: tuple[str, ...], targets: tuple[str, ...], seeds: tuple[int, ...]
) -> list[StageLine]:
    """Return what a run carries out."""

    def line(
        what: str, phase: Phase, about: str, parents: tuple[str, ...], on: tuple[str, ...], num: int
    ) -> StageLine:
        return StageLine(
            fingerprint=_fingerprint(what),
            what=what,
            time_s=num / 5000,
            num_tokens=num,
            phase=phase,
            about=(about,) if about else (),
            parents=parents,
            arms=on,
        )

    base = line("base encoder mini-base", Phase.BASE, "", (), arms, 0)
    found = [base]
    for arm in arms:
        for seed in seeds:
            start = base
            if arm != "none":
                doing = f"train on {arm}, seed {seed}"
                start = line(doing, Phase.INTERMEDIATE, arm, (base.fingerprint,), (arm,), 410_000)
                found.append(start)
            for task in targets:
                tail = f"{task} after {arm}, seed {seed}"
                parent = start
                if TASKS[task].task_type is not TaskType.RETRIEVAL:
                    trains = TASKS[task].train_task
                    doing = f"fine-tune on {tail}"
                    above = (start.fingerprint,)
                    parent = line(doing, Phase.TARGET, trains, above, (arm,), 64_000)
                    found.append(parent)
                doing = f"predict {tail}"
                found.append(
                    line(doing, Phase.EVALUATION, task, (parent.fingerprint,), (arm,), 220_000)
                )
    return found
