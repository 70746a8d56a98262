"""Tests for stiltwalk.metrics.bitext."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics import bitext
from stiltwalk.metrics.bitext import (
    Candidate,
    Duplicates,
    MinedRows,
    Vectors,
    accept,
    best_threshold,
    expand,
    ids_by_text,
    mine,
    nearest,
    nearest_of_many,
    neighbours_both_ways,
)
from stiltwalk.records import Sentence

SEEDS = st.integers(0, 2**32 - 1)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.sampled_from("abcdef"),
        st.sampled_from("uvwxyz"),
        st.sampled_from([0.25, 0.5, 1.0, 1.25, 2.0]),
    ),
    min_size=1,
    unique_by=lambda candidate: candidate[:2],
)


def f1_above(candidates: list[Candidate], gold: list[tuple[str, str]], threshold: float) -> float:
    found = set(accept(candidates, threshold))
    return 2 * len(found & set(gold)) / (len(found) + len(set(gold)))


def test_translations_are_found_among_strangers() -> None:
    draw = np.random.default_rng(0)
    shared = draw.standard_normal((30, 32))
    foreign = np.vstack([shared, draw.standard_normal((20, 32))]).astype(np.float32)
    english = np.vstack([draw.standard_normal((10, 32)), shared]).astype(np.float32)
    mined = mine(foreign, english)
    assert {(p.foreign, p.english) for p in mined[:30]} == {(i, i + 10) for i in range(30)}


def test_a_sentence_near_to_everything_does_not_win() -> None:
    """By cosine alone the hub is the nearest of all."""
    hub = np.ones(4)
    english = np.vstack([np.eye(4) * 0.8 + 0.2, hub]).astype(np.float32)
    foreign = (np.eye(4) * 0.45 + 0.55).astype(np.float32)
    best = {pair.foreign: pair.english for pair in mine(foreign, english)}
    assert best == {0: 0, 1: 1, 2: 2, 3: 3}


@given(SEEDS)
def test_each_sentence_is_used_at_most_once_and_scores_fall(seed: int) -> None:
    draw = np.random.default_rng(seed)
    mined = mine(
        draw.standard_normal((9, 5)).astype(np.float32),
        draw.standard_normal((12, 5)).astype(np.float32),
    )
    assert len({p.foreign for p in mined}) == len({p.english for p in mined}) == len(mined)
    assert all(p.score > 0 for p in mined)
    assert [p.score for p in mined] == sorted((p.score for p in mined), reverse=True)


@given(SEEDS)
def test_swapping_the_sides_swaps_the_pairs(seed: int) -> None:
    draw = np.random.default_rng(seed)
    left = draw.standard_normal((8, 6)).astype(np.float32)
    right = left[:6] + 0.3 * draw.standard_normal((6, 6)).astype(np.float32)
    there = {(p.foreign, p.english): p.score for p in mine(left, right)}
    back = {(p.english, p.foreign): p.score for p in mine(right, left)}
    assert there == pytest.approx(back, rel=1e-4)


def test_one_sentence_a_side_is_a_pair() -> None:
    one = np.array([[1, 2]], np.float32)
    (pair,) = mine(one, one)
    assert pair[:2] == (0, 0)
    assert pair.score == pytest.approx(1.0)


def test_a_neighbourhood_mean_of_zero_is_no_pair() -> None:
    left, right = np.array([[1, 0]], np.float32), np.array([[0, 1]], np.float32)
    assert mine(left, right) == []


def test_distinct_sentences_keep_their_order_and_all_their_ids() -> None:
    side = [Sentence("1", "b"), Sentence("2", "a "), Sentence("3", "b\n")]
    assert ids_by_text(side) == {"b": ("1", "3"), "a": ("2",)}


def test_a_sentence_on_several_lines_gives_all_combinations_of_ids() -> None:
    foreign, english = {"x": ("f1", "f2"), "y": ("f3",)}, {"u": ("e1", "e2")}
    pairs = expand([MinedRows(0, 0, 1.5)], foreign, english)
    assert [c[:2] for c in pairs] == [("f1", "e1"), ("f1", "e2"), ("f2", "e1"), ("f2", "e2")]


def test_a_sentence_on_several_lines_can_be_dropped_as_xtreme_does() -> None:
    foreign, english = {"x": ("f1", "f2"), "y": ("f3",)}, {"u": ("e1",), "v": ("e2",)}
    mined = [MinedRows(0, 0, 1.5), MinedRows(1, 1, 1.2)]
    assert expand(mined, foreign, english, Duplicates.DROP) == [Candidate("f3", "e2", 1.2)]


def test_a_row_outside_of_its_side_is_refused() -> None:
    with pytest.raises(MetricError, match="Rows 0 and 1"):
        expand([MinedRows(0, 1, 1.0)], {"x": ("f",)}, {"u": ("e",)})


def test_the_threshold_lies_halfway_to_the_next_score() -> None:
    candidates = [Candidate("a", "u", 2.0), Candidate("b", "v", 1.0), Candidate("c", "w", 0.5)]
    assert best_threshold(candidates, [("a", "u"), ("b", "v")]) == 0.75


def test_the_last_score_has_no_neighbour_and_is_its_own_threshold() -> None:
    candidates = [Candidate("a", "u", 2.0), Candidate("b", "v", 1.0)]
    threshold = best_threshold(candidates, [("a", "u"), ("b", "v")])
    assert accept(candidates, threshold) == [("a", "u"), ("b", "v")]


def test_neighbouring_floats_have_no_middle() -> None:
    low = 1.0
    high = float(np.nextafter(low, 2.0))
    candidates = [Candidate("a", "u", high), Candidate("b", "v", low)]
    threshold = best_threshold(candidates, [("a", "u")])
    assert accept(candidates, threshold) == [("a", "u")]


def test_without_a_right_candidate_all_are_kept() -> None:
    assert best_threshold([Candidate("a", "u", 2.0)], [("b", "v")]) == 0.0


def test_a_threshold_needs_gold_pairs() -> None:
    with pytest.raises(MetricError, match="there are none"):
        best_threshold([Candidate("a", "u", 2.0)], [])


@given(CANDIDATES, st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvw")), min_size=1))
def test_no_other_threshold_is_better(
    candidates: list[Candidate], gold: list[tuple[str, str]]
) -> None:
    chosen = f1_above(candidates, gold, best_threshold(candidates, gold))
    assert chosen == max(f1_above(candidates, gold, c.score) for c in candidates)


@given(CANDIDATES)
def test_the_order_of_candidates_changes_nothing(candidates: list[Candidate]) -> None:
    gold = [("a", "u"), ("b", "v")]
    assert best_threshold(candidates, gold) == best_threshold(candidates[::-1], gold * 2)


def test_a_pair_that_comes_twice_is_accepted_once() -> None:
    assert accept([Candidate("a", "u", 2.0), Candidate("a", "u", 1.0)], 0.5) == [("a", "u")]


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


@given(SEEDS, st.integers(1, 17), st.integers(1, 20))
def test_a_corpus_in_parts_gives_the_bits_of_the_whole(seed: int, part: int, k: int) -> None:
    left, right = random_vectors(seed)
    right = np.vstack([right, right[::2]])
    whole = nearest_of_many(left, [right], k)
    parts = nearest_of_many(left, (right[at : at + part] for at in range(0, len(right), part)), k)
    assert (parts.index_NK == whole.index_NK).all()
    assert parts.score_NK.tobytes() == whole.score_NK.tobytes()


def test_of_fewer_candidates_all_are_found() -> None:
    left, right = random_vectors(0, num_left=2, num_right=3)
    found = nearest_of_many(left, [right], 20)
    assert [sorted(row[:3]) for row in found.index_NK.tolist()] == [[0, 1, 2]] * 2
    assert np.isneginf(found.score_NK[:, 3:]).all()


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
