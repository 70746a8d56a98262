"""Two models behind servers, http://HOST:PORT/v1#MODEL each: quality, and times as served."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from math import log1p
from statistics import median
from typing import Any
from uuid import uuid4

import numpy as np

from stiltwalk.data.source import DataSource
from stiltwalk.draws import Draws
from stiltwalk.errors import EndpointError, RecipeError
from stiltwalk.execution.compare import Asked
from stiltwalk.execution.provenance import provenance
from stiltwalk.inference.backends.endpoint import (
    EndpointPredictor,
    load_endpoint,
    whole_text,
)
from stiltwalk.inference.predictor import Settings, Spent
from stiltwalk.metrics.score import score
from stiltwalk.recipe.types import Answering, resolved
from stiltwalk.records import TaskType, gold_answers
from stiltwalk.serving.client import Client, Endpoint
from stiltwalk.serving.load import Streams, Wish, arrivals, closed_loop, open_loop, own_cost
from stiltwalk.serving.probe import caches
from stiltwalk.serving.traces import Objective, ServedLoad, Trace, capacity, load_of
from stiltwalk.tasks import TASKS, target_names
from stiltwalk.tasks.sources import available_languages
from stiltwalk.timing.attempts import Earlier, attempted
from stiltwalk.timing.attribution import breakdowns
from stiltwalk.timing.blocks import Along, Bench, KeptBlocks, Measured
from stiltwalk.timing.compare import judged_cells, summarise, why_void
from stiltwalk.timing.machine import Watch, alone
from stiltwalk.timing.record import (
    VOID,
    Case,
    Design,
    InstrumentTest,
    LatencyBreakdown,
    LoadGenRun,
    Quality,
    Speed,
)
from stiltwalk.timing.sample_size import Figure, Profile, Scenario, margin_of
from stiltwalk.timing.session import Measurement, Session
from stiltwalk.timing.tost import judge
from stiltwalk.timing.workload import Workload, load_workload

LEVELS = {"quick": (1, 4), "full": (1, 2, 4, 8, 16)}
FIXED_TOKENS = 16
MOST_OWN_COST = 0.02
"""Of what is measured, the client's own share; above it nothing is said."""
DELAY, SMALL_DELAY = 0.05, 0.02
_RATES = (0.25, 0.5, 0.75)
"""Of arrivals, as shares of the throughput at the highest level."""
_ROWS = {"quick": 50, "full": None}
_MARGINS = "cpu"
_STYLE = (
    "as served: time to first token and time per output token (without the first) as vLLM bench "
    "has them, throughput as AIPerf, latency from the planned start"
)


@dataclass(kw_only=True, eq=False)
class ServedModel:
    """A model at one level of load, as the instrument asks it.

    Args:
        predictor: makes prompts.
        streams: the connections' own settings.
        clients: as many as requests are on their way.
        max_tokens: of an answer.
    """

    predictor: EndpointPredictor
    streams: Streams
    clients: Sequence[Client]
    max_tokens: int

    def answer(self, requests: Sequence[Any]) -> Spent:
        """Ask in a closed loop; a single request takes its latency, several what all take."""
        traces = self.traces([("", each) for each in requests])
        fault = next((each.fault for each in traces if each.fault), "")
        if fault:
            raise EndpointError(fault)
        began_s = min(each.planned_s for each in traces)
        token_s = [each.token_s for each in traces if each.token_s]
        return Spent(
            time_s=max(each.chunks_s[-1] for each in traces) - began_s,
            tokenise_s=0.0,
            forward_s=0.0,
            decode_s=0.0,
            real_tokens=sum(each.input_tokens for each in traces),
            padded_tokens=0,
            written_tokens=sum(each.output_tokens for each in traces),
            first_token_s=median(each.first_token_s for each in traces),
            token_s=median(token_s) if token_s else 0.0,
        )

    def traces(self, requests: Sequence[tuple[str, Any]]) -> list[Trace]:
        """Ask rows, each with its language, and return their traces in order."""
        return closed_loop(self.streams, self.clients, self.wishes(requests))

    def wishes(self, requests: Sequence[tuple[str, Any]]) -> list[Wish]:
        """Return what is sent for rows."""
        features = self.predictor.features([row for _, row in requests])
        texts = (whole_text(ids.tolist()) for ids in features.ids)
        return [
            Wish(prompt=text, language=language, max_tokens=self.max_tokens)
            for text, (language, _) in zip(texts, requests, strict=True)
        ]

    def move(self) -> None:
        """Stay: where a served model lies in memory is its server's matter."""


