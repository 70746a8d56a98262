"""What computes an encoder's states: one file per engine. Heads stay torch's own.

An engine takes the encoder alone, so every task's head, its answers and its batches are the same
whatever computes. Shape letters: R rows, T tokens, D width of the encoder.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutputWithPooling

from stiltwalk.errors import ModelError, RecipeError
from stiltwalk.files import content_checksum, put
from stiltwalk.heads.head import uses_types
from stiltwalk.models.checkpoint import Model, first_tokens_alone
from stiltwalk.recipe.types import EngineSettings, Format
from stiltwalk.store.machine import installed

ENGINES = {
    "torch": "stiltwalk.inference.engines.int8:prepared",
    "torch-compiled": "stiltwalk.inference.engines.compiled:prepared",
    "openvino": "stiltwalk.inference.engines.openvino:prepared",
    "onnxruntime": "stiltwalk.inference.engines.onnxruntime:prepared",
}
"""By the recipe's name for it, where what starts it is; loaded when it is asked for."""
_PACKAGES = {"openvino": ("openvino",), "onnxruntime": ("onnxruntime", "onnx", "onnxscript")}
_FORM = 1
"""Raised by hand when a conversion of the same weights comes out otherwise."""

Run = Callable[..., Tensor]
"""Takes ids, mask and, where the encoder knows them, types, (R, T); returns states (R, T, D)."""
Start = Callable[[], Run]
"""Starts an engine that is ready; once more for a copy that lies elsewhere in memory."""
Keep = Callable[[str, Callable[[Path], None]], Path]
"""Returns the folder of a conversion by its name, made by what writes one where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineChoice:
    """An engine and how it computes.

    Args:
        name: of `ENGINES`.
        format: number format of the encoder's matrix products.
        num_threads: CPU threads.
        batch_tokens: padded tokens per forward pass, None for what the device has room for.
    """

    name: str
    format: Format
    num_threads: int
    batch_tokens: int | None = None

    @property
    def says(self) -> str:
        """Return what it is, in a few words for people."""
        return f"{self.name} in {self.format}, {self.num_threads} threads"


class Body(nn.Module):
    """An encoder that takes and returns plain tensors, as other engines want it.

    Args:
        encoder: a transformers model without a head.
        block: whose output is read; None for what the encoder ends in.
    """

    def __init__(self, encoder: Model, block: int | None) -> None:
        super().__init__()
        self.encoder, self.block = encoder, block
        self.names = ["input_ids", "attention_mask"]
        if uses_types(encoder):
            self.names.append("token_type_ids")

    def forward(self, *inputs_RT: Tensor) -> Tensor:
        """Return states, (R, T, D), or (R, 1, D) where the first token's alone are computed."""
        named = dict(zip(self.names, inputs_RT, strict=True))
        found = self.encoder(**named, output_hidden_states=self.block is not None)
        states: Tensor = (
            found.last_hidden_state if self.block is None else found.hidden_states[self.block]
        )
        return states

    def example(self) -> tuple[Tensor, ...]:
        """Return inputs to trace it with: rows of unequal length."""
        ids_RT = torch.full((2, 5), 3)
        mask_RT = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
        return (ids_RT, mask_RT, torch.zeros_like(ids_RT))[: len(self.names)]


class Hosted(nn.Module):
    """Stands where an encoder stood; its pooler, which some heads read, stays torch's."""

    def __init__(self, start: Start, body: Body) -> None:
        """Start an engine in a body's place."""
        super().__init__()
        self._start, self._names, self._block = start, body.names, body.block
        self.config, self.pooler = body.encoder.config, getattr(body.encoder, "pooler", None)
        self.run = start()

    def __deepcopy__(self, memo: dict[int, Any]) -> Hosted:
        """Return one whose engine was started again; what it reads is never written to."""
        twin = copy.copy(self)
        twin.run = self._start()
        return twin

    def forward(self, input_ids: Tensor, **others: Any) -> BaseModelOutputWithPooling:  # noqa: ANN401 - transformers' own
        """Return what the encoder would."""
        states_RTD = self.run(input_ids, *(others[name] for name in self._names[1:]))
        is_padding_RT = others["attention_mask"][:, : states_RTD.shape[1]] == 0
        states_RTD.masked_fill_(is_padding_RT[..., None], 0.0)  # no number where it sees nothing
        pooled_RD = None if self.pooler is None else self.pooler(states_RTD)
        states: Any = None if self._block is None else {self._block: states_RTD}
        return BaseModelOutputWithPooling(states_RTD, pooled_RD, states)


def hosted(
    model: Model,
    choice: EngineChoice,
    keep: Keep,
    *,
    block: int | None = None,
    reads_first_token: bool = False,
) -> Model:
    """Return a model whose encoder an engine computes; the one given stays as it is.

    Args:
        model: of an Auto class, with a head or without.
        choice: the engine.
        keep: where conversions are kept.
        block: whose output is read of a model without a head.
        reads_first_token: whether its head reads no other.

    Raises:
        ModelError: if the engine cannot run such an encoder.
    """
    if choice.name == "torch" and choice.format != "int8":
        return model
    body = Body(model.base_model, block).eval()
    alone = first_tokens_alone(model) if reads_first_token else nullcontext()
    with alone, _explained(choice, model), torch.no_grad():
        host = Hosted(resolve_name(ENGINES[choice.name])(body, keep, choice), body)
    if model.base_model is model:
        return host
    model = copy.copy(model)
    model._modules = {**model._modules, model.base_model_prefix: host}
    return model


def kept_below(root: Path, folder: Path, *facts: object) -> Keep:
    """Return what keeps conversions of a checkpoint, by its content, whole or not at all.

    Args:
        root: of all conversions; it may be deleted at any time.
        folder: the checkpoint.
        facts: what else decides them.
    """
    content = content_checksum(folder, (each for each in folder.rglob("*") if each.is_file()))

    def keep(name: str, write: Callable[[Path], None]) -> Path:
        versions = installed("torch", "transformers", "openvino", "onnxruntime")
        key = json.dumps([_FORM, content, name, *map(str, facts), versions], sort_keys=True)
        found = root / sha256(key.encode()).hexdigest()[:16]
        seal = found / "checksum"
        if seal.is_file() and seal.read_text(encoding="utf-8") == _content(found):
            return found
        aside = found.with_name(f".{found.name}.{os.getpid()}")
        aside.mkdir(parents=True, exist_ok=True)
        write(aside)
        (aside / "checksum").write_text(_content(aside), encoding="utf-8")
        put(aside, found)
        return found

    return keep


def _content(folder: Path) -> str:
    return content_checksum(folder, (each for each in folder.iterdir() if each.name != "checksum"))


def is_installed(name: str) -> bool:
    """Tell whether an engine can be started here."""
    return all(map(find_spec, _PACKAGES.get(name, ())))


def require_engine(settings: EngineSettings) -> None:
    """Refuse a recipe whose engine is not installed.

    Raises:
        RecipeError: with what to install.
    """
    if not is_installed(settings.name):
        raise RecipeError(
            f"engine is {settings.name!r}, which is not installed here: pip install "
            f"'stiltwalk[{settings.name}]', or leave it out."
        )


@contextmanager
def _explained(choice: EngineChoice, model: Model) -> Iterator[None]:
    """Keep an engine's chatter to itself, and turn what it raises, of no one base, into ours."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - a device
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"{choice.name} could not take the encoder of a {model.config.model_type} model "
            f"({type(error).__name__}: {reason}). Leave engine out of the recipe."
        ) from error
    finally:
        logging.disable(before)
