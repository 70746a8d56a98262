"""The page of sliders: what it holds, and the picture of quality lost per speed gained."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from synthetic import make_run

from compared import compared
from stiltwalk.reports.choice_page import choice_report, lost_and_gained
from stiltwalk.reports.parts import Graphic, Sliders
from stiltwalk.reports.write import CHOICE, report_texts

RUN = make_run(targets=("xnli", "udpos"), seeds=(1, 2))
SPEED = replace(compared("mnli", 0.5, "FASTER", quality=0.7), a="none")


def test_it_holds_every_system_with_scores_and_errors_by_seed() -> None:
    document = choice_report("mini", {"": RUN}, [SPEED])
    assert document
    (sliders,) = (each for each in document.sections[0].parts if isinstance(each, Sliders))
    assert sliders.data["tasks"] == ["xnli", "udpos"]
    assert {"de", "sw"} <= set(sliders.data["languages"])
    by_name = {each["name"]: each for each in sliders.data["systems"]}
    assert list(by_name) == list(RUN.arms)
    seeds = by_name["mnli"]["scores"]["xnli"]["sw"]
    rows = [
        e.row for e in RUN.rows if (e.arm, e.row.task, e.row.language) == ("mnli", "xnli", "sw")
    ]
    assert [score for score, _ in seeds] == [round(row.value, 5) for row in rows if row.seed]
    won = next(e.row for e in RUN.example_scores if e.arm == "mnli" and e.row.task == "xnli")
    p, n = sum(won.won) / sum(won.of), len(won.won)
    assert any(
        error == pytest.approx((p * (1 - p) / n) ** 0.5, abs=1e-5)
        for of in by_name["mnli"]["scores"]["xnli"].values()
        for _, error in of
    )
    costs = {name: each["costs"]["xnli"]["p50"] for name, each in by_name.items() if each["costs"]}
    assert costs["mnli"][1] == pytest.approx(costs["none"][1] / 2)


def test_the_picture_tells_points_lost_and_times_as_fast() -> None:
    def system(name: str, score: float, time_s: float) -> dict[str, object]:
        scores, costs = {"xnli": {"de": [[score, 0.01]]}}, {"xnli": {"p50": [time_s, time_s]}}
        return {"name": name, "scores": scores, "costs": costs}

    found = list(lost_and_gained([system("large", 0.8, 0.02), system("small", 0.75, 0.005)]))
    assert found[0] == (1.0, 0.0, "large", True)
    assert found[1] == (pytest.approx(4.0), pytest.approx(-5.0), "small", False)
    assert not list(lost_and_gained([system("large", 0.8, 0.02)]))


def test_the_report_leads_to_it_and_it_is_one_file_that_may_run_its_own_scripts_alone() -> None:
    texts = report_texts(replace(RUN, comparisons=(SPEED,)))[1]
    assert f'<a href="{CHOICE}">' in texts["report.html"]
    page = texts[CHOICE]
    assert "Quality lost per speed gained" in page
    assert len(re.findall("'sha256-", page)) == 2
    assert "://" not in page
    data = re.search(r'id="choice-data">(.*?)</script>', page)
    assert data
    assert len(json.loads(data[1])["systems"]) == len(RUN.arms)
    bare = choice_report("mini", {"": replace(RUN, rows=(), example_scores=())}, [])
    assert bare is None
    untimed = choice_report("mini", {"": RUN}, [])
    assert untimed
    assert not any(isinstance(each, Graphic) for each in untimed.sections[0].parts)
