"""The words that stand for a cloze's classes, as a checkpoint's tokenizer spells them."""

from __future__ import annotations

import numpy as np

from stiltwalk.errors import DataError
from stiltwalk.features.text import Ids, TextEncoder
from stiltwalk.tasks.clozes import Cloze


def label_ids(cloze: Cloze, encoder: TextEncoder) -> list[list[Ids]]:
    """Return per class the ids of each of its words.

    Raises:
        DataError: if the vocabulary spells one of them with no token, or with unknown ones alone.
    """
    silent = [encoder.unknown_id, *encoder.ids(["\N{LOWER ONE EIGHTH BLOCK}"])[0]]
    found = []
    for label, words in cloze.label_words:
        spelled = encoder.ids(words)
        for word, ids in zip(words, spelled, strict=True):
            if np.isin(ids, silent).all():  # the sign for a word's start says nothing; nor do none
                raise DataError(
                    f"The word {word!r} for the class {label!r} has no token in the model's "
                    "vocabulary. Name the class by another one, in the recipe's own `clozes`."
                )
        found.append(spelled)
    return found
