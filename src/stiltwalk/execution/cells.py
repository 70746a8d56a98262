"""A part of a plan: the evaluations of some arms, targets and seeds, and all that these rest on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from stiltwalk.metrics.aggregate import task_score
from stiltwalk.records import Scores
from stiltwalk.selection.information import expected_gains
from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.graph import Plan, lineage
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Workspace
from stiltwalk.wording import duration, rounded


@dataclass(frozen=True, kw_only=True)
class StudyCell:
    """One arm, on one target, trained with one seed, 0 where nothing is trained."""

    target: str
    arm: str
    seed: int

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.arm} on {self.target}" + (f", seed {self.seed}" if self.seed else "")


def cells_of(plan: Plan) -> dict[StudyCell, Stage]:
    """Return every evaluation that a plan asks for."""
    return {
        StudyCell(target=stage.recorded(arm).target, arm=arm, seed=stage.trained_seed): stage
        for stage, arms in plan.arms_of.items()
        for arm in arms
    }


def part_of(plan: Plan, is_asked: Callable[[StudyCell], bool]) -> Plan:
    """Return what carries out some evaluations alone: nothing is timed, rated, or a control."""
    kept = [stage for cell, stage in cells_of(plan).items() if is_asked(cell)]
    stages = dict.fromkeys(each for stage in kept for each in lineage(stage))
    return replace(plan, stages=tuple(stages), rates=())


def next_part(
    plan: Plan, store: Workspace, shape: ModelShape, number: int
) -> tuple[Plan, tuple[str, ...]]:
    """Return what carries out the runs that would tell most, and sentences about these.

    Of equal ones those are first that take least.
    """
    cells = cells_of(plan)
    done = store.marked([stage.fingerprint for stage in cells.values()])
    scores: dict[str, dict[str, list[float]]] = {target: {} for target in plan.recipe.targets}
    open_cells: dict[tuple[str, str], StudyCell] = {}
    for cell, stage in cells.items():
        if stage.fingerprint in done:
            found = scores[cell.target].setdefault(cell.arm, [])
            found += _scores(store, stage)
        else:
            open_cells.setdefault((cell.target, cell.arm), cell)
    gains = expected_gains(scores, plan.recipe.arms)

    def takes_s(cell: StudyCell) -> float:
        missing = (each for each in dict.fromkeys(lineage(cells[cell])) if not store.has(each))
        return sum(each.cost(plan.recipe, shape).time_s for each in missing)

    order = sorted(open_cells.values(), key=lambda e: (-gains[e.target, e.arm], takes_s(e)))
    taken = order[:number]
    return part_of(plan, lambda cell: cell in taken), tuple(
        _said(taken, lambda e: (gains[e.target, e.arm], takes_s(e)), len(open_cells))
    )


def _said(
    taken: Iterable[StudyCell], told: Callable[[StudyCell], tuple[float, float]], in_all: int
) -> Iterator[str]:
    if not in_all:
        yield "Every arm has every seed on every target: nothing is left to run."
    for cell in taken:
        gain, time_s = told(cell)
        yield (
            f"Next: {cell}, about {duration(time_s)}; knowing it is expected to make the best arm "
            f"on {cell.target} better by {rounded(100 * gain, 2)} points."
        )


def _scores(store: Workspace, stage: Stage) -> Iterator[float]:
    """Yield the mean over languages of a finished evaluation, nothing where it has no score."""
    by_language: dict[str, Scores] = {}
    for row in store.scores(stage):
        by_language.setdefault(row.language, {})[row.metric] = row.value
    if by_language:
        yield task_score(by_language, tuple(by_language)).score
