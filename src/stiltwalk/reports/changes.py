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
    IdPairs,
    Labels,
    Metric,
    PairExample,
    RankingExample,
    Rankings,
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
_AROUND_A_ROW = 560
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
class AskedRow:
    """A test row; `read` finds its answer among those of its language, in their order.

    Several accepted answers stand in `gold` with " | " between, tags with spaces.
    """

    id: str
    text: str
    gold: str
    read: Callable[[Answers, int], str]
    example: Example | None = None


def changes(run: RunRows, record: RunRecord, workspace: Workspace) -> list[Change]:
    """Return per arm, target and language the rows that changed most, gains first.

    A target whose rows are not at hand any more is left out. Of mining, true pairs that one found
    and the other did not; those of the first seed. Where a page has no room for all, the first of
    every kind have.
    """
    found = [*_changes(run, record, workspace), *_mined(run, record, workspace)]
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
    read = cache(lambda stage, task, code: answers_in(workspace, stage, task, code))
    for arm, task, language in places:
        theirs = seeds.get((BASELINE_ARM, task, language), {})
        pairs = _paired(theirs, seeds[arm, task, language])
        asked = _asked(record.data, task, language, record.test_rows) if pairs else []
        if not asked or any(len(each.won) != len(asked) for p in pairs for each in p):
            continue
        gains = [_gains(*pair) for pair in pairs]
        for rank, row, gained in _most_changed(gains):
            a, b = next(p for p, each in zip(pairs, gains, strict=True) if each[row] * gained > 0)
            given = read(a.stage, task, language), read(b.stage, task, language)
            gold, before, after = _told(asked[row], *given, row)
            example = asked[row].example
            text = asked[row].text
            if isinstance(example, SpanExample):
                text = f"{example.question} | {_around(example)}"
            yield Change(
                arm=arm,
                task=task,
                language=language,
                gained=gained,
                rank=rank,
                text=_short(text),
                gold=_short(gold),
                before=_short(before),
                after=_short(after),
            )


def _mined(run: RunRows, record: RunRecord, workspace: Workspace) -> Iterator[Change]:
    """Yield true pairs that an arm mined and the baseline did not, then those that it lost."""
    stages: dict[tuple[str, str, str], str] = {}
    for each in run.rows:
        if TASKS[each.row.task].metric == Metric.PAIR_F1 and each.row.split == Split.TEST:
            stages.setdefault((each.arm, each.row.task, each.row.language), each.row.stage)
    for (arm, task, language), stage in stages.items():
        base = stages.get((BASELINE_ARM, task, language), stage)
        if base == stage:
            continue
        try:
            both = bitext(TASKS[task], record.data, Split.TEST, language, record.test_rows)
        except (StiltwalkError, OSError):
            continue
        texts = {each.id: each.text for each in (*both.foreign, *both.english)}
        theirs, ours = (
            dict(cast("IdPairs", answers_in(workspace, each, task, language)))
            for each in (base, stage)
        )
        for sign, found, lacking in ((1.0, ours, theirs), (-1.0, theirs, ours)):
            clear = [pair for pair in both.gold if found.get(pair[0]) == pair[1]]
            clear = [pair for pair in clear if lacking.get(pair[0]) != pair[1]]
            for rank, (other, english) in enumerate(clear[:_MOST_OF_A_KIND]):
                before, after = (
                    _short(texts.get(each.get(other, ""), _NOTHING)) for each in (theirs, ours)
                )
                yield Change(
                    arm=arm,
                    task=task,
                    language=language,
                    gained=sign,
                    rank=rank,
                    text=_short(texts[other]),
                    gold=_short(texts[english]),
                    before=before,
                    after=after,
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


def answers_in(workspace: Workspace, stage: str, task: str, language: str) -> Answers:
    """Return what a stage answered, in the order of the rows."""
    form = form_of(TASKS[task].task_type, TASKS[task].metric)
    return read_answers(answers_path(workspace.verified(stage), task, language, form), form)


@cache
def _asked(source: DataSource, name: str, language: str, max_rows: int | None) -> list[AskedRow]:
    try:
        return asked_rows(source, name, language, max_rows)
    except (StiltwalkError, OSError):
        return []


def asked_rows(
    source: DataSource, name: str, language: str, max_rows: int | None
) -> list[AskedRow]:
    """Return the test rows of a target; none of mining, which answers no rows.

    Raises:
        DataError: if they are not at hand.
    """
    task = TASKS[name]
    if task.task_type is not TaskType.RETRIEVAL:
        return [_row(each) for each in examples(task, source, Split.TEST, language, max_rows)]
    both = bitext(task, source, Split.TEST, language, max_rows)
    if len({english for _, english in both.gold}) != len(both.english):
        return []
    texts = {each.id: each.text for each in both.foreign}
    right = {english: texts[foreign] for foreign, english in both.gold}

    def retrieved(found: Answers, at: int) -> str:
        return both.foreign[int(_label(found, at))].text

    return [AskedRow(each.id, each.text, right[each.id], retrieved) for each in both.english]


def _label(found: Answers, at: int) -> str:
    return cast("Labels", found)[at]


def _row(example: Example) -> AskedRow:
    def row(text: str, gold: str, read: Callable[[Answers, int], str] = _label) -> AskedRow:
        return AskedRow(example.id, text, gold, read, example)

    match example:
        case TextExample(text=text, label=label):
            return row(text, label)
        case PairExample(text_a=a, text_b=b, label=label):
            return row(f"{a} | {b}", label)
        case ChoiceExample(prompt=prompt, choices=choices, label=label):
            return row(prompt, choices[int(label)], lambda f, at: choices[int(_label(f, at))])
        case TaggedExample(words=words, tags=tags):
            given = " ".join
            return row(given(words), given(tags), lambda f, at: given(cast("TagLists", f)[at]))
        case RankingExample(id=ident, query=query, right=documents):
            gold = " | ".join(documents)
            return row(query, gold, lambda f, _: "".join(cast("Rankings", f).get(ident, ())[:1]))
        case SpanExample(id=ident, question=question, context=context, answers=right):
            gold = " | ".join(dict.fromkeys(each.text for each in right))
            text = f"{question} | {context}"
            return row(text, gold, lambda f, _: cast("Texts", f).get(ident, ""))


def _around(example: SpanExample) -> str:
    start = max(0, example.answers[0].start - _LONGEST // 4) if example.answers else 0
    return "…" * bool(start) + example.context[start:]


def _told(row: AskedRow, a: Answers, b: Answers, at: int) -> tuple[str, str, str]:
    """Return the right answer and two given ones; of tags those alone in which the two differ."""
    if isinstance(example := row.example, TaggedExample):
        ours, theirs = cast("TagLists", a)[at], cast("TagLists", b)[at]
        differ = [
            place for place, pair in enumerate(zip(ours, theirs, strict=False)) if len({*pair}) > 1
        ]
        gold, before, after = (
            ", ".join(f"{example.words[place]} {tags[place]}" for place in differ)
            for tags in (example.tags, ours, theirs)
        )
        return gold, before, after
    gold = row.gold
    if isinstance(example, SpanExample):
        gold = example.answers[0].text if example.answers else ""
    return gold or _NOTHING, row.read(a, at) or _NOTHING, row.read(b, at) or _NOTHING


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
