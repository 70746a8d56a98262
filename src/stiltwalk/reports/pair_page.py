"""The report of two models: quality per language, verdicts about speed, and what is behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import Split
from stiltwalk.reports.answers import why_open
from stiltwalk.reports.charts import language_bars
from stiltwalk.reports.data import RunRows, rows_of_pair, with_visible_names
from stiltwalk.reports.parts import (
    Document,
    Facts,
    Points,
    Section,
    SideBySide,
    Words,
    charts_of,
    chosen_by,
    facts_in,
)
from stiltwalk.reports.scores import ScoreBook
from stiltwalk.reports.sections import instrument
from stiltwalk.reports.sections.cost import (
    banner,
    behind_it,
    breakdown,
    design,
    efficiency_of,
    structure,
    structure_of,
    trust,
)
from stiltwalk.reports.sections.languages import language_points
from stiltwalk.reports.sections.targets import english
from stiltwalk.reports.wording import (
    duration,
    label,
    notices,
    ordered_languages,
    percent,
    plural,
    points,
)
from stiltwalk.tables import terminal
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.timing.attribution import SAME_WORK, shares_of_time
from stiltwalk.timing.record import VOID, Speed

Differences = Mapping[str, Mapping[str, tuple[float, float]]]
"""Target to language to the scores of A and B, fractions."""


def pair_report(speed: Speed) -> Document:
    """Return the report of one comparison: the same record gives the same page."""
    run = with_visible_names(rows_of_pair(speed))
    languages = {each.language for each in speed.languages} | set(run.languages or ())
    chips = (
        plural(len(speed.structure), "target"),
        plural(len(languages), "language") if languages else "",
        f"profile {speed.design.profile}",
        speed.design.device,
    )
    return Document(
        brand="comparison",
        title=run.title,
        lead=speed.question,
        chips=tuple(filter(None, chips)),
        banners=(*notices(run), *(each.text for each in banner(speed))),
        sections=tuple(_sections(run, speed)),
    )


def _sections(run: RunRows, speed: Speed) -> Iterator[Section]:
    scores = _scores(run)
    yield _answer(run, speed, scores)
    yield Section(
        name="speed",
        link="Speed",
        title="Verdicts about speed",
        parts=(
            instrument.together(0, [speed]),
            instrument.verdicts(0, speed),
            *efficiency_of([speed]),
        ),
    )
    yield _quality(run, scores)
    yield _structure(speed)
    yield Section(
        name="trust",
        link="A/A test",
        title="Whether the measurement can be trusted",
        parts=trust(0, speed),
    )
    yield Section(
        name="behind",
        link="Where time goes",
        title="Where time and memory go",
        parts=(breakdown(0, speed), *behind_it(0, speed)),
    )
    yield _reading(run, speed)


def print_speed(speed: Speed, console: Console) -> None:
    """Show A/A and delay tests, verdicts, what they rest on, and the summary."""
    run = rows_of_pair(speed)
    console.print(f"{speed.question} ({speed.design.style})", highlight=False, markup=False)
    for table in (
        instrument.known_delays(0, speed),
        instrument.together(0, [speed]),
        instrument.verdicts(0, speed),
        instrument.loadgen(0, speed),
        instrument.costs(0, speed),
        instrument.memory(0, speed),
        instrument.uneven(0, speed),
        instrument.languages(0, speed, SAME_WORK),
        _quality_table(run, _scores(run)),
    ):
        if table.rows:
            console.print(terminal.render(table), highlight=False)
    told = ", ".join(f"{name} {percent(share)} %" for name, share in shares_of_time(speed).items())
    sentences = [f"Variance of log(p50 latency): {told}."] * bool(told)
    sentences += [f"{task}: {found}" for task, found in structure(speed)]
    for sentence in (*sentences, *speed.summary):
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def _scores(run: RunRows) -> Differences:
    book = ScoreBook(run.rows, Split.TEST)
    return {
        task: {
            language: (ours[0], theirs[0])
            for language in ordered_languages(run, [task])
            if (ours := book.language_scores(run.arms[0], task, language))
            and (theirs := book.language_scores(run.arms[1], task, language))
        }
        for task in run.targets
    }


def _answer(run: RunRows, speed: Speed, scores: Differences) -> Section:
    answer = "No answer about speed: nothing was timed."
    if why := why_open([speed]):
        answer = f"No answer about speed: the measurement failed its own tests. {why}."
    if any(cell.verdict != VOID for cell in speed.cells):
        answer = next(each for each in speed.summary if not each.startswith(VOID))
    return Section(
        name="answer",
        link="Answer",
        title="The answer",
        parts=(
            Words(answer, "big"),
            Points(tuple(speed.summary)),
            Points(tuple(_said(run, scores))),
        ),
    )


def _quality(run: RunRows, scores: Differences) -> Section:
    bars = charts_of(language_bars(run, language_points(run, {})) if run.targets else None)
    by_language = _languages(run, scores)
    return Section(
        name="quality-part",
        link="Quality",
        title="Quality",
        parts=(
            _quality_table(run, scores),
            english(run),
            *chosen_by("task", "Target", run.targets, [*bars, by_language.name]),
            SideBySide((*bars, by_language)),
        ),
    )


def _structure(speed: Speed) -> Section:
    return Section(
        name="structure",
        link="Structure",
        title="What differs between the two models",
        parts=(
            Words(
                "The structural fingerprint: configuration, parameters, tokenizer, attention and "
                "operations. Where nothing differs, both do the same work for the same input, and "
                "equal times are expected; the verdicts tell."
            ),
            *structure_of(speed),
        ),
    )


_WORDS = """
Time ratio: Time of the second model divided by that of the first, the geometric mean over blocks;
    in a block both get the same requests.
