"""Questions on contexts → overlapping windows, and best spans → answers.

Source: `run_squad.py` of the XTREME scripts and jiant's `squad_style`: question ≤ 64 tokens,
windows that start 128 tokens after one another, an answer outside the window points at the first
token, and is looked for where its first token has the most context.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import RecipeError
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.text import TextEncoder
from stiltwalk.records import SpanExample

MAX_QUESTION_TOKENS = 64
WINDOW_STEP_TOKENS = 128
MAX_ANSWER_TOKENS = 30
NUM_BEST = 20


def span_features(
    examples: Sequence[SpanExample], encoder: TextEncoder, max_length_tokens: int
) -> Features:
    """Return one row per window of every context.

    Raises:
        RecipeError: if a question leaves no room for its context.
    """
    questions = encoder.ids([example.question for example in examples])
    contexts = encoder.ids_and_offsets([example.context for example in examples])
    rows, seconds, origin, labels, offsets, answer_starts = [], [], [], [], [], []
    for number, (example, question, (ids, spans)) in enumerate(
        zip(examples, questions, contexts, strict=True)
    ):
        asked = question[:MAX_QUESTION_TOKENS]
        room = _room(max_length_tokens, len(asked), encoder)
        answer = _answer_tokens(example, spans)
        shift = len(encoder.before) + len(asked) + len(encoder.between)
        starts = _window_starts(len(ids), room)
        for start, counted in zip(starts, most_context(starts, room, len(ids)), strict=True):
            window, inside = ids[start : start + room], spans[start : start + room]
            rows.append(encoder.pair(asked, window))
            seconds.append(shift)
            origin.append(number)
            labels.append(_shifted(answer, start, len(window), shift))
            answer_starts.append(counted - start + shift)
            offsets.append(_around(inside, shift, len(rows[-1])))
    return Features(
        ids=Ragged.of(rows),
        second=np.array(seconds, dtype=np.int32),
        types=encoder.pair_types(rows, seconds),
        example=np.array(origin, dtype=np.int64),
        labels=Ragged.of(labels),
        offsets=Ragged.of(offsets),
        answer_starts=Ragged.of(answer_starts),
    )


def _room(max_length_tokens: int, num_asked: int, encoder: TextEncoder) -> int:
    """Return how many tokens of a context a window has beside its question."""
    room = max_length_tokens - num_asked - encoder.num_special_in_pair
    if room < 1:
        raise RecipeError(
            f"max_length_tokens = {max_length_tokens} leaves no room for a context beside a "
            f"question of {num_asked} tokens. Give at least 128; the papers take 384."
        )
    return room


def most_context(starts: Sequence[int], room_tokens: int, num_tokens: int) -> NDArray[np.int64]:
    """Return per window the context tokens [first, end) that no other window shows better, (W, 2).

    The rule of the reference scripts: a token counts in the window where the smaller of what
    stands before and behind it, plus a hundredth of the window's length, is largest; among equal
    ones in the first. The further right a token is, the further right is its window, so what
    counts in a window is one stretch.

    Shape letters: W windows, T tokens of the context.

    Args:
        starts: where windows start.
        room_tokens: their length; the last one can be shorter.
        num_tokens: of the context.
    """
    at_T, start_W1 = np.arange(num_tokens), np.array(starts)[:, None]
    end_W1 = np.minimum(start_W1 + room_tokens, num_tokens)
    context_WT = np.minimum(at_T - start_W1, end_W1 - 1 - at_T) + 0.01 * (end_W1 - start_W1)
    is_inside_WT = (start_W1 <= at_T) & (at_T < end_W1)
    window_T = np.where(is_inside_WT, context_WT, -np.inf).argmax(axis=0)
    borders = np.searchsorted(window_T, np.arange(len(starts) + 1))
    return np.stack([borders[:-1], borders[1:]], axis=1)


def best_spans(
    start_T: NDArray[np.float32],
    end_T: NDArray[np.float32],
    offsets_T2: NDArray[np.int32],
    answer_starts: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Return the best spans of one window as (score, first character, end character).

    The first row is "no answer": the score of the first token, characters (0, 0). The second is
    the best span that is at most 30 tokens long, among the 20 best starts and ends, and starts
    where this window counts; it is left out where no span is allowed.

    Shape letters: T tokens of the window.

    Args:
        start_T: a score per token.
        end_T: a score per token.
        offsets_T2: see `Features`.
        answer_starts: see `Features`.
    """
    nothing = (float(start_T[0] + end_T[0]), 0.0, 0.0)
    inside = np.flatnonzero(offsets_T2[:, 0] >= 0)
    if not inside.size:
        return np.array([nothing])
    starts = inside[np.argsort(-start_T[inside], kind="stable")[:NUM_BEST]]
    starts = starts[(answer_starts[0] <= starts) & (starts < answer_starts[1])]
    ends = inside[np.argsort(-end_T[inside], kind="stable")[:NUM_BEST]]
    length = ends[None, :] - starts[:, None] + 1
    allowed = (length >= 1) & (length <= MAX_ANSWER_TOKENS)
    if not allowed.any():
        return np.array([nothing])
    score = np.where(allowed, start_T[starts][:, None] + end_T[ends][None, :], -np.inf)
    first, last = np.unravel_index(int(score.argmax()), score.shape)
    begin, end = offsets_T2[starts[first], 0], offsets_T2[ends[last], 1]
    return np.array([nothing, (float(score[first, last]), float(begin), float(end))])


