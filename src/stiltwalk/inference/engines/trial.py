"""`engine = "auto"`: which engine, number format, batch and threads are fastest on this machine.

Two blocks of the model's shape, with random weights, stand for all of them: blocks take nearly all
of the time, and engines differ in nothing else.
"""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModel

from stiltwalk.errors import ModelError
from stiltwalk.files import kept_json, sealed_json, user_cache, write_atomically
from stiltwalk.heads.head import uses_types
from stiltwalk.inference.engines import EngineChoice, hosted, is_installed
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.device import CPU_BATCH_TOKENS, has_bf16, number_format, pick_device
from stiltwalk.recipe.schema import Precision
from stiltwalk.recipe.types import ENGINE_FORMATS, Format
from stiltwalk.store.machine import installed, num_cpus, processor

LEAST_GAIN = 1.02
"""Less is within what such a trial can tell."""
_LEAST_TUNING = 1.05
"""Of batch and threads, where the best of several is more often luck."""
_MOST_S = 20.0
_ENGINES = ("torch", "openvino", "onnxruntime")
"""Compiling takes torch longer than the trial may."""
_LENGTHS = (40, 160)
_BATCHES = (512, 2048)
_BLOCKS, _WORDS, _MOST_ROUNDS = 2, 1000, 9
_SAME_SPEED = set(
    "vocab_size num_hidden_layers id2label label2id _name_or_path dtype architectures".split()
)

Runner = Callable[[], float]
"""Runs what is timed once; returns real tokens per second."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a trial found.

    Args:
        ranked: the fastest first; torch in fp32 is the last.
        gains: speed of each over torch's in fp32, in the same order.
        took_s: how long it took; 0 where it was known.
    """

    ranked: tuple[EngineChoice, ...]
    gains: tuple[float, ...]
    took_s: float


def trial(config: Any, formats: Sequence[Format], num_threads: int) -> Trial:  # noqa: ANN401 - transformers' own
    """Return what is fastest here for a model's shape, tried once and then known.

    Args:
        config: of the model.
        formats: that may be chosen, beside torch's fp32.
        num_threads: at most.
    """
    torch_alone = EngineChoice(name="torch", format="fp32", num_threads=num_threads)
    if pick_device().type != "cpu":
        return Trial(ranked=(torch_alone,), gains=(1.0,), took_s=0.0)
    file, key = user_cache() / "engines.json", _key(config, formats, num_threads)
    kept = kept_json(file)
    if key in kept:
        found = kept[key]
        ranked = tuple(EngineChoice(**each) for each in found["ranked"])
        return Trial(ranked=ranked, gains=tuple(found["gains"]), took_s=0.0)
    before = torch.get_num_threads()
    try:
        found = _tried(_small(config), torch_alone, formats)
    finally:
        torch.set_num_threads(before)
    with suppress(OSError):  # a home that is read-only costs the trial again
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, sealed_json({**kept_json(file), key: asdict(found)}))
    return found


def _key(config: Any, formats: Sequence[Format], num_threads: int) -> str:  # noqa: ANN401
    shape = {name: each for name, each in config.to_dict().items() if name not in _SAME_SPEED}
    versions = installed("torch", "transformers", *_ENGINES)
    facts = [processor(), num_cpus(), num_threads, formats, versions, shape]
    return json.dumps(facts, sort_keys=True, default=str)


def _small(config: Any) -> Model:  # noqa: ANN401
    """Return a model of the same shape with few blocks and words."""
    small = copy.deepcopy(config)
    small.vocab_size, small.num_hidden_layers = _WORDS, min(_BLOCKS, config.num_hidden_layers)
    return AutoModel.from_config(small, dtype=torch.float32).eval()


def _tried(model: Model, torch_alone: EngineChoice, formats: Sequence[Format]) -> Trial:
    began = time.perf_counter()
    choices = [torch_alone] + [
        EngineChoice(name=name, format=each, num_threads=torch_alone.num_threads)
        for name in _ENGINES
        if is_installed(name)
        for each in ENGINE_FORMATS[name]
        if each in formats and (each != "bf16" or has_bf16(torch.device("cpu")))
    ]
    with TemporaryDirectory() as aside:
        runners: dict[EngineChoice, Runner] = {}
        for each in dict.fromkeys(choices):
            if time.perf_counter() - began < _MOST_S / 2:
                with suppress(ModelError):  # an engine that does not know this family
                    runners[each] = _runner(model, each, Path(aside))
        gains = _gains(runners, torch_alone, began + 0.6 * _MOST_S)
        best = max(gains, key=gains.__getitem__)
        variants = [replace(best, batch_tokens=each) for each in _BATCHES]
        if best.num_threads > 1:
            variants.append(replace(best, num_threads=best.num_threads // 2))
        around = {
            each: _runner(model, each, Path(aside))
            for each in variants
            if time.perf_counter() - began < 0.7 * _MOST_S
        }
        finer = _gains({best: runners[best], **around}, best, began + 0.8 * _MOST_S)
    tuned = max(finer, key=finer.__getitem__)
    if finer[tuned] > _LEAST_TUNING:
        gains[tuned] = gains[best] * finer[tuned]
    fast = sorted(
        (each for each in gains if gains[each] > LEAST_GAIN), key=gains.__getitem__, reverse=True
    )
    ranked = (*fast, torch_alone)
    told = tuple(round(gains[each], 2) for each in ranked)
    return Trial(ranked=ranked, gains=told, took_s=round(time.perf_counter() - began, 1))


def _gains(
    runners: Mapping[EngineChoice, Runner], base: EngineChoice, deadline: float
) -> dict[EngineChoice, float]:
    """Return each one's speed over the base's, of each the best of rounds of all.

    The best, since whatever else a machine does only ever takes time.
    """
    best = dict.fromkeys(runners, 0.0)
    for number in range(_MOST_ROUNDS):
        if number and time.perf_counter() > deadline:
            break
        for each in list(runners) if number % 2 == 0 else list(runners)[::-1]:
            best[each] = max(best[each], runners[each]())
    return {each: speed / best[base] for each, speed in best.items()}


def _runner(model: Model, choice: EngineChoice, aside: Path) -> Runner:
    """Return what times an engine on short and long rows; it has run once already."""

    def keep(name: str, write: Callable[[Path], None]) -> Path:
        folder = aside / name
        if not folder.is_dir():
            folder.mkdir()
            write(folder)
        return folder

    with_engine = hosted(model, choice, keep)
    format_: Precision = "bf16" if (choice.name, choice.format) == ("torch", "bf16") else "fp32"
    batches = []
    for length in _LENGTHS:
        ids_RT = torch.full(((choice.batch_tokens or CPU_BATCH_TOKENS) // length, length), 9)
        inputs = {"input_ids": ids_RT, "attention_mask": torch.ones_like(ids_RT)}
        inputs["attention_mask"][1:, -2:] = 0
        if uses_types(model):
            inputs["token_type_ids"] = torch.zeros_like(ids_RT)
        batches.append(inputs)
    tokens = sum(int(each["attention_mask"].sum()) for each in batches)

    def run() -> float:
        torch.set_num_threads(choice.num_threads)
        with torch.inference_mode(), number_format(format_, torch.device("cpu")):
            began = time.perf_counter()
            for inputs in batches:
                with_engine(**inputs)
            return tokens / (time.perf_counter() - began)

    run()
    return run
