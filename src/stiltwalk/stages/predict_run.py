"""How a checkpoint is evaluated on one task in all languages: answers, figures, times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.data.xtreme_files import answers_path, form_of, write_answers
from stiltwalk.draws import Draws
from stiltwalk.errors import NotFinite
from stiltwalk.features.cache import KeptFeatures, kept_features
from stiltwalk.features.rows import Features
from stiltwalk.features.text import tokenizer_digest
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.heads.decoder import UNPARSED, DecoderHead
from stiltwalk.inference.backends import Found
from stiltwalk.inference.backends.endpoint import load_endpoint
from stiltwalk.inference.engine import RowCosts
from stiltwalk.inference.predictor import Predictor, Settings, load_predictor
from stiltwalk.metrics.bitext import (
    Duplicates,
    accept,
    best_threshold,
    expand,
    ids_by_text,
    mine,
    nearest,
)
from stiltwalk.metrics.score import example_scores, score
from stiltwalk.models.device import all_devices
from stiltwalk.recipe.schema import Precision
from stiltwalk.records import (
    Answers,
    Bitext,
    Example,
    ExampleScoreRow,
    Metric,
    ScoreRow,
    Scores,
    Sentence,
    Split,
    TaskType,
    TimingRow,
    gold_answers,
    gold_lines,
)
from stiltwalk.stages.context import Context
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.predict_format_run import (
    asked_format,
    decide_engine,
    decide_format,
    keep_choice,
    keep_format,
)
from stiltwalk.stages.ranking_run import LanguageResult, ranking_results
from stiltwalk.stages.rows import Asking
from stiltwalk.stages.served import ServedBase
from stiltwalk.stages.soft_prompt import Prompt
from stiltwalk.stages.train_run import prompted_folder
from stiltwalk.store.machine import installed
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.sources import available_languages
from stiltwalk.training.data import labels_of
from stiltwalk.wording import shown

SHUFFLED = "permuted embeddings"
"""The control that permutes the word embeddings of every id that English does not use."""


def evaluate(stage: Predict, context: Context, folder: Folder) -> None:
    """Answer the test rows of every language and score them.

    Writes TASK/test-LANG files as XTREME lays them out, one score row per language and figure,
    what every example added to the scores, one timing row per language, and the number format.
    """
    torch.set_num_threads(context.num_threads)
    task = TASKS[stage.rows.task]
    settings = asked_settings(stage, context, asked_format(stage))
    kept = context.workspace.root / "asked" / f"{stage.fingerprint}.jsonl"
    if isinstance(stage.parent, ServedBase):
        predictor: Predictor = load_endpoint(stage.parent.endpoint, settings, kept)
    else:
        predictor = load_predictor(asked_model(stage, context), settings)
        predictor.engine = replace(predictor.engine, devices=all_devices())
    ways = {TaskType.RETRIEVAL: _retrieval_results, TaskType.RANKING: _ranking_results}
    way = ways.get(task.task_type, _labelled_results)
    results = list(way(stage, predictor, context, folder))
    keep_format(stage, folder)
    form = form_of(task.task_type, task.metric)
    for result in results:
        file = answers_path(folder.path, task.name, result.language, form)
        write_answers(file, form, result.answers)
    folder.write_scores([row for each in results for row in _score_rows(stage, each)])
    if stage.shuffled_seed is None:
        folder.write_shares([_share_row(stage, result, folder) for result in results])
    folder.write_timings([_timing_row(stage, result, folder) for result in results])
    kept.unlink(missing_ok=True)


# --- how a model is asked: for its scores, and for its times -----------------------------------


def asked_model(stage: Predict, context: Context) -> Path | PromptedFolder:
    """Return where the model is, and its prompt where it has one."""
    if isinstance(stage.parent, Prompt):
        return prompted_folder(stage.parent, context)
    return stage.parent.model_folder(context)


def asked_settings(stage: Predict, context: Context, precision: Precision) -> Settings:
    """Return how an evaluation asks its model, in a number format."""
    task, asking = TASKS[stage.rows.task], stage.asking
    settings = Settings(
        task=task,
        max_length_tokens=stage.max_length_tokens,
        precision=precision,
        retrieval=stage.retrieval,
    )
    if asking is None:
        return settings
    settings = replace(settings, answering=asking.answering)
    lacks_labels = task.task_type is TaskType.TAGGING and not task.labels
    if task.task_type is TaskType.RETRIEVAL or not (asking.shots or lacks_labels):
        return settings
    train = english_rows(stage, context)
    return replace(
        settings, shots=tuple(shots_of(asking, task.name, train)), labels=labels_of(task, train)
    )


def english_rows(stage: Predict, context: Context) -> Sequence[Example]:
    """Return the English rows that the model was, or could have been, trained on."""
    if stage.parent.learned:
        return stage.parent.learned.examples(context.data)
    return examples(TASKS[TASKS[stage.rows.task].train_task], context.data, Split.TRAIN, "en")


def shots_of(asking: Asking, task: str, train: Sequence[Example]) -> list[Example]:
    """Draw the solved rows that stand before every question."""
    draws = Draws(asking.seed, "evaluation", task)
    rng = np.random.default_rng(draws.number("solved rows"))
    count = min(asking.answering.in_context, len(train))
    return [train[at] for at in rng.choice(len(train), count, replace=False).tolist()]


# --- what is asked, answered and scored, by language -------------------------------------------


def _labelled_results(
    stage: Predict, predictor: Predictor, context: Context, folder: Folder
) -> Iterator[LanguageResult]:
    task, asked = TASKS[stage.rows.task], _asked_rows(stage, context)

    def make() -> list[Features]:
        return [predictor.features(rows) for rows in asked.values()]

    has_head = stage.asking is None and not isinstance(stage.parent, Prompt)
    features = _kept(stage, context, predictor, make) if has_head else KeptFeatures.of(make())
    if stage.shuffle is not None:
        predictor.shuffle_embeddings(_english(stage, asked, context), stage.shuffle)
    if stage.engine:
        decide_engine(stage, predictor, context, folder, features.whole)
    elif stage.precision == "auto" and stage.asking is None:
        decide_format(stage, predictor, context, folder)
    rows_per_result = features.whole.rows_per_unit if stage.asking else 1
    try:
        found, costs = _outputs(stage, predictor, features.whole, context, folder)
    except NotFinite as error:
        at = int(features.whole.example[error.row * rows_per_result])
        every = [(each.id, language) for language, rows in asked.items() for each in rows]
        raise _said_of(*every[at], error) from error
    for number, (language, rows) in enumerate(asked.items()):
        here = slice(*(at // rows_per_result for at in features.first_rows[number : number + 2]))
        answers = predictor.decode(found[here], features.part(number), rows)
        gold = gold_answers(rows)
        yield LanguageResult(
            language=language,
            answers=answers,
            scores={
                **score(task.metric, answers, gold, language),
                **_further_scores(stage, predictor, found[here], rows),
            },
            shares=example_scores(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs.of(here),
        )


def _asked_rows(stage: Predict, context: Context) -> dict[str, Sequence[Example]]:
    task = TASKS[stage.rows.task]
    return {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }


def _ranking_results(
    stage: Predict, predictor: Predictor, context: Context, folder: Folder
) -> Iterator[LanguageResult]:
    if stage.precision == "auto":
        keep_choice(folder, {"precision": "fp32", "because": "a pool is ranked in fp32"})
    asked = _asked_rows(stage, context)
    if stage.shuffle is not None:
        predictor.shuffle_embeddings(_english(stage, asked, context), stage.shuffle)
    return ranking_results(TASKS[stage.rows.task], predictor, asked, stage.max_rows, context)


def _said_of(row: str, language: str, error: NotFinite) -> NotFinite:
    return NotFinite(f"{language}, row {shown(row)}: {error}", error.row)


def _outputs(
    stage: Predict, predictor: Predictor, features: Features, context: Context, folder: Folder
) -> Found:
    num_asked = features.num_units if stage.asking else features.num_rows
    predictor.engine = replace(predictor.engine, tick=context.counter(num_asked))
    if stage.asking is None:
        return predictor.outputs(features, once=True)
    return predictor.outputs_through(stage.backend or "transformers", features, folder.path)


def _kept(
    stage: Predict, context: Context, predictor: Predictor, make: Callable[[], Sequence[Features]]
) -> KeptFeatures:
    """Return the features of a task's test rows, made once for all models with one tokenizer.

    Another version of what makes them makes them again: the evaluation records that version.
    """
    key = {
        "tokenizer": tokenizer_digest(predictor.folder),
        "made_with": installed("stiltwalk", "tokenizers", "transformers"),
        "task": stage.rows.task,
        "revision": stage.rows.revision,
        "languages": stage.languages,
        "max_rows": stage.max_rows,
        "max_length_tokens": stage.max_length_tokens,
        "prefix": stage.prefix,
    }
    return kept_features(context.workspace.root / "features", key, make)


def _english(
    stage: Predict, asked: Mapping[str, Sequence[Example]], context: Context
) -> Sequence[Example]:
    learned, task = english_rows(stage, context), TASKS[stage.rows.task]
    if stage.asking or "en" not in available_languages(task, context.data):
        return [*learned, *asked.get("en", ())]
    return [*learned, *examples(task, context.data, Split.TEST, "en", stage.max_rows)]


def _further_scores(
    stage: Predict, predictor: Predictor, found: Sequence[NDArray[Any]], rows: Sequence[Example]
) -> Scores:
    head, labels = predictor.head, predictor.labels
    if isinstance(stage.parent, Prompt):
        return _unseen_alone(found, rows, stage.parent.unseen, labels)
    if isinstance(head, DecoderHead) and not head.is_scored:
        read = [exact for _, exact in head.parsed(found, rows, labels)]
        return {UNPARSED: 1 - sum(read) / len(read)}
    return {}


def _unseen_alone(
    found: Sequence[NDArray[Any]],
    rows: Sequence[Example],
    unseen: Sequence[str],
    labels: Sequence[str],
) -> Scores:
    gold = gold_answers(rows)
    assert isinstance(gold, list)
    asked = [at for at, label in enumerate(gold) if label in unseen]
    if not asked:
        return {}
    columns = [labels.index(label) for label in unseen]
    right = [unseen[int(np.argmax(found[at][columns]))] == gold[at] for at in asked]
    return {"accuracy_unseen": sum(right) / len(right)}


def _retrieval_results(
    stage: Predict, predictor: Predictor, context: Context, folder: Folder
) -> Iterator[LanguageResult]:
    task = TASKS[stage.rows.task]
    if stage.precision == "auto" and not stage.engine:
        keep_choice(folder, {"precision": "fp32", "because": "retrieval has no English dev rows"})
    mines = task.metric == Metric.PAIR_F1
    texts = {
        (language, split): bitext(task, context.data, split, language, stage.max_rows)
        for language in stage.languages
        for split in task.asked_splits
    }
    found = _vectors(stage, predictor, context, folder, texts)
    duplicates = Duplicates(stage.bucc_duplicates or Duplicates.ALL)
    for language in stage.languages:
        asked = texts[language, Split.TEST]
        answers = (
            _mined(texts[language, Split.DEV], asked, found, duplicates)
            if mines
            else _matched(asked, found)
        )
        gold = asked.gold if mines else gold_lines(asked)
        lines = {text for split in task.asked_splits for text in _lines(texts[language, split])}
        yield LanguageResult(
            language=language,
            answers=answers,
            scores=score(task.metric, answers, gold, "en"),
            shares=example_scores(task.metric, answers, gold, "en"),
            num_examples=len(asked.foreign) if mines else len(asked.english),
            costs=found.costs.of(found.rows(sorted(lines))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    """One vector per distinct line of a whole task."""

    row_of: Mapping[str, int]
    vectors_ND: NDArray[np.float32]
    costs: RowCosts

    def of(self, texts: Iterable[str]) -> NDArray[np.float32]:
        return self.vectors_ND[self.rows(texts)]

    def rows(self, texts: Iterable[str]) -> NDArray[np.int64]:
        return np.array([self.row_of[text] for text in texts], dtype=np.int64)


def _vectors(
    stage: Predict,
    predictor: Predictor,
    context: Context,
    folder: Folder,
    asked: Mapping[tuple[str, Split], Bitext],
) -> _Vectors:
    texts = list(asked.values())
    lines = list(dict.fromkeys(line for each in texts for line in _lines(each)))
    features = _kept(stage, context, predictor, lambda: [predictor.features(lines)]).whole
    if stage.shuffle is not None:
        english = [sentence.text for each in texts for sentence in each.english]
        predictor.shuffle_embeddings(english, stage.shuffle)
    if stage.engine:
        decide_engine(stage, predictor, context, folder, features)
    predictor.engine = replace(predictor.engine, tick=context.counter(features.num_rows))
    try:
        vectors_ND, costs = predictor.outputs(features)
    except NotFinite as error:
        line = lines[error.row]
        languages = (language for (language, _), each in asked.items() if line in _lines(each))
        raise _said_of(line, next(languages), error) from error
    return _Vectors({line: row for row, line in enumerate(lines)}, vectors_ND, costs)


def _lines(texts: Bitext) -> Iterator[str]:
    """Yield every line of both sides, as `ids_by_text` spells it."""
    for sentence in (*texts.english, *texts.foreign):
        yield sentence.text.strip()


def _texts(sentences: Iterable[Sentence]) -> list[str]:
    return [sentence.text.strip() for sentence in sentences]


def _matched(asked: Bitext, found: _Vectors) -> Answers:
    nearest_N = nearest(found.of(_texts(asked.english)), found.of(_texts(asked.foreign)))
    return [str(index) for index in nearest_N]


def _mined(dev: Bitext, asked: Bitext, found: _Vectors, duplicates: Duplicates) -> Answers:
    candidates = []
    for texts in (dev, asked):
        foreign, english = ids_by_text(texts.foreign), ids_by_text(texts.english)
        mined = mine(found.of(foreign), found.of(english))
        candidates.append(expand(mined, foreign, english, duplicates))
    return accept(candidates[1], best_threshold(candidates[0], dev.gold))


# --- rows of results ---------------------------------------------------------------------------


def _score_rows(stage: Predict, result: LanguageResult) -> list[ScoreRow]:
    task, num_examples = stage.rows.task, result.num_examples
    rows = stage.score_rows(result.scores, task, result.language, num_examples)
    if stage.shuffled_seed is None:
        return rows
    return [replace(row, seed=stage.shuffled_seed, control=SHUFFLED) for row in rows]


def _share_row(stage: Predict, result: LanguageResult, folder: Folder) -> ExampleScoreRow:
    won, of = zip(*result.shares, strict=True)
    return ExampleScoreRow(
        stage=folder.stage,
        task=stage.rows.task,
        language=result.language,
        seed=stage.trained_seed,
        won=tuple(round(each, 6) for each in won),
        of=of,
    )


def _timing_row(stage: Predict, result: LanguageResult, folder: Folder) -> TimingRow:
    return TimingRow(
        stage=folder.stage,
        task=stage.rows.task,
        language=result.language,
        num_examples=result.num_examples,
        real_tokens=int(result.costs.real_tokens.sum()),
        padded_tokens=int(result.costs.padded_tokens.sum()),
        time_s=float(result.costs.time_s.sum()),
        written_tokens=int(result.costs.written_tokens.sum()),
    )
