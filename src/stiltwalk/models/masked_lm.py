"""A checkpoint's own masked-language-model head, on an encoder that others share.

Shape letters: R rows, T tokens, N places, D width, V vocabulary.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, PreTrainedModel

from stiltwalk.errors import ModelError
from stiltwalk.models.checkpoint import Model, load_head, read

log = logging.getLogger(__name__)

HEAD = "lm_head.safetensors"
"""A trained head beside an encoder's own files; stock classes pass it over."""


def with_lm_head(encoder: PreTrainedModel, folder: Path, *, seed: int) -> Model:
    """Return a masked language model whose encoder is `encoder` itself, its output matrix too.

    Args:
        encoder: what `load(TaskType.RETRIEVAL, …)` returned.
        folder: the checkpoint it came from, whose head is taken.
        seed: decides the head's weights where the checkpoint has none; the log says so.

    Raises:
        ModelError: if the architecture has no such head.
    """
    model, missing = read(AutoModelForMaskedLM, folder, seed=seed)
    own = model.base_model
    for name, part in encoder.named_children():
        if getattr(own, name, None) is not None:
            setattr(own, name, part)
    table, outputs = encoder.get_input_embeddings(), model.get_output_embeddings()
    if outputs is None or outputs.weight.shape != table.weight.shape:
        raise ModelError(
            f"{folder}: the {encoder.config.model_type} model has no masked-language-model head "
            "over its own embeddings. Leave `mlm` out of the arms, or take another encoder."
        )
    outputs.weight = table.weight
    if (folder / HEAD).is_file():
        load_head(model, folder / HEAD)
        missing = set()
    fresh = [name for name in missing if not name.startswith(f"{model.base_model_prefix}.")]
    if fresh:
        log.warning("%s has no language-model head: it starts fresh (%s).", folder, fresh[0])
    return model.eval()


def lm_logits(model: Model, inputs: Mapping[str, Tensor], places_RT: Tensor) -> Tensor:
    """Return the scores of every word at some places only, shape (N, V).

    Args:
        model: from `with_lm_head`.
        inputs: keyword arguments of its encoder.
        places_RT: true where scores are wanted.
    """
    states_RTD = model.base_model(**inputs).last_hidden_state
    logits_NV: Tensor = _head(model)(states_RTD[places_RT])
    return logits_NV


def _head(model: Model) -> nn.Module:
    """Return what lies behind the encoder, by the names that architectures give it."""
    ways: tuple[tuple[str, ...], ...] = (
        ("lm_head",),
        ("cls",),
        ("generator_predictions", "generator_lm_head"),  # ELECTRA
        ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),  # DistilBERT
        ("head", "decoder"),
    )
    names = next(each for each in ways if all(hasattr(model, name) for name in each))
    return nn.Sequential(*(getattr(model, name) for name in names))
