"""Make the miniature's base encoder from nothing, on one CPU core in minutes.

Make the miniature's base encoder from nothing, on one CPU core in minutes.

Shape letters: V vocabulary, D width, P positions.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from stiltwalk import mini
from stiltwalk.errors import ModelError, TrainingDiverged
from stiltwalk.mini_base.exercises import Exercise, Trainee, exercises
from stiltwalk.mini_base.tokenizer import (
    END,
    MASKED,
    PAD,
    SPECIAL,
    START,
    UNKNOWN,
    aligned_vectors,
    build_tokenizer,
)
from stiltwalk.recipe.types import PretrainSettings

_LOG = logging.getLogger(__name__)
_LOG_EVERY = 200
_FINAL_RATE = 0.02
_VECTOR_SCALE = 0.1
_POSITION_SCALE = 0.05
_POSITION_BASE = 200.0
_SELF_LOGIT = 6.0
_SPREAD = 0.06


def pretrain(
    settings: PretrainSettings, seed: int, folder: Path, progress: Callable[[int, int], None]
) -> None:
    """Write a folder that stock `AutoModel.from_pretrained` and `AutoTokenizer` read.

    Bit-equal for equal settings, seed, versions and number of torch threads.

    Args:
        settings: everything but chance.
        seed: decides vocabulary, vectors, initial weights and the order of exercises.
        folder: made if missing.
        progress: called with (steps done, all steps).

    Raises:
        TrainingDiverged: if the loss is no longer finite.
    """
    tokenizer = build_tokenizer(settings.vocabulary_size, settings.vocabulary_lines, seed)
    vectors_VD, seen_V = aligned_vectors(tokenizer, settings.width, settings.vector_sentences, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trainee = Trainee(_new_model(settings, tokenizer.get_vocab_size(), vectors_VD, seen_V))
        _train(trainee, settings, tokenizer, seed, progress)
    _save(trainee, tokenizer, settings, seed, folder)


def _train(
    trainee: Trainee,
    settings: PretrainSettings,
    tokenizer: Tokenizer,
    seed: int,
    progress: Callable[[int, int], None],
) -> None:
    random = Random(f"pretraining:{seed}")  # noqa: S311 - no secret
    step = 0
    drills = exercises(settings, tokenizer, random, lambda: step / settings.steps)
    shares = [drill.share for drill in drills.values()]
    optimizer = _optimizer(trainee, settings)
    losses: dict[str, list[float]] = defaultdict(list)
    trainee.train()
    for step in range(settings.steps):
        (name,) = random.choices(list(drills), shares)
        loss = _update(trainee, drills[name], optimizer, settings, step)
        losses[name].append(loss)
        if (step + 1) % _LOG_EVERY == 0:
            _report(step + 1, losses)
        progress(step + 1, settings.steps)


def _update(
    trainee: Trainee,
    drill: Exercise,
    optimizer: torch.optim.Optimizer,
    settings: PretrainSettings,
    step: int,
) -> float:
    """Take one step and return its loss."""
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * _rate(step, settings)
    loss = drill.loss(trainee, next(drill.batches))
    if not torch.isfinite(loss):
        raise TrainingDiverged(
            f"The loss of pretraining is {loss.item()} at step {step + 1}: lower its learning_rate."
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(trainee.parameters(), settings.max_gradient_norm)
    optimizer.step()
    return float(loss.detach())


def _rate(step: int, settings: PretrainSettings) -> float:
    """Return the share of the peak learning rate at a step."""
    rising = (step + 1) / settings.warmup_steps
    return min(rising, max(_FINAL_RATE, 1 - step / settings.steps))


def _optimizer(trainee: Trainee, settings: PretrainSettings) -> torch.optim.Optimizer:
    learnt = [parameter for parameter in trainee.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)


def _report(step: int, losses: Mapping[str, list[float]]) -> None:
    recent = {name: np.mean(values[-_LOG_EVERY // 4 :]) for name, values in losses.items()}
    shown = ", ".join(f"{name} {value:.3f}" for name, value in sorted(recent.items()))
    _LOG.info("step %d: %s", step, shown)


def _new_model(
    settings: PretrainSettings,
    vocabulary_size: int,
    vectors_VD: NDArray[np.float32],
    seen_V: NDArray[np.bool_],
) -> Any:  # noqa: ANN401 - a transformers model
    """Return an encoder that starts with aligned words, wave positions, and a habit of matching."""
    config = XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=settings.width,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=4 * settings.width,
        max_position_embeddings=settings.max_tokens + PAD + 1,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
        initializer_range=_SPREAD,
    )
    model: Any = XLMRobertaForMaskedLM(config)
    embeddings = model.roberta.embeddings
    scale = math.sqrt(settings.width) * _VECTOR_SCALE
    with torch.no_grad():
        seen = torch.from_numpy(seen_V)
        embeddings.word_embeddings.weight[seen] = torch.from_numpy(vectors_VD)[seen] * scale
        _set_positions(embeddings.position_embeddings.weight)
        for block in model.roberta.encoder.layer:
            _prefer_equals(block.attention.self)
    embeddings.word_embeddings.weight.requires_grad_(False)
    return model


def _set_positions(weight_PD: Tensor) -> None:
    """Fill in sine and cosine waves, turned at random so that they avoid the words' axes."""
    positions, width = weight_PD.shape
    rate = torch.exp(-math.log(_POSITION_BASE) * torch.arange(width // 2) / (width // 2))
    angle = torch.arange(positions)[:, None] * rate
    waves_PD = torch.cat([angle.sin(), angle.cos()], dim=1)
    turn_DD = nn.init.orthogonal_(torch.empty(width, width))
    weight_PD.copy_(waves_PD @ turn_DD * _POSITION_SCALE * math.sqrt(2))


def _prefer_equals(attention: Any) -> None:  # noqa: ANN401 - a transformers layer
    """Give queries and keys one orthogonal matrix, so that a token first attends to its like."""
    width, heads = attention.query.weight.shape[0], attention.num_attention_heads
    turn_DD = nn.init.orthogonal_(torch.empty(width, width))
    per_head = width / heads
    turn_DD *= math.sqrt(_SELF_LOGIT * math.sqrt(per_head) / per_head)
    attention.query.weight.copy_(turn_DD)
    attention.key.weight.copy_(turn_DD)


def _save(
    trainee: Trainee, tokenizer: Tokenizer, settings: PretrainSettings, seed: int, folder: Path
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    trainee.masked_lm.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {
        "bos_token": SPECIAL[START],
        "cls_token": SPECIAL[START],
        "eos_token": SPECIAL[END],
        "sep_token": SPECIAL[END],
        "pad_token": SPECIAL[PAD],
        "unk_token": SPECIAL[UNKNOWN],
        "mask_token": SPECIAL[MASKED],
    }
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": settings.max_tokens}
    _write_json(folder / "tokenizer_config.json", about | names)
    made = {
        "settings": asdict(settings),
        "seed": seed,
        "data": mini.revision(),
        "torch": torch.__version__,
        "num_threads": torch.get_num_threads(),
        "note": "Word embeddings come from counting: keep them frozen when fine-tuning.",
    }
    _write_json(folder / "provenance.json", made)


def _write_json(path: Path, value: Mapping[str, object]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


_WEIGHTS = "model.safetensors"
_COPIED = ("tokenizer.json", "tokenizer_config.json")


def ship(folder_from: Path, folder_to: Path) -> None:
    """Write a pretrained encoder with half-width weights, and where it came from.

    The configuration still says float32, so `from_pretrained` widens the weights again.

    Args:
        folder_from: what `pretrain` wrote.
        folder_to: made if missing.

    Raises:
        ModelError: if the folder was not written by `pretrain`.
    """
    for name in ("config.json", "provenance.json", _WEIGHTS, *_COPIED):
        if not (folder_from / name).is_file():
            raise ModelError(
                f"{folder_from} has no {name}, so it is not what pretraining writes: run it first."
            )
    folder_to.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        shutil.copyfile(folder_from / name, folder_to / name)
    weights = load_file(folder_from / _WEIGHTS)
    narrow = {name: weight.to(torch.float16) for name, weight in weights.items()}
    save_file(narrow, folder_to / _WEIGHTS, metadata={"format": "pt"})
    (folder_to / _WEIGHTS).chmod(0o644)
    config = json.loads((folder_from / "config.json").read_text(encoding="utf-8"))
    _shipping_write_json(folder_to / "config.json", config | {"dtype": "float32"})
    made = json.loads((folder_from / "provenance.json").read_text(encoding="utf-8"))
    checksum = sha256((folder_to / _WEIGHTS).read_bytes()).hexdigest()
    _shipping_write_json(folder_to / "provenance.json", made | {_WEIGHTS: f"sha256:{checksum}"})


def _shipping_write_json(path: Path, value: dict[str, object]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
