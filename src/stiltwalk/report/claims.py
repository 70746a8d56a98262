"""Claims, each judged by the rows of a run: what they show, and whether it is about the claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from stiltwalk.report.noise import LEVEL
from stiltwalk.report.predicates import Predicate


class Verdict(StrEnum):
    """What a run's rows say about a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decidable from these runs"
    NOT_TESTED = "not tested here"
    FACT = "told as fact"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A claim in somebody's words, and the predicate that stands for it here."""

    name: str
    says: str
    predicate: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a predicate came to, None where it cannot be formed.

    `lacks` says what would have to be there for it to be true of more than these rows: such a
    predicate can still be contradicted. `numbers` are for people.
    """

    predicate: Predicate | None = None
    numbers: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    lacks: str = ""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A claim with its verdict.

    `here` is what the run shows of the same predicate where the claim itself is not tested, `why`
    its reason; `untested` says why it is not. `breaches` name what contradicts, each with an
    interval that is corrected for all that was looked at. `p_for` and `p_against` are those of the
    whole predicate, `arms` those whose rows decide.
    """

    name: str
    says: str
    source: str
    predicate: str
    verdict: Verdict
    here: Verdict | None = None
    untested: str = ""
    why: str = ""
    breaches: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    p_for: float | None = None
    p_against: float | None = None
    arms: tuple[str, ...] = field(default=())


def judge(wording: Wording, finding: Finding, num_seeds: int, untested: str = "") -> Judged:
    """Return a claim's verdict at the 5 % level.

    Supported: every part that must be true is shown. Contradicted: enough parts are shown to be
    false, after correction for their number. All else is not decidable.

    Args:
        wording: of the claim.
        finding: what the rows say.
        num_seeds: of the run; one decides nothing.
        untested: why these rows cannot speak about the claim; "" where they can.
    """
    verdict, why = _weighed(finding, num_seeds)
    found = finding.predicate if num_seeds > 1 else None
    breaches = found.breaches() if found and verdict is Verdict.CONTRADICTED else ()
    return Judged(
        name=wording.name,
        says=wording.says,
        source=wording.source,
        predicate=wording.predicate,
        verdict=Verdict.NOT_TESTED if untested else verdict,
        here=verdict if untested else None,
        untested=untested,
        why=why,
        breaches=tuple(breaches),
        numbers=finding.numbers,
        p_for=found.p_for if found else None,
        p_against=found.p_against if found else None,
        arms=finding.arms,
    )


def _weighed(finding: Finding, num_seeds: int) -> tuple[Verdict, str]:
    """Return what the rows say of a predicate, and why they do not say more."""
    found = finding.predicate
    if found is None:
        return Verdict.UNDECIDED, finding.lacks
    if num_seeds == 1:
        return Verdict.UNDECIDED, "One seed was run, so nobody knows the noise between seeds."
    if found.p_against <= LEVEL:
        return Verdict.CONTRADICTED, ""
    if found.p_for <= LEVEL:
        return (Verdict.UNDECIDED, finding.lacks) if finding.lacks else (Verdict.SUPPORTED, "")
    if found.holds:
        doubts = f"It holds as observed, which is within the noise: {'; '.join(found.doubts())}."
        return Verdict.UNDECIDED, " ".join(filter(None, [doubts, finding.lacks]))
    return Verdict.UNDECIDED, (
        f"It does not hold as observed, which is within the noise: {'; '.join(found.breaches())}."
    )


def claims_json(judged: Sequence[Judged]) -> str:
    """Return the verdicts as a JSON document."""
    return (
        json.dumps({"claims": [asdict(each) for each in judged]}, ensure_ascii=False, indent=1)
        + "\n"
    )
