"""Tests for stiltwalk.mini: the rows of the embedded benchmark."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from statistics import fmean

import pytest
from tokenizers import Tokenizer

from stiltwalk import mini
from stiltwalk.data.source import DataSource
from stiltwalk.errors import DataError
from stiltwalk.mini import LANGUAGES, ROWS, MiniTask
from stiltwalk.mini_base import ENCODER
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    RankingExample,
    SpanExample,
    Split,
    TaggedExample,
    TextExample,
)
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples
from stiltwalk.tasks.sources import known_languages

EXAMPLE_TASKS = tuple(name for name, each in mini.TASKS.items() if isinstance(each, MiniTask))
WITH_DEV = [
    (task, language)
    for task in EXAMPLE_TASKS
    for language in known_languages(TASKS[task], miniature=True)
]
TRAINED = [task for task in EXAMPLE_TASKS if Split.TRAIN in mini.TASKS[task].splits]
LABELLED = TextExample | PairExample | ChoiceExample
PRINT_DIGEST = """
from hashlib import sha256
from stiltwalk import mini
from stiltwalk.records import Split
for task, language in [("xnli", "th"), ("udpos", "zh"), ("tydiqa", "fi"), ("hellaswag", "en")]:
    print(sha256(repr(mini.examples(task, Split.DEV, language)).encode()).hexdigest())
