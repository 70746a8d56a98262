"""Tests for stiltwalk.data.xtreme_files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stiltwalk.data.xtreme_files import (
    Form,
    answers_path,
    form_of,
    read_answers,
    read_gold,
    write_answers,
    write_gold,
)
from stiltwalk.errors import DataError
from stiltwalk.records import Answers, Metric, Split, TaskType

LABEL = st.text("abyz019-\"'éक龙 ", min_size=1).map(str.strip).filter(bool)


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(content: str) -> Path:
        path = tmp_path / "test-de.tsv"
        path.write_text(content, encoding="utf-8", newline="")
        return path

    return write


def test_files_stand_where_xtreme_looks_for_them() -> None:
    assert answers_path(Path("p"), "xnli", "de", Form.LABELS) == Path("p/xnli/test-de.tsv")
    assert answers_path(Path("p"), "mlqa", "zh", Form.TEXTS) == Path("p/mlqa/test-zh.json")
    assert answers_path(Path("p"), "xcopa", "et", Form.CHOICES) == Path("p/xcopa/test-et.jsonl")
    dev = answers_path(Path("p"), "panx", "en", Form.TAGS, Split.DEV)
    assert dev == Path("p/panx/dev-en.tsv")


@pytest.mark.parametrize(
    ("kind", "metric", "form"),
    [
        (TaskType.PAIR, Metric.ACCURACY, Form.LABELS),
        (TaskType.CHOICE, Metric.ACCURACY, Form.CHOICES),
        (TaskType.TAGGING, Metric.CHUNK_F1, Form.TAGS),
        (TaskType.TAGGING, Metric.ACCURACY, Form.TAGS),
        (TaskType.SPAN, Metric.MLQA, Form.TEXTS),
        (TaskType.RANKING, Metric.MAP_AT_20, Form.RANKINGS),
        (TaskType.RETRIEVAL, Metric.PAIR_F1, Form.PAIRS),
        (TaskType.RETRIEVAL, Metric.ACCURACY, Form.LABELS),
    ],
)
def test_the_form_follows_from_kind_and_metric(kind: TaskType, metric: Metric, form: Form) -> None:
    assert form_of(kind, metric) is form


@pytest.mark.parametrize(
    ("form", "answers", "content"),
    [
        (Form.LABELS, ["neutral", "17"], "neutral\n17\n"),
        (Form.CHOICES, ["0", "1"], '{"label": 0}\n{"label": 1}\n'),
        (Form.TAGS, [["O", "B-PER"], ["O"]], "O\nB-PER\n\nO\n"),
        (Form.PAIRS, [("zh-1", "en-7")], "zh-1\ten-7\n"),
        (Form.TEXTS, {"q1": "北京", "q2": ""}, '{\n "q1": "北京",\n "q2": ""\n}\n'),
        (Form.RANKINGS, {"q1": ["Q7"], "q2": []}, '{\n "q1": [\n  "Q7"\n ],\n "q2": []\n}\n'),
    ],
)
def test_what_is_written_is_in_xtremes_form_and_reads_back(
    tmp_path: Path, form: Form, answers: Answers, content: str
) -> None:
    path = tmp_path / "new" / "file"
    write_answers(path, form, answers)
    assert path.read_text(encoding="utf-8") == content
    assert read_answers(path, form) == answers


@settings(max_examples=30)
@given(st.lists(LABEL), st.lists(st.lists(LABEL, min_size=1)), st.lists(st.tuples(LABEL, LABEL)))
def test_trap_8_there_is_no_quoting_so_quotes_survive(
    tmp_path_factory: pytest.TempPathFactory,
    labels: list[str],
    tags: list[list[str]],
    pairs: list[tuple[str, str]],
) -> None:
    path = tmp_path_factory.mktemp("answers") / "file"
    answers: Answers
    for form, answers in ((Form.LABELS, labels), (Form.TAGS, tags), (Form.PAIRS, pairs)):
        write_answers(path, form, answers)
        assert read_answers(path, form) == answers


def test_trap_7_several_blank_lines_in_a_row_are_one_border(
    written: Callable[[str], Path],
) -> None:
    path = written("\nO\nB-PER\n\n \n\nO\n\n\n")
    assert read_answers(path, Form.TAGS) == [["O", "B-PER"], ["O"]]


def test_trap_7_pairs_are_split_at_the_tab_not_at_any_white_space(
    written: Callable[[str], Path],
) -> None:
    assert read_answers(written("a b\tc d\n"), Form.PAIRS) == [("a b", "c d")]


def test_trap_7_a_line_separator_of_unicode_ends_no_line(written: Callable[[str], Path]) -> None:
    assert read_answers(written("a\u2028b\nc\u0085d\n"), Form.LABELS) == ["a\u2028b", "c\u0085d"]


def test_lines_may_end_as_on_windows_and_start_with_a_mark(
    written: Callable[[str], Path],
) -> None:
    assert read_answers(written("\ufeffneutral\r\n0\r\n"), Form.LABELS) == ["neutral", "0"]


def test_a_blank_line_is_a_wrong_answer_not_no_answer(written: Callable[[str], Path]) -> None:
    assert read_answers(written("a\n\nb\n"), Form.LABELS) == ["a", "", "b"]


def test_an_empty_file_holds_no_answers(written: Callable[[str], Path]) -> None:
    path = written("")
    assert [read_answers(path, form) for form in (Form.LABELS, Form.TAGS, Form.PAIRS)] == [[]] * 3


def test_gold_texts_read_back_with_every_accepted_text(tmp_path: Path) -> None:
    gold = {"q1": ["a", "b"], "q2": []}
    write_gold(tmp_path / "gold.json", Form.TEXTS, gold)
    assert read_gold(tmp_path / "gold.json", Form.TEXTS) == gold


def test_gold_may_be_the_list_of_articles_alone(written: Callable[[str], Path]) -> None:
    path = written('[{"paragraphs": [{"qas": [{"id": "q", "answers": [{"text": "x"}]}]}]}]')
    assert read_gold(path, Form.TEXTS) == {"q": ["x"]}


def test_other_gold_is_written_like_predictions(tmp_path: Path) -> None:
    write_gold(tmp_path / "gold.tsv", Form.LABELS, ["a"])
    assert read_gold(tmp_path / "gold.tsv", Form.LABELS) == ["a"]


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        (Form.TAGS, "O\nParis\tB-LOC\n", r"test-de\.tsv, line 2: expected a tag alone"),
        (Form.PAIRS, "a\tb\nc\n", r"test-de\.tsv, line 2: expected two ids"),
        (Form.PAIRS, "a\tb\tc\n", "line 1: expected two ids"),
        (Form.CHOICES, '{"label": 1}\n1\n', "line 2: expected an object with `label`, got '1'"),
        (Form.CHOICES, "{\n", "line 1: expected an object"),
        (Form.TEXTS, '{"q": \n', r"test-de\.tsv, line 2: not JSON"),
        (Form.TEXTS, '["x"]', "expected an object of question ids and answer texts, got a list"),
        (Form.TEXTS, '{"q": 7}', "the answer to q is 7, not a text"),
        (Form.TEXTS, '{"data": []}', "look like labels: give predictions first"),
        (Form.RANKINGS, '["Q7"]', "an object of query ids and lists of document ids, got a list"),
        (Form.RANKINGS, '{"q": "Q7"}', "the answer to q is 'Q7', not a list of ids"),
        (Form.RANKINGS, '{"q": [7]}', r"the answer to q is \[7\], not a list of ids"),
    ],
)
def test_predictions_in_another_form_are_refused_with_the_place(
    written: Callable[[str], Path], form: Form, content: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_answers(written(content), form)


@pytest.mark.parametrize("content", ['{"q": "x"}', "7", '[{"paragraphs": [{"qas": [{}]}]}]'])
def test_gold_that_is_not_squads_json_is_refused(
    written: Callable[[str], Path], content: str
) -> None:
    with pytest.raises(DataError, match="SQuAD's form"):
        read_gold(written(content), Form.TEXTS)


DEEP = "[" * 200_000 + "]" * 200_000
HUGE = "9" * 5_000
ODD = ("7", "null", "true", "1.5", HUGE, '["a"]', '{"text": "a"}', DEEP)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd[:8])
def test_an_answer_or_id_that_is_no_text_is_named_with_its_file(
    written: Callable[[str], Path], odd: str
) -> None:
    question = '{"data": [{"paragraphs": [{"qas": [{"id": %s, "answers": [{"text": %s}]}]}]}]}'
    for gold in (question % ('"q"', odd), question % (odd, '"a"'), odd):
        path = written(gold)
        with pytest.raises(DataError, match=r"test-de\.tsv: ") as error:
            read_gold(path, Form.TEXTS)
        assert len(str(error.value)) < 400
    for predicted in (f'{{"q": {odd}}}', odd):
        path = written(predicted if predicted != '{"text": "a"}' else "1")
        with pytest.raises(DataError, match=r"test-de\.tsv: "):
            read_answers(path, Form.TEXTS)
    if odd not in ("7", HUGE):
        path = written(f'{{"label": {odd}}}\n')
        with pytest.raises(DataError, match="line 1: expected an object with `label`, got"):
            read_answers(path, Form.CHOICES)


def test_bytes_that_are_not_utf_8_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "test-my.tsv"
    path.write_bytes(b"O\nO\n\xe1\x80 \n")
    with pytest.raises(DataError, match=r"test-my\.tsv is not UTF-8, first at line 3"):
        read_answers(path, Form.TAGS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test-sw\.tsv cannot be read: No such file"):
        read_answers(tmp_path / "test-sw.tsv", Form.LABELS)


@pytest.mark.parametrize(
    ("form", "answers"),
    [
        (Form.LABELS, ["a\tb"]),
        (Form.LABELS, [""]),
        (Form.LABELS, [" a"]),
        (Form.PAIRS, [("a", "b\n")]),
        (Form.TAGS, [["O", ""]]),
        (Form.TAGS, [["O"], []]),
    ],
)
def test_what_would_not_read_back_is_not_written(
    tmp_path: Path, form: Form, answers: Answers
) -> None:
    with pytest.raises(DataError):
        write_answers(tmp_path / "file", form, answers)
    assert not (tmp_path / "file").exists()


def test_spaces_around_an_id_are_no_part_of_it(written: Callable[[str], Path]) -> None:
    assert read_answers(written("de-1 \t en-1\r\n"), Form.PAIRS) == [("de-1", "en-1")]
