"""The quality of two compared models as rows, so that what a run's page shows serves them too."""

from __future__ import annotations

from stiltwalk.data.source import MINI
from stiltwalk.measure.speed import Speed
from stiltwalk.records import ScoreRow, Split
from stiltwalk.report.rows import ArmScore, RunRows


def rows_of_pair(speed: Speed) -> RunRows:
    """Return the rows of two models, A's first, as those of two arms; without a reference arm."""
    a, b = speed.a, speed.b if speed.b != speed.a else f"{speed.b} again"
    return RunRows(
        title=f"{b} against {a}",
        recipe="",
        miniature=speed.data == MINI,
        limited="",
        arms=(a, b),
        targets=tuple(dict.fromkeys(each.task for each in speed.quality)),
        rows=tuple(
            ArmScore(
                arm=arm,
                row=ScoreRow(
                    stage="",
                    intermediate=(),
                    task=each.task,
                    language=each.language,
                    split=Split.TEST,
                    metric=each.metric,
                    value=value,
                    seed=0,
                    num_examples=0,
                ),
            )
            for each in speed.quality
            for arm, value in ((a, each.a), (b, each.b))
        ),
        timings=(),
        baselines=(),
        stages=(),
        provenance=speed.made_by,
        languages=tuple(sorted({each.language for each in speed.quality})),
        comparisons=(speed,),
    )