"""


def test_the_forty_languages_are_xtremes() -> None:
    assert len(set(LANGUAGES)) == 40
    sizes = {name: len(known_languages(TASKS[name], miniature=True)) for name in mini.TASKS}
    assert sizes["xnli"] == 15
    assert sizes["udpos"] == 33
    assert sizes["panx"] == 40
    assert sizes["tatoeba"] == 36
    assert sizes["sib200"] == 40


@pytest.mark.parametrize(("task", "language"), WITH_DEV)
def test_rows_are_as_many_as_promised_and_well_formed(task: str, language: str) -> None:
    rows = mini.examples(task, Split.DEV, language)
    assert len({row.id for row in rows}) == len(rows) == ROWS[Split.DEV]
    for row in rows:
        if isinstance(row, TaggedExample):
            assert len(row.words) == len(row.tags)
            assert all(word and not any(map(str.isspace, word)) for word in row.words)
        if isinstance(row, SpanExample):
            for answer in row.answers:
                end = answer.start + len(answer.text)
                assert row.context[answer.start : end] == answer.text


@pytest.mark.parametrize("task", TRAINED)
def test_no_row_is_both_in_training_and_in_evaluation(task: str) -> None:
    training = {repr(row).partition(", ")[2] for row in mini.examples(task, Split.TRAIN, "en")}
    evaluated = [name for name in EXAMPLE_TASKS if TASKS[name].train_task == task]
    for name in evaluated:
        for split in (Split.DEV, Split.TEST):
            rows = mini.examples(name, split, "en")
            assert training.isdisjoint(repr(row).partition(", ")[2] for row in rows)


@pytest.mark.parametrize("task", TRAINED)
def test_training_rows_are_english_and_four_thousand(task: str) -> None:
    assert len(mini.examples(task, Split.TRAIN, "en")) == 4000
    with pytest.raises(DataError, match="has no language 'de' here, only en"):
        mini.examples(task, Split.TRAIN, "de")


@pytest.mark.parametrize("task", TRAINED)
def test_labels_are_balanced(task: str) -> None:
    rows = mini.examples(task, Split.TRAIN, "en")
    counts = Counter(row.label for row in rows if isinstance(row, LABELLED))
    assert not counts or max(counts.values()) - min(counts.values()) <= 1


def test_row_i_says_the_same_in_every_language() -> None:
    english = mini.examples("xnli", Split.TEST, "en")
    thai = mini.examples("xnli", Split.TEST, "th")
    labels = [
        [row.label for row in rows if isinstance(row, PairExample)] for rows in (english, thai)
    ]
    assert labels[0] == labels[1]
    assert [row.id for row in english] == [row.id for row in thai]


def test_another_process_writes_the_same_rows() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-R", "-c", PRINT_DIGEST], capture_output=True, check=True, text=True
    )
    here = [
        sha256(repr(mini.examples(task, Split.DEV, language)).encode()).hexdigest()
        for task, language in [
            ("xnli", "th"),
            ("udpos", "zh"),
            ("tydiqa", "fi"),
            ("hellaswag", "en"),
        ]
    ]
    assert done.stdout.split() == here


def test_the_revision_names_babels_version_without_importing_it() -> None:
    script = "import sys; from stiltwalk import mini; print(mini.revision())"
    script += "; print('babel' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    revision, imported = done.stdout.split()
    assert revision.startswith("mini:")
    assert ":babel2." in revision
    assert imported == "False"


def test_a_third_of_squad_2_has_no_answer() -> None:
    rows = mini.examples("squad_v2", Split.DEV, "en")
    empty = [row for row in rows if isinstance(row, SpanExample) and not row.answers]
    assert len(empty) == 67


def test_tydiqa_ids_start_with_the_languages_english_name() -> None:
    assert mini.examples("tydiqa", Split.TEST, "sw")[17].id == "swahili-17"
    assert mini.examples("xquad", Split.TEST, "zh")[17].id == "xquad-17"


def test_facts_asked_for_in_tests_are_absent_from_training() -> None:
    def continuations(split: Split) -> set[tuple[str, str]]:
        rows = mini.examples("commonsense_qa", split, "en")
        told = [(row.prompt, row.choices[int(row.label)]) for row in rows if _is_choice(row)]
        pairs = [zip(a.rstrip("?").split(", "), b.split(", "), strict=True) for a, b in told]
        return {fact for pair in pairs for fact in pair}

    assert continuations(Split.TRAIN).isdisjoint(continuations(Split.TEST))


def _is_choice(row: object) -> bool:
    return isinstance(row, ChoiceExample)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_inside_tag_follows_its_own_kind(language: str) -> None:
    for row in mini.examples("panx", Split.DEV, language):
        assert isinstance(row, TaggedExample)
        for before, tag in pairwise(("O", *row.tags)):
            assert not tag.startswith("I-") or before[1:] == tag[1:]


@pytest.mark.parametrize("language", TASKS["tatoeba"].languages)
def test_tatoeba_pairs_every_english_line_and_sorts_it(language: str) -> None:
    bitext = mini.bitext("tatoeba", Split.TEST, language)
    assert len(bitext.foreign) == len(bitext.english) == len(bitext.gold) == 500
    english = [sentence.text for sentence in bitext.english]
    assert english == sorted(english)
    assert len({sentence.text for sentence in bitext.english}) == 500


@pytest.mark.parametrize("split", [Split.DEV, Split.TEST])
def test_bucc_has_as_many_distractors_as_pairs(split: Split) -> None:
    bitext = mini.bitext("bucc2018", split, "ru")
    foreign = {sentence.id for sentence in bitext.foreign}
    english = {sentence.id for sentence in bitext.english}
    assert len(foreign) == len(english) == 600
    assert len(bitext.gold) == 300
    assert all(f in foreign and e in english for f, e in bitext.gold)


def test_unknown_tasks_splits_and_languages_are_explained() -> None:
    with pytest.raises(DataError, match="no task 'xnly'"):
        mini.examples("xnly", Split.DEV, "en")
    with pytest.raises(DataError, match=r"xnli .* has no train split, only dev, test"):
        mini.examples("xnli", Split.TRAIN, "en")
    with pytest.raises(DataError, match=r"xnli has no training rows of its own\. It trains"):
        examples(TASKS["xnli"], DataSource(source="mini"), Split.TRAIN)
    with pytest.raises(DataError, match="no language 'tlh'"):
        mini.examples("xnli", Split.TEST, "tlh")
    with pytest.raises(DataError, match="ask for its bitext"):
        mini.examples("tatoeba", Split.TEST, "de")
    with pytest.raises(DataError, match="ask for its examples"):
        mini.bitext("xnli", Split.TEST, "de")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(ENCODER / "tokenizer.json"))


def texts(task: str, language: str) -> Iterator[str | tuple[str, str]]:
    if not isinstance(mini.TASKS[task], MiniTask):
        bitext = mini.bitext(task, Split.TEST, language)
        yield from (sentence.text for sentence in bitext.foreign[:100] + bitext.english[:100])
        return
    for row in mini.examples(task, Split.TEST, language)[:100]:
        yield from parts(row)


def parts(row: Example) -> Iterator[str | tuple[str, str]]:
    match row:
        case PairExample():
            yield row.text_a, row.text_b
        case SpanExample():
            yield row.question, row.context
        case ChoiceExample():
            yield from ((row.prompt, choice) for choice in row.choices)
        case TextExample():
            yield row.text
        case TaggedExample():
            yield " ".join(row.words)
        case RankingExample():
            yield row.query


@pytest.mark.parametrize("task", mini.TASKS)
def test_the_mean_tokens_that_plans_use_are_true_within_15_percent(
    task: str, tokenizer: Tokenizer
) -> None:
    means = []
    for language in known_languages(TASKS[task], miniature=True)[:12]:
        found = tokenizer.encode_batch(list(texts(task, language)))
        rows = 100 if isinstance(mini.TASKS[task], MiniTask) else 200
        means.append(sum(len(encoding.ids) for encoding in found) / rows)
    assert fmean(means) == pytest.approx(mini.TASKS[task].mean_tokens, rel=0.15)
