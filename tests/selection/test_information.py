"""Which run would tell most: against simulation, and in cases known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from stiltwalk.selection.information import expected_gains

SEEDS_SD, ARMS_SD = 0.01, 0.03


def test_it_is_what_simulated_runs_add_to_the_best_arm() -> None:
    scores = {"xnli": {"a": [0.70], "b": [0.69]}, "xquad": {"a": [0.5]}}
    rng = np.random.default_rng(1)
    arms_sd = max(abs(0.70 - 0.69) / 2**0.5, 1e-3)
    found = expected_gains(scores, ["a", "b", "c"])
    prior = 0.695
    weight, each = arms_sd**-2, SEEDS_SD**-2
    means = {
        "a": (weight * prior + each * 0.70) / (weight + each),
        "b": (weight * prior + each * 0.69) / (weight + each),
        "c": prior,
    }
    sds = {"a": (weight + each) ** -0.5, "b": (weight + each) ** -0.5, "c": arms_sd}
    for arm, mean in means.items():
        truth = mean + sds[arm] * rng.standard_normal(400_000)
        seen = truth + SEEDS_SD * rng.standard_normal(400_000)
        mine = sds[arm] ** -2
        then = (mine * mean + each * seen) / (mine + each)
        others = max(value for name, value in means.items() if name != arm)
        gained = np.maximum(then, others).mean() - max(mean, others)
        assert found["xnli", arm] == pytest.approx(gained, abs=2e-5)


def test_what_is_open_close_to_the_best_tells_most_and_what_is_settled_nothing() -> None:
    settled = {"a": [0.9, 0.9, 0.9], "b": [0.5, 0.5, 0.5], "c": [0.5, 0.5, 0.5]}
    unclear = {"a": [0.7, 0.69], "b": [0.7, 0.71], "c": []}
    found = expected_gains({"panx": settled, "xnli": unclear}, ["a", "b", "c"])
    assert found["panx", "a"] < 1e-6
    assert found["xnli", "c"] == max(found.values())
    assert found["xnli", "a"] > found["panx", "b"]


def test_nothing_known_makes_all_equal_and_one_arm_tells_nothing() -> None:
    found = expected_gains({"xnli": {}, "panx": {}}, ["a", "b"])
    assert len(set(found.values())) == 1
    assert min(found.values()) > 0
    assert expected_gains({"xnli": {"a": [0.5]}}, ["a"]) == {("xnli", "a"): 0.0}
