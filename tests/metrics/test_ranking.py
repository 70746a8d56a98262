"""Tests for stiltwalk.metrics.ranking."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stiltwalk.errors import MetricError
from stiltwalk.metrics.ranking import average_precision, map_at_20, reciprocal_rank
from stiltwalk.metrics.score import example_scores, score

IDS = st.integers(0, 60).map(str)
RANKED = st.lists(IDS, unique=True, max_size=50)
RIGHT = st.sets(IDS, min_size=1, max_size=40)


def precision_at(ranked: list[str], right: set[str], rank: int) -> float:
    return len(right.intersection(ranked[:rank])) / rank


def told_average_precision(ranked: list[str], right: set[str]) -> float:
    """Return the same figure by its other definition: a mean over the right documents."""
    ranks = [ranked.index(one) + 1 for one in right if one in ranked[:20]]
    return sum(precision_at(ranked, right, rank) for rank in ranks) / min(len(right), 20)


def told_reciprocal_rank(ranked: list[str], right: set[str]) -> float:
    return max((1 / (ranked.index(one) + 1) for one in right if one in ranked[:20]), default=0.0)


def test_figures_are_those_of_independent_code_on_thousands_of_random_rankings() -> None:
    random = Random(0)  # noqa: S311 - rankings, no secrets
    gold, predicted = {}, {}
    for number in range(5000):
        pool = [f"d{document}" for document in range(random.randint(1, 80))]
        right = set(random.sample(pool, random.randint(1, min(len(pool), 45))))
        ranked = random.sample(pool, random.randint(0, len(pool)))
        assert average_precision(ranked, right) == pytest.approx(
            told_average_precision(ranked, right), abs=1e-12
        )
        assert reciprocal_rank(ranked, right) == told_reciprocal_rank(ranked, right)
        gold[f"q{number}"], predicted[f"q{number}"] = sorted(right), ranked
    scores = map_at_20(predicted, gold)
    means = [
        sum(told(predicted[query], set(right)) for query, right in gold.items()) / len(gold)
        for told in (told_average_precision, told_reciprocal_rank)
    ]
    assert list(scores.values()) == pytest.approx(means, abs=1e-12)


@pytest.mark.parametrize(
    ("ranked", "right", "average"),
    [
        (["a"], {"a"}, 1.0),
        (["x", "a"], {"a"}, 0.5),
        (["a", "x", "b"], {"a", "b"}, (1 + 2 / 3) / 2),
        (["a"], {"a", "b", "c", "d"}, 0.25),
        ([*"x" * 19, "a"], {"a"}, 1 / 20),
        ([*"x" * 20, "a"], {"a"}, 0.0),
        ([str(one) for one in range(20)], {str(one) for one in range(30)}, 1.0),
        (["a", "a"], {"a", "b"}, 0.5),
        ([], {"a"}, 0.0),
    ],
)
def test_average_precision_by_hand(ranked: list[str], right: set[str], average: float) -> None:
    assert average_precision(ranked, right) == pytest.approx(average)


@given(RANKED, RIGHT)
def test_a_ranking_is_perfect_exactly_if_right_documents_alone_are_on_top(
    ranked: list[str], right: set[str]
) -> None:
    top = ranked[: min(len(right), 20)]
    is_full = len(top) == min(len(right), 20)
    found = average_precision(ranked, right)
    assert 0 <= found <= 1 + 1e-12
    assert (found == pytest.approx(1)) == (is_full and right.issuperset(top))


@given(RANKED, IDS)
def test_with_one_right_document_it_is_the_reciprocal_rank(ranked: list[str], right: str) -> None:
    assert average_precision(ranked, {right}) == reciprocal_rank(ranked, {right})


@given(st.lists(IDS, unique=True, min_size=2), RIGHT, st.data())
def test_a_right_document_that_moves_up_never_costs(
    ranked: list[str], right: set[str], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(ranked) - 2))
    right = {*right, ranked[at + 1]}
    swapped = [*ranked[:at], ranked[at + 1], ranked[at], *ranked[at + 2 :]]
    assert average_precision(swapped, right) >= average_precision(ranked, right) - 1e-12
    assert reciprocal_rank(swapped, right) >= reciprocal_rank(ranked, right)


@given(st.permutations([str(one) for one in range(61)]), RANKED, RIGHT)
def test_what_stands_below_rank_20_changes_nothing(
    ranked: list[str], below: list[str], right: set[str]
) -> None:
    assert average_precision([*ranked[:20], *below], right) == average_precision(ranked, right)


def test_a_query_without_ranking_counts_nothing_and_a_further_one_is_ignored() -> None:
    gold = {"q1": ["a"], "q2": ["b"]}
    predicted = {"q1": ["a"], "q3": ["b"]}
    assert score("map_at_20", predicted, gold, "de") == {"map_at_20": 0.5, "mrr_at_20": 0.5}
    assert example_scores("map_at_20", predicted, gold, "de") == [(1.0, 1.0), (0.0, 1.0)]


@pytest.mark.parametrize(("gold", "said"), [({}, "no query"), ({"q": []}, "q has no right")])
def test_labels_without_a_query_or_an_answer_are_refused(
    gold: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(MetricError, match=said):
        map_at_20({}, gold)
