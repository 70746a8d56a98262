"""One file per shape of task: which features, which loss, which decoding, together."""

from typing import assert_never

from stiltwalk.kinds.choice import ChoiceKind
from stiltwalk.kinds.kind import Batch, KindOfTask, Learnable
from stiltwalk.kinds.pair import PairKind
from stiltwalk.kinds.span import SpanKind
from stiltwalk.kinds.tagging import TaggingKind
from stiltwalk.kinds.text import TextKind
from stiltwalk.records import Kind

__all__ = ["Batch", "KindOfTask", "Learnable", "of_kind"]


def of_kind(kind: Kind) -> KindOfTask:
    """Return what a kind of task does at each step; retrieval has no head and no loss."""
    match kind:
        case Kind.TEXT:
            return TextKind()
        case Kind.PAIR:
            return PairKind()
        case Kind.CHOICE:
            return ChoiceKind()
        case Kind.TAGGING:
            return TaggingKind()
        case Kind.SPAN:
            return SpanKind()
        case Kind.RETRIEVAL:
            raise AssertionError("retrieval embeds sentences: see stiltwalk.infer.embed")
        case _:
            assert_never(kind)
