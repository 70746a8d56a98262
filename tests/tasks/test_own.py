"""A user's own task: declared in TOML, checked, and read from files of every form."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from own_tasks import DECLARATION, write_reviews
from stiltwalk import cli
from stiltwalk.data.source import HUB, MINI, DataSource, Place
from stiltwalk.data.textfile import open_table
from stiltwalk.errors import DataError, RecipeError
from stiltwalk.records import (
    ChoiceExample,
    Example,
    Metric,
    PairExample,
    SpanExample,
    Split,
    TaggedExample,
    TextExample,
)
from stiltwalk.tasks import TASKS, declare, find, intermediate_names, target_names
from stiltwalk.tasks.listing import check
from stiltwalk.tasks.load import examples, num_rows
from stiltwalk.tasks.own import OwnTask, own_tasks, read_own_tasks
from stiltwalk.tasks.sources import available_languages, revision
from stiltwalk.tasks.task import ESTIMATED_TOKENS
from stiltwalk.tasks.templates import template_of

SOURCE = DataSource(source=MINI)


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    declare([])


def declared(folder: Path, text: str = DECLARATION) -> OwnTask:
    (folder / "task.toml").write_text(text, encoding="utf-8")
    (own,) = read_own_tasks(folder / "task.toml")
    return own


def refused(folder: Path, old: str, new: str = "", text: str = DECLARATION) -> str:
    assert old in text
    with pytest.raises(RecipeError) as caught:
        declared(folder, text.replace(old, new))
    return str(caught.value)


def test_a_declared_task_is_known_until_another_recipe_declares_its_own(tmp_path: Path) -> None:
    declare([declared(tmp_path).task()])
    assert find("reviews").metric is Metric.ACCURACY
    assert target_names()[-1] == intermediate_names()[-1] == "reviews"
    declare([])
    assert "reviews" not in TASKS
    with pytest.raises(RecipeError, match="no task 'reviews'"):
        find("reviews")


def test_a_declared_task_can_be_sent_to_a_process_that_does_not_know_it(tmp_path: Path) -> None:
    from stiltwalk.stages import compare_speed  # noqa: F401, PLC0415 - says how tasks are sent

    write_reviews(tmp_path)
    sent = pickle.loads(pickle.dumps(declared(tmp_path).task()))  # noqa: S301 - our own
    assert len(examples(sent, SOURCE, Split.TEST, "lb")) == 4


def test_rows_of_a_csv_file_are_read_in_every_language(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    task = declared(tmp_path).task()
    rows = examples(task, SOURCE, Split.TEST, "lb")
    assert rows[1] == TextExample("1", "Film 1, test-lb", "good")
    assert [num_rows(task, SOURCE, split, "en") for split in Split] == [16, 6, 5]
    assert task.tokens_of_row("lb") == ESTIMATED_TOKENS[task.task_type]
    assert "{text}" in template_of(task.template).prompt


def test_a_language_without_a_file_is_left_out(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    task = declared(tmp_path).task()
    assert available_languages(task, SOURCE) == ("en", "lb")
    (tmp_path / "rows" / "test-en.csv").unlink()
    assert available_languages(task, SOURCE) == ("lb",)


def test_the_checksum_follows_the_files_that_are_read_alone(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    task = declared(tmp_path).task()
    learned = revision(task, SOURCE, (Split.TRAIN, Split.DEV))
    asked = revision(task, SOURCE, (Split.TEST,))
    (tmp_path / "rows" / "test-lb.csv").write_text("review,stars\nX,bad\n", encoding="utf-8")
    assert revision(task, SOURCE, (Split.TRAIN, Split.DEV)) == learned
    assert revision(task, SOURCE, (Split.TEST,)) != asked


def test_a_further_language_trains_nothing_anew(tmp_path: Path) -> None:
    own = declared(tmp_path)
    more = declared(tmp_path, DECLARATION.replace('"lb"', '"lb", "gsw"'))
    assert own.learned == more.learned
    assert own != more


@pytest.mark.parametrize(
    ("type_", "more", "row", "expected"),
    [
        (
            "pair",
            'labels = ["no", "yes"]',
            {"first": "A", "second": "B", "label": 1},
            PairExample("0", "A", "B", "yes"),
        ),
        (
            "choice",
            'columns = { choices = ["a", "b"] }',
            {"prompt": "P", "a": "x", "b": "y", "label": 1},
            ChoiceExample("0", "P", ("x", "y"), "1"),
        ),
        (
            "choice",
            "",
            {"prompt": "P", "choices": ["x", "y"], "label": "0"},
            ChoiceExample("0", "P", ("x", "y"), "0"),
        ),
        (
            "tagging",
            'labels = ["O", "B-X"]',
            {"words": ["a", "b"], "tags": ["O", "B-X"]},
            TaggedExample("0", ("a", "b"), ("O", "B-X")),
        ),
        (
            "span",
            "",
            {
                "id": "q",
                "question": "Q",
                "context": "C",
                "answers": {"text": [], "answer_start": []},
            },
            SpanExample("q", "Q", "C", ()),
        ),
    ],
)
def test_json_lines_hold_every_type(
    type_: str, more: str, row: dict[str, object], expected: Example, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    paths = "\n".join(f'{split} = "rows.jsonl"' for split in ("train", "dev", "test"))
    text = f'name = "mine"\ntype = "{type_}"\nlanguages = ["lb"]\n{paths}\n{more}\n'
    task = declared(tmp_path, text).task()
    assert examples(task, SOURCE, Split.TRAIN) == (expected,)
    assert task.languages_of(Split.TRAIN) == ("en",)
    assert template_of(task.template).asked(expected)


def test_words_and_tags_of_a_tsv_file_have_spaces_between(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('words\ttags\n"a b\tO B-X\n', encoding="utf-8")
    text = (
        'name = "mine"\ntype = "tagging"\nlanguages = ["lb"]\nlabels = ["O", "B-X"]\n'
        'train = "t.tsv"\ndev = "t.tsv"\ntest = "t.tsv"\n'
    )
    (row,) = examples(declared(tmp_path, text).task(), SOURCE, Split.TEST, "lb")
    assert row == TaggedExample("0", ('"a', "b"), ("O", "B-X"))


def test_a_task_can_be_on_the_hub_and_train_on_a_shipped_one(tmp_path: Path) -> None:
    text = (
        'name = "anli"\ntype = "pair"\nlanguages = ["quy", "gn"]\ntrained_on = "mnli"\n'
        'hub = "some/americas"\nconfig = "nli-{language}"\ncodes = { gn = "grn" }\ntest = "test"\n'
    )
    task = declared(tmp_path, text).task()
    assert task.labels == TASKS["mnli"].labels
    assert [task.hub[0].config_of(code) for code in task.languages] == ["nli-quy", "nli-grn"]
    assert available_languages(task, DataSource(source=HUB)) == ("quy", "gn")
    assert (num_rows(task, SOURCE, Split.TEST, "quy"), task.train_task) == (1_000, "mnli")
    declare([task])
    assert "anli" not in intermediate_names()


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('type = "text"', 'type = "texts"', "tasks.reviews.type is 'texts': input should be"),
        ("labels = ", "label = ", "Unknown key tasks.reviews.label. Did you mean labels?"),
        ('labels = ["bad", "good"]', "", "tasks.reviews.labels must name at least two"),
        ('"bad", "good"', '"bad", "bad", "good"', "tasks.reviews.labels names one twice"),
        ('name = "reviews"', "", "The task lacks tasks.?.name"),
        ('name = "reviews"', 'name = "xnli"', "tasks.xnli.name is taken"),
        ('"lb"', '"Luxembourgish"', "tasks.reviews.languages.1 is 'Luxembourgish'"),
        ("text = ", "txt = ", "tasks.reviews.columns.txt. Did you mean text?"),
        ("-{language}", "", "tasks.reviews.test is 'rows/test.csv' for 2 languages: write"),
        ("train.csv", "train.xlsx", "tasks.reviews.train is 'rows/train.xlsx': its ending"),
        ('dev = "rows/dev.csv"', "", "tasks.reviews.train and tasks.reviews.dev name"),
        ("columns", 'metric = "squad"\ncolumns', "tasks.reviews.metric is 'squad': a text task"),
        ("columns", 'prompt = "{review}"\ncolumns', "tasks.reviews.prompt cannot be filled in"),
        ("columns", 'words = { bd = "x" }\ncolumns', "tasks.reviews.words.bd is for no label"),
    ],
)
def test_a_wrong_declaration_is_answered_with_its_key(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    assert sentence in refused(tmp_path, old, new)


def test_a_task_is_declared_once_in_a_list_of_tables_or_files(tmp_path: Path) -> None:
    declared(tmp_path)
    assert own_tasks(["task.toml"], tmp_path) == read_own_tasks(tmp_path / "task.toml")
    with pytest.raises(RecipeError, match="tasks declares 'reviews' twice"):
        own_tasks(["task.toml", "task.toml"], tmp_path)
    with pytest.raises(RecipeError, match="tasks is 3: give tables"):
        own_tasks(3, tmp_path)


def test_a_missing_column_is_answered_with_the_key_that_names_it(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    task = declared(tmp_path, DECLARATION.replace('"review"', '"reviw"')).task()
    with pytest.raises(
        DataError, match=r"no column 'reviw'.*reviews\.columns\. Did you mean review\?"
    ):
        examples(task, SOURCE, Split.TEST, "lb")
    (document,) = check(tmp_path / "task.toml")
    assert document["row"] == {"review": "Film 0, train", "stars": "bad"}


def test_check_shows_sizes_and_a_row_and_every_file_that_is_wrong(tmp_path: Path) -> None:
    write_reviews(tmp_path)
    declared(tmp_path)
    (document,) = check(tmp_path / "task.toml")
    assert document["rows"] == {"train": {"en": 16}, "dev": {"en": 6}, "test": {"en": 5, "lb": 4}}
    assert document["row"] == {"id": "0", "text": "Film 0, train", "label": "bad"}
    assert document["wrong"] == []
    (tmp_path / "rows" / "test-lb.csv").write_text("review,stars\nX,awful\n", encoding="utf-8")
    (tmp_path / "rows" / "dev.csv").unlink()
    done = CliRunner().invoke(cli.app, ["tasks", "--check", str(tmp_path / "task.toml")])
    assert "Film 0, train" in done.stdout
    assert "unknown label 'awful'" in str(done.exception)
    assert "dev.csv is no file" in str(done.exception)


def test_deep_json_and_marks_of_editors_are_read_or_named(tmp_path: Path) -> None:
    file, place = tmp_path / "a.jsonl", Place("reviews", "en", "train")
    file.write_bytes(b'\xef\xbb\xbf{"id": "\xe2\x80\xa8[[{", "x": [[1]]}\r\n')
    assert list(open_table(file, place).take(("id",))) == [(0, ("\u2028[[{",))]
    file.write_text('{"id": "' + "[" * 500 + '"}\n{"id": "b"}\n', encoding="utf-8")
    assert len(list(open_table(file, place).take(("id",)))) == 2
    for brackets in (("[", "]"), ('{"a":', "}")):
        deep = brackets[0] * 100_000 + "1" + brackets[1] * 100_000
        file.write_text(f'{{"id": "a"}}\n{{"id": {deep}}}\n', encoding="utf-8")
        with pytest.raises(DataError, match=r"a\.jsonl, line 2: more than 64 brackets are open"):
            open_table(file, place)


def test_an_installed_package_ships_tasks_under_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, facts = tmp_path / "film_tasks", tmp_path / "film_tasks-1.0.dist-info"
    package.mkdir()
    facts.mkdir()
    write_reviews(package)
    (package / "reviews.toml").write_text(DECLARATION, encoding="utf-8")
    program = 'from pathlib import Path\nFILE = Path(__file__).with_name("reviews.toml")\n'
    (package / "__init__.py").write_text(program, encoding="utf-8")
    (facts / "METADATA").write_text("Name: film-tasks\nVersion: 1.0\n", encoding="utf-8")
    points = "[stiltwalk.tasks]\nfilm = film_tasks:FILE\nbroken = film_tasks:NONE\n"
    (facts / "entry_points.txt").write_text(points, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    (own,) = own_tasks(["film"], tmp_path / "elsewhere")
    assert (own.name, own.folder) == ("reviews", str(package))
    with pytest.raises(RecipeError, match="'broken', which a package ships and cannot give"):
        own_tasks(["broken"], tmp_path)
    with pytest.raises(RecipeError, match="No task could be read at"):
        own_tasks(["other"], tmp_path)
