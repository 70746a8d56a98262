"""Tests for stiltwalk.metrics.score: one door to every metric, whose shares add up to the score."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from stiltwalk.data.xtreme_files import Form, form_of
from stiltwalk.errors import MetricError
from stiltwalk.metrics.bitext import BUCKETS, pair_f1
from stiltwalk.metrics.score import METRICS, checkpoint_score, example_scores, score
from stiltwalk.records import Answers, GoldTexts, Metric
from stiltwalk.tasks import TASKS

DUMMY = """
from stiltwalk.metrics.score import Scorer

def shares(predicted, gold, language):
    return [(float(len(one) == len(other)), 1.0) for one, other in zip(predicted, gold)]

def figures(predicted, gold, language):
    return {"as_long": sum(won for won, _ in shares(predicted, gold, language)) / len(gold)}

DUMMY = Scorer(figures=figures, shares=shares)
"""
ONE_OF_EACH: list[tuple[Metric, Answers, Answers | GoldTexts, list[str]]] = [
    (Metric.ACCURACY, ["a"], ["a"], ["accuracy"]),
    (Metric.ACCURACY, [["N/N"]], [["N/N"]], ["accuracy"]),
    (Metric.ACCURACY_AND_F1, ["1"], ["1"], ["accuracy_and_f1", "accuracy", "f1"]),
    (Metric.CHUNK_F1, [["B-PER"]], [["B-PER"]], ["f1", "precision", "recall", "accuracy"]),
    (Metric.SQUAD, {"q": "x"}, {"q": ["x"]}, ["f1", "exact_match"]),
    (Metric.MLQA, {"q": "x"}, {"q": ["x"]}, ["f1", "exact_match"]),
    (Metric.PAIR_F1, [("f", "e")], [("f", "e")], ["f1", "precision", "recall"]),
    (Metric.MAP_AT_20, {"q": ["d"]}, {"q": ["d"]}, ["map_at_20", "mrr_at_20"]),
]


@pytest.mark.parametrize(("metric", "predicted", "gold", "names"), ONE_OF_EACH)
def test_perfect_answers_score_one_in_every_figure(
    metric: Metric, predicted: Answers, gold: Answers | GoldTexts, names: list[str]
) -> None:
    scores = score(metric, predicted, gold, "en")
    assert list(scores) == names
    assert set(scores.values()) == {1.0}


def test_every_metric_is_tried_here() -> None:
    assert {metric for metric, *_ in ONE_OF_EACH} == set(Metric) == set(METRICS)


def test_duplicates_are_ranked_by_the_mean_of_accuracy_and_f1() -> None:
    scores = score(Metric.ACCURACY_AND_F1, ["1", "0", "1", "0"], ["1", "1", "1", "0"], "en")
    assert scores == {"accuracy_and_f1": 0.775, "accuracy": 0.75, "f1": 0.8}


def test_one_accepted_text_is_not_read_as_its_characters() -> None:
    assert score(Metric.SQUAD, {"q": "c"}, {"q": "cat"}, "en")["exact_match"] == 0.0


@pytest.mark.parametrize(
    ("metric", "predicted", "gold"),
    [
        (Metric.SQUAD, ["x"], {"q": ["x"]}),
        (Metric.SQUAD, ["x"], ["x"]),
        (Metric.ACCURACY, {"q": "x"}, ["x"]),
        (Metric.CHUNK_F1, {"q": "x"}, {"q": ["x"]}),
    ],
)
def test_answers_of_another_form_are_refused(
    metric: Metric, predicted: Answers, gold: Answers | GoldTexts
) -> None:
    with pytest.raises(MetricError, match="cannot compare"):
        score(metric, predicted, gold, "en")


def test_pairs_are_sets_so_order_and_repeats_change_nothing() -> None:
    gold = [("f1", "e1"), ("f2", "e2")]
    once = pair_f1([("f2", "e2"), ("f3", "e3")], gold)
    assert once == {"f1": 0.5, "precision": 0.5, "recall": 0.5}
    assert pair_f1([("f3", "e3"), ("f2", "e2"), ("f2", "e2")], gold * 2) == once


def test_no_mined_pair_scores_zero() -> None:
    assert pair_f1([], [("f", "e")]) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_no_gold_pair_is_refused() -> None:
    with pytest.raises(MetricError, match="there are none"):
        pair_f1([("f", "e")], [])


def test_a_checkpoint_is_chosen_by_both_figures_of_questions_and_the_first_of_all_else() -> None:
    assert checkpoint_score({"f1": 0.5, "exact_match": 0.25}) == 0.375
    assert checkpoint_score({"f1": 0.5, "precision": 1.0, "recall": 0.25}) == 0.5


def test_scoring_imports_no_torch() -> None:
    code = "import sys, stiltwalk.metrics.reference, stiltwalk.tasks.scoring as _; " + (
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'datasets')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


def test_a_metric_is_one_file_and_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dummy_metric.py").write_text(DUMMY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(METRICS, "dummy", "dummy_metric:DUMMY")
    task = replace(TASKS["xnli"], metric="dummy")
    assert score(task.metric, ["a", "bc"], ["A", "bcd"], "en") == {"as_long": 0.5}
    assert example_scores(task.metric, ["a", "bc"], ["A", "bcd"], "en") == [(1.0, 1.0), (0.0, 1.0)]
    assert form_of(task.task_type, task.metric) is Form.LABELS


def test_an_unknown_metric_is_named_with_the_nearest_one() -> None:
    with pytest.raises(MetricError, match=r"no metric 'acuracy'\. Did you mean accuracy"):
        score("acuracy", ["a"], ["a"], "en")


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
