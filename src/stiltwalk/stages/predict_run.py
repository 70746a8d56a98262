"""How a checkpoint is evaluated on one task in all languages: answers, figures, times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from stiltwalk.data.xtreme_files import answers_path, form_of, write_answers
from stiltwalk.draws import Draws
from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.rows import Features, concatenated
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.heads.decoder import UNPARSED, DecoderHead, decoder_head
from stiltwalk.inference.backends.backend import Backend, answered
from stiltwalk.inference.backends.transformers import Transformers
from stiltwalk.inference.backends.vllm import VLLM
from stiltwalk.inference.embed import FINAL_NORM_FAMILIES, block_at, sentence_vectors
from stiltwalk.inference.engine import Engine, RowCosts
from stiltwalk.inference.predictor import outputs
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
from stiltwalk.models import adapters, checkpoint
from stiltwalk.models.checkpoint import Model, load_decoder
from stiltwalk.models.device import all_devices, say_once
from stiltwalk.models.locate import read_config
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
from stiltwalk.stages.context import MODEL, Context
from stiltwalk.stages.language_result import LanguageResult, asked_features, english_ids
from stiltwalk.stages.precision import asked_format, checked, keep_choice, keep_format
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.rows import Asking
from stiltwalk.stages.soft_prompt_run import cloze_results
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples
from stiltwalk.tasks.sources import available_languages
from stiltwalk.tasks.task import Task
from stiltwalk.training.data import labels_of

SHUFFLED = "permuted embeddings"
"""The control that permutes the word embeddings of every id that English does not use."""


def evaluate(stage: Predict, context: Context, folder: Folder) -> None:
    """Answer the test rows of every language and score them.

    Writes TASK/test-LANG files as XTREME lays them out, one score row per language and figure,
    what every example added to the scores, one timing row per language, and the number format.
    """
    torch.set_num_threads(context.num_threads)
    task = TASKS[stage.rows.task]
    results = list(_way(stage, task)(stage, context, folder))
    keep_format(stage, folder)
    form = form_of(task.task_type, task.metric)
    for result in results:
        file = answers_path(folder.path, task.name, result.language, form)
        write_answers(file, form, result.answers)
    folder.write_scores([row for each in results for row in _score_rows(stage, each, folder)])
    if stage.shuffled_seed is None:
        folder.write_shares([_share_row(stage, result, folder) for result in results])
    folder.write_timings([_timing_row(stage, result, folder) for result in results])


def _way(
    stage: Predict, task: Task
) -> Callable[[Predict, Context, Folder], Iterator[LanguageResult]]:
    """Return what answers such a task."""
    if task.task_type is TaskType.RETRIEVAL:
        return retrieval_results
    if stage.parent.clozes:
        return cloze_results
    return head_results if stage.asking is None else decoder_results


def _score_rows(stage: Predict, result: LanguageResult, folder: Folder) -> list[ScoreRow]:
    return [
        ScoreRow(
            stage=folder.stage,
            intermediate=stage.intermediate_tasks,
            task=stage.rows.task,
            language=result.language,
            split=Split.TEST,
            metric=metric,
            value=value,
            seed=stage.trained_seed if stage.shuffled_seed is None else stage.shuffled_seed,
            num_examples=result.num_examples,
            control="" if stage.shuffled_seed is None else SHUFFLED,
        )
        for metric, value in result.scores.items()
    ]


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


def head_results(stage: Predict, context: Context, folder: Folder) -> Iterator[LanguageResult]:
    """Answer all languages in shared batches, then take the answers apart."""
    task = TASKS[stage.rows.task]
    source = stage.parent.model_folder(context)
    encoder, model = load_text_encoder(source), checkpoint.load(task.task_type, source)
    labels = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
    kind = head_of(task.task_type)
    asked = {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }

    def make() -> list[Features]:
        each = asked.values()
        return [kind.features(rows, encoder, labels, stage.max_length_tokens) for rows in each]

    features = asked_features(stage, context, source, make)
    if stage.shuffle is not None:
        english = english_ids(kind.features(_english(stage, context), encoder, labels, 1 << 20))
        checkpoint.shuffle_word_embeddings(model, english, seed=stage.shuffle)
    engine = Engine(
        model=model,
        pad_id=encoder.pad_id,
        precision=asked_format(stage),
        devices=all_devices(),
    )
    if stage.precision == "auto":
        engine = checked(stage, context, folder, engine, encoder)
    engine = replace(engine, tick=context.counter(features.whole.num_rows))
    found, costs = outputs(engine, kind, features.whole)
    for number, (language, rows) in enumerate(asked.items()):
        start, end = features.first_rows[number : number + 2]
        answers = kind.decode(found[start:end], features.part(number), rows, labels)
        gold = gold_answers(rows)
        yield LanguageResult(
            language=language,
            answers=answers,
            scores=score(task.metric, answers, gold, language),
            shares=example_scores(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs.of(slice(start, end)),
        )


def _english(stage: Predict, context: Context) -> Sequence[Example]:
    """Return all English rows that the stage's model was trained on or is asked about."""
    learned, asked = stage.parent.learned, TASKS[stage.rows.task]
    assert learned is not None
    rows = list(learned.examples(context.data))
    if "en" in available_languages(asked, context.data):
        rows += examples(asked, context.data, Split.TEST, "en", stage.max_rows)
    return rows


