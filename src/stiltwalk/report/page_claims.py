"""The page's claims: what the paper says, and what this run's rows say to it."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.claims import Judged, Verdict
from stiltwalk.report.markup import escape, name
from stiltwalk.report.numbers import percent
from stiltwalk.report.page_matrix import arm_anchor

_BADGES = {
    Verdict.SUPPORTED: ("yes", "\N{CHECK MARK} supported"),
    Verdict.CONTRADICTED: ("no", "\N{BALLOT X} contradicted"),
    Verdict.UNDECIDED: ("open", "? not decidable from these runs"),
}


def claims(judged: Sequence[Judged]) -> str:
    """Return every claim with its verdict, and behind it the predicate and the numbers."""
    return f'<ol class="claims">{"".join(map(_claim, judged))}</ol>'


def tally(judged: Sequence[Judged]) -> str:
    """Return in words how many claims got which verdict."""
    counts = ((sum(e.verdict is verdict for e in judged), verdict) for verdict in Verdict)
    return ", ".join(f"{count} {verdict}" for count, verdict in counts if count)


def _claim(each: Judged) -> str:
    css, words = _BADGES[each.verdict]
    number = each.name.removeprefix("own ")
    whose = ' <span class="own">from the recipe</span>' if each.name.startswith("own") else ""
    share = ""
    if each.confidence is not None:
        share = f"<p>It holds in {percent(each.confidence)} % of the resamples.</p>"
    numbers = "".join(f"<li>{escape(line)}</li>" for line in each.numbers)
    links = ", ".join(f'<a href="#{escape(arm_anchor(arm))}">{name(arm)}</a>' for arm in each.arms)
    why = f"<p>{escape(each.why)}</p>" if each.why else ""
    return (
        f'<li value="{escape(number)}"><details><summary>{escape(each.says)}{whose} '
        f'<span class="badge {css}">{words}</span></summary>{why}'
        f"<p><b>Predicate.</b> {escape(each.predicate)}</p>{share}"
        + (f"<ul>{numbers}</ul>" if numbers else "")
        + (f"<p>Rows: {links}</p>" if links else "")
        + "</details></li>"
    )
