"""Which system of a workspace is good enough: against brute force, and in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from synthetic import make_run
from tests.walking import Walked

import stiltwalk
from compared import compared
from stiltwalk.cli import app
from stiltwalk.data.source import DataSource
from stiltwalk.errors import WorkspaceError
from stiltwalk.files import checksum, sealed_json, unsealed
from stiltwalk.records import Phase, Split
from stiltwalk.reports import systems
from stiltwalk.reports.choosing import choice_table, choose
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.systems import costs_of
from stiltwalk.selection.requirements import Requirements
from stiltwalk.store.manifest import RecordedStage, RunRecord
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.record import (
    COMPARISONS,
    FILE,
    VOID,
    Cost,
    Quality,
    Speed,
    write_speed,
)
from stiltwalk.timing.sample_size import Figure

TASKS = ("xnli", "udpos", "xquad")
RATIOS = {"mnli": 0.99, "squad_v1": 0.7, "all": 1.5}


def a_speed(arm: str, ratio: float, a_s: float, verdict: str = "INCONCLUSIVE") -> Speed:
    """Return a comparison whose times grow with the place of the task, and its tails."""
    made = compared(arm, ratio, verdict, a_s=a_s, quality=0.7)
    single, offline = made.cells
    figures = {Figure.P50: 1.0, Figure.P90: 1.4, Figure.P99: 2.0}
    cells = [
        replace(single, figure=figure, a_s=a_s * times * (1 + place), task=task)
        for place, task in enumerate(TASKS)
        for figure, times in figures.items()
    ]
    cells += [replace(offline, task=task) for task in TASKS]
    costs = [
        Cost(
            task=task, language="", scenario="Offline", model=model, tokenise_s=0.0,
            forward_s=a_s, decode_s=0.0, real_tokens=30.0, padded_tokens=31.0,
            weight_bytes=int(a_s * 1e10), peak_bytes=1_000,
        )
        for task in TASKS
        for model in "ab"
    ]  # fmt: skip
    quality = [Quality(task=task, language="de", metric="accuracy", a=0.7, b=0.7) for task in TASKS]
    return replace(made, a="none", cells=tuple(cells), costs=tuple(costs), quality=tuple(quality))


@cache
def a_run(name: str, a_s: float, seeds: tuple[int, ...] = (1, 2)) -> RunRows:
    run = make_run(targets=TASKS, seeds=seeds, title=name)
    made_up = tuple(a_speed(arm, ratio, a_s) for arm, ratio in RATIOS.items())
    return replace(run, comparisons=made_up, miniature=False)


def a_record(run: RunRows) -> RunRecord:
    stages = tuple(
        RecordedStage(
            fingerprint=f"{run.title}{arm}{task}",
            does="",
            phase=Phase.EVALUATION,
            arm=arm,
            target=task,
            languages=run.languages_of(task),
        )
        for arm in run.arms
        for task in run.targets
    )
    return RunRecord(
        name=run.title, recipe="", data=DataSource(source="hub"), test_rows=None, languages=None,
        arms=run.arms, targets=run.targets, seeds=(1, 2), stages=stages,
    )  # fmt: skip


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Workspace, list[RunRows]]:
    """Return a workspace of a small and a large model, which differ in speed and quality."""
    runs = [a_run("large", 0.01), a_run("small", 0.004)]
    runs[1] = replace(
        runs[1],
        rows=tuple(
            replace(each, row=replace(each.row, value=each.row.value - 0.06))
            for each in runs[1].rows
        ),
        example_scores=(),
    )
    known(monkeypatch, runs)
    return Workspace(tmp_path), runs


def known(monkeypatch: pytest.MonkeyPatch, runs: Sequence[RunRows]) -> None:
    by_name = {run.title: run for run in runs}
    records = {run.title: a_record(run) for run in runs}
    monkeypatch.setattr(systems, "run_folders", lambda _store: [Path(name) for name in by_name])
    monkeypatch.setattr(systems, "read_record", lambda folder: records[folder.name])
    monkeypatch.setattr(systems, "rows_of", lambda record, _store: by_name[record.name])


def score(run: RunRows, arm: str, task: str, language: str) -> float:
    return fmean(
        each.row.value
        for each in run.rows
        if (each.arm, each.row.task, each.row.language) == (arm, task, language)
        and each.row.split == Split.TEST
    )


def times_of(arm: str) -> float:
    return 1.0 if arm == "none" else RATIOS[arm]


def test_twenty_queries_of_a_workspace_have_the_answer_that_brute_force_has(
    two: tuple[Workspace, list[RunRows]],
) -> None:
    store, runs = two
    dice = Random(28)  # noqa: S311
    answers = []
    for _ in range(20):
        tasks = TASKS[: dice.choice((1, 2, 3))]
        floors = {
            (task, code): round(score(runs[0], "none", task, code) + dice.uniform(-0.08, 0.03), 3)
            for task, code in ((task, dice.choice(("de", "en", "zh", "hi"))) for task in tasks)
        }
        latency_ms, memory_mb = dice.choice((17, 43, 91)), dice.choice((50, 200))
        needs = Requirements(
            floors={".".join(place): 100 * floor for place, floor in floors.items()},
            max_latency_p95=f"{latency_ms}ms",
            max_memory=f"{memory_mb}MB",
        )
        found = choose(store, needs)
        shares = {row["system"]: row["share_of_resamples"] or 0 for row in found["systems"]}
        good: dict[str, tuple[float, float, float]] = {}
        for run, a_s in zip(runs, (0.01, 0.004), strict=True):
            for arm in run.arms:
                name, p50 = f"{run.title}:{arm}", a_s * len(tasks) * times_of(arm)
                margin = min(score(run, arm, *place) - floor for place, floor in floors.items())
                is_small = a_s * 1e10 + 1000 <= 1e6 * memory_mb
                if margin >= 0 and is_small and 2 * p50 <= latency_ms / 1000:
                    good[name] = (p50, shares[name], margin)
        assert {row["system"] for row in found["systems"] if row["meets"]} == set(good)
        least = min((p50 for p50, *_ in good.values()), default=inf)
        near = [name for name, (p50, *_) in good.items() if p50 <= 1.03 * least]
        answers.append(max(near, key=lambda name: good[name][1:], default=None))
        assert found["chosen"] == answers[-1]
        assert found["says"]
    assert len(set(answers)) > 3
    assert None in answers


def test_the_answer_tells_margin_risk_and_what_is_surer(
    two: tuple[Workspace, list[RunRows]],
) -> None:
    store, runs = two
    level = 100 * score(runs[0], "all", "xnli", "sw")
    found = choose(store, Requirements(floors={"xnli.sw": level - 1}))
    text = " ".join(found["says"])
    row = next(each for each in found["systems"] if each["system"] == found["chosen"])
    assert found["systems"][0] is row
    assert row["margin_points"] > 0
    assert 0.5 < row["share_of_resamples"] < 0.95
    assert f"in {100 * row['share_of_resamples']:.1f} % of resamples" in text
    assert "times as many test rows of xnli sw" in text
    table = choice_table(found)
    assert len(table.rows) == 8
    assert table.rows[0][1].text == "meets all"


def test_a_checkpoint_counts_by_itself_in_the_share(two: tuple[Workspace, list[RunRows]]) -> None:
    """So that seeds which differ make a mean that is above the floor less sure."""
    store, runs = two
    means = [score(runs[0], "none", "xnli", "en")] * 2
    found = choose(store, Requirements(floors={"xnli.en": 100 * means[0] - 0.01}))
    row = next(each for each in found["systems"] if each["system"] == "large:none")
    assert 0.2 < row["share_of_resamples"] < 0.8
    assert row["margin_points"] == pytest.approx(0.01)


def test_without_examples_the_risk_is_not_known(two: tuple[Workspace, list[RunRows]]) -> None:
    found = choose(two[0], Requirements(floors={"xnli.sw": 1}))
    assert found["chosen"] == "small:squad_v1"
    assert any("risk is not known" in line for line in found["says"])
    assert found["systems"][0]["share_of_resamples"] is None


def test_impossible_floors_are_explained(two: tuple[Workspace, list[RunRows]]) -> None:
    found = choose(
        two[0], Requirements(floors={"xnli.sw": 99.9}, max_latency_p95="1us", max_memory="1KB")
    )
    text = " ".join(found["says"])
    best = max(100 * score(two[1][0], arm, "xnli", "sw") for arm in two[1][0].arms)
    assert found["chosen"] is None
    assert "No system reaches 99.9 in xnli sw: the best is large:" in text
    assert f"with {best:.1f}." in text
    assert "No system keeps p95 latency within 0.00100 ms" in text
    assert "No system keeps memory within 0.00100 MB: the least has small:" in text
    assert "Nearest is " in text


def test_what_is_met_apart_and_not_together_names_what_comes_nearest(
    two: tuple[Workspace, list[RunRows]],
) -> None:
    best = max(score(two[1][0], arm, "xnli", "sw") for arm in two[1][0].arms)
    found = choose(two[0], Requirements(floors={"xnli.sw": 100 * best - 0.01}, max_memory="41MB"))
    text = " ".join(found["says"])
    assert found["chosen"] is None
    assert "Each demand is met by some system, all at once by none." in text


def test_p95_lies_between_the_percentiles_that_were_measured(
    two: tuple[Workspace, list[RunRows]],
) -> None:
    def verdict(latency: str) -> str:
        found = choose(two[0], Requirements(floors={"xnli.sw": 1}, max_latency_p95=latency))
        rows = choice_table(found).rows
        return next(row[1].text for row in rows if row[0].text == "large:none")

    assert verdict("20ms") == "meets all"
    assert verdict("19ms") == "not measured: p95 latency"
    assert verdict("13ms") == "misses p95 latency"


def test_a_void_clock_counts_as_none(
    two: tuple[Workspace, list[RunRows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    void = tuple(a_speed(arm, ratio, 0.01, VOID) for arm, ratio in RATIOS.items())
    known(monkeypatch, [replace(two[1][0], comparisons=void)])
    found = choose(two[0], Requirements(floors={"xnli.sw": 1}))
    assert "which is cheapest is open" in found["says"][0]
    limited = choose(two[0], Requirements(floors={"xnli.sw": 1}, max_latency_p95="1s"))
    assert limited["chosen"] is None
    assert any("p95 latency: it must be timed" in each for each in limited["says"])
    assert sum("not measured: p95 latency, its latency" in each for each in limited["says"]) == 4


def test_systems_that_compare_timed_are_priced_by_their_ratios(
    two: tuple[Workspace, list[RunRows]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, runs = two
    known(monkeypatch, [runs[0], replace(runs[1], comparisons=())])
    asked = Requirements(floors={"xnli.sw": 1})
    assert any(
        f"stiltwalk compare large:squad_v1 small:none -w {store.place} --on xnli" in line
        for line in choose(store, asked)["says"]
    )
    folder = store.root / COMPARISONS / "large-none_vs_small-mnli"
    folder.mkdir(parents=True)
    made = a_speed("small:mnli", 0.5, 0.02)  # another session, in which all took twice as long
    write_speed(replace(made, a="large:none"), folder / FILE)
    (folder.with_name("damaged")).mkdir()
    (folder.with_name("damaged") / FILE).write_text("{}", encoding="utf-8")
    found = choose(store, asked)
    assert found["chosen"] == "small:mnli"
    row = next(each for each in found["systems"] if each["system"] == "small:mnli")
    assert row["p50_s"] == pytest.approx(0.005)
    assert any("comparisons/damaged is left out." in line for line in found["says"])


def test_a_system_that_is_timed_on_some_tasks_alone_has_no_price_on_all() -> None:
    speed = a_speed("mnli", 0.5, 0.01)
    speed = replace(speed, cells=tuple(e for e in speed.cells if e.task != "xquad"))
    assert costs_of([speed], ["xnli"])["mnli"]["p50"] == pytest.approx((0.005, 0.005))
    costs = costs_of([speed], ["xnli", "xquad"])["mnli"]
    assert "p50" not in costs
    assert costs["p95"] == (pytest.approx(0.007), inf)


def test_a_run_of_another_version_is_left_out_with_the_reason(
    short: Walked, tmp_path: Path
) -> None:
    walked = short.copied(tmp_path)
    folder = next((walked.workspace / "stages").glob("*/dev.json")).parent
    (folder / "dev.json").write_text('{"looks": []}', encoding="utf-8")
    marker = unsealed((folder / "complete.json").read_bytes())
    marker["files"]["dev.json"]["sha256"] = checksum(folder / "dev.json")
    (folder / "complete.json").write_text(sealed_json(marker), encoding="utf-8")
    said = f"{folder.name}/dev.json was written by another version"
    for ask in (
        lambda: stiltwalk.choose(walked.workspace, {"udpos": 1}),
        lambda: stiltwalk.report(walked.workspace),
        lambda: stiltwalk.load(walked.workspace).choose({"udpos": 1}),
    ):
        with pytest.raises(WorkspaceError, match=said):
            ask()


def test_a_real_workspace_is_chosen_from_and_its_languages_count(
    walked: Walked, capsys: pytest.CaptureFixture[str]
) -> None:
    study = stiltwalk.load(walked.workspace)
    found = study.choose({"xnli": 0}, languages=["de", "zh", "sw"])
    assert found == stiltwalk.choose(walked.workspace, {"xnli": 0}, languages=["de", "zh", "sw"])
    assert found["chosen"] in ("small:none", "small:mixed")
    assert "xnli was not tested in sw: nothing is known there." in found["says"]
    assert any("one seed" in line for line in found["says"])
    words = ["choose", str(walked.workspace), "--min", "xnli=0", "--languages", "de,zh,sw"]
    app([*words, "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == found
    app(words, standalone_mode=False)
    shown = capsys.readouterr()
    assert "Systems against what is asked" in shown.out
    assert found["says"][0] in shown.err
