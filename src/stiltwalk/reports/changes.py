"""What an intermediate task fixed and what it broke: the rows whose answers changed most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

from stiltwalk.data.source import DataSource
from stiltwalk.data.xtreme_files import answers_path, form_of, read_answers
from stiltwalk.errors import StiltwalkError
from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import (
    BASELINE_ARM,
    Answers,
    ChoiceExample,
    Example,
    ExampleScoreRow,
    Labels,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TagLists,
    TaskType,
    TextExample,
    Texts,
)
from stiltwalk.reports.data import RunRows
from stiltwalk.store.manifest import RunRecord
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.html import escape
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples

MOST_BYTES = 1_700_000
"""Of all rows together, so that their page stays below two megabytes."""
_AROUND_A_ROW = 520
"""Bytes of the page's own in a row."""
_MOST_OF_A_KIND = 3
_NOTHING = "no answer"
_LONGEST = 240
"""Letters of a text or an answer."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One test row that an arm answers better or worse than the baseline.

    `gained` is the share of the row's score that it gains, negative for a loss, the mean over
    seeds; answers are those of one seed that has the same sign. `rank` counts from 0, gains and
    losses of an arm, target and language apart.
    """

    arm: str
    task: str
    language: str
    gained: float
    rank: int
    text: str
    gold: str
    before: str
    after: str


@dataclass(frozen=True)
class _Asked:
    """The test rows of one target in one language; `tell` takes two models' answers and a place.

    It returns the right answer and both given ones.
    """

    texts: Sequence[str]
    tell: Callable[[Answers, Answers, int], tuple[str, str, str]]


def changes(run: RunRows, record: RunRecord, workspace: Workspace) -> list[Change]:
    """Return per arm, target and language the rows that changed most, gains first.

    A target whose rows are not at hand any more is left out, and so is mining, which answers no
    rows. Where a page has no room for all, the first of every kind have.
    """
    found = list(_changes(run, record, workspace))
    kept, room = set(), MOST_BYTES
    for at in sorted(range(len(found)), key=lambda at: (found[at].rank, -abs(found[at].gained))):
        each = found[at]
        texts = each.text + each.gold + each.before + each.after
        room -= _AROUND_A_ROW + len(escape(texts).encode())
        if room < 0:
            break
        kept.add(at)
    return [each for at, each in enumerate(found) if at in kept]


def _changes(run: RunRows, record: RunRecord, workspace: Workspace) -> Iterator[Change]:
    seeds: dict[tuple[str, str, str], dict[int, ExampleScoreRow]] = {}
    for each in run.example_scores:
        place = (each.arm, each.row.task, each.row.language)
        seeds.setdefault(place, {})[each.row.seed] = each.row
    places = [each for each in seeds if each[0] != BASELINE_ARM]
    read = cache(lambda stage, task, code: _answers(workspace, stage, task, code))
    for arm, task, language in places:
        theirs = seeds.get((BASELINE_ARM, task, language), {})
        pairs = _paired(theirs, seeds[arm, task, language])
        asked = _asked(record.data, task, language, record.test_rows) if pairs else None
        if asked is None or any(len(each.won) != len(asked.texts) for p in pairs for each in p):
            continue
        gains = [_gains(*pair) for pair in pairs]
        for rank, row, gained in _most_changed(gains):
            a, b = next(p for p, each in zip(pairs, gains, strict=True) if each[row] * gained > 0)
            gold, before, after = asked.tell(
                read(a.stage, task, language), read(b.stage, task, language), row
            )
            yield Change(
                arm=arm,
                task=task,
                language=language,
                gained=gained,
                rank=rank,
                text=_short(asked.texts[row]),
                gold=_short(gold),
                before=_short(before),
                after=_short(after),
            )


def _paired(
    theirs: Mapping[int, ExampleScoreRow], ours: Mapping[int, ExampleScoreRow]
) -> list[tuple[ExampleScoreRow, ExampleScoreRow]]:
    """Return both rows of every seed; a baseline that was not trained stands for each."""
    found = ((theirs.get(seed) or theirs.get(0), row) for seed, row in sorted(ours.items()))
    return [(base, row) for base, row in found if base and len(base.won) == len(row.won)]


