"""The four exercises of pretraining: from texts to rows of tokens, and from a batch to its loss.

Shape letters: B rows, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from stiltwalk.mini_base import texts
from stiltwalk.mini_base.tokenizer import MASKED, PAD, SPECIAL
from stiltwalk.recipe.types import PretrainSettings

_IGNORED = -100
_MASKED_PART = 0.2
_GROUP = 8
_REPLACED_WEIGHT = 2.0
_MASKED_WEIGHT = 0.3
_RETRIEVAL_DEPTH = 14 / 24


class Row(NamedTuple):
    """Tokens, and what is to be found: positions, a label per token, or the other text's tokens."""

    tokens: list[int]
    target: list[int]


class Trainee(nn.Module):
    """A masked language model with the two heads that only pretraining needs."""

    def __init__(self, masked_lm: Any) -> None:  # noqa: ANN401 - a transformers model
        """Put fresh heads on a model."""
        super().__init__()
        width = masked_lm.config.hidden_size
        self.masked_lm = masked_lm
        self.span_head = nn.Linear(width, 2)
        self.replaced_head = nn.Linear(width, 1)

    def states(self, ids_BT: Tensor) -> Tensor:
        """Return the last hidden states, shape (B, T, D)."""
        output = self.masked_lm.roberta(input_ids=ids_BT, attention_mask=(ids_BT != PAD).long())
        states_BTD: Tensor = output.last_hidden_state
        return states_BTD

    def sentence_vectors(self, ids_BT: Tensor) -> Tensor:
        """Return the unit vectors that retrieval reads, shape (B, D)."""
        attended_BT = (ids_BT != PAD).long()
        output = self.masked_lm.roberta(
            input_ids=ids_BT, attention_mask=attended_BT, output_hidden_states=True
        )
        block = max(1, round(_RETRIEVAL_DEPTH * self.masked_lm.config.num_hidden_layers))
        weight_BT1 = attended_BT[..., None].float()
        summed_BD = (output.hidden_states[block] * weight_BT1).sum(dim=1)
        return functional.normalize(summed_BD / weight_BT1.sum(dim=1), dim=1)


class Exercise(NamedTuple):
    """How often an exercise comes, an endless stream of its batches, and its loss."""

    share: float
    batches: Iterator[list[Row]]
    loss: Callable[[Trainee, list[Row]], Tensor]


def exercises(
    settings: PretrainSettings, tokenizer: Tokenizer, random: Random, progress: Callable[[], float]
) -> dict[str, Exercise]:
    """Return the exercises by name.

    Args:
        settings: shares, batch size, longest input.
        tokenizer: decides the tokens.
        random: the one source of chance, in the order in which batches are asked for.
        progress: share of pretraining that is done, in [0, 1].
    """

    def stream(draw: Callable[[], Any], encode: Callable[..., list[Row]]) -> Iterator[list[Row]]:
        return _batches(settings, random, lambda count: encode(tokenizer, [draw() for _ in count]))

    def matching(trainee: Trainee, rows: list[Row]) -> Tensor:
        return _parallel_loss(trainee, rows, settings.temperature)

    return {
        "span": Exercise(
            settings.span_share,
            stream(lambda: texts.span_text(random, progress()), _span_rows),
            _span_loss,
        ),
        "replaced": Exercise(
            settings.replaced_share,
            stream(lambda: texts.replaced_text(random, progress()), _replaced_rows),
            _replaced_loss,
        ),
        "parallel": Exercise(
            settings.parallel_share,
            stream(lambda: texts.parallel_text(random), _parallel_rows),
            matching,
        ),
        "masked": Exercise(
            settings.masked_share,
            stream(lambda: texts.parallel_text(random), _joined_rows),
            _masked_loss,
        ),
    }


def _batches(
    settings: PretrainSettings, random: Random, make: Callable[[range], list[Row]]
) -> Iterator[list[Row]]:
    """Yield batches of rows of like length, so that little is padding."""
    size = settings.batch_size
    while True:
        rows = [
            row for row in make(range(size * _GROUP)) if max(map(len, row)) <= settings.max_tokens
        ]
        rows.sort(key=lambda row: len(row.tokens))
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        random.shuffle(batches)
        yield from batches


