"""Tests for stiltwalk.files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stiltwalk.files import (
    below,
    contained,
    content_checksum,
    is_intact,
    opened,
    put_sealed,
    read,
    read_text,
    remove_sealed,
    runtime_folder,
    sealed_json,
    unsealed,
    write_atomically,
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def a_folder(path: Path, **texts: str) -> list[Path]:
    path.mkdir()
    for name, text in texts.items():
        (path / name).write_text(text, encoding="utf-8")
    return sorted(path.iterdir())


def test_where_the_folder_stands_changes_nothing(tmp_path: Path) -> None:
    here, there = (a_folder(tmp_path / name, a="1", b="2") for name in ("here", "there"))
    assert content_checksum(tmp_path / "here", here) == content_checksum(
        tmp_path / "there", there[::-1]
    )


def test_content_and_names_change_it(tmp_path: Path) -> None:
    sums = {
        content_checksum(tmp_path / name, a_folder(tmp_path / name, **texts))
        for name, texts in {
            "x": {"a": "1", "b": "2"},
            "y": {"a": "1", "b": "3"},
            "z": {"a": "1", "c": "2"},
        }.items()
    }
    assert len(sums) == 3
    assert all(one.startswith("sha256:") for one in sums)


def test_a_second_run_reads_no_file_again(tmp_path: Path) -> None:
    files = a_folder(tmp_path / "x", a="1")
    first = content_checksum(tmp_path / "x", files)
    status = files[0].stat()
    files[0].write_text("2", encoding="utf-8")  # same size, and its time is put back
    os.utime(files[0], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_checksum(tmp_path / "x", files) == first


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    files = a_folder(tmp_path / "x", a="1")
    first = content_checksum(tmp_path / "x", files)
    files[0].write_text("two", encoding="utf-8")
    assert content_checksum(tmp_path / "x", files) != first


def test_a_damaged_cache_only_costs_time(tmp_path: Path) -> None:
    files = a_folder(tmp_path / "x", a="1")
    first = content_checksum(tmp_path / "x", files)
    (tmp_path / "cache" / "stiltwalk" / "checksums.json").write_text("{", encoding="utf-8")
    assert content_checksum(tmp_path / "x", files) == first


def put_text(file: Path, text: str) -> None:
    aside = file.with_name("aside")
    aside.write_text(text, encoding="utf-8")
    put_sealed(aside, file)


@pytest.mark.parametrize("at", [0, 3, -1])
def test_a_sealed_file_tells_whichever_bit_was_changed(tmp_path: Path, at: int) -> None:
    file = tmp_path / "x.bin"
    put_text(file, "content")
    assert is_intact(file)
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    assert not is_intact(file)


def test_whatever_stops_a_sealed_file_on_its_way_leaves_the_old_one_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, calls = tmp_path / "x.bin", 0
    put_text(file, "old")
    plain = os.fsync
    for stop_at in range(1, 6):
        calls = 0

        def stopping(number: int, stop_at: int = stop_at) -> None:
            nonlocal calls
            calls += 1
            if calls == stop_at:
                raise KeyboardInterrupt
            plain(number)

        monkeypatch.setattr(os, "fsync", stopping)
        try:
            put_text(file, f"new {stop_at}")
        except KeyboardInterrupt:
            assert is_intact(file)
    assert calls == 4  # of checksum, file and twice their folder: the fifth was never reached
    assert file.read_text(encoding="utf-8") == "new 5"


def test_nothing_is_left_of_a_sealed_file_that_is_removed(tmp_path: Path) -> None:
    put_text(tmp_path / "x.bin", "content")
    remove_sealed(tmp_path / "x.bin")
    assert not list(tmp_path.iterdir())


DOCUMENT = {"time_s": 1.25, "name": "тест", "rows": [1, None]}


def test_a_sealed_document_comes_back_as_it_was() -> None:
    assert unsealed(sealed_json(DOCUMENT)) == DOCUMENT
    assert unsealed('{"of": "an earlier version"}') == {"of": "an earlier version"}


@pytest.mark.parametrize("text", [sealed_json(DOCUMENT).replace("1.25", "1.24"), "{", "[" * 10**6])
def test_a_document_that_was_changed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"changed|Expecting|deep"):
        unsealed(text)


OUTSIDE = ["", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "..\\x", "a\0b"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_foreign_name_never_leads_outside(tmp_path: Path, name: str) -> None:
    for way in (below, lambda name: contained(tmp_path, name)):
        with pytest.raises(ValueError, match="no name of a file"):
            way(name)


def test_neither_does_a_link_nor_a_circle_of_them(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "inside").symlink_to(root / "a")
    assert contained(root, "inside/model/x.bin") == root / "inside" / "model" / "x.bin"
    (root / "out").symlink_to(tmp_path)
    (root / "one").symlink_to(root / "two")
    (root / "two").symlink_to(root / "one")
    for name in ("out", "out/x", "one"):
        with pytest.raises(ValueError, match="leads out of"):
            contained(root, name)


def test_a_lock_is_its_owner_s_alone_and_never_opened_through_a_link(tmp_path: Path) -> None:
    with opened(tmp_path / "lock", os.O_RDWR | os.O_CREAT):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic"):
        opened(tmp_path / "link", os.O_RDWR | os.O_CREAT)
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"


def test_what_stands_between_processes_is_where_the_user_alone_may_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = runtime_folder()
    assert folder == runtime_folder()
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="others may write"):
        runtime_folder()
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PermissionError, match="others may write"):
        runtime_folder()


def test_a_pipe_a_device_and_a_folder_are_no_files_and_nobody_waits_for_them(
    tmp_path: Path,
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "folder"):
        with pytest.raises(OSError, match=r"Not a file|directory"):
            read(place)
    (tmp_path / "text").write_bytes("\ufeffone\r\ntwo\rthree".encode())
    assert read_text(tmp_path / "text") == "one\ntwo\nthree"


@pytest.mark.parametrize("outlasts_power", [True, False])
def test_a_text_that_finds_no_space_leaves_nothing_and_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outlasts_power: bool
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=r"status\.json"):
        write_atomically(tmp_path / "status.json", "{}", outlasts_power=outlasts_power)
    assert not list(tmp_path.iterdir())
