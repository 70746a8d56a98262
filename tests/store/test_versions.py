"""Tests for stiltwalk.store.machine, and for runs whose stages several versions made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stiltwalk.execution.plan_view import plan_view
from stiltwalk.execution.progress import read_status
from stiltwalk.execution.provenance import made_with, said_of_mixture
from stiltwalk.reports.data import rows_of
from stiltwalk.reports.wording import notices
from stiltwalk.stages import predict_run
from stiltwalk.store.machine import versions
from stiltwalk.store.manifest import read_record, run_folders
from stiltwalk.store.workspace import Workspace
from walking import SHORT, Walked, carry_out

TORCH = versions()["torch"]
ADVICE = "`stiltwalk run --fresh-versions` makes them again, and what rests on them."


def made_by_torch_1(walked: Walked, *names: str) -> list[str]:
    """Let the markers of some classes of stages tell of another torch; return fingerprints."""
    changed = [key for name in names for key in walked.named(name)]
    for key in changed:
        file = walked.workspace / "stages" / key / "complete.json"
        marker = json.loads(file.read_text(encoding="utf-8"))
        marker["provenance"]["torch"] = "1.0"
        del marker["checksum"]  # of what the stage wrote
        file.write_text(json.dumps(marker), encoding="utf-8")
    return changed


def fresh(walked: Walked) -> str:
    return carry_out(walked.recipe, walked.workspace, SHORT, fresh_versions=True)


def test_training_and_prediction_record_the_versions_that_made_them(short: Walked) -> None:
    for marker in short.stages().values():
        is_free = marker["stage"]["stage"] in ("Base", "Measure")  # which names its own versions
        expected = set() if is_free else {"torch", "transformers"}
        assert expected <= made_with(marker).keys()
        assert bool(expected) == bool(made_with(marker))


def test_the_version_of_a_backend_counts_where_it_answered() -> None:
    provenance = {"torch": "2.13", "vllm": "0.32"}
    served = {"stage": {"stage": "Predict", "backend": "vllm"}, "provenance": provenance}
    trained = {"stage": {"stage": "Train"}, "provenance": provenance}
    assert made_with(served) == provenance
    assert made_with(trained) == {"torch": "2.13"}


def test_a_workspace_of_one_version_is_flagged_nowhere(short: Walked) -> None:
    assert plan_view(short.recipe, short.workspace, SHORT)["other_versions"] == []
    assert "made with" not in short.again(*SHORT)


def test_stages_of_other_versions_are_counted_in_plan_run_and_report(
    short: Walked, tmp_path: Path
) -> None:
    own = short.copied(tmp_path)
    number = len(made_by_torch_1(own, "Base", "target phase"))
    said = [f"{number - 1} stages were made with torch 1.0; here it is {TORCH}.", ADVICE]
    assert plan_view(own.recipe, own.workspace, SHORT)["other_versions"] == said
    assert own.again(*SHORT).splitlines()[:2] == said
    store = Workspace(own.workspace)
    record = read_record(run_folders(store)[0])
    others = len(own.stages()) - number - 1  # but for the measurement
    made = "stages were made with torch"
    mixed = f"{number - 1} {made} 1.0, {others} {made} {TORCH}."
    assert mixed in notices(rows_of(record, store))


def test_the_status_of_a_run_tells_of_kept_stages_of_other_versions(
    short: Walked, tmp_path: Path
) -> None:
    own = short.copied(tmp_path)
    made_by_torch_1(own, "intermediate phase")
    (own.workspace / "stages" / own.named("Predict")[0] / "complete.json").unlink()
    own.again(*SHORT)
    notes = read_status(Workspace(own.workspace))["notes"]
    assert notes[0].startswith("1 stage was made with torch 1.0; ")


def test_fresh_versions_make_such_stages_again_and_what_rests_on_them(
    short: Walked, tmp_path: Path
) -> None:
    own = short.copied(tmp_path)
    made_by_torch_1(own, "intermediate phase")
    before = {key: marker["began_unix_s"] for key, marker in own.stages().items()}
    lines = fresh(own).splitlines()
    again = {key for key, marker in own.stages().items() if marker["began_unix_s"] != before[key]}
    lineage = {key: json.dumps(marker["stage"]) for key, marker in own.stages().items()}
    assert again == {key for key, text in lineage.items() if '"intermediate phase"' in text}
    assert 0 < len(again) < len(before)
    assert sum(" running " in line for line in lines) == len(again)
    assert own.results().keys() == short.results().keys()
    assert "made with" not in own.again(*SHORT)


def test_fresh_versions_keep_a_workspace_of_one_version(short: Walked, tmp_path: Path) -> None:
    assert " running " not in fresh(short.copied(tmp_path))


def test_features_of_another_tokenizers_version_are_not_used(
    short: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = short.copied(tmp_path)
    features = own.workspace / "features"
    before = {file.name for file in features.iterdir()}
    marker = own.workspace / "stages" / own.named("Predict")[0] / "complete.json"
    marker.unlink()
    own.again(*SHORT)
    assert {file.name for file in features.iterdir()} == before
    marker.unlink()
    monkeypatch.setattr(predict_run, "installed", lambda *_: {"tokenizers": "1.0"})
    own.again(*SHORT)
    assert len(list(features.glob("*.arrow"))) == len(before) // 2 + 1


def test_a_mixture_is_told_for_what_differs_alone() -> None:
    made = [{"torch": "2.12", "numpy": "2"}] * 12 + [{"torch": "2.13", "numpy": "2"}] * 1_040
    assert said_of_mixture(made) == [
        "12 stages were made with torch 2.12, 1,040 stages were made with torch 2.13."
    ]
