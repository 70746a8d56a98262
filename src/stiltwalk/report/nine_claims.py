"""The claims of the paper as predicates, and those that a recipe adds.

Source:
    Phang et al. (2020), as quoted by this project's protocol: the synthesis that it starts from,
    and where version 2's abstract differs (claims 2 and 6) that as well. They are about XLM-R
    Large; of another model a run can only show what the same predicate comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stiltwalk.records import BASELINE_ARM, Kind
from stiltwalk.report.claims import Finding, Judged, Wording, judge
from stiltwalk.report.evidence import Evidence
from stiltwalk.report.noise import Estimate
from stiltwalk.report.own_claims import in_words, lead
from stiltwalk.report.predicates import (
    Above,
    AtLeast,
    Predicate,
    all_of,
    one_of,
    with_interval,
)
from stiltwalk.report.recipe_facts import recipe_facts
from stiltwalk.report.resampling import Resamples
from stiltwalk.report.rows import RunRows
from stiltwalk.report.scope import why_untested
from stiltwalk.report.selection import best_row
from stiltwalk.report.wordings import HELPS_POINTS, SMALL_POINTS, WORDINGS
from stiltwalk.tasks import TARGETS, TASKS

BEST_THREE = ("squad_v1", "mnli", "hellaswag")
NO_BASELINE = Finding(lacks="The arm “none” is not finished, so no gain can be formed.")
_RETRIEVAL = tuple(task for task in TARGETS if TASKS[task].kind is Kind.RETRIEVAL)


def judge_claims(run: RunRows, drawn: Resamples) -> tuple[Judged, ...]:
    """Return the claims of the paper and the recipe's own, each with its verdict."""
    evidence, untested, num_seeds = Evidence(run, drawn), why_untested(run), len(drawn.seeds)
    paper = [
        judge(wording, TESTS[wording.name](evidence), num_seeds, untested) for wording in WORDINGS
    ]
    own = [
        judge(
            Wording(name=f"own {number}", says=claim.says, predicate=in_words(claim)),
            lead(claim, evidence),
            num_seeds,
        )
        for number, claim in enumerate(run.claims, start=1)
    ]
    return (*paper, *recipe_facts(run), *own)


def _best_three(evidence: Evidence) -> Finding:
    """SQuAD, MNLI and HellaSwag lead."""
    arms = evidence.single_arms()
    absent = [task for task in BEST_THREE if task not in arms]
    if not evidence.has_baseline or absent:
        return _absent(evidence, f"No finished arm is trained on {', '.join(absent)} alone.")
    others = [arm for task, arm in arms.items() if task not in BEST_THREE]
    parts = []
    for task in BEST_THREE:
        parts.append(_gains(evidence, arms[task]))
        parts += [_leads(evidence, arms[task], other) for other in others]
    return Finding(
        predicate=all_of(parts),
        numbers=_numbers({task: evidence.gain(arm) for task, arm in arms.items()}),
        arms=tuple(arms.values()),
        lacks=evidence.lacking_singles(),
    )


def _all_at_once(evidence: Evidence, *, small: bool = False) -> Finding:
    """All nine at once lead; with `small` not by much."""
    mixture, arms = evidence.all_arm(), list(evidence.single_arms().values())
    if not evidence.has_baseline or mixture is None:
        return _absent(evidence, "No finished arm is trained on all nine tasks at once.")
    parts: list[Predicate] = [_gains(evidence, mixture)]
    parts += [_leads(evidence, mixture, arm) for arm in arms]
    lacks = evidence.lacking_singles()
    if small and arms and not lacks:  # a few arms can speak against "leads", not for "by little"
        near = [_leads(evidence, mixture, arm, at_most=SMALL_POINTS / 100) for arm in arms]
        parts.append(one_of(near))
    return Finding(
        predicate=all_of(parts),
        numbers=_numbers({arm: evidence.gain(arm) for arm in (mixture, *arms)}),
        arms=(mixture, *arms),
        lacks=lacks,
    )


def _small_additional(evidence: Evidence) -> Finding:
    """All nine at once lead by little."""
    return _all_at_once(evidence, small=True)


def _retrieval_most(evidence: Evidence) -> Finding:
    """BUCC and Tatoeba gain most."""
    arms = tuple(evidence.plain_arms())
    others = [task for task in evidence.targets if task not in _RETRIEVAL]
    if not evidence.has_baseline or not arms:
        return _absent(evidence, "No arm of plain English intermediate training is finished.")
    if not others or not set(_RETRIEVAL) <= set(evidence.targets):
        return Finding(lacks=evidence.lacking_targets())

    def mean_gain(more: str, less: str = "") -> Estimate:
        weights: dict[tuple[str, str], float] = {}
        for task, sign in ((more, 1.0), (less, -1.0)) if less else ((more, 1.0),):
            weights |= {(arm, task): sign / len(arms) for arm in arms}
            weights[BASELINE_ARM, task] = -sign
        return evidence.weighted(weights)

    parts = [Above(says=f"gain on {task}", estimate=mean_gain(task)) for task in _RETRIEVAL]
    parts += [
        Above(
            says=f"gain on {task} over that on {other}",
            estimate=mean_gain(task, other),
            breach=f"{other} gains more than {task} by",
        )
        for task in _RETRIEVAL
        for other in others
    ]
    return Finding(
        predicate=all_of(parts),
        numbers=_numbers({task: mean_gain(task) for task in evidence.targets}),
        arms=arms,
        lacks=evidence.lacking_targets(),
    )


