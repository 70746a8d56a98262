"""Tests for stiltwalk.data.readers: sentence pairs, choices, tags and aligned lines."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from mirrors import NLI_NAMES, nli, write_parquet
from stiltwalk.data import readers
from stiltwalk.data.hub import Reader
from stiltwalk.data.source import Place, Rows, open_parquet
from stiltwalk.errors import DataError
from stiltwalk.records import ChoiceExample, Example, PairExample, TaggedExample, TextExample
from stiltwalk.tasks import TASKS

PLACE = Place("owner/set", "default", "train")
READ_NLI = readers.pairs(("premise", "hypothesis", "label"), NLI_NAMES)
TAGS = ("NOUN", "VERB")
READ_TAGS = readers.tagged("tokens", "tags", TAGS)


def opened(path: Path) -> Rows:
    return open_parquet(PLACE, [path])


def examples(read: Reader, path: Path, language: str = "en") -> list[Example]:
    return list(read(opened(path), language))


def test_label_orders_differ_so_labels_are_mapped_by_name(tmp_path: Path) -> None:
    turned = write_parquet(tmp_path / "a.parquet", nli([0]), {"label": NLI_NAMES[::-1]})
    usual = write_parquet(tmp_path / "b.parquet", nli([0]), {"label": NLI_NAMES})
    labels = [example.label for path in (turned, usual) for example in examples(READ_NLI, path)]  # type: ignore[union-attr]
    assert labels == ["contradiction", "entailment"]


def test_a_number_without_names_is_refused_rather_than_guessed(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", nli([0]))
    with pytest.raises(DataError, match=r"row 0 .*does not say which words the numbers mean"):
        examples(READ_NLI, path)


def test_snli_rows_without_agreement_are_left_out_and_counted(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", nli([0, -1, 2]), {"label": NLI_NAMES})
    rows = opened(path)
    read = readers.pairs(("premise", "hypothesis", "label"), NLI_NAMES, unlabelled=-1)
    assert [example.id for example in read(rows, "en")] == ["0", "2"]
    assert rows.counts == {"rows without a label left out": 1}


def test_an_unknown_label_is_named_with_its_row(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", nli([0, -1]), {"label": NLI_NAMES})
    with pytest.raises(
        DataError,
        match=r"owner/set, configuration 'default', split 'train', row 1 .*label '-1'.*entailment",
    ):
        examples(READ_NLI, path)


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["x"], "label": [0]})
    with pytest.raises(DataError, match="no column 'hypothesis', only text, label"):
        examples(READ_NLI, path)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    columns = {"premise": [1], "hypothesis": ["x"], "label": [0]}
    path = write_parquet(tmp_path / "a.parquet", columns, {"label": NLI_NAMES})
    with pytest.raises(DataError, match="column 'premise' holds int64, not text"):
        examples(READ_NLI, path)


def test_a_null_is_named_with_its_row(tmp_path: Path) -> None:
    columns = {"premise": ["a", None], "hypothesis": ["x", "y"], "label": [0, 0]}
    path = write_parquet(tmp_path / "a.parquet", columns, {"label": NLI_NAMES})
    with pytest.raises(DataError, match=r"row 1 .*column 'premise' is empty"):
        examples(READ_NLI, path)


def test_invalid_utf8_is_named_with_its_row(tmp_path: Path) -> None:
    damaged = pa.array([b"fine", b"\xff\xfe"], pa.binary()).cast(pa.string(), safe=False)
    columns = {"premise": damaged, "hypothesis": ["x", "y"], "label": [0, 0]}
    path = write_parquet(tmp_path / "a.parquet", columns, {"label": NLI_NAMES})
    with pytest.raises(DataError, match=r"row 1 .*'premise' is not valid UTF-8"):
        examples(READ_NLI, path)


def test_a_truncated_parquet_file_is_no_traceback(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", nli([0] * 50), {"label": NLI_NAMES})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cannot be read .*fetch it again"):
        examples(READ_NLI, path)


def test_a_parquet_file_damaged_inside_is_no_traceback(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", nli([0] * 5_000), {"label": NLI_NAMES})
    content = bytearray(path.read_bytes())
    content[4:4_000] = b"\xff" * 3_996
    path.write_bytes(content)
    with pytest.raises(DataError, match="cut short or damaged"):
        examples(READ_NLI, path)


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    columns = {name: pa.array([], pa.string()) for name in ("premise", "hypothesis", "label")}
    path = write_parquet(tmp_path / "a.parquet", columns)
    with pytest.raises(DataError, match="split 'train': there are no rows"):
        examples(READ_NLI, path)


def test_xnli_is_filtered_by_language_and_keeps_row_numbers(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "language": ["ar", "de", "ar", "de"],
            "sentence1": list("abcd"),
            "sentence2": list("efgh"),
            "gold_label": ["neutral"] * 4,
        },
    )
    read = readers.pairs(
        ("sentence1", "sentence2", "gold_label"), NLI_NAMES, language_column="language"
    )
    assert examples(read, path, "de") == [
        PairExample("1", "b", "f", "neutral"),
        PairExample("3", "d", "h", "neutral"),
    ]
    assert examples(read, path, "sw") == []


def test_pawsx_placeholders_ns_stay_because_scoring_needs_every_row(tmp_path: Path) -> None:
    columns = {"sentence1": ["NS", "a"], "sentence2": ["NS", "b"], "label": ["0", "1"]}
    path = write_parquet(tmp_path / "a.parquet", columns)
    read = readers.pairs(("sentence1", "sentence2", "label"), ("0", "1"))
    assert examples(read, path)[0] == PairExample("0", "NS", "NS", "0")


def test_hellaswag_puts_the_second_half_of_the_context_before_each_ending(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "ctx_a": ["A man runs."],
            "ctx_b": ["he"],
            "endings": [["stops.", "flies.", "sings.", "melts."]],
            "label": ["2"],  # a string on the hub
        },
    )
    choices = ("he stops.", "he flies.", "he sings.", "he melts.")
    assert examples(readers.hellaswag, path) == [ChoiceExample("0", "A man runs.", choices, "2")]


def test_hellaswag_without_a_second_half_has_the_endings_alone(tmp_path: Path) -> None:
    columns = {"ctx_a": ["A man."], "ctx_b": [""], "endings": [["Stop.", "Go."]], "label": ["0"]}
    path = write_parquet(tmp_path / "a.parquet", columns)
    found = examples(readers.hellaswag, path)
    assert found == [ChoiceExample("0", "A man.", ("Stop.", "Go."), "0")]


def test_hidden_labels_of_hellaswag_are_refused(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {"ctx_a": ["A"], "ctx_b": ["b"], "endings": [["c", "d"]], "label": [""]},
    )
    with pytest.raises(DataError, match=r"label '' is no index of its 2 choices.*may be hidden"):
        examples(readers.hellaswag, path)


def test_cosmos_qa_asks_after_the_context(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "context": ["I was late."],
            "question": ["Why?"],
            **{f"answer{number}": [f"Reason {number}."] for number in range(4)},
            "label": [3],
        },
    )
    choices = tuple(f"Reason {number}." for number in range(4))
    read = TASKS["cosmos_qa"].hub[0].read
    assert read
    assert examples(read, path) == [ChoiceExample("0", "I was late. Why?", choices, "3")]


@pytest.mark.parametrize("as_records", [False, True])
def test_commonsense_qa_finds_the_index_of_its_letter(tmp_path: Path, *, as_records: bool) -> None:
    letters, texts = list("ABCDE"), ["bank", "lake", "tree", "moon", "door"]
    choices: object = {"label": letters, "text": texts}
    if as_records:
        choices = [{"label": a, "text": b} for a, b in zip(letters, texts, strict=True)]
    path = write_parquet(
        tmp_path / "a.parquet",
        {"question": ["Where is money?"], "choices": [choices], "answerKey": ["B"]},
    )
    assert examples(readers.commonsense_qa, path) == [
        ChoiceExample("0", "Where is money?", tuple(texts), "1")
    ]


def test_a_letter_that_no_choice_has_is_refused(tmp_path: Path) -> None:
    choices = {"label": ["A"], "text": ["bank"]}
    path = write_parquet(
        tmp_path / "a.parquet", {"question": ["?"], "choices": [choices], "answerKey": [""]}
    )
    with pytest.raises(DataError, match="answer '' is none of"):
        examples(readers.commonsense_qa, path)


def test_tags_are_mapped_by_name(tmp_path: Path) -> None:
    columns = {"tokens": [["dogs", "bark"]], "tags": [[1, 0]]}
    path = write_parquet(tmp_path / "a.parquet", columns, {"tags": ["VERB", "NOUN"]})
    assert examples(READ_TAGS, path) == [TaggedExample("0", ("dogs", "bark"), ("NOUN", "VERB"))]


def test_a_tag_count_that_differs_is_named_with_its_row(tmp_path: Path) -> None:
    columns = {"tokens": [["a"], ["dogs", "bark"]], "tags": [[0], [0]]}
    path = write_parquet(tmp_path / "a.parquet", columns, {"tags": TAGS})
    with pytest.raises(DataError, match=r"row 1 .*2 words but 1 tags"):
        examples(READ_TAGS, path)


def test_tatoeba_lines_lose_their_line_ends(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "source_sentence": ["Hallo.\n", "Ja."],
            "target_sentence": ["Hello.\r\n", "Yes.\n"],
        },
    )
    sides = readers.aligned(opened(path))
    assert [line.text for line in (*sides.foreign, *sides.english)] == [
        "Hallo.",
        "Ja.",
        "Hello.",
        "Yes.",
    ]
    assert sides.gold == (("0", "0"), ("1", "1"))


def test_tatoeba_s_english_lines_come_sorted_as_in_the_official_files(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {"source_sentence": ["Ja.", "Hallo."], "target_sentence": ["Yes.", "Hello."]},
    )
    sides = readers.aligned(opened(path))
    assert [(line.id, line.text) for line in sides.english] == [("1", "Hello."), ("0", "Yes.")]
    assert [line.id for line in sides.foreign] == ["0", "1"]
    assert sides.gold == (("0", "0"), ("1", "1"))


def test_topics_are_read_by_the_hubs_columns(tmp_path: Path) -> None:
    columns = {
        "index_id": [7, 9],
        "category": ["health", "travel"],
        "text": ["A pill.", "By train."],
    }
    path = write_parquet(tmp_path / "a.parquet", columns)
    read = readers.topics(("text", "category"), ("travel", "health"))
    assert examples(read, path) == [
        TextExample("0", "A pill.", "health"),
        TextExample("1", "By train.", "travel"),
    ]
    with pytest.raises(DataError, match=r"row 0 .*'health'.*travel"):
        examples(readers.topics(("text", "category"), ("travel",)), path)
