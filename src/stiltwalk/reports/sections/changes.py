"""What intermediate tasks fixed and broke, row by row: a page of its own."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.reports.changes import Change
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.parts import Document, Folded, Section, Words, chosen_by
from stiltwalk.reports.wording import label, notices, plural, points, task_in_words
from stiltwalk.tables.table import Cell, Table, heads

EVERY = "every one"
"""A choice that hides nothing; the page's script knows it."""


def changes_report(run: RunRows, found: Sequence[Change]) -> Document:
    """Return the page of the rows whose answers changed most, arm by arm and target by target."""
    arms = tuple(dict.fromkeys(each.arm for each in found))
    return Document(
        brand="changed answers",
        title=run.title,
        lead="What every arm fixed and what it broke: the test rows whose answers changed most "
        "against the baseline “none”.",
        chips=(plural(len(arms), "arm"), plural(len(found), "row")),
        banners=notices(run),
        sections=tuple(_arm(place, arm, found) for place, arm in enumerate(arms)),
    )


def _arm(place: int, arm: str, found: Sequence[Change]) -> Section:
    ours = [each for each in found if each.arm == arm]
    tasks = dict.fromkeys(each.task for each in ours)
    codes = tuple(dict.fromkeys(label(each.language) for each in ours))
    tables = [f"changes-{place}-{task}" for task in tasks]
    return Section(
        name="answer" if not place else f"arm-{place}",
        link=arm,
        title=f"“{arm}” against the baseline",
        parts=(
            Words(
                "A row gains where its answers became better over all seeds; one seed's are shown."
            ),
            *chosen_by("language", "Language", (EVERY, *sorted(codes)), tables),
            *(
                Folded(f"{task}: {task_in_words(task)}", (_table(f"{place}-{task}", ours, task),))
                for task in tasks
            ),
        ),
    )


def _table(name: str, found: Sequence[Change], task: str) -> Table:
    return Table(
        name=f"changes-{name}",
        title=f"Changed answers, {task}",
        note="Up to three rows a language that gained most, then those that lost most.",
        columns=heads("language", "points", "text", "right", "the baseline says", "the arm says"),
        rows=tuple(
            (
                Cell(label(each.language)),
                Cell(
                    points(each.gained), each.gained, tone="better" if each.gained > 0 else "worse"
                ),
                *(
                    Cell(text, language=each.language)
                    for text in (each.text, each.gold, each.before, each.after)
                ),
            )
            for each in found
            if each.task == task
        ),
        filtered=("language", 0),
        is_prose=True,
    )
