"""One file per shape of task: which features, which loss, which decoding, together."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from stiltwalk.records import TaskType

if TYPE_CHECKING:
    from stiltwalk.heads.head import Head

HEADS = {
    TaskType.TEXT: "stiltwalk.heads.classification:TextHead",
    TaskType.PAIR: "stiltwalk.heads.classification:PairHead",
    TaskType.CHOICE: "stiltwalk.heads.classification:ChoiceHead",
    TaskType.TAGGING: "stiltwalk.heads.tagging:TaggingHead",
    TaskType.SPAN: "stiltwalk.heads.span:SpanHead",
    TaskType.RANKING: "stiltwalk.heads.ranking:RankingHead",
}
"""Where the head of a task type is, loaded when it is asked for; retrieval has none."""


def head_of(kind: TaskType) -> Head:
    """Return what a task type does at each step."""
    head: Head = resolve_name(HEADS[kind])()
    return head
