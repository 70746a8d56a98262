"""The answer of a run, the claims judged by it, and how to read the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.answers import (
    ArmAnswer,
    TimedAnswer,
    answers,
    gain_interval,
    how_to_time,
    told,
)
from stiltwalk.reports.claims import ClaimVerdict, JudgedClaim
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings, over_targets
from stiltwalk.reports.parts import ClaimList, Facts, Folded, Points, Section, Words, facts_in
from stiltwalk.reports.sections.cost import efficiency_of
from stiltwalk.reports.sections.instrument import tone_of, widest_of
from stiltwalk.reports.sections.targets import gain_of
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    MISSING,
    percent_spread,
    ratio_between,
    task_in_words,
)
from stiltwalk.store.manifest import RecordedArm
from stiltwalk.tables.table import PAGE, Cell, Range, Table, Tone, heads
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.task import GROUPS_OF
from stiltwalk.timing.record import VOID
from stiltwalk.timing.sample_size import Figure
from stiltwalk.wording import rounded


def answer(found: Findings) -> Section:
    """Return what the run says of quality and speed, arm by arm, then in one paragraph."""
    run, said = found.run, found.said
    known = answers(run, found.table)
    has_speed = any(each.cells for each in run.comparisons)
    return Section(
        name="answer",
        link="Answer",
        title="The answer",
        parts=(
            arms(found, known),
            Words(told(known, run, found.table) if known else said.answer, "big"),
            *(Words(each, "aid") for each in how_to_time(known, run)),
            *[
                Folded(
                    "PER and its parts: quality against cost", tuple(efficiency_of(run.comparisons))
                )
            ]
            * has_speed,
            Folded("Terms and tasks explained", (_terms(run),)),
            Points((*(said.answer,) * bool(known), *said.details)),
            Words(said.caution, "caution"),
        ),
    )


def arms(found: Findings, known: Sequence[ArmAnswer]) -> Table:
    """Return a row per arm: what it changes in quality, latency and throughput."""
    row, made = found.table.comparison, found.run.made_of
    base = next((c.score for c in row.cells if c.arm == BASELINE_ARM), None) if row else None
    against = f" ({percent_spread(base)} %, mean over {over_targets(found.table)})" if base else ""
    drawn = [e for each in known for e in (each.latency, each.throughput) if e]
    span = widest_of(drawn)
    return Table(
        name="arms",
        title="What each arm changes",
        note=f"Against the baseline “{BASELINE_ARM}”{against}. Quality with its 95 % interval. "
        "Latency: median time of a single request (SingleStream p50); throughput: requests per "
        "second when all arrive at once (Offline); both as ratios, geometric means over tasks and "
        "languages with their 90 % interval.",
        columns=(
            Cell("arm"),
            Cell("quality, points", below="more is better"),
            Cell("latency, ratio", below="below 1 is faster"),
            Cell("throughput, ratio", below="above 1 is better"),
        ),
        rows=tuple(
            (
                Cell(each.arm, below=_made_of(each.arm, made)),
                _quality(each),
                _time(each, Figure.P50, each.latency, span),
                _time(each, Figure.TIME, each.throughput, span),
            )
            for each in known
        ),
        has_tiles=True,
    )


def _made_of(arm: str, made: Mapping[str, RecordedArm]) -> str:
    says = made[arm].says if arm in made else ""
    return says if says != arm else ""


def _quality(found: ArmAnswer) -> Cell:
    cell = found.gain
    if cell is None or cell.gain is None:
        return Cell(MISSING, below="no score to compare", tone="missing")
    if cell.estimate is None:
        return Cell(gain_of(cell), cell.gain.mean, "noise unknown", tone="open")
    noise = ", inside the noise" * cell.is_noise
    tone: Tone = "better" if cell.gain.mean > 0 else "worse"
    below = f"{gain_interval(cell)}{noise}"
    return Cell(gain_of(cell), cell.gain.mean, below, tone="open" if cell.is_noise else tone)


def _time(found: ArmAnswer, figure: Figure, timed: TimedAnswer | None, span: float) -> Cell:
    if timed is not None:
        drawn = Range(timed.low, timed.ratio, timed.high, timed.margin, span)
        below = f"{ratio_between(timed.low, timed.high)}, {timed.verdict}"
        tone = tone_of(timed.verdicts)
        return Cell(rounded(timed.ratio, 3), timed.ratio, below, tone=tone, drawn=drawn)
    if figure in found.void:
        return Cell(VOID, below=found.why, tone="open")
    if not found.structure:
        return Cell("not measured", below="neither timed nor compared by structure", tone="open")
    text = "other work" if any(found.structure.values()) else "the same work"
    if found.writes:
        text = "other answers"
    below = "; ".join(filter(None, [found.writes, found.computation, "not timed"]))
    return Cell(text, below=below, tone="open")


_TERMS = """
Points: Percentage points of the score; {sign} marks a difference inside the noise.
Latency: How long one request takes. A ratio of 1.05 is 5 % slower than the baseline.
Throughput: How many requests are answered per second. A ratio of 1.05 is 5 % more.
EQUIVALENT: The interval of the ratio lies inside the margin: equality is shown, not assumed.
VOID: The measurement failed a test that it must pass, so its verdicts do not count.
Structure: Weights, settings, tokenizer and operations of a model. Where two agree in all of them,
    they compute the same, whatever the clock says.
