"""Tests for stiltwalk.metrics.bitext."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics import bitext
from stiltwalk.metrics.bitext import Vectors, nearest, neighbours_both_ways

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitext, "BLOCK_ROWS", 3)
    monkeypatch.setattr(bitext, "BLOCK_COLUMNS", 5)


def random_vectors(seed: int, num_left: int = 11, num_right: int = 17) -> tuple[Vectors, Vectors]:
    draw = np.random.default_rng(seed)
    left, right = draw.standard_normal((num_left, 6)), draw.standard_normal((num_right, 6))
    return left.astype(np.float32), right.astype(np.float32)


def cosines(left_ND: Vectors, right_MD: Vectors) -> Vectors:
    unit_ND, unit_MD = (
        side / np.linalg.norm(side, axis=1)[:, None] for side in (left_ND, right_MD)
    )
    cosine_NM: Vectors = unit_ND @ unit_MD.T
    return cosine_NM


def test_the_nearest_direction_wins_not_the_longest_vector() -> None:
    corpus = np.array([[100, 90], [1, 0]], np.float32)
    assert nearest(np.array([[2, 0]], np.float32), corpus).tolist() == [1]


def test_equal_scores_go_to_the_lowest_row() -> None:
    corpus = np.array([[0, 1], [1, 0], [1, 0], [3, 0]], np.float32)
    assert nearest(np.array([[1, 0]], np.float32), corpus).tolist() == [1]


@pytest.mark.usefixtures("_small_blocks")
def test_equal_scores_go_to_the_lowest_row_across_blocks() -> None:
    corpus = np.tile(np.eye(2, dtype=np.float32), (12, 1))
    assert nearest(np.eye(2, dtype=np.float32), corpus).tolist() == [0, 1]
    forward, _ = neighbours_both_ways(np.eye(2, dtype=np.float32), corpus, 4)
    assert forward.index_NK.tolist() == [[0, 2, 4, 6], [1, 3, 5, 7]]


@pytest.mark.usefixtures("_small_blocks")
@pytest.mark.parametrize("seed", range(20))
def test_blocks_find_what_the_whole_matrix_holds(seed: int) -> None:
    left, right = random_vectors(seed)
    cosine = cosines(left, right)
    forward, backward = neighbours_both_ways(left, right, 4)
    assert (forward.index_NK == np.argsort(-cosine, axis=1)[:, :4]).all()
    assert (backward.index_NK == np.argsort(-cosine.T, axis=1)[:, :4]).all()
    assert np.allclose(forward.score_NK, -np.sort(-cosine, axis=1)[:, :4], atol=1e-6)
    assert (nearest(left, right) == cosine.argmax(axis=1)).all()


@given(SEEDS)
def test_neighbours_do_not_depend_on_the_order_of_the_corpus(seed: int) -> None:
    left, right = random_vectors(seed)
    order = np.random.default_rng(seed).permutation(len(right))
    assert (order[nearest(left, right[order])] == nearest(left, right)).all()


def test_a_small_side_has_fewer_neighbours() -> None:
    left, right = random_vectors(0, num_left=2, num_right=3)
    forward, backward = neighbours_both_ways(left, right, 4)
    assert forward.index_NK.shape == (2, 3)
    assert sorted(backward.index_NK[0].tolist()) == [0, 1]


def test_a_zero_row_is_named() -> None:
    with pytest.raises(MetricError, match="Row 1 has length 0"):
        nearest(np.eye(2, dtype=np.float32), np.array([[1, 0], [0, 0]], np.float32))


def test_a_row_that_is_not_finite_is_named() -> None:
    with pytest.raises(MetricError, match="Row 0 has length nan"):
        nearest(np.array([[np.nan, 1]], np.float32), np.eye(2, dtype=np.float32))


def test_an_empty_side_is_refused() -> None:
    with pytest.raises(MetricError, match="got 0 and 2 vectors"):
        nearest(np.empty((0, 2), np.float32), np.eye(2, dtype=np.float32))


def test_unequal_widths_are_refused() -> None:
    with pytest.raises(MetricError, match="same width"):
        nearest(np.ones((1, 3), np.float32), np.ones((1, 2), np.float32))


@given(SEEDS, st.integers(4, 40), st.integers(1, 3))
def test_equal_rows_tie_and_the_lowest_is_taken_wherever_they_stand(
    seed: int, width: int, copies: int
) -> None:
    rng = np.random.default_rng(seed)
    distinct = rng.normal(size=(30, width)).astype(np.float32)
    places = rng.permutation(np.repeat(np.arange(30), copies))
    corpus = distinct[places]
    first = np.array([np.flatnonzero(places == row)[0] for row in range(30)])
    assert nearest(distinct, corpus).tolist() == first.tolist()


@given(SEEDS, st.integers(2, 64), st.integers(1, 200), st.integers(1, 200))
def test_scores_depend_on_the_two_rows_alone(
    seed: int, width: int, more_left: int, more_right: int
) -> None:
    """Another number of rows is another block, which BLAS rounds in another way."""
    rng = np.random.default_rng(seed)
    left, right = rng.normal(size=(2, 20, width)).astype(np.float32)
    far = -np.abs(rng.normal(size=(more_right, width))).astype(np.float32)
    whole, _ = neighbours_both_ways(left, right, 3)
    others = np.concatenate([rng.normal(size=(more_left, width)).astype(np.float32), left])
    again, _ = neighbours_both_ways(others, right, 3)
    assert again.score_NK[more_left:].tobytes() == whole.score_NK.tobytes()
    assert again.index_NK[more_left:].tolist() == whole.index_NK.tolist()
    both, _ = neighbours_both_ways(left, np.concatenate([right, far]), 3)
    kept = (both.index_NK < len(right)).all(axis=1)
    assert both.score_NK[kept].tobytes() == whole.score_NK[kept].tobytes()


def test_any_number_of_threads_mines_the_same_bytes() -> None:
    code = (
        "import numpy as np; from stiltwalk.metrics.bitext import mine, nearest\n"
        "rng = np.random.default_rng(3); rows = rng.normal(size=(700, 96)).astype('f4')\n"
        "right = rows[rng.integers(0, 700, 900)]\n"
        "print(mine(rows, right), nearest(rows, right).tolist())"
    )
    said = {
        subprocess.run(  # noqa: S603 - our own code
            [sys.executable, "-c", code],
            env={**os.environ, "OMP_NUM_THREADS": number, "OPENBLAS_NUM_THREADS": number},
            capture_output=True,
            check=True,
        ).stdout
        for number in ("1", "2", "3")
    }
    assert len(said) == 1
