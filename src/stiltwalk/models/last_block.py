"""What a head does not read, the last block need not compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import say_once

FAMILIES = ("bert", "deberta-v2", "roberta", "xlm-roberta")
"""Whose blocks end in layers that see one token at a time, and whose heads read the first."""


@contextmanager
def first_tokens_alone(model: Model) -> Iterator[None]:
    """Let the feed-forward layer of the last block see each row's first token alone.

    For heads that read no other token; 5 % less work in 12 blocks. Other families run it on all.
    """
    family = model.config.model_type
    if family not in FAMILIES:
        say_once(
            f"The last block of a {family} model runs on all tokens, not on those alone that its "
            "head reads: the same answers, a little later."
        )
        yield
        return
    block = [each for each in model.modules() if _is_block(each)][-1]

    def cut(_module: nn.Module, _inputs: Any, found: Any) -> Any:  # noqa: ANN401 - states and more
        return (found[0][:, :1], *found[1:])

    with block.attention.register_forward_hook(cut):
        yield


def _is_block(module: Any) -> bool:  # noqa: ANN401 - any module
    return hasattr(module, "attention") and hasattr(module, "intermediate")
