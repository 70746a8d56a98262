"""How two arms are timed side by side: the same requests, both models resident."""

from __future__ import annotations

import copyreg
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from stiltwalk.errors import ClusterError, RecipeError, WorkspaceError
from stiltwalk.inference.predictor import Settings
from stiltwalk.models.device import has_bf16, pick_device
from stiltwalk.recipe.schema import Precision
from stiltwalk.records import ScoreRow
from stiltwalk.stages.compare_speed import Measure
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.predict_run import FORMAT, asked_model, asked_settings
from stiltwalk.store.machine import MeasuredOn, measured_on
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.task import Task
from stiltwalk.timing.attempting import attempted
from stiltwalk.timing.compare import compare
from stiltwalk.timing.fresh import Tell, in_fresh_process
from stiltwalk.timing.record import FILE, Quality, Speed, write_speed
from stiltwalk.timing.sample_size import profile_named
from stiltwalk.timing.session import DELAYS, ModelPair, Session
from stiltwalk.timing.workload import load_workload


def measure(stage: Measure, context: Context, folder: Folder) -> None:
    """Time B against A on every task that both were evaluated on; writes `speed.json`.

    In a process of its own: where libraries and buffers lie in memory differs from process to
    process, and takes part in the spread between the pairs of several seeds.

    Raises:
        ClusterError: if this is not the machine that the plan was made for.
    """
    require_machine(stage.on)
    profile = profile_named(stage.profile).only(stage.scenarios)
    done, in_all = 0, len(profile.scenarios) * (len(DELAYS) + len(stage.a))

    def tell(_: str) -> None:
        nonlocal done
        done += 1
        context.progress(min(done, in_all), in_all)

    pairs = list(zip(stage.a, stage.b, strict=True))
    model_pairs = [each for a, b in pairs for each in both_lengths(timed_pair(a, b, context))]
    how = {"profile": profile, "num_threads": stage.num_threads, "seed": stage.trained_seed}
    store = context.workspace

    def timed() -> Speed:
        return in_fresh_process(_compare, model_pairs, stage.names, how, tell=tell)

    speed = attempted(store, stage.fingerprint, timed)
    scores = [each for a, b in pairs for each in quality(store.scores(a), store.scores(b))]
    made_by = dict(context.provenance)
    write_speed(replace(speed, quality=tuple(scores), made_by=made_by), folder.path / FILE)


def require_machine(planned: MeasuredOn | None) -> None:
    """Refuse to measure on another machine than the plan's: its verdicts would pass as that one's.

    Raises:
        ClusterError: if device, processor or versions differ.
    """
    here = measured_on()
    if planned in (None, here):
        return
    raise ClusterError(
        f"This measurement was planned for {_machine(planned)}, and this is {_machine(here)}. "
        "Start the run on a machine like the one that measures, or leave [measure] out of the "
        "recipe and use `stiltwalk compare` there."
    )


def _machine(on: MeasuredOn) -> str:
    return ", ".join(f"{name} {value}" for name, value in asdict(on).items())


def _named(task: Task) -> tuple[Callable[..., Task], tuple[str, ...]]:
    return (task.declared, ()) if task.declared else (_task, (task.name,))


def _task(name: str) -> Task:
    return TASKS[name]


copyreg.pickle(Task, _named)  # a task's readers are closures, which cannot be sent to a process


def _compare(
    model_pairs: Sequence[ModelPair], names: tuple[str, str], how: dict[str, Any], tell: Tell
) -> Speed:
    return compare(model_pairs, names, Session(**how, tell=tell))


def both_lengths(model_pair: ModelPair) -> Iterator[ModelPair]:
    """Yield a contest; where answers are written, once more with all of them of one length."""
    yield model_pair
    settings = model_pair.settings
    if settings.writes and settings.answering is not None:
        length = settings.answering.max_new_tokens
        a, b = (replace(each, fixed_tokens=length) for each in model_pair.both)
        yield replace(model_pair, settings=a, settings_b=b)


def timed_pair(a: Predict, b: Predict, context: Context) -> ModelPair:
    """Return two evaluations' models, each asked as its evaluation asked it."""
    return ModelPair(
        folder_a=asked_model(a, context),
        folder_b=asked_model(b, context),
        settings=_settings(a, context),
        settings_b=_settings(b, context),
        workload=load_workload(TASKS[a.rows.task], context.data, a.languages, a.max_rows),
    )


def _settings(stage: Predict, context: Context) -> Settings:
    """Return how an evaluation asked its model."""
    kept = context.workspace.text(stage, FORMAT)
    return asked_settings(stage, context, scored_format(kept, stage.title))


def scored_format(kept: str, what: str) -> Precision:
    """Return the number format that scores were made in, which this machine must have.

    Args:
        kept: what the evaluation kept of it, empty where it kept nothing.
        what: names the evaluation.

    Raises:
        WorkspaceError: if the evaluation kept nothing.
        RecipeError: if times here would be those of another format.
    """
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
    theirs = {(row.language, row.metric): row.value for row in b}
    for row in a:
        if (row.language, row.metric) in theirs:
            yield Quality(
                task=row.task,
                language=row.language,
                metric=row.metric,
                a=row.value,
                b=theirs[row.language, row.metric],
            )
