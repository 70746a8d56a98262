"""Topic classification: one text, one of several topics."""

from __future__ import annotations

from stiltwalk.data.hub import HubFiles
from stiltwalk.data.readers import topics
from stiltwalk.data.sib200_languages import CONFIGURATIONS, sib200_configuration
from stiltwalk.records import Kind, Metric
from stiltwalk.tasks.task import Task

TOPIC_LABELS = (
    "science/technology",
    "travel",
    "politics",
    "sports",
    "health",
    "entertainment",
    "geography",
)

SIB200 = Task(
    name="sib200",
    kind=Kind.TEXT,
    languages=tuple(CONFIGURATIONS),
    metric=Metric.ACCURACY,
    labels=TOPIC_LABELS,
    paper="https://aclanthology.org/2024.eacl-long.14",
    licence="CC BY-SA 4.0",
    hub=(
        HubFiles(
            repository="Davlan/sib200",
            config="{code}",
            train="train",
            dev="validation",
            test="test",
            read=topics(("text", "category"), TOPIC_LABELS),
            code_of=sib200_configuration,
        ),
    ),
)