@dataclass(kw_only=True)
class _Found:
    measurements: list[Measurement] = field(default_factory=list)
    tests: list[InstrumentTest] = field(default_factory=list)
    loads: list[LoadGenRun] = field(default_factory=list)
    splits: list[LatencyBreakdown] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    reason: str = ""


def endpoints_in(names: tuple[str, str]) -> tuple[Endpoint, Endpoint] | None:
    """Return the models that are behind servers, None where neither is.

    Raises:
        RecipeError: if only one is.
    """
    a, b = map(Endpoint.named, names)
    if a and b:
        return a, b
    if a or b:
        raise RecipeError(
            f"{names[0]} and {names[1]}: one is behind a server and the other not, whose times are "
            "not those of one question. Compare two that are asked alike."
        )
    return None


def compare_served(asked: Asked, pair: tuple[Endpoint, Endpoint], session: Session) -> Speed:
    """Ask both models the tasks, then time them as served.

    Raises:
        RecipeError: if no task, or no source of requests, is named.
        ModelError, EndpointError: if a server cannot be used.
    """
    tasks, data = _tasks(asked)
    began = time.perf_counter()
    most_rows, quality = _ROWS[session.profile.name], list[Quality]()
    works: list[tuple[Workload, tuple[EndpointPredictor, EndpointPredictor]]] = []
    for name in tasks:
        session.tell(f"{name}: answers")
        workload = load_workload(
            TASKS[name], data, available_languages(TASKS[name], data), most_rows
        )
        a, b = (load_endpoint(each, _settings(name)) for each in pair)
        if (a.settings.answering, a.abilities.writes_at) != (
            b.settings.answering,
            b.abilities.writes_at,
        ):
            raise RecipeError(
                f"{asked.names[0]} writes at {a.abilities.writes_at}, {asked.names[1]} at "
                f"{b.abilities.writes_at}: compare two that are asked alike."
            )
        quality += _quality(name, workload, (a, b))
        works.append((workload, (a, b)))

    def measure(earlier: Earlier) -> Speed:
        kept = replace(session, kept=KeptBlocks(earlier.blocks))
        found = _Found(said=list(dict.fromkeys(works[0][1][0].abilities.says)))
        with alone(session.tell):
            for workload, predictors in works:
                if not found.reason:
                    _time(workload, predictors, kept, found)
        return _speed(asked.names, found, session, time.perf_counter() - began)

    what = repr((asked.names, tasks, data.source, session.profile))
    speed = attempted(asked.workspace, what, what, measure)
    return replace(
        speed,
        quality=tuple(quality),
        data=data.source,
        made_by=provenance(),
    )


def _tasks(asked: Asked) -> tuple[tuple[str, ...], DataSource]:
    if asked.data is None or not asked.tasks:
        raise RecipeError(
            "Say on what to compare models behind servers with --on DATA:TASK, such as "
            "--on mini:xnli,xquad or --on hub:xnli."
        )
    for task in asked.tasks:
        if task not in target_names() or TASKS[task].task_type is TaskType.RETRIEVAL:
            known = [e for e in target_names() if TASKS[e].task_type is not TaskType.RETRIEVAL]
            raise RecipeError(f"{task!r} is no target for a server. There is: {', '.join(known)}.")
    return asked.tasks, asked.data


def _settings(name: str) -> Settings:
    task = TASKS[name]
    answering = resolved(task.task_type, Answering(way="generation", fine_tuned=False))
    return Settings(task=task, max_length_tokens=task.max_length_tokens, answering=answering)


def _quality(name: str, workload: Workload, pair: Sequence[EndpointPredictor]) -> Iterator[Quality]:
    for language, rows in workload.rows.items():
        figures = []
        for each in pair:
            features = each.features(rows)
            found, _ = each.outputs_through("endpoint", features, each.folder)
            answers = each.decode(found, features, rows)
            figures.append(score(TASKS[name].metric, answers, gold_answers(rows), language))
        for metric in figures[0]:
            yield Quality(
                task=name,
                language=language,
                metric=metric,
                a=figures[0][metric],
                b=figures[1][metric],
            )


@contextmanager
def _systems(
    pair: Sequence[EndpointPredictor], num_streams: int, fixed: bool, salt: str
) -> Iterator[list[ServedModel]]:
    """Hold A, B, A under a second name, and that one delayed, with their connections."""
    found, first = [], pair[0]
    for predictor, delay in ((first, 0.0), (pair[1], 0.0), (first, 0.0), (first, DELAY)):
        assert predictor.settings.answering is not None
        streams = Streams(
            endpoint=predictor.endpoint,
            path=predictor.abilities.writes_at,
            how={"ignore_eos": True} if fixed else {},
            salt=salt,
            delay=delay,
        )
        clients = [Client(predictor.endpoint) for _ in range(num_streams)]
        most = FIXED_TOKENS if fixed else predictor.settings.answering.max_new_tokens or 0
        found.append(
            ServedModel(predictor=predictor, streams=streams, clients=clients, max_tokens=most)
        )
    try:
        yield found
    finally:
        for each in found:
            for client in each.clients:
                client.close()


