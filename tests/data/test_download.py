"""Tests for stiltwalk.data.hub, on a cache of the hub's client written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from mirrors import NLI_NAMES, nli, write_parquet
from stiltwalk.data import hub
from stiltwalk.errors import DataError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty cache that the hub's client takes for its own, without network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    for cached in (hub._snapshot, hub._names):
        cached.cache_clear()


def put(cache: Path, repository: str, name: str, branch: str = "main") -> None:
    """Put one file into the cache as if it had been downloaded."""
    root = cache / f"datasets--{repository.replace('/', '--')}"
    (root / "refs" / branch).parent.mkdir(parents=True, exist_ok=True)
    (root / "refs" / branch).write_text(COMMIT, encoding="utf-8")
    path = root / "snapshots" / COMMIT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, nli([0, 1]), {"label": NLI_NAMES})


def test_offline_rows_come_from_the_cache_and_the_commit_is_known(cache: Path) -> None:
    put(cache, "owner/set", "data/train-00000-of-00001.parquet")
    rows = hub.open_hub_rows("owner/set", "default", "train", "")
    assert len(list(rows.take(("premise",)))) == 2
    assert hub.commit_of("owner/set") == COMMIT
    assert hub.known_commit("owner/set") == COMMIT


def test_a_data_set_that_is_a_script_is_read_from_its_parquet_copy(cache: Path) -> None:
    put(cache, "owner/script", "default/train/0000.parquet", hub.PARQUET_COPY)
    rows = hub.open_hub_rows("owner/script", "plain_text", "train", "")
    assert len(list(rows.take(("premise",)))) == 2
    assert hub.known_commit("owner/script") == COMMIT


@pytest.mark.usefixtures("cache")
def test_offline_a_missing_data_set_is_named_with_the_command_that_fetches_it() -> None:
    with pytest.raises(
        DataError,
        match=r"google/xtreme, configuration 'XNLI', split 'test': HF_HUB_OFFLINE is set .*"
        r"hf download google/xtreme --repo-type dataset",
    ):
        hub.open_hub_rows("google/xtreme", "XNLI", "test", "")
    assert hub.known_commit("google/xtreme") is None
    with pytest.raises(DataError, match="google/xtreme: HF_HUB_OFFLINE is set"):
        hub.commit_of("google/xtreme")


def test_offline_a_split_that_was_not_fetched_is_an_error(cache: Path) -> None:
    put(cache, "owner/set", "a/train-00000-of-00001.parquet")
    put(cache, "owner/set", "b/train-00000-of-00001.parquet")
    with pytest.raises(DataError, match=r"owner/set, configuration 'c', split 'train': .*commit"):
        hub.open_hub_rows("owner/set", "c", "train", "")


def test_the_table_of_branches_names_the_copy() -> None:
    assert hub.BRANCHES["allenai/social_i_qa"] == "refs/convert/parquet"
