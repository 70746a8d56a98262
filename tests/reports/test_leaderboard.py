"""All runs of a workspace on one page."""

import shutil
from dataclasses import replace
from pathlib import Path

from tests.walking import Walked

from stiltwalk.files import sealed_json
from stiltwalk.metrics.efficiency import RatedSystem
from stiltwalk.reports.leaderboard import Entry, entries, front_of, leaderboard, write_leaderboard
from stiltwalk.reports.write import html
from stiltwalk.store.manifest import keep_record, read_record
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables.table import Cell

BASE = RatedSystem(quality=0.6, latency=0.01, throughput=200, memory=1e8)


def entry(run: str, arm: str, system: RatedSystem | None, group: str = "g") -> Entry:
    quality = system.quality if system else 0.5
    return Entry(
        run=run,
        base="base",
        arm=arm,
        targets=("xnli",),
        quality=Cell(f"{100 * quality:.1f}", quality),
        rated=system,
        per=1.0,
        answer=None,
        group=group,
    )


def test_the_front_is_of_what_can_be_compared_and_small_changes_of_cost_are_equal() -> None:
    found = [
        entry("one", "none", BASE),
        entry("one", "mnli", replace(BASE, quality=0.62, latency=0.0102)),
        entry("two", "small", replace(BASE, quality=0.55, latency=0.005)),
        entry("three", "elsewhere", replace(BASE, quality=0.1), "other rows"),
        entry("three", "untimed", None),
    ]
    assert front_of(found) == {"one:mnli", "two:small", "three:elsewhere"}
    page = html(leaderboard(found))
    assert "one:mnli (62.0, 10.2)" in page
    assert page.index(">mnli<") < page.index(">none<") < page.index(">small<")


def test_a_changed_recipe_of_the_same_name_keeps_the_old_report_and_both_are_shown(
    walked: Walked, tmp_path: Path
) -> None:
    shutil.copytree(walked.workspace, tmp_path / "w")
    store = Workspace(tmp_path / "w")
    (folder,) = (file.parent for file in (store.root / "runs").glob("*/run.json"))
    before, record = (folder / "report.html").read_bytes(), read_record(folder)
    assert write_leaderboard(store.root) is None
    assert not keep_record(store, record)
    keep_record(store, replace(record, arms=("none",), stages=record.stages[:-1]))
    (aside,) = (store.root / "runs").glob("small~*")
    assert (aside / "report.html").read_bytes() == before
    assert read_record(aside).name == aside.name
    page = write_leaderboard(store.root)
    assert page is not None
    assert {each.run for each in entries(store)} == {"small", aside.name}
    keep_record(store, record)
    assert {each.run for each in entries(store)} == {"small"} | {
        file.parent.name for file in (store.root / "runs").glob("small~*/run.json")
    } - {aside.name}


def test_a_damaged_run_is_left_out(walked: Walked, tmp_path: Path) -> None:
    shutil.copytree(walked.workspace, tmp_path / "w")
    (tmp_path / "w" / "runs" / "other").mkdir()
    (tmp_path / "w" / "runs" / "other" / "run.json").write_text(sealed_json({"name": "other"}))
    assert {each.run for each in entries(Workspace(tmp_path / "w"))} == {"small"}
