"""Tests for stiltwalk.report.claims and nine_claims: rows whose truth is known, 27 cases."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

import pytest
from synthetic import make_rows

from stiltwalk.config.recipe import Claim
from stiltwalk.report.claims import Judged, Verdict, claims_json
from stiltwalk.report.nine_claims import NINE, judge_claims
from stiltwalk.report.resampling import Resamples
from stiltwalk.report.rows import RunRows, StageLine
from stiltwalk.store.record import WalkedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS

RETRIEVAL = ("bucc2018", "tatoeba")
SEEDS = (1, 2, 3)
ARMS = {
    "none": WalkedArm(),
    **{task: WalkedArm(tasks=(task,)) for task in INTERMEDIATE},
    "all": WalkedArm(tasks=tuple(INTERMEDIATE)),
    "mnli-mlm": WalkedArm(tasks=("mnli",), has_mlm=True),
    "squad-translated": WalkedArm(tasks=("squad_v1",), is_translated=True),
}
Lift = Callable[[str, str], float]
"""How much an arm raises a target, a fraction."""


def as_published(arm: str, task: str) -> float:
    """Return gains in which everything is as the paper has it."""
    if arm == "none" or task == "xnli":
        return 0.0
    means = {"squad_v1": 0.08, "mnli": 0.075, "hellaswag": 0.07, "all": 0.09}
    means |= {"mnli-mlm": 0.05, "squad-translated": 0.05}
    return means.get(arm, 0.03) + 0.1 * (task in RETRIEVAL)


def otherwise(arm: str, task: str) -> float:
    """Return gains in which nothing is."""
    if arm == "none":
        return 0.0
    means = {"ccg": 0.03, "all": 0.005, "mnli-mlm": 0.05, "squad-translated": 0.05}
    return means.get(arm, 0.01) - 0.05 * (task in RETRIEVAL) - 0.1 * (task == "tydiqa")


def run_of(
    lift: Lift,
    *,
    seeds: tuple[int, ...] = SEEDS,
    sd: float = 0.001,
    arms: Mapping[str, WalkedArm] = ARMS,
) -> RunRows:
    """Return a run whose arms gain what is asked, with some noise between seeds."""
    dice = Random(5)  # noqa: S311 - repeatable on purpose

    def score(arm: str, task: str, seed: int) -> float:
        return 0.5 + lift(arm, task) + dice.gauss(0, sd if seed else 0.0)

    rows = make_rows({arm: made.tasks for arm, made in arms.items()}, TARGETS, seeds, score)
    return RunRows(
        title="claims",
        recipe="",
        miniature=False,
        limited="",
        arms=tuple(arms),
        targets=TARGETS,
        rows=rows,
        timings=(),
        baselines=(),
        stages=(StageLine(fingerprint="0" * 16, what="", time_s=1.0, num_tokens=0, kind="Base"),),
        provenance={},
        model="FacebookAI/xlm-roberta-large",
        walked=arms,
    )


def judged(run: RunRows) -> dict[str, Judged]:
    return {each.name: each for each in judge_claims(run, Resamples(run, num_resamples=100))}


TRUE = run_of(as_published)
FALSE = run_of(otherwise)
ONE_SEED = run_of(as_published, seeds=(1,))
NOISE = run_of(lambda *_: 0.0, sd=0.05)
ONLY_MNLI = run_of(as_published, arms={arm: ARMS[arm] for arm in ("none", "mnli")})
NOT_REACHED = replace(TRUE, rows=tuple(e for e in TRUE.rows if not e.row.intermediate))

CASES: dict[int, dict[Verdict, RunRows]] = {
    number: {Verdict.SUPPORTED: TRUE, Verdict.CONTRADICTED: FALSE, Verdict.UNDECIDED: ONE_SEED}
    for number in range(1, 7)
} | {
    7: {
        Verdict.SUPPORTED: TRUE,
        Verdict.CONTRADICTED: replace(TRUE, model="google-bert/bert-base-multilingual-cased"),
        Verdict.UNDECIDED: replace(TRUE, model="/models/large"),
    },
    8: {
        Verdict.SUPPORTED: TRUE,
        Verdict.CONTRADICTED: replace(TRUE, miniature=True, model="mini-base"),
        Verdict.UNDECIDED: NOT_REACHED,
    },
    9: {
        Verdict.SUPPORTED: TRUE,
        Verdict.CONTRADICTED: ONLY_MNLI,
        Verdict.UNDECIDED: NOT_REACHED,
    },
}


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("number", CASES)
def test_a_claim_gets_the_verdict_that_its_rows_were_made_for(
    number: int, verdict: Verdict
) -> None:
    found = judged(CASES[number][verdict])[str(number)]
    assert found.verdict is verdict, found
    assert (found.why != "") == (verdict is Verdict.UNDECIDED)


@pytest.mark.parametrize("number", range(1, 7))
def test_noise_supports_nothing(number: int) -> None:
    assert judged(NOISE)[str(number)].verdict is not Verdict.SUPPORTED


def test_what_is_true_of_some_arms_is_not_yet_true_of_all() -> None:
    some = {arm: made for arm, made in ARMS.items() if arm not in {"ccg", "qqp"}}
    found = judged(run_of(as_published, arms=some))
    assert found["1"].verdict is found["2"].verdict is Verdict.UNDECIDED
    assert found["1"].why == "No finished arm walks over qqp, ccg alone."
    beaten = judged(run_of(otherwise, arms={a: m for a, m in ARMS.items() if a != "qqp"}))
    assert beaten["1"].verdict is Verdict.CONTRADICTED


def test_every_statistical_claim_names_its_numbers_and_its_arms() -> None:
    for number, found in judged(TRUE).items():
        assert found.numbers
        assert (found.confidence is None) == (number in {"7", "8", "9"})
        assert set(found.arms) <= set(ARMS)
    assert judged(TRUE)["1"].numbers[0].startswith("squad_v1: +")


def test_a_recipe_adds_claims_of_its_own() -> None:
    claims = (
        Claim(says="MNLI helps tags", arm="mnli", by_points=5.0, targets=("udpos", "panx")),
        Claim(says="MNLI helps tags a lot", arm="mnli", by_points=9.0, targets=("udpos", "panx")),
        Claim(says="not worse in Swahili", arm="qqp", over="mnli", languages=("sw",), by_points=-9),
    )
    found = judged(replace(TRUE, claims=claims))
    verdicts = [found[f"own {number}"].verdict for number in (1, 2, 3)]
    assert verdicts == [Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.SUPPORTED]
    assert found["own 1"].predicate == (
        "“mnli” scores more than 5 points higher than “none” on the mean of udpos, panx."
    )


def test_the_verdicts_are_written_as_json() -> None:
    document = json.loads(claims_json(tuple(judged(TRUE).values())))
    assert [each["name"] for each in document["claims"]] == [str(n) for n in range(1, 10)]
    assert document["claims"][0]["verdict"] == "supported"
    assert document["claims"][0]["confidence"] == 1.0


def test_nine_claims_are_judged() -> None:
    assert len(NINE) == len(CASES) == 9
