"""Today's test sets, read from a made folder with the columns and types that the hub has.

Nothing here was tried against the hub: columns and types are those of PROTOCOL's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mirrors import write_split
from stiltwalk.data import hub
from stiltwalk.data.source import HUB, DataSource
from stiltwalk.errors import DataError
from stiltwalk.records import ChoiceExample, Example, PairExample, Split, TextExample
from stiltwalk.tasks import TASKS, find
from stiltwalk.tasks.listing import listing, listing_table
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.sources import available_languages, wanted_splits
from stiltwalk.tasks.task import Task

Columns = Mapping[str, Any]
LETTERS = ("option_a", "option_b", "option_c", "option_d")
NLI = {
    "premise": ["Llueve.", "Nieva."],
    "hypothesis": ["Hay agua.", "Hace calor."],
    "label": pa.array([0, 2], pa.int64()),
}
NLI_READ = [
    PairExample("0", "Llueve.", "Hay agua.", "entailment"),
    PairExample("1", "Nieva.", "Hace calor.", "contradiction"),
]
COPA = {
    "premise": ["The man fell.", "It rained."],
    "choice1": ["He slipped.", "I got wet."],
    "choice2": ["He sang.", "I slept."],
    "question": ["cause", "effect"],
    "label": pa.array([1, 0], pa.int32()),
    "idx": pa.array([0, 1], pa.int32()),
}
COPA_READ = [
    ChoiceExample("0", "The man fell. What was the cause?", ("He slipped.", "He sang."), "1"),
    ChoiceExample("1", "It rained. What was the effect?", ("I got wet.", "I slept."), "0"),
]
EXAM: dict[str, Any] = {
    "question": ["2 + 2?"],
    **{name: [text] for name, text in zip(LETTERS, "3456", strict=True)},
}
SETS: Mapping[str, tuple[Columns, list[Example]]] = {
    "siqa": (
        {
            "context": ["Kai sang."],
            "question": ["How is Kai?"],
            "answerA": ["sad"],
            "answerB": ["glad"],
            "answerC": ["late"],
            "label": ["2"],
        },
        [ChoiceExample("0", "Kai sang. How is Kai?", ("sad", "glad", "late"), "1")],
    ),
    "copa": (COPA, COPA_READ),
    "xcopa": (COPA | {"changed": [False, True]}, COPA_READ),
    "americas_nli": (NLI, NLI_READ),
    "afrixnli": (NLI, NLI_READ),
    "belebele": (
        {
            "link": ["https://en.wikibooks.org"],
            "question_number": pa.array([1], pa.int64()),
            "flores_passage": ["It is 7."],
            "question": ["What is it?"],
            **{f"mc_answer{number}": [str(number + 4)] for number in (1, 2, 3, 4)},
            "correct_answer_num": ["3"],
        },
        [ChoiceExample("0", "It is 7. What is it?", ("5", "6", "7", "8"), "2")],
    ),
    "massive": (
        {
            "id": ["7"],
            "text": ["wake me up"],
            "label_text": ["alarm_set"],
            "label": ["alarm_set"],
        },
        [TextExample("0", "wake me up", "alarm_set")],
    ),
    "xstory_cloze": (
        {
            "story_id": ["s"],
            **{f"input_sentence_{number}": [f"Part {number}."] for number in (1, 2, 3, 4)},
            "sentence_quiz1": ["Bad."],
            "sentence_quiz2": ["Good."],
            "answer_right_ending": pa.array([2], pa.int32()),
        },
        [ChoiceExample("0", "Part 1. Part 2. Part 3. Part 4.", ("Bad.", "Good."), "1")],
    ),
    "global_mmlu_lite": (
        EXAM | {"sample_id": ["maths/1"], "answer": ["B"]},
        [ChoiceExample("0", "2 + 2?", ("3", "4", "5", "6"), "1")],
    ),
    "include": (
        EXAM | {"answer": pa.array([1], pa.int64())},
        [ChoiceExample("0", "2 + 2?", ("3", "4", "5", "6"), "1")],
    ),
}
CONFIGURATIONS = {
    "americas_nli": "aym bzd cni gn hch nah oto quy shp tar",
    "afrixnli": "amh eng ewe fra hau ibo kin lin lug orm sna sot swa twi wol xho yor zul",
    "xstory_cloze": "ar en es eu hi id my ru sw te zh",
    "xcopa": "et ht id it qu sw ta th tr vi zh",
}


def mirror(folder: Path, task: Task, columns: Columns) -> DataSource:
    """Write a task's evaluated split in every configuration."""
    (files,) = task.hub
    split = Split.TEST if files.test else Split.DEV
    for language in task.languages:
        name = files.split_named(split)
        assert name
        write_split(folder, files.repository, files.config_of(language), name, columns)
    return DataSource(source=str(folder))


