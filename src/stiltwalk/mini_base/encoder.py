"""Make the miniature's encoder from nothing, on one CPU core in minutes.

Its words are aligned across languages before any training, by counting, and stay as they are:
whoever fine-tunes it should leave them frozen too, or rare languages drift away from English.

Shape letters: V vocabulary, S sentences, D width, K width of the random projection, P positions.
"""

from __future__ import annotations

import json
import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import sparse
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tokenizers.models import BPE
from torch import Tensor, nn
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from stiltwalk import mini
from stiltwalk.errors import TrainingDiverged
from stiltwalk.mini.fields import a_sentence
from stiltwalk.mini_base import exercises as ex
from stiltwalk.mini_base.exercises import END, MASKED, PAD, SPECIAL, START, UNKNOWN

_LOG = logging.getLogger(__name__)
_LOG_EVERY = 200
_FINAL_RATE = 0.02
_OVERSAMPLING = 16
_POWER_ITERATIONS = 3
_VECTOR_SCALE = 0.1
_POSITION_SCALE = 0.05
_POSITION_BASE = 200.0
_SELF_LOGIT = 6.0
_SPREAD = 0.06

Matrix = NDArray[np.float32]
WEIGHTS = "model.safetensors"
Progress = Callable[[int, int], None]
"""Told (steps done, all steps)."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """How a model is pretrained; time plays no part in any of it.

    Args:
        steps: optimiser steps.
        batch_size: texts, or pairs of texts, per step.
        learning_rate: peak, reached after the warm-up, then linear decay to a fiftieth.
        warmup_steps: steps of linear increase.
        weight_decay: on matrices only.
        max_gradient_norm: clipped to this once per step.
        max_tokens: longest input, special tokens included.
    """

    steps: int
    batch_size: int = 48
    learning_rate: float
    warmup_steps: int = 100
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    max_tokens: int = 256


@dataclass(frozen=True, kw_only=True)
class EncoderSettings(Pretraining):
    """Size, vocabulary and training of the encoder.

    Args:
        span_share: steps that find a masked field of a record in another text.
        replaced_share: steps that tell which fields of a translation have been exchanged.
        parallel_share: steps that match translations by the vectors retrieval reads.
        masked_share: steps of masked-language modelling on a text and its translation.
        temperature: of the softmax over candidates in those that match translations.
        layers: blocks.
        width: of hidden states and word vectors.
        heads: of attention, per block.
        vocabulary_size: sub-words, special ones included.
        vocabulary_lines: lines per language that the vocabulary is learned from.
        vector_sentences: parallel sentences that word vectors are counted over.
    """

    steps: int = 6000
    learning_rate: float = 1.5e-3
    span_share: float = 0.5
    replaced_share: float = 0.38
    parallel_share: float = 0.07
    masked_share: float = 0.05
    temperature: float = 0.07
    layers: int = 3
    width: int = 128
    heads: int = 4
    vocabulary_size: int = 12_000
    vocabulary_lines: int = 600
    vector_sentences: int = 4000


def make_encoder(settings: EncoderSettings, seed: int, folder: Path, progress: Progress) -> None:
    """Write a folder that stock `AutoModel.from_pretrained` and `AutoTokenizer` read.

    Bit-equal for equal settings, seed, versions and number of torch threads. The weights are of
    half width; the configuration says float32, so that `from_pretrained` widens them again.

    Args:
        settings: everything but chance.
        seed: decides vocabulary, vectors, initial weights and the order of exercises.
        folder: made if missing.
        progress: see `Progress`.

    Raises:
        TrainingDiverged: if the loss is no longer finite.
    """
    tokenizer = build_tokenizer(settings.vocabulary_size, settings.vocabulary_lines, seed)
    vectors_VD, seen_V = aligned_vectors(tokenizer, settings.width, settings.vector_sentences, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trainee = ex.Trainee(_new_model(settings, tokenizer.get_vocab_size(), vectors_VD, seen_V))
        _train(trainee, settings, tokenizer, seed, progress)
    trainee.masked_lm.save_pretrained(folder)
    _halve(folder / WEIGHTS)
    _write_tokenizer(tokenizer, settings.max_tokens, folder)
    note = "Word embeddings come from counting: keep them frozen when fine-tuning."
    write_provenance(folder, settings, seed, note)


def build_tokenizer(size: int, lines_per_language: int, seed: int) -> Tokenizer:
    """Return a tokenizer that writes pairs as `<s> A </s></s> B </s>`.

    Digits and punctuation are split off before spaces become marks. So a name has the same
    sub-words in running text as alone, also in languages without spaces, where this takes a name
    from 3.4 sub-words to 1.2 (Japanese).

    Args:
        size: of the vocabulary, special tokens included.
        lines_per_language: lines to learn from.
        seed: decides the lines.
    """
    tokenizer = Tokenizer(BPE(unk_token=SPECIAL[UNKNOWN]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+(?=[\d\p{P}])"), "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r"\d+|\p{P}"), "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="always"),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    mask = AddedToken(SPECIAL[MASKED], lstrip=True, rstrip=True, special=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[*SPECIAL[:MASKED], mask], show_progress=False
    )
    lines = ex.plain_lines(Random(f"vocabulary:{seed}"), lines_per_language)  # noqa: S311 - no secret
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", START), ("</s>", END)],
    )
    return tokenizer


def aligned_vectors(
    tokenizer: Tokenizer, width: int, sentences: int, seed: int
) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return a unit vector per sub-word, and which sub-words were seen at all.

    Two sub-words are alike if they occur in the same parallel sentences, whatever the language.

    Args:
        tokenizer: decides the sub-words.
        width: of the vectors.
        sentences: how many, each in every language.
        seed: decides the sentences and the projection.

    Returns:
        Vectors of shape (V, D) and a mask of shape (V,); an unseen sub-word has a zero vector.

    Source:
        Levy, Søgaard and Goldberg (2017), arXiv 1608.05426: positive PMI of word and sentence id,
        then a truncated singular value decomposition (here randomised).
    """
    counts_VS = _occurrences(tokenizer, sentences, Random(f"vectors:{seed}"))  # noqa: S311
    seen_V = np.asarray(counts_VS.sum(axis=1)).ravel() > 0
    left_VD, strength_D = _decomposed(_positive_pmi(counts_VS), width, seed)
    vector_VD = left_VD * np.sqrt(strength_D)
    length_V1 = np.linalg.norm(vector_VD, axis=1, keepdims=True)
    unit_VD: Matrix = (vector_VD / np.maximum(length_V1, 1e-12)).astype(np.float32)
    return unit_VD, seen_V


