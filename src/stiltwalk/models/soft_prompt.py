"""A frozen masked language model that answers at a mask, with or without trained vectors.

Classes are read off the words nearest to their names. On disk a prompt is kilobytes beside a model
that stays where it is: `prompt.safetensors`, the vectors as they stand in the input, and
`prompt.json`: the cloze, the words of every class, and the checksum of the weights that the prompt
belongs to.

Shape letters: R rows, T tokens, M vectors, D width, C classes, K words of a class, V vocabulary.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from stiltwalk.errors import ModelError
from stiltwalk.features.sentences import label_ids
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.files import content_checksum
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.locate import read_config
from stiltwalk.models.masked_lm import lm_logits, with_lm_head
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import TaskType
from stiltwalk.tasks.clozes import Cloze

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


@dataclass(frozen=True, kw_only=True)
class Verbaliser:
    """Classes with the ids of their words and what each counts for.

    Args:
        labels: names of the classes.
        ids: per class those of its words.
        weights: per class those of its words, sum 1.
    """

    labels: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]

    def class_rows(self, rows_VD: Tensor) -> Tensor:
        """Return per class the weighted sum of its words' rows, shape (C, D), or (C,) of (V,).

        A class's score is the weighted sum of its words' scores, and these are linear in the rows
        of the output layer. So C rows take the place of the vocabulary's, exactly.
        """
        return torch.stack(
            [
                torch.tensor(weights, dtype=rows_VD.dtype) @ rows_VD[list(ids)]
                for ids, weights in zip(self.ids, self.weights, strict=True)
            ]
        )


def nearest_words(
    table_VD: Tensor, encoder: TextEncoder, cloze: Cloze, num_words: int
) -> Verbaliser:
    """Return for every class the words whose embeddings are nearest to those of its names.

    Args:
        table_VD: the model's embeddings of words.
        encoder: of the same model; its special tokens are no words.
        cloze: names the classes; a name of several sub-words is their mean, and of several names
            the nearest one counts.
        num_words: how many, by cosine; the softmax of the cosines weighs them.

    Raises:
        DataError: if a name has no token.

    Source:
        NPPrompt, arXiv 2212.06950; means and several names are ours.
    """
    table_VD = table_VD.detach().float()
    norms_V = table_VD.norm(dim=1).clamp(min=1e-12)
    ids, weights = [], []
    for names in label_ids(cloze, encoder):
        anchors = torch.stack([table_VD[torch.from_numpy(each).long()].mean(0) for each in names])
        cosines = (table_VD @ anchors.T) / norms_V[:, None] / anchors.norm(dim=1).clamp(min=1e-12)
        nearest_V = cosines.max(dim=1).values
        nearest_V[torch.from_numpy(encoder.special_ids).long()] = -torch.inf
        best = nearest_V.topk(min(num_words, len(nearest_V) - len(encoder.special_ids)))
        ids.append(tuple(best.indices.tolist()))
        weights.append(tuple(best.values.double().softmax(dim=0).tolist()))
    labels = tuple(label for label, _ in cloze.label_words)
    return Verbaliser(labels=labels, ids=tuple(ids), weights=tuple(weights))


_FACTS, _VECTORS = "prompt.json", "prompt.safetensors"
_NAME = "vectors"


@dataclass(frozen=True, kw_only=True)
class FrozenModel:
    """Where a frozen language model is.

    Args:
        encoder: its folder, tokenizer included.
        head: the folder whose language-model head it has: its own, or that of the checkpoint
            which the encoder was trained from.
    """

    encoder: Path
    head: Path

    @property
    def checksum(self) -> str:
        """What decides its outputs: the content of all weights."""
        folders = dict.fromkeys((self.encoder, self.head))
        return "+".join(
            content_checksum(folder, folder.glob("*.safetensors")) for folder in folders
        )

    @property
    def num_words(self) -> int:
        """Size of its vocabulary."""
        return int(read_config(self.encoder)["vocab_size"])

    def load(self) -> Model:
        """Return the model in fp32; the log says if its head is a fresh one.

        Raises:
            ModelError: if it cannot be read, or has no such head.
        """
        encoder = checkpoint.load(TaskType.RETRIEVAL, self.encoder)
        return with_lm_head(encoder, self.head, seed=0)


@dataclass(frozen=True, kw_only=True)
class PromptFacts:
    """What is kept of a prompt besides its vectors.

    `checksum` is of the weights that it belongs to.
    """

    cloze: Cloze
    settings: PromptSettings
    verbaliser: Verbaliser
    checksum: str


def save_prompt(folder: Path, prompt: SoftPrompt, facts: PromptFacts) -> None:
    """Write a prompt, all of it or nothing; its layers are merged into its vectors."""
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file({_NAME: prompt.merged().vectors_MD.detach().cpu().contiguous()}, aside / _VECTORS)
    text = json.dumps(asdict(facts), indent=1, ensure_ascii=False)
    (aside / _FACTS).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def load_facts(folder: Path) -> PromptFacts:
    """Return what is kept of a prompt besides its vectors."""
    return TypeAdapter(PromptFacts).validate_json((folder / _FACTS).read_bytes())


def load_prompted(folder: Path, frozen: FrozenModel) -> PromptedModel:
    """Return a frozen model with a prompt in it.

    Args:
        folder: the prompt's.
        frozen: the model that it was trained with.

    Raises:
        ModelError: if the model is another one, or cannot be read.
    """
    facts = load_facts(folder)
    if facts.checksum != frozen.checksum:
        raise ModelError(
            f"{folder} is a prompt for other weights than those in {frozen.encoder}: "
            f"{facts.checksum} was needed, {frozen.checksum} was found. Put the model back that it "
            "was trained with, or train it anew."
        )
    mask_id = load_text_encoder(frozen.encoder).mask_id
    prompt = SoftPrompt(load_file(folder / _VECTORS)[_NAME])
    return PromptedModel(frozen.load(), facts.verbaliser, prompt, mask_id).eval()
