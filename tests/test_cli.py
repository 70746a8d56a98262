"""Tests for stiltwalk.cli: exit codes, and what a person is told."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from commands import command
from stiltwalk import cli
from stiltwalk.store.workspace import Workspace
from walking import SHORT, Walked

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
LISTENING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from stiltwalk.cli import main
main()
"""
"""The program, even where the tests run in the background of a shell that has SIGINT ignored."""
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
FOLDED = re.compile(r"[.?!](?= [A-Z]|$)")


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "stiltwalk.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=ENVIRONMENT | environment,
    )


def refused(words: Sequence[str], code: int) -> str:
    """Return what a command says that must fail with a code, in a sentence or two."""
    done = command(*words)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    message = done.stderr.strip()
    assert message.startswith("error: ")
    assert message.endswith((".", "?"))
    assert 1 <= len(FOLDED.findall(message)) <= 3, message
    return message


@pytest.fixture
def recipe(walked: Walked, tmp_path: Path) -> Path:
    """Return a copy of the small recipe that a test may change."""
    copy = tmp_path / "small.toml"
    copy.write_text(walked.recipe.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            "intermediate.num_epoch=1",
            "Unknown key intermediate.num_epoch. Did you mean num_epochs?",
        ),
        ("targets=['xnly']", "Unknown target 'xnly'. Did you mean xnli?"),
        ("arms.other=['mnly']", "Did you mean mnli?"),
        ("arms.other=[]", "is called 'none'"),
        ("languages=['klingon']", "'klingon'"),
        ("data.test_rows='many'", "data.test_rows is 'many'"),
        ("model.name='./no-such-folder'", "There is no model folder at"),
        ("data.source='no-such-folder'", "There is no data folder at"),
    ],
)
def test_a_recipe_that_cannot_be_ends_with_2(
    recipe: Path, tmp_path: Path, change: str, said: str
) -> None:
    workspace = tmp_path / "workspace"
    words = ["run", str(recipe), "--workspace", str(workspace), "--set", change]
    assert said in refused(words, WRONG_INPUT)
    assert not (workspace / "stages").exists()


