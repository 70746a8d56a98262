"""Which parameters are updated, and how."""

from __future__ import annotations

import torch
from torch import nn

from stiltwalk.config.recipe import TrainSettings


def adamw(models: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return AdamW that decays matrices, and neither biases nor norms."""
    trained = [p for p in models.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, eps=settings.adam_epsilon, fused=True
    )
