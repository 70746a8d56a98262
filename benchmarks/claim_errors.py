"""How often verdicts on claims are wrong, by drawing whole studies whose truth is known.

    python benchmarks/claim_errors.py [--quick] [--json]

A study has the baseline, nine arms of one task, all nine at once, two with MLM and two on
translated rows; all nine targets; 2, 3 or 5 seeds. An arm's score on a target deviates between
seeds (normal, standard deviation 1 point), the same way on dev and test, and by the test examples,
which its seeds share (0.3 points). `reports/nine_claims.py` judges it.

Each claim is drawn true, false by as much, and at the border: exactly where it turns from one to
the other, in the way that makes mistakes likeliest. `supported` and `contradicted` are shares of
studies, `wrong` what must not come out: the one where false, the other where true, and the larger
of the two at the border. `ratio` is `wrong` to 5 %. "published" has claim 1 true by 0.4 points.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stiltwalk.records import BASELINE_ARM, ScoreRow, Split
from stiltwalk.reports.claims import ClaimVerdict, Evidence, judge
from stiltwalk.reports.data import ArmScore, RunRows
from stiltwalk.reports.nine_claims import PAPER_CLAIMS
from stiltwalk.reports.significance import LEVEL, Resamples
from stiltwalk.store.manifest import RecordedArm
from stiltwalk.tasks import INTERMEDIATE, TARGETS

Floats = NDArray[np.float64]
Means = dict[tuple[str, str], float]
"""(arm, target) to its true gain over "none", in points."""

ARMS: Mapping[str, RecordedArm] = {
    BASELINE_ARM: RecordedArm(),
    **{task: RecordedArm(tasks=(task,)) for task in INTERMEDIATE},
    "all": RecordedArm(tasks=tuple(INTERMEDIATE)),
    **{f"{task}+mlm": RecordedArm(tasks=(task,), has_mlm=True) for task in ("mnli", "squad_v1")},
    **{
        f"{task}+tr": RecordedArm(tasks=(task,), is_translated=True)
        for task in ("mnli", "squad_v1")
    },
}
SINGLES = tuple(INTERMEDIATE)
BEST = ("squad_v1", "mnli", "hellaswag")
REST = tuple(task for task in SINGLES if task not in BEST)
VARIANTS = tuple(arm for arm in ARMS if "+" in arm)
RETRIEVAL = ("bucc2018", "tatoeba")
TRAINED = tuple(task for task in TARGETS if task not in RETRIEVAL)
SEED_SD, EXAMPLE_SD, NUM_RESAMPLES = 1.0, 0.3, 100


def gains(arms: Mapping[str, float], by_target: Mapping[str, float] | None = None) -> Means:
    """Return means that are the sum of an arm's and a target's."""
    return {
        (arm, task): arms.get(arm, 0.0) + (by_target or {}).get(task, 0.0) * (arm != BASELINE_ARM)
        for arm in ARMS
        for task in TARGETS
    }


def each_of(arms: tuple[str, ...], value: float) -> dict[str, float]:
    return dict.fromkeys(arms, value)


def on(means: Means, task: str, arms: Mapping[str, float]) -> Means:
    """Return means with other gains on one target."""
    return means | {(arm, task): value for arm, value in arms.items()}


def leading(lead: float) -> Means:
    """Return claim 1 with the weakest of the three ahead of one other arm, all else clear."""
    return gains(each_of(REST, 0.0) | {"squad_v1": 9, "mnli": 9, "hellaswag": 5, "qqp": 5 - lead})


def mixture(lead: float, rest: float = 0.0) -> Means:
    """Return claim 2 with the mixture ahead of the best arm of one task."""
    return gains(each_of(SINGLES, rest) | {"mnli": 5, "all": 5 + lead})


def retrieval(lead: float) -> Means:
    """Return claim 3 with one retrieval target ahead of one other target."""
    by_target = {"bucc2018": 9.0, "tatoeba": 5.0, "mlqa": 5.0 - lead}
    return gains({}, by_target)


def tydiqa_xnli(over: float, under: float) -> Means:
    """Return claim 4: five arms so far over half a point on tydiqa, one so far under on xnli."""
    helped = dict.fromkeys(SINGLES[:5], 0.5 + over) | dict.fromkeys(SINGLES[5:], -5.0)
    plain = on(gains({}), "tydiqa", helped)
    return on(plain, "xnli", each_of(SINGLES, -5.0) | {"mnli": 0.5 - under})


def chosen(mean: float, others: float | None = None) -> Means:
    """Return claim 5 where the best arms gain so much, and the others as much or far less."""
    return gains(each_of(tuple(ARMS)[1:], mean if others is None else others) | {"mnli": mean})


def variants(lead: float, rest: float) -> Means:
    """Return claim 6 with the plain arm ahead of one variant by so much, of the rest by `rest`."""
    return gains({"mnli": 5, "squad_v1": 5} | each_of(VARIANTS, 5 - rest) | {VARIANTS[0]: 5 - lead})


def one_target(lead: float, rest: float) -> Means:
    """Return claim 6 of version 2 with one target that decides about MLM."""
    means = variants(rest, rest)
    means |= {(arm, task): 0.0 for arm in VARIANTS if arm.endswith("+tr") for task in TARGETS}
    return means | {("mnli+mlm", "xnli"): 5 - lead}


@dataclass(frozen=True)
class Case:
    """A claim with the true means of a study; `truth` is None at the border."""

    claim: str
    variant: str
    truth: bool | None
    means: Means


def cases() -> list[Case]:
    """Return every claim true, false and at the border."""
    published = each_of(REST, 5.0) | {"squad_v1": 8.2, "mnli": 7.5, "hellaswag": 7.0, "qqp": 6.6}
    found = [Case("1", "true, published", True, gains(published))]
    found.append(Case("1", "border, all arms equal", None, gains(each_of(SINGLES, 5.0))))
    found.append(Case("2", "border, all arms equal", None, mixture(0.0, 5.0)))
    found.append(Case("2 in v2", "border, ahead by 2 points", None, mixture(2.0)))
    found.append(Case("5", "border, all arms equal", None, chosen(5.4)))
    built: list[tuple[str, Callable[[float], Means], float]] = [
        ("1", leading, 2.0),
        ("2", mixture, 2.0),
        ("2 in v2", mixture, 1.0),
        ("3", retrieval, 3.0),
        ("4", lambda lead: tydiqa_xnli(lead, lead), 5.0),
        ("5", lambda lead: chosen(5.4 + lead, 0.0), 2.0),
        ("6", lambda lead: variants(lead, 5.0), 2.0),
        ("6 in v2", lambda lead: one_target(lead, -5.0), 5.0),
    ]
    for claim, means, size in built:
        found.append(Case(claim, "true", True, means(size)))
        found.append(Case(claim, "border", None, means(0.0)))
        found.append(Case(claim, "false", False, means(-size)))
    order = [claim.name for claim in PAPER_CLAIMS]
    return sorted(found, key=lambda case: order.index(case.claim))


class DrawnStudy(Resamples):
    """Scores of a study as `Resamples` gives them, without any rows."""

    def __init__(self, observed: dict[tuple[str, str], Floats], drawn: Floats) -> None:
        """Take (arm, target) to score_S, and their means with the examples resampled, mean_RK."""
        self.seeds = tuple(range(1, 1 + len(next(iter(observed.values())))))
        self.targets = TARGETS
        self._observed_S = observed
        self._drawn_R = dict(zip(observed, drawn.T, strict=True))

    def has(self, *_: object) -> bool:
        """Whether scores are there: always."""
        return True

    def has_examples(self, *_: object) -> bool:
        """Whether test examples are known: always."""
        return True

    def per_seed(self, arm: str, task: str, *_: object) -> Floats:
        """Return score_S."""
        return self._observed_S[arm, task]

    def over_examples(self, arm: str, task: str, *_: object, **__: object) -> Floats:
        """Return mean_R; all seeds share the deviation."""
        return self._drawn_R[arm, task]


def study(case: Case, num_seeds: int, rng: np.random.Generator) -> Evidence:
    """Return one study drawn from the truth."""
    pairs, gains_K = list(case.means), np.array(list(case.means.values()))
    has_seeds_K = np.array([arm != BASELINE_ARM or task in TRAINED for arm, task in pairs])
    noise_KS = rng.normal(0, SEED_SD, (len(pairs), num_seeds)) * has_seeds_K[:, None]
    shared_RK = rng.normal(0, EXAMPLE_SD, (1 + NUM_RESAMPLES, len(pairs))) / 100
    scores_KS = (50 + gains_K[:, None] + noise_KS) / 100
    dev = zip(pairs, scores_KS, strict=True) if case.claim == "5" else ()
    rows = [
        _dev(arm, task, seed, float(each))
        for (arm, task), scores_S in dev
        for seed, each in enumerate(scores_S, start=1)
        if task in TRAINED
    ]
    observed = dict(zip(pairs, scores_KS + shared_RK[0, :, None], strict=True))
    drawn = DrawnStudy(observed, shared_RK)
    run = RunRows(
        title="", recipe="", miniature=False, limited="", arms=tuple(ARMS), targets=TARGETS,
        rows=tuple(rows), timings=(), reference_points=(), stages=(), provenance={}, made_of=ARMS,
    )  # fmt: skip
    return Evidence(run, drawn)


def _dev(arm: str, task: str, seed: int, value: float) -> ArmScore:
    row = ScoreRow(
        stage="", intermediate=ARMS[arm].tasks, task=task, language="en", split=Split.DEV,
        metric="accuracy", value=value, seed=seed, num_examples=0,
    )  # fmt: skip
    return ArmScore(arm=arm, row=row)


def rates(case: Case, num_seeds: int, repeats: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often a claim is supported and contradicted, and how often wrongly."""
    claim = next(each for each in PAPER_CLAIMS if each.name == case.claim)
    verdicts = []
    for _ in range(repeats):
        finding = claim.find(study(case, num_seeds, rng))
        verdicts.append(judge(claim, finding, num_seeds).verdict)
    supported = verdicts.count(ClaimVerdict.SUPPORTED) / repeats
    contradicted = verdicts.count(ClaimVerdict.CONTRADICTED) / repeats
    wrong = {True: contradicted, False: supported, None: max(supported, contradicted)}[case.truth]
    return {"supported": supported, "contradicted": contradicted, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="30 studies a row in place of 500")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    repeats = 30 if options.quick else 500
    rng = np.random.default_rng(0)
    rows: list[dict[str, Any]] = []
    for case in cases():
        for num_seeds in (2, 3, 5):
            found = rates(case, num_seeds, repeats, rng)
            variant = f"{case.variant}, {num_seeds} seeds"
            rows.append({"workload": f"claim {case.claim}", "variant": variant, **found})
            rows[-1]["ratio"] = found["wrong"] / LEVEL
            rows[-1] |= {"repeats": repeats, "spread": sqrt(LEVEL * (1 - LEVEL) / repeats)}
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
        return
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row.values()))


if __name__ == "__main__":
    main()
