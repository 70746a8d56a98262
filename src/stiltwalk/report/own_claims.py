"""Claims that a recipe adds: one arm scores higher than another."""

from __future__ import annotations

from stiltwalk.config.recipe import Claim
from stiltwalk.report.claims import Finding
from stiltwalk.report.evidence import Evidence
from stiltwalk.report.predicates import Above, with_interval


def lead(claim: Claim, evidence: Evidence) -> Finding:
    """Return whether one arm leads another by as much as a claim says."""
    targets = claim.targets or evidence.run.targets
    for arm in (claim.arm, claim.over):
        if not evidence.finished(arm, targets):
            return Finding(lacks=f"The arm “{arm}” is not finished.")
    if claim.languages:
        targets = tuple(
            t for t in targets if set(claim.languages) & set(evidence.drawn.languages(t))
        )
    if not targets:
        return Finding(lacks="No target has these languages.")
    found = evidence.difference(claim.arm, claim.over, targets, claim.languages)
    says = f"“{claim.arm}” over “{claim.over}”"
    return Finding(
        predicate=Above(says=says, estimate=found, bound=claim.by_points / 100),
        numbers=(f"{says}: {with_interval(found)}",),
        arms=(claim.arm, claim.over),
    )


def in_words(claim: Claim) -> str:
    """Return the predicate of a claim."""
    where = (
        f"the mean of {', '.join(claim.targets)}" if claim.targets else "the mean of all targets"
    )
    languages = f" in {', '.join(claim.languages)}" if claim.languages else ""
    return (
        f"“{claim.arm}” scores more than {claim.by_points:g} points higher than “{claim.over}” "
        f"on {where}{languages}."
    )
