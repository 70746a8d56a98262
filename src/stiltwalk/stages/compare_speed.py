"""Time two arms side by side: the same requests, both models resident."""

from __future__ import annotations

import copyreg
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, get_args

from stiltwalk.errors import ClusterError, RecipeError, WorkspaceError
from stiltwalk.recipe.schema import Precision, Recipe
from stiltwalk.recipe.types import MeasureMode, ProfileName, ScenarioName
from stiltwalk.records import Phase, ScoreRow
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape, StageCost, request_time
from stiltwalk.stages.predict import FORMAT, Predict
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import MeasuredOn, measured_on
from stiltwalk.store.workspace import Folder, Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.task import Task

if TYPE_CHECKING:
    from stiltwalk.inference.predictor import Settings
    from stiltwalk.timing.attempts import Earlier, Tell
    from stiltwalk.timing.record import Quality, Speed
    from stiltwalk.timing.session import ModelPair

WAIT = "STILTWALK_WAIT"
"""Where it is set, a measurement waits for a machine that is too busy."""
LEAST_S = 60.0
"""Less clock brings no task to a verdict, even of a small model."""
FULL_S = 20_000.0
"""What the full profile takes for a task."""
QUICK_BLOCKS = 116
"""That the quick one takes on a quiet machine; see `timing.sample_size.TYPICAL_BLOCKS`."""
_BLOCK_S = 0.4
_STRUCTURE_S, _PROCESS_S = 0.5, 8.0
_READ_BYTES_PER_S = 5e8


@dataclass(frozen=True, kw_only=True)
class Measure(Stage):
    """Time one arm's models of a seed against another's, side by side, each as it was evaluated.

    `a` and `b` hold one evaluation per task, in the same order; `names` are those of the arms.
    No scenarios are all of the profile's. Another machine or other versions measure again.
    `budget_s` is its part of the recipe's: None for what verdicts take, 0 for no clock at all.
    """

    version = 4
    phase = Phase.TIMING
    model_copies = 3
    runs_alone = True

    a: tuple[Predict, ...]
    b: tuple[Predict, ...]
    names: tuple[str, str] = field(compare=False)
    profile: ProfileName
    scenarios: tuple[ScenarioName, ...]
    mode: MeasureMode
    num_threads: int
    on: MeasuredOn | None
    budget_s: float | None

    @property
    def title(self) -> str:
        how = "time" if self.budget_s != 0 else "compare what is computed by"
        return f"{how} {self.names[1]} against {self.names[0]} on {', '.join(self.tasks)}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both were evaluated on."""
        return tuple(each.rows.task for each in self.a)

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate its time: what both compute, then the clock, as far as its budget goes."""
        time_s = len(self.a) * (_STRUCTURE_S + 2 * shape.file_bytes / _READ_BYTES_PER_S)
        if self.budget_s == 0:
            return StageCost(time_s=time_s)
        timed_s = sum(self._timed_s(each, recipe, shape) for each in self.a)
        return StageCost(time_s=time_s + _PROCESS_S + min(timed_s, self.budget_s or inf))

    def _timed_s(self, asked: Predict, recipe: Recipe, shape: ModelShape) -> float:
        if self.profile == "full":
            return FULL_S
        task, languages = TASKS[asked.rows.task], asked.languages
        query_s = sum(request_time(task, language, recipe, shape) for language in languages) / len(
            languages
        )
        block_s = max(_BLOCK_S, 4 * len(languages) * query_s)
        return QUICK_BLOCKS * block_s * (len(self.scenarios) or len(get_args(ScenarioName)))

    def planned_for(self, machine: MeasuredOn | None) -> Measure:
        """Return it for a machine, which only a clock depends on."""
        return replace(self, on=None if self.budget_s == 0 else machine)

    def wants_again(self, store: Workspace) -> bool:
        """Tell whether it was stopped by what has passed: a machine that was busy and is not."""
        text = store.text(self, "speed.json")
        if not text or not json.loads(text).get("is_worth_trying_again"):
            return False
        from stiltwalk.timing.machine import look, why_busy

        return not why_busy(look(1.0), self.num_threads)

    def run(self, context: Context, folder: Folder) -> None:
        """Compare B with A on every task; writes `speed.json`.

        By the clock in a process of its own: where libraries and buffers lie in memory differs from
        process to process, and takes part in the spread between the pairs of several seeds.

        Raises:
            ClusterError: if this is not the machine that the plan was made for.
        """
        from stiltwalk.timing.record import FILE, write_speed

        pairs = list(zip(self.a, self.b, strict=True))
        model_pairs = [each for a, b in pairs for each in both_lengths(timed_pair(a, b, context))]
        speed = self._compared(model_pairs, context)
        store = context.workspace
        scores = [each for a, b in pairs for each in quality(store.scores(a), store.scores(b))]
        made_by = dict(context.provenance)
        write_speed(replace(speed, quality=tuple(scores), made_by=made_by), folder.path / FILE)

    def _compared(self, model_pairs: Sequence[ModelPair], context: Context) -> Speed:
        from stiltwalk.timing.attempts import attempted, in_fresh_process
        from stiltwalk.timing.sample_size import profile_named
        from stiltwalk.timing.session import conditions

        profile = profile_named(self.profile).only(self.scenarios)
        how = {
            "profile": profile,
            "num_threads": self.num_threads,
            "seed": self.trained_seed,
            "budget_s": self.budget_s,
            "wait": WAIT in os.environ,
            "mode": self.mode,
        }

        def tell(said: str | tuple[float, float]) -> None:
            if not isinstance(said, str):
                context.progress(*map(round, said))

        def measure(earlier: Earlier) -> Speed:
            given = (model_pairs, self.names, how, earlier)
            return in_fresh_process(_compare, *given, tell=tell)

        if self.budget_s == 0:
            return _compare(model_pairs, self.names, how, None, tell)
        require_machine(self.on)
        served = conditions(model_pairs[0], profile, self.num_threads)
        return attempted(context.workspace, self.fingerprint, served, measure)


def _compare(
    model_pairs: Sequence[ModelPair],
    names: tuple[str, str],
    how: dict[str, Any],
    earlier: Earlier | None,
    tell: Tell,
) -> Speed:
    from stiltwalk.timing.blocks import KeptBlocks
    from stiltwalk.timing.compare import compare
    from stiltwalk.timing.session import Session

    if earlier:
        how = how | {"kept": KeptBlocks(earlier.blocks), "passed": earlier.passed}
    moved = lambda spent_s, in_all_s: tell((spent_s, in_all_s))  # noqa: E731
    return compare(model_pairs, names, Session(**how, tell=tell, moved=moved))


def shares_of(budget_s: float | None, num_pairs: int) -> Iterator[float | None]:
    """Yield what each pair of a run gets of its budget: the first ones what a verdict takes."""
    if budget_s is None:
        yield from [None] * num_pairs
        return
    served = min(num_pairs, max(1, int(min(budget_s / LEAST_S, num_pairs)))) if budget_s else 0
    yield from (budget_s / served for _ in range(served))
    yield from [0.0] * (num_pairs - served)


def _named(task: Task) -> tuple[Callable[..., Task], tuple[str, ...]]:
    return (task.declared, ()) if task.declared else (_task, (task.name,))


def _task(name: str) -> Task:
    return TASKS[name]


copyreg.pickle(Task, _named)  # a task's readers are closures, which cannot be sent to a process


def require_machine(planned: MeasuredOn | None) -> None:
    """Refuse to measure on another machine than the plan's: its verdicts would pass as that one's.

    Raises:
        ClusterError: if device, processor or versions differ.
    """
    here = measured_on()
    if planned in (None, here):
        return
    planned_for, this = (
        ", ".join(f"{name} {value}" for name, value in asdict(each).items())
        for each in (planned, here)
        if each
    )
    raise ClusterError(
        f"This measurement was planned for {planned_for}, and this is {this}. "
        "Start the run on a machine like the one that measures, or leave [measure] out of the "
        "recipe and use `stiltwalk compare` there."
    )


def timed_pair(a: Predict, b: Predict, context: Context) -> ModelPair:
    """Return two evaluations' models, asked as they were scored, and the requests of both."""
    from stiltwalk.stages.predict_run import asked_model
    from stiltwalk.timing.session import ModelPair
    from stiltwalk.timing.workload import load_workload

    return ModelPair(
        folders=(asked_model(a, context), asked_model(b, context)),
        settings=(settings_of(a, context, a.title), settings_of(b, context, b.title)),
        workload=load_workload(TASKS[a.rows.task], context.data, a.languages, a.max_rows),
    )


