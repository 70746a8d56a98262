"""Tests for stiltwalk.data.ud: raw treebanks as XTREME prepares them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stiltwalk.data import ud
from stiltwalk.errors import DataError
from stiltwalk.records import Split, TaggedExample

UPOS = tuple(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
)


def conllu(*sentences: str) -> str:
    """Write sentences of words `index:form:tag:head`; a range has its form only."""
    blocks = []
    for sentence in sentences:
        lines = ["# text = made up"]
        for word in sentence.split():
            key, form, tag, head = (*word.split(":"), "_", "_")[:4]
            form = form.replace("~", " ")
            lines.append("\t".join([key, form, "_", tag, "_", "_", head, "_", "_", "_"]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n\n"


def write(folder: Path, name: str, *sentences: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(conllu(*sentences), encoding="utf-8")


def read(folder: Path, language: str, counts: Counter[str] | None = None) -> list[tuple[str, str]]:
    """Return words and tags of every sentence, joined by spaces."""
    found = ud.examples(folder, Split.TEST, language, UPOS, Counter() if counts is None else counts)
    return [
        (" ".join(one.words), " ".join(one.tags)) for one in found if isinstance(one, TaggedExample)
    ]


def test_a_multi_word_token_gets_its_surface_form_and_the_tag_of_its_highest_word(
    tmp_path: Path,
) -> None:
    write(tmp_path, "it_x-ud-test.conllu", "1-2:vederlo 1:veder:VERB:0 2:lo:PRON:1 3:ora:ADV:1")
    assert read(tmp_path, "it") == [("vederlo ora", "VERB ADV")]


def test_the_highest_word_wins_even_where_the_precedence_list_prefers_another(
    tmp_path: Path,
) -> None:
    sentence = "1-2:dua 1:d:VERB:2 2:ua:ADP:3 3:x:NOUN:0"
    write(tmp_path, "el_x-ud-test.conllu", sentence)
    assert read(tmp_path, "el") == [("dua x", "ADP NOUN")]


def test_precedence_decides_between_equally_high_words(tmp_path: Path) -> None:
    sentence = "1-2:del 1:de:ADP:3 2:el:DET:3 3:mar:NOUN:0"
    write(tmp_path, "es_x-ud-test.conllu", sentence)
    assert read(tmp_path, "es") == [("del mar", "ADP NOUN")]


def test_languages_have_their_own_precedence(tmp_path: Path) -> None:
    for language in ("it", "el"):  # it: ADV before PRON; by default PRON before ADV
        write(tmp_path, f"{language}_x-ud-test.conllu", "1-2:ab 1:a:PRON:3 2:b:ADV:3 3:c:VERB:0")
    assert read(tmp_path, "it") == [("ab c", "ADV VERB")]
    assert read(tmp_path, "el") == [("ab c", "PRON VERB")]


def test_a_tag_outside_the_list_at_a_tie_ranks_lowest_and_is_counted(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    write(tmp_path, "es_x-ud-test.conllu", "1-2:ab 1:a:NOUN:3 2:b:DET:3 3:c:VERB:0")
    assert read(tmp_path, "es", counts) == [("ab c", "DET VERB")]
    assert counts == {ud.UNRANKED: 1}


def test_the_first_word_wins_equal_ranks(tmp_path: Path) -> None:
    write(tmp_path, "es_x-ud-test.conllu", "1-2:ab 1:a:NOUN:3 2:b:NUM:3 3:c:VERB:0")
    assert read(tmp_path, "es") == [("ab c", "NOUN VERB")]


def test_empty_nodes_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, "ar_x-ud-test.conllu", "1:a:NOUN:0 1.1:ghost:VERB:_ 2:b:ADJ:1")
    assert read(tmp_path, "ar") == [("a b", "NOUN ADJ")]


def test_zero_width_non_joiners_and_spaces_inside_a_token_are_removed(tmp_path: Path) -> None:
    write(tmp_path, "fa_x-ud-test.conllu", "1:a\u200cb:NOUN:0 2:10~000:NUM:1")
    assert read(tmp_path, "fa") == [("ab 10000", "NOUN NUM")]


def test_sentences_whose_words_are_withheld_are_dropped_and_counted(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    write(
        tmp_path,
        "fr_x-ud-test.conllu",
        "1:_:NOUN:0 2:_:ADJ:1 3:x:ADJ:1",  # all but one
        "1:_:NOUN:0",  # all
        "1:_:NOUN:0 2:x:ADJ:1 3:y:ADJ:1",  # one of three stays
        "1:x:NOUN:0",  # one word, none missing
    )
    assert [words for words, _ in read(tmp_path, "fr", counts)] == ["_ x y", "x"]
    assert counts == {ud.DROPPED: 2}


def test_treebanks_are_read_in_sorted_file_order_by_prefix(tmp_path: Path) -> None:
    write(tmp_path / "UD_Z", "el_a-ud-test.conllu", "1:first:NOUN:0")
    write(tmp_path / "UD_A", "el_b-ud-test.conllu", "1:second:NOUN:0")
    write(tmp_path / "UD_A", "grc_a-ud-test.conllu", "1:ancient:NOUN:0")
    write(tmp_path / "UD_A", "el_b-ud-train.conllu", "1:training:NOUN:0")
    assert [words for words, _ in read(tmp_path, "el")] == ["first", "second"]


def test_a_language_without_treebank_is_an_error_that_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no yo_\*-ud-test\*\.conllu.*docs/data.md"):
        read(tmp_path, "yo")


def test_a_tag_that_is_no_upos_is_named_with_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, "fr_x-ud-test.conllu", "1:x:NOUN:0", "1:x:CONJ:0 2:y:NOUN:1")
    with pytest.raises(DataError, match=r"fr_x-ud-test\.conllu, line 7: .*tag 'CONJ'"):
        read(tmp_path, "fr")


def test_a_line_with_too_few_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "fr_x-ud-test.conllu").write_text("1\tx\tNOUN\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: 3 columns, needed 10"):
        read(tmp_path, "fr")


@pytest.mark.real
@pytest.mark.parametrize("language", ["it", "fr", "es", "ar"])
def test_real_treebanks_come_out_with_their_surface_words(real: Path, language: str) -> None:
    path = real / "files" / "ud" / f"{language}_pud-ud-test.conllu"
    texts = [
        line.removeprefix("# text = ").replace(" ", "")
        for line in path.read_text(encoding="utf-8").split("\n")
        if line.startswith("# text = ")
    ]
    words = [words.replace(" ", "") for words, _ in read(path.parent, language)]
    assert words == texts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "ud-treebanks-v2.5/UD_A/el_x-ud-test.conllu",
            "ud-treebanks-v2.14/UD_A/el_x-ud-test.conllu",
        ),
        ("v2.5/el_x-ud-test.conllu", "v2.14/el_y-ud-test.conllu"),
        ("UD_A/el_x-ud-test.conllu", "UD_A/backup/el_x-ud-test.conllu"),
        ("el_x-ud-test.conllu", "el_x-ud-test-old.conllu"),
        ("el_x-ud-test.conllu", "el_x-ud-test-a.conllu"),
    ],
)
def test_two_releases_or_copies_of_a_treebank_are_refused(
    tmp_path: Path, one: str, other: str
) -> None:
    for name in (one, other):
        write((tmp_path / name).parent, Path(name).name, "1:a:NOUN:0")
    with pytest.raises(DataError, match=r"release|copy"):
        read(tmp_path, "el")


def test_a_treebank_in_parts_is_read_in_order_with_a_mark_in_front(tmp_path: Path) -> None:
    for part in ("b-1", "a-2", "a-1"):
        file = tmp_path / f"el_x-ud-test-{part}.conllu"
        text = conllu(f"1:{part.replace('-', '')}:NOUN:0").replace("\n", "\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [words for words, _ in read(tmp_path, "el")] == ["a1", "a2", "b1"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (("1", "2", "1"), "'1' is there twice"),
        (("1-2", "1", "2", "1-2"), "'1-2' is there twice"),
        (("2-1", "1", "2"), "'2-1' is no index"),
        (("9" * 5000,), "is no index"),
        (("1-",), "'1-' is no index"),
        (("1-2-3",), "'1-2-3' is no index"),
        (("\u00b2",), "is no index"),
    ],
)
def test_indices_that_would_lose_a_word_are_refused(
    keys: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    lines = [f"{key}\tw\t_\tNOUN\t_\t_\t{'9' * 5000}\t_\t_\t_\n" for key in keys]
    (tmp_path / "en_x-ud-dev.conllu").write_text("".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=said):
        list(ud.examples(tmp_path, Split.DEV, "en", ("NOUN",), Counter()))
