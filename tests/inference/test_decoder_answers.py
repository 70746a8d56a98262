"""Batches with left padding and a cache: what one row alone, without either, would say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import Qwen3NextConfig

from decoders import DECODERS, write_decoder
from stiltwalk.errors import ModelError, NotFinite
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.heads.head import make_batch
from stiltwalk.inference.backends.transformers import Transformers
from stiltwalk.inference.decode import Continuation, Stopping, option_scores, write
from stiltwalk.inference.engine import Engine
from stiltwalk.models.checkpoint import load_decoder

STOPS = torch.arange(0, 700, 6)
"""Every sixth token ends an answer, so that rows end at different times."""


@pytest.fixture(scope="module", params=DECODERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    folder: Path = tmp_path_factory.mktemp(request.param)
    return load_decoder(write_decoder(request.param, folder))


def prompts(count: int = 9) -> Features:
    """Return prompts of 3 to 27 tokens, longer than Gemma's window and shorter."""
    rng = np.random.default_rng(1)
    rows = [rng.integers(5, 700, 3 * number) for number in range(1, count + 1)]
    return Features(
        ids=Ragged.of(rows),
        second=np.array([len(row) for row in rows], dtype=np.int32),
        example=np.arange(count),
        labels=Ragged.of([[]] * count),
    )


def plainly(model: Any, ids: list[int], stopping: Stopping) -> list[int]:  # noqa: ANN401
    """Go on from a row by computing all of it anew for every token."""
    row, stops = list(ids), set(stopping.stop_ids.tolist())
    lines, blank, says = stopping.line_ids.tolist(), stopping.blank_ids.tolist(), False
    for step in range(stopping.most_tokens):
        with torch.no_grad():
            logits_V = model(input_ids=torch.tensor([row]), use_cache=False).logits[0, -1]
        if step < stopping.least_tokens:
            logits_V[list(stops)] = -torch.inf
        token = int(logits_V.argmax())
        if token in stops and (says or token not in lines):
            break
        says = says or token not in blank
        row.append(token)
    return row[len(ids) :]


@pytest.mark.parametrize("batch_tokens", [1, 60, 10_000])
def test_batches_of_any_size_write_what_every_row_alone_would(
    model: Any,  # noqa: ANN401
    batch_tokens: int,
) -> None:
    rows, stopping = prompts(), Stopping(stop_ids=STOPS, most_tokens=12)
    engine = Engine(model=model, pad_id=1, batch_tokens=batch_tokens)
    found, costs = Transformers(engine=engine).written(rows, stopping)
    expected = [plainly(model, row.tolist(), stopping) for row in rows.ids]
    assert [each.tolist() for each in found] == expected
    assert len({len(each) for each in expected}) > 1, "the rows end at different times"
    ended = [min(len(each) + 1, stopping.most_tokens) for each in expected]
    assert costs.written_tokens.tolist() == ended


def test_rows_written_together_are_read_in_pieces_of_any_size(model: Any) -> None:  # noqa: ANN401
    rows, stopping = prompts(), Stopping(stop_ids=STOPS, most_tokens=12)
    batch = make_batch(rows, np.arange(rows.num_rows)[::-1], 1, with_types=False)
    expected = [plainly(model, row.tolist(), stopping) for row in rows.ids][::-1]
    for at_once_tokens in (1, 60, None):
        with torch.inference_mode():
            found = write(model, batch, stopping, at_once_tokens=at_once_tokens)
        assert found.rows == expected


def test_a_line_s_end_before_any_text_ends_nothing(model: Any) -> None:  # noqa: ANN401
    """Whatever a row writes first counts as a line's end, and half of the rest as white space."""
    rows, plain = prompts(), Stopping(stop_ids=STOPS, most_tokens=12)
    first = [
        plainly(model, row.tolist(), replace(plain, stop_ids=STOPS[:0]))[0] for row in rows.ids
    ]
    lines, blank = torch.tensor(sorted({*first, 9})), torch.arange(350)
    early = replace(plain, stop_ids=torch.cat([STOPS, lines]))
    waiting = replace(early, line_ids=lines, blank_ids=torch.cat([blank, lines]))
    engine = Engine(model=model, pad_id=1, batch_tokens=60)
    found, _ = Transformers(engine=engine).written(rows, waiting)
    assert [each.tolist() for each in found] == [
        plainly(model, row.tolist(), waiting) for row in rows.ids
    ]
    stopped, _ = Transformers(engine=engine).written(rows, early)
    assert not any(len(each) for each in stopped)
    assert any(len(each) for each in found)


def test_a_model_that_keeps_more_than_keys_and_values_is_refused() -> None:
    config = Qwen3NextConfig(num_hidden_layers=4)
    batch = make_batch(prompts(1), np.zeros(1, dtype=np.int64), 1, with_types=False)
    with pytest.raises(ModelError, match="qwen3_next model keeps more than keys and values"):
        Continuation(SimpleNamespace(config=config), batch, room_tokens=1)


def test_a_fixed_length_is_kept_whatever_the_model_would_say(model: Any) -> None:  # noqa: ANN401
    rows, stopping = prompts(4), Stopping(stop_ids=STOPS, most_tokens=7, least_tokens=7)
    found, costs = Transformers(engine=Engine(model=model, pad_id=1)).written(rows, stopping)
    assert [len(each) for each in found] == [7] * 4
    assert costs.written_tokens.tolist() == [7] * 4
    assert found[2].tolist() == plainly(model, rows.ids[2].tolist(), stopping)


def test_options_behind_a_prompt_read_once_score_as_if_it_were_read_for_each(
    model: Any,  # noqa: ANN401
) -> None:
    rows, rng = prompts(), np.random.default_rng(2)
    options = [
        [rng.integers(5, 700, size).astype(np.int32) for size in (1, 4, 2)] for _ in rows.ids
    ]
    batch = make_batch(rows, np.arange(rows.num_rows), 1, with_types=False)
    with torch.inference_mode():
        found = option_scores(model, batch, options)
    for prompt, choices, scores in zip(rows.ids, options, found, strict=True):
        assert scores[:, 1].tolist() == [1, 4, 2]
        for choice, score in zip(choices, scores[:, 0], strict=True):
            ids = torch.from_numpy(np.concatenate([prompt, choice]).astype(np.int64))[None]
            with torch.inference_mode():
                logits = model(input_ids=ids, use_cache=False).logits[0].log_softmax(dim=-1)
            places = range(len(prompt) - 1, len(prompt) + len(choice) - 1)
            plain = sum(float(logits[at, ids[0, at + 1]]) for at in places)
            assert score == pytest.approx(plain, abs=1e-4)


def test_a_decoder_whose_weights_are_no_numbers_neither_writes_nor_chooses(tmp_path: Path) -> None:
    model = load_decoder(write_decoder(next(iter(DECODERS)), tmp_path / "model"))
    with torch.no_grad():
        model.get_input_embeddings().weight[:] = torch.nan
    engine, rows = Engine(model=model, pad_id=1), prompts()
    with pytest.raises(NotFinite):
        Transformers(engine=engine).written(rows, Stopping(stop_ids=STOPS, most_tokens=3))
    with pytest.raises(NotFinite):
        Transformers(engine=engine).chosen(replace(rows, second=rows.second - 1))
