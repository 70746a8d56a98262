"""The nine claims of the paper as predicates, and those that a recipe adds.

Source:
    Phang et al. (2020), as quoted by this project's protocol. The figures belong to XLM-R Large;
    here the same is asked of the run's own model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from stiltwalk.records import Kind
from stiltwalk.report.choice import choose_arms
from stiltwalk.report.claims import Finding, Judged, judge
from stiltwalk.report.evidence import Evidence, with_interval
from stiltwalk.report.own_claims import in_words, lead
from stiltwalk.report.published import is_xlmr_large
from stiltwalk.report.resampling import Floats, Resamples
from stiltwalk.report.rows import RunRows
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS

BEST_THREE = ("squad_v1", "mnli", "hellaswag")
BEST_ROW_POINTS = 5.4
HELPS_POINTS = 0.5
"""Below half a point nobody would speak of a gain."""
NO_BASELINE = Finding(lacks="The arm “none” is not finished, so no gain can be formed.")
_RETRIEVAL = tuple(task for task in TARGETS if TASKS[task].kind is Kind.RETRIEVAL)


def judge_claims(run: RunRows, drawn: Resamples) -> tuple[Judged, ...]:
    """Return the nine claims of the paper and the recipe's own, each with its verdict."""
    evidence = Evidence(run, drawn)
    nine = [
        judge(str(number), says, predicate, test(evidence), evidence)
        for number, (says, predicate, test) in enumerate(NINE, start=1)
    ]
    own = [
        judge(f"own {number}", claim.says, in_words(claim), lead(claim, evidence), evidence)
        for number, claim in enumerate(run.claims, start=1)
    ]
    return (*nine, *own)


def _best_three(evidence: Evidence) -> Finding:
    """SQuAD, MNLI and HellaSwag lead."""
    arms = evidence.single_arms()
    absent = [task for task in BEST_THREE if task not in arms]
    if not evidence.has_baseline or absent:
        return _absent(evidence, f"No finished arm walks over {', '.join(absent)} alone.")
    gains = {task: evidence.gain(arm) for task, arm in arms.items()}
    least = _least([gains[task] for task in BEST_THREE])
    others = [gain for task, gain in gains.items() if task not in BEST_THREE]
    holds_R = least > (_most(others) if others else 0.0)
    return Finding(
        holds_R=holds_R & (least > 0),
        numbers=_numbers(gains),
        arms=tuple(arms.values()),
        lacks=evidence.lacking_singles(),
    )


def _all_at_once(evidence: Evidence) -> Finding:
    """All nine at once lead."""
    mixture, arms = evidence.all_arm(), evidence.single_arms()
    if not evidence.has_baseline or mixture is None:
        return _absent(evidence, "No finished arm walks over all nine tasks at once.")
    gains = {mixture: evidence.gain(mixture)} | {arm: evidence.gain(arm) for arm in arms.values()}
    others = [gains[arm] for arm in arms.values()]
    best_R = _most(others) if others else np.zeros_like(gains[mixture])
    return Finding(
        holds_R=(gains[mixture] > best_R) & (gains[mixture] > 0),
        numbers=_numbers(gains),
        arms=tuple(gains),
        lacks=evidence.lacking_singles(),
    )


def _retrieval_most(evidence: Evidence) -> Finding:
    """BUCC and Tatoeba gain most."""
    arms = tuple(evidence.plain_arms())
    others = [task for task in evidence.targets if task not in _RETRIEVAL]
    if not evidence.has_baseline or not arms:
        return _absent(evidence, "No arm of plain English intermediate training is finished.")
    if not others or not set(_RETRIEVAL) <= set(evidence.targets):
        return Finding(lacks=evidence.lacking_targets())
    gains = {
        task: np.mean([evidence.gain(arm, [task]) for arm in arms], axis=0)
        for task in evidence.targets
    }
    least = _least([gains[task] for task in _RETRIEVAL])
    return Finding(
        holds_R=(least > _most([gains[task] for task in others])) & (least > 0),
        numbers=_numbers(gains),
        arms=arms,
        lacks=evidence.lacking_targets(),
    )


