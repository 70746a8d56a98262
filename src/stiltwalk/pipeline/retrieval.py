"""Evaluate an encoder on finding translations; nothing is trained for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stiltwalk.config.model_folder import read_config
from stiltwalk.features.prompts import load_prompt_encoder
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.infer import Engine, RowCosts, block_at, sentence_vectors
from stiltwalk.infer.embed import FINAL_NORM_FAMILIES
from stiltwalk.metrics import score
from stiltwalk.metrics.bitext import (
    Duplicates,
    accept,
    best_threshold,
    expand,
    ids_by_text,
    mine,
    nearest,
)
from stiltwalk.metrics.shares import shares
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import all_devices, say_once
from stiltwalk.pipeline.context import Context
from stiltwalk.pipeline.outcome import Outcome, asked_features, counter, english_ids
from stiltwalk.pipeline.precision import asked_format, keep_choice
from stiltwalk.plan.stages import Predict
from stiltwalk.records import Answers, Bitext, Kind, Metric, Sentence, Split, gold_lines
from stiltwalk.store import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext


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


def outcomes(stage: Predict, context: Context, folder: Folder) -> Iterator[Outcome]:
    """Find the translations of every language's lines."""
    task = TASKS[stage.rows.task]
    if stage.precision == "auto":
        keep_choice(folder, {"precision": "fp32", "because": "retrieval has no English dev rows"})
    mines = task.metric is Metric.PAIR_F1
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
        yield Outcome(
            language=language,
            answers=answers,
            scores=score(task.metric, answers, gold, "en"),
            shares=shares(task.metric, answers, gold, "en"),
            num_examples=len(asked.foreign) if mines else len(asked.english),
            costs=found.costs.of(found.rows(sorted(lines))),
        )


def _vectors(stage: Predict, context: Context, texts: list[Bitext]) -> _Vectors:
    """Encode every distinct line of the task once."""
    source = context.model_folder(stage.parent)
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
        tick=counter(context, features.num_rows),
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
        model = checkpoint.load(Kind.RETRIEVAL, source)
        return model, block_at(relative_depth, model.config.num_hidden_layers)
    block = block_at(relative_depth, num_blocks)
    return checkpoint.load(Kind.RETRIEVAL, source, num_blocks=block), block


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