def _occurrences(tokenizer: Tokenizer, sentences: int, random: Random) -> sparse.csr_array:
    """Return 1 where a sub-word occurs in a sentence in some language, shape (V, S)."""
    rows: list[int] = []
    columns: list[int] = []
    for column in range(sentences):
        lines = list(ex.translations(a_sentence(random, (1, 2, 3))))
        found = tokenizer.encode_batch(lines, add_special_tokens=False)
        tokens = sorted({token for encoding in found for token in encoding.ids})
        rows += tokens
        columns += [column] * len(tokens)
    ones = np.ones(len(rows), dtype=np.float32)
    shape = (tokenizer.get_vocab_size(), sentences)
    return sparse.csr_array((ones, (np.array(rows), np.array(columns))), shape=shape)


def _positive_pmi(counts_VS: sparse.csr_array) -> sparse.csr_array:
    """Return max(0, log of how much more often than by chance) where there is a count."""
    cells = counts_VS.tocoo()
    per_word_V = np.asarray(counts_VS.sum(axis=1)).ravel()
    per_sentence_S = np.asarray(counts_VS.sum(axis=0)).ravel()
    row, column = cells.coords
    expected = per_word_V[row] * per_sentence_S[column] / counts_VS.sum()
    value = np.maximum(np.log(cells.data / expected), 0).astype(np.float32)
    return sparse.csr_array((value, (row, column)), shape=counts_VS.shape)


def _decomposed(matrix_VS: sparse.csr_array, width: int, seed: int) -> tuple[Matrix, Matrix]:
    """Return the leading left singular vectors (V, D) and singular values (D,)."""
    generator = np.random.default_rng(seed)
    shape = (matrix_VS.shape[1], min(width + _OVERSAMPLING, *matrix_VS.shape))
    basis_SK = generator.standard_normal(shape, dtype=np.float32)
    for _ in range(_POWER_ITERATIONS):
        range_VK, _ = np.linalg.qr(matrix_VS @ basis_SK)
        basis_SK, _ = np.linalg.qr(matrix_VS.T @ range_VK)
    left_VK, strength_K, _ = np.linalg.svd(matrix_VS @ basis_SK, full_matrices=False)
    return left_VK[:, :width], strength_K[:width]


class Exercise(NamedTuple):
    """How often an exercise comes, an endless stream of its batches, and its loss."""

    share: float
    batches: Iterator[list[ex.Row]]
    loss: Callable[[ex.Trainee, list[ex.Row]], Tensor]


