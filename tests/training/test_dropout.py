"""Tests for stiltwalk.training.dropout: rate, scale, gradient, and who draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from test_loop import SETTINGS, Trainee
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from stiltwalk.errors import TrainingDiverged
from stiltwalk.training import dropout
from stiltwalk.training.dropout import Dropout, attention, cheap_dropout


class Layer(nn.Module):
    """Stands for an encoder's self-attention."""

    is_causal = False


def dropped(values: Tensor, rate: float, seed: int = 1) -> Tensor:
    torch.manual_seed(seed)
    found: Tensor = Dropout(rate)(values)
    return found


@pytest.mark.parametrize("rate", [0.0001, 0.1, 0.5, 0.9])
def test_the_rate_is_kept_in_each_quarter_of_the_bits(rate: float) -> None:
    lost_NL = (dropped(torch.ones(250_000, 4), rate) == 0).double()
    deviation = (rate * (1 - rate) / 250_000) ** 0.5
    for share in lost_NL.mean(0).tolist():
        assert share == pytest.approx(rate, abs=5 * deviation + 1 / 65_536)
    together = (lost_NL[:, 0] * lost_NL[:, 1]).mean()
    assert float(together) == pytest.approx(rate**2, abs=5 * deviation + 1 / 65_536)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_what_stays_is_scaled_by_the_rate_that_it_has(dtype: torch.dtype) -> None:
    values = torch.randn(7, 11, 13).to(dtype)  # 1,001: no multiple of four
    found = dropped(values, 0.1)
    assert found.dtype == dtype
    assert found.shape == values.shape
    stays = found != 0
    assert 0 < int(stays.sum()) < 1001
    torch.testing.assert_close(found[stays], (values * (65536 / (65536 - 6554)))[stays])


def test_a_gradient_passes_where_a_value_stays() -> None:
    values = torch.randn(999, requires_grad=True)
    found = dropped(values, 0.3)
    found.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values, found)


def test_the_seed_decides() -> None:
    values = torch.ones(1000)
    assert torch.equal(dropped(values, 0.5), dropped(values, 0.5))
    assert not torch.equal(dropped(values, 0.5), dropped(values, 0.5, seed=2))
    assert torch.equal(Dropout(0.5).eval()(values), values)
    assert torch.equal(dropped(values, 0.0), values)
    assert not dropped(values, 1.0).any()


def looked_at(rows: int = 3) -> tuple[list[Tensor], Tensor]:
    """Return query, key and value, and a mask that hides the last two tokens of the first row."""
    torch.manual_seed(3)
    parts = [torch.randn(rows, 2, 9, 8, requires_grad=True) for _ in range(3)]
    mask = torch.ones(rows, 1, 9, 9, dtype=torch.bool)
    mask[0, :, :, 7:] = False
    return parts, mask


@pytest.mark.parametrize("masked", [True, False])
def test_without_what_it_drops_attention_is_torch_s(
    masked: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    all_stay = lambda values, _rate: (torch.ones(values.shape, dtype=torch.bool), 1.0)  # noqa: E731
    monkeypatch.setattr(dropout, "staying", all_stay)
    parts, mask = looked_at()
    given = mask if masked else None
    found, _ = attention(Layer(), *parts, given, dropout=0.1, scaling=0.3)
    wanted, _ = sdpa_attention_forward(Layer(), *parts, given, scaling=0.3)
    torch.testing.assert_close(found, wanted)
    for one, other in zip(
        torch.autograd.grad(found.square().sum(), parts),
        torch.autograd.grad(wanted.square().sum(), parts),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_weights_are_dropped_and_their_mean_stays() -> None:
    parts, mask = looked_at(1)
    parts = [part.detach() for part in parts]
    many = [part.expand(20_000, -1, -1, -1) for part in parts]
    found, _ = attention(Layer(), *many, mask, dropout=0.25, scaling=0.3)
    wanted, _ = sdpa_attention_forward(Layer(), *parts, mask, scaling=0.3)
    assert float(found.std(0).min()) > 0.01
    torch.testing.assert_close(found.mean(0), wanted[0], atol=0.02, rtol=0)


def test_causal_attention_is_torch_s() -> None:
    layer, (parts, _) = nn.Module(), looked_at()
    found = []
    for attend in (attention, sdpa_attention_forward):
        torch.manual_seed(1)
        found.append(attend(layer, *parts, None, dropout=0.5, scaling=0.3)[0])
    assert torch.equal(*found)


@pytest.mark.parametrize("recompute", [False, True])
def test_training_draws_all_of_its_dropout_so(
    recompute: bool,
    family: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: set[float] = set()
    draw = dropout.staying

    def watched(values: Tensor, rate: float) -> tuple[Tensor, float]:
        drawn.add(rate)
        return draw(values, rate)

    def refused(*given: Any, **named: Any) -> Any:  # noqa: ANN401
        assert not named.get("dropout")
        return sdpa_attention_forward(*given, **named)

    monkeypatch.setattr(dropout, "staying", watched)
    monkeypatch.setattr(dropout, "sdpa_attention_forward", refused)
    trainee = Trainee(family, settings=replace(SETTINGS, gradient_checkpointing=recompute))
    rates = {part.p for part in trainee.models.modules() if isinstance(part, nn.Dropout)}
    trainee.fit()
    assert drawn == rates - {0.0}  # ModernBERT drops nothing


def test_outside_the_block_attention_is_stock() -> None:
    model = nn.Sequential(nn.Dropout(0.2), nn.ModuleDict({"inner": nn.Dropout(0.3)}))

    def diverge() -> None:
        with cheap_dropout(model):
            assert ALL_ATTENTION_FUNCTIONS["sdpa"] is attention
            raise TrainingDiverged

    with pytest.raises(TrainingDiverged):
        diverge()
    assert ALL_ATTENTION_FUNCTIONS["sdpa"] is sdpa_attention_forward
    assert [part.p for part in model.modules() if isinstance(part, Dropout)] == [0.2, 0.3]
