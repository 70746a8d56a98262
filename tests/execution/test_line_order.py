"""Tatoeba's English side comes aligned or sorted: the figure is the same, the files follow it."""

from __future__ import annotations

import numpy as np

from stiltwalk.metrics.bitext import nearest
from stiltwalk.metrics.score import score
from stiltwalk.records import Bitext, Metric, Sentence, gold_lines


def test_the_order_of_english_lines_changes_no_accuracy() -> None:
    rng = np.random.default_rng(1)
    words = [f"{rng.integers(10**6)}" for _ in range(50)]
    foreign = tuple(Sentence(str(row), f"f{row}") for row in range(50))
    aligned = tuple(Sentence(str(row), word) for row, word in enumerate(words))
    in_order = tuple(sorted(aligned, key=lambda sentence: sentence.text))
    gold = tuple((str(row), str(row)) for row in range(50))
    foreign_ND = rng.standard_normal((50, 8), dtype=np.float32)
    near_ND = foreign_ND + rng.standard_normal((50, 8), dtype=np.float32)
    vector_of = {sentence.id: near_ND[row] for row, sentence in enumerate(aligned)}
    found = {}
    for name, english in (("aligned", aligned), ("sorted", in_order)):
        asked = Bitext(foreign, english, gold)
        query_ND = np.array([vector_of[sentence.id] for sentence in english])
        answers = [str(row) for row in nearest(query_ND, foreign_ND)]
        found[name] = score(Metric.ACCURACY, answers, gold_lines(asked), "en")
        assert gold_lines(asked) == [sentence.id for sentence in english]
    assert found["aligned"] == found["sorted"]
    assert 0 < found["aligned"]["accuracy"] < 1