def _time(
    workload: Workload,
    pair: tuple[EndpointPredictor, EndpointPredictor],
    session: Session,
    found: _Found,
) -> None:
    """Time one task: as the model stops, and at fixed length, at every level of load."""
    salt = _salt(pair, found)
    lengths = (False, True) if all(each.abilities.fixes_length for each in pair) else (False,)
    for fixed in lengths:
        settings = replace(pair[0].settings, fixed_tokens=FIXED_TOKENS if fixed else None)
        for num_streams in LEVELS[session.profile.name]:
            with _systems(pair, num_streams, fixed, salt) as systems:
                _level(systems, workload, settings.name, session, found)
                if found.reason:
                    return
                if num_streams == 1:
                    found.splits += breakdowns(
                        (systems[0], systems[1]),
                        workload,
                        settings.name,
                        session.profile.breakdown_requests,
                        session.seed,
                    )
                _absolute(systems[:2], workload, settings.name, session, found)


def _salt(pair: Sequence[EndpointPredictor], found: _Found) -> str:
    """Return what keeps requests from prefix caches, "" where there are none or none can."""
    seen = set()
    for each in pair:
        with closing(Client(each.endpoint)) as client:
            seen.add(caches(client, each.abilities.writes_at, uuid4().hex))
    if "on" in seen:
        found.said.append(
            "A server keeps the beginnings of prompts and cannot be told not to: a request that is "
            "repeated is read faster than a first one, which these times share."
        )
    return uuid4().hex if "switched off" in seen and "on" not in seen else ""


def _level(
    systems: Sequence[ServedModel],
    workload: Workload,
    task: str,
    session: Session,
    found: _Found,
) -> None:
    """Measure all systems in blocks at one level, the tests of the instrument among them."""
    num_streams, scenario = len(systems[0].clients), _scenario(systems[0])
    case = Case(task=task, language="", scenario=scenario.name)
    session.tell(f"{case}, with the tests of the instrument")
    rng = np.random.default_rng(
        Draws(session.seed, "measurement", systems[0].predictor.settings.task.name).number(
            "requests", scenario.name, task
        )
    )
    probe_rows = [each.row for each in workload.draw(num_streams, rng)[: 2 * num_streams]]
    request_s = systems[0].answer(probe_rows).time_s / len(probe_rows)
    cost_s = own_cost(num_streams, systems[0].wishes([("", probe_rows[0])])[0])
    if cost_s > MOST_OWN_COST * request_s:
        found.reason = (
            f"{case}: this client takes {1e3 * cost_s:.2f} ms of a request itself, the server "
            f"{1e3 * request_s:.1f} ms: above {MOST_OWN_COST:.0%} nothing is said. Measure from a "
            "machine that is less busy, or at fewer streams."
        )
        return
    found.said.append(f"{case}: the client's own cost is {cost_s / request_s:.2%} of a request.")
    watch, watched = Watch(), Along(place=str(case), kept=session.kept, tell=session.tell)
    profile = _profile(session.profile, request_s * num_streams)
    bench = Bench(tuple(systems), workload, scenario, profile, rng, watched)
    margins = [margin_of(figure, _MARGINS) for figure in scenario.figures]
    measured = bench.measure(margins, 1)
    tests = tuple(_tests(measured, scenario))
    found.tests += tests
    found.measurements.append(
        Measurement(
            case=case,
            figures=scenario.figures,
            measured=measured.against(1),
            machine_state=watch.state(case),
            weight_bytes=(0, 0),
            peak_bytes=(),
            tests=tests,
        )
    )


def _scenario(system: ServedModel) -> Scenario:
    """Return a level of load: one request at a time, or all of a block's through some streams."""
    num_streams = len(system.clients)
    figures = [Figure.P50 if num_streams == 1 else Figure.TIME, Figure.FIRST_TOKEN]
    if "ignore_eos" in system.streams.how:  # else some answers are of one token
        figures.append(Figure.TOKEN_TIME)
    if num_streams == 1:
        return Scenario("1 stream", 1, tuple(figures))
    return Scenario(f"{num_streams} streams", None, tuple(figures))


