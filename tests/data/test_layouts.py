"""Tests for stiltwalk.data.hub and stiltwalk.data.hub: where a split's files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrors import NLI_NAMES, nli, write_parquet, write_split
from stiltwalk.data.hub import open_mirror_rows, split_files
from stiltwalk.errors import DataError

CARD = """---
license: mit
configs:
- config_name: big
  data_files:
  - split: train
    path: somewhere/part-*
  - split: test
    path:
    - elsewhere/a.parquet
    - elsewhere/b.parquet
- config_name: small
  data_files:
  - split: train
    path: small/train-*
---
# A data set
"""


def found(names: list[str], config: str, split: str, card: str = "") -> list[str]:
    return split_files(names, lambda: card, config, split)


def test_the_folder_of_a_configuration_comes_first() -> None:
    names = ["A.de/test-00001-of-00002.parquet", "A.de/test-00000-of-00002.parquet"]
    others = ["A.en/test-00000-of-00001.parquet", "A.de/testing-0.txt"]
    assert found(names + others, "A.de", "test") == sorted(names)


def test_a_split_is_no_prefix_of_another() -> None:
    names = ["plain_text/train_r1-00000-of-00001.parquet"]
    assert found(names, "plain_text", "train") == []


def test_the_data_set_card_says_where_other_files_are() -> None:
    names = ["somewhere/part-1.parquet", "elsewhere/a.parquet", "elsewhere/b.parquet"]
    assert found(names, "big", "train", CARD) == names[:1]
    assert found(names, "big", "test", CARD) == names[1:]
    assert found(names, "small", "train", CARD) == []


@pytest.mark.parametrize("card", ["no front matter", "---\n- 1\n---\n", "---\na: [\n---\n"])
def test_a_card_in_another_form_says_nothing(card: str) -> None:
    assert found(["data/train-0.parquet"], "default", "train", card) == ["data/train-0.parquet"]


def test_in_the_parquet_copy_a_configuration_can_have_another_name() -> None:
    assert found(["default/train/0000.parquet"], "plain_text", "train") == [
        "default/train/0000.parquet"
    ]


def test_of_several_configurations_none_stands_in_for_a_missing_one() -> None:
    names = ["A.de/test-0.parquet", "A.en/test-0.parquet"]
    assert found(names, "A.th", "test") == []


def test_the_only_language_of_a_mirror_is_never_taken_for_another() -> None:
    card = "---\nconfigs:\n- config_name: A.de\n  data_files:\n  - split: test\n    path: x/*\n---"
    assert found(["A.de/test-0.parquet"], "A.th", "test") == []
    assert found(["x/0.parquet"], "A.th", "test", card) == []
    assert found(["x/0.parquet"], "default", "test", card) == ["x/0.parquet"]


def test_several_files_of_a_split_are_read_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "owner" / "set" / "default"
    folder.mkdir(parents=True)
    for number in (1, 0):
        path = folder / f"train-0000{number}-of-00002.parquet"
        write_parquet(path, nli([0], premise=f"file {number}"), {"label": NLI_NAMES})
    rows = open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")
    assert list(rows.take(("premise",))) == [(0, ("file 0 0",)), (1, ("file 1 0",))]


def test_a_missing_data_set_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"google/xtreme, configuration 'XNLI', split 'test': .* is no folder\. .*"
        r"hf download google/xtreme --repo-type dataset --local-dir .*docs/data\.md",
    ):
        open_mirror_rows(str(tmp_path), "google/xtreme", "XNLI", "test", "")


def test_a_missing_configuration_is_told_from_a_missing_folder(tmp_path: Path) -> None:
    write_split(tmp_path, "google/xtreme", "PAN-X.de", "test", {"tokens": [["a"]]})
    write_split(tmp_path, "google/xtreme", "PAN-X.en", "test", {"tokens": [["a"]]})
    with pytest.raises(DataError, match=r"'PAN-X\.th'.* has no such file"):
        open_mirror_rows(str(tmp_path), "google/xtreme", "PAN-X.th", "test", "")
