"""Scores of other programs, read and tested in pairs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import stats

from stiltwalk.errors import DataError
from stiltwalk.reports.paired import compare_scores


def harness(
    folder: Path, rows: list[dict[str, Any]], day: str = "2026-01-01T10-00-00.123456"
) -> Path:
    """Write a log of lm-eval."""
    folder.mkdir(exist_ok=True)
    lines = [
        {"doc_id": at, "doc": {}, "target": "x", "filter": "none", "metrics": ["acc", "ppl"]} | row
        for at, row in enumerate(rows)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"samples_hella_swag_{day}.jsonl").write_text(text, encoding="utf-8")
    return folder


def log(values: list[float]) -> list[dict[str, Any]]:
    return [{"doc_hash": f"h{at}", "acc": each, "ppl": [1, 2]} for at, each in enumerate(values)]


def test_logs_of_lm_eval_are_paired_on_document_and_filter(tmp_path: Path) -> None:
    a = harness(tmp_path / "a", log([1.0] * 4 + [0.0] * 26))
    b = harness(tmp_path / "b", [*reversed(log([1.0] * 20 + [0.0] * 10)), *log([1.0])])
    (found,) = compare_scores(a, b)["figures"]
    assert (found["task"], found["part"], found["metric"]) == ("hella_swag", "none", "acc")
    assert (found["a"], found["num_rows"], found["unpaired_b"]) == (pytest.approx(400 / 30), 30, 1)
    assert found["difference"] == pytest.approx(100 * 16 / 30)
    assert found["p"] == pytest.approx(stats.binomtest(16, 16).pvalue)
    assert (found["test"], found["verdict"]) == ("McNemar", "B is higher")


def test_filters_stay_apart_and_the_latest_log_counts(tmp_path: Path) -> None:
    old = [each | {"filter": "strict", "acc": 0.0} for each in log([1.0, 1.0])]
    new = [each | {"filter": name} for name in ("strict", "loose") for each in log([1.0, 0.0])]
    folder = harness(tmp_path / "a", old, "2025-01-01T10-00-00.123456")
    harness(folder, new)
    figures = compare_scores(folder, folder)["figures"]
    assert [each["part"] for each in figures] == ["loose", "strict"]
    assert [each["a"] for each in figures] == [50, 50]


def test_systems_are_not_mixed(tmp_path: Path) -> None:
    for name in ("a", "b"):
        harness(tmp_path / name, log([1.0, 0.0]))
    with pytest.raises(DataError, match="both score hella_swag none acc: give the folder of one"):
        compare_scores(tmp_path, tmp_path / "a")


def test_what_can_be_half_right_is_resampled(tmp_path: Path) -> None:
    a = harness(tmp_path / "a", log([0.5, 0.25, 0.0, 1.0] * 20))
    b = harness(tmp_path / "b", log([0.75, 0.5, 0.25, 1.0] * 20))
    (found,) = compare_scores(a, b)["figures"]
    assert found["test"] == "paired bootstrap"
    assert found["difference"] == pytest.approx(18.75)
    assert found["low"] < found["difference"] < found["high"]
    assert found["verdict"] == "B is higher"


def test_figures_that_are_no_fractions_keep_their_scale(tmp_path: Path) -> None:
    a, b = (harness(tmp_path / n, log(v)) for n, v in (("a", [30.0, 40.0]), ("b", [31.0, 43.0])))
    (found,) = compare_scores(a, b)["figures"]
    assert (found["unit"], found["a"], found["difference"]) == ("", 35, 2)


def own_rows(folder: Path, seeds: dict[int, list[float]]) -> Path:
    """Write rows as `export --samples` does."""
    for seed, values in seeds.items():
        rows = [
            {"task": "xnli", "language": "de", "metric": "accuracy", "seed": seed, "id": f"{at}"}
            | {"won": each, "of": 1.0}
            for at, each in enumerate(values)
        ]
        (folder / f"seed-{seed}").mkdir(parents=True)
        parquet.write_table(pa.Table.from_pylist(rows), folder / f"seed-{seed}" / "xnli.parquet")
    return folder


def test_seeds_are_paired_and_one_without_others_meets_each(tmp_path: Path) -> None:
    some, more = [1.0, 0.0] * 10, [1.0, 1.0, 0.0, 1.0] * 5
    a = own_rows(tmp_path / "a", {0: some})
    b = own_rows(tmp_path / "b", {1: more, 2: some, 3: more})
    (found,) = compare_scores(a, b)["figures"]
    assert found["test"] == "t over seeds and rows"
    assert found["difference"] == pytest.approx(25 * 2 / 3)
    (back,) = compare_scores(b, a)["figures"]
    assert back["difference"] == pytest.approx(-found["difference"])
    (once,) = compare_scores(own_rows(tmp_path / "c", {7: some}), a)["figures"]
    assert once["test"] == "McNemar"
    other = own_rows(tmp_path / "d", {8: some, 9: some})
    (apart,) = compare_scores(b, other)["figures"]
    assert apart["verdict"] == "not tested"


def mteb_results(folder: Path, score: float) -> Path:
    """Write what mteb keeps of a task."""
    folder.mkdir(exist_ok=True)
    scores = [{"hf_subset": "de", "languages": ["deu-Latn"], "main_score": score, "f1": 0.1}]
    document = {"task_name": "Tatoeba", "mteb_version": "2", "scores": {"test": scores}}
    (folder / "Tatoeba.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "model_meta.json").write_text('{"name": "me/model"}', encoding="utf-8")
    return folder


def test_results_of_mteb_are_means_side_by_side(tmp_path: Path) -> None:
    a, b = mteb_results(tmp_path / "a", 0.5), mteb_results(tmp_path / "b", 0.75)
    (found,) = compare_scores(a, b)["figures"]
    assert (found["part"], found["a"], found["difference"]) == ("de, test", 50, 25)
    assert (found["p"], found["verdict"]) == (None, "not tested")


def predictions(folder: Path, task: str, given: object) -> Path:
    """Write what mteb predicts."""
    folder.mkdir(exist_ok=True)
    document = {"mteb_model_meta": {"model_name": "me/m", "revision": "1"}, "de": {"test": given}}
    (folder / f"{task}_predictions.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_predictions_of_bitext_mining_are_scored_by_their_position(tmp_path: Path) -> None:
    def mined(found: list[int]) -> dict[str, Any]:
        return {"sentence1-sentence2": [{"corpus_id": each, "score": 0.5} for each in found]}

    a = predictions(tmp_path / "a", "Tatoeba", mined([0, 1, 0, 0]))
    b = predictions(tmp_path / "b", "Tatoeba", mined([0, 1, 2, 0]))
    (found,) = compare_scores(a, b)["figures"]
    assert (found["a"], found["b"], found["num_rows"], found["p"]) == (50, 75, 4, 1)


def test_predictions_without_right_answers_are_said(tmp_path: Path) -> None:
    a = predictions(tmp_path / "a", "STS", {"cosine_scores": [0.5, 0.7]})
    with pytest.raises(DataError, match=r"STS_predictions\.json holds no right answers"):
        compare_scores(a, a)
    document = compare_scores(mteb_results(a, 0.5), a)
    assert len(document["notes"]) == len(document["figures"]) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("samples_a.jsonl", "{"),
        ("samples_a.jsonl", '{"acc": 1}'),
        ("samples_a.jsonl", "[1]"),
        ("a.parquet", "no parquet"),
        ("a_predictions.json", "[1, 2]"),
        ("a.json", '{"task_name": "a", "scores": [1]}'),
    ],
)
def test_files_that_are_not_what_they_seem_are_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=rf"{name} cannot be read as scores .*lm-eval"):
        compare_scores(tmp_path, tmp_path)


def test_nothing_in_common_and_nothing_at_all_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no scores"):
        compare_scores(tmp_path, tmp_path)
    a, b = harness(tmp_path / "a", log([1.0])), mteb_results(tmp_path / "b", 0.5)
    with pytest.raises(DataError, match="no figure in common: one has hella_swag none acc"):
        compare_scores(a, b)
