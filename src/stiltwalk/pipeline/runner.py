"""Walk a plan from first stage to last, skipping what the workspace holds."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import assert_never

from accelerate.state import PartialState

from stiltwalk.errors import TrainingDiverged
from stiltwalk.pipeline import evaluation, measuring, rules, training
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.progress import Narrator
from stiltwalk.pipeline.team import next_job
from stiltwalk.plan import Plan, Stage, fingerprint
from stiltwalk.plan.saying import describe
from stiltwalk.plan.stages import (
    Base,
    FineTune,
    Intermediate,
    Measure,
    Predict,
    Pretrain,
    Rules,
)
from stiltwalk.store import Folder


def run(plan: Plan, context: Context, narrator: Narrator) -> int:
    """Carry out every stage that the workspace does not hold yet.

    Args:
        plan: stages in dependency order, as `build_plan` returns them.
        context: where things are.
        narrator: told about every stage.

    Returns:
        How many stages were carried out.

    Raises:
        StiltwalkError: what a stage raised, with the stage and the way on in its notes.
    """
    context = replace(context, progress=narrator.progress)
    carried_out = 0
    for number, stage in enumerate(plan.stages, start=1):
        place = f"[{number}/{len(plan.stages)}] {fingerprint(stage)}"
        if context.workspace.has(stage):
            narrator.line(f"{place} kept     {describe(stage)}")
            continue
        narrator.stage(place, f"running  {describe(stage)}")
        began = time.perf_counter()
        try:
            with context.workspace.writing(stage, context.provenance) as folder:
                carry_out(stage, context, folder)
        except BaseException as error:
            error.add_note(
                f"This was stage {number} of {len(plan.stages)}: {describe(stage)}. Finished "
                "stages are kept; run the same command again to go on."
            )
            raise
        carried_out += 1
        narrator.end(f"{place} done     in {time.perf_counter() - began:.1f} s")
    return carried_out


def help_out() -> None:
    """Train what the first of several processes trains, until it lets this one go."""
    while job := next_job():
        stage, context = job
        try:
            carry_out(stage, context, Folder(context.workspace.folder(stage), stage))
        except TrainingDiverged:
            return  # the first process says so
    PartialState().destroy_process_group()


def carry_out(stage: Stage, context: Context, folder: Folder) -> None:
    """Hand a stage to the one function that knows how to do it."""
    match stage:
        case Base():
            training.base(stage, context, folder)
        case Pretrain():
            training.pretrain(stage, context, folder)
        case Intermediate():
            training.intermediate(stage, context, folder)
        case FineTune():
            training.fine_tune(stage, context, folder)
        case Predict():
            evaluation.evaluate(stage, context, folder)
        case Rules():
            rules.evaluate(stage, context, folder)
        case Measure():
            measuring.measure(stage, context, folder)
        case _:
            assert_never(stage)