EQUIVALENT: The 90 % interval of the ratio lies within the margin, which was fixed beforehand:
    equality is shown, not assumed.
SLOWER, FASTER: Not EQUIVALENT, and the 95 % interval, which is two-sided, lies on one side of 1
    and survives Holm's correction for the number of verdicts.
INCONCLUSIVE: Anything else. It is no evidence of equality; more blocks or a quieter machine may
    decide.
VOID: A test of the measurement failed: one model under two names (A/A) must come out
    EQUIVALENT, a delay of 5 % SLOWER. Or the blocks are so correlated that fewer than eight
    of them are effective.
Design: {design} It took {time}.
Files: speed.json in the folder of this page holds every figure.
"""


def _reading(run: RunRows, speed: Speed) -> Section:
    words = facts_in(_WORDS, design=design(speed), time=duration(speed.time_s))
    return Section(
        name="reading",
        link="How to read",
        title="How to read this page",
        parts=(words, Facts(tuple(run.provenance.items()), columns=True)),
    )


def _pairs(scores: Differences) -> list[tuple[str, list[tuple[float, float]]]]:
    return [(task, list(found.values())) for task, found in scores.items() if found]


def _said(run: RunRows, scores: Differences) -> Sequence[str]:
    if not scores:
        return ("Quality: no scores of both models are known; arms of a run, RUN:ARM, have them.",)
    return [
        f"{task}: {run.arms[1]} scores {percent(mean([b for _, b in pairs]))} against "
        f"{percent(mean([a for a, _ in pairs]))} of {run.arms[0]} "
        f"({points(mean([b - a for a, b in pairs]))} points), higher in "
        f"{sum(b > a for a, b in pairs)} of {plural(len(pairs), 'language')}."
        for task, pairs in _pairs(scores)
    ]


def _quality_table(run: RunRows, scores: Differences) -> Table:
    return Table(
        name="quality",
        title="Quality",
        note="Score in percent, the plain mean over languages. Differences in quality are not "
        "tested here: the report of a run compares its gains with their noise.",
        columns=heads("target", *run.arms, "difference, points", "languages higher", "lower", "of"),
        rows=tuple(
            (
                Cell(task),
                *_pair(mean([a for a, _ in pairs]), mean([b for _, b in pairs])),
                _number(sum(b > a for a, b in pairs)),
                _number(sum(b < a for a, b in pairs)),
                _number(len(pairs)),
            )
            for task, pairs in _pairs(scores)
        ),
    )


def _languages(run: RunRows, scores: Differences) -> Table:
    return Table(
        name="quality-languages",
        title="Quality by language",
        note="Score in percent, for questions the mean of exact match and F1.",
        columns=heads("language", "target", *run.arms, "difference, points"),
        rows=tuple(
            (Cell(label(language)), Cell(task), *_pair(*pair))
            for task, found in scores.items()
            for language, pair in found.items()
        ),
        filtered=("task", 1),
    )


def _number(value: int) -> Cell:
    return Cell(str(value), value)


def _pair(a: float, b: float) -> tuple[Cell, Cell, Cell]:
    return Cell(percent(a), a), Cell(percent(b), b), Cell(points(b - a), b - a)
