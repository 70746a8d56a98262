"""Tests for stiltwalk.reports.write: what a report knows of stages that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.execution.progress import keep_status
from stiltwalk.records import Phase
from stiltwalk.reports.data import rows_of
from stiltwalk.store.manifest import RecordedStage, RunRecord
from stiltwalk.store.workspace import Workspace


def record(*stages: RecordedStage) -> RunRecord:
    return RunRecord(
        name="mine",
        recipe="",
        data=DataSource(source=MINI),
        test_rows=None,
        languages=None,
        arms=("none", "mnli"),
        targets=("xnli",),
        seeds=(1,),
        stages=stages,
    )


def recorded(fingerprint: str, phase: Phase, does: str = "…", **more: Any) -> RecordedStage:  # noqa: ANN401 - any field
    return RecordedStage(fingerprint=fingerprint, phase=phase, does=does, **more)


def test_what_rests_on_a_failed_stage_is_missing_for_its_reason(tmp_path: Path) -> None:
    store = Workspace(tmp_path)
    made = record(
        recorded("a", Phase.INTERMEDIATE, does="train on mnli"),
        recorded("b", Phase.TARGET, does="fine-tune on xnli after mnli", parents=("a",)),
        recorded("c", Phase.EVALUATION, arm="mnli", target="xnli", parents=("b",)),
        recorded("d", Phase.EVALUATION, arm="none", target="xnli"),
    )
    assert not rows_of(made, store).gaps
    failed = [{"fingerprint": "a", "does": "train on mnli", "fault": "OSError: no disk"}]
    keep_status(store, {"run": "r", "stages": {"failed": 1}, "running": [], "failed": failed})
    run = rows_of(made, store)
    assert run.why_missing("mnli", "xnli", run.languages_of("xnli")) == (
        "xnli, “mnli”: every language missing. Stage a failed (train on mnli): OSError: no disk"
    )
    assert "has not reached it" in run.why_missing("none", "xnli", run.languages_of("xnli"))
