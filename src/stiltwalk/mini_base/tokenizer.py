"""The miniature's tokenizer, and word vectors that are aligned before any training.

Word vectors that are aligned across languages before any training, by counting.

Shape letters: V vocabulary, S sentences, D vector width, K width of the random projection.
"""

from __future__ import annotations

from random import Random

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from stiltwalk.mini import fields
from stiltwalk.mini_base.texts import MASK, plain_lines, translations

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", MASK)
"""In the order of their ids, which are XLM-R's but for the mask's."""
START, PAD, END, UNKNOWN, MASKED = range(len(SPECIAL))


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
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIAL[UNKNOWN]))
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
    mask = AddedToken(MASK, lstrip=True, rstrip=True, special=True)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[*SPECIAL[:MASKED], mask], show_progress=False
    )
    lines = plain_lines(Random(f"vocabulary:{seed}"), lines_per_language)  # noqa: S311 - no secret
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", START), ("</s>", END)],
    )
    return tokenizer


_OVERSAMPLING = 16
_POWER_ITERATIONS = 3

Matrix = NDArray[np.float32]


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
        lines = list(translations(fields.a_sentence(random, (1, 2, 3))))
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