def _span_rows(tokenizer: Tokenizer, drawn: Sequence[texts.SpanText]) -> list[Row]:
    found = tokenizer.encode_batch([(text.query, text.context) for text in drawn])
    rows = []
    for text, encoding in zip(drawn, found, strict=True):
        ends = _tokens_at(encoding, text.start, text.end)
        rows += [Row(encoding.ids, [ends[0], ends[1]])] if ends else []
    return rows


def _replaced_rows(tokenizer: Tokenizer, drawn: Sequence[texts.ReplacedText]) -> list[Row]:
    found = tokenizer.encode_batch([(text.first, text.second) for text in drawn])
    return [
        Row(encoding.ids, _flags(encoding, text.regions))
        for text, encoding in zip(drawn, found, strict=True)
    ]


def _flags(encoding: Encoding, regions: Sequence[texts.Region]) -> list[int]:
    """Return a label per token; the first token tells whether anything has been exchanged."""
    flags = [_IGNORED] * len(encoding.ids)
    flags[0] = int(any(region.replaced for region in regions))
    for region in regions:
        ends = _tokens_at(encoding, region.start, region.end)
        for token in range(ends[0], ends[1] + 1) if ends else ():
            flags[token] = int(region.replaced)
    return flags


def _tokens_at(encoding: Encoding, start: int, end: int) -> tuple[int, int] | None:
    """Return the first and last token of characters of the second text."""
    first, last = encoding.char_to_token(start, 1), encoding.char_to_token(end - 1, 1)
    return None if first is None or last is None else (first, last)


def _parallel_rows(tokenizer: Tokenizer, drawn: Sequence[texts.ParallelText]) -> list[Row]:
    first = tokenizer.encode_batch([text.first for text in drawn])
    second = tokenizer.encode_batch([text.second for text in drawn])
    return [Row(one.ids, two.ids) for one, two in zip(first, second, strict=True)]


def _joined_rows(tokenizer: Tokenizer, drawn: Sequence[texts.ParallelText]) -> list[Row]:
    found = tokenizer.encode_batch([(text.first, text.second) for text in drawn])
    return [Row(encoding.ids, []) for encoding in found]


def _padded(rows: Sequence[list[int]], filler: int) -> Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [filler] * (longest - len(row)) for row in rows])


def _span_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    ids_BT = _padded([row.tokens for row in rows], PAD)
    logits_BT2 = trainee.span_head(trainee.states(ids_BT))
    logits_BT2 = logits_BT2.masked_fill((ids_BT == PAD)[..., None], -1e4)
    target_B2 = torch.tensor([row.target for row in rows])
    return functional.cross_entropy(logits_BT2, target_B2)


def _replaced_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    ids_BT = _padded([row.tokens for row in rows], PAD)
    target_BT = _padded([row.target for row in rows], _IGNORED)
    asked_BT = target_BT != _IGNORED
    logits_BT = trainee.replaced_head(trainee.states(ids_BT))[..., 0]
    return _REPLACED_WEIGHT * functional.binary_cross_entropy_with_logits(
        logits_BT[asked_BT], target_BT[asked_BT].float()
    )


def _parallel_loss(trainee: Trainee, rows: list[Row], temperature: float) -> Tensor:
    both = [row.tokens for row in rows] + [row.target for row in rows]
    vectors_BD = trainee.sentence_vectors(_padded(both, PAD))
    similar_BB = vectors_BD[: len(rows)] @ vectors_BD[len(rows) :].T / temperature
    own_B = torch.arange(len(rows))
    there = functional.cross_entropy(similar_BB, own_B)
    return (there + functional.cross_entropy(similar_BB.T, own_B)) / 2


def _masked_loss(trainee: Trainee, rows: list[Row]) -> Tensor:
    ids_BT = _padded([row.tokens for row in rows], PAD)
    hidden_BT = (torch.rand(ids_BT.shape) < _MASKED_PART) & (ids_BT >= len(SPECIAL))
    states_BTD = trainee.states(ids_BT.masked_fill(hidden_BT, MASKED))
    logits_NV = trainee.masked_lm.lm_head(states_BTD[hidden_BT])
    return _MASKED_WEIGHT * functional.cross_entropy(logits_NV, ids_BT[hidden_BT])
