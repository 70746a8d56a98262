"""From words at a mask to classes: every class is read off the words nearest to its name.

Shape letters: V vocabulary, D width, C classes, K words of a class.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stiltwalk.features.label_words import label_ids
from stiltwalk.features.text import TextEncoder
from stiltwalk.tasks.clozes import Cloze


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