def _exercises(
    settings: EncoderSettings, tokenizer: Tokenizer, random: Random, progress: Callable[[], float]
) -> dict[str, Exercise]:
    """Return the exercises by name.

    Args:
        settings: shares, batch size, longest input.
        tokenizer: decides the tokens.
        random: the one source of chance, in the order in which batches are asked for.
        progress: share of pretraining that is done, in [0, 1].
    """

    def stream(
        draw: Callable[[], Any], encode: Callable[..., list[ex.Row]]
    ) -> Iterator[list[ex.Row]]:
        return ex.batches(
            settings.batch_size,
            settings.max_tokens,
            random,
            lambda count: encode(tokenizer, [draw() for _ in range(count)]),
        )

    spans = stream(lambda: ex.span_text(random, progress()), ex.span_rows)
    replaced = stream(lambda: ex.replaced_text(random, progress()), ex.replaced_rows)
    parallel = stream(lambda: ex.parallel_text(random), ex.parallel_rows)
    masked = stream(lambda: ex.parallel_text(random), ex.joined_rows)
    aligned = partial(ex.parallel_loss, temperature=settings.temperature)
    return {
        "span": Exercise(settings.span_share, spans, ex.span_loss),
        "replaced": Exercise(settings.replaced_share, replaced, ex.replaced_loss),
        "parallel": Exercise(settings.parallel_share, parallel, aligned),
        "masked": Exercise(settings.masked_share, masked, ex.masked_loss),
    }


def _train(
    trainee: ex.Trainee,
    settings: EncoderSettings,
    tokenizer: Tokenizer,
    seed: int,
    progress: Progress,
) -> None:
    random = Random(f"pretraining:{seed}")  # noqa: S311 - no secret
    done = 0.0
    drills = _exercises(settings, tokenizer, random, lambda: done)
    shares = [drill.share for drill in drills.values()]
    losses: dict[str, list[float]] = defaultdict(list)

    def loss_at(step: int) -> Tensor:
        nonlocal done
        done = step / settings.steps
        (name,) = random.choices(list(drills), shares)
        loss = drills[name].loss(trainee, next(drills[name].batches))
        losses[name].append(float(loss.detach()))
        if (step + 1) % _LOG_EVERY == 0:
            recent = {each: np.mean(losses[each][-_LOG_EVERY // 4 :]) for each in sorted(losses)}
            shown = ", ".join(f"{each} {value:.3f}" for each, value in recent.items())
            _LOG.info("step %d: %s", step + 1, shown)
        return loss

    descend(trainee.train(), settings, loss_at, progress)


def descend(
    model: nn.Module, settings: Pretraining, loss_at: Callable[[int], Tensor], progress: Progress
) -> None:
    """Train what is not frozen of a model: the rate rises linearly, then falls.

    Args:
        model: in training mode.
        settings: steps, rate, decay.
        loss_at: returns the loss of a step, counted from 0.
        progress: see `Progress`.

    Raises:
        TrainingDiverged: if a loss is not finite.
    """
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in learnt if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in learnt if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), fused=True)
    for step in range(settings.steps):
        rising, left = (step + 1) / settings.warmup_steps, 1 - step / settings.steps
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * min(rising, max(_FINAL_RATE, left))
        loss = loss_at(step)
        if not torch.isfinite(loss):
            raise TrainingDiverged(
                f"The loss of pretraining is {loss.item()} at step {step + 1}: lower its "
                "learning_rate."
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learnt, settings.max_gradient_norm)
        optimizer.step()
        progress(step + 1, settings.steps)


def _new_model(
    settings: EncoderSettings,
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


def _write_tokenizer(tokenizer: Tokenizer, max_tokens: int, folder: Path) -> None:
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
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": max_tokens}
    _write_json(folder / "tokenizer_config.json", about | names)


def _halve(file: Path) -> None:
    weights = {name: weight.to(torch.float16) for name, weight in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)


def write_provenance(folder: Path, settings: Pretraining, seed: int, note: str) -> None:
    """Write beside a model how it was made, and the checksum of its weights."""
    made = {
        "settings": asdict(settings),
        "seed": seed,
        "data": mini.revision(),
        "torch": torch.__version__,
        "num_threads": torch.get_num_threads(),
        "note": note,
        WEIGHTS: f"sha256:{sha256((folder / WEIGHTS).read_bytes()).hexdigest()}",
    }
    _write_json(folder / "provenance.json", made)


def _write_json(path: Path, value: dict[str, object]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
