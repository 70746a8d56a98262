"""Tests for stiltwalk.models.checkpoint: what building heads allocates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rows import LABELS
from stiltwalk.models import checkpoint
from stiltwalk.records import TaskType


class Allocated(TorchDispatchMode):
    """Counts the values of all tensors that are given memory to be filled."""

    values = 0

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - torch's own signature
        types: object,
        args: Any = (),  # noqa: ANN401
        kwargs: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Carry an operation out, and note what it made."""
        found = func(*args, **(kwargs or {}))
        if func._schema.name.startswith("aten::empty") and not found.is_meta:
            self.values += found.numel()
        return found


def test_building_a_head_allocates_no_second_encoder(family: Path) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, family)
    table = encoder.get_input_embeddings().weight
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    shared = {id(parameter) for parameter in encoder.parameters()}
    for kind in (TaskType.PAIR, TaskType.TAGGING, TaskType.SPAN, TaskType.CHOICE):
        with Allocated() as allocated:
            model = checkpoint.with_head(encoder, kind, LABELS[kind], seed=1)
        fresh = [parameter for parameter in model.parameters() if id(parameter) not in shared]
        assert sum(parameter.numel() for parameter in fresh) <= allocated.values < table.numel()
        assert all(parameter.std() > 0 for parameter in fresh if parameter.ndim > 1)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
