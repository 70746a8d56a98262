"""Claims 7 to 9 of the paper: how it was done. A run can only say how it does so itself."""

from __future__ import annotations

from stiltwalk.report.claims import Judged, Verdict
from stiltwalk.report.published import is_xlmr_large
from stiltwalk.report.rows import RunRows
from stiltwalk.tasks import INTERMEDIATE


def recipe_facts(run: RunRows) -> tuple[Judged, ...]:
    """Return the three claims, each with what this study does in its place."""
    return (
        _fact("7", "The base model is the strongest public multilingual encoder.", _base(run)),
        _fact(
            "8",
            "Training has three phases: public MLM, intermediate task, target task.",
            _phases(run),
        ),
        _fact("9", "Nine different English intermediate tasks are studied.", _tasks(run)),
    )


def _fact(name: str, says: str, why: str) -> Judged:
    return Judged(
        name=name,
        says=says,
        source="",
        predicate="",
        verdict=Verdict.FACT,
        why=f"This study: {why}.",
    )


def _base(run: RunRows) -> str:
    which = run.model or "made by this recipe"
    same = ", XLM-R Large as in the paper" if is_xlmr_large(run.model) else ""
    return f"base {which}{same}; whether one is the strongest, no run can tell"


def _phases(run: RunRows) -> str:
    num_arms = sum(bool(made.tasks) for made in run.walked.values())
    base = f"base model {run.model}" if run.model else "pretraining by this recipe"
    between = [f"intermediate tasks ({num_arms} of {len(run.arms)} arms)"] * bool(num_arms)
    return f"phases {', '.join([base, *between, 'target tasks'])}"


def _tasks(run: RunRows) -> str:
    alone = {made.tasks[0] for made in run.walked.values() if len(made.tasks) == 1}
    together = {task for made in run.walked.values() for task in made.tasks} - alone
    absent = set(INTERMEDIATE) - alone - together
    named = ((alone, "alone"), (together, "together with others"), (absent, "not studied"))
    return "; ".join(
        f"tasks {how}: {', '.join(task for task in INTERMEDIATE if task in tasks)}"
        for tasks, how in named
        if tasks
    )
