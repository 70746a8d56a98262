"""All runs of a workspace on one page: quality, speed, memory and verdicts of every arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path
from statistics import fmean

from stiltwalk.errors import StiltwalkError
from stiltwalk.metrics.efficiency import CRITERIA, RatedSystem, Sign, pareto_front
from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.reports.answers import ArmAnswer, TimedAnswer, answers
from stiltwalk.reports.choice_page import choice_report, scatter
from stiltwalk.reports.costs import Efficiency, efficiency
from stiltwalk.reports.data import ArmScore, rows_of_pair
from stiltwalk.reports.findings import TransferTable
from stiltwalk.reports.parts import Document, Graphic, Section, Words
from stiltwalk.reports.scores import ScoreBook, spread
from stiltwalk.reports.sections.instrument import known, tone_of
from stiltwalk.reports.systems import known as known_systems
from stiltwalk.reports.systems import machine_of
from stiltwalk.reports.wording import DASH, percent_spread, plural
from stiltwalk.reports.write import CHOICE, html
from stiltwalk.reports.write import PAGE as REPORT
from stiltwalk.store.manifest import RUNS, RunRecord, design_of, read_record, run_folders
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.tasks import declare
from stiltwalk.timing.record import FILE, Speed, read_speed
from stiltwalk.wording import rounded

PAGE = "leaderboard.html"
_EQUAL = log(1.03)
"""Costs of two sessions that differ by less count as equal."""

_NO_TABLE = TransferTable(
    arms=(), reference_points=(), num_seeds=0, tasks=(), means=(), reached=(), common=()
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One arm of one run.

    `quality` is the mean over `targets`, which all arms of its run have; `rated` its figures by the
    clock, None where none counts; `group` names what entries must share to be compared.
    """

    run: str
    base: str
    arm: str
    targets: tuple[str, ...]
    quality: Cell
    rated: RatedSystem | None
    per: float | None
    answer: ArmAnswer | None
    group: str

    @property
    def name(self) -> str:
        """Run and arm, as `compare` takes them."""
        return f"{self.run}:{self.arm}"


def write_leaderboard(place: str | Path) -> Path | None:
    """Write the page of all runs of a workspace; None where there are fewer than two."""
    store = workspace_at(place)
    found = list(entries(store))
    page = store.root / RUNS / PAGE
    if len({each.run for each in found}) < 2:  # noqa: PLR2004 - one has a page of its own
        return None
    choice = _choice(store)
    if choice:
        text = html(choice)
        (page.parent / CHOICE).write_text(text, encoding="utf-8", newline="\n")
        store.publish(page.parent / CHOICE)
    text = html(leaderboard(found, (CHOICE,) * bool(choice)))
    page.write_text(text, encoding="utf-8", newline="\n")
    store.publish(page)
    return page


def _choice(store: Workspace) -> Document | None:
    found = known_systems(store)
    runs = {f"{run.name}:": run.rows for run in found.runs}
    return choice_report("All runs of this workspace", runs, found.comparisons)


def entries(store: Workspace) -> Iterator[Entry]:
    """Yield every arm of every run that can be read, a design once, the current one first."""
    seen = set[str]()
    for folder in sorted(run_folders(store), key=lambda each: "~" in each.name):
        try:
            record = read_record(folder)
            design = design_of(record)
            if design not in seen:
                yield from _of_run(record, folder.name, store)
            seen.add(design)
        except StiltwalkError:  # a report of its own says what is damaged
            continue


def _of_run(record: RunRecord, name: str, store: Workspace) -> Iterator[Entry]:
    declare((own.task() for own in record.tasks), record.benchmark)
    rows = tuple(
        ArmScore(arm=stage.arm, row=row)
        for stage in record.stages
        if stage.arm
        for row in store.scores(stage.fingerprint)
    )
    languages = {stage.target: stage.languages for stage in record.stages if stage.target}
    book = ScoreBook(rows, Split.TEST, record.seeds, lambda task: languages.get(task, ()))
    arms = [arm for arm in record.arms if any(each.arm == arm for each in rows)]
    targets = tuple(
        task for task in record.targets if arms and not any(book.missing(arm, task) for arm in arms)
    )
    texts = (store.text(each.fingerprint, FILE) for each in record.stages)
    comparisons = tuple(read_speed(text) for text in texts if text)
    rated = _rated(tuple(efficiency(comparisons)))
    told = {each.arm: each for each in _answers(record, comparisons)}
    timed = sorted({cell.task for each in comparisons for cell in each.cells})
    machine = set(map(machine_of, comparisons))
    tested = (record.test_rows, record.languages, record.benchmark)
    group = (record.data, tested, targets, timed, sorted(machine))
    for arm in arms:
        system, per = rated.get(arm, (None, None))
        mean = spread(book.mean_scores(dict.fromkeys(targets, arm), targets).values())
        quality = Cell(percent_spread(mean), mean.mean) if mean else Cell(DASH)
        yield Entry(
            run=name,
            base=record.model,
            arm=arm,
            targets=targets,
            quality=quality,
            rated=replace(system, quality=mean.mean) if system and mean else None,
            per=per,
            answer=told.get(arm),
            group=repr(group),
        )


def _answers(record: RunRecord, comparisons: tuple[Speed, ...]) -> tuple[ArmAnswer, ...]:
    if not comparisons:
        return ()
    run = replace(rows_of_pair(comparisons[0]), arms=record.arms, comparisons=comparisons)
    return answers(run, _NO_TABLE)