def both_lengths(model_pair: ModelPair) -> Iterator[ModelPair]:
    """Yield a pair; where answers are written, once more with all of them of one length."""
    yield model_pair
    settings = model_pair.settings[0]
    if settings.writes and settings.answering is not None:
        length = settings.answering.max_new_tokens
        a, b = (replace(each, fixed_tokens=length) for each in model_pair.settings)
        yield replace(model_pair, settings=(a, b))


def settings_of(stage: Predict, context: Context, name: str) -> Settings:
    """Return how an evaluation, which messages call by its name, asked its model.

    Raises:
        WorkspaceError: if the evaluation did not keep its number format.
        RecipeError: if this machine does not compute in it.
    """
    from stiltwalk.inference.engines import EngineChoice
    from stiltwalk.stages.predict_run import asked_settings

    kept = context.workspace.text(stage, FORMAT)
    settings = asked_settings(stage, context, scored_format(kept, name))
    engine = json.loads(kept).get("engine")
    conversions = context.workspace.root / "engines"
    return replace(settings, engine=engine and EngineChoice(**engine), conversions=conversions)


def scored_format(kept: str, what: str) -> Precision:
    """Return the number format that scores were made in, which this machine must have.

    Raises:
        WorkspaceError: if the evaluation kept nothing.
        RecipeError: if times here would be those of another format.
    """
    from stiltwalk.models.device import has_bf16, pick_device

    if not kept:
        raise WorkspaceError(
            f"{what!r} did not keep the number format of its scores, as earlier versions did not, "
            "so it cannot be timed in the same one: run its recipe again first."
        )
    found: Precision = json.loads(kept)["precision"]
    device = pick_device()
    is_here = {"fp32": True, "fp16": device.type == "cuda", "bf16": has_bf16(device)}
    if not is_here[found]:
        raise RecipeError(
            f"{what!r} was scored in {found}, in which this {device.type} does not compute, so its "
            "time here would be another format's: measure where it was scored, or score it in fp32."
        )
    return found


def quality(a: Sequence[ScoreRow], b: Sequence[ScoreRow]) -> Iterator[Quality]:
    """Yield the figures that two evaluations of one task share."""
    from stiltwalk.timing.record import Quality

    theirs = {(row.language, row.metric): row.value for row in b}
    for row in a:
        value = theirs.get((row.language, row.metric))
        if value is not None:
            yield Quality(
                task=row.task, language=row.language, metric=row.metric, a=row.value, b=value
            )
