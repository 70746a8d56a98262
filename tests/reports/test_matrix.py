"""Tests for stiltwalk.reports.sections.scores, published and plain_tables: the central table."""

import re
from dataclasses import replace

import pytest
from synthetic import make_run, table_of

from stiltwalk.reports.claims import PUBLISHED, is_xlmr_large, published_for
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import findings
from stiltwalk.reports.sections.scores import matrix
from stiltwalk.reports.sections.text import plain_tables
from stiltwalk.reports.wording import DASH
from stiltwalk.tasks import TARGETS

LARGE = "FacebookAI/xlm-roberta-large"


def shown(run: RunRows) -> str:
    return matrix(run, table_of(run))


def heads_of_rows(text: str) -> list[str]:
    found = re.findall(r'<th scope="row"[^>]*>(.*?)</th>', text)
    return [re.sub(r"<small.*|<[^>]+>", "", each) for each in found]


def test_arms_are_rows_and_what_they_compare_by_is_the_first_column() -> None:
    text = shown(make_run())
    assert heads_of_rows(text)[:5] == ["none", "mnli", "squad_v1", "all", "chosen on dev"]
    columns = re.findall(r"<bdi>([^<]+)</bdi><small>[^<]+</small></th>", text)
    assert columns[0] == "overall"
    assert tuple(columns[1:10]) == TARGETS


def test_published_rows_stand_only_beside_the_model_that_they_are_of() -> None:
    ours = heads_of_rows(shown(make_run()))
    large = heads_of_rows(shown(replace(make_run(), model=LARGE)))
    assert set(large) - set(ours) == {"XLM-R Large", "X-STILTs"}
    (table, *_) = plain_tables(findings(replace(make_run(targets=("xnli",)), model=LARGE)))
    assert ("XLM-R Large (published)", "79.2", DASH) in table.rows


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
    text = shown(make_run(seeds=(1, 2, 3)))
    cells = re.findall(r'<td class="num (?:up|down)" style="--gain:(\d+)%"[^>]*>(.*?)</td>', text)
    noisy = [share for share, cell in cells if "≈ " in cell]
    assert noisy
    assert set(noisy) == {"0"}
    assert all("95 % intervals: ± " in cell for _, cell in cells)
