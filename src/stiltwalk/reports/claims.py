"""Claims, each judged by the rows of a run: supported, contradicted, or not decidable.

A claim is put together from single differences that each have an interval.

Source: intersection-union tests (Berger 1982) for "all of these", Bonferroni for "one of these",
partial conjunctions (Benjamini and Heller 2008) for "at least so many", of which both are cases.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import numpy as np

from stiltwalk.recipe.schema import Claim
from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.scores import spread
from stiltwalk.reports.significance import (
    LEVEL,
    Estimate,
    Floats,
    Resamples,
    Weights,
    difference_of,
    estimated,
)
from stiltwalk.reports.wording import points
from stiltwalk.store.manifest import RecordedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS
from stiltwalk.tasks.task import XTREME


class ClaimVerdict(StrEnum):
    """What a run's rows say about a claim."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    UNDECIDED = "not decidable from these runs"
    NOT_TESTED = "not tested here"
    FACT = "a fact of the recipe"


@dataclass(frozen=True, kw_only=True)
class Wording:
    """A claim in somebody's words, and the predicate that stands for it here."""

    name: str
    says: str
    source: str = ""
    predicate: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The predicate of a claim on these rows, None where it cannot be formed.

    `lacks` says what would have to be there for it to be true of more than these rows: such a
    predicate can still be contradicted. `numbers` are for people.
    """

    predicate: Predicate | None = None
    numbers: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    lacks: str = ""


@dataclass(frozen=True, kw_only=True)
class JudgedClaim(Wording):
    """A claim with its verdict.

    `here` is what the run shows of the same predicate where the claim itself is not tested, `why`
    its reason; `untested` says why it is not. `breaches` name what contradicts, each with an
    interval that is corrected for all comparisons. `p_for` and `p_against` are those of the
    whole predicate, `arms` those whose rows decide.
    """

    verdict: ClaimVerdict
    here: ClaimVerdict | None = None
    untested: str = ""
    why: str = ""
    breaches: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    p_for: float | None = None
    p_against: float | None = None
    arms: tuple[str, ...] = ()


def judge(wording: Wording, finding: Finding, num_seeds: int, untested: str = "") -> JudgedClaim:
    """Return a claim's verdict at the 5 % level.

    Supported: every part that must be true is shown. Contradicted: enough parts are shown to be
    false, after correction for their number. All else is not decidable.
    """
    verdict, why = _verdict(finding, num_seeds)
    found = finding.predicate if num_seeds > 1 else None
    breaches = found.breaches() if found and verdict is ClaimVerdict.CONTRADICTED else ()
    return JudgedClaim(
        name=wording.name,
        says=wording.says,
        source=wording.source,
        predicate=wording.predicate,
        verdict=ClaimVerdict.NOT_TESTED if untested else verdict,
        here=verdict if untested else None,
        untested=untested,
        why=why,
        breaches=tuple(breaches),
        numbers=finding.numbers,
        p_for=found.p_for if found else None,
        p_against=found.p_against if found else None,
        arms=finding.arms,
    )


def _verdict(finding: Finding, num_seeds: int) -> tuple[ClaimVerdict, str]:
    found = finding.predicate
    if found is None:
        return ClaimVerdict.UNDECIDED, finding.lacks
    if num_seeds == 1:
        return ClaimVerdict.UNDECIDED, "One seed was run, so nobody knows the noise between seeds."
    if found.p_against <= LEVEL:
        return ClaimVerdict.CONTRADICTED, ""
    if found.p_for <= LEVEL:
        verdict = ClaimVerdict.UNDECIDED if finding.lacks else ClaimVerdict.SUPPORTED
        return verdict, finding.lacks
    if found.holds:
        doubts = f"It holds as observed, which is within the noise: {'; '.join(found.doubts())}."
        return ClaimVerdict.UNDECIDED, " ".join(filter(None, [doubts, finding.lacks]))
    return ClaimVerdict.UNDECIDED, (
        f"It does not hold as observed, which is within the noise: {'; '.join(found.breaches())}."
    )


def claims_json(judged: Sequence[JudgedClaim]) -> str:
    """Return the verdicts as a JSON document."""
    document = {"claims": [asdict(each) for each in judged]}
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


class Evidence:
    """A run's arms by what they are made of, and the differences between their scores.

    Only arms with every seed and language of the run's XTREME targets count: a half-finished arm
    proves nothing. `targets` are those of the run's that the paper speaks of, XTREME's.
    """

    def __init__(self, run: RunRows, drawn: Resamples) -> None:
        self.run = run
        self.drawn = drawn
        counted = TARGETS if run.benchmark == XTREME else ()
        self.targets = tuple(task for task in run.targets if task in counted)

    @property
    def has_baseline(self) -> bool:
        """Whether gains can be formed."""
        return self._is_there(BASELINE_ARM)

    def plain_arms(self) -> Mapping[str, RecordedArm]:
        """Return the finished arms of plain English training; of equal tasks the first one."""
        found: dict[frozenset[str], str] = {}
        for name, arm in self.run.made_of.items():
            if arm.is_plain and self._is_there(name):
                found.setdefault(frozenset(arm.tasks), name)
        return {name: self.run.made_of[name] for name in found.values()}

    def single_arms(self) -> Mapping[str, str]:
        """Return intermediate task to the finished arm that was trained on it alone."""
        return {
            arm.tasks[0]: name for name, arm in self.plain_arms().items() if len(arm.tasks) == 1
        }

    def all_arm(self) -> str | None:
        """Return the finished arm that was trained on all nine tasks at once."""
        return next(
            (n for n, arm in self.plain_arms().items() if set(arm.tasks) == set(INTERMEDIATE)), None
        )

    def variants(self, which: str) -> list[tuple[str, str]]:
        """Return pairs of a plain arm and its variant on the same tasks, both finished.

        Args:
            which: `has_mlm` or `is_translated`, all that they differ in.
        """
        return [
            (plain, name)
            for name, arm in self.run.made_of.items()
            if getattr(arm, which) and not (arm.adapters or (arm.has_mlm and arm.is_translated))
            if self._is_there(name)
            for plain, other in self.plain_arms().items()
            if set(other.tasks) == set(arm.tasks)
        ]

    def gain(self, arm: str, tasks: Sequence[str] = ()) -> Estimate:
        """Return the gain over "none", the mean over targets (by default XTREME's)."""
        return self.difference(arm, BASELINE_ARM, tasks)

    def difference(
        self, arm: str, other: str, tasks: Sequence[str] = (), languages: Sequence[str] = ()
    ) -> Estimate:
        """Return how much higher one arm scores than another, a fraction."""
        return self.weighted(difference_of(arm, other, tasks or self.targets), languages)

    def weighted(self, weights: Weights, languages: Sequence[str] = ()) -> Estimate:
        """Return a difference of weighted scores, seed by seed; its weights sum to zero."""
        values_S = sum(
            factor * self.drawn.per_seed(arm, task, languages)
            for (arm, task), factor in weights.items()
        )
        return known(np.asarray(values_S), self.drawn.weighted_examples(weights, languages))

    def lacking_singles(self) -> str:
        """Return which of the nine tasks have no finished arm of their own, as a sentence."""
        absent = [task for task in INTERMEDIATE if task not in self.single_arms()]
        return f"No finished arm is trained on {', '.join(absent)} alone." if absent else ""

    def lacking_targets(self) -> str:
        """Return which of XTREME's nine targets the run lacks, as a sentence."""
        absent = [task for task in TARGETS if task not in self.targets]
        return f"The run lacks {', '.join(absent)}." if absent else ""

    def _is_there(self, arm: str) -> bool:
        return arm in self.run.arms and bool(self.targets) and self.drawn.has(arm, self.targets)


def known(values_S: Floats, examples_R: Floats | None) -> Estimate:
    """Return one value per seed, and its resamples, as an estimate; unknown errors count as 0."""
    over_seeds = spread(values_S)
    assert over_seeds is not None
    found = estimated(over_seeds, examples_R)
    return found or Estimate(over_seeds.mean, over_seeds.num_seeds, None, None)


class Predicate(Protocol):
    """A statement that is true or false of an arm's true means."""

    @property
    def holds(self) -> bool:
        """Whether the observed figures fulfil it."""

    @property
    def p_for(self) -> float:
        """How rarely what was observed would come out if it were false."""

    @property
    def p_against(self) -> float:
        """How rarely what was observed would come out if it were true."""

    def breaches(self, level: float = LEVEL) -> list[str]:
        """Return what speaks against it most, each with its interval at a level."""

    def doubts(self) -> list[str]:
        """Return what keeps it from being shown, each with its 95 % interval."""


@dataclass(frozen=True, kw_only=True)
class Above(Predicate):
    """One difference that is claimed to lie above a bound, or not above it.

    p-values are two-sided, as in the table of gains, so that one interval decides both.

    Args:
        says: what is measured, such as "hellaswag over qqp".
        estimate: as a fraction.
        bound: a fraction.
        below: it is claimed not to lie above.
        breach: how to say the opposite with a size, such as "qqp beats hellaswag by".
    """

    says: str
    estimate: Estimate
    bound: float = 0.0
    below: bool = False
    breach: str = ""

    @property
    def holds(self) -> bool:
        return (self.estimate.value > self.bound) != self.below

    @property
    def p_for(self) -> float:
        return self._p if self.holds else 1.0

    @property
    def p_against(self) -> float:
        return 1.0 if self.holds else self._p

    @cached_property
    def _p(self) -> float:
        return self.estimate.less(self.bound).p

    def breaches(self, level: float = LEVEL) -> list[str]:
        value, (low, high) = self.estimate.value, self.estimate.interval(level)
        how = "95 %" if level == LEVEL else "95 % after correction"
        if self.breach:
            size, least, most = (points(-each).lstrip("+") for each in (value, high, low))
            return [f"{self.breach} {size} ({how}: {least} to {most})"]
        side = "above" if self.below else "not above"
        found = f"{self.says}: {points(value)} ({how}: {points(low)} to {points(high)})"
        return [f"{found}, {side} {points(self.bound)}"]

    def doubts(self) -> list[str]:
        return [f"{self.says}: {with_interval(self.estimate)}"]


@dataclass(frozen=True, kw_only=True)
class AtLeast(Predicate):
    """At least so many of some statements are true: all of them, one of them, or between."""

    least: int
    parts: tuple[Predicate, ...]

    @property
    def holds(self) -> bool:
        return sum(part.holds for part in self.parts) >= self.least

    @property
    def p_for(self) -> float:
        return _partial([part.p_for for part in self.parts], self.least)

    @property
    def p_against(self) -> float:
        return _partial([part.p_against for part in self.parts], self._too_many)

    @property
    def _too_many(self) -> int:
        return len(self.parts) - self.least + 1

    def breaches(self, level: float = LEVEL) -> list[str]:
        worst = sorted(self.parts, key=lambda part: part.p_against)[: self._too_many]
        return [each for part in worst for each in part.breaches(level / self.least)]

    def doubts(self) -> list[str]:
        return sorted(self.parts, key=lambda part: part.p_for)[self.least - 1].doubts()


def all_of(parts: Sequence[Predicate]) -> AtLeast:
    """Return that every statement is true."""
    return AtLeast(least=len(parts), parts=tuple(parts))


def one_of(parts: Sequence[Predicate]) -> AtLeast:
    """Return that some statement is true."""
    return AtLeast(least=1, parts=tuple(parts))


def _partial(p_values: Sequence[float], least: int) -> float:
    """Return the p-value of "at least so many of these hold"; no independence is assumed."""
    return min(1.0, (len(p_values) - least + 1) * sorted(p_values)[least - 1])


def with_interval(estimate: Estimate) -> str:
    """Return a difference in points with its 95 % interval, where any noise is known."""
    if estimate.seeds is None and estimate.examples is None:
        return points(estimate.value)
    low, high = estimate.interval()
    return f"{points(estimate.value)} ({points(low)} to {points(high)})"


def judge_own(run: RunRows, drawn: Resamples) -> list[JudgedClaim]:
    """Return the recipe's own claims, each with its verdict."""
    evidence, num_seeds = Evidence(run, drawn), len(drawn.seeds)
    return [
        judge(
            Wording(name=f"own {number}", says=claim.says, predicate=_in_words(claim)),
            _lead(claim, evidence),
            num_seeds,
        )
        for number, claim in enumerate(run.claims, start=1)
    ]


def _lead(claim: Claim, evidence: Evidence) -> Finding:
    targets, drawn = claim.targets or evidence.run.targets, evidence.drawn
    for arm in (claim.arm, claim.over):
        if not drawn.has(arm, targets):
            return Finding(lacks=f"The arm “{arm}” is not finished.")
    if claim.languages:
        targets = tuple(t for t in targets if set(claim.languages) & set(drawn.languages(t)))
    if not targets:
        return Finding(lacks="No target has these languages.")
    found = evidence.difference(claim.arm, claim.over, targets, claim.languages)
    says = f"“{claim.arm}” over “{claim.over}”"
    return Finding(
        predicate=Above(says=says, estimate=found, bound=claim.by_points / 100),
        numbers=(f"{says}: {with_interval(found)}",),
        arms=(claim.arm, claim.over),
    )


def _in_words(claim: Claim) -> str:
    where = (
        f"the mean of {', '.join(claim.targets)}" if claim.targets else "the mean of all targets"
    )
    languages = f" in {', '.join(claim.languages)}" if claim.languages else ""
    return (
        f"“{claim.arm}” scores more than {claim.by_points:g} points higher than “{claim.over}” "
        f"on {where}{languages}."
    )
