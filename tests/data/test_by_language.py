"""Tests for stiltwalk.data.by_language: text and rows with a file per language."""

from __future__ import annotations

from pathlib import Path

import pytest

from mirrors import write_split
from stiltwalk.data import hub
from stiltwalk.data.by_language import ByLanguage, languages, num_texts, revision, texts
from stiltwalk.errors import DataError


def folder_of_texts(folder: Path) -> ByLanguage:
    (folder / "de.txt").write_text("eins\n\n  zwei  \n", encoding="utf-8")
    (folder / "xx.txt").write_bytes(b"\xef\xbb\xbfone\xe2\x80\xa8two\r\n")
    (folder / "README.txt").write_text("Where this comes from\n", encoding="utf-8")
    return ByLanguage(place=str(folder), config="{language}")


def folder_of_parquet(folder: Path) -> ByLanguage:
    for code in ("de", "fr"):
        columns = {"text": [f"{code} one\n\n{code} two", f"{code} three"], "url": ["", ""]}
        write_split(folder.parent, folder.name, f"dump.{code}", "train", columns)
    return ByLanguage(place=str(folder), config="dump.{language}")


def test_a_folder_of_text_files_is_read_line_by_line(tmp_path: Path) -> None:
    where = folder_of_texts(tmp_path)
    assert languages(where) == ("de", "xx")
    assert list(texts(where, "de")) == ["eins", "zwei"]
    assert num_texts(where, "de") == 3
    assert list(texts(where, "xx")) == ["one\u2028two"]


def test_a_data_set_gives_the_lines_of_its_texts(tmp_path: Path) -> None:
    where = folder_of_parquet(tmp_path / "wiki")
    assert languages(where) == ("de", "fr")
    assert list(texts(where, "fr")) == ["fr one", "fr two", "fr three"]
    assert num_texts(where, "fr") == 2


def test_the_miniature_says_the_same_in_every_language() -> None:
    where = ByLanguage(place="mini", config="{language}")
    assert len(languages(where)) == 40
    found = {code: list(texts(where, code)) for code in ("de", "en")}
    assert len(found["de"]) == len(found["en"]) == num_texts(where, "de")
    assert found["de"] != found["en"]
    for ask in (lambda: list(texts(where, "xx")), lambda: revision(where, ["de", "xx"])):
        with pytest.raises(DataError, match="no language 'xx'"):
            ask()


@pytest.mark.parametrize("write", [folder_of_texts, folder_of_parquet])
def test_a_revision_is_that_of_the_content_of_the_languages(write: object, tmp_path: Path) -> None:
    assert callable(write)
    first, second = write(_made(tmp_path / "here")), write(_made(tmp_path / "there"))
    assert revision(first, ["de"]) == revision(second, ["de"])
    assert revision(first, ["de"]) != revision(first, languages(first))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    where = folder_of_texts(tmp_path)
    with pytest.raises(DataError, match=r"configuration 'fr'.*no such file"):
        revision(where, ["fr"])
    with pytest.raises(DataError, match="holds no text"):
        languages(ByLanguage(place=str(_made(tmp_path / "empty")), config="{language}"))
    with pytest.raises(DataError, match=r"no folder here.*languages"):
        languages(ByLanguage(place="owner/name", config="{language}"))


def test_one_commit_of_the_hub_has_many_configurations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "commit_of", lambda _repository: "c0ffee")
    years = [ByLanguage(place="owner/dumps", config=f"{year}.{{language}}") for year in (1, 2)]
    assert len({revision(where, ["de"]) for where in years}) == 2


def test_what_only_the_hub_knows_is_unknown_offline() -> None:
    where = ByLanguage(place="nobody/nothing", config="{language}")
    assert revision(where, ["de"], ask_hub=False) is None
