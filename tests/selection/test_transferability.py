"""Transferability of frozen features, against the original code and cases known by hand.

The fixed numbers were made by running, on the features of `made_up`, in an environment of its own
(Python 3.11, numpy 2.0.0, torch 2.13.0+cpu):
* LogME: `LogME().fit(f, y)` of LogME.py, github.com/thuml/LogME at 56551ca;
* H-score and neighbours: `HScore().fit(embeddings=, labels=)` and `NearestNeighbors(k=3)` of
  transformer-ranker 0.2.0, whose identity matrix is in fp32, so that eight digits agree; its own
  LogME gives the authors' numbers where rows outnumber the width, 1.66468 in place of 1.66638 else;
* the map: `ESMTrainer(learning_rate=0.01, weight_decay=0.01).train_with_embeddings(num_epochs=60)`
  of hf-dataset-selector 0.2.1 after `torch.manual_seed(0)`, then its LogME on 200 mapped rows.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stiltwalk.selection.transferability import (
    Classes,
    Floats,
    cosine,
    h_score,
    linear_map,
    logme,
    mapped,
    nearest_neighbours,
    one_hot,
)


def made_up(num_rows: int, width: int, num_classes: int) -> tuple[Floats, Classes]:
    """Return features of sines, the same on every machine, and their labels."""
    place = np.arange(num_rows * width, dtype=float).reshape(num_rows, width)
    labels = np.arange(num_rows) * 7 % 11 % num_classes
    by_class = np.cos(np.outer(labels + 1.0, np.arange(width) + 1.0))
    return np.sin(place * 12.9898 + place**2 * 0.0078233) + 0.8 * by_class, labels


@pytest.mark.parametrize(
    ("shape", "evidence", "h", "share"),
    [
        ((60, 8, 3), -0.46946374751679126, 1.186927463807783, 0.8166666667),
        ((200, 16, 5), -0.22676571622359978, 2.517191306100599, 0.765),
        ((24, 40, 2), 1.666382916784734, 0.9838641759063323, 1.0),
    ],
)
def test_the_scores_are_those_of_the_original_code(
    shape: tuple[int, int, int], evidence: float, h: float, share: float
) -> None:
    features, labels = made_up(*shape)
    assert logme(features, labels) == pytest.approx(evidence, rel=1e-9)
    assert h_score(features, labels) == pytest.approx(h, rel=1e-6)
    assert nearest_neighbours(features, labels) == pytest.approx(share)


def test_an_embedding_space_map_ranks_as_the_package_s_trained_one() -> None:
    features, _ = made_up(400, 8, 3)
    mix = np.cos(np.outer(np.arange(8.0) + 1, np.arange(8.0) + 2))
    tuned = features @ mix + 0.3
    asked, labels = made_up(200, 8, 4)
    found = mapped(asked, linear_map(features, tuned))
    assert np.abs(found - (asked @ mix + 0.3)).max() < 0.15
    assert logme(found, labels) == pytest.approx(-0.28146213929598773, abs=1e-3)


def test_features_that_carry_the_label_score_higher_the_less_noise_they_have() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=300)
    clean, noise = rng.normal(size=(4, 12))[labels], rng.normal(size=(300, 12))
    for score in (logme, h_score, nearest_neighbours):
        found = [score(clean + times * noise, labels) for times in (0.1, 1.0, 10.0)]
        assert found[0] > found[1] > found[2]


def test_separated_classes_have_an_h_score_of_one_less_than_their_number() -> None:
    labels = np.arange(400) % 5
    features = 100 * np.eye(8)[labels] + np.random.default_rng(0).normal(size=(400, 8))
    assert h_score(features, labels) == pytest.approx(4, abs=0.1)
    assert nearest_neighbours(features, labels) == 1.0


def test_features_that_say_nothing_score_as_the_labels_variance_alone() -> None:
    labels = np.arange(500) % 2
    noise = np.random.default_rng(1).normal(size=(500, 5))
    known = -0.5 * np.log(2 * np.pi * 0.25) - 0.5  # a normal of the labels' own variance
    assert logme(np.hstack([noise, np.ones((500, 1))]), labels) == pytest.approx(known, abs=0.05)
    assert h_score(noise, labels) < 0.1
    assert h_score(np.ones((500, 5)), labels) == 0.0


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000), num_rows=st.integers(12, 60), width=st.integers(1, 20),
    num_classes=st.integers(1, 4),
)  # fmt: skip
def test_rows_in_another_order_classes_renamed_and_axes_turned_change_nothing(
    seed: int, num_rows: int, width: int, num_classes: int
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(num_rows, width))
    labels = np.arange(num_rows) % num_classes
    turned, _ = np.linalg.qr(rng.normal(size=(width, width)))
    order = rng.permutation(num_rows)
    for score in (logme, h_score, nearest_neighbours):
        again = score((features @ turned)[order], 7 - labels[order])
        if score is not nearest_neighbours:  # whose ties go to the first class
            assert again == pytest.approx(score(features, labels), rel=1e-6, abs=1e-6)
        assert np.isfinite(again)


def test_a_map_of_pooled_tokens_is_the_pooled_map_of_tokens() -> None:
    rng = np.random.default_rng(0)
    tokens, labels = rng.normal(size=(90, 6)), np.arange(90) % 3
    probe = linear_map(tokens, one_hot(labels))
    pooled = tokens.reshape(30, 3, 6).mean(axis=1)
    expected = mapped(tokens, probe).reshape(30, 3, 3).mean(axis=1)
    assert np.allclose(mapped(pooled, probe), expected)


def test_cosines() -> None:
    assert cosine([1, 0], [1, 1]) == pytest.approx(2**-0.5)
    assert cosine([1, 2], [-2, -4]) == pytest.approx(-1)
    assert cosine([0, 0], [1, 1]) == 0
