"""Tests for stiltwalk.store.workspace."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from stiltwalk.data.source import DataSource
from stiltwalk.errors import NotFinite, WorkspaceError
from stiltwalk.files import write_atomically
from stiltwalk.records import ExampleScoreRow, Phase, ScoreRow, TimingRow
from stiltwalk.stages.encoder import Base
from stiltwalk.store.manifest import RecordedStage, RunRecord, keep_record, read_record
from stiltwalk.store.workspace import MARKER, Workspace

STAGE = Base(name="tiny", revision="sha256:1")
ROW = ScoreRow(
    stage="0123456789abcdef",
    intermediate=("mnli", "qqp"),
    task="xnli",
    language="de",
    split="test",
    metric="accuracy",
    value=1 / 3,
    seed=1,
    num_examples=12,
)
TIMING = TimingRow(
    stage="0123456789abcdef",
    task="xnli",
    language="de",
    num_examples=12,
    real_tokens=100,
    padded_tokens=120,
    time_s=0.25,
)
SHARE = ExampleScoreRow(
    stage="0123456789abcdef", task="xnli", language="de", seed=1, won=(0.0, 1.0), of=(1.0, 1.0)
)
HOLDER = """
import sys, time
from pathlib import Path
from stiltwalk.store.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def finished(root: Path) -> Workspace:
    """Return a workspace with one complete stage of two files."""
    workspace = Workspace(root)
    with workspace.writing(STAGE, {"stiltwalk": "0.1"}) as folder:
        (folder.path / "model").mkdir()
        (folder.path / "model" / "weights").write_bytes(b"12345")
        folder.write_scores([ROW])
        folder.write_timings([TIMING])
        folder.write_shares([SHARE])
    return workspace


def test_rows_come_back_as_they_were_written(tmp_path: Path) -> None:
    workspace = finished(tmp_path)
    assert workspace.scores(STAGE) == (ROW,)
    assert workspace.timings(STAGE) == (TIMING,)
    assert workspace.shares(STAGE) == (SHARE,)


def test_a_stage_without_rows_has_none(tmp_path: Path) -> None:
    assert Workspace(tmp_path).scores(STAGE) == ()


def test_a_stage_is_there_once_its_block_has_ended(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.writing(STAGE, {}):
        assert not workspace.has(STAGE)
    assert workspace.has(STAGE)
    assert not workspace.has(replace(STAGE, revision="sha256:2"))


def test_the_marker_tells_what_made_the_stage(tmp_path: Path) -> None:
    marker = finished(tmp_path).marker(STAGE)
    assert marker["provenance"] == {"stiltwalk": "0.1"}
    assert marker["stage"]["revision"] == "sha256:1"
    assert marker["time_s"] >= 0
    rows = {"scores.jsonl", "shares.jsonl", "timings.jsonl"}
    assert set(marker["files"]) == {"model/weights", *rows}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_no_complete_stage(
    tmp_path: Path, error: type[BaseException]
) -> None:
    workspace = Workspace(tmp_path)

    def half() -> None:
        with workspace.writing(STAGE, {}) as folder:
            (folder.path / "half").write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        half()
    assert not workspace.has(STAGE)


def test_a_stage_without_a_marker_is_cleared_and_made_anew(tmp_path: Path) -> None:
    workspace = finished(tmp_path)
    folder = workspace.folder(STAGE)
    (folder / MARKER).unlink()
    (folder / "left over").write_text("old", encoding="utf-8")
    assert not workspace.has(STAGE)
    with workspace.writing(STAGE, {}) as again:
        assert list(again.path.iterdir()) == []
    assert [file.name for file in folder.iterdir()] == [MARKER]


def _shorter(file: Path) -> None:
    file.write_bytes(b"1234")


def _same_size(file: Path) -> None:
    file.write_bytes(b"12354")


def _gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("alter", [_shorter, _same_size, _gone])
def test_an_altered_file_is_named_with_its_folder(
    tmp_path: Path, alter: Callable[[Path], None]
) -> None:
    workspace = finished(tmp_path)
    file = workspace.folder(STAGE) / "model" / "weights"
    alter(file)
    with pytest.raises(WorkspaceError) as caught:
        workspace.verified(STAGE)
    assert str(file) in str(caught.value)
    assert f"Delete the folder {workspace.folder(STAGE)} and run again" in str(caught.value)


@pytest.mark.parametrize("alter", [_shorter, _same_size, _gone])
def test_altered_rows_are_not_read(tmp_path: Path, alter: Callable[[Path], None]) -> None:
    workspace = finished(tmp_path)
    for name, read in (("scores", workspace.scores), ("timings", workspace.timings)):
        file = workspace.folder(STAGE) / f"{name}.jsonl"
        alter(file)
        with pytest.raises(WorkspaceError, match=f"{name}.jsonl is not what its stage wrote"):
            read(STAGE)


@pytest.mark.parametrize("alter", [_shorter, _gone])
def test_a_missing_or_shorter_file_is_seen_at_once(
    tmp_path: Path, alter: Callable[[Path], None]
) -> None:
    workspace = finished(tmp_path)
    alter(workspace.folder(STAGE) / "model" / "weights")
    with pytest.raises(WorkspaceError, match="weights"):
        workspace.has(STAGE)


WHOLE = '{"stage": {}, "provenance": {}, "began_unix_s": 0, "time_s": 0, "files": %s}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"files": 3}',
        "\0\0\0",
        "[" * 100_000,
        '{"files": {}}',
        WHOLE % '{"weights": 5}',
        WHOLE % '{"weights": {"bytes": "5", "sha256": null}}',
        WHOLE % '{"../../weights": {"bytes": 5, "sha256": ""}}',
        WHOLE % '{"/weights": {"bytes": 5, "sha256": ""}}',
    ],
    ids=lambda text: text[:40],
)
def test_a_damaged_marker_is_named(tmp_path: Path, text: str) -> None:
    workspace = finished(tmp_path)
    (workspace.folder(STAGE) / MARKER).write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError, match=MARKER):
        workspace.has(STAGE)


