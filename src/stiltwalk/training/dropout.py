"""Dropout while a model is trained on a CPU, where torch's takes a tenth to a third of a step.

Torch draws a number per value, and has no CPU kernel for attention that drops weights: it falls
back to products in fp32. Here 64 random bits serve four values, 16 each, so that a rate is exact to
1/65,536; what stays is scaled by the rate that it has. The bits come from torch's generator: a seed
decides them, and activations that are computed again meet the same ones.

Shape letters: R rows, H heads, T tokens, D width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

_LEVELS = 1 << 16


@contextmanager
def cheap_dropout(models: nn.Module) -> Iterator[None]:
    """Let models draw as this file does for as long as the block runs, if they are on a CPU."""
    for module in models.modules():
        for name, part in module.named_children():
            if type(part) is nn.Dropout:
                setattr(module, name, Dropout(part.p))
    AttentionInterface.register("sdpa", attention)
    try:
        yield
    finally:
        AttentionInterface.register("sdpa", sdpa_attention_forward)


class Dropout(nn.Dropout):
    """Torch's, but for how it draws on a CPU."""

    def forward(self, values: Tensor) -> Tensor:
        """Return the values; in training some are 0 and the others scaled up."""
        if not (self.training and 0 < self.p < 1 and values.device.type == "cpu"):
            return super().forward(values)
        stays, scale = staying(values, self.p)
        return values * scale * stays.to(values.dtype)


def attention(
    module: nn.Module,
    query_RHTD: Tensor,
    key_RHTD: Tensor,
    value_RHTD: Tensor,
    mask: Tensor | None,
    **named: Any,  # noqa: ANN401 - what transformers tells
) -> tuple[Tensor, None]:
    """Return what each token gathers, shape (R, T, H, D); stock if it drops nothing, or is causal.

    Args:
        module: the layer that asks.
        query_RHTD: what each token looks for.
        key_RHTD: what it is found by.
        value_RHTD: what it gives.
        mask: false where a token does not look; None where each looks at all.
        named: `dropout`, `scaling`, and what else transformers tells.
    """
    rate, on_cpu = named.get("dropout", 0.0), query_RHTD.device.type == "cpu"
    if not rate or not on_cpu or getattr(module, "is_causal", True):
        return sdpa_attention_forward(module, query_RHTD, key_RHTD, value_RHTD, mask, **named)
    scores_RHTT = (query_RHTD * named["scaling"]) @ key_RHTD.transpose(-2, -1)
    if mask is not None:
        hides = torch.where(mask, 0.0, torch.finfo(scores_RHTT.dtype).min)
        scores_RHTT = scores_RHTT + hides.to(scores_RHTT.dtype)  # faster than to fill, same bits
    weights_RHTT = scores_RHTT.softmax(-1)
    stays_RHTT, scale = staying(weights_RHTT, rate)
    weights_RHTT = weights_RHTT * stays_RHTT.to(weights_RHTT.dtype)
    gathered_RHTD = weights_RHTT @ (value_RHTD * scale)
    return gathered_RHTD.transpose(1, 2).contiguous(), None


def staying(values: Tensor, rate: float) -> tuple[Tensor, float]:
    """Return which values stay, drawn from torch's generator, and what to scale those by.

    Args:
        values: of any shape.
        rate: share that is dropped, in (0, 1).
    """
    num_dropped = min(round(rate * _LEVELS), _LEVELS - 1)  # of the levels that 16 bits have
    bits = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
    levels = bits.view(torch.int16)[: values.numel()].view(values.shape)
    return levels >= num_dropped - _LEVELS // 2, _LEVELS / (_LEVELS - num_dropped)
