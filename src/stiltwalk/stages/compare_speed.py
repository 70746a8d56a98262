"""Time two arms side by side: the same requests, both models resident."""

from __future__ import annotations

import copyreg
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from stiltwalk.errors import ClusterError, RecipeError, WorkspaceError
from stiltwalk.recipe.schema import Precision, Recipe
from stiltwalk.recipe.types import ProfileName, ScenarioName
from stiltwalk.records import Phase, ScoreRow
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import MEASURE_S, ModelShape, StageCost
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import MeasuredOn, measured_on
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.task import Task

if TYPE_CHECKING:
    from stiltwalk.inference.predictor import Settings
    from stiltwalk.timing.record import Quality, Speed
    from stiltwalk.timing.session import ModelPair


@dataclass(frozen=True, kw_only=True)
class Measure(Stage):
    """Time one arm's models of a seed against another's, side by side, each as it was evaluated.

    `a` and `b` hold one evaluation per task, in the same order; `names` are those of the arms.
    No scenarios are all of the profile's. Another machine or other versions measure again.
    """

    version = 3
    phase = Phase.TIMING
    model_copies = 2
    runs_alone = True

    a: tuple[Predict, ...]
    b: tuple[Predict, ...]
    names: tuple[str, str] = field(compare=False)
    profile: ProfileName
    scenarios: tuple[ScenarioName, ...]
    num_threads: int
    on: MeasuredOn | None

    @property
    def title(self) -> str:
        return f"time {self.names[1]} against {self.names[0]} on {', '.join(self.tasks)}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both were evaluated on."""
        return tuple(each.rows.task for each in self.a)

    def cost(self, _recipe: Recipe, _shape: ModelShape) -> StageCost:
        """Estimate its time, which depends on the profile alone."""
        return StageCost(time_s=MEASURE_S[self.profile] * (1 + len(self.a)))

    def run(self, context: Context, folder: Folder) -> None:
        """Time B against A on every task; writes `speed.json`.

        In a process of its own: where libraries and buffers lie in memory differs from process to
        process, and takes part in the spread between the pairs of several seeds.

        Raises:
            ClusterError: if this is not the machine that the plan was made for.
        """
        from stiltwalk.timing.attempts import attempted, in_fresh_process
        from stiltwalk.timing.record import FILE, write_speed
        from stiltwalk.timing.sample_size import profile_named
        from stiltwalk.timing.session import DELAYS

        require_machine(self.on)
        profile = profile_named(self.profile).only(self.scenarios)
        done, in_all = 0, len(profile.scenarios) * (len(DELAYS) + len(self.a))

        def tell(_: str) -> None:
            nonlocal done
            done += 1
            context.progress(min(done, in_all), in_all)

        pairs = list(zip(self.a, self.b, strict=True))
        model_pairs = [each for a, b in pairs for each in both_lengths(timed_pair(a, b, context))]
        how = {"profile": profile, "num_threads": self.num_threads, "seed": self.trained_seed}
        store = context.workspace
        speed = attempted(
            store,
            self.fingerprint,
            lambda: in_fresh_process(_compare, model_pairs, self.names, how, tell=tell),
        )
        scores = [each for a, b in pairs for each in quality(store.scores(a), store.scores(b))]
        made_by = dict(context.provenance)
        write_speed(replace(speed, quality=tuple(scores), made_by=made_by), folder.path / FILE)


def _compare(
    model_pairs: Sequence[ModelPair],
    names: tuple[str, str],
    how: dict[str, Any],
    tell: Callable[[str], None],
) -> Speed:
    from stiltwalk.timing.compare import compare
    from stiltwalk.timing.session import Session

    return compare(model_pairs, names, Session(**how, tell=tell))


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
    from stiltwalk.timing.blocks import load_workload
    from stiltwalk.timing.session import ModelPair

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
    from stiltwalk.stages.predict_run import FORMAT, asked_settings

    return asked_settings(
        stage, context, scored_format(context.workspace.text(stage, FORMAT), name)
    )


def scored_format(kept: str, what: str) -> Precision:
    """Return the number format that scores were made in, which this machine must have.

    Args:
        kept: what the evaluation kept of it, empty where it kept nothing.
        what: names the evaluation.

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