@dataclass(frozen=True, slots=True, eq=False)
class _Vectors:
    """One vector per distinct line of a whole task."""

    row_of: Mapping[str, int]
    vectors_ND: NDArray[np.float32]
    costs: RowCosts

    def of(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Return the vectors of some lines, shape (lines, D)."""
        return self.vectors_ND[self.rows(texts)]

    def rows(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """Return which rows were made for some lines."""
        return np.array([self.row_of[text] for text in texts], dtype=np.int64)


def retrieval_results(stage: Predict, context: Context, folder: Folder) -> Iterator[LanguageResult]:
    """Find the translations of every language's lines."""
    task = TASKS[stage.rows.task]
    if stage.precision == "auto":
        keep_choice(folder, {"precision": "fp32", "because": "retrieval has no English dev rows"})
    mines = task.metric == Metric.PAIR_F1
    texts = {
        (language, split): bitext(task, context.data, split, language, stage.max_rows)
        for language in stage.languages
        for split in task.asked_splits
    }
    found = _vectors(stage, context, list(texts.values()))
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


def _vectors(stage: Predict, context: Context, texts: list[Bitext]) -> _Vectors:
    """Encode every distinct line of the task once."""
    source = stage.parent.model_folder(context)
    asking = stage.asking
    encoder = load_prompt_encoder(source, chat=False) if asking else load_text_encoder(source)
    assert stage.relative_depth is not None
    model, block = cut_encoder(source, stage.relative_depth, is_decoder=asking is not None)
    lines = list(dict.fromkeys(line for each in texts for line in _lines(each)))
    features = asked_features(
        stage, context, source, lambda: [line_features(lines, encoder, stage.max_length_tokens)]
    ).whole
    if stage.shuffle is not None:
        english = [sentence.text for each in texts for sentence in each.english]
        kept = english_ids(line_features(english, encoder, stage.max_length_tokens))
        checkpoint.shuffle_word_embeddings(model, kept, seed=stage.shuffle)
    engine = Engine(
        model=model,
        pad_id=encoder.pad_id,
        precision=asked_format(stage),
        tick=context.counter(features.num_rows),
        devices=all_devices(),
    )
    pooling = asking.answering.pooling if asking else "mean"
    vectors_ND, costs = sentence_vectors(engine, features, block, pooling)
    return _Vectors({line: row for row, line in enumerate(lines)}, vectors_ND, costs)


def cut_encoder(
    source: Path, relative_depth: float, *, is_decoder: bool = False
) -> tuple[Model, int]:
    """Return an encoder, cut where that changes nothing, and the block that is read.

    Decoders have a norm behind the last block, so they are not cut.
    """
    config = read_config(source)
    num_blocks = config.get("num_hidden_layers")
    if is_decoder or num_blocks is None or config["model_type"] in FINAL_NORM_FAMILIES:
        say_once(
            f"An encoder of the family {config['model_type']} cannot be cut short: retrieval runs "
            "all of its blocks, not only those that are read."
        )
        model = checkpoint.load(TaskType.RETRIEVAL, source)
        return model, block_at(relative_depth, model.config.num_hidden_layers)
    block = block_at(relative_depth, num_blocks)
    return checkpoint.load(TaskType.RETRIEVAL, source, num_blocks=block), block


def _lines(texts: Bitext) -> Iterator[str]:
    """Yield every line of both sides, as `ids_by_text` spells it."""
    for sentence in (*texts.english, *texts.foreign):
        yield sentence.text.strip()


def _texts(sentences: Iterable[Sentence]) -> list[str]:
    return [sentence.text.strip() for sentence in sentences]


def _matched(asked: Bitext, found: _Vectors) -> Answers:
    """Return the index of the nearest foreign line of each English line."""
    nearest_N = nearest(found.of(_texts(asked.english)), found.of(_texts(asked.foreign)))
    return [str(index) for index in nearest_N]


def _mined(dev: Bitext, asked: Bitext, found: _Vectors, duplicates: Duplicates) -> Answers:
    """Return the pairs that score above the threshold that is best on dev."""
    candidates = []
    for texts in (dev, asked):
        foreign, english = ids_by_text(texts.foreign), ids_by_text(texts.english)
        mined = mine(found.of(foreign), found.of(english))
        candidates.append(expand(mined, foreign, english, duplicates))
    return accept(candidates[1], best_threshold(candidates[0], dev.gold))


def decoder_results(stage: Predict, context: Context, folder: Folder) -> Iterator[LanguageResult]:
    """Answer all languages in shared batches, then take the answers apart."""
    task, source = TASKS[stage.rows.task], stage.parent.model_folder(context)
    assert stage.asking is not None
    train = english_rows(stage, context)
    kind = decoder_head(
        task, stage.asking.answering, source, shots_of(stage.asking, task.name, train)
    )
    labels = labels_of(task, train)
    asked = {
        language: examples(task, context.data, Split.TEST, language, stage.max_rows)
        for language in stage.languages
    }
    parts = [kind.asked(rows, labels, stage.max_length_tokens) for rows in asked.values()]
    model = load_decoder(source)
    if stage.shuffle is not None:
        english = list(train) + list(asked.get("en", ()))
        seen = english_ids(kind.features(english, kind.encoder, labels, 1 << 20))
        kept = [*seen, *kind.encoder.special_ids.tolist()]
        checkpoint.shuffle_word_embeddings(model, kept, seed=stage.shuffle)
    together = concatenated(parts)
    with _backend(stage, model, kind, together, context, folder) as backend:
        found, costs = answered(backend, kind, together)
    start = 0
    for (language, rows), part in zip(asked.items(), parts, strict=True):
        here = slice(start, start := start + part.num_units)
        answers = kind.decode(found[here], part, rows, labels)
        gold = gold_answers(rows)
        yield LanguageResult(
            language=language,
            answers=answers,
            scores={
                **score(task.metric, answers, gold, language),
                **_unparsed(kind, found[here], rows, labels),
            },
            shares=example_scores(task.metric, answers, gold, language),
            num_examples=len(rows),
            costs=costs.of(here),
        )


@contextmanager
def _backend(
    stage: Predict,
    model: checkpoint.Model,
    kind: DecoderHead,
    features: Features,
    context: Context,
    folder: Folder,
) -> Iterator[Backend]:
    """Give what answers the rows: vLLM is handed the model, adapters merged."""
    precision = asked_format(stage)
    tick = context.counter(features.num_units)
    if stage.backend is None:
        engine = Engine(
            model=model,
            pad_id=kind.encoder.pad_id,
            precision=precision,
            tick=tick,
            devices=all_devices(),
        )
        yield Transformers(engine=engine, once=True)
        return
    longest = int(features.ids.lengths.max(initial=0))
    new_tokens = 0 if kind.is_scored else kind.max_new_tokens
    checkpoint.require_room(model, longest + new_tokens)
    served = stage.parent.model_folder(context)
    with TemporaryDirectory(dir=folder.path) as aside:
        if stage.shuffle is not None or (served / adapters.CONFIG).is_file():
            tokenizer, served = served, Path(aside) / MODEL
            checkpoint.save(model, served, tokenizer_from=tokenizer)
        most_tokens = longest + max(new_tokens, 1)  # it writes one in any case
        vllm = VLLM(served, precision=precision, most_tokens=most_tokens, tick=tick)
        with closing(vllm):
            yield vllm


def _unparsed(
    kind: DecoderHead,
    found: Sequence[NDArray[np.int64]],
    rows: Sequence[Example],
    labels: Sequence[str],
) -> Scores:
    """Return the share of written answers that could not be read as one."""
    if kind.is_scored:
        return {}
    read = [exact for _, exact in kind.parsed(found, rows, labels)]
    return {UNPARSED: 1 - sum(read) / len(read)}


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
