"""Tests for stiltwalk.store.remote, on fsspec's place in memory."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import fsspec
import pytest

from stiltwalk.errors import WorkspaceError
from stiltwalk.records import ScoreRow
from stiltwalk.stages.encoder import Base
from stiltwalk.store.remote import Objects, RemoteWorkspace, workspace_at
from stiltwalk.store.workspace import MARKER, Workspace

STAGE = Base(name="tiny", revision="sha256:1")
NAME = STAGE.fingerprint
ROW = ScoreRow(
    stage=NAME,
    intermediate=(),
    task="xnli",
    language="de",
    split="test",
    metric="accuracy",
    value=0.5,
    seed=1,
    num_examples=2,
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "one machine"))
    return f"memory://{uuid.uuid4().hex}"


def write(workspace: Workspace) -> None:
    with workspace.writing(STAGE, {}) as folder:
        (folder.path / "model").mkdir()
        (folder.path / "model" / "weights").write_bytes(b"12345")
        folder.write_scores([ROW])


def elsewhere(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RemoteWorkspace:
    """Return the workspace as another machine has it, which has fetched nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    return RemoteWorkspace(place)


def file_at(place: str, name: str) -> str:
    return f"{place}/stages/{NAME}/{name}"


def overwrite(url: str, content: bytes) -> None:
    files, path = fsspec.url_to_fs(url)
    files.pipe_file(path, content)