def test_files_that_are_as_written_pass(tmp_path: Path) -> None:
    workspace = finished(tmp_path)
    assert workspace.verified(STAGE) == workspace.folder(STAGE)


def _hold(root: Path) -> subprocess.Popen[str]:
    """Start a process that holds a workspace's lock; return once it does."""
    holder = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", HOLDER, str(root)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_holder_is_refused_naming_the_first_until_that_is_killed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with _hold(tmp_path) as holder:
        with (
            pytest.raises(WorkspaceError, match=f"in use by process {holder.pid} on .* since"),
            workspace.lock(),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with workspace.lock():
        assert f"process {os.getpid()} " in (tmp_path / "lock").read_text(encoding="utf-8")


def test_the_lock_is_free_after_its_block(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for _ in range(2):
        with workspace.lock():
            pass


def test_whoever_looks_keeps_no_run_from_starting(tmp_path: Path) -> None:
    workspace, over = Workspace(tmp_path), threading.Event()

    def look() -> None:
        while not over.is_set():
            workspace.held_by()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for each in lookers:
        each.start()
    try:
        for _ in range(300):
            with workspace.lock():
                assert Workspace(tmp_path).held_by().startswith(f"process {os.getpid()} on ")
    finally:
        over.set()
    assert workspace.held_by() == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"x" * 10_000])
def test_a_damaged_lock_tells_less_and_locks_no_less(tmp_path: Path, content: bytes) -> None:
    workspace = Workspace(tmp_path)
    with workspace.lock():
        (tmp_path / "lock").write_bytes(content)
        assert 0 < len(workspace.held_by()) <= 300
        with pytest.raises(WorkspaceError, match="is in use by"), workspace.lock():
            pass
    assert workspace.held_by() == ""


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept", encoding="utf-8")
    (tmp_path / "lock").symlink_to(precious)
    with pytest.raises(WorkspaceError, match="cannot be written"), Workspace(tmp_path).lock():
        pass
    assert Workspace(tmp_path).held_by() == ""
    assert precious.read_text(encoding="utf-8") == "kept"


def test_a_workspace_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(WorkspaceError, match="Give another --workspace"),
        Workspace(tmp_path / "file").lock(),
    ):
        pass


def test_a_full_disk_is_said_and_leaves_no_complete_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        with (
            pytest.raises(WorkspaceError, match="No space is left on the disk") as caught,
            workspace.writing(STAGE, {}) as folder,
        ):
            folder.write_scores([ROW])
    assert str(tmp_path) in str(caught.value)
    assert not workspace.has(STAGE)


def test_a_disk_that_fills_at_the_marker_leaves_no_complete_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match="No space"), workspace.writing(STAGE, {}):
        pass
    assert not workspace.has(STAGE)


