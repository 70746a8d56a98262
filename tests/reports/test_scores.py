"""What no seed has touched stands beside every seed."""

from __future__ import annotations

from dataclasses import replace

from stiltwalk.records import ScoreRow, Split
from stiltwalk.reports.data import ArmScore
from stiltwalk.reports.scores import ScoreBook, trained_seeds

ROW = ScoreRow(
    stage="s",
    intermediate=(),
    task="sib200",
    language="en",
    split=Split.TEST,
    metric="accuracy",
    value=0.5,
    seed=0,
    num_examples=9,
)


def test_a_cloze_without_training_has_a_score_beside_every_seed() -> None:
    trained = [ArmScore(arm="none", row=replace(ROW, seed=seed)) for seed in (1, 2)]
    rows = [*trained, ArmScore(arm="cloze", row=ROW)]
    assert trained_seeds(rows) == (1, 2)
    book = ScoreBook(rows, Split.TEST, (1, 2), lambda _: ("en",))
    assert book.language_scores("cloze", "sib200", "en") == {1: 0.5, 2: 0.5}
    assert book.task_gains("cloze", "none", "sib200") == {1: 0.0, 2: 0.0}


def test_a_rule_stays_where_it_is() -> None:
    rule = ArmScore(arm="majority", row=replace(ROW, control="majority"))
    book = ScoreBook([rule], Split.TEST, (1, 2), lambda _: ("en",))
    assert book.language_scores("majority", "sib200", "en") == {0: 0.5}