def test_a_model_folder_that_is_not_one_ends_with_2(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    change = f"model.name='{tmp_path / 'model'}'"
    message = refused(
        ["run", str(recipe), "-w", str(tmp_path / "workspace"), "--set", change], WRONG_INPUT
    )
    assert "not a usable model folder: it has no config.json" in message


def test_a_file_that_is_no_toml_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("targets = [", encoding="utf-8")
    done = process("run", str(tmp_path / "bad.toml"))
    assert done.returncode == WRONG_INPUT
    assert "not valid TOML" in done.stderr


def test_an_executor_that_does_not_exist_ends_with_2(recipe: Path, tmp_path: Path) -> None:
    words = ["run", str(recipe), "-w", str(tmp_path / "w"), "--executor", "rey"]
    assert "--executor is 'rey'. There is: local, ray" in refused(words, WRONG_INPUT)


def test_the_status_of_a_run_that_is_over_is_told(walked: Walked) -> None:
    done = command("status", str(walked.workspace))
    assert done.returncode == 0, done.stderr
    assert f"small: {len(walked.stages())} done" in done.stdout
    assert "The run is over." in done.stdout
    found = json.loads(command("status", str(walked.workspace), "--json").stdout)
    assert found["stages"] == {"done": len(walked.stages())}


@pytest.mark.parametrize("words", [["run"], ["nonsense"], ["tasks", "--bogus"]])
def test_a_command_that_does_not_exist_ends_with_2(words: list[str]) -> None:
    done = command(*words)
    assert done.returncode == WRONG_INPUT
    assert "Traceback" not in done.stderr
    assert "Usage" in done.stderr


def test_a_workspace_in_use_ends_with_1_and_names_the_other_run(walked: Walked) -> None:
    with Workspace(walked.workspace).lock():
        message = refused(["run", str(walked.recipe), "-w", str(walked.workspace)], FAILED)
    assert f"in use by process {os.getpid()}" in message


def test_a_corrupt_kept_file_ends_with_1_and_says_what_to_delete(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    stage = own.workspace / "stages" / own.named("intermediate phase")[0]
    weights = stage / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    message = refused(["run", str(own.recipe), "-w", str(own.workspace)], FAILED)
    assert str(weights) in message
    assert f"Delete the folder {stage} and run again" in message


def test_a_workspace_that_cannot_be_written_ends_with_1(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = refused(["run", str(recipe), "-w", str(tmp_path / "file")], FAILED)
    assert "Give another --workspace" in message


def test_an_interrupt_ends_with_130_and_a_second_run_goes_on(short: Walked, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    words = [sys.executable, "-u", "-c", LISTENING, "run", str(short.recipe), "-w", str(workspace)]
    words += [word for change in SHORT for word in ("--set", change)]
    with subprocess.Popen(  # noqa: S603 - our own program
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "fine-tune" in line and "running" in line:
                process.send_signal(signal.SIGINT)
                break
        _, complaint = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in complaint
    assert "Finished stages are kept" in complaint
    own = Walked(recipe=short.recipe, workspace=workspace, report=workspace / "none")
    assert 0 < len(own.stages()) < len(short.stages())
    own.again(*SHORT)
    assert own.results() == short.results()


def test_a_diverged_training_ends_with_1_and_keeps_what_was_finished(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    changes = ["--set", "target.udpos.learning_rate=1e30", "--set", "target.udpos.num_epochs=9"]
    done = command("run", str(own.recipe), "-w", str(own.workspace), *changes)
    assert done.returncode == FAILED
    message = done.stderr
    assert re.search(r"loss of udpos became (nan|inf) at step \d+", message.replace("\n", " "))
    assert re.search(r"rows \[\d+, .*\] and \d+ more", message)
    assert "This was stage" in message
    assert own.stages().keys() == walked.stages().keys()


def test_a_disk_that_fills_between_stages_ends_with_1(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run.json")

    monkeypatch.setattr("stiltwalk.execution.study.keep_record", full)
    message = refused(["run", str(recipe), "-w", str(tmp_path / "workspace")], FAILED)
    assert message.startswith("error: No space left on device (run.json). Fix that")


def test_what_nobody_foresaw_ends_in_a_sentence_and_keeps_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("s3://me:pa55word@host")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("stiltwalk.status", fail)
    done = command("status", str(tmp_path))
    assert done.returncode == FAILED
    message = done.stderr
    (kept,) = tmp_path.glob("stiltwalk-*.txt")
    assert message.startswith("error: This is a mistake in stiltwalk (KeyError: ")
    assert f"The traceback is in {kept}" in message
    assert "Traceback" in kept.read_text(encoding="utf-8")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "pa55word" not in message + kept.read_text(encoding="utf-8")


def test_shells_get_completion() -> None:
    done = process(_STILTWALK_COMPLETE="source_bash")
    assert "_STILTWALK_COMPLETE=complete_bash" in done.stdout, done.stderr


def test_every_page_that_an_error_names_can_be_shown() -> None:
    assert "data: Data" in command("docs").stdout
    assert command("docs", "docs/data.md").stdout.startswith("# Data")
    assert "There is no page 'dat'" in refused(["docs", "dat"], WRONG_INPUT)
    source = Path(cli.__file__).parent
    named = {
        page
        for file in source.rglob("*.py")
        for page in re.findall(r"docs/([\w/-]+)\.md", file.read_text(encoding="utf-8"))
    }
    assert "cluster" in named
    for page in named:
        assert (source / "docs" / f"{page}.md").is_file(), page


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = process("--debug", "run", str(tmp_path / "none.toml"))
    assert "Traceback" in done.stderr


def test_score_ends_with_2_where_there_is_nothing_to_score(tmp_path: Path) -> None:
    message = refused(["score", str(tmp_path / "a"), str(tmp_path / "b")], WRONG_INPUT)
    assert "is not a folder" in message


def test_plan_as_json_is_one_document_and_knows_what_is_kept(walked: Walked) -> None:
    done = command("plan", str(walked.recipe), "-w", str(walked.workspace), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


def test_a_finished_recipe_ends_with_0_and_names_the_report(walked: Walked) -> None:
    done = command("run", str(walked.recipe), "-w", str(walked.workspace))
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    assert str(walked.report) in done.stdout


def test_a_folder_without_a_run_ends_with_2(tmp_path: Path) -> None:
    assert "holds no run" in refused(["report", str(tmp_path)], WRONG_INPUT)
    refusal = refused(["export", str(tmp_path), str(tmp_path / "out")], WRONG_INPUT)
    assert "is not the folder of a run" in refusal


def test_there_is_nothing_to_fetch_for_the_embedded_benchmark(tmp_path: Path) -> None:
    recipe = tmp_path / "mini.toml"
    recipe.write_text(
        'name = "m"\ntargets = ["xnli"]\narms = { none = [] }\n'
        'model = { name = "mini-base" }\ndata = { source = "mini" }\n',
        encoding="utf-8",
    )
    refusal = refused(["data", "fetch", str(recipe), str(tmp_path / "mirror")], WRONG_INPUT)
    assert "part of the package" in refusal
    assert not (tmp_path / "mirror").exists()


def test_settings_of_a_target_that_set_leaves_out_are_read_and_unused(
    recipe: Path, tmp_path: Path
) -> None:
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text(text + "\n[target.xquad]\nmax_rows = 10\n", encoding="utf-8")
    words = ["plan", str(recipe), "-w", str(tmp_path / "none"), "--set", "targets=['xnli']"]
    done = command(*words, "--json")
    assert done.returncode == 0, done.stderr
    recipe.write_text(text + "\n[target.xquad]\nmax_row = 10\n", encoding="utf-8")
    assert "Unknown key target.xquad.max_row. Did you mean max_rows?" in refused(words, WRONG_INPUT)


def test_settings_of_what_is_no_target_are_refused(recipe: Path) -> None:
    text = recipe.read_text(encoding="utf-8") + "\n[target.pawsx]\nmax_rows = 10\n"
    recipe.write_text(text, encoding="utf-8")
    assert "[target.pawsx] is for no target" in refused(["plan", str(recipe)], WRONG_INPUT)
