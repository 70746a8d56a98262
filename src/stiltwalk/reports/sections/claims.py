"""Claims of the paper and of the recipe, judged by the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stiltwalk.reports.claims import ClaimVerdict, JudgedClaim
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import ClaimList, Section, Words
from stiltwalk.reports.wording import DASH
from stiltwalk.tables.table import PAGE, Cell, Table, heads


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
            claim_table(found.claims),
        ),
    )


def claim_table(judged: Sequence[JudgedClaim]) -> Table:
    """Return every claim with its verdict."""
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
