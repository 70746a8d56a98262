"""Claims, each judged by the rows of a run: supported, contradicted, or not decidable from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from stiltwalk.report.evidence import Evidence
from stiltwalk.report.numbers import percent

CONFIDENT = 0.95


class Verdict(StrEnum):
    """What a run's rows say about a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decidable from these runs"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a predicate came to.

    `holds_R` tells for the observed scores, then for every resample, whether it holds; None where
    it cannot be formed. `lacks` says what would have to be there for it to be true of more than
    these rows: such a predicate can still be contradicted. A `settled` one is about the recipe, so
    no resampling touches it.
    """

    holds_R: NDArray[np.bool_] | None = None
    numbers: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    lacks: str = ""
    settled: bool = False


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A claim with its verdict.

    `confidence` is the share of resamples in which the predicate holds, None where no resampling
    applies; `arms` are those whose rows decide.
    """

    name: str
    says: str
    predicate: str
    verdict: Verdict
    confidence: float | None
    why: str
    numbers: tuple[str, ...] = ()
    arms: tuple[str, ...] = field(default=())


def judge(name: str, says: str, predicate: str, finding: Finding, evidence: Evidence) -> Judged:
    """Return a claim's verdict.

    Supported: the predicate holds, and in 95 % of the resamples too. Contradicted: it does not
    hold, and in no more than 5 % of them. All else is not decidable.
    """
    verdict, confidence, why = Verdict.UNDECIDED, None, finding.lacks
    if finding.holds_R is not None and finding.settled:
        verdict = Verdict.SUPPORTED if finding.holds_R[0] else Verdict.CONTRADICTED
    elif finding.holds_R is not None:
        confidence = float(finding.holds_R[1:].mean())
        verdict, why = _weighed(bool(finding.holds_R[0]), confidence, finding, evidence)
    return Judged(
        name=name,
        says=says,
        predicate=predicate,
        verdict=verdict,
        confidence=confidence,
        why=why,
        numbers=finding.numbers,
        arms=finding.arms,
    )


def _weighed(
    holds: bool, confidence: float, finding: Finding, evidence: Evidence
) -> tuple[Verdict, str]:
    """Return the verdict of a predicate that was drawn again, and why it is not clearer."""
    if len(evidence.drawn.seeds) == 1:
        return Verdict.UNDECIDED, "One seed was run, so nobody knows the noise between seeds."
    if not holds and confidence <= 1 - CONFIDENT:
        return Verdict.CONTRADICTED, ""
    if holds and confidence >= CONFIDENT:
        return (Verdict.UNDECIDED, finding.lacks) if finding.lacks else (Verdict.SUPPORTED, "")
    return Verdict.UNDECIDED, (
        f"It {'holds' if holds else 'does not hold'} as observed, and holds in "
        f"{percent(confidence)} % of the resamples."
    )


def claims_json(judged: Sequence[Judged]) -> str:
    """Return the verdicts as a JSON document."""
    return (
        json.dumps({"claims": [asdict(each) for each in judged]}, ensure_ascii=False, indent=1)
        + "\n"
    )