def _tydiqa_not_xnli(evidence: Evidence) -> Finding:
    """TyDiQA gains from many tasks, XNLI from none."""
    arms = evidence.single_arms()
    if not evidence.has_baseline or not arms:
        return _absent(evidence, "No finished arm walks over one task alone.")
    absent = [task for task in ("tydiqa", "xnli") if task not in evidence.targets]
    if absent:
        return Finding(lacks=f"The run lacks {', '.join(absent)}.")
    tydiqa = {task: evidence.gain(arm, ["tydiqa"]) for task, arm in arms.items()}
    xnli = {task: evidence.gain(arm, ["xnli"]) for task, arm in arms.items()}
    none_R = _most(list(xnli.values())) <= HELPS_POINTS
    many_R = np.mean([gain > HELPS_POINTS for gain in tydiqa.values()], axis=0) > 1 / 2
    lacks = evidence.lacking_singles()  # a few arms can speak against "none", not against "many"
    return Finding(
        holds_R=none_R if lacks else none_R & many_R,
        numbers=(*_numbers(tydiqa, "tydiqa after "), *_numbers(xnli, "xnli after ")),
        arms=tuple(arms.values()),
        lacks=lacks,
    )


def _best_row(evidence: Evidence) -> Finding:
    """Choosing per target on dev gives 5.4 points."""
    choices = choose_arms(evidence.run)
    if not evidence.has_baseline or not set(choices) >= set(TARGETS):
        lacks = evidence.lacking_targets() or "The choice on English dev cannot be made everywhere."
        return _absent(evidence, lacks)
    chosen = {task: choices[task].arm for task in TARGETS}
    unfinished = [a for t, a in chosen.items() if not evidence.finished(a, [t])]
    if unfinished:
        return Finding(lacks=f"The chosen arm “{unfinished[0]}” is not finished.")
    gains = {task: evidence.gain(arm, [task]) for task, arm in chosen.items()}
    mean_R = np.mean(list(gains.values()), axis=0)
    named = {f"{task} after “{chosen[task]}”": gain for task, gain in gains.items()}
    return Finding(
        holds_R=mean_R >= BEST_ROW_POINTS,
        numbers=(f"mean {with_interval(mean_R)}", *_numbers(named)),
        arms=tuple(dict.fromkeys(chosen.values())),
    )


def _plain_english(evidence: Evidence) -> Finding:
    """Plain English beats MLM beside it, and translated data."""
    with_mlm, translated = evidence.variants("has_mlm"), evidence.variants("is_translated")
    pairs = [*with_mlm, *translated]
    words = [
        *["multilingual MLM beside an English arm"] * (not with_mlm),
        *["translated data in place of an English arm's"] * (not translated),
    ]
    lacks = f"No finished pair of arms has {' or '.join(words)}." if words else ""
    if not pairs:
        return _absent(evidence, lacks)
    leads = {
        f"“{plain}” over “{variant}”": evidence.difference(plain, variant)
        for plain, variant in pairs
    }
    return Finding(
        holds_R=_least(list(leads.values())) > 0,
        numbers=_numbers(leads),
        arms=tuple(dict.fromkeys(arm for pair in pairs for arm in pair)),
        lacks=lacks,
    )


def _base_model(evidence: Evidence) -> Finding:
    """The base model is XLM-R Large."""
    is_large = is_xlmr_large(evidence.run.model)
    if is_large is None:
        return Finding(lacks="Which model the recipe's folder holds cannot be told from its name.")
    return _settled(is_large, f"base model: {evidence.run.model or 'made by this recipe'}")


def _three_phases(evidence: Evidence) -> Finding:
    """Public MLM, intermediate task, target task."""
    run = evidence.run
    kinds = {each.kind for each in run.stages if each.time_s is not None}
    if "Pretrain" in kinds or not run.model or run.miniature:
        return _settled(False, "the base model is not a public masked language model")
    walked = [arm for arm, made in run.walked.items() if made.is_plain]
    trained = {
        each.arm for each in run.rows if each.row.intermediate and TASKS[each.row.task].kind
        is not Kind.RETRIEVAL
    }  # fmt: skip
    if not trained & set(walked):
        return Finding(lacks="No arm has gone through both the intermediate and the target phase.")
    return _settled(True, f"{run.model}, then one of {len(walked)} arms, then the target")