def _tydiqa_not_xnli(evidence: Evidence) -> Finding:
    """TyDiQA gains from many tasks, XNLI from none."""
    arms = evidence.single_arms()
    if not evidence.has_baseline or not arms:
        return _absent(evidence, "No finished arm is trained on one task alone.")
    absent = [task for task in ("tydiqa", "xnli") if task not in evidence.targets]
    if absent:
        return Finding(lacks=f"The run lacks {', '.join(absent)}.")
    gains = {
        target: {
            f"{target} after {task}": evidence.gain(arm, [target]) for task, arm in arms.items()
        }
        for target in ("tydiqa", "xnli")
    }
    helps = HELPS_POINTS / 100
    none = all_of(
        [Above(says=n, estimate=e, bound=helps, below=True) for n, e in gains["xnli"].items()]
    )
    many = AtLeast(
        least=len(arms) // 2 + 1,
        parts=tuple(Above(says=n, estimate=e, bound=helps) for n, e in gains["tydiqa"].items()),
    )
    lacks = evidence.lacking_singles()  # a few arms can speak against "none", not against "many"
    return Finding(
        predicate=none if lacks else all_of([none, many]),
        numbers=(*_numbers(gains["tydiqa"]), *_numbers(gains["xnli"])),
        arms=tuple(arms.values()),
        lacks=lacks,
    )


def _plain_english(evidence: Evidence) -> Finding:
    """Plain English beats MLM beside it, and translated data."""
    return _variants(evidence, lambda pairs: [_leads(evidence, *pair) for pair in pairs])


def _no_variant_leads(evidence: Evidence) -> Finding:
    """Neither kind of variant is better on every target."""

    def somewhere(pairs: Sequence[tuple[str, str]]) -> list[Predicate]:
        return [one_of([_leads(evidence, *pair, [t]) for pair in pairs for t in evidence.targets])]

    return _variants(evidence, somewhere)


def _variants(
    evidence: Evidence, stated: Callable[[Sequence[tuple[str, str]]], Sequence[Predicate]]
) -> Finding:
    """Return what is stated of the pairs of each kind of variant, all of it."""
    kinds = {
        "multilingual MLM beside an English arm": evidence.variants("has_mlm"),
        "translated data in place of an English arm's": evidence.variants("is_translated"),
    }
    absent = [words for words, pairs in kinds.items() if not pairs]
    lacks = f"No finished pair of arms has {' or '.join(absent)}." if absent else ""
    pairs = [pair for found in kinds.values() for pair in found]
    if not pairs:
        return _absent(evidence, lacks)
    leads = {
        f"“{plain}” over “{variant}”": evidence.difference(plain, variant)
        for plain, variant in pairs
    }
    return Finding(
        predicate=all_of([part for found in kinds.values() if found for part in stated(found)]),
        numbers=_numbers(leads),
        arms=tuple(dict.fromkeys(arm for pair in pairs for arm in pair)),
        lacks=lacks,
    )


def _leads(
    evidence: Evidence,
    arm: str,
    other: str,
    tasks: Sequence[str] = (),
    *,
    at_most: float | None = None,
) -> Above:
    """Return that an arm scores higher than another, or with `at_most` not higher by more."""
    where = f" on {', '.join(tasks)}" if tasks else ""
    return Above(
        says=f"{arm} over {other}{where}",
        estimate=evidence.difference(arm, other, tasks),
        bound=at_most or 0.0,
        below=at_most is not None,
        breach=f"{other} beats {arm}{where} by" if at_most is None else "",
    )


def _gains(evidence: Evidence, arm: str) -> Above:
    return Above(says=f"gain of {arm}", estimate=evidence.gain(arm))


def _absent(evidence: Evidence, lacks: str) -> Finding:
    if not evidence.targets:
        return Finding(lacks="The run has none of XTREME's targets.")
    return Finding(lacks=lacks) if evidence.has_baseline else NO_BASELINE


def _numbers(gains: Mapping[str, Estimate]) -> tuple[str, ...]:
    """Return every gain with its 95 % interval, the largest first."""
    ranked = sorted(gains.items(), key=lambda each: -each[1].value)
    return tuple(f"{name}: {with_interval(gain)}" for name, gain in ranked)


TESTS: Mapping[str, Callable[[Evidence], Finding]] = {
    "1": _best_three,
    "2": _all_at_once,
    "2 in v2": _small_additional,
    "3": _retrieval_most,
    "4": _tydiqa_not_xnli,
    "5": best_row,
    "6": _plain_english,
    "6 in v2": _no_variant_leads,
}
"""Name of a wording to what finds out about it."""
