"""vLLM answers as our own engine does: the same tokens, the same likelihoods but for rounding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from decoders import write_decoder
from stiltwalk.errors import ModelError, RecipeError
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.inference.backends import Backend
from stiltwalk.inference.backends.transformers import Transformers
from stiltwalk.inference.backends.vllm import VLLM
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import Engine
from stiltwalk.models.checkpoint import load_decoder

MOST_TOKENS = 48
PAD = 1
STOPS = torch.arange(0, 700, 6)
"""Every sixth token ends an answer, so that rows end at different times."""


@pytest.fixture(scope="module", params=["llama", "gemma", "bloom"])
def backends(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Backend, Backend]]:
    """Return our engine and vLLM with the same model."""
    pytest.importorskip("vllm", reason="vLLM is an extra: pip install 'stiltwalk[vllm]'")
    folder: Path = tmp_path_factory.mktemp(request.param)
    write_decoder(request.param, folder, width=64)  # vLLM has no narrower heads than 32
    plain = Transformers(engine=Engine(model=load_decoder(folder), pad_id=PAD), once=True)
    with closing(VLLM(folder, precision="fp32", most_tokens=MOST_TOKENS)) as other:
        yield plain, other


def rows(num_options: int = 0) -> Features:
    """Return prompts of 2 to 26 tokens, the last one like the first, with options behind each."""
    rng = np.random.default_rng(1)
    asked = [rng.integers(5, 700, 2 * number) for number in range(1, 14)]
    asked.append(asked[0])
    choices = [rng.integers(5, 700, size) for size in (1, 4, 2)][:num_options] or [[]]
    behind = [np.concatenate([prompt, choice]) for prompt in asked for choice in choices]
    second = [len(prompt) for prompt in asked for _ in choices]
    return Features(
        ids=Ragged.of(behind),
        second=np.array(second, dtype=np.int32),
        example=np.arange(len(asked)),
        labels=Ragged.of([[]] * len(asked)),
        rows_per_unit=len(choices),
    )


@pytest.mark.slow
@pytest.mark.parametrize("least_tokens", [0, 12])
def test_it_writes_the_same_tokens(backends: tuple[Backend, Backend], least_tokens: int) -> None:
    stopping = Stopping(stop_ids=STOPS, most_tokens=12, least_tokens=least_tokens)
    (ours, our_costs), (theirs, their_costs) = (each.written(rows(), stopping) for each in backends)
    assert [row.tolist() for row in theirs] == [row.tolist() for row in ours]
    lengths = {len(row) for row in ours}
    assert lengths == {12} if least_tokens else len(lengths) > 1
    np.testing.assert_array_equal(their_costs.written_tokens, our_costs.written_tokens)
    np.testing.assert_array_equal(their_costs.real_tokens, our_costs.real_tokens)
    assert their_costs.time_s[-1] == 0, "the prompt that recurs is answered once"


@pytest.mark.slow
def test_it_finds_the_same_options_as_likely(backends: tuple[Backend, Backend]) -> None:
    (ours, _), (theirs, costs) = (each.chosen(rows(num_options=3)) for each in backends)
    np.testing.assert_allclose(np.stack(theirs), np.stack(ours), rtol=1e-3)
    assert costs.time_s.shape == (len(ours),)


@pytest.mark.slow
def test_a_model_that_it_has_none_of_its_own_for_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is an extra: pip install 'stiltwalk[vllm]'")
    write_decoder("xlmr", tmp_path, width=64)
    with pytest.raises(ModelError, match=r"vLLM could not answer .*to transformers"):
        VLLM(tmp_path, precision="fp32", most_tokens=16)


def test_where_it_is_not_installed_the_recipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stiltwalk.inference.backends.vllm.find_spec", lambda _: None)
    with pytest.raises(RecipeError, match=r"pip install 'stiltwalk\[vllm\]'"):
        VLLM.require()