def answers_of(
    spans: Sequence[NDArray[np.float64]], features: Features, examples: Sequence[SpanExample]
) -> tuple[dict[str, str], dict[str, float]]:
    """Return the best answer of every question, and how much "no answer" beats it.

    Args:
        spans: what `best_spans` returned, window by window.
        features: the windows.
        examples: the questions, in the order that `features.example` counts them.

    Returns:
        Question id to text, and question id to the score of "no answer" (its lowest over the
        windows) minus that of the best span.
    """
    best: dict[int, tuple[float, int, int]] = {}
    nothing: dict[int, float] = {}
    for window, number in zip(spans, features.example.tolist(), strict=True):
        nothing[number] = min(nothing.get(number, np.inf), float(window[0, 0]))
        for score, begin, end in window[1:]:
            if number not in best or score > best[number][0]:
                best[number] = (float(score), int(begin), int(end))
    texts, lead = {}, {}
    for number, example in enumerate(examples):
        score, begin, end = best.get(number, (-np.inf, 0, 0))
        texts[example.id] = example.context[begin:end].strip()
        lead[example.id] = nothing.get(number, 0.0) - score
    return texts, lead


def _window_starts(num_tokens: int, room: int) -> list[int]:
    """Return where windows start so that they cover everything."""
    starts = [0]
    while starts[-1] + room < num_tokens:
        starts.append(starts[-1] + min(WINDOW_STEP_TOKENS, room))
    return starts


def _answer_tokens(example: SpanExample, spans_T2: NDArray[np.int32]) -> tuple[int, int] | None:
    """Return the first and last context token of the first gold answer."""
    if not example.answers:
        return None
    answer = example.answers[0]
    end = answer.start + len(answer.text)
    touched = np.flatnonzero((spans_T2[:, 1] > answer.start) & (spans_T2[:, 0] < end))
    return (int(touched[0]), int(touched[-1])) if touched.size else None


def _shifted(answer: tuple[int, int] | None, start: int, width: int, shift: int) -> tuple[int, int]:
    """Return an answer's place in a window, (0, 0) where it is not wholly inside."""
    if answer is None or answer[0] < start or answer[1] >= start + width:
        return (0, 0)
    return (answer[0] - start + shift, answer[1] - start + shift)


def _around(inside_T2: NDArray[np.int32], shift: int, width: int) -> NDArray[np.int32]:
    """Return the window's offsets at the row's positions, (-1, -1) elsewhere."""
    row = np.full((width, 2), -1, dtype=np.int32)
    row[shift : shift + len(inside_T2)] = inside_T2
    return row
