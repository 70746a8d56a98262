"""One file per shape of task: which features, which loss, which decoding, together."""

from typing import assert_never

from stiltwalk.heads.choice import ChoiceHead
from stiltwalk.heads.classification import PairHead, TextHead
from stiltwalk.heads.head import Head
from stiltwalk.heads.span import SpanHead
from stiltwalk.heads.tagging import TaggingHead
from stiltwalk.records import TaskType


def head_of(kind: TaskType) -> Head:
    """Return what a kind of task does at each step; retrieval has no head and no loss."""
    match kind:
        case TaskType.TEXT:
            return TextHead()
        case TaskType.PAIR:
            return PairHead()
        case TaskType.CHOICE:
            return ChoiceHead()
        case TaskType.TAGGING:
            return TaggingHead()
        case TaskType.SPAN:
            return SpanHead()
        case TaskType.RETRIEVAL:
            raise AssertionError("retrieval embeds sentences: see stiltwalk.inference.embed")
        case _:
            assert_never(kind)
