"""Tests for stiltwalk.metrics.score: the examples' shares add up to the score."""

from random import Random

import pytest

from stiltwalk.metrics.bitext import BUCKETS
from stiltwalk.metrics.score import checkpoint_score, example_scores, score
from stiltwalk.records import Answers, GoldTexts, Metric

DICE = Random(7)  # noqa: S311 - repeatable on purpose


def tags(count: int) -> list[list[str]]:
    kinds = ["O", "B-PER", "I-PER", "B-LOC", "NOUN"]
    return [[DICE.choice(kinds) for _ in range(1 + place % 7)] for place in range(count)]


def texts(count: int) -> dict[str, str]:
    words = "the cat sat der Hund !".split()
    return {f"q{i}": " ".join(DICE.choice(words) for _ in range(4)) for i in range(count)}


CASES: list[tuple[Metric, Answers, Answers | GoldTexts]] = [
    (Metric.ACCURACY, DICE.choices("abc", k=40), DICE.choices("abc", k=40)),
    (Metric.CHUNK_F1, tags(40), tags(40)),
    (Metric.SQUAD, texts(30), {q: [t, "cat"] for q, t in texts(40).items()}),
    (Metric.MLQA, texts(30), {q: [t, "Hund"] for q, t in texts(40).items()}),
    (
        Metric.PAIR_F1,
        [(f"f{i}", f"e{i // 2}") for i in range(60)],
        [(f"f{i}", f"e{i // 2 + i % 3 // 2}") for i in range(20, 90)],
    ),
]


@pytest.mark.parametrize(("metric", "predicted", "gold"), CASES, ids=lambda each: str(each)[:9])
def test_shares_add_up_to_the_score(
    metric: Metric, predicted: Answers, gold: Answers | GoldTexts
) -> None:
    found = example_scores(metric, predicted, gold, "de")
    total = sum(won for won, _ in found) / sum(of for _, of in found)
    expected = checkpoint_score(score(metric, predicted, gold, "de"))
    assert 0 < expected < 1
    assert total == pytest.approx(expected)


def test_pairs_fall_into_the_same_buckets_whoever_found_them() -> None:
    gold = [("f1", "e1"), ("f2", "e2")]
    ours = example_scores(Metric.PAIR_F1, [("f1", "e1")], gold, "en")
    theirs = example_scores(Metric.PAIR_F1, [("f9", "e1"), ("f7", "e7")], gold, "en")
    assert len(ours) == len(theirs) == BUCKETS
    bucket = max(range(BUCKETS), key=lambda place: ours[place][0])
    assert ours[bucket] == (2.0, 2.0)
    assert theirs[bucket] == (0.0, 2.0)