def test_an_atomic_write_leaves_the_old_text_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "run.json"
    write_atomically(file, "old")

    def killed(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            write_atomically(file, "new")
    assert file.read_text(encoding="utf-8") == "old"
    write_atomically(file, "new")
    assert file.read_text(encoding="utf-8") == "new"


def test_rows_are_lines_of_json_in_any_script(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with workspace.writing(STAGE, {}) as folder:
        folder.write_scores([replace(ROW, control="перемешано"), ROW])
    lines = (workspace.folder(STAGE) / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["control"] for line in lines] == ["перемешано", ""]
    assert "перемешано" in lines[0]


def test_a_forgotten_stage_is_not_there(tmp_path: Path) -> None:
    workspace = finished(tmp_path)
    workspace.forget(STAGE)
    assert not workspace.has(STAGE)
    assert not workspace.folder(STAGE).exists()


def test_a_figure_that_is_no_number_is_not_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with (
        pytest.raises(NotFinite, match=r"scores\.jsonl would be no number"),
        workspace.writing(STAGE, {}) as folder,
    ):
        folder.write_scores([replace(ROW, value=float("nan"))])
    assert not workspace.has(STAGE)


@pytest.mark.parametrize("change", ["time_s", "began_unix_s"])
def test_a_marker_in_which_one_figure_was_changed_is_named(tmp_path: Path, change: str) -> None:
    workspace = finished(tmp_path)
    file = workspace.folder(STAGE) / MARKER
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | {change: 5.0}), "utf-8")
    with pytest.raises(WorkspaceError, match=MARKER):
        workspace.has(STAGE)


def test_a_copy_holds_what_the_stage_wrote_and_nothing_that_was_put_there(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    (tmp_path / "secret").write_text("secret", encoding="utf-8")
    with workspace.writing(STAGE, {}) as folder:
        (folder.path / "model").mkdir()
        (folder.path / "model" / "weights").write_bytes(b"12345")
    (workspace.folder(STAGE) / "model" / "link").symlink_to(tmp_path / "secret")
    workspace.copy(STAGE, "model", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["weights"]


def test_a_file_of_a_stage_that_is_a_link_out_of_it_is_not_read(tmp_path: Path) -> None:
    workspace = finished(tmp_path / "workspace")
    file = next(file for file in workspace.folder(STAGE).rglob("*") if file.name != MARKER)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="is not what its stage wrote"):
        workspace.verified(STAGE)


RECORD = RunRecord(
    name="mini",
    recipe="",
    data=DataSource(source="mini"),
    test_rows=None,
    languages=None,
    arms=("none",),
    targets=("xnli",),
    seeds=(1,),
    stages=(
        RecordedStage(fingerprint="a1", does="", phase=Phase.EVALUATION, arm="none", target="xnli"),
    ),
)


def renamed(name: str) -> list[RunRecord]:
    """Return records in which one name each is another."""
    (stage,) = RECORD.stages
    stages = [
        replace(stage, **{key: name}) for key in ("fingerprint", "arm", "target", "trained")
    ] + [replace(stage, **{key: (name,)}) for key in ("languages", "parents")]
    return [
        replace(RECORD, name=name),
        replace(RECORD, arms=(name,)),
        replace(RECORD, targets=(name,)),
        *(replace(RECORD, stages=(each,)) for each in stages),
    ]


def test_a_record_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    keep_record(Workspace(tmp_path), RECORD)
    assert read_record(tmp_path / "runs" / "mini") == RECORD


@pytest.mark.parametrize("name", ["../../outside", "/outside", "a/b", "..", "x\0y"])
def test_a_record_with_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    for number, record in enumerate(renamed(name)):
        file = tmp_path / "runs" / str(number) / "run.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(asdict(record)), encoding="utf-8")
        with pytest.raises(WorkspaceError, match="is not a record of a run"):
            read_record(file.parent)


def test_a_record_in_which_a_figure_was_changed_is_refused(tmp_path: Path) -> None:
    keep_record(Workspace(tmp_path), RECORD)
    file = tmp_path / "runs" / "mini" / "run.json"
    text = file.read_text(encoding="utf-8")
    changed = text.replace('"seeds": [\n  1\n ]', '"seeds": [\n  2\n ]')
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    with pytest.raises(WorkspaceError, match="is not a record of a run"):
        read_record(file.parent)
