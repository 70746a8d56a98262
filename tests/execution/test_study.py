"""Tests for stiltwalk.execution: the runner, and what each step leaves behind."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from stiltwalk.errors import TrainingDiverged, WorkspaceError
from stiltwalk.execution.progress import Narrator
from stiltwalk.stages.reference import Rules
from walking import Walked


def test_every_stage_is_told_with_its_place_in_the_plan(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    (own.workspace / "stages" / own.named("Rules")[0] / "complete.json").unlink()
    lines = own.again().splitlines()
    total = len(walked.stages())
    told = [line for line in lines if " kept " in line or " running " in line]
    assert sorted(int(line[1:].split("/")[0]) for line in told) == list(range(1, total + 1))
    assert all(line.split("]")[0].endswith(f"/{total}") for line in told)
    assert sum(" done " in line for line in lines) == 1


def test_an_error_carries_its_stage_and_the_way_on(
    walked: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = walked.copied(tmp_path)
    stage = own.named("Rules")[0]
    (own.workspace / "stages" / stage / "complete.json").unlink()

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Rules, "run", broken)
    with pytest.raises(RuntimeError, match="broken") as caught:
        own.again()
    assert "run the same command again to go on" in caught.value.__notes__[0]
    assert stage not in own.stages()


def test_weights_that_were_changed_at_equal_size_are_not_used(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    stage = own.workspace / "stages" / own.named("intermediate phase")[0]
    weights = stage / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(WorkspaceError) as caught:
        own.again("target.udpos.num_epochs=2")  # so that somebody reads those weights
    assert str(weights) in str(caught.value)


def test_a_training_leaves_a_log_and_its_evaluations_on_dev(walked: Walked) -> None:
    for stage in walked.named("target phase"):
        folder = walked.workspace / "stages" / stage
        lines = (folder / "training.jsonl").read_text(encoding="utf-8").splitlines()
        log = [json.loads(line) for line in lines]
        settings = walked.stages()[stage]["stage"]["settings"]
        assert [entry["step"] for entry in log] == list(range(1, len(log) + 1))
        assert len(log) >= settings["max_rows"] // settings["effective_batch_size"]
        dev = json.loads((folder / "dev.json").read_text(encoding="utf-8"))
        assert dev["num_tokens"] == sum(entry["num_tokens"] for entry in log)
        assert dev["best_step"] in {evaluation["step"] for evaluation in dev["evaluations"]}


def test_the_evaluations_of_a_mixture_keep_each_task_s_score(walked: Walked) -> None:
    (stage,) = walked.named("intermediate phase")
    dev = json.loads((walked.workspace / "stages" / stage / "dev.json").read_text(encoding="utf-8"))
    assert dev["evaluations"]
    for evaluation in dev["evaluations"]:
        assert evaluation["by_task"].keys() == {"mnli", "squad_v1"}
        assert evaluation["score"] == pytest.approx(sum(evaluation["by_task"].values()) / 2)
    best = next(
        evaluation for evaluation in dev["evaluations"] if evaluation["step"] == dev["best_step"]
    )
    told = {row["task"]: row["value"] for row in walked.rows() if row["stage"] == stage}
    assert told == best["by_task"]


def test_a_diverging_loss_names_its_rows_and_the_last_good_checkpoint(
    walked: Walked, tmp_path: Path
) -> None:
    """The first step learns nothing, so that its evaluation keeps weights; the next blow up."""
    own = walked.copied(tmp_path)
    changes = ("learning_rate=1e30", "num_epochs=9", "warmup_steps=3", "eval_every_steps=1")
    with pytest.raises(TrainingDiverged) as caught:
        own.again(*(f"target.udpos.{change}" for change in changes))
    told = re.search(r"(?:became .* at|after) step (\d+)", str(caught.value))
    assert told, caught.value
    assert int(told[1]) > 1
    good = re.search(r"The last good checkpoint, .*, is (\S+);", " ".join(caught.value.__notes__))
    assert good
    weights = load_file(Path(good[1]) / "model.safetensors")
    assert all(bool(torch.isfinite(each).all()) for each in weights.values())


def test_an_intermediate_phase_keeps_the_encoder_and_drops_the_heads(
    walked: Walked, tiny_xlmr: Path
) -> None:
    folder = walked.workspace / "stages" / walked.named("intermediate phase")[0] / "model"
    kept, base = load_file(folder / "model.safetensors"), load_file(tiny_xlmr / "model.safetensors")
    assert kept.keys() == base.keys()
    moved = {name for name in base if not torch.equal(kept[name], base[name])}
    assert any("layer.1" in name for name in moved)
    assert not any("pooler" in name for name in moved)  # neither head has one in XLM-R


def test_plain_lines_tell_of_a_long_stage_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said, now = io.StringIO(), 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with Narrator(Console(file=said)) as narrator:
        narrator.stage("[1/1] 0 running  a long stage")
        for done in range(1, 301):
            now = float(done)
            narrator.progress(done, 300)
        narrator.end("[1/1] 0 done")
    lines = said.getvalue().splitlines()
    assert 3 <= len(lines) - 2 <= 6
    assert "of 300, 1 a second, about" in lines[1]


def test_a_terminal_gets_a_bar_that_goes_when_the_stage_ends() -> None:
    said = io.StringIO()
    with Narrator(Console(file=said, force_terminal=True, width=100)) as narrator:
        narrator.stage("[1/1] 0 running  a long stage")
        for done in range(101):
            narrator.progress(done, 100)
        narrator.end("[1/1] 0 done")
    assert "working" in said.getvalue()
    assert said.getvalue().index("0/100") < said.getvalue().index("[1/1] 0 done")
