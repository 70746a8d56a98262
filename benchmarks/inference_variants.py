"""Ways to run a model over a set of rows: what users run today, and ours; see `inference.py`."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from inference_workloads import MAX_TOKENS, REAL, MeanOfBlock, Workload
from numpy.typing import NDArray
from torch import nn
from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

from stiltwalk.features.batches import inference_batches
from stiltwalk.features.rows import Features
from stiltwalk.heads.head import Batch, make_batch
from stiltwalk.inference.engine import Engine, sentence_vectors
from stiltwalk.inference.engines import EngineChoice, hosted
from stiltwalk.inference.engines.trial import trial
from stiltwalk.models.checkpoint import first_tokens_alone
from stiltwalk.models.device import CPU_BATCH_TOKENS as BATCH_TOKENS

Rows = NDArray[np.int64]
Outputs = list[NDArray[Any]]
Variant = Callable[[Rows], Outputs]
BATCH_ROWS = 32


def plain(given: Workload) -> nn.Module:
    """Return the model as a stock user calls it: `logits`, or start and end logits."""
    if given.name == "tatoeba":
        return MeanOfBlock(given.model, given.num_blocks).eval()
    model: nn.Module = given.model
    return model


def read(found: Any, lengths: Sequence[int]) -> Outputs:  # noqa: ANN401 - a model's own class
    """Return each row's outputs as arrays, without padding."""
    names = ["logits"] if "logits" in found else ["start_logits", "end_logits"]
    values = [found[name] for name in names]
    arrays = np.stack([value.float().numpy() for value in values], axis=-1)
    if len(values) == 1:
        return list(arrays[..., 0])
    return [row[:length] for row, length in zip(arrays, lengths, strict=True)]


def padded_max(given: Workload) -> Variant:
    """Return a loop over batches that are padded to the task's maximum."""
    model, most = plain(given), MAX_TOKENS[given.name]

    def run(rows: Rows) -> Outputs:
        found: Outputs = []
        for start in range(0, len(rows), BATCH_ROWS):
            some = rows[start : start + BATCH_ROWS]
            ids = np.full((len(some), most), given.encoder.pad_id)
            padded = given.features.ids.padded(some, given.encoder.pad_id)
            ids[:, : padded.shape[1]] = padded
            mask = torch.from_numpy((np.arange(most) < given.lengths[some][:, None]).astype(int))
            with torch.inference_mode():
                output = model(input_ids=torch.from_numpy(ids), attention_mask=mask)
            found += read(output, given.lengths[some].tolist())
        return found

    return run


