"""Tests for stiltwalk.reports.sections.targets: the central table."""

from dataclasses import replace

import pytest
from synthetic import make_run, table_of

from stiltwalk.reports.data import RunRows
from stiltwalk.reports.nine_claims import is_xlmr_large
from stiltwalk.reports.sections.targets import PUBLISHED, matrix, published_for
from stiltwalk.reports.wording import DASH
from stiltwalk.tables.table import Table
from stiltwalk.tasks import TARGETS

LARGE = "FacebookAI/xlm-roberta-large"


def shown(run: RunRows) -> Table:
    return matrix(run, table_of(run))


def heads_of_rows(table: Table) -> list[str]:
    return [row[0].text for row in (*table.rows, *table.foot)]


def test_arms_are_rows_and_what_they_compare_by_is_the_first_column() -> None:
    table = shown(make_run())
    assert heads_of_rows(table)[:5] == ["none", "mnli", "squad_v1", "all", "chosen on dev"]
    columns = [each.text for each in table.columns]
    assert columns[1] == "overall"
    assert tuple(columns[2:11]) == TARGETS


def test_published_rows_stand_only_beside_the_model_that_they_are_of() -> None:
    ours = heads_of_rows(shown(make_run()))
    large = heads_of_rows(shown(replace(make_run(), model=LARGE)))
    assert set(large) - set(ours) == {"XLM-R Large", "X-STILTs"}
    table = shown(replace(make_run(targets=("xnli",)), model=LARGE))
    lines = [[cell.line for cell in row] for row in table.foot]
    assert ["XLM-R Large (published)", DASH, "79.2"] in lines


def test_published_questions_count_the_mean_of_exact_match_and_f1() -> None:
    assert PUBLISHED[0].score("xquad") == pytest.approx(0.687)
    assert PUBLISHED[1].score("tatoeba") is None
    assert set(PUBLISHED[0].scores) == set(TARGETS)


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (LARGE, True),
        ("xlm-roberta-large", True),
        ("/models/xlm-roberta-large", False),
        ("./xlm-roberta-large", False),
        ("someone/xlm-roberta-large", False),
        ("FacebookAI/xlm-roberta-base", False),
        ("mini-base", False),
        ("", False),
    ],
)
def test_a_model_is_known_by_its_hub_id_and_never_by_a_folders_name(
    model: str, answer: bool
) -> None:
    assert is_xlmr_large(model) is answer
    assert bool(published_for(model)) is answer


def test_a_gain_inside_the_noise_is_marked_and_has_no_colour() -> None:
    table = shown(make_run(seeds=(1, 2, 3)))
    gains = [cell for row in table.rows for cell in row[1:] if cell.below]
    noisy = [cell for cell in gains if "≈ " in cell.below]
    assert noisy
    assert {(cell.tone, cell.strength) for cell in noisy} == {("neutral", 0.0)}
    assert all(cell.strength > 0 for cell in gains if cell not in noisy)
    assert all("95 % intervals: ± " in cell.note for cell in gains)
