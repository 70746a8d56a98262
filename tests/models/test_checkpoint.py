"""Tests for stiltwalk.models.checkpoint: what building heads allocates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode

from rows import LABELS
from stiltwalk.errors import ModelError, NotFinite
from stiltwalk.models import adapters, checkpoint
from stiltwalk.recipe.schema import LoRA
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


class Opened(NamedTuple):
    """Leaves a mark where it is unpickled."""

    mark: Path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        """Tell pickle to touch the file."""
        return Path.touch, (self.mark,)


def test_an_index_that_names_a_pickle_never_reaches_it(tiny_xlmr: Path, tmp_path: Path) -> None:
    folder, mark = Path(shutil.copytree(tiny_xlmr, tmp_path / "model")), tmp_path / "mark"
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights | {"payload": Opened(mark)}, folder / "weights.bin")
    save_file(weights, folder / "other.safetensors")  # what the checksum covers
    index = {"metadata": {}, "weight_map": dict.fromkeys(weights, "weights.bin")}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ModelError, match=r"names 'weights\.bin' as a file of its weights"):
        checkpoint.load(TaskType.RETRIEVAL, folder)
    assert not mark.exists()


def test_weights_that_are_no_numbers_are_not_kept(tiny_xlmr: Path, tmp_path: Path) -> None:
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    adapters.add(model, LoRA(rank=2), seed=1)
    with torch.no_grad():
        name, added = next(each for each in model.named_parameters() if "lora_B" in each[0])
        added.fill_(3e38)  # finite: only merged it is not
    assert name
    with pytest.raises(NotFinite, match=r"The weights .*weight are not finite"):
        checkpoint.save(model, tmp_path / "model", tokenizer_from=tiny_xlmr, lora=LoRA(rank=2))
    assert not (tmp_path / "model").exists()
