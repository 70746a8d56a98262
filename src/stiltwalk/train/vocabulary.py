"""The miniature's tokenizer: sub-words that never cross a digit or a punctuation mark."""

from __future__ import annotations

from random import Random

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

from stiltwalk.data.mini.pretraining import MASK, plain_lines

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
