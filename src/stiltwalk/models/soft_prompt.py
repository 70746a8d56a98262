"""A frozen masked language model that answers at a mask, with or without trained vectors.

Shape letters: R rows, T tokens, M vectors, D width, C classes, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from stiltwalk.models.checkpoint import Model
from stiltwalk.models.masked_lm import lm_logits
from stiltwalk.models.verbaliser import Verbaliser

_REACH = 0.5
"""Vectors start between minus and plus this (SPT, arXiv 2402.03782)."""


class SoftPrompt(nn.Module):
    """Trained vectors; reparameterised ones go through two layers that `merged` drops.

    Source: Philippy et al. (2024), arXiv 2402.03782: linear, ReLU, linear, layer norm.
    """

    def __init__(self, start_MD: Tensor, *, reparameterised: bool = False) -> None:
        """Start from vectors; torch's generator draws the layers."""
        super().__init__()
        self.vectors_MD = nn.Parameter(start_MD.clone())
        width = start_MD.shape[1]
        self.layers = (
            nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.LayerNorm(width)
            )
            if reparameterised
            else nn.Identity()
        )

    def forward(self) -> Tensor:
        """Return what stands in the input, shape (M, D)."""
        vectors_MD: Tensor = self.layers(self.vectors_MD)
        return vectors_MD

    def merged(self) -> SoftPrompt:
        """Return the same prompt without layers."""
        return SoftPrompt(self().detach())


def uniform_start(num_tokens: int, width: int, *, seed: int) -> Tensor:
    """Return vectors to start from, shape (M, D)."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.rand(num_tokens, width, generator=generator) - 1) * _REACH


class PromptedModel(nn.Module):
    """Rows with one mask each in, class scores out; nothing but the prompt is trained.

    Ids from the vocabulary's size on stand for the prompt's vectors.
    """

    def __init__(
        self, masked_lm: Model, verbaliser: Verbaliser, prompt: SoftPrompt, mask_id: int
    ) -> None:
        """Put class rows in the place of a language model's output layer, and freeze it.

        Args:
            masked_lm: from `with_lm_head`; its output layer is replaced.
            verbaliser: what the classes are read off.
            prompt: M may be 0.
            mask_id: where the answer is read.
        """
        super().__init__()
        outputs = masked_lm.get_output_embeddings()
        none_V = outputs.weight.new_zeros(len(outputs.weight))
        bias_V = none_V if outputs.bias is None else outputs.bias
        reader = nn.Linear(outputs.weight.shape[1], len(verbaliser.labels))
        with torch.no_grad():
            reader.weight.copy_(verbaliser.class_rows(outputs.weight))
            reader.bias.copy_(verbaliser.class_rows(bias_V))
        masked_lm.set_output_embeddings(reader)
        masked_lm.requires_grad_(False)
        self.masked_lm = masked_lm.eval()
        self.prompt = prompt
        self.config = masked_lm.config
        self.config.num_labels = len(verbaliser.labels)
        self.config.id2label = dict(enumerate(verbaliser.labels))
        self._mask_id = mask_id
        self.num_words = masked_lm.get_input_embeddings().weight.shape[0]

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> SimpleNamespace:
        """Return `logits`, shape (R, C)."""
        table = self.masked_lm.get_input_embeddings()
        is_word_RT = input_ids < self.num_words
        words_RTD = table(input_ids.where(is_word_RT, self._mask_id))
        inputs: dict[str, Any] = {"attention_mask": attention_mask, "inputs_embeds": words_RTD}
        if len(self.prompt.vectors_MD):
            vectors_MD = self.prompt().to(words_RTD.dtype)
            place_RT = (input_ids - self.num_words).clamp(min=0)
            inputs["inputs_embeds"] = words_RTD.where(is_word_RT[..., None], vectors_MD[place_RT])
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        logits_RC = lm_logits(self.masked_lm, inputs, input_ids == self._mask_id)
        return SimpleNamespace(logits=logits_RC)

    def train(self, mode: bool = True) -> PromptedModel:
        """Leave the frozen model as it answers, without dropout."""
        super().train(mode)
        self.masked_lm.eval()
        return self

    def get_input_embeddings(self) -> nn.Module:
        """Return the frozen model's table."""
        table: nn.Module = self.masked_lm.get_input_embeddings()
        return table

    def frozen_weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every weight that must never change."""
        yield from self.masked_lm.named_parameters()
