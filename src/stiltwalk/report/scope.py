"""Whether a run can speak about what the paper reports: XLM-R Large, on full test sets."""

from __future__ import annotations

from collections.abc import Iterator

from stiltwalk.records import Kind, Split
from stiltwalk.report.numbers import count
from stiltwalk.report.published import is_xlmr_large
from stiltwalk.report.rows import RunRows
from stiltwalk.tasks import TARGETS, TASKS
from stiltwalk.tasks.sizes import rows as published_rows

_SHARE = 0.5
"""A test set of fewer of the published rows is a sample; builds from other sources differ less."""


def why_untested(run: RunRows) -> str:
    """Return why a run cannot test a claim about XLM-R Large, a sentence; "" where it can."""
    reasons = [*_base(run), *_rows(run)]
    if not reasons:
        return ""
    return f"The claim is about XLM-R Large on full test sets; this run {', and '.join(reasons)}."


def _base(run: RunRows) -> Iterator[str]:
    if not run.model:
        yield "makes its own base model"
    elif run.model.startswith(("/", ".", "~")):
        yield f"starts from the folder {run.model} (only a hub id tells that it is XLM-R Large)"
    elif not is_xlmr_large(run.model):
        yield f"starts from {run.model}"


def _rows(run: RunRows) -> Iterator[str]:
    if run.miniature:
        yield "reads the embedded benchmark"
    elif run.limited:
        yield f"is limited ({run.limited.rstrip('.')})"
    elif sample := _sample(run):
        yield f"has {sample}"
    if run.max_train_rows is not None:
        yield f"trains some task on at most {count(run.max_train_rows)} rows"


def _sample(run: RunRows) -> str:
    """Return the first test set that is much smaller than the published one, in words."""
    for each in (each.row for each in run.rows):
        if each.split != Split.TEST or each.task not in TARGETS:
            continue
        sentences = published_rows(TASKS[each.task], Split.TEST, each.language) or 0
        both_sides = TASKS[each.task].kind is Kind.RETRIEVAL
        wanted = sentences // 2 if both_sides else sentences
        if each.num_examples < _SHARE * wanted:
            found, of = count(each.num_examples), count(wanted)
            return f"{found} test rows of {each.task} in {each.language}, of about {of}"
    return ""
