"""ONNX Runtime, an extra, on the CPU in fp32: the whole encoder, converted once."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from stiltwalk.inference.engines import Body, EngineChoice, Keep, Run, Start


def prepared(body: Body, keep: Keep, choice: EngineChoice) -> Start:
    """Return what starts ONNX Runtime with an encoder."""
    import onnxruntime  # noqa: PLC0415 - an extra

    def write(folder: Path) -> None:
        axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
        torch.onnx.export(
            body,
            body.example(),
            folder / "model.onnx",
            input_names=body.names,
            dynamic_shapes={"inputs_RT": (axes,) * len(body.names)},
            verbose=False,
        )

    kept = keep("onnxruntime", write)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = choice.num_threads

    def start() -> Run:
        session = onnxruntime.InferenceSession(
            kept / "model.onnx", settings, providers=["CPUExecutionProvider"]
        )

        def run(*inputs_RT: Tensor) -> Tensor:
            named = zip(body.names, (each.numpy() for each in inputs_RT), strict=True)
            (states,) = session.run(None, dict(named))
            return torch.from_numpy(states)

        return run

    return start
