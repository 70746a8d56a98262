"""MLPerf's load generator asks one system: absolute figures alongside the paired verdicts.

Nothing here compares: two runs of a load generator lie minutes apart, and the machine is another
one by then. "MLPerf-style", since submissions follow more rules than these scenarios.

Source: the scenarios and the query counts behind each percentile are those of MLPerf inference; so
are the early-stopping estimates, which LoadGen makes and which a scenario reports. A raw percentile
of a few queries lies as often below the true one as above.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any

import mlperf_loadgen

from stiltwalk.draws import Draws
from stiltwalk.inference.predictor import System
from stiltwalk.timing.record import LoadGenRun
from stiltwalk.timing.workload import Request

SERVER = "Server"
SERVER_PERCENTILE = 0.99
SERVER_BOUND = 10
"""Times A's median latency when it is asked one request at a time: Server's bound for both."""
LEAST_QUERIES = {"p50": 1, "p90": 64, "p95": 130, "p99": 662}
"""How many queries a percentile needs at 99 % confidence."""

_ESTIMATE = re.compile(r"Early stopping (\d+)(?:\.0)?th percentile estimate: (\d+)")
_KEPT = ("Performance constraints satisfied", "Early stopping satisfied")
_SEEDS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
_NS = 1e9
_RATES = ("Samples per second", "Completed samples per second", "QPS w/ loadgen overhead")


@dataclass(frozen=True, kw_only=True)
class Load:
    """How LoadGen asks.

    Args:
        scenario: SingleStream, MultiStream, Offline or Server.
        num_queries: at least so many; of Offline requests, all at once.
        least_s: and for at least so long.
        requests_per_query: of MultiStream.
        rate_per_s: Server's mean arrivals, which are Poisson.
        bound_s: Server's limit of the 99th percentile of latency.
        seed: of the requests' order and of the arrivals.
    """

    scenario: str
    num_queries: int
    least_s: float = 0.0
    requests_per_query: int = 1
    rate_per_s: float = 1.0
    bound_s: float = 1.0
    seed: int = 1


def run_load(system: System, requests: Sequence[Request], load: Load) -> LoadGenRun:
    """Let LoadGen ask a system, and return what its summary says."""
    rows = [each.row for each in requests]
    with TemporaryDirectory() as folder, _Answering(system, rows, load.scenario) as answering:
        sut = mlperf_loadgen.ConstructSUT(answering.issue, lambda: None)
        count, ignore = len(rows), lambda _: None
        library = mlperf_loadgen.ConstructQSL(count, count, ignore, ignore)
        try:
            mlperf_loadgen.StartTestWithLogSettings(
                sut, library, _settings(load), _log_settings(folder), f"{folder}/no_audit"
            )
        finally:
            mlperf_loadgen.DestroyQSL(library)
            mlperf_loadgen.DestroySUT(sut)
        text = Path(folder, "mlperf_log_summary.txt").read_text(encoding="utf-8")
    return parsed(text, load, answering.num_queries)


def highest_rate(system: System, requests: Sequence[Request], load: Load) -> LoadGenRun:
    """Return a Server run of full length at the highest rate that kept the bound in short ones.

    Args:
        system: what is asked.
        requests: what it is asked.
        load: Server's, its rate apart.
    """

    def keeps(rate_per_s: float) -> bool:
        short = replace(load, rate_per_s=rate_per_s, least_s=0.0)
        return run_load(system, requests, short).kept_bound

    rate_per_s = highest(keeps, 1 / load.bound_s)
    return run_load(system, requests, replace(load, rate_per_s=rate_per_s))


def highest(keeps: Callable[[float], bool], first: float) -> float:
    """Return the largest value that is kept, to a tenth; one thousandth of the first at least.

    Args:
        keeps: whether a value is kept; smaller ones are where a larger one is.
        first: where the search begins.
    """
    low, high, value = 0.0, inf, first
    while high > 1.1 * low and value > first / 1000:
        if keeps(value):
            low = value
        else:
            high = value
        value = 2 * low if high == inf else (low + high) / 2
    return low or value


class _Answering:
    """Answers what LoadGen issues: at once, but for Server, where arrivals must not wait for it.

    Server's worker answers all requests that have arrived meanwhile together.
    """

    def __init__(self, system: System, rows: Sequence[Any], scenario: str) -> None:
        self._system, self._rows = system, rows
        self._waiting: SimpleQueue[list[Any] | None] | None = None
        if scenario == SERVER:
            self._waiting = SimpleQueue()
        self.num_queries = 0

    def __enter__(self) -> _Answering:
        if self._waiting is not None:
            self._worker = threading.Thread(target=self._work, args=(self._waiting,))
            self._worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._waiting is not None:
            self._waiting.put(None)
            self._worker.join()

    def issue(self, samples: list[Any]) -> None:
        """Take one query from LoadGen."""
        self.num_queries += 1
        if self._waiting is None:
            self._answer(samples)
        else:
            self._waiting.put(samples)

    def _work(self, waiting: SimpleQueue[list[Any] | None]) -> None:
        while (samples := waiting.get()) is not None:
            together = list(samples)
            while not waiting.empty() and (more := waiting.get()) is not None:
                together += more
            self._answer(together)

    def _answer(self, samples: Sequence[Any]) -> None:
        self._system.answer([self._rows[sample.index] for sample in samples])
        mlperf_loadgen.QuerySamplesComplete(
            [mlperf_loadgen.QuerySampleResponse(sample.id, 0, 0) for sample in samples]
        )


def _settings(load: Load) -> Any:  # noqa: ANN401 - LoadGen has no types
    """Return LoadGen's settings; there is no limit from above but that of the queries' number."""
    settings = mlperf_loadgen.TestSettings()
    settings.scenario = getattr(mlperf_loadgen.TestScenario, load.scenario)
    settings.mode = mlperf_loadgen.TestMode.PerformanceOnly
    settings.min_query_count = load.num_queries
    settings.min_duration_ms = round(1000 * load.least_s)
    if not load.least_s:
        settings.max_query_count = load.num_queries
    settings.multi_stream_samples_per_query = load.requests_per_query
    settings.offline_expected_qps = load.num_queries / max(load.least_s, 1.0)
    settings.server_target_qps = load.rate_per_s
    settings.server_target_latency_ns = round(load.bound_s * _NS)
    settings.server_target_latency_percentile = SERVER_PERCENTILE
    for name in _SEEDS:
        setattr(settings, name, Draws(load.seed, "measurement", "").number("requests", name))
    return settings


def _log_settings(folder: str) -> Any:  # noqa: ANN401
    output = mlperf_loadgen.LogOutputSettings()
    output.outdir, output.copy_summary_to_stdout = folder, False
    settings = mlperf_loadgen.LogSettings()
    settings.log_output, settings.enable_trace = output, False
    settings.log_mode = mlperf_loadgen.LoggingMode.EndOfTestOnly
    return settings


def parsed(summary: str, load: Load, num_queries: int) -> LoadGenRun:
    """Return the figures of LoadGen's summary, raw percentiles where enough queries stand behind.

    Args:
        summary: `mlperf_log_summary.txt`.
        load: what was asked for.
        num_queries: that were issued.
    """
    pairs = (line.partition(":") for line in summary.splitlines())
    values = {key.strip(): value.strip() for key, _, value in pairs if value.strip()}
    percentiles_s = {
        name: float(values[f"{name[1:]}.00 percentile latency (ns)"]) / _NS
        for name, least in LEAST_QUERIES.items()
        if num_queries >= least
    }
    rate = next((float(values[key]) for key in _RATES if key in values), None)
    if rate is None:  # MultiStream's summary has none
        rate = load.requests_per_query * _NS / float(values["Mean latency (ns)"])
    server = load.scenario == SERVER
    return LoadGenRun(
        scenario=load.scenario,
        num_queries=num_queries,
        estimates_s={f"p{name}": float(ns) / _NS for name, ns in _ESTIMATE.findall(summary)},
        percentiles_s={} if load.scenario == "Offline" else percentiles_s,
        requests_per_s=rate,
        rate_per_s=load.rate_per_s if server else None,
        bound_s=load.bound_s if server else None,
        kept_bound=server and all(values.get(key) == "Yes" for key in _KEPT),
    )
