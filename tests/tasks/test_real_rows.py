"""Every task in every language, on the sample of real data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stiltwalk.data.source import DataSource
from stiltwalk.records import SpanExample, Split, TaggedExample, TaskType
from stiltwalk.tasks import INTERMEDIATE, TARGETS, TASKS
from stiltwalk.tasks.load import bitext, by_part, examples
from stiltwalk.tasks.sources import available_languages

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def source(real: Path) -> DataSource:
    return DataSource(
        source=str(real / "hub"),
        bucc=str(real / "files" / "bucc2018"),
        ccg=str(real / "files" / "ccg"),
    )


@pytest.mark.parametrize("name", TARGETS)
def test_every_language_of_a_target_can_be_read(source: DataSource, name: str) -> None:
    task = TASKS[name]
    languages = available_languages(task, source)
    missing = {"panx": {"th"}, "bucc2018": {"de", "fr", "ru"}}.get(name, set())
    assert set(task.languages) - set(languages) == missing
    for language in languages:
        if task.task_type is TaskType.RETRIEVAL:
            assert len(bitext(task, source, Split.TEST, language).gold) > 40
        else:
            assert len(examples(task, source, Split.TEST, language)) > 25


@pytest.mark.parametrize("name", INTERMEDIATE)
def test_every_intermediate_task_has_training_and_dev_rows(source: DataSource, name: str) -> None:
    assert len(examples(TASKS[name], source, Split.TRAIN)) >= 700
    assert len(examples(TASKS[name], source, Split.DEV)) > 100


def test_row_counts_are_those_of_the_sample(source: DataSource, real: Path) -> None:
    counts = json.loads((real / "rows.json").read_text(encoding="utf-8"))["google/xtreme"]
    for name in ("pawsx", "udpos", "panx", "xquad", "mlqa", "tatoeba"):
        task = TASKS[name]
        files = task.hub[0]
        for language in available_languages(task, source):
            if task.task_type is TaskType.RETRIEVAL:
                number = len(bitext(task, source, Split.TEST, language).gold)
            else:
                number = len(examples(task, source, Split.TEST, language))
            assert number == counts[files.config_of(language)][files.test]


def test_xcopa_and_the_siqa_that_trains_it_are_read(source: DataSource) -> None:
    task = TASKS["xcopa"]
    assert available_languages(task, source) == task.languages
    for language in task.languages:
        rows = examples(task, source, Split.TEST, language)
        assert len(rows) == 500
        assert sum(row.label == "1" for row in rows) == 250  # type: ignore[union-attr]
        endings = ("What was the cause?", "What was the effect?")
        assert all(row.prompt.endswith(endings) for row in rows)  # type: ignore[union-attr]
    siqa = examples(TASKS["siqa"], source, Split.TRAIN)
    assert (len(siqa), {row.label for row in siqa}) == (1631, {*"012"})  # type: ignore[union-attr]


def test_xnli_is_parallel(source: DataSource) -> None:
    labels = {
        tuple(row.label for row in examples(TASKS["xnli"], source, Split.TEST, language))  # type: ignore[union-attr]
        for language in TASKS["xnli"].languages
    }
    assert len(labels) == 1


def test_every_answer_is_a_stretch_of_its_context(source: DataSource) -> None:
    for name in ("squad_v1", "squad_v2", "xquad", "mlqa", "tydiqa"):
        task = TASKS[name]
        split = Split.TEST if name in TARGETS else Split.TRAIN
        for language in task.languages:
            for row in examples(task, source, split, language):
                assert isinstance(row, SpanExample)
                for answer in row.answers:
                    assert row.context.startswith(answer.text, answer.start)


def test_every_word_has_a_tag_of_the_task(source: DataSource) -> None:
    for name in ("udpos", "panx"):
        for language in available_languages(TASKS[name], source):
            for row in examples(TASKS[name], source, Split.TEST, language):
                assert isinstance(row, TaggedExample)
                assert len(row.words) == len(row.tags)
                assert set(row.tags) <= set(TASKS[name].labels)


def test_anli_plus_dev_has_its_three_sources(source: DataSource) -> None:
    rows = examples(TASKS["anli_plus"], source, Split.DEV)
    assert set(by_part(TASKS["anli_plus"], rows)) == {"anli", "mnli", "snli"}


def test_the_one_snli_row_without_a_label_is_left_out(source: DataSource, real: Path) -> None:
    counts = json.loads((real / "rows.json").read_text(encoding="utf-8"))
    rows = by_part(TASKS["anli_plus"], examples(TASKS["anli_plus"], source, Split.TRAIN))
    assert len(rows["snli"]) == counts["stanfordnlp/snli"]["plain_text"]["train"] - 1


def test_the_hub_has_the_gold_pairs_of_bucc_only_and_the_files_have_distractors(
    source: DataSource,
) -> None:
    sides = bitext(TASKS["bucc2018"], source, Split.TEST, "zh")
    assert len(sides.foreign) > 2 * len(sides.gold)


def test_sib_200_is_read_where_the_sample_has_it(source: DataSource, real: Path) -> None:
    if not (real / "hub" / "Davlan" / "sib200").is_dir():
        pytest.skip("the sample of real data holds no Davlan/sib200")
    task = TASKS["sib200"]
    for language in available_languages(task, source):
        assert len(examples(task, source, Split.TEST, language)) > 25
