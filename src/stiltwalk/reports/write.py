"""Gather the rows of finished stages; write the report of a run, or of two models."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import vl_convert

from stiltwalk.data.source import MINI
from stiltwalk.errors import WorkspaceError
from stiltwalk.execution.progress import last_faults
from stiltwalk.execution.provenance import made_with, said_of_mixture
from stiltwalk.records import ExampleScoreRow, Split
from stiltwalk.reports.charts.style import Chart
from stiltwalk.reports.claims import claims_json
from stiltwalk.reports.data import (
    ArmExampleScores,
    ArmScore,
    ArmTiming,
    Gap,
    RunRows,
    StageLine,
    training_curves,
    with_visible_names,
)
from stiltwalk.reports.findings import findings
from stiltwalk.reports.pair_page import pair_report
from stiltwalk.reports.render import html, latex, markdown
from stiltwalk.reports.sections import run_report
from stiltwalk.store.manifest import (
    RecordedStage,
    RunRecord,
    read_record,
    read_records,
    run_folder,
    run_folders,
)
from stiltwalk.store.remote import workspace_at
from stiltwalk.store.workspace import Workspace
from stiltwalk.tables import csv
from stiltwalk.tasks import declare
from stiltwalk.timing.record import FILE, Speed, read_speed

FIGURES = "figures"


def write_report(run: RunRows, folder: Path) -> Path:
    """Write the report of a run and return the path of its page.

    Writes report.html, report.md, report.tex, claims.json, scores.csv, timings.csv, and figures/
    with every figure as SVG and PNG. The same rows give the same bytes, but for the ids inside
    the figure files.

    Args:
        run: the rows.
        folder: where to write; made if it is not there, files of an earlier report replaced.
    """
    found = findings(with_visible_names(run))
    document = run_report(found)
    texts = {
        "report.html": html(document),
        "report.md": markdown(document),
        "report.tex": latex(document),
        "claims.json": claims_json(found.claims),
        "scores.csv": scores_csv(run),
        "timings.csv": timings_csv(run),
    }
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    _write_figures(document.charts, folder / FIGURES)
    return folder / "report.html"


def write_comparison(speed: Speed, folder: Path) -> Path:
    """Write the page of two models that were compared, speed.html, and return its path."""
    file = folder / "speed.html"
    file.write_text(html(pair_report(speed)), encoding="utf-8", newline="\n")
    return file


SCORE_COLUMNS = (
    "kind arm intermediate task language split metric value seed num_examples stage".split()
)
TIMING_COLUMNS = "arm task language num_examples real_tokens padded_tokens time_s stage".split()


def scores_csv(run: RunRows) -> str:
    """Return every score row, arms first, then baselines."""
    rows = (
        {**vars(each), **vars(each.row), "kind": kind}
        | {"intermediate": " ".join(each.row.intermediate)}
        for kind, found in (("arm", run.rows), ("baseline", run.baselines))
        for each in found
    )
    return csv.render(SCORE_COLUMNS, (map(row.__getitem__, SCORE_COLUMNS) for row in rows))


def timings_csv(run: RunRows) -> str:
    """Return every timing row."""
    rows = ({**vars(each.row), "arm": each.arm} for each in run.timings)
    return csv.render(TIMING_COLUMNS, (map(row.__getitem__, TIMING_COLUMNS) for row in rows))


def _write_figures(figures: Sequence[Chart], folder: Path) -> None:
    """Write the figures as they look before anyone chooses another arm or target."""
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(figure.alone())
        (folder / f"{figure.name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{figure.name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=2))


def report_runs(place: str | Path, name: str | None = None) -> list[Path]:
    """Write the report of one run of a workspace, or of each, and return where the pages are.

    Args:
        place: the workspace's folder or URL.
        name: the run's; None for every run.

    Raises:
        WorkspaceError: if the folder holds no run, or a stage's files are not what it wrote.
    """
    workspace, pages, damaged = workspace_at(place), [], []
    for folder in run_folders(workspace) if name is None else [run_folder(workspace, name)]:
        try:
            record = read_record(folder)
        except WorkspaceError as error:
            damaged.append(str(error))
            continue
        pages.append(write_report(rows_of(record, workspace), folder))
        workspace.publish(folder)
    if damaged:
        written = f" The reports of {len(pages)} other runs were written." if pages else ""
        raise WorkspaceError(" ".join(damaged) + written)
    return pages


def score_rows(place: str | Path) -> list[dict[str, Any]]:
    """Return every score row of a workspace's runs as a dict, with its run and arm."""
    workspace = workspace_at(place)
    return [
        {"run": record.name, "arm": each.arm, **asdict(each.row)}
        for record in read_records(workspace)
        for rows in [rows_of(record, workspace)]
        for each in (*rows.rows, *rows.baselines)
    ]