def test_a_stage_made_on_one_machine_is_read_on_another(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(RemoteWorkspace(place))
    there = elsewhere(place, tmp_path, monkeypatch)
    assert there.has(STAGE)
    assert there.complete([NAME, "0" * 16]) == {NAME}
    assert there.marked([NAME, "0" * 16]) == {NAME}
    assert there.scores(STAGE) == (ROW,)
    folder = there.verified(STAGE)
    assert folder.is_relative_to(tmp_path / "another machine")
    assert (folder / "model" / "weights").read_bytes() == b"12345"


def test_a_copy_of_what_is_at_the_url_is_a_workspace(place: str, tmp_path: Path) -> None:
    write(RemoteWorkspace(place))
    files, path = fsspec.url_to_fs(place)
    files.get(path, str(tmp_path / "copy"), recursive=True)
    copy = workspace_at(tmp_path / "copy")
    assert copy.has(STAGE)
    assert copy.verified(STAGE)
    assert copy.scores(STAGE) == (ROW,)


def test_without_its_marker_a_stage_is_not_there_and_is_made_anew(place: str) -> None:
    overwrite(file_at(place, "model/weights"), b"12")  # an upload that was cut off
    workspace = RemoteWorkspace(place)
    assert not workspace.has(STAGE)
    assert workspace.marked([NAME]) == set()
    assert workspace.text(STAGE, "scores.jsonl") == ""
    write(workspace)
    assert (RemoteWorkspace(place).verified(STAGE) / "model" / "weights").read_bytes() == b"12345"


def test_a_file_that_was_cut_off_is_named_at_once(place: str) -> None:
    write(RemoteWorkspace(place))
    overwrite(file_at(place, "model/weights"), b"123")
    with pytest.raises(WorkspaceError, match="model/weights is not what its stage wrote") as caught:
        RemoteWorkspace(place).has(STAGE)
    assert f"Delete the folder {place}/stages/{NAME} and run again" in str(caught.value)


def test_a_file_that_was_changed_at_equal_size_is_not_used(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(RemoteWorkspace(place))
    overwrite(file_at(place, "model/weights"), b"12354")
    there = elsewhere(place, tmp_path, monkeypatch)
    assert there.has(STAGE)
    with pytest.raises(WorkspaceError, match="model/weights is not what its stage wrote"):
        there.verified(STAGE)


def test_a_damaged_marker_is_named(place: str) -> None:
    overwrite(file_at(place, MARKER), b'{"fil')
    with pytest.raises(WorkspaceError, match=MARKER):
        RemoteWorkspace(place).has(STAGE)


def test_a_fetched_file_that_was_damaged_here_is_fetched_again(place: str) -> None:
    workspace = RemoteWorkspace(place)
    write(workspace)
    (workspace.folder(STAGE) / "model" / "weights").write_bytes(b"12354")
    assert (workspace.verified(STAGE) / "model" / "weights").read_bytes() == b"12345"


def test_what_was_made_while_the_place_was_away_is_put_there_later(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_objects: Objects, file: Path, _name: str) -> None:
        if file.name == MARKER:
            raise WorkspaceError("away")

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "upload", away)
        with pytest.raises(WorkspaceError, match="away"):
            write(RemoteWorkspace(place))
    assert MARKER not in Objects(place).sizes(f"stages/{NAME}")
    assert RemoteWorkspace(place).has(STAGE)
    assert MARKER in Objects(place).sizes(f"stages/{NAME}")


def test_whoever_is_later_leaves_what_is_complete(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(RemoteWorkspace(place))
    before = Objects(place).read(f"stages/{NAME}/{MARKER}")
    write(elsewhere(place, tmp_path, monkeypatch))
    assert Objects(place).read(f"stages/{NAME}/{MARKER}") == before


def test_texts_and_folders_come_back(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = RemoteWorkspace(place)
    assert workspace.kept_text("status.json") == ""
    workspace.keep_text("status.json", "{}")
    run = workspace.root / "runs" / "mini"
    run.mkdir(parents=True)
    (run / "run.json").write_text("a record", encoding="utf-8")
    (run / "report.html").write_text("a page", encoding="utf-8")
    workspace.publish(run)
    there = elsewhere(place, tmp_path, monkeypatch)
    assert there.kept_text("status.json") == "{}"
    there.fetch("runs", "run.json")
    assert [file.name for file in (there.root / "runs" / "mini").iterdir()] == ["run.json"]


def test_the_lock_tells_who_holds_it(place: str) -> None:
    workspace = RemoteWorkspace(place)
    assert workspace.held_by() == ""
    with workspace.lock():
        workspace.require_lock()
        assert RemoteWorkspace(place).held_by().startswith("process ")
        with (
            pytest.raises(WorkspaceError, match="in use by process"),
            RemoteWorkspace(place).lock(),
        ):
            pass
    assert workspace.held_by() == ""


@pytest.mark.parametrize("place", ["nonsense://somewhere", "wrong+://x"])
def test_a_place_that_fsspec_does_not_know_is_refused(place: str) -> None:
    with pytest.raises(WorkspaceError, match="cannot be a workspace"):
        workspace_at(place)


def test_a_folder_may_be_written_as_a_url(tmp_path: Path) -> None:
    assert workspace_at(f"file://{tmp_path}").root == tmp_path


@pytest.mark.parametrize("name", ["../../../outside", "/outside", "model/../../../outside"])
def test_a_marker_that_names_files_elsewhere_writes_nothing(
    place: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(RemoteWorkspace(place))
    marker = json.loads(Objects(place).read(f"stages/{NAME}/{MARKER}") or b"")
    marker["files"][name] = marker["files"]["model/weights"]
    del marker["checksum"]
    overwrite(file_at(place, MARKER), json.dumps(marker).encode())
    there = elsewhere(place, tmp_path, monkeypatch)
    with pytest.raises(WorkspaceError, match=f"{MARKER} is not what its stage wrote"):
        there.verified(STAGE)
    assert not list(tmp_path.rglob("outside"))


def test_an_object_whose_name_leads_elsewhere_is_not_fetched(place: str, tmp_path: Path) -> None:
    overwrite(f"{place}/runs/x/run.json", b"{}")
    workspace = RemoteWorkspace(place)
    names = {"../../../outside/run.json": 2}
    workspace._objects.sizes = lambda _: names  # type: ignore[method-assign] # a store of any kind
    with pytest.raises(WorkspaceError, match="no part of a workspace"):
        workspace.fetch("runs", "run.json")
    with pytest.raises(WorkspaceError, match="no name of a file"):
        Objects(place).read("../outside")
    assert not list(tmp_path.rglob("outside"))
