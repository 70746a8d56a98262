"""Go on in the middle of a training stage, bit for bit: one file, replaced as a whole.

The order of rows follows from the seed, so the number of steps done stands for the samplers; the
learning rate and every step's draws follow from it too. What is left is weights, optimiser, the
scale of half-precision gradients, and the evaluations on dev, which hold the patience.
"""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from stiltwalk.files import is_intact, put_sealed
from stiltwalk.models.checkpoint import growing, refuse_broken
from stiltwalk.models.device import laid_out_as, whole
from stiltwalk.store.machine import deciding, differences, leads, versions

log = logging.getLogger(__name__)

_STATE, _VERSIONS = "state", "versions"


def keep(file: Path, models: nn.Module, optimizer: Any, state: dict[str, Any]) -> None:  # noqa: ANN401 - Accelerate's wrapper
    """Replace the file by what training is now; of several processes all must call it.

    Args:
        file: the one rolling checkpoint of the stage.
        models: whose trained weights change.
        optimizer: AdamW, or Accelerate's wrapper of it.
        state: what else is to be had again; JSON.

    Raises:
        NotFinite: if weights or optimiser are no numbers any more.
        OSError: if it cannot be written; the file that was there stays.
    """
    tensors = {f"weights.{name}": weights.detach() for name, weights in _trained(models)}
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{key}": value for key, value in values.items()}
    tensors = {name: whole(tensor).contiguous() for name, tensor in tensors.items()}
    refuse_broken(tensors.items(), "the model in training")
    if not leads():
        return
    state = {**state, _VERSIONS: deciding(versions())}
    written = bytearray(json.dumps(state).encode())  # the log outgrows what a header may hold
    tensors[_STATE] = torch.frombuffer(written, dtype=torch.uint8)
    aside = _aside(file)
    aside.mkdir(exist_ok=True)
    with growing(aside):
        save_file(tensors, aside / file.name)
        put_sealed(aside / file.name, file)


def resume(file: Path, models: nn.Module, optimizer: Any) -> dict[str, Any] | None:  # noqa: ANN401 - Accelerate's wrapper
    """Put weights and optimiser back; return the state that was kept with them.

    Returns:
        None where there is nothing to go on from, or other versions wrote it: they would go on with
        other bits.
    """
    if leads():
        shutil.rmtree(_aside(file), ignore_errors=True)
    if not file.is_file():
        return None
    if not is_intact(file):
        log.warning("%s is not what was written; the stage starts from its beginning.", file)
        return None
    try:
        with safe_open(file, framework="pt") as stream:
            tensors = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118 - no mapping
        state: dict[str, Any] = json.loads(tensors.pop(_STATE).numpy().tobytes())
    except (SafetensorError, OSError, ValueError, KeyError):
        log.warning("%s cannot be read; the stage starts from its beginning.", file)
        return None
    if others := differences(state.pop(_VERSIONS, {"stiltwalk": "of an unknown version"})):
        log.warning(
            "%s is of other versions (%s); the stage starts from its beginning.", file, others
        )
        return None
    trained = _trained(models)
    assert all(f"weights.{name}" in tensors for name, _ in trained), "another stage's checkpoint"
    with torch.no_grad():
        for name, weights in trained:
            weights.copy_(laid_out_as(weights, tensors[f"weights.{name}"]))
    optimizer.load_state_dict(_optimizer_state(optimizer, tensors))
    return state


def _aside(file: Path) -> Path:
    """Return the folder where a checkpoint grows, under names that its library makes up.

    A process that was killed meanwhile leaves it there.
    """
    return file.with_name(f".{file.name}")


def _trained(models: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that change; shared ones once."""
    return [(name, weights) for name, weights in models.named_parameters() if weights.requires_grad]


def _optimizer_state(optimizer: Any, tensors: dict[str, Tensor]) -> dict[str, Any]:  # noqa: ANN401 - Accelerate's wrapper
    """Return an optimiser's state dict with the kept tensors in it."""
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    kept: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimizer":
            number, _, key = rest.partition(".")
            if tensor.ndim:  # a count of steps is no part of a weight
                tensor = laid_out_as(parameters[int(number)], tensor)  # noqa: PLW2901
            kept.setdefault(int(number), {})[key] = tensor
    return {**optimizer.state_dict(), "state": kept}