def _gains(theirs: ExampleScoreRow, ours: ExampleScoreRow) -> list[float]:
    shares = zip(theirs.won, theirs.of, ours.won, ours.of, strict=True)
    return [_share(won_b, of_b) - _share(won_a, of_a) for won_a, of_a, won_b, of_b in shares]


def _share(won: float, of: float) -> float:
    """Return how much of a row is right; all where there was nothing to find and nothing found."""
    return won / of if of else 1.0


def _most_changed(gains: Sequence[Sequence[float]]) -> Iterator[tuple[int, int, float]]:
    means = [mean(list(each)) for each in zip(*gains, strict=True)]
    for sign in (1, -1):
        clear = [place for place, each in enumerate(means) if sign * each > 0]
        clear.sort(key=lambda at: -sign * means[at])
        for rank, place in enumerate(clear[:_MOST_OF_A_KIND]):
            yield rank, place, means[place]


def _answers(workspace: Workspace, stage: str, task: str, language: str) -> Answers:
    form = form_of(TASKS[task].task_type, TASKS[task].metric)
    return read_answers(answers_path(workspace.verified(stage), task, language, form), form)


@cache
def _asked(source: DataSource, name: str, language: str, max_rows: int | None) -> _Asked | None:
    """Return the rows of a target, None where they are not at hand, or mined."""
    task = TASKS[name]
    try:
        if task.task_type is not TaskType.RETRIEVAL:
            rows = examples(task, source, Split.TEST, language, max_rows)
            return _Asked([_text(e) for e in rows], lambda a, b, at: _told(rows[at], a, b, at))
        both = bitext(task, source, Split.TEST, language, max_rows)
    except (StiltwalkError, OSError):
        return None
    if len({english for _, english in both.gold}) != len(both.english):
        return None
    foreign = {each.id: each.text for each in both.foreign}
    right = {english: foreign[other] for other, english in both.gold}

    def told(a: Answers, b: Answers, at: int) -> tuple[str, str, str]:
        before, after = (both.foreign[int(cast("Labels", each)[at])].text for each in (a, b))
        return right[both.english[at].id], before, after

    return _Asked([each.text for each in both.english], told)


def _text(example: Example) -> str:
    match example:
        case TextExample():
            return example.text
        case PairExample():
            return f"{example.text_a} | {example.text_b}"
        case ChoiceExample():
            return example.prompt
        case TaggedExample():
            return " ".join(example.words)
        case SpanExample():
            return f"{example.question} | {_around(example)}"


def _around(example: SpanExample) -> str:
    start = max(0, example.answers[0].start - _LONGEST // 4) if example.answers else 0
    return "…" * bool(start) + example.context[start:]


def _told(example: Example, a: Answers, b: Answers, at: int) -> tuple[str, str, str]:
    """Return the right answer and two given ones; of tags those alone in which the two differ."""
    if isinstance(example, TaggedExample):
        ours, theirs = cast("TagLists", a)[at], cast("TagLists", b)[at]
        differ = [
            place for place, pair in enumerate(zip(ours, theirs, strict=False)) if len({*pair}) > 1
        ]
        gold, before, after = (
            ", ".join(f"{example.words[place]} {tags[place]}" for place in differ)
            for tags in (example.tags, ours, theirs)
        )
        return gold, before, after
    if isinstance(example, SpanExample):
        before, after = (cast("Texts", each).get(example.id, "") or _NOTHING for each in (a, b))
        return example.answers[0].text if example.answers else _NOTHING, before, after
    gold, before, after = example.label, cast("Labels", a)[at], cast("Labels", b)[at]
    if isinstance(example, ChoiceExample):
        gold, before, after = (example.choices[int(each)] for each in (gold, before, after))
    return gold, before, after


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
