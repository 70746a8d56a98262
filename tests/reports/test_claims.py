"""Tests for stiltwalk.reports.claims and nine_claims: rows whose truth is known."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from random import Random

import pytest
from synthetic import make_rows

from stiltwalk.recipe.schema import Claim
from stiltwalk.records import BASELINE_ARM, Phase, ScoreRow, Split
from stiltwalk.reports.claims import ClaimVerdict, Evidence, JudgedClaim, claims_json, judge
from stiltwalk.reports.data import RunRows, StageLine
from stiltwalk.reports.findings import transfer_table
from stiltwalk.reports.nine_claims import PAPER_CLAIMS, judge_claims
from stiltwalk.reports.significance import Resamples
from stiltwalk.store.manifest import RecordedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS

RETRIEVAL = ("bucc2018", "tatoeba")
SEEDS = (1, 2, 3)
ARMS = {
    "none": RecordedArm(),
    **{task: RecordedArm(tasks=(task,)) for task in INTERMEDIATE},
    "all": RecordedArm(tasks=tuple(INTERMEDIATE)),
    "mnli-mlm": RecordedArm(tasks=("mnli",), has_mlm=True),
    "squad-translated": RecordedArm(tasks=("squad_v1",), is_translated=True),
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


def full(row: ScoreRow) -> int:
    """Return how many rows the published test set has."""
    return TASKS[row.task].rows_of(Split.TEST, row.language) or 0


def run_of(
    lift: Lift,
    *,
    seeds: tuple[int, ...] = SEEDS,
    sd: float = 0.0002,
    arms: Mapping[str, RecordedArm] = ARMS,
    dice: int = 5,
) -> RunRows:
    """Return a run whose arms gain what is asked, with some noise between seeds."""
    chance = Random(dice)  # noqa: S311 - repeatable on purpose

    def score(arm: str, task: str, seed: int) -> float:
        return 0.5 + lift(arm, task) + chance.gauss(0, sd if seed else 0.0)

    found = make_rows({arm: made.tasks for arm, made in arms.items()}, TARGETS, seeds, score)
    rows = tuple(
        replace(each, row=replace(each.row, num_examples=full(each.row))) for each in found
    )
    return RunRows(
        title="claims",
        recipe="",
        miniature=False,
        limited="",
        arms=tuple(arms),
        targets=TARGETS,
        rows=rows,
        timings=(),
        reference_points=(),
        stages=(
            StageLine(fingerprint="0" * 16, what="", time_s=1.0, num_tokens=0, phase=Phase.BASE),
        ),
        provenance={},
        model="FacebookAI/xlm-roberta-large",
        made_of=arms,
    )


def judged(run: RunRows) -> dict[str, JudgedClaim]:
    return {each.name: each for each in judge_claims(run, Resamples(run, num_resamples=100))}


TRUE = run_of(as_published)
FALSE = run_of(otherwise)
ONE_SEED = run_of(as_published, seeds=(1,))
NOISE = run_of(lambda arm, _: 0.054 * (arm != BASELINE_ARM), sd=0.05)
ALONE = {arm: ARMS[arm] for arm in ("none", *INTERMEDIATE)}
RUNS = {"true": TRUE, "false": FALSE, "noise": NOISE}
DECIDED = [claim.name for claim in PAPER_CLAIMS]
FACTS = ["7", "8", "9"]


@cache
def judged_once(which: str) -> dict[str, JudgedClaim]:
    return judged(RUNS[which])


@pytest.mark.parametrize("name", DECIDED)
def test_a_claim_gets_the_verdict_that_its_rows_were_made_for(name: str) -> None:
    assert judged_once("true")[name].verdict is ClaimVerdict.SUPPORTED
    assert judged_once("false")[name].verdict is ClaimVerdict.CONTRADICTED
    undecided = judged_once("noise")[name]
    assert undecided.verdict is ClaimVerdict.UNDECIDED
    assert "within the noise" in undecided.why


@pytest.mark.parametrize("name", DECIDED)
def test_a_contradiction_names_what_contradicts_and_how_sure_that_is(name: str) -> None:
    assert judged_once("true")[name].breaches == ()
    breaches = judged_once("false")[name].breaches
    assert breaches
    assert all("95 %" in each for each in breaches)


def test_one_seed_decides_nothing_and_says_so() -> None:
    found = judged(ONE_SEED)
    assert {found[name].verdict for name in DECIDED} == {ClaimVerdict.UNDECIDED}
    assert all("One seed was run" in found[name].why for name in DECIDED)
    assert {found[name].p_for for name in DECIDED} == {None}


def test_a_lead_inside_the_noise_is_no_contradiction() -> None:
    """With gains of 8.2, 7.5, 7.0 and 6.6 points the claim is true; seeds differ by a point."""
    best_three = PAPER_CLAIMS[0]
    means = {"squad_v1": 0.082, "mnli": 0.075, "hellaswag": 0.07, "qqp": 0.066}
    lift = lambda arm, _: means.get(arm, 0.05) * (arm != BASELINE_ARM)  # noqa: E731
    for dice in range(8):
        run = run_of(
            lift, sd=0.03, dice=dice, arms=ALONE
        )  # a mean over nine targets deviates by a third
        evidence = Evidence(run, Resamples(run, num_resamples=2))
        verdict = judge(best_three, best_three.find(evidence), len(SEEDS)).verdict
        assert verdict is ClaimVerdict.UNDECIDED


def test_a_violation_has_its_size_and_its_corrected_interval() -> None:
    run = run_of(otherwise, sd=0.002, arms=ALONE)
    drawn = Resamples(run, num_resamples=20)
    found = {each.name: each for each in judge_claims(run, drawn)}["1"]
    (breach,) = found.breaches
    size, low, high = (float(each) for each in re.findall(r"\d+\.\d", breach))
    arm, other = breach.split(" by ")[0].split(" beats ")
    lead = Evidence(run, drawn).difference(arm, other)
    half = lead.half_width(0.05 / (3 * 6 + 3))  # three leads over six arms, three above zero
    assert (low, high) == pytest.approx((size - 100 * half, size + 100 * half), abs=0.11)
    assert "95 % after correction" in breach
    assert low > 0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"model": "google-bert/bert-base-multilingual-cased"}, "starts from google-bert/bert"),
        ({"model": "someone/xlm-roberta-large"}, "starts from someone/xlm-roberta-large"),
        ({"model": "./xlm-roberta-large"}, "starts from the folder ./xlm-roberta-large"),
        ({"model": "mini-base", "miniature": True}, "reads the embedded benchmark"),
        ({"limited": "At most 200 test rows per task and language."}, "is limited (At most 200"),
        ({"max_train_rows": 2000}, "trains some task on at most 2,000 rows"),
    ],
)
def test_another_model_or_fewer_rows_do_not_test_the_papers_claims(
    changed: dict[str, object], says: str
) -> None:
    claim = Claim(says="supertags help", arm="ccg")
    run = replace(FALSE, **changed, claims=(claim,))  # type: ignore[arg-type]
    found = judged(run)
    for name in DECIDED:
        assert found[name].verdict is ClaimVerdict.NOT_TESTED
        assert found[name].here in {ClaimVerdict.CONTRADICTED, ClaimVerdict.UNDECIDED}
        assert says in found[name].untested
    assert found["1"].here is ClaimVerdict.CONTRADICTED
    assert found["own 1"].verdict is ClaimVerdict.SUPPORTED  # the recipe's is about its own model


def test_a_sample_of_the_test_sets_does_not_test_the_papers_claims() -> None:
    rows = tuple(replace(e, row=replace(e.row, num_examples=200)) for e in TRUE.rows)
    found = judged(replace(TRUE, rows=rows))["1"]
    assert found.verdict is ClaimVerdict.NOT_TESTED
    assert "this run has 200 test rows of xnli in ar, of about 5,010." in found.untested


def test_a_language_without_rows_leaves_the_papers_claims_untested() -> None:
    rows = tuple(e for e in TRUE.rows if (e.row.task, e.row.language) != ("panx", "yo"))
    found = judged(replace(TRUE, rows=rows))["1"]
    assert found.verdict is ClaimVerdict.NOT_TESTED
    assert "this run has 0 test rows of panx in yo, of about 100." in found.untested


def test_a_variant_differs_from_its_plain_arm_in_one_thing() -> None:
    others = {
        "lora": RecordedArm(tasks=("mnli",), has_mlm=True, adapters="LoRA of rank 8"),
        "both": RecordedArm(tasks=("mnli",), has_mlm=True, is_translated=True),
    }

    def better(arm: str, task: str) -> float:
        return 0.2 if arm in others else as_published(arm, task)

    run = run_of(better, arms={**ARMS, **others})
    assert Evidence(run, Resamples(run, num_resamples=2)).variants("has_mlm") == [
        ("mnli", "mnli-mlm")
    ]
    assert judged(run)["6"].verdict is ClaimVerdict.SUPPORTED


def test_of_two_arms_of_one_task_the_first_stands_for_it() -> None:
    """A second one has settings of its own, and may be there to show that they are bad."""

    def worse(arm: str, task: str) -> float:
        return -0.1 if arm == "mnli-slow" else as_published(arm, task)

    found = judged(run_of(worse, arms={**ARMS, "mnli-slow": RecordedArm(tasks=("mnli",))}))
    assert {found[name].verdict for name in DECIDED} == {ClaimVerdict.SUPPORTED}


@pytest.mark.parametrize("run", [TRUE, replace(FALSE, model="mini-base", miniature=True)])
def test_how_a_study_is_made_is_told_and_not_judged(run: RunRows) -> None:
    found = judged(run)
    assert {found[name].verdict for name in FACTS} == {ClaimVerdict.FACT}
    assert f"base {run.model}" in found["7"].why
    assert "intermediate tasks (12 of 13 arms)" in found["8"].why
    assert "tasks alone: mnli, anli_plus, qqp" in found["9"].why


def test_claims_and_the_table_of_gains_know_the_same_intervals() -> None:
    drawn = Resamples(NOISE, num_resamples=100)
    claims = tuple(Claim(says="", arm=arm) for arm in NOISE.arms if arm != BASELINE_ARM)
    found = {e.name: e for e in judge_claims(replace(NOISE, claims=claims), drawn)}
    overall = next(row for row in transfer_table(NOISE, drawn).means if row.name == "overall")
    for number, cell in enumerate(overall.cells[1:], start=1):
        assert cell.estimate is not None
        own = found[f"own {number}"]
        assert own.p_for is not None
        assert own.p_against is not None
        assert min(own.p_for, own.p_against) == pytest.approx(cell.estimate.p, rel=1e-3)
        assert (own.verdict is ClaimVerdict.UNDECIDED) is cell.is_noise


def test_both_versions_wordings_are_judged_by_themselves() -> None:
    def much_better(arm: str, task: str) -> float:
        return as_published(arm, task) + 0.05 * (arm == "all")

    found = judged(run_of(much_better))
    assert (found["2"].verdict, found["2 in v2"].verdict) == ("supported", "contradicted")

    def one_target_loses(arm: str, task: str) -> float:
        return otherwise(arm, task) - 0.08 * (
            arm in {"mnli-mlm", "squad-translated"} and task == "panx"
        )

    found = judged(run_of(one_target_loses))
    assert (found["6"].verdict, found["6 in v2"].verdict) == ("contradicted", "supported")
    assert {found[name].source for name in ("2", "6")} == {"as the synthesis has it"}


def test_the_choice_on_dev_is_made_without_the_seed_that_it_is_judged_by() -> None:
    """Luck that a trained model shows on dev and test alike must not count as a gain."""

    def lucky(arm: str, task: str) -> float:
        return 0.0 * len(task) + 0.05 * (arm != BASELINE_ARM)

    best_row = next(claim for claim in PAPER_CLAIMS if claim.name == "5")
    values = []
    for dice in range(10):
        run = run_of(lucky, sd=0.03, dice=dice)
        found = best_row.find(Evidence(run, Resamples(run, num_resamples=2)))
        crossed, naive = (float(line.split(": ")[1].split(" ")[0]) for line in found.numbers[:2])
        values.append((crossed, naive))
    crossed_mean, naive_mean = (sum(column) / len(values) for column in zip(*values, strict=True))
    assert naive_mean > 6.5
    assert crossed_mean == pytest.approx(5.0, abs=0.8)


def test_what_is_true_of_some_arms_is_not_yet_true_of_all() -> None:
    some = {arm: made for arm, made in ARMS.items() if arm not in {"ccg", "qqp"}}
    found = judged(run_of(as_published, arms=some))
    assert found["1"].verdict is found["2"].verdict is ClaimVerdict.UNDECIDED
    assert found["1"].why == "No finished arm is trained on qqp, ccg alone."
    beaten = judged(run_of(otherwise, arms={a: m for a, m in ARMS.items() if a != "qqp"}))
    assert beaten["1"].verdict is ClaimVerdict.CONTRADICTED


def test_every_statistical_claim_names_its_numbers_and_its_arms() -> None:
    found = judged_once("true")
    assert all(found[name].numbers and found[name].arms for name in DECIDED)
    assert all(set(each.arms) <= set(ARMS) for each in found.values())
    assert found["1"].numbers[0].startswith("squad_v1: +")


def test_a_recipe_adds_claims_of_its_own() -> None:
    claims = (
        Claim(says="MNLI helps tags", arm="mnli", by_points=5.0, targets=("udpos", "panx")),
        Claim(says="MNLI helps tags a lot", arm="mnli", by_points=9.0, targets=("udpos", "panx")),
        Claim(says="not worse in Swahili", arm="qqp", over="mnli", languages=("sw",), by_points=-9),
    )
    found = judged(replace(TRUE, claims=claims))
    verdicts = [found[f"own {number}"].verdict for number in (1, 2, 3)]
    assert verdicts == [ClaimVerdict.SUPPORTED, ClaimVerdict.CONTRADICTED, ClaimVerdict.SUPPORTED]
    assert found["own 1"].predicate == (
        "“mnli” scores more than 5 points higher than “none” on the mean of udpos, panx."
    )


def test_the_verdicts_are_written_as_json() -> None:
    document = json.loads(claims_json(tuple(judged_once("false").values())))
    assert [each["name"] for each in document["claims"]] == [*DECIDED, *FACTS]
    assert document["claims"][0]["verdict"] == "contradicted"
    assert document["claims"][0]["p_against"] < 0.05
    assert document["claims"][0]["breaches"]
