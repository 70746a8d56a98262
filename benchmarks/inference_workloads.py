"""What `inference.py` feeds its variants: real text, XLM-R's tokenizer, random weights.

Weights are random because speed does not depend on them; matrices are doubled after the usual
initialisation, so that outputs differ between rows as a trained model's do.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    XLMRobertaConfig,
)

from stiltwalk.data.source import DataSource
from stiltwalk.features.rows import Features, Ragged
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads import head_of
from stiltwalk.inference.engine import block_at
from stiltwalk.records import Split, TaskType
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import bitext, examples

REAL = Path(os.environ.get("STILTWALK_REAL", Path(__file__).parents[2] / "shared" / "real"))
SHAPES = {"base": (12, 768, 12), "large": (24, 1024, 16)}
"""Blocks, width, attention heads."""
MAX_TOKENS = {"xnli": 128, "xquad": 384, "tatoeba": 128}
LABELS = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True, kw_only=True, eq=False)
class Workload:
    """A task's rows, and the model that every variant runs on them."""

    name: str
    features: Features
    model: Any
    num_blocks: int
    """Blocks whose output is asked for: Tatoeba reads the middle of the encoder."""
    encoder: TextEncoder

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Real tokens of every row."""
        return self.features.ids.lengths

    def flops(self, rows: NDArray[np.int64]) -> float:
        """Return the operations that the asked-for blocks take on rows without padding."""
        width, length = self.model.config.hidden_size, self.lengths[rows].astype(float)
        per_block = 24 * width**2 * length.sum() + 4 * width * (length**2).sum()
        return float(self.num_blocks * per_block)

    def take(self, rows: NDArray[np.int64]) -> Features:
        """Return some rows alone."""
        features = self.features
        return Features(
            ids=Ragged.of([features.ids[int(row)] for row in rows]),
            second=features.second[rows],
            example=np.arange(len(rows)),
            labels=Ragged.of([features.labels[int(row)] for row in rows]),
        )


class MeanOfBlock(nn.Module):
    """A whole encoder that hands out one block's mean: what plain use of transformers costs."""

    def __init__(self, encoder: PreTrainedModel, block: int) -> None:
        """Read `block` of `encoder`."""
        super().__init__()
        self.encoder, self.block, self.config = encoder, block, encoder.config

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Tensor]:
        """Return the vectors as `logits`."""
        named = {"input_ids": input_ids, "attention_mask": attention_mask}
        states = self.encoder(**named, output_hidden_states=True).hidden_states
        mask = attention_mask[..., None].to(states[0].dtype)
        return {"logits": (states[self.block] * mask).sum(1) / mask.sum(1)}


def workload(name: str, shape: str, num_rows: int) -> Workload:
    """Return about `num_rows` rows over all languages, and a model for them.

    `shape` is of `SHAPES`, with random weights, or the folder of an encoder with XLM-R's words.
    """
    task = TASKS[name]
    source = DataSource(source=str(REAL / "hub"))
    encoder = load_text_encoder(REAL / "models" / "xlm-roberta-tokenizer")
    each = -(-num_rows // len(task.languages))
    model = _model(task.task_type, shape)
    blocks = model.config.num_hidden_layers
    block = block_at(14 / 24, blocks) if task.task_type is TaskType.RETRIEVAL else blocks
    if task.task_type is TaskType.RETRIEVAL:
        lines = [
            sentence.text
            for language in task.languages
            for sentence in _both_sides(source, language, -(-each // 2))
        ]
        features = line_features(list(dict.fromkeys(lines)), encoder, MAX_TOKENS[name])
    else:
        rows = [
            row
            for language in task.languages
            for row in examples(task, source, Split.TEST, language, each)
        ]
        features = head_of(task.task_type).features(rows, encoder, LABELS, MAX_TOKENS[name])
    return Workload(
        name=name,
        features=features,
        model=model,
        num_blocks=block,
        encoder=encoder,
    )


def _both_sides(source: DataSource, language: str, count: int) -> list[Any]:
    pairs = bitext(TASKS["tatoeba"], source, Split.TEST, language, count)
    return [*pairs.english, *pairs.foreign]


def _model(kind: TaskType, shape: str) -> Any:  # noqa: ANN401 - three classes
    classes: dict[TaskType, Any] = {
        TaskType.PAIR: AutoModelForSequenceClassification,
        TaskType.SPAN: AutoModelForQuestionAnswering,
    }
    auto_class, num_labels = classes.get(kind, AutoModel), 2 if kind is TaskType.SPAN else 3
    torch.manual_seed(0)
    if shape not in SHAPES:
        return auto_class.from_pretrained(shape, num_labels=num_labels, dtype=torch.float32).eval()
    blocks, width, heads = SHAPES[shape]
    config = XLMRobertaConfig(
        vocab_size=250_002,
        hidden_size=width,
        num_hidden_layers=blocks,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        num_labels=num_labels,
    )
    model = auto_class.from_config(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim == 2 and "embeddings" not in name:  # noqa: PLR2004 - matrices
                weight.mul_(2)
    return model
