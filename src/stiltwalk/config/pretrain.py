"""How the miniature's encoder is made from nothing. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from stiltwalk.config.limits import STRICT, Count, NotNegative, Positive, Share


@dataclass(frozen=True, kw_only=True)
class PretrainSettings:
    """Size, vocabulary and training of the base encoder; time plays no part in any of it.

    Word vectors come from counting and stay frozen in pretraining: whoever fine-tunes the
    encoder should leave them frozen too, or rare languages drift away from English.

    Args:
        steps: optimiser steps, one kind of exercise each.
        batch_size: texts, or pairs of texts, per step.
        learning_rate: peak, reached after the warm-up, then linear decay to a fiftieth.
        warmup_steps: steps of linear increase.
        weight_decay: on matrices only.
        max_gradient_norm: clipped to this once per step.
        span_share: steps that find a masked field of a record in another text.
        replaced_share: steps that tell which fields of a translation have been exchanged.
        parallel_share: steps that match translations by the vectors retrieval reads.
        masked_share: steps of masked-language modelling on a text and its translation.
        temperature: of the softmax over candidates in those that match translations.
        layers: blocks.
        width: of hidden states and word vectors.
        heads: of attention, per block.
        vocabulary_size: sub-words, special ones included.
        vocabulary_lines: lines per language that the vocabulary is learned from.
        vector_sentences: parallel sentences that word vectors are counted over.
        max_tokens: longest input, special tokens included.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    steps: Count = 6000
    batch_size: Count = 48
    learning_rate: Positive = 1.5e-3
    warmup_steps: Count = 100
    weight_decay: NotNegative = 0.01
    max_gradient_norm: Positive = 1.0
    span_share: Share = 0.5
    replaced_share: Share = 0.38
    parallel_share: Share = 0.07
    masked_share: Share = 0.05
    temperature: Positive = 0.07
    layers: Count = 3
    width: Count = 128
    heads: Count = 4
    vocabulary_size: Annotated[int, Field(ge=300)] = 12_000
    vocabulary_lines: Count = 600
    vector_sentences: Count = 4000
    max_tokens: Annotated[int, Field(ge=32)] = 256
