"""torch.compile with frozen weights: minutes to compile, in every process again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._inductor import config

from stiltwalk.inference.engines import Body, EngineChoice, Keep, Run, Start
from stiltwalk.models.device import number_format


def prepared(body: Body, _keep: Keep, choice: EngineChoice) -> Start:
    """Return what compiles an encoder, for rows of any number and length."""

    def start() -> Run:
        compiled = torch.compile(body, dynamic=True)

        def run(*inputs_RT: Tensor) -> Tensor:
            assert choice.format != "int8"
            with config.patch(freezing=True), number_format(choice.format, inputs_RT[0].device):
                found: Tensor = compiled(*inputs_RT)
                return found.float()

        run(*body.example())
        return run

    return start
