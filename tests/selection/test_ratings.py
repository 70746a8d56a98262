"""What selectors say of made-up tasks whose kinship is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stiltwalk.selection.ratings import MAP, ON_TUNED, SELECTORS, Embedded, Source, advised, rated
from stiltwalk.selection.transferability import Floats, logme

RNG = np.random.default_rng(0)
AXES = np.linalg.qr(RNG.normal(size=(12, 12)))[0]


def embedded(classes_on: Floats, num_rows: int = 300, shift: float = 0.0) -> Embedded:
    """Return features whose two classes lie along one axis, under much noise along the others."""
    labels = np.arange(num_rows) % 2
    vectors = RNG.normal(size=(num_rows, 12)) + 1.5 * np.outer(2 * labels - 1, classes_on) + shift
    return Embedded(
        vectors_ND=vectors.astype(np.float32), labels_N=labels,
        mean_D=vectors.mean(axis=0).astype(np.float32),
    )  # fmt: skip


def tuned(of: Embedded, along: Floats) -> Embedded:
    """Return the features as training would leave them: one axis drawn out, the others shrunk."""
    moved = of.vectors_ND @ (0.2 * np.eye(12) + 3 * np.outer(along, along))
    return replace(of, vectors_ND=moved.astype(np.float32))


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, float]]:
    asked = embedded(AXES[0], 60, shift=0.5)
    sources = {}
    for name, axis, shift in (("kin", AXES[0], 0.5), ("stranger", AXES[1], -0.5)):
        own = embedded(axis, shift=shift)
        sources[name] = Source(
            task_type="pair" if name == "kin" else "tagging", num_rows=9, own=own,
            moved=tuned(own, axis), asked=tuned(asked, axis),
        )  # fmt: skip
    ratings: dict[str, dict[str, float]] = {}
    for each in rated("target", "pair", asked, sources):
        assert each.target == "target"
        ratings.setdefault(each.selector, {})[each.source] = each.value
    return ratings


def test_every_selector_is_explained_and_rates_every_source(
    found: dict[str, dict[str, float]],
) -> None:
    assert list(found) == list(SELECTORS)
    for name, scores in found.items():
        assert ("none" in scores) == (name in ON_TUNED or name == MAP)
        assert {"kin", "stranger"} <= scores.keys()


@pytest.mark.parametrize("selector", list(SELECTORS)[1:])
def test_a_task_of_the_same_sort_is_rated_above_a_stranger(
    found: dict[str, dict[str, float]], selector: str
) -> None:
    assert found[selector]["kin"] > found[selector]["stranger"]


def test_as_many_rows_are_worth_as_much(found: dict[str, dict[str, float]]) -> None:
    assert found["data size"] == {"kin": 9, "stranger": 9}


def test_a_map_of_what_moved_nothing_leaves_the_base_model_s_evidence() -> None:
    asked, own = embedded(AXES[0]), embedded(AXES[1])
    still = Source(task_type="", num_rows=9, own=own, moved=own, asked=asked)
    ratings = {(e.selector, e.source): e.value for e in rated("t", "", asked, {"still": still})}
    assert ratings["LogME", "still"] == ratings["LogME", "none"]
    assert ratings["LogME", "none"] == logme(asked.vectors_ND, asked.labels_N)
    assert ratings[MAP, "still"] == pytest.approx(ratings[MAP, "none"], abs=0.02)


def test_mnli_comes_first_then_what_most_selectors_put_before_others() -> None:
    votes = advised(
        {
            "one": {"mnli": 0, "ccg": 2, "qqp": 1},
            "two": {"mnli": 0, "ccg": 1, "qqp": 1},
            "three": {"none": 0.1, "ccg": 0.2},
        }
    )
    assert sorted(votes, key=lambda name: -votes[name]) == ["mnli", "ccg", "qqp", "none"]
    assert votes == {"mnli": 1.0, "ccg": pytest.approx(11 / 12), "qqp": 0.625, "none": 0.0}
    assert advised({"one": {"ccg": 3}}) == {"ccg": 0.5}
    assert advised({}) == {}
