"""A target that XTREME does not have stands beside its nine and changes nothing of theirs."""

from dataclasses import replace

import pytest
from synthetic import make_run, table_of

from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import findings
from stiltwalk.reports.nine_claims import judge_claims
from stiltwalk.reports.significance import Resamples
from stiltwalk.reports.write import report_texts
from stiltwalk.tasks import TARGETS

OTHER = "sib200"
ARMS = ("none", "mnli", "all")
NINE = make_run(arms=ARMS, seeds=(1, 2))
TEN = make_run(arms=ARMS, seeds=(1, 2), targets=(*TARGETS, OTHER))


def test_it_has_a_column_of_its_own_and_is_in_no_mean_of_xtreme() -> None:
    nine, ten = table_of(NINE), table_of(TEN)
    assert [each.name for each in ten.tasks] == [*TARGETS, OTHER]
    assert all(cell.score for cell in ten.tasks[-1].cells)
    assert ten.common == nine.common == TARGETS
    assert [each.name for each in ten.means] == [each.name for each in nine.means]
    assert [c.score for c in ten.means[-1].cells] == [c.score for c in nine.means[-1].cells]
    assert "XTREME's nine targets" in findings(TEN).said.answer


def test_it_speaks_neither_for_nor_against_the_paper() -> None:
    first, second = (judge_claims(run, Resamples(run, num_resamples=50)) for run in (NINE, TEN))
    assert first == second


def test_an_arm_without_it_still_counts_for_the_paper() -> None:
    rows = tuple(e for e in TEN.rows if (e.arm, e.row.task) != ("mnli", OTHER))
    fewer = replace(TEN, rows=rows)
    assert judge_claims(fewer, Resamples(fewer, num_resamples=50)) == judge_claims(
        NINE, Resamples(NINE, num_resamples=50)
    )


@pytest.mark.parametrize(
    "run",
    [
        make_run(arms=ARMS, targets=("pawsx", OTHER)),
        make_run(arms=("none", "mnli"), targets=(OTHER,)),
    ],
    ids=["beside", "alone"],
)
def test_its_page_is_whole(run: RunRows) -> None:
    _, texts = report_texts(run)
    assert f"<bdi>{OTHER}</bdi>" in texts["report.html"]


def test_alone_it_decides_nothing_about_gains() -> None:
    alone = make_run(arms=("none", "mnli"), targets=(OTHER,))
    judged = judge_claims(alone, Resamples(alone, num_resamples=50))
    assert judged[2].why == "The run has none of XTREME's targets."