@pytest.mark.parametrize("name", SETS)
def test_every_configuration_is_read_from_its_columns(name: str, tmp_path: Path) -> None:
    task, (columns, read) = TASKS[name], SETS[name]
    source = mirror(tmp_path, task, columns)
    split = Split.TEST if task.hub[0].test else Split.DEV
    assert available_languages(task, source, split) == task.languages
    for language in task.languages:
        assert list(examples(task, source, split, language)) == read


@pytest.mark.parametrize("name", SETS)
def test_a_label_that_is_none_is_refused_with_its_row(name: str, tmp_path: Path) -> None:
    task, (columns, read) = TASKS[name], SETS[name]
    (key,) = {"label", "answer", "correct_answer_num", "answer_right_ending"} & set(columns)
    column = pa.array(columns[key])
    odd = pa.array([9] * len(read) if pa.types.is_integer(column.type) else ["9"] * len(read))
    source = mirror(tmp_path, task, {**columns, key: odd.cast(column.type)})
    split = Split.TEST if task.hub[0].test else Split.DEV
    with pytest.raises(DataError, match="row 0"):
        examples(task, source, split, task.languages[0])


def test_configurations_are_those_of_the_hub() -> None:
    for name, configurations in CONFIGURATIONS.items():
        (files,) = TASKS[name].hub
        assert sorted(map(files.config_of, TASKS[name].languages)) == configurations.split()
    counts = {
        name: len({*map(task.hub[0].config_of, task.languages)})
        for name, task in TASKS.items()
        if name in SETS
    }
    assert (counts["belebele"], counts["massive"], counts["include"]) == (122, 51, 44)
    (include,), (massive,) = TASKS["include"].hub, TASKS["massive"].hub
    assert include.config_of("mkd") == "North Macedonian"
    assert [massive.config_of(code) for code in ("zh", "zho_Hant")] == ["zh-CN", "zh-TW"]
    assert len(set(TASKS["massive"].labels)) == 60


def test_a_language_has_one_code_whatever_its_set_calls_it() -> None:
    assert {"en", "fr", "sw", "yo"} <= {*TASKS["afrixnli"].languages}
    assert {"en", "fr", "sw"} <= {*TASKS["xnli"].languages}
    for name in ("belebele", "massive", "global_mmlu_lite", "include", "sib200"):
        assert not {"lit", "pol", "ron", "ukr", "swa", "zh-CN"} & {*TASKS[name].languages}
        assert {"pl", "uk", "zh"} <= {*TASKS[name].languages} | {"uk"}


def test_xstory_cloze_holds_out_english_rows_since_its_eval_is_its_test(tmp_path: Path) -> None:
    task, (columns, _) = TASKS["xstory_cloze"], SETS["xstory_cloze"]
    many = {key: pa.concat_arrays([pa.array(each)] * 40) for key, each in columns.items()}
    many["input_sentence_1"] = pa.array([f"Part {row}." for row in range(40)])
    write_split(tmp_path, "juletxara/xstory_cloze", "en", "train", many)
    held, source = task.chosen_on("held-out"), DataSource(source=str(tmp_path))
    dev, train = (examples(held, source, split) for split in (Split.DEV, Split.TRAIN))
    assert len(dev) + len(train) == 40
    assert 0 < len(dev) < 12


def test_the_hub_is_asked_which_configurations_a_growing_set_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task, there = TASKS["global_mmlu_lite"], ("cy/test-00000-of-00001.parquet", "en/test.parquet")
    monkeypatch.setattr(hub, "listing", lambda _: (tmp_path, there))
    assert available_languages(task, DataSource(source=HUB)) == ("en", "cym")
    wanted = {place.config for place in wanted_splits([task], ask_hub=True)}
    assert wanted == {"cy", "en"}


def test_what_nobody_read_from_the_hub_says_so() -> None:
    told = {each["name"]: each["untested"] for each in listing()}
    assert all(told[name] for name in SETS if name not in {"siqa", "xcopa"})
    assert not any(told[name] for name in ("xnli", "mnli", "xcopa", "siqa", "mlqa"))
    assert told["panx"] == ["unimelb-nlp/wikiann"]
    lines = {row[0].text: row[-1].text for row in listing_table(listing()).rows}
    assert lines["afrixnli"] == "untested against the hub: masakhane/afrixnli"
    (facts,) = listing("xcopa")
    assert facts["trained_on"] == "siqa, then copa"
    assert facts["benchmarks"] == ["xtreme-r"]
    assert all(facts[key] for key in ("licence", "paper", "languages", "rows"))
    assert find("xcopa") is TASKS["xcopa"]


def test_a_tatoeba_of_mteb_is_read_with_its_own_columns(tmp_path: Path) -> None:
    task = TASKS["tatoeba"].within("xtreme-r")
    columns = {"sentence1": ["Labas.", "Ačiū."], "sentence2": ["Hello.", "Thanks."]}
    write_split(tmp_path, "mteb/tatoeba-bitext-mining", "lit-eng", "test", columns)
    both = bitext(task, DataSource(source=str(tmp_path)), Split.TEST, "lt")
    assert [each.text for each in both.foreign] == columns["sentence1"]
    assert [each.text for each in both.english] == columns["sentence2"]
