"""Tests for stiltwalk.data.bucc and stiltwalk.data.ccg."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.data import bucc, ccg
from stiltwalk.data.source import Place
from stiltwalk.data.textfile import open_table
from stiltwalk.errors import DataError
from stiltwalk.records import Sentence, Split, TaggedExample

DERIVATION = (
    "(<T S[dcl] 0 2> (<T NP 0 2> (<L N/N NNP NNP Pierre N_73/N_73>) (<L N NNP NNP Vinken N>) ) "
    "(<L (S[dcl]\\NP)/NP VBZ VBZ is (S[dcl]\\NP_10)/NP_11>) (<L . . -LRB- -LRB- .>) )"
)


def write_bucc(
    folder: Path, split: str = "sample", foreign: str = "zh-1\teins\nzh-2\tzwei\n"
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"zh-en.{split}.zh").write_bytes(foreign.encode())
    (folder / f"zh-en.{split}.en").write_bytes("en-1\ttwo\u2028lines\nen-2\tone\n".encode())
    (folder / f"zh-en.{split}.gold").write_bytes(b"zh-1\ten-2\n")


def test_bucc_reads_both_sides_and_the_gold_pairs(tmp_path: Path) -> None:
    write_bucc(tmp_path)
    sides = bucc.bitext(tmp_path, Split.DEV, "zh")
    assert sides.foreign == (Sentence("zh-1", "eins"), Sentence("zh-2", "zwei"))
    assert sides.gold == (("zh-1", "en-2"),)


def test_only_line_feeds_end_a_line_of_bucc(tmp_path: Path) -> None:
    write_bucc(tmp_path)
    assert bucc.bitext(tmp_path, Split.DEV, "zh").english[0].text == "two\u2028lines"


def test_bucc_sample_is_dev_and_training_is_test(tmp_path: Path) -> None:
    write_bucc(tmp_path / "zh-en", "training")
    assert len(bucc.bitext(tmp_path, Split.TEST, "zh").gold) == 1
    with pytest.raises(DataError, match=r"lacks zh-en\.sample\.zh"):
        bucc.bitext(tmp_path, Split.DEV, "zh")


def test_a_gold_pair_of_another_release_is_refused(tmp_path: Path) -> None:
    write_bucc(tmp_path)
    (tmp_path / "zh-en.sample.gold").write_text("zh-1\ten-9\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"zh-en\.sample\.gold, line 1: the pair zh-1, en-9"):
        bucc.bitext(tmp_path, Split.DEV, "zh")


def test_a_line_of_bucc_without_tab_is_named(tmp_path: Path) -> None:
    write_bucc(tmp_path, foreign="zh-1\teins\nzwei\n")
    with pytest.raises(DataError, match=r"zh-en\.sample\.zh, line 2: no tab in 'zwei'"):
        bucc.bitext(tmp_path, Split.DEV, "zh")


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    write_bucc(tmp_path)
    (tmp_path / "zh-en.sample.zh").write_bytes(b"zh-1\teins\nzh-2\t\xff\n")
    with pytest.raises(DataError, match="line 2 is not valid UTF-8"):
        bucc.bitext(tmp_path, Split.DEV, "zh")


def tagged(folder: Path, split: Split) -> list[TaggedExample]:
    return [one for one in ccg.examples(folder, split) if isinstance(one, TaggedExample)]


def test_ccgbank_leaves_give_words_and_categories(tmp_path: Path) -> None:
    section = tmp_path / "data" / "AUTO" / "00"
    section.mkdir(parents=True)
    text = f"ID=wsj_0001.1 PARSER=GOLD NUMPARSE=1\n{DERIVATION}\n"
    (section / "wsj_0001.auto").write_text(text, encoding="utf-8")
    (sentence,) = tagged(tmp_path, Split.DEV)
    assert sentence.words == ("Pierre", "Vinken", "is", "(")
    assert sentence.tags == ("N/N", "N", "(S[dcl]\\NP)/NP", ".")


def test_ccgbank_sections_02_to_21_train_and_00_is_dev(tmp_path: Path) -> None:
    for section in range(25):
        (tmp_path / f"wsj_{section:02}01.auto").write_text(DERIVATION + "\n", encoding="utf-8")
    assert [len(tagged(tmp_path, split)) for split in Split] == [20, 1, 1]


def test_columns_are_cut_at_tabs_and_several_blank_lines_are_one_border(tmp_path: Path) -> None:
    text = "\nNew York\tN\nsleeps\tS\\NP\n\n\n\nYes\tS\n"
    (tmp_path / "train.tsv").write_text(text, encoding="utf-8")
    assert [sentence.words for sentence in tagged(tmp_path, Split.TRAIN)] == [
        ("New York", "sleeps"),
        ("Yes",),
    ]


def test_a_line_without_category_is_named(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("Yes\tS\nNo\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"dev\.tsv, line 2: 'No' has 1 columns"):
        tagged(tmp_path, Split.DEV)


def test_a_folder_without_ccgbank_says_who_licenses_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"LDC2005T13"):
        tagged(tmp_path, Split.TRAIN)


def test_a_file_without_sentences_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev.tsv").write_text("\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="holds no sentence"):
        tagged(tmp_path, Split.DEV)


def test_byte_order_marks_and_other_editors_line_ends_change_no_sentence(tmp_path: Path) -> None:
    write_bucc(tmp_path)
    plain = bucc.bitext(tmp_path, Split.DEV, "zh")
    for file in tmp_path.iterdir():
        lines = file.read_text(encoding="utf-8").replace("\t", " \t ").split("\n")
        file.write_bytes(b"\xef\xbb\xbf" + " \r\n".join([*lines, "", ""]).encode())
    assert bucc.bitext(tmp_path, Split.DEV, "zh") == plain


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n", "\t\n"])
def test_supertags_survive_marks_line_ends_and_odd_spaces(
    tmp_path: Path, mark: str, end: str
) -> None:
    words = ("Pierre", "a\u0085b", "c\u2028d", "e\u00a0f")
    if end != "\t\n":
        text = mark + "".join(f"{word} \tN/N{end}" for word in words) + end
        (tmp_path / "train.tsv").write_bytes(text.encode())
        assert list(ccg.examples(tmp_path, Split.TRAIN)) == [
            TaggedExample("0", words, ("N/N",) * 4)
        ]
    leaves = " ".join(f"(<L N/N NNP NNP {word} N/N>)" for word in words)
    folder = tmp_path / "auto"
    folder.mkdir()
    (folder / "wsj_0201.auto").write_bytes(f"{mark}(<T NP 0 2> {leaves} ){end}".encode())
    assert list(ccg.examples(folder, Split.TRAIN)) == [TaggedExample("0", words, ("N/N",) * 4)]


def test_lines_that_end_in_cr_alone_are_told_so(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_bytes(b"a\tN\rb\tN\r")
    with pytest.raises(DataError, match=r"train\.tsv, line 1: lines end in CR alone"):
        list(ccg.examples(tmp_path, Split.TRAIN))


def test_a_copy_of_a_file_is_refused_with_both_names(tmp_path: Path) -> None:
    for name in ("train.tsv", "train.txt"):
        (tmp_path / name).write_text("a\tN\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.tsv and .*train\.txt stand beside each other"):
        list(ccg.examples(tmp_path, Split.TRAIN))
    for parent in ("02", "backup"):
        (tmp_path / "auto" / parent).mkdir(parents=True)
        (tmp_path / "auto" / parent / "wsj_0201.auto").write_text(DERIVATION, encoding="utf-8")
    with pytest.raises(DataError, match=r"02/wsj_0201\.auto and .*backup/wsj_0201\.auto are one"):
        list(ccg.examples(tmp_path / "auto", Split.TRAIN))
    write_bucc(tmp_path / "b")
    write_bucc(tmp_path / "b" / "zh-en")
    with pytest.raises(DataError, match="are one file of two releases, or a copy"):
        bucc.bitext(tmp_path / "b", Split.DEV, "zh")


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_column_that_is_there_twice_is_named(ending: str, tmp_path: Path) -> None:
    mark = "," if ending == "csv" else "\t"
    path = tmp_path / f"rows.{ending}"
    path.write_text(f"text{mark}text\na{mark}b\n", encoding="utf-8")
    with pytest.raises(DataError, match="the column 'text' is there 2 times"):
        list(open_table(path, Place("mine", "en", "train")).take(("text",)))
