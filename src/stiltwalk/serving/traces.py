"""What served requests took: figures from the times of their chunks. Pure functions.

The definitions differ between tools; these are vLLM bench's time to first token (the first chunk
with `choices`, even an empty one) and time per output token (without the first), AIPerf's
throughput (from the first request to the last response), and latency from the planned start, so
that a request which had to wait for its turn counts its waiting (guidellm's
`request_scheduled_latency`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trace:
    """One request; times in seconds of one clock.

    Args:
        planned_s: when it was to be sent.
        sent_s: when it was.
        chunks_s: when each chunk with `choices` was there; none of a request that failed.
        input_tokens: of the prompt.
        output_tokens: that were written.
        language: of the request.
        fault: why it failed, a sentence; empty if it did not.
    """

    planned_s: float
    sent_s: float
    chunks_s: tuple[float, ...]
    input_tokens: int = 0
    output_tokens: int = 0
    language: str = ""
    fault: str = ""

    @property
    def latency_s(self) -> float:
        """From the planned start to the last chunk."""
        return self.chunks_s[-1] - self.planned_s

    @property
    def waiting_s(self) -> float:
        """From the planned start until it was sent."""
        return self.sent_s - self.planned_s

    @property
    def first_token_s(self) -> float:
        """From the planned start to the first chunk."""
        return self.chunks_s[0] - self.planned_s

    @property
    def token_s(self) -> float | None:
        """Per token behind the first; None where there is none."""
        if self.output_tokens <= 1:
            return None
        return (self.latency_s - self.first_token_s) / (self.output_tokens - 1)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What service is good: bounds of a request, and the share of requests that must keep them."""

    ttft_ms: float = 500.0
    tpot_ms: float = 50.0
    share: float = 0.99

    def is_kept(self, trace: Trace) -> bool:
        """Tell whether a request was good; a failed one is not, one of a token has no tpot."""
        if trace.fault or trace.first_token_s * 1e3 > self.ttft_ms:
            return False
        return trace.token_s is None or trace.token_s * 1e3 <= self.tpot_ms


@dataclass(frozen=True, kw_only=True)
class ServedLoad:
    """What a server did under one load.

    Args:
        first_token_s: time to first token by percentile, "p50" and so on; so the next three.
        token_s: time per output token, without the first.
        gap_s: between neighbouring chunks, of all requests together.
        latency_s: of a request.
        requests_per_s: that were answered; in the time from the first sent to the last answered.
        tokens_per_s: that were written, likewise.
        tokens_per_s_stream: written by a request in its own time, mean.
        good_per_s: requests that kept the objective.
        good_share: of all that were asked.
        failed: how many were not answered.
        delay_s: how late the worst request was sent.
    """

    first_token_s: Mapping[str, float]
    token_s: Mapping[str, float]
    gap_s: Mapping[str, float]
    latency_s: Mapping[str, float]
    requests_per_s: float
    tokens_per_s: float
    tokens_per_s_stream: float
    good_per_s: float
    good_share: float
    failed: int
    delay_s: float


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return some percentiles of values, linearly between neighbours; nothing of none."""
    if not values:
        return {}
    found = np.percentile(np.asarray(values), PERCENTILES)
    return {f"p{each}": float(value) for each, value in zip(PERCENTILES, found, strict=True)}


def load_of(traces: Sequence[Trace], objective: Objective) -> ServedLoad:
    """Return what all requests of one load say together; one at least."""
    done = [each for each in traces if not each.fault]
    ended_s = max((each.chunks_s[-1] for each in done), default=0.0)
    took_s = max(ended_s - min(each.sent_s for each in traces), 0.0)
    good = sum(map(objective.is_kept, traces))
    written = sum(each.output_tokens for each in done)
    alone = [
        each.output_tokens / (each.chunks_s[-1] - each.sent_s)
        for each in done
        if each.output_tokens and each.chunks_s[-1] > each.sent_s
    ]
    pairs = [
        after - before
        for each in done
        for before, after in zip(each.chunks_s, each.chunks_s[1:], strict=False)
    ]
    return ServedLoad(
        first_token_s=percentiles([each.first_token_s for each in done]),
        token_s=percentiles([each.token_s for each in done if each.token_s is not None]),
        gap_s=percentiles(pairs),
        latency_s=percentiles([each.latency_s for each in done]),
        requests_per_s=len(done) / took_s if took_s else 0.0,
        tokens_per_s=written / took_s if took_s else 0.0,
        tokens_per_s_stream=fmean(alone) if alone else 0.0,
        good_per_s=good / took_s if took_s else 0.0,
        good_share=good / len(traces),
        failed=len(traces) - len(done),
        delay_s=max(each.waiting_s for each in traces),
    )


def capacity(shares: Mapping[float, float], objective: Objective) -> float | None:
    """Return the highest rate up to which all keep the objective; None where the lowest does not.

    Args:
        shares: by rate of arrivals, the share of good requests.
        objective: see there.
    """
    kept = None
    for rate in sorted(shares):
        if shares[rate] < objective.share:
            break
        kept = rate
    return kept