def _nine_tasks(evidence: Evidence) -> Finding:
    """Nine English intermediate tasks."""
    asked = {task for arm in evidence.run.walked.values() for task in arm.tasks}
    scored = {task for each in evidence.run.rows for task in each.row.intermediate}
    number = f"{len(asked)} intermediate tasks: {', '.join(t for t in INTERMEDIATE if t in asked)}"
    if asked >= set(INTERMEDIATE) and not scored >= set(INTERMEDIATE):
        absent = [task for task in INTERMEDIATE if task not in scored]
        return Finding(lacks=f"No score yet after {', '.join(absent)}.", numbers=(number,))
    return _settled(asked >= set(INTERMEDIATE), number)


def _absent(evidence: Evidence, lacks: str) -> Finding:
    if not evidence.targets:
        return Finding(lacks="The run has none of XTREME's targets.")
    return Finding(lacks=lacks) if evidence.has_baseline else NO_BASELINE


def _settled(holds: bool, number: str) -> Finding:
    return Finding(holds_R=np.array([holds]), numbers=(number,), settled=True)


def _least(gains: Sequence[Floats]) -> Floats:
    return reduce(np.minimum, gains)


def _most(gains: Sequence[Floats]) -> Floats:
    return reduce(np.maximum, gains)


def _numbers(gains: dict[str, Floats], before: str = "") -> tuple[str, ...]:
    """Return every gain with its 95 % interval, the largest first."""
    ranked = sorted(gains.items(), key=lambda each: -float(each[1][0]))
    return tuple(f"{before}{name}: {with_interval(gain)}" for name, gain in ranked)


NINE: tuple[tuple[str, str, Callable[[Evidence], Finding]], ...] = (
    (
        "SQuAD, MNLI and HellaSwag as intermediate tasks give the largest mean target gains "
        "(published: 8.2, 7.5, 7.0 points).",
        "Among arms of one task, squad_v1, mnli and hellaswag have the three largest mean gains, "
        "and each is above zero.",
        _best_three,
    ),
    (
        "All nine tasks at once is best on average (published: +8.7 points).",
        "The arm of all nine tasks has a larger mean gain than every arm of one task, and above "
        "zero.",
        _all_at_once,
    ),
    (
        "Intermediate training helps BUCC and Tatoeba, which have no training data, most.",
        "Averaged over the plain English arms, bucc2018 and tatoeba gain more than every other "
        "target, and above zero.",
        _retrieval_most,
    ),
    (
        "TyDiQA gains from many intermediate tasks, XNLI from none.",
        f"More than half of the arms of one task gain over {HELPS_POINTS} points on tydiqa, and "
        "none does on xnli.",
        _tydiqa_not_xnli,
    ),
    (
        "The best intermediate task per target gives +5.4 points over XLM-R Large on XTREME.",
        f"Taking for each target the arm that is best on English dev gains {BEST_ROW_POINTS} "
        "points or more on the mean of XTREME's nine targets.",
        _best_row,
    ),
    (
        "Plain English intermediate training beats adding multilingual MLM, and translated "
        "intermediate data.",
        "Every plain English arm has a higher mean score than its variant with MLM and its variant "
        "on translated data.",
        _plain_english,
    ),
    (
        "The base model is the strongest public multilingual encoder.",
        "The recipe starts from XLM-R Large, of which the paper says so. Whether it is the "
        "strongest, no run can tell.",
        _base_model,
    ),
    (
        "Training has three phases: public MLM, intermediate task, target task.",
        "The base model is public, and an arm was trained on intermediate tasks and then on a "
        "target.",
        _three_phases,
    ),
    (
        "Nine different English intermediate tasks are studied.",
        "The arms of the recipe walk over all nine tasks, and each has a score.",
        _nine_tasks,
    ),
)