def _profile(profile: Profile, round_s: float) -> Profile:
    """Return a profile whose blocks hold some rounds of all streams."""
    return replace(profile, block_s=max(profile.block_s, 8 * round_s))


def _tests(measured: Measured, scenario: Scenario) -> Iterator[InstrumentTest]:
    """Yield what blocks say of A under a second name, and of that one delayed."""
    for figure in filter(measured.shows, scenario.figures):
        margin = margin_of(figure, _MARGINS)
        same = measured.against(2).log_ratios(figure)
        yield InstrumentTest(
            scenario=scenario.name,
            figure=figure,
            aa=judge(same, margin),
            delay_5=judge(measured.against(3).log_ratios(figure), margin),
            delay_2=judge([each + log1p(SMALL_DELAY) for each in same], margin),
        )


def _absolute(
    pair: Sequence[ServedModel],
    workload: Workload,
    task: str,
    session: Session,
    found: _Found,
) -> None:
    """Keep what each model does alone: in a closed loop, at last in an open one, too."""
    num_streams = len(pair[0].clients)
    per_language = -(-max(session.profile.load_queries, 4 * num_streams) // len(workload.rows))
    rng = np.random.default_rng(Draws(session.seed, "measurement", task).number("requests", "load"))
    rows = [(each.language, each.row) for each in workload.draw(per_language, rng)]
    objective = Objective()
    for model, system in zip("ab", pair, strict=True):
        name = f"closed loop, {num_streams}"
        load = load_of(system.traces(rows), objective)
        found.loads.append(_run(name, load, len(rows), task=task, model=model))
        if num_streams != max(LEVELS[session.profile.name]):
            continue
        shares = {}
        wishes = system.wishes(rows)
        for share in _RATES:
            rate = share * load.requests_per_s
            starts = arrivals(rate, len(wishes), rng)
            opened = load_of(open_loop(system.streams, wishes, starts, system.clients), objective)
            shares[rate] = opened.good_share
            run = _run("open loop, Poisson", opened, len(rows), task=task, model=model)
            found.loads.append(
                replace(run, rate_per_s=rate, kept_bound=opened.good_share >= objective.share)
            )
        most = capacity(shares, objective)
        told = f"{most:.3g} requests/s or more" if most else f"below {min(shares):.3g} requests/s"
        found.said.append(
            f"{task}, {model.upper()}: capacity under {objective.ttft_ms:g} ms to the first token "
            f"and {objective.tpot_ms:g} ms a token for {objective.share:.0%} of requests: {told}."
        )


def _run(name: str, load: ServedLoad, num_queries: int, *, task: str, model: str) -> LoadGenRun:
    parts = {"ttft": load.first_token_s, "tpot": load.token_s, "itl": load.gap_s}
    named = {f"{part} {p}": at for part, found in parts.items() for p, at in found.items()}
    return LoadGenRun(
        scenario=name,
        num_queries=num_queries,
        estimates_s=named,
        percentiles_s=dict(load.latency_s),
        requests_per_s=load.requests_per_s,
        rate_per_s=None,
        bound_s=None,
        kept_bound=True,
        task=task,
        model=model,
    )


def _speed(names: tuple[str, str], found: _Found, session: Session, time_s: float) -> Speed:
    tests = tuple(found.tests)
    void = tuple(why_void(tests, found.measurements, _MARGINS))
    failed = {
        (str(measurement.case), test.figure)
        for measurement in found.measurements
        for test in measurement.tests
        if test.why_void
    }
    cells = tuple(
        replace(cell, verdict=VOID) if (str(cell), cell.figure) in failed else cell
        for cell in judged_cells(found.measurements, tests, _MARGINS)
    )
    figures = {figure for each in found.measurements for figure in each.figures}
    reason = [found.reason] if found.reason else []
    return Speed(
        a=names[0],
        b=names[1],
        question=f"What does {names[1]} cost as it is served, against {names[0]}?",
        design=Design(
            profile=session.profile.name,
            device="as served",
            num_threads=session.num_threads,
            precision="the servers'",
            seed=session.seed,
            margins={figure: margin_of(figure, _MARGINS) for figure in sorted(figures)},
            order="A, B, A again and A delayed, and back, within a query or a block; the first at "
            "random",
            most_s=session.profile.most_s,
            style=_STYLE,
        ),
        instrument_tests=tests,
        void=void,
        structure={},
        cells=cells,
        languages=(),
        costs=(),
        loadgen=tuple(found.loads),
        machine_states=tuple(each.machine_state for each in found.measurements),
        breakdowns=tuple(found.splits),
        time_s=time_s,
        reason=found.reason,
        summary=(*reason, *summarise(cells, void, *names), *found.said),
    )
