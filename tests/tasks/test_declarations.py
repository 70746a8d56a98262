"""Tests for the declarations in stiltwalk.tasks."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks import (
    EVERY_INTERMEDIATE,
    EVERY_TARGET,
    INTERMEDIATE,
    SHIPPED,
    TARGETS,
    TASKS,
    declare,
    find,
    members,
)
from stiltwalk.tasks.task import GROUPS, Task


def test_there_are_nine_tasks_to_walk_over_and_nine_of_xtreme_to_arrive_at() -> None:
    assert (
        *("mnli", "anli_plus", "qqp", "squad_v1", "squad_v2"),
        *("hellaswag", "ccg", "cosmos_qa", "commonsense_qa"),
    ) == INTERMEDIATE
    assert (
        *("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa"),
        *("bucc2018", "tatoeba"),
    ) == TARGETS
    assert EVERY_TARGET[: len(TARGETS)] == TARGETS
    assert (*INTERMEDIATE, "siqa", "copa") == EVERY_INTERMEDIATE
    assert tuple(TASKS) == EVERY_INTERMEDIATE + EVERY_TARGET


def test_xtreme_r_drops_two_tasks_adds_others_and_has_more_languages() -> None:
    assert not {"pawsx", "bucc2018"} & set(members("xtreme-r"))
    assert set(members("xtreme-r")) == {
        *("xnli", "xcopa", "udpos", "panx", "xquad", "mlqa", "tydiqa", "tatoeba"),
        *("lareqa", "mewslix"),
    }
    wider = {name: TASKS[name].within("xtreme-r").languages for name in members("xtreme-r")}
    assert {
        name: len(codes) for name, codes in wider.items() if codes != TASKS[name].languages
    } == {
        "udpos": 38,
        "panx": 48,
        "xquad": 12,
        "tatoeba": 41,
    }
    for name, codes in wider.items():
        hub = TASKS[name].hub
        own = name in ("udpos", "lareqa", "mewslix")
        assert own or all(any(files.has(Split.TEST, c) for files in hub) for c in codes)


def test_a_recipe_of_xtreme_r_has_its_languages_until_the_next_recipe() -> None:
    declare((), "xtreme-r")
    assert TASKS["panx"].languages[-1] == "ro"
    declare(())
    assert TASKS["panx"] is SHIPPED["panx"]


def test_the_groups_hold_every_target_once() -> None:
    assert sorted(name for group in GROUPS.values() for name in group) == sorted(TARGETS)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_task_can_train_on_the_task_it_names(task: Task) -> None:
    source = TASKS[task.train_task]
    assert source.labels == task.labels or task.task_type is TaskType.CHOICE
    assert source.task_type is task.task_type
    trains = any(files.train for files in source.hub) or source.name in ("ccg", "mewslix")
    assert trains == (task.task_type is not TaskType.RETRIEVAL)


def test_questions_have_longer_inputs_than_the_others() -> None:
    first = (SHIPPED[name] for name in (*INTERMEDIATE, *TARGETS))
    lengths = {task.task_type: task.max_length_tokens for task in first}
    assert lengths.pop(TaskType.SPAN) == 384
    assert set(lengths.values()) == {256}  # but SIQA's and COPA's, which are XTREME-R's 128


def test_languages_are_those_of_xtreme() -> None:
    counts = {name: len(TASKS[name].languages) for name in TARGETS}
    assert counts == {
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
    panx, tatoeba = (set(TASKS[name].languages) for name in ("panx", "tatoeba"))
    assert panx - tatoeba == {"en", "ms", "my", "yo"}
    assert all(TASKS[name].languages == ("en",) for name in INTERMEDIATE)


def test_sib_200_has_xtremes_codes_first_and_the_hubs_for_the_others() -> None:
    task = TASKS["sib200"]
    assert len(set(task.languages)) == 205
    two_letters = set(TASKS["panx"].within("xtreme-r").languages) - {"qu"} | {"ht", "wo"}
    assert set(task.languages[:49]) == two_letters
    (files,) = task.hub
    configurations = {code: files.config_of(code) for code in task.languages}
    assert len(set(configurations.values())) == 205
    assert configurations["en"] == "eng_Latn"
    assert configurations["zh"] == "zho_Hans"
    assert configurations["zho_Hant"] == "zho_Hant"
    assert configurations["amh"] == "amh_Ethi"
    assert all(code in (name, name[:3]) for code, name in list(configurations.items())[49:])


def test_every_language_has_a_configuration_on_the_hub() -> None:
    names = {
        files.config_of(language)
        for task in TASKS.values()
        for files in task.hub
        for language in files.languages or task.languages
    }
    assert {"tatoeba.cmn", "udpos.Basque", "MLQA.hi.hi", "XQuAD.th", "PAWS-X.ko"} <= names
    assert not any("{" in name for name in names)


def test_xquad_and_tatoeba_are_on_the_hub_under_validation_only() -> None:
    for name in ("xquad", "tatoeba"):
        files = TASKS[name].hub[0]
        assert (files.train, files.dev, files.test) == (None, None, "validation")


def test_hidden_test_labels_are_never_asked_for() -> None:
    assert all(files.test is None for name in INTERMEDIATE for files in TASKS[name].hub)


def test_published_dev_rows_that_test_rows_of_a_target_overlap_are_known() -> None:
    assert {task.name for task in TASKS.values() if task.dev_overlaps_test} == {
        "squad_v1",
        "tydiqa",
        "lareqa",
        "xstory_cloze",
    }
    assert not any(task.dev_is_held_out for task in TASKS.values())


def test_supertags_are_scored_by_token_and_entities_by_chunk() -> None:
    assert TASKS["ccg"].metric is Metric.ACCURACY
    assert TASKS["panx"].metric is TASKS["udpos"].metric is Metric.CHUNK_F1


def test_an_unknown_task_is_answered_with_the_nearest_spelling() -> None:
    assert find("xnli") is TASKS["xnli"]
    with pytest.raises(RecipeError, match=r"no task 'panxx'\. Did you mean panx"):
        find("panxx")
    with pytest.raises(RecipeError, match=r"no task '123'\. There is: mnli, "):
        find("123")


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_a_plan_knows_sizes_without_opening_data(task: Task) -> None:
    for language in task.languages:
        evaluated = Split.TEST if task.name in EVERY_TARGET else Split.DEV
        assert (task.rows_of(evaluated, language) or 0) > 40
        assert 5 < task.tokens_of_row(language) < 600
    assert (task.rows_of(Split.TRAIN) is None) == (
        task.trained_on is not None or task.task_type is TaskType.RETRIEVAL
    )
    assert task.rows_of(Split.TRAIN, "de") is None
    assert task.rows_of(Split.TEST, "xx") is None


def test_declarations_are_light_to_import() -> None:
    heavy = "torch transformers datasets pandas pyarrow babel numpy yaml huggingface_hub"
    program = (
        "import sys, stiltwalk\n"
        "assert stiltwalk.tasks.find('xnli') is stiltwalk.tasks.TASKS['xnli']\n"
        "import stiltwalk.tasks.load\n"
        f"print(*(name for name in '{heavy}'.split() if name in sys.modules))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("\n", "")
