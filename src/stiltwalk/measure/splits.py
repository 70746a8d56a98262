"""Where a change of written answers' time comes from: the record's part of it, without torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, sqrt
from statistics import fmean, stdev

from scipy.special import stdtrit

from stiltwalk.measure.verdicts import ALPHA
from stiltwalk.metrics.shapley import RequestTime, split_of_change

_NUM_PARTS = 3
_CLEAR = 0.01
"""A part that may be smaller is not put in words."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part multiplies the time by, mean over requests.

    Its interval is two-sided, since it says which way a part goes: 95 %, corrected for three parts.
    """

    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Split:
    """The change of one task's request time between two models, in one language.

    Args:
        task: what was asked.
        language: empty for all of the task's.
        num_requests: that both answered.
        a: A's mean seconds to the first token, tokens after it, seconds for each of these.
        b: B's.
        input_tokens: of a request, mean.
        whole: the ratio of B's time to A's; the product of the three below.
        prefill: what the time to the first token does to it.
        tokens: what the number of tokens does to it.
        token_time: what the time per token does to it.
    """

    task: str
    language: str
    num_requests: int
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    input_tokens: float
    whole: Part
    prefill: Part
    tokens: Part
    token_time: Part

    @property
    def says(self) -> str:
        """What made B faster or slower, in words."""
        parts = (
            (self.prefill, "its prompt is read faster", "its prompt is read slower"),
            (self.tokens, "it says less", "it says more"),
            (self.token_time, "each token is faster", "each token is slower"),
        )
        down = [less for part, less, _ in parts if part.high < 1 - _CLEAR]
        up = [more for part, _, more in parts if part.low > 1 + _CLEAR]
        faster = [f"faster because {' and '.join(down)}"] if down else []
        slower = [f"slower because {' and '.join(up)}"] if up else []
        return "; ".join([*faster, *slower]) or "no part differs clearly"


def split_of(
    task: str, language: str, asked: Sequence[tuple[RequestTime, RequestTime]], input_tokens: float
) -> Split:
    """Return the split of paired requests, two at least.

    Args:
        task: what was asked.
        language: of the requests, empty for several.
        asked: what A and B took for each.
        input_tokens: of a request, mean.
    """
    parts = [split_of_change(a, b) for a, b in asked]
    a, b = (_means([pair[model] for pair in asked]) for model in (0, 1))
    return Split(
        task=task,
        language=language,
        num_requests=len(asked),
        a=a,
        b=b,
        input_tokens=input_tokens,
        whole=_part([sum(each) for each in parts]),
        prefill=_part([each.prefill_s for each in parts]),
        tokens=_part([each.num_tokens for each in parts]),
        token_time=_part([each.token_s for each in parts]),
    )


def told(splits: Sequence[Split], b: str) -> Iterator[str]:
    """Yield what made B faster or slower, a sentence per task; languages stand in the table."""
    for split in splits:
        if not split.language:
            whole = split.whole
            yield (
                f"{split.task}, written answers: time ratio {whole.ratio:.3f} ({whole.low:.3f} to "
                f"{whole.high:.3f}); {b}: {split.says}."
            )


def _means(times: Sequence[RequestTime]) -> tuple[float, float, float]:
    """Return the means; the time per token over all tokens, not over requests."""
    tokens = fmean(each.num_tokens for each in times)
    written_s = fmean(each.num_tokens * each.token_s for each in times)
    token_s = written_s / tokens if tokens else fmean(each.token_s for each in times)
    return fmean(each.prefill_s for each in times), tokens, token_s


def _part(logs: Sequence[float]) -> Part:
    mean, error = fmean(logs), stdev(logs) / sqrt(len(logs))
    half = float(stdtrit(len(logs) - 1, 1 - ALPHA / (2 * _NUM_PARTS))) * error
    return Part(ratio=exp(mean), low=exp(mean - half), high=exp(mean + half))
