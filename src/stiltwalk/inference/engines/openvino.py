"""OpenVINO, an extra, on the CPU: the whole encoder, converted once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stiltwalk.inference.engines import Body, EngineChoice, Keep, Run, Start

_HINTS = {"fp32": "f32", "bf16": "bf16", "int8": "f32"}
_GROUP = 128
"""Neighbouring values of what goes into an int8 product that share a scale."""
_LARGEST, _LEAST = 127, 1e-12


def prepared(body: Body, keep: Keep, choice: EngineChoice) -> Start:
    """Return what starts OpenVINO with an encoder."""
    import openvino  # noqa: PLC0415 - an extra

    def write(folder: Path) -> None:
        model = openvino.convert_model(body, example_input=body.example())
        if choice.format == "int8":
            _round(model)
        openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)

    kept = keep("openvino int8" if choice.format == "int8" else "openvino", write)
    hints: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _HINTS[choice.format],
        "INFERENCE_NUM_THREADS": choice.num_threads,
    }
    if choice.format == "int8":
        hints["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = _GROUP

    def start() -> Run:
        compiled = openvino.compile_model(kept / "model.xml", "CPU", hints)
        request = compiled.create_infer_request()

        def run(*inputs_RT: Tensor) -> Tensor:
            given = [each.numpy() for each in inputs_RT]
            found = request.infer(given, share_inputs=True, share_outputs=True)  # until the next
            return torch.from_numpy(next(iter(found.values())))

        return run

    return start


def _round(model: Any) -> None:  # noqa: ANN401 - OpenVINO's own
    """Put int8 in the place of every matrix of weights, with a scale per output channel."""
    from openvino import opset13 as ops  # noqa: PLC0415

    for product in model.get_ops():
        if product.get_type_name() != "MatMul":
            continue
        weights = product.input_value(1).get_node()
        if weights.get_type_name() != "Constant":
            continue
        values = weights.get_data().astype(np.float32)
        axis = int(product.get_attributes()["transpose_b"])
        scales = np.abs(values).max(axis=axis, keepdims=True).clip(_LEAST) / _LARGEST
        bytes_ = ops.constant(np.round(values / scales).astype(np.int8))
        scaled = ops.multiply(ops.convert(bytes_, "f32"), ops.constant(scales))
        product.input(1).replace_source_output(scaled.output(0))