def _rated(found: Sequence[Efficiency]) -> Mapping[str, tuple[RatedSystem, float]]:
    """Return the figures of every model, the geometric means over tasks, and its PER."""
    models: dict[str, list[Efficiency]] = {}
    for each in found:
        models.setdefault(each.model, []).append(each)
    return {
        model: (
            RatedSystem(
                **{name: _mean([getattr(e.system, name) for e in of]) for name in CRITERIA}
            ),
            _mean([each.anchored for each in of]),
        )
        for model, of in models.items()
    }


def _mean(values: Sequence[float]) -> float:
    return exp(fmean(map(log, values)))


def front_of(found: Sequence[Entry]) -> set[str]:
    """Return the names of entries that no other of their group beats, costs within 3 % equal."""
    groups: dict[str, dict[str, RatedSystem]] = {}
    for each in found:
        if each.rated:
            groups.setdefault(each.group, {})[each.name] = each.rated

    return {name for systems in groups.values() for name in front_among(systems)}


def front_among(systems: Mapping[str, RatedSystem]) -> tuple[str, ...]:
    """Return the names of systems that no other beats, costs within 3 % equal."""

    def compared(one: str, other: str, criterion: str) -> Sign:
        ours, theirs = (getattr(systems[name], criterion) for name in (one, other))
        least = _EQUAL if CRITERIA[criterion] else 0.0
        if abs(log(ours / theirs)) <= least:
            return 0
        return 1 if (ours < theirs) == CRITERIA[criterion] else -1

    return pareto_front(systems, compared)


def leaderboard(found: Sequence[Entry], choices: Sequence[str] = ()) -> Document:
    """Return the page: the best first within what can be compared, then every other arm."""
    front, groups = front_of(found), dict.fromkeys(each.group for each in found)
    runs = tuple(dict.fromkeys(each.run for each in found))
    return Document(
        brand="leaderboard",
        title="All runs of this workspace",
        lead="Every arm of every run: its quality, its speed, and what was shown of both.",
        chips=(plural(len(runs), "run"), plural(len(found), "arm")),
        banners=(),
        pages=(
            *((each, "Good enough?") for each in choices),
            *((f"{run}/{REPORT}", f"report of {run}") for run in runs),
        ),
        sections=tuple(
            _section(place, [each for each in found if each.group == group], front)
            for place, group in enumerate(groups)
        ),
    )


def _section(place: int, found: Sequence[Entry], front: set[str]) -> Section:
    ordered = sorted(found, key=lambda each: -(each.quality.value or 0.0))
    spots = [
        (1000 * e.rated.latency, 100 * e.rated.quality, e.name, e.name in front)
        for e in ordered
        if e.rated
    ]
    picture = scatter(spots, "p50 latency, ms", "quality, %; blue is on the front") if spots else ""
    figure = [Graphic("Quality against p50 latency", picture)] if spots else []
    return Section(
        name="answer" if not place else f"group-{place}",
        link=", ".join(dict.fromkeys(each.run for each in found)),
        title=f"Compared on {plural(len(found[0].targets), 'target')}: "
        f"{', '.join(found[0].targets) or 'none that all arms have'}",
        parts=(
            *figure,
            Words(
                "These runs read the same rows and were timed on the same tasks and machine. Times "
                "of two sessions differ by chance: verdicts are within a run, against its own "
                "baseline. On the front: no other is at least as good in quality, latency and "
                "memory and better in one; costs within 3 % count as equal."
            ),
            _table(place, ordered, front),
        ),
    )


def _table(place: int, ordered: Sequence[Entry], front: set[str]) -> Table:
    return Table(
        name=f"leaderboard-{place}",
        title="Arms, the best quality first",
        note="Figures by the clock are geometric means over the tasks that were timed: p50 of "
        "single requests, requests per second and memory of all at once. PER is 1 for the "
        "baseline of the run. Ratios are against that baseline, with their verdict.",
        columns=(
            *heads("run", "arm", "base", "quality, %", "p50, ms", "requests/s", "memory, MB"),
            *heads("PER", "latency, ratio", "throughput, ratio", "computation", "front"),
        ),
        rows=tuple(
            (
                *heads(each.run, each.arm, each.base),
                each.quality,
                *_figures(each.rated),
                Cell(DASH if each.per is None else rounded(each.per, 3), each.per),
                *_verdicts(each),
                Cell("yes" if each.name in front else "no" if each.rated else DASH),
            )
            for each in ordered
        ),
    )


def _figures(rated: RatedSystem | None) -> tuple[Cell, Cell, Cell]:
    if rated is None:
        return Cell(DASH), Cell(DASH), Cell(DASH)
    return known(rated.latency, 1000), known(rated.throughput), known(rated.memory, 1e-6)


def _verdicts(entry: Entry) -> tuple[Cell, Cell, Cell]:
    answer = entry.answer
    if answer is None:
        text = "the baseline" if entry.arm == BASELINE_ARM else "not measured"
        return Cell(text), Cell(text), Cell(DASH)
    return (
        _ratio(answer.latency, answer.why),
        _ratio(answer.throughput, answer.why),
        Cell(answer.computation or DASH),
    )


def _ratio(timed: TimedAnswer | None, why: str) -> Cell:
    if timed is None:
        return Cell("not timed", below=why, tone="open")
    return Cell(str(timed), timed.ratio, timed.verdict, tone=tone_of(timed.verdicts))
