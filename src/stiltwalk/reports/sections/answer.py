"""The answer of a run, the claims judged by it, and how to read the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.reports.claims import ClaimVerdict, JudgedClaim
from stiltwalk.reports.findings import Findings, ScoreCell, TransferTable
from stiltwalk.reports.parts import ClaimList, Points, Section, Words, facts_in
from stiltwalk.reports.sections.targets import gain_of
from stiltwalk.reports.wording import DASH, percent_spread
from stiltwalk.tables.table import PAGE, Bar, Cell, Table, heads
from stiltwalk.tasks.task import GROUPS


def answer(found: Findings) -> Section:
    """Return what the run says in a few sentences."""
    said = found.said
    return Section(
        name="answer",
        link="Answer",
        title="The answer of this run",
        parts=(
            Words(said.answer, "big"),
            means(found.table),
            Points(said.details),
            Words(said.caution, "caution"),
        ),
    )


def means(table: TransferTable) -> Table:
    """Return the arms with their mean score and a bar of their mean gain; no rows without one."""
    row = table.comparison
    cells = [each for each in row.cells if each.score] if row else []
    largest = max([0.01, *(abs(c.gain.mean) for c in cells if c.gain)])
    return Table(
        name="means",
        title="Means",
        note=f"Score of every arm ({row.name if row else ''}).",
        columns=heads("arm", "mean, %", "gain over the baseline, points"),
        rows=tuple(
            (Cell(each.arm), Cell(percent_spread(each.score), each.score.mean), _bar(each, largest))
            for each in cells
            if each.score
        ),
        formats=PAGE,
    )


def _bar(cell: ScoreCell, largest: float) -> Cell:
    gain = cell.gain.mean if cell.gain else 0.0
    return Cell(gain_of(cell) or "baseline", gain, drawn=Bar(gain / largest, cell.is_noise))


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
    )


def _claim_table(judged: Sequence[JudgedClaim]) -> Table:
    return Table(
        name="claims",
        title="Claims",
        note="A claim of the paper is about XLM-R Large on full test sets; what another run shows "
        "of the same predicate is about its own model. Intervals cover 95 %, over seeds and test "
        "examples together, corrected where one of many decides.",
        columns=heads("claim", "says", "predicate", "verdict", "why"),
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
    groups = "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in GROUPS.items())
    return Section(
        name="reading",
        link="How to read",
        title="How to read this page",
        parts=(facts_in(_WORDS, groups=groups, noise=found.said.caution),),
        formats=PAGE,
    )