def _limits(record: RunRecord) -> str:
    """Return what the recipe left out of the evaluation, in words."""
    limits = []
    if record.languages is not None:
        limits.append(f"only the languages {' '.join(record.languages)}")
    if record.test_rows:
        limits.append(f"at most {record.test_rows:,} test rows per task and language")
    said = "; ".join(limits)
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def rows_of(record: RunRecord, workspace: Workspace) -> RunRows:
    """Gather the rows of a run's finished stages for its report."""
    declare(own.task() for own in record.tasks)
    there = workspace.marked([stage.fingerprint for stage in record.stages])
    done = [stage for stage in record.stages if stage.fingerprint in there]
    markers = {stage.fingerprint: workspace.marker(stage.fingerprint) for stage in done}
    arms = arms_of(record)
    evaluated = [stage for stage in done if stage.arm]
    return RunRows(
        title=record.name,
        recipe=record.recipe,
        miniature=record.data.source == MINI,
        limited=_limits(record),
        arms=record.arms,
        targets=record.targets,
        rows=tuple(row for stage in evaluated for row in _scores(stage, workspace)),
        timings=tuple(row for stage in evaluated for row in _timings(stage, workspace)),
        baselines=tuple(
            ArmScore(arm=row.control, row=row)
            for stage in done
            for row in workspace.scores(stage.fingerprint)
            if row.control
        ),
        stages=tuple(
            _line(stage, markers.get(stage.fingerprint), arms[stage.fingerprint], workspace)
            for stage in {each.fingerprint: each for each in record.stages}.values()
        ),
        provenance=_provenance(list(markers.values())),
        gaps=tuple(_gaps(record, there, workspace)),
        languages=record.languages,
        model=record.model,
        walked=record.walked,
        dev=record.dev,
        remarks=tuple(said_of_mixture(map(made_with, markers.values()))),
        claims=record.claims,
        max_train_rows=record.max_train_rows,
        shares=tuple(row for stage in evaluated for row in _shares(stage, workspace)),
        training_curves=tuple(
            curve
            for stage in done
            for curve in training_curves(stage, arms[stage.fingerprint], workspace)
        ),
        comparisons=tuple(
            read_speed(text) for stage in done if (text := workspace.text(stage.fingerprint, FILE))
        ),
    )


def arms_of(record: RunRecord) -> dict[str, tuple[str, ...]]:
    """Return fingerprint to every arm whose evaluations rest on the stage, itself included."""
    stages = {stage.fingerprint: stage for stage in record.stages}
    found: dict[str, dict[str, None]] = {name: {} for name in stages}
    for stage in record.stages:
        reached = [stage.fingerprint] if stage.arm else []
        while reached:
            name = reached.pop()
            found[name][stage.arm] = None
            reached += stages[name].parents
    return {name: tuple(arms) for name, arms in found.items()}


def _gaps(record: RunRecord, there: set[str], workspace: Workspace) -> Iterator[Gap]:
    """Yield what the data lacks, and what failed, or rests on what failed, in the last run."""
    for gap in record.gaps:
        yield Gap(task=gap.target, language=gap.language, reason=gap.reason)
    stages = {stage.fingerprint: stage for stage in record.stages}
    faults = last_faults(workspace)
    for stage in record.stages:
        if not stage.arm or stage.fingerprint in there:
            continue
        reached = [stage.fingerprint]
        while reached:
            name = reached.pop()
            if name in faults and name not in there:
                reason = f"Stage {name} failed ({stages[name].does}): {faults[name]}"
                yield Gap(task=stage.target, arm=stage.arm, reason=reason)
            reached += stages[name].parents


def _scores(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmScore]:
    """Yield a target's test rows, and its model's English dev score under the target's name."""
    for row in workspace.scores(stage.fingerprint):
        yield ArmScore(arm=stage.arm, row=row)
    if stage.trained:
        for row in workspace.scores(stage.trained):
            if row.split == Split.DEV:
                yield ArmScore(arm=stage.arm, row=replace(row, task=stage.target))


def _packed(row: ExampleScoreRow) -> ExampleScoreRow:
    """Return a row whose millions of numbers, in a large study, take an eighth of the memory."""
    return replace(row, won=array("f", row.won), of=array("f", row.of))


def _timings(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmTiming]:
    for row in workspace.timings(stage.fingerprint):
        yield ArmTiming(arm=stage.arm, row=row)


def _shares(stage: RecordedStage, workspace: Workspace) -> Iterator[ArmExampleScores]:
    for row in workspace.shares(stage.fingerprint):
        yield ArmExampleScores(arm=stage.arm, row=_packed(row))


def _line(
    stage: RecordedStage,
    marker: dict[str, Any] | None,
    arms: tuple[str, ...],
    workspace: Workspace,
) -> StageLine:
    tokens = sum(row.real_tokens for row in workspace.timings(stage.fingerprint))
    evaluations = workspace.text(stage.fingerprint, "dev.json")
    if evaluations:
        tokens = int(json.loads(evaluations)["num_tokens"])
    return StageLine(
        fingerprint=stage.fingerprint,
        what=stage.does,
        time_s=float(marker["time_s"]) if marker else None,
        num_tokens=tokens,
        phase=stage.phase,
        about=stage.about,
        parents=stage.parents,
        arms=arms,
    )


def _provenance(markers: list[dict[str, Any]]) -> dict[str, str]:
    """Return what the stages were made of and with; several values where stages differ."""
    merged: dict[str, dict[str, None]] = {}
    tasks: dict[str, dict[str, None]] = {}
    for marker in markers:
        made = marker["stage"]
        if "revision" in made:
            merged.setdefault("base encoder", {})[str(made["revision"])] = None
        rows = made.get("rows") or []
        for each in rows if isinstance(rows, list) else [rows]:
            tasks.setdefault(each["revision"], {})[each["task"]] = None
        for key, value in marker["provenance"].items():
            merged.setdefault(key, {})[str(value)] = None
    merged["data"] = {f"{revision} ({', '.join(of)})": None for revision, of in tasks.items()}
    if markers:
        times = [float(marker["began_unix_s"]) for marker in markers]
        merged["first stage began"] = {_utc(min(times)): None}
        merged["last stage began"] = {_utc(max(times)): None}
    return {key: ", ".join(values) for key, values in merged.items() if values}


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