PER: Performance-Efficiency Ratio: the geometric mean of quality, throughput, memory and latency.
"""


def _terms(run: RunRows) -> Facts:
    trained = (task for made in run.made_of.values() for task in made.tasks)
    tasks = [task for task in dict.fromkeys((*trained, *run.targets)) if task in TASKS]
    terms = facts_in(_TERMS, sign=ABOUT_ZERO)
    return Facts((*terms.pairs, *((task, task_in_words(task)) for task in tasks)))


def claims(found: Findings) -> Section:
    """Return every claim with its verdict: a list on the page, a table elsewhere."""
    counts = ((sum(e.verdict is v for e in found.claims), v) for v in ClaimVerdict)
    tally = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
    return Section(
        name="claims",
        link="Claims",
        title="Claims of the paper",
        parts=(
            Words(
                "What Phang et al. (2020) report of XLM-R Large, and claims of the recipe: "
                f"{tally}. Open a claim for its predicate, the numbers and the reason.",
                formats=PAGE,
            ),
            ClaimList(found.claims),
            _claim_table(found.claims),
        ),
        is_folded=True,
    )


def _claim_table(judged: Sequence[JudgedClaim]) -> Table:
    return Table(
        name="claims",
        title="Claims",
        note="A claim of the paper is about XLM-R Large on full test sets; what another run shows "
        "of the same predicate is about its own model. Intervals cover 95 %, over seeds and test "
        "examples together, corrected where one of many decides.",
        columns=heads("no.", "claim", "predicate", "verdict", "why"),
        rows=tuple(tuple(map(Cell, _claim(each))) for each in judged),
        formats=("markdown", "latex"),
        is_prose=True,
    )


def _claim(each: JudgedClaim) -> Iterator[str]:
    yield each.name
    yield f"{each.says} ({each.source})" if each.source else each.says
    yield each.predicate or DASH
    yield f"{each.verdict} (this model: {each.here})" if each.here else str(each.verdict)
    yield " ".join(filter(None, [each.untested, each.why, "; ".join(each.breaches)])) or DASH


_WORDS = """
Score: Percent. Accuracy for pairs and Tatoeba, chunk F1 for tags, F1 of pairs for BUCC, the mean
    of exact match and F1 for questions. A target's score is the plain mean over its languages,
    English included, as XTREME defines it.
Overall: The plain mean of XTREME's nine target scores, shown only when all nine have all their
    languages. Groups are {groups}.
Gain: Score minus the score of the baseline “none”, in percentage points, seed by seed and over the
    languages that both have.
Chosen on dev: For each target the arm with the best score on English dev, “none” among them; then
    its test score. Test rows and other languages are not used for the choice. For a target
    without English dev the arm with the best mean dev score over the others is taken.
Reference points: Scores without a trained model: the most frequent label, lexical overlap, the arm
    “none” with shuffled embeddings for other languages. They put a score in proportion; they do
    not explain it.
Missing: A score that should be there and is not, with the reason. The mean then covers what is
    there, and counts for no group and no overall mean.
Noise: {noise} The half width of the interval is the root of the sum of two squares: Student's t
    between seeds, and 1,000 resamples of the test examples. Claims are judged by the same
    intervals.
Claims: Supported: every part of the predicate that must be true has its 95 % interval on the
    claimed side. Contradicted: a necessary part, named with its size, has its interval on the
    other side, corrected for the number of parts. Everything else is not decidable, as with one
    seed or missing arms. What the paper says of XLM-R Large on full test sets cannot be tested
    with another model or fewer rows; then the page shows the same predicate for this model. How
    a study is made is a fact of its recipe, not a verdict.
Files: In the folder of this page. scores.csv and timings.csv hold every row, scores as fractions;
    report.md and report.tex the same tables as text and for a paper; claims.json the verdicts on
    the claims; figures/ the figures as SVG and PNG.
"""


def reading(found: Findings) -> Section:
    """Return what the terms of the page mean."""
    grouped = GROUPS_OF[found.run.benchmark].items()
    groups = "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in grouped)
    return Section(
        name="reading",
        link="How to read",
        title="How to read this page",
        parts=(facts_in(_WORDS, groups=groups, noise=found.said.caution),),
        formats=PAGE,
        is_folded=True,
    )
