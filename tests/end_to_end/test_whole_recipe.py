"""A whole recipe on the embedded benchmark with a tiny encoder: all rooms, start to report."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import transformers
from rich.console import Console

import stiltwalk
from stiltwalk.inference.engine import Engine
from stiltwalk.metrics.score import checkpoint_score
from stiltwalk.stages import STAGES
from stiltwalk.store.workspace import Workspace
from walking import LANGUAGES, Walked, carry_out, class_or_phase

NUM_STAGES = 29
CHECKPOINTS = {"intermediate phase": 1, "target phase": 6}


def test_every_stage_of_the_plan_is_complete(walked: Walked) -> None:
    found = Counter(class_or_phase(each["stage"]) for each in walked.stages().values())
    assert found == {"Base": 1, **CHECKPOINTS, "Predict": 15, "Rules": 5, "Measure": 1}
    assert found.total() == NUM_STAGES


def test_every_arm_has_a_figure_for_every_task_and_language(walked: Walked) -> None:
    rows = [row for row in walked.rows() if row["split"] == "test" and not row["control"]]
    for arm in ([], ["mnli", "squad_v1"]):
        found: dict[str, set[str]] = {}
        for row in rows:
            if row["intermediate"] == arm:
                found.setdefault(row["task"], set()).add(row["language"])
        assert found == {task: set(languages) for task, languages in LANGUAGES.items()}


def test_figures_are_fractions_of_the_rows_that_were_asked(walked: Walked) -> None:
    for row in walked.rows():
        assert 0 <= row["value"] <= 1
        if row["split"] == "test" and row["task"] != "bucc2018":
            assert row["num_examples"] == 8


def test_controls_are_marked_as_such(walked: Walked) -> None:
    found = {row["control"] for row in walked.rows()}
    assert found == {"", "majority", "overlap rule", "permuted embeddings"}


def test_what_the_examples_won_adds_up_to_the_figures(walked: Walked) -> None:
    store, checked = Workspace(walked.workspace), 0
    for stage in walked.named("Predict"):
        for row in store.shares(stage):
            figures = [each for each in store.scores(stage) if each.language == row.language]
            figure = checkpoint_score({each.metric: each.value for each in figures})
            assert sum(row.won) / max(sum(row.of), 1) == pytest.approx(figure, abs=1e-5)
            checked += 1
    assert checked == 2 * sum(map(len, LANGUAGES.values()))


def test_dev_scores_are_of_english_alone(walked: Walked) -> None:
    dev = [row for row in walked.rows() if row["split"] == "dev"]
    assert {row["language"] for row in dev} == {"en"}
    assert {row["task"] for row in dev} == {"mnli", "squad_v1", "udpos"}


def test_predictions_lie_where_xtreme_looks_for_them(walked: Walked) -> None:
    found = {
        (file.parent.name, file.name)
        for stage in walked.named("Predict")
        for file in (walked.workspace / "stages" / stage).glob("*/test-*")
    }
    ends = {"xquad": "json"}
    assert found == {
        (task, f"test-{language}.{ends.get(task, 'tsv')}")
        for task, languages in LANGUAGES.items()
        for language in languages
    }


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_every_kept_checkpoint_loads_with_stock_from_pretrained(walked: Walked, kind: str) -> None:
    stages = walked.stages()
    classes = {
        "mnli": transformers.AutoModelForSequenceClassification,
        "udpos": transformers.AutoModelForTokenClassification,
        "squad_v1": transformers.AutoModelForQuestionAnswering,
    }
    kept = walked.named(kind)
    assert len(kept) == CHECKPOINTS[kind]
    for stage in kept:
        rows = stages[stage]["stage"]["rows"]
        loads = transformers.AutoModel if kind == "intermediate phase" else classes[rows[0]["task"]]
        folder = walked.workspace / "stages" / stage / "model"
        _, report = loads.from_pretrained(folder, output_loading_info=True)
        assert not any(report.values()), report


def test_markers_tell_versions_machine_and_lineage(walked: Walked) -> None:
    for fingerprint, each in walked.stages().items():
        assert {"stiltwalk", "torch", "transformers", "processor"} <= set(each["provenance"])
        assert re.fullmatch("[0-9a-f]{16}", fingerprint)
        assert each["time_s"] > 0


def test_report_files_are_there_and_name_the_miniature(walked: Walked) -> None:
    folder = walked.report.parent
    assert {"report.html", "report.md", "run.json"} <= {file.name for file in folder.iterdir()}
    assert list(folder.glob("*.csv"))
    page = walked.report.read_text(encoding="utf-8")
    assert "not a research result" in page.lower()
    assert "not a research result" in (folder / "report.md").read_text(encoding="utf-8").lower()


def test_rows_can_be_loaded_with_their_arm(walked: Walked) -> None:
    rows = stiltwalk.load(walked.workspace).rows
    assert {row["arm"] for row in rows if not row["control"]} >= {"none", "mixed"}


# --- again -------------------------------------------------------------------------------------


def _states(workspace: Path) -> dict[str, tuple[int, int]]:
    return {
        str(file): (file.stat().st_mtime_ns, file.stat().st_size)
        for file in workspace.rglob("*")
        if file.is_file() and file.name != "lock"
    }


def test_a_second_run_does_nothing(walked: Walked) -> None:
    before = _states(walked.workspace)
    said = io.StringIO()
    study = stiltwalk.run(walked.recipe, walked.workspace, console=Console(file=said))
    assert study.report == walked.report
    assert "Nothing to do" in said.getvalue()
    assert _states(walked.workspace) == before


def test_a_second_run_imports_no_torch(walked: Walked) -> None:
    program = (
        "import sys, stiltwalk\n"
        f"stiltwalk.run({str(walked.recipe)!r}, {str(walked.workspace)!r})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0  # noqa: S603


def test_a_missing_report_is_written_again(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    own.report.unlink()
    stiltwalk.run(own.recipe, own.workspace, console=Console(file=io.StringIO()))
    assert own.report.read_bytes() == walked.report.read_bytes()


def test_a_report_that_is_older_than_its_run_s_record_is_written_again(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    own.report.write_text("of an earlier recipe", encoding="utf-8")
    os.utime(own.report, ns=(0, 0))
    stiltwalk.run(own.recipe, own.workspace, console=Console(file=io.StringIO()))
    assert own.report.read_bytes() == walked.report.read_bytes()


# --- stopped and resumed -----------------------------------------------------------------------


def test_a_run_stopped_inside_many_stages_ends_as_an_undisturbed_one(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each round stops inside the next stage that does not end in a multiple of five."""
    own = Walked(
        recipe=walked.recipe, workspace=tmp_path / "workspace", report=tmp_path / "no report"
    )
    done = 0

    def stopping(whole: Callable[..., None]) -> Callable[..., None]:
        def run(*args: object) -> None:
            nonlocal done
            whole(*args)
            done += 1
            if done % 5 == 0:
                raise KeyboardInterrupt

        return run

    for each in STAGES.values():
        monkeypatch.setattr(each, "run", stopping(each.run))
    rounds = 0
    while len(own.stages()) < NUM_STAGES:
        rounds += 1
        try:
            own.again()
        except KeyboardInterrupt as error:
            assert "run the same command again" in error.__notes__[0]  # noqa: PT017
    assert rounds >= 6
    assert own.results() == walked.results()


