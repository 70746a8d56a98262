"""Tests for stiltwalk.tasks.scoring and the benchmarks it knows."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stiltwalk import cli
from stiltwalk.data.xtreme_files import Form, answers_path, write_answers, write_gold
from stiltwalk.errors import DataError, MetricError, RecipeError
from stiltwalk.records import Answers, GoldTexts
from stiltwalk.tasks.scoring import (
    XTREME,
    XTREME_R,
    Benchmark,
    benchmark_named,
    score_folder,
)

GOLD: Mapping[Form, Answers | GoldTexts] = {
    Form.LABELS: ["1", "0", "1", "0"],
    Form.CHOICES: ["1", "0", "1", "0"],
    Form.TAGS: [["B-PER", "I-PER"], ["O", "B-LOC"]],
    Form.TEXTS: {"q1": ["cat"], "q2": ["dog"]},
    Form.PAIRS: [("f1", "e1"), ("f2", "e2")],
    Form.RANKINGS: {"q1": ["d1"], "q2": ["d2"]},
}
HALF_RIGHT: Mapping[Form, Answers] = {
    Form.LABELS: ["1", "0", "0", "1"],
    Form.CHOICES: ["1", "0", "0", "1"],
    Form.TAGS: [["B-PER", "I-PER"], ["B-LOC", "O"]],
    Form.TEXTS: {"q1": "cat", "q2": "bird"},
    Form.PAIRS: [("f1", "e1"), ("f2", "e9")],
    Form.RANKINGS: {"q1": ["d1"], "q2": ["d1"]},
}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "predictions", tmp_path / "labels"


def fill(folders: tuple[Path, Path], benchmark: Benchmark, *names: str) -> None:
    for name in names or tuple(benchmark.tasks):
        task = benchmark.tasks[name]
        for language in task.languages:
            predicted, gold = (answers_path(f, name, language, task.form) for f in folders)
            write_answers(predicted, task.form, HALF_RIGHT[task.form])
            write_gold(gold, task.form, GOLD[task.form])


def test_a_whole_submission_has_every_score(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME)
    document = score_folder(*folders)
    assert document["overall"] == 50.0
    assert document["groups"] == dict.fromkeys(
        ("classification", "tagging", "qa", "retrieval"), 50.0
    )
    assert list(document["tasks"]) == list(XTREME.tasks)
    assert {task["score"] for task in document["tasks"].values()} == {50.0}


def test_figures_stand_under_task_metric_and_language_in_percent(
    folders: tuple[Path, Path],
) -> None:
    fill(folders, XTREME)
    tasks = score_folder(*folders)["tasks"]
    assert tasks["xnli"]["accuracy"]["sw"] == 50.0
    assert set(tasks["panx"]) == {"score", "f1", "precision", "recall"}
    assert set(tasks["bucc2018"]) == {"score", "f1", "precision", "recall"}
    assert set(tasks["mlqa"]) == {"score", "f1", "exact_match"}
    assert set(tasks["tatoeba"]["accuracy"]) == set(XTREME.tasks["tatoeba"].languages)


def test_a_folder_with_some_tasks_has_those_and_only_whole_groups(
    folders: tuple[Path, Path],
) -> None:
    fill(folders, XTREME, "xnli", "pawsx", "xquad")
    document = score_folder(*folders)
    assert "overall" not in document
    assert set(document["groups"]) == {"classification"}
    assert set(document["tasks"]) == {"xnli", "pawsx", "xquad"}


def test_a_missing_language_is_listed_and_counts_for_no_group(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME)
    (folders[0] / "panx" / "test-my.tsv").unlink()
    document = score_folder(*folders)
    assert document["tasks"]["panx"]["missing"] == ["my"]
    assert "my" not in document["tasks"]["panx"]["f1"]
    assert document["tasks"]["panx"]["score"] == 50.0
    assert "overall" not in document
    assert "tagging" not in document["groups"]


def test_a_language_that_the_task_does_not_have_is_ignored(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME, "xquad")
    before = score_folder(*folders)
    for folder in folders:
        (folder / "xquad" / "test-ja.json").write_text("broken", encoding="utf-8")
    found = score_folder(*folders)
    assert len(found.pop("warnings")) == 2
    before.pop("warnings", None)
    assert found == before


def test_trap_10_a_length_mismatch_names_both_files_and_both_counts(
    folders: tuple[Path, Path],
) -> None:
    fill(folders, XTREME, "xnli")
    write_answers(folders[0] / "xnli" / "test-sw.tsv", Form.LABELS, ["1", "0", "1"])
    expected = r"predictions/xnli/test-sw\.tsv against .*labels/xnli/test-sw\.tsv: .*got 3 and 4"
    with pytest.raises(MetricError, match=expected):
        score_folder(*folders)


def test_trap_10_a_sentence_with_another_number_of_tags_is_named(
    folders: tuple[Path, Path],
) -> None:
    fill(folders, XTREME, "udpos")
    write_answers(folders[0] / "udpos" / "test-th.tsv", Form.TAGS, [["O", "O"], ["O"]])
    with pytest.raises(MetricError, match=r"test-th\.tsv: Sentence 2 has 2 words, but 1"):
        score_folder(*folders)


def test_a_missing_id_scores_zero_and_an_extra_id_is_ignored(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME, "tydiqa")
    write_answers(folders[0] / "tydiqa" / "test-fi.json", Form.TEXTS, {"q2": "dog", "q9": "x"})
    assert score_folder(*folders)["tasks"]["tydiqa"]["exact_match"]["fi"] == 50.0


def test_no_mined_pair_at_all_scores_zero(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME, "bucc2018")
    write_answers(folders[0] / "bucc2018" / "test-ru.tsv", Form.PAIRS, [])
    assert score_folder(*folders)["tasks"]["bucc2018"]["f1"]["ru"] == 0.0


def test_empty_files_are_refused_not_scored(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME, "pawsx")
    for folder in folders:
        (folder / "pawsx" / "test-ja.tsv").write_text("", encoding="utf-8")
    with pytest.raises(MetricError, match=r"test-ja\.tsv: .*non-zero"):
        score_folder(*folders)


def test_xtreme_r_has_its_own_tasks_languages_and_groups(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME_R)
    document = score_folder(*folders, benchmark="xtreme-r")
    assert set(document["groups"]) == {
        "classification",
        "tagging",
        "qa",
        "multi_choice",
        "retrieval",
    }
    assert document["mean_of_present_tasks"] == 50.0
    assert "overall" not in document
    assert "bucc2018" not in document["tasks"]
    assert document["tasks"]["xquad"]["f1"]["ro"] == 50.0
    assert document["tasks"]["xcopa"]["accuracy"]["qu"] == 50.0


def test_an_unknown_benchmark_is_refused(folders: tuple[Path, Path]) -> None:
    with pytest.raises(RecipeError, match="xtreme, xtreme-r"):
        score_folder(*folders, benchmark="glue")


def test_a_folder_that_is_none_is_named(folders: tuple[Path, Path]) -> None:
    with pytest.raises(DataError, match="predictions is not a folder"):
        score_folder(*folders)


def test_nothing_to_score_says_what_the_folders_hold(folders: tuple[Path, Path]) -> None:
    for folder, name in zip(folders, ("xnil", "xnli"), strict=True):
        (folder / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"predictions holds xnil, .*labels holds xnli"):
        score_folder(*folders)


def test_xtreme_has_nine_tasks_in_four_groups() -> None:
    grouped = [name for members in XTREME.groups.values() for name in members]
    assert sorted(grouped) == sorted(XTREME.tasks)
    assert {name: len(task.languages) for name, task in XTREME.tasks.items()} == {
        "xnli": 15,
        "pawsx": 7,
        "udpos": 33,
        "panx": 40,
        "xquad": 11,
        "mlqa": 7,
        "tydiqa": 9,
        "bucc2018": 4,
        "tatoeba": 36,
    }


def nli_folders(folders: tuple[Path, Path], *, predicted: str, times: int) -> None:
    """Write right labels in every language, and in German some others."""
    for folder in folders:
        for language in XTREME.tasks["xnli"].languages:
            path = answers_path(folder, "xnli", language, Form.LABELS)
            write_answers(path, Form.LABELS, ["entailment"] * 200)
    odd = [predicted] * times + ["entailment"] * (200 - times)
    write_answers(answers_path(folders[0], "xnli", "de", Form.LABELS), Form.LABELS, odd)


@pytest.mark.parametrize(
    ("predicted", "hint"),
    [
        ("Entailment", "`Entailment` → `entailment`?"),
        ("NEUTRAL", "`NEUTRAL` → `neutral`?"),
        ("2", "the most frequent is `2`."),
    ],
)
@pytest.mark.parametrize("times", [1, 190, 200])
def test_lines_that_are_no_label_are_counted(
    folders: tuple[Path, Path], predicted: str, hint: str, times: int
) -> None:
    nli_folders(folders, predicted=predicted, times=times)
    (warning,) = score_folder(*folders)["warnings"]
    assert warning.startswith(f"{times} of 200 lines of {folders[0]}/xnli/test-de.tsv are no label")
    assert warning.endswith(hint)


def test_right_labels_alone_give_no_warning(folders: tuple[Path, Path]) -> None:
    nli_folders(folders, predicted="neutral", times=3)
    assert "warnings" not in score_folder(*folders)


def test_unread_folders_and_files_and_missing_languages_are_said_and_strict_fails(
    folders: tuple[Path, Path],
) -> None:
    nli_folders(folders, predicted="neutral", times=3)
    calm = CliRunner().invoke(cli.app, ["score", *map(str, folders), "--strict"])
    assert calm.exit_code == 0, calm.output
    (folders[0] / "XQUAD").mkdir()
    (folders[0] / "xnli" / "test-de.tsv").rename(folders[0] / "xnli" / "test-DE.tsv")
    document = score_folder(*folders)
    assert document["warnings"] == [
        f"{folders[0]}/XQUAD is no task of xtreme and was not scored. Did you mean xquad?",
        f"{folders[0]}/xnli holds 1 files that were not scored: test-DE.tsv.",
        "xnli has no pair of files in 1 of 15 languages (de): its score is the mean of the others.",
    ]
    said = CliRunner().invoke(cli.app, ["score", *map(str, folders)])
    assert said.exit_code == 0
    assert "Warning: " in said.output
    assert "100.00*" in said.output
    assert CliRunner().invoke(cli.app, ["score", *map(str, folders), "--strict"]).exit_code == 1


def test_every_figure_of_a_question_task_is_named(folders: tuple[Path, Path]) -> None:
    fill(folders, XTREME, "xquad")
    said = CliRunner().invoke(cli.app, ["score", *map(str, folders)], env={"COLUMNS": "200"})
    assert all(f" {title} " in said.output for title in ("score", "EM", "F1")), said.output


def test_own_tasks_are_scored_by_the_file_that_declares_them(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    declared = tmp_path / "reviews.toml"
    declared.write_text(
        'name = "reviews"\ntype = "text"\nlanguages = ["en", "lb"]\ntest = "t-{language}.csv"\n'
        'labels = ["0", "1"]\ntrain = "t.csv"\ndev = "d.csv"\n',
        encoding="utf-8",
    )
    own = benchmark_named(str(declared))
    fill(folders, own)
    document = score_folder(*folders, benchmark=str(declared))
    assert document["tasks"]["reviews"]["accuracy"] == {"en": 50.0, "lb": 50.0}
    assert document["mean_of_present_tasks"] == 50.0
    assert document["groups"] == {}
