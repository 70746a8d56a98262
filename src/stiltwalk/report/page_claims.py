"""The page's claims: what the paper says, and what this run's rows say to it."""

from __future__ import annotations

from collections.abc import Sequence

from stiltwalk.report.claims import Judged, Verdict
from stiltwalk.report.markup import escape, name
from stiltwalk.report.page_matrix import arm_anchor

_BADGES = {
    Verdict.SUPPORTED: ("yes", "\N{CHECK MARK} supported"),
    Verdict.CONTRADICTED: ("no", "\N{BALLOT X} contradicted"),
    Verdict.UNDECIDED: ("open", "? not decidable from these runs"),
    Verdict.NOT_TESTED: ("open", "not tested here"),
    Verdict.FACT: ("open", "told as fact"),
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
    number = each.name.removeprefix("own ").split()[0]
    whose = "from the recipe" if each.name.startswith("own") else each.source
    badges = f'<span class="badge {css}">{words}</span>'
    if each.here:
        badges += f' <span class="badge open">this model: {escape(each.here)}</span>'
    marked = f' <span class="own">{escape(whose)}</span>' if whose else ""
    return (
        f'<li value="{escape(number)}"><details><summary>{escape(each.says)}{marked} '
        f"{badges}</summary>{_reasons(each)}</details></li>"
    )


def _reasons(each: Judged) -> str:
    """Return what stands behind a verdict."""
    about = "<b>About this model, which the claim is not about.</b> " if each.here else ""
    said = [escape(each.untested)] if each.untested else []
    if each.why or each.breaches:
        said.append(about + escape("; ".join(filter(None, [each.why, *each.breaches]))))
    if each.predicate:
        said.append(f"<b>Predicate.</b> {escape(each.predicate)}")
    numbers = "".join(f"<li>{escape(line)}</li>" for line in each.numbers)
    links = ", ".join(f'<a href="#{escape(arm_anchor(arm))}">{name(arm)}</a>' for arm in each.arms)
    return (
        "".join(f"<p>{line}</p>" for line in said)
        + (f"<ul>{numbers}</ul>" if numbers else "")
        + (f"<p>Rows: {links}</p>" if links else "")
    )