def trainer(given: Workload) -> Variant:
    """Return `Trainer.predict` with its own defaults but for the batch."""
    tokenizer = AutoTokenizer.from_pretrained(REAL / "models" / "xlm-roberta-tokenizer")
    arguments = TrainingArguments(
        tempfile.mkdtemp(),
        per_device_eval_batch_size=BATCH_ROWS,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    predicts = Trainer(plain(given), arguments, data_collator=DataCollatorWithPadding(tokenizer))

    def run(rows: Rows) -> Outputs:
        ids = [given.features.ids[int(row)].tolist() for row in rows]
        found = predicts.predict([{"input_ids": row} for row in ids]).predictions  # type: ignore[arg-type]
        if isinstance(found, tuple):
            both = np.stack(found, axis=-1)
            return [row[: len(own)] for row, own in zip(both, ids, strict=True)]
        return list(found)

    return run


def pipeline(given: Workload) -> Variant:
    """Return transformers' pipeline on the rows' texts, written anew from their ids."""
    tokenizer = AutoTokenizer.from_pretrained(REAL / "models" / "xlm-roberta-tokenizer")
    answers = transformers.pipeline(
        "text-classification", given.model, tokenizer=tokenizer, batch_size=BATCH_ROWS, device="cpu"
    )

    def run(rows: Rows) -> Outputs:
        texts = []
        for row in rows:
            ids, second = given.features.ids[int(row)], given.features.second[int(row)]
            pair = tokenizer.decode(ids[1 : second - 2]), tokenizer.decode(ids[second:-1])
            texts.append({"text": pair[0], "text_pair": pair[1]})
        found = answers(texts, top_k=None, function_to_apply="none")
        return [
            np.array([each["score"] for each in sorted(row, key=lambda one: one["label"])])
            for row in found
        ]

    return run


def ours(given: Workload, precision: Any, engine: str = "torch") -> Variant:  # noqa: ANN401 - a literal
    """Return the engine, its encoder computed by `engine`; retrieval with the blocks it reads."""
    model, reads = given.model, given.name == "xnli"
    block = given.num_blocks if given.name == "tatoeba" else None
    if block:
        config = type(model.config)(**{**model.config.to_dict(), "num_hidden_layers": block})
        model = type(model)(config)
        model.load_state_dict(given.model.state_dict(), strict=False, assign=True)
    threads = torch.get_num_threads()
    choice = EngineChoice(name=engine, format=precision, num_threads=threads)
    if engine == "auto":
        choice = trial(model.config, ("fp32", "bf16"), threads).ranked[0]
        print(f"auto: {choice.says}, {choice.batch_tokens} tokens", file=sys.stderr)
    host = hosted(model.eval(), choice, _kept, block=block, reads_first_token=reads)
    format_: Any = "bf16" if (choice.name, choice.format) == ("torch", "bf16") else "fp32"
    own = Engine(
        model=host,
        pad_id=given.encoder.pad_id,
        precision=format_,
        batch_tokens=choice.batch_tokens,
    )

    def run(rows: Rows) -> Outputs:
        torch.set_num_threads(choice.num_threads)
        features = given.take(rows)
        if block:
            found = list(sentence_vectors(own, features, block)[0])
        else:
            found = own.map_rows(features, partial(forward, features))[0]
        torch.set_num_threads(threads)
        return found

    def forward(features: Features, model: Any, batch: Batch, some: Rows) -> Outputs:  # noqa: ANN401
        with first_tokens_alone(model) if reads else contextlib.nullcontext():
            return read(model(**batch.inputs()), features.ids.lengths[some].tolist())

    return run


def _kept(name: str, write: Callable[[Path], None]) -> Path:
    """Convert for this process alone."""
    folder = Path(tempfile.mkdtemp(prefix=f"stiltwalk-{name}-"))
    write(folder)
    return folder


def in_our_batches(
    given: Workload, apply: Callable[[NDArray[Any], NDArray[Any]], list[Any]]
) -> Variant:
    """Return another runtime, fed with our batches."""

    def run(rows: Rows) -> Outputs:
        found: list[Any] = [None] * len(rows)
        features = given.take(rows)
        for some in inference_batches(features.ids.lengths, BATCH_TOKENS):
            batch = make_batch(features, some, given.encoder.pad_id, with_types=False)
            values = apply(batch.input_ids_RT.numpy(), batch.attention_mask_RT.numpy())
            both = np.stack([np.asarray(value) for value in values], axis=-1)
            for at, row in enumerate(some):
                length = int(features.ids.lengths[row])
                found[row] = both[at, ..., 0] if len(values) == 1 else both[at, :length]
        return found

    return run


def _traced(given: Workload) -> tuple[nn.Module, tuple[torch.Tensor, torch.Tensor]]:
    """Return a model that answers with plain tensors, and an example of its inputs."""

    class Tensors(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = plain(given)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:  # noqa: ANN401
            found = self.model(input_ids=input_ids, attention_mask=attention_mask)
            if "logits" in found:
                return found["logits"]
            return found["start_logits"], found["end_logits"]

    ids = torch.tensor([[0, 9, 9, 9, 2], [0, 9, 2, 1, 1]])
    return Tensors().eval(), (ids, (ids != 1).long())


def openvino(given: Workload, hint: str) -> Variant:
    """Return OpenVINO on the CPU in a number format, head and all."""
    import openvino as runtime  # noqa: PLC0415 - optional

    model, inputs = _traced(given)
    with torch.inference_mode():
        converted = runtime.convert_model(model, example_input=inputs)
    hints = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": torch.get_num_threads()}
    compiled = runtime.compile_model(converted, "CPU", hints)
    return in_our_batches(given, lambda ids, mask: list(compiled([ids, mask]).values()))


def onnxruntime_fp32(given: Workload) -> Variant:
    """Return ONNX Runtime on the CPU."""
    import onnxruntime  # noqa: PLC0415 - optional

    model, inputs = _traced(given)
    file = Path(tempfile.mkdtemp()) / "model.onnx"
    names = ["input_ids", "attention_mask"]
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with contextlib.redirect_stdout(sys.stderr):
        torch.onnx.export(model, inputs, file, input_names=names, dynamic_shapes=(axes, axes))
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
    return in_our_batches(
        given, lambda ids, mask: session.run(None, dict(zip(names, (ids, mask), strict=True)))
    )
