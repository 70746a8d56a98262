"""Rows for other programs: what was asked, the right answer, the one given, and its score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

import stiltwalk
from stiltwalk import cli
from stiltwalk.errors import DataError, NoSuchRun
from stiltwalk.metrics.score import checkpoint_score
from walking import Walked


@pytest.fixture(scope="module")
def written(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "rows"
    files = stiltwalk.export(walked.report.parent, folder, samples=True)
    assert {file.relative_to(folder).as_posix() for file in files} == {
        *(f"{arm}/seed-1/{task}.parquet" for arm in ("none", "mixed") for task in TRAINED),
        "none/seed-0/tatoeba.parquet",
        "mixed/seed-1/tatoeba.parquet",
    }
    return folder


TRAINED = ("xnli", "udpos", "xquad")


def rows_of(file: Path) -> list[dict[str, Any]]:
    return pyarrow.parquet.read_table(file).to_pylist()


@pytest.mark.parametrize("task", TRAINED)
def test_what_rows_add_up_to_is_the_score(written: Path, walked: Walked, task: str) -> None:
    figures = stiltwalk.load(walked.workspace).rows
    rows = rows_of(written / "mixed" / "seed-1" / f"{task}.parquet")
    for language in ("en", "de", "zh"):
        of = [row for row in rows if row["language"] == language]
        assert len({row["id"] for row in of}) == 8
        kept = {
            each["metric"]: each["value"]
            for each in figures
            if (each["arm"], each["task"], each["language"]) == ("mixed", task, language)
            and each["split"] == "test"
            and not each["control"]
        }
        summed = sum(row["won"] for row in of) / sum(row["of"] for row in of)
        assert summed == pytest.approx(checkpoint_score(kept))
        assert all(row["text"] and row["gold"] for row in of)


def test_a_right_row_has_the_right_answer(written: Path) -> None:
    for task in ("xnli", "tatoeba"):
        for row in rows_of(written / "mixed" / "seed-1" / f"{task}.parquet"):
            assert (row["score"] == 1) == (row["answer"] == row["gold"]), row
    for row in rows_of(written / "none" / "seed-1" / "udpos.parquet"):
        assert len(row["gold"].split()) == len(row["answer"].split()) == len(row["text"].split())


def test_arms_are_tested_in_pairs_as_the_report_tests_them(
    written: Path, walked: Walked, capsys: pytest.CaptureFixture[str]
) -> None:
    found = stiltwalk.compare_scores(written / "none", written / "mixed")
    gains = stiltwalk.load(walked.workspace).gains().set_index("target")
    xnli = [each for each in found["figures"] if each["task"] == "xnli"]
    assert sum(each["difference"] for each in xnli) / 3 == pytest.approx(
        gains.loc["xnli"].gain_points
    )
    tatoeba = [each for each in found["figures"] if each["task"] == "tatoeba"]
    assert [(each["num_rows"], each["test"]) for each in tatoeba] == [(8, "McNemar")] * 2
    assert all(0 <= each["p"] <= each["p_holm"] <= 1 for each in found["figures"])
    words = ["compare-scores", str(written / "none"), str(written / "mixed")]
    assert cli.app(words, standalone_mode=False) in {None, 0}
    assert "McNemar" in capsys.readouterr().out


def test_arms_are_not_mixed(written: Path) -> None:
    with pytest.raises(DataError, match=r"mixed and .*none both score .*: give the folder of one"):
        stiltwalk.compare_scores(written, written)


def test_equal_systems_differ_in_nothing(written: Path) -> None:
    for each in stiltwalk.compare_scores(written / "mixed", written / "mixed")["figures"]:
        assert each["difference"] == 0
        assert each["verdict"] == "inside the noise"
        assert each["p"] == 1


def test_two_things_at_once_are_refused(walked: Walked, tmp_path: Path) -> None:
    words = ["export", str(walked.report.parent), str(tmp_path / "x")]
    with pytest.raises(NoSuchRun, match="give one of them"):
        cli.app([*words, "--samples", "--checkpoint", "mixed/xnli"], standalone_mode=False)


def test_changed_rows_are_refused(walked: Walked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stiltwalk.publishing.revision", lambda *_, **__: "of other rows")
    with pytest.raises(DataError, match="are not those that the run answered"):
        stiltwalk.load(walked.workspace).errors("mixed", "xnli", "de")
