"""Tests for stiltwalk.files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stiltwalk.files import content_checksum


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
