"""How two arms are timed side by side: the same requests, both models resident."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from stiltwalk.config.recipe import Precision, PrecisionOrAuto
from stiltwalk.errors import ClusterError
from stiltwalk.kinds.prompted import PromptedFolder
from stiltwalk.measure.comparison import compare
from stiltwalk.measure.profiles import profile_named
from stiltwalk.measure.session import DELAYS, Contest, Session
from stiltwalk.measure.speed import FILE, Quality, write_speed
from stiltwalk.measure.system import Settings
from stiltwalk.measure.workload import load_workload
from stiltwalk.pipeline.attempting import attempted
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.precision import CHOICE
from stiltwalk.pipeline.prompted import english_rows, shots_of
from stiltwalk.pipeline.prompting import prompted_folder
from stiltwalk.plan.stages import Measure, MeasuredOn, Predict, Prompt, fingerprint
from stiltwalk.records import Example, ScoreRow
from stiltwalk.store import Folder
from stiltwalk.store.machine import measured_on
from stiltwalk.tasks import TASKS


def measure(stage: Measure, context: Context, folder: Folder) -> None:
    """Time B against A on every task that both were evaluated on; writes `speed.json`.

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

    session = Session(profile=profile, num_threads=stage.num_threads, seed=1, tell=tell)
    pairs = list(zip(stage.a, stage.b, strict=True))
    contests = [each for a, b in pairs for each in both_lengths(_contest(a, b, context))]
    store = context.workspace
    speed = attempted(store, fingerprint(stage), lambda: compare(contests, stage.names, session))
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


def both_lengths(contest: Contest) -> Iterator[Contest]:
    """Yield a contest; where answers are written, once more with all of them of one length."""
    yield contest
    settings = contest.settings
    if settings.writes and settings.answering is not None:
        fixed = replace(settings, fixed_tokens=settings.answering.max_new_tokens)
        yield replace(contest, settings=fixed)


def _contest(a: Predict, b: Predict, context: Context) -> Contest:
    """Return two evaluations' models, with the requests and settings of A's."""
    task = TASKS[a.rows.task]
    settings = Settings(
        task=task,
        max_length_tokens=a.max_length_tokens,
        precision=decided(a.precision, context.workspace.text(a, CHOICE)),
        relative_depth=a.relative_depth or Settings.relative_depth,
        answering=a.asking.answering if a.asking else None,
        shots=_shots(a, context),
    )
    return Contest(
        folder_a=_model(a, context),
        folder_b=_model(b, context),
        settings=settings,
        workload=load_workload(task, context.data, a.languages, a.max_rows),
    )


def _shots(stage: Predict, context: Context) -> tuple[Example, ...]:
    """Return the solved examples that an evaluation's model saw before every question."""
    if stage.asking is None or not stage.asking.shots:
        return ()
    return tuple(shots_of(stage.asking, stage.rows.task, english_rows(stage, context)))


def _model(stage: Predict, context: Context) -> Path | PromptedFolder:
    if isinstance(stage.parent, Prompt):
        return prompted_folder(stage.parent, context)
    return context.model_folder(stage.parent)


def decided(precision: PrecisionOrAuto, choice: str) -> Precision:
    """Return the number format that an evaluation came to use.

    Args:
        precision: what it was asked for.
        choice: what it kept of its choice, empty where there was none to make.
    """
    if precision != "auto":
        return precision
    return "bf16" if json.loads(choice)["precision"] == "bf16" else "fp32"


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
