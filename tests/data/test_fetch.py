"""Tests for stiltwalk.data.hub and which splits tasks want, with a hub that is made up."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from mirrors import NLI_NAMES, nli, write_split
from stiltwalk.data import hub as download
from stiltwalk.data.hub import RemoteFile, fetch, remote_files
from stiltwalk.data.source import DataSource, Place
from stiltwalk.errors import DataError
from stiltwalk.records import Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.tasks.sources import wanted_splits

MNLI = "nyu-mll/multi_nli"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that the hub's client is made to fetch from."""
    root = tmp_path / "hub"
    for split in ("train", "validation_matched", "validation_mismatched"):
        write_split(root, MNLI, "default", split, nli([0, 1]), {"label": NLI_NAMES})
    (root / MNLI / "README.md").write_text("# made up\n", encoding="utf-8")

    def snapshot(repository: str) -> tuple[Path, tuple[str, ...]]:
        folder = root / repository
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")]
        return folder, tuple(names)

    def paths_info(_: object, repository: str, paths: list[str], **__: object) -> list[Any]:
        return [
            SimpleNamespace(path=name, size=(root / repository / name).stat().st_size)
            for name in paths
        ]

    def one_file(repository: str, name: str, *, local_dir: Path, **_: object) -> str:
        target = local_dir / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / repository / name, target)
        return str(target)

    monkeypatch.setattr(download, "listing", snapshot)
    monkeypatch.setattr(huggingface_hub.HfApi, "get_paths_info", paths_info)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", one_file)
    return root


def test_a_mirror_holds_what_the_task_reads_and_no_more(hub: Path, tmp_path: Path) -> None:
    files = remote_files(wanted_splits([TASKS["mnli"]]))
    assert [file.name for file in files] == [
        "README.md",
        "default/train-00000-of-00001.parquet",
        "default/validation_matched-00000-of-00001.parquet",
    ]
    assert all(file.num_bytes == (hub / MNLI / file.name).stat().st_size for file in files)
    for file in files:
        fetch(file, tmp_path / "mirror")
    source = DataSource(source=str(tmp_path / "mirror"))
    assert len(examples(TASKS["mnli"], source, Split.DEV)) == 2


@pytest.mark.usefixtures("hub")
def test_a_split_that_the_hub_lacks_is_named() -> None:
    with pytest.raises(DataError, match="configuration 'default', split 'test'"):
        remote_files([Place(MNLI, "default", "test")])


def test_a_download_that_breaks_off_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise ConnectionError("gone")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", broken)
    file = RemoteFile(repository=MNLI, commit="0", name="a.parquet", num_bytes=1)
    with pytest.raises(DataError, match=r"a\.parquet could not be fetched \(gone\)\. Run the same"):
        fetch(file, tmp_path)


def test_targets_want_english_training_rows_and_every_test_language() -> None:
    wanted = wanted_splits([TASKS["pawsx"]], languages=["sw", "ko"])
    assert [(place.config, place.split) for place in wanted] == [
        ("PAWS-X.en", "train"),
        ("PAWS-X.en", "validation"),
        ("PAWS-X.ko", "test"),
    ]


def test_what_no_hub_holds_is_not_wanted_from_it() -> None:
    assert wanted_splits([TASKS["ccg"], TASKS["bucc2018"]]) == []