def test_removed_markers_are_made_good_and_the_rest_is_kept(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    lost = [
        own.named("intermediate phase")[0],
        own.named("target phase")[-1],
        *own.named("Predict")[:2],
    ]
    for stage in lost:
        (own.workspace / "stages" / stage / "complete.json").unlink()
    said = own.again()
    assert said.count(" running ") == len(lost)
    assert said.count(" kept ") == NUM_STAGES - len(lost)
    assert own.results() == walked.results()


def test_a_half_written_checkpoint_is_made_anew(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    stage = own.workspace / "stages" / own.named("intermediate phase")[0]
    (stage / "complete.json").unlink()
    weights = stage / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (stage / "left over").touch()
    own.again()
    assert own.results() == walked.results()


# --- what must not matter ----------------------------------------------------------------------


def _forget_predictions(own: Walked) -> None:
    for stage in own.named("Predict"):
        (own.workspace / "stages" / stage / "complete.json").unlink()


@pytest.mark.parametrize("batch_tokens", [1, 300, 100_000])
def test_the_size_of_inference_batches_changes_no_row(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_tokens: int
) -> None:
    own = walked.copied(tmp_path)
    _forget_predictions(own)
    monkeypatch.setitem(Engine.__init__.__kwdefaults__, "batch_tokens", batch_tokens)
    own.again()
    assert own.rows() == walked.rows()
    assert own.results() == walked.results()


def test_the_order_of_languages_changes_nothing(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    own.again("languages=['zh', 'en', 'de']")
    assert own.stages().keys() == walked.stages().keys()


def test_the_order_of_tasks_arms_and_targets_changes_nothing(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    own.again(
        "arms={mixed = ['squad_v1', 'mnli'], none = []}",
        "targets=['bucc2018', 'tatoeba', 'xquad', 'udpos', 'xnli']",
    )
    assert own.stages().keys() == walked.stages().keys()


def test_a_language_s_figures_are_the_same_whoever_else_is_asked(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    before = own.stages().keys()
    own.again("languages=['zh']")
    new = own.stages().keys() - before
    rows = [row for row in own.rows() if row["stage"] in new and not _is_shuffled(row)]
    assert {row["language"] for row in rows} == {"zh"}
    known = {_what(row): row["value"] for row in walked.rows()}
    assert {_what(row): row["value"] for row in rows} == {
        what: value for what, value in known.items() if what in {_what(row) for row in rows}
    }
    assert len({_what(row) for row in rows}) >= len(LANGUAGES)


def _is_shuffled(row: dict[str, object]) -> bool:
    return row["control"] == "permuted embeddings"  # which ids are English depends on who is asked


def _what(row: dict[str, object]) -> tuple[object, ...]:
    names = ("task", "language", "metric", "split", "control", "intermediate")
    return tuple(str(row[name]) for name in names)


def test_another_place_for_model_and_workspace_shares_every_stage(
    walked: Walked, tiny_xlmr: Path, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    moved = tmp_path / "elsewhere" / tiny_xlmr.name
    moved.parent.mkdir()
    moved.symlink_to(tiny_xlmr)
    own.again(f"model.name='{moved}'")
    assert own.stages().keys() == walked.stages().keys()


def test_a_changed_value_runs_what_depends_on_it_and_keeps_the_rest(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    said = own.again("target.udpos.learning_rate=5e-4")
    assert said.count(" running ") == 2 + 2 + 1 + 1  # two arms; the shuffled control; structures
    assert all(re.search("udpos", line) for line in said.splitlines() if " running " in line)


def test_a_seed_more_adds_its_own_stages(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    before = own.rows()
    carry_out(own.recipe, own.workspace, ["seeds=[1, 2]", "targets=['xnli']"])
    added = [row for row in own.rows() if row not in before]
    assert {row["seed"] for row in added} == {2}
