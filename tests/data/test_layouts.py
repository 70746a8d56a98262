"""Tests for stiltwalk.data.hub and stiltwalk.data.hub: where a split's files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrors import NLI_NAMES, nli, write_parquet, write_split
from stiltwalk.data.hub import open_mirror_rows, split_files
from stiltwalk.data.source import Place
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
    return split_files(names, lambda: card, Place("owner/set", config, split))


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


LAYOUTS = ("test", "data/test", "A/test", "default/test")


@pytest.mark.parametrize("start", LAYOUTS)
@pytest.mark.parametrize(
    "ends",
    [
        [""],
        ["-0", "-1"],
        ["-00000-of-00002", "-00001-of-00002"],
        ["-00000-of-00001-5a1bc2"],
        ["/0000", "/0001"],
        ["/a", "/b"],
        ["/2019", "/2021"],
        [f"-{number}" for number in range(12)],
    ],
)
def test_every_layout_of_the_hub_is_read_whole_and_in_order(start: str, ends: list[str]) -> None:
    names = [f"{start}{end}.parquet" for end in ends]
    others = [f"{start}-backup/old.parquet", f"{start}-backup/0000.parquet", "train/0000.parquet"]
    config = start.partition("/")[0] if start.startswith(("A", "default")) else "default"
    assert found(sorted(names) + others, config, "test") == names


@pytest.mark.parametrize("start", [*LAYOUTS, "somewhere/test"])
@pytest.mark.parametrize(
    "ends",
    [
        ["-00000-of-00001", "-00000-of-00002", "-00001-of-00002"],
        ["-00001-of-00002"],
        ["-00000-of-00003", "-00002-of-00003"],
        ["-00000-of-00001-5a1bc2", "-00000-of-00001-ffffff"],
        ["", "-00000-of-00001"],
        ["-0", "-2"],
    ],
)
def test_leftovers_and_gaps_are_refused_by_name(start: str, ends: list[str]) -> None:
    listed = "data_files:\n  - split: test\n    path: somewhere/test*"
    card = f"---\nconfigs:\n- config_name: small\n  {listed}\n---\n"
    names = [f"{start}{end}.parquet" for end in ends]
    config = start.partition("/")[0] if start.startswith(("A", "default")) else "small"
    with pytest.raises(DataError, match=r"owner/set, configuration .*test") as error:
        found(names, config, "test", card)
    assert any(name in str(error.value) for name in names)


def test_two_forms_of_one_split_are_refused() -> None:
    for other in ("test/0000.parquet", "test-backup.parquet", "data/test.parquet"):
        with pytest.raises(DataError, match="several sets stand beside"):
            found(["test.parquet", other], "default", "test")


def test_a_cards_star_stays_in_its_folder() -> None:
    names = ["somewhere/part-0.parquet", "somewhere/part-old/0.parquet"]
    assert found(names, "big", "train", CARD) == names[:1]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_rows_that_a_card_tells_of_are_counted(tmp_path: Path, rows: int) -> None:
    write_split(tmp_path, "owner/set", "default", "train", nli([0, 1]), {"label": NLI_NAMES})
    splits = f"splits:\n  - name: train\n    num_bytes: 9\n    num_examples: {rows}"
    for info in (
        f"dataset_info:\n  {splits}",
        f"dataset_info:\n- config_name: default\n  {splits}",
    ):
        text = f"---\nlicense: mit\n{info}\n---\n"
        (tmp_path / "owner/set/README.md").write_text(text, encoding="utf-8")
        if rows == 2:
            assert open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")
            continue
        with pytest.raises(DataError, match=rf"card tells of {rows} rows, .*\.parquet hold 2"):
            open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("label", ["a"], "holds string, expected number"),
        ("premise", [1], "holds number, expected string"),
        ("premise", [["a"]], "holds list<string>, expected string"),
        ("premise", None, r"holds nothing \(it is not there\), expected string"),
    ],
)
def test_a_file_with_other_columns_or_types_is_named(
    tmp_path: Path, column: str, values: list[object] | None, said: str
) -> None:
    folder = tmp_path / "owner" / "set" / "default"
    folder.mkdir(parents=True)
    rows = nli([0])
    write_parquet(folder / "train-00000-of-00002.parquet", rows, {"label": NLI_NAMES})
    other = {name: each for name, each in {**rows, column: values}.items() if each is not None}
    write_parquet(folder / "train-00001-of-00002.parquet", other)
    opened = open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")
    with pytest.raises(DataError, match=f"column '{column}' of .*00001-of-00002.parquet {said}"):
        list(opened.take((), ("label", "premise")))


def test_a_file_whose_numbers_mean_other_labels_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "owner" / "set" / "default"
    folder.mkdir(parents=True)
    for number, names in enumerate((NLI_NAMES, NLI_NAMES[::-1])):
        path = folder / f"train-{number:05}-of-00002.parquet"
        write_parquet(path, nli([0]), {"label": names})
    opened = open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")
    with pytest.raises(
        DataError, match=r"holds numbers of contradiction, .* expected those of entail"
    ):
        list(opened.take(("premise",), ("label",)))


@pytest.mark.parametrize("other", ["elsewhere/b.parquet", "b/*.parquet", "other/b.jsonl"])
def test_every_file_that_a_card_names_must_be_there(other: str) -> None:
    listed = f"data_files:\n  - split: test\n    path: [elsewhere/a.parquet, {other}]"
    card = f"---\nconfigs:\n- config_name: big\n  {listed}\n---\n"
    with pytest.raises(DataError, match=r"card names .*, and no Parquet file is of that name"):
        found(["elsewhere/a.parquet"], "big", "test", card)


@pytest.mark.parametrize("path", ["7", "null", "{a: b}", "[7, x]", "[[x]]"])
def test_a_card_whose_path_is_no_text_says_nothing(path: str) -> None:
    listed = f"data_files:\n  - split: test\n    path: {path}"
    card = f"---\nconfigs:\n- config_name: big\n  {listed}\n---\n"
    assert found(["x/test-0.parquet"], "big", "test", card) == []


def test_a_column_that_the_first_file_lacks_is_named_with_that_file(tmp_path: Path) -> None:
    folder = tmp_path / "owner" / "set" / "default"
    folder.mkdir(parents=True)
    write_parquet(folder / "train-00000-of-00002.parquet", {"premise": ["a"]})
    write_parquet(folder / "train-00001-of-00002.parquet", nli([0]), {"label": NLI_NAMES})
    opened = open_mirror_rows(str(tmp_path), "owner/set", "default", "train", "")
    with pytest.raises(DataError, match=r"'label' of .*00000-of-00002.parquet holds nothing"):
        list(opened.take(("premise",), ("label",)))
