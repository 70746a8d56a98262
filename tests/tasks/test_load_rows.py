"""Tests for stiltwalk.tasks.load and what it stands on, with mirrors written on the spot."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from mirrors import NLI_NAMES, nli, squad, write_split
from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import Bitext, Example, Sentence, SpanExample, Split
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import (
    KeptRows,
    bitext,
    by_part,
    examples,
    first_pairs,
    is_held_out,
    num_asked,
)
from stiltwalk.tasks.sources import LEARNED, UNKNOWN, available_languages, revision

CUT_SQUAD = TASKS["squad_v1"].chosen_on("held-out")
ASKED = (Split.TEST,)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def ids(rows: Sequence[Example]) -> list[str]:
    return [row.id for row in rows]


def write_anli_plus(mirror: Path) -> DataSource:
    labels = {"label": NLI_NAMES}
    for number in (1, 2, 3):
        for split in ("train", "dev"):
            columns = nli([0, 1])
            write_split(
                mirror, "facebook/anli", "plain_text", f"{split}_r{number}", columns, labels
            )
    write_split(mirror, "nyu-mll/multi_nli", "default", "train", nli([0] * 4), labels)
    write_split(mirror, "nyu-mll/multi_nli", "default", "validation_matched", nli([0]), labels)
    write_split(mirror, "stanfordnlp/snli", "plain_text", "train", nli([-1, 0, 1]), labels)
    write_split(mirror, "stanfordnlp/snli", "plain_text", "validation", nli([0, -1]), labels)
    return DataSource(source=str(mirror))


def write_squad(
    mirror: Path, num_contexts: int = 200, repository: str = "rajpurkar/squad"
) -> DataSource:
    rows = [
        (f"{number}-{question}", f"Ann {number} came.", ["Ann"], [0])
        for number in range(num_contexts)
        for question in "ab"
    ]
    published = squad([("dev", "Ann.", ["Ann"], [0])])
    config = "squad_v2" if repository.endswith("v2") else "plain_text"
    write_split(mirror, repository, config, "train", squad(rows))
    write_split(mirror, repository, config, "validation", published)
    return DataSource(source=str(mirror))


def test_anli_plus_is_three_rounds_of_anli_with_mnli_and_snli(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_anli_plus(tmp_path / "mirror")
    with caplog.at_level(logging.INFO):
        rows = examples(TASKS["anli_plus"], source, Split.TRAIN)
    assert len(rows) == 3 * 2 + 4 + 2
    assert "anli_plus train en: 1 rows without a label left out" in caplog.text


def test_anli_plus_dev_rows_tell_their_source_for_the_mean_over_sources(tmp_path: Path) -> None:
    task, source = TASKS["anli_plus"], write_anli_plus(tmp_path / "mirror")
    parts = by_part(task, examples(task, source, Split.DEV))
    assert task.parts == ("anli", "mnli", "snli")
    assert {name: len(positions) for name, positions in parts.items()} == {
        "anli": 6,
        "mnli": 1,
        "snli": 1,
    }


def test_a_task_of_one_piece_has_one_part(tmp_path: Path) -> None:
    source = write_squad(tmp_path / "mirror", 5)
    rows = examples(TASKS["squad_v1"], source, Split.TRAIN)
    assert by_part(TASKS["squad_v1"], rows) == {"": list(range(len(rows)))}


def test_a_limit_takes_one_row_of_each_part_in_turn(tmp_path: Path) -> None:
    source = write_anli_plus(tmp_path / "mirror")
    rows = examples(TASKS["anli_plus"], source, Split.TRAIN, max_rows=6)
    assert ids(rows) == ["anli:0", "anli:0", "anli:0", "mnli:0", "snli:1", "anli:1"]


def test_dev_rows_are_cut_from_training_rows_with_no_paragraph_in_both(tmp_path: Path) -> None:
    source = write_squad(tmp_path / "mirror")
    train, dev = (
        [row for row in examples(CUT_SQUAD, source, split) if isinstance(row, SpanExample)]
        for split in (Split.TRAIN, Split.DEV)
    )
    assert not {row.context for row in train} & {row.context for row in dev}
    assert len(train) + len(dev) == 400
    assert 20 <= len(dev) <= 60
    assert "dev" not in ids(dev)


def test_about_one_paragraph_in_ten_is_held_out() -> None:
    assert 70 < sum(is_held_out(f"paragraph {number}") for number in range(1_000)) < 130


def test_a_task_has_its_whole_training_split_and_its_own_dev_rows(tmp_path: Path) -> None:
    source = write_squad(tmp_path / "mirror")
    published = TASKS["squad_v1"].chosen_on("published")
    assert published == TASKS["squad_v1"]
    assert ids(examples(published, source, Split.DEV)) == ["dev"]
    assert len(examples(published, source, Split.TRAIN)) == 400


def test_tydiqa_trains_on_english_only_and_tests_every_language(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    rows = [
        (f"{name}-{number}-0", f"Ann {number} came.", ["Ann"], [0])
        for number in range(50)
        for name in ("english", "korean", "swahili")
    ]
    write_split(mirror, "google/xtreme", "tydiqa", "train", squad(rows))
    write_split(mirror, "google/xtreme", "tydiqa", "validation", squad(rows))
    source, task = DataSource(source=str(mirror)), TASKS["tydiqa"].chosen_on("held-out")
    train, dev = (examples(task, source, split) for split in (Split.TRAIN, Split.DEV))
    assert len(train) + len(dev) == 50
    assert all(key.startswith("english-") for key in ids(train) + ids(dev))
    assert len(examples(task, source, Split.TEST, "ko")) == 50
    with pytest.raises(DataError, match="training rows in English only, not in 'ko'"):
        examples(task, source, Split.TRAIN, "ko")
    with pytest.raises(DataError, match=r"dev rows are cut .* none in 'sw'"):
        examples(task, source, Split.DEV, "sw")


def test_a_language_that_a_task_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"pawsx has no language 'sw'.*de, en, es, fr, ja, ko, zh"):
        examples(TASKS["pawsx"], DataSource(source=str(tmp_path)), Split.TEST, "sw")


def test_a_language_without_rows_is_an_error_not_an_empty_score(tmp_path: Path) -> None:
    columns = {name: ["x"] for name in ("sentence1", "sentence2")} | {
        "language": ["de"],
        "gold_label": ["neutral"],
    }
    write_split(tmp_path, "google/xtreme", "XNLI", "test", columns)
    with pytest.raises(DataError, match="xnli, split 'test', language 'sw': there are no rows"):
        examples(TASKS["xnli"], DataSource(source=str(tmp_path)), Split.TEST, "sw")


def test_a_split_that_does_not_exist_says_what_the_task_trains_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"xquad has no split 'dev'.*trains on squad_v1.*test"):
        examples(TASKS["xquad"], DataSource(source=str(tmp_path)), Split.DEV)


def test_bucc_is_not_mined_on_the_gold_pairs_of_the_hub() -> None:
    for source in ("hub", "/some/mirror"):
        with pytest.raises(DataError, match=r"only the gold pairs.*Set data\.bucc"):
            bitext(TASKS["bucc2018"], DataSource(source=source), Split.TEST, "de")


def test_without_ccgbank_the_error_says_who_licenses_it() -> None:
    with pytest.raises(DataError, match=r"ccg: .*LDC2005T13.*Set data\.ccg"):
        examples(TASKS["ccg"], DataSource(source="hub"), Split.TRAIN)


def test_a_folder_of_ones_own_that_is_not_there_is_named() -> None:
    source = DataSource(source="hub", bucc="/nowhere/bucc")
    with pytest.raises(DataError, match=r"data\.bucc is '/nowhere/bucc', which is no folder"):
        bitext(TASKS["bucc2018"], source, Split.DEV, "de")


def test_raw_treebanks_replace_the_hubs_udpos(tmp_path: Path) -> None:
    line = "\t".join(["1", "chat", "_", "NOUN", "_", "_", "0", "_", "_", "_"])
    (tmp_path / "fr_x-ud-test.conllu").write_text(f"{line}\n\n", encoding="utf-8")
    source = DataSource(source="hub", ud=str(tmp_path))
    assert len(examples(TASKS["udpos"], source, Split.TEST, "fr")) == 1
    assert available_languages(TASKS["udpos"], source) == ("fr",)
    assert revision(TASKS["udpos"], source, ASKED).startswith("ud:sha256:")


def test_ids_of_tatoeba_are_the_lines_that_xtremes_files_ask_for(tmp_path: Path) -> None:
    columns = {"source_sentence": ["Ja.\n", "Nein."], "target_sentence": ["Yes.\n", "No."]}
    write_split(tmp_path, "google/xtreme", "tatoeba.deu", "validation", columns)
    found = bitext(TASKS["tatoeba"], DataSource(source=str(tmp_path)), Split.TEST, "de")
    assert found.foreign == (Sentence("0", "Ja."), Sentence("1", "Nein."))
    assert found.gold == (("0", "0"), ("1", "1"))


def test_limiting_a_bitext_keeps_the_share_of_unpaired_sentences() -> None:
    foreign = tuple(Sentence(f"f{number}", "x") for number in range(30))
    english = tuple(Sentence(f"e{number}", "x") for number in range(20))
    whole = Bitext(foreign, english, tuple((f"f{n}", f"e{n}") for n in range(10)))
    half = first_pairs(whole, 5)
    assert half.gold == whole.gold[:5]
    assert (len(half.foreign), len(half.english)) == (15, 10)
    assert first_pairs(whole, 10) is whole


def test_rows_are_read_once_per_process(tmp_path: Path) -> None:
    source = write_squad(tmp_path / "mirror", 5)
    first = examples(TASKS["squad_v1"], source, Split.TRAIN)
    assert examples(TASKS["squad_v1"], source, Split.TRAIN) is first


def test_kept_rows_are_bounded_by_their_number_and_the_last_stay() -> None:
    kept, calls = KeptRows(max_rows=3), []

    def read(name: str) -> tuple[Example, ...]:
        def rows() -> tuple[Example, ...]:
            calls.append(name)
            return tuple(SpanExample(str(n), "q", "c", ()) for n in range(2))

        return kept.get(name, rows)

    for name in ("a", "a", "b", "b", "a"):
        read(name)
    assert calls == ["a", "b", "a"]


def test_the_revision_of_a_mirror_covers_the_tasks_files_and_no_others(tmp_path: Path) -> None:
    source = write_squad(tmp_path / "mirror", 5)
    before = revision(TASKS["squad_v1"], source, LEARNED)
    write_split(tmp_path / "mirror", "tau/commonsense_qa", "default", "train", {"a": ["b"]})
    assert revision(TASKS["squad_v1"], source, LEARNED) == before
    write_split(tmp_path / "mirror", "rajpurkar/squad", "plain_text", "train", squad([]))
    assert revision(TASKS["squad_v1"], source, LEARNED) != before
    with pytest.raises(DataError, match=r"qqp: .*no train or dev file of it \(looked for nyu-mll"):
        revision(TASKS["qqp"], source, LEARNED)


def test_a_revision_follows_the_files_of_its_splits_alone(tmp_path: Path) -> None:
    mirror, tydiqa = tmp_path / "mirror", TASKS["tydiqa"]
    source = DataSource(source=str(mirror))

    def revisions() -> list[str]:
        cut = revision(tydiqa.chosen_on("held-out"), source, LEARNED)
        return [cut, revision(tydiqa, source, LEARNED), revision(tydiqa, source, ASKED)]

    def write(split: str, number: int) -> None:
        rows = squad([(f"english-{number}", "Ann came.", ["Ann"], [0])])
        write_split(mirror, "google/xtreme", "tydiqa", split, rows)

    def changes(split: str) -> list[bool]:
        before = revisions()
        write(split, 2)
        return [now != then for now, then in zip(revisions(), before, strict=True)]

    write("train", 1)
    write("validation", 1)
    assert changes("train") == [True, True, False]
    assert changes("validation") == [False, True, True]  # its dev file is its test file


def test_raw_treebanks_for_training_are_the_english_ones(tmp_path: Path) -> None:
    names = ("en_x-ud-train", "en_x-ud-dev", "en_x-ud-test", "fr_x-ud-train", "fr_x-ud-test")
    files = {name: tmp_path / f"{name}.conllu" for name in names}
    for file in files.values():
        file.write_text("\n", encoding="utf-8")
    source = DataSource(source="hub", ud=str(tmp_path))

    def changes(name: str) -> tuple[bool, bool]:
        before = [revision(TASKS["udpos"], source, splits) for splits in (LEARNED, ASKED)]
        files[name].write_text(f"# {name}\n", encoding="utf-8")
        after = [revision(TASKS["udpos"], source, splits) for splits in (LEARNED, ASKED)]
        return before[0] != after[0], before[1] != after[1]

    assert [changes(name) for name in names] == [
        (True, False),
        (True, False),
        (False, True),
        (False, False),  # nothing reads it
        (False, True),
    ]


def test_a_plan_may_leave_a_revision_on_the_hub_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert revision(TASKS["qqp"], DataSource(source="hub"), LEARNED, ask_hub=False) == UNKNOWN


def test_the_miniature_is_one_more_source() -> None:
    source = DataSource(source="mini")
    assert len(examples(TASKS["xnli"], source, Split.TEST, "sw", max_rows=7)) == 7
    assert len(bitext(TASKS["tatoeba"], source, Split.TEST, "sw", max_pairs=9).gold) == 9
    assert revision(TASKS["xnli"], source, ASKED).startswith("mini:")


def test_languages_that_a_mirror_lacks_are_told_from_file_names(tmp_path: Path) -> None:
    for code in ("de", "yo"):
        write_split(tmp_path, "google/xtreme", f"PAN-X.{code}", "test", {"tokens": [["a"]]})
    source = DataSource(source=str(tmp_path))
    assert available_languages(TASKS["panx"], source) == ("de", "yo")
    with pytest.raises(DataError, match="udpos: there is no 'test' split in any"):
        available_languages(TASKS["udpos"], source)


def test_four_languages_of_udpos_have_no_dev_rows() -> None:
    found = available_languages(TASKS["udpos"], DataSource(source="hub"), Split.DEV)
    assert set(TASKS["udpos"].languages) - set(found) == {"kk", "th", "tl", "yo"}


def test_as_many_sentences_are_planned_as_a_limit_of_pairs_leaves(tmp_path: Path) -> None:
    lines = {side: [f"{side}-{number}\t{side} {number}" for number in range(60)] for side in "ef"}
    for side, language in (("f", "de"), ("e", "en")):
        text = "\n".join(lines[side]) + "\n"
        (tmp_path / f"de-en.training.{language}").write_text(text, encoding="utf-8")
    gold = "".join(f"f-{number}\te-{number}\n" for number in range(10))
    (tmp_path / "de-en.training.gold").write_text(gold, encoding="utf-8")
    task, source = TASKS["bucc2018"], DataSource(source="hub", bucc=str(tmp_path))
    asked = bitext(task, source, Split.TEST, "de", 4)
    assert len(asked.foreign) == len(asked.english) == 4 + 20
    assert num_asked(task, source, Split.TEST, "de", 4) == 2 * (4 + 20)
    assert num_asked(task, DataSource(source="hub", bucc="/nowhere"), Split.TEST, "de", 4) == 2 * 4
