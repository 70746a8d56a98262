"""Published figures, shown beside a run's own where it starts from the same model. Percent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_XLMR_LARGE = ("FacebookAI/xlm-roberta-large", "xlm-roberta-large")


@dataclass(frozen=True, kw_only=True)
class Published:
    """A system's published scores: (exact match, F1) for questions, else one figure."""

    system: str
    source: str
    scores: Mapping[str, tuple[float, ...]]
    average: float

    def score(self, task: str) -> float | None:
        """Return one target's figure as a fraction; for questions the mean of the two."""
        figures = self.scores.get(task)
        return sum(figures) / len(figures) / 100 if figures else None


PUBLISHED = (
    Published(
        system="XLM-R Large",
        source="Hu et al. (2020); the average is quoted, the row's own mean is 68.25",
        scores={
            "xnli": (79.2,),
            "pawsx": (86.4,),
            "udpos": (73.8,),
            "panx": (65.4,),
            "xquad": (60.8, 76.6),
            "mlqa": (53.2, 71.6),
            "tydiqa": (45.0, 65.1),
            "bucc2018": (66.0,),
            "tatoeba": (57.3,),
        },
        average=68.1,
    ),
    Published(
        system="X-STILTs",
        source="XTREME's leaderboard; no figure for retrieval was published",
        scores={
            "xnli": (80.0,),
            "pawsx": (87.9,),
            "udpos": (74.9,),
            "panx": (64.0,),
            "xquad": (63.3, 78.7),
            "mlqa": (53.7, 72.4),
            "tydiqa": (59.5, 76.0),
        },
        average=73.5,
    ),
)


def published_for(model: str) -> tuple[Published, ...]:
    """Return the published systems that start from a base model."""
    return PUBLISHED if is_xlmr_large(model) else ()


def is_xlmr_large(model: str) -> bool:
    """Whether a base model is XLM-R Large, by its hub id: a folder can have any name.

    Args:
        model: as a recipe names it: a hub id, a folder, the miniature's, "" where it made its own.
    """
    return model in _XLMR_LARGE
