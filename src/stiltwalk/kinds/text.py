"""One text in, one label out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stiltwalk.features.rows import Features
from stiltwalk.features.sentences import text_features
from stiltwalk.features.text import TextEncoder
from stiltwalk.kinds.pair import PairKind


class TextKind(PairKind):
    """Single texts; head, loss and decoding are those of a pair."""

    def features(
        self,
        examples: Sequence[Any],
        encoder: TextEncoder,
        labels: Sequence[str],
        max_length_tokens: int,
    ) -> Features:
        """Return one row per text."""
        label_ids = {label: number for number, label in enumerate(labels)}
        return text_features(examples, encoder, label_ids, max_length_tokens)
