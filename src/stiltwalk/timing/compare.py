"""From paired blocks to a whole comparison: verdicts, costs and texts, the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from stiltwalk.features.rows import Features
from stiltwalk.records import TaskType
from stiltwalk.timing.attribution import text_cost, told_breakdowns, told_work
from stiltwalk.timing.blocks import controlled
from stiltwalk.timing.machine import alone
from stiltwalk.timing.record import (
    VOID,
    Cost,
    Design,
    InstrumentTest,
    LanguageText,
    LanguageTime,
    LatencyBreakdown,
    LoadGenRun,
    MachineState,
    Memory,
    Speed,
    TimedCell,
)
from stiltwalk.timing.sample_size import TAIL_MARGIN, Figure, margin_of
from stiltwalk.timing.session import Measurement, ModelPair, Predictors, Session
from stiltwalk.timing.structure import Difference, differences, flops_of, structure_of_folder
from stiltwalk.timing.tost import (
    LEAST_BLOCKS,
    Judged,
    Verdict,
    equivalent_everywhere,
    judge,
    judge_cells,
    log_ratios,
)

TEXT_ROWS = 500
"""Of each language: parallel sets then say the same, and counting takes seconds."""


def compare(model_pairs: Sequence[ModelPair], names: tuple[str, str], session: Session) -> Speed:
    """Time B against A on every pair's task, after the tests of the instrument.

    Args:
        model_pairs: one per task; the instrument is tested with the first one's A.
        names: of A and B.
        session: how.
    """
    assert model_pairs
    began = time.perf_counter()
    seen = _seen(model_pairs, session)
    void = tuple(why_void(seen.tests, seen.measurements, session.device))
    cells = tuple(judged_cells(seen.measurements, seen.tests, session.device))
    standing = {cell.task for cell in cells if cell.verdict != VOID}
    found = {each.task: _differences(each) for each in model_pairs}
    return Speed(
        a=names[0],
        b=names[1],
        question=f"What does {names[1]} cost at inference time, against {names[0]}?",
        design=_design(model_pairs, session),
        instrument_tests=tuple(seen.tests),
        void=void,
        structure={task: tuple(map(str, each)) for task, each in found.items()},
        cells=cells,
        languages=tuple(time for each in seen.measurements for time in _languages(each)),
        costs=tuple(cost for each in seen.measurements for cost in _costs(each)),
        memory=tuple(judged_memory(seen.measurements)),
        texts=tuple(seen.texts),
        loadgen=tuple(seen.loadgen),
        machine_states=tuple(seen.states),
        breakdowns=tuple(seen.breakdowns),
        time_s=time.perf_counter() - began,
        summary=(
            *summarise(cells, void, *names),
            *told_work(seen.texts, found, *names),
            *told_breakdowns([each for each in seen.breakdowns if each.task in standing], names[1]),
        ),
    )


class _Seen(NamedTuple):
    """What a session saw, in the order of seeing it."""

    tests: list[InstrumentTest]
    states: list[MachineState]
    measurements: list[Measurement]
    loadgen: list[LoadGenRun]
    breakdowns: list[LatencyBreakdown]
    texts: list[LanguageText]


def _seen(model_pairs: Sequence[ModelPair], session: Session) -> _Seen:
    figures = sum(len(scenario.figures) for scenario in session.profile.scenarios)
    parts = [len(c.workload.rows) if session.profile.by_language else 1 for c in model_pairs]
    with alone(session.tell), controlled(session.num_threads):
        seen = _Seen(*session.instrument_tests(model_pairs[0]), [], [], [], [])
        for model_pair in model_pairs:
            pair = model_pair.load()
            for measurement in session.measurements(model_pair, pair, figures * sum(parts)):
                seen.measurements.append(measurement)
                seen.states.append(measurement.machine_state)
            seen.loadgen.extend(session.loadgen(model_pair, pair))
            seen.breakdowns.extend(session.breakdowns(model_pair, pair))
            seen.texts.extend(_texts(model_pair, pair))
    return seen


def _differences(model_pair: ModelPair) -> tuple[Difference, ...]:
    settings = model_pair.settings[0]
    # of a decoder all but its head
    task_type = TaskType.RETRIEVAL if settings.answering else settings.task.task_type
    a, b = (structure_of_folder(each, task_type) for each in model_pair.folders)
    return differences(a, b)


def _design(model_pairs: Sequence[ModelPair], session: Session) -> Design:
    profile = session.profile
    return Design(
        profile=profile.name,
        device=session.device,
        num_threads=session.num_threads,
        precision=told_formats(model_pairs),
        seed=session.seed,
        margins={
            figure: margin_of(figure, session.device)
            for scenario in profile.scenarios
            for figure in scenario.figures
        },
        most_s=profile.most_s,
    )


def told_formats(model_pairs: Sequence[ModelPair]) -> str:
    """Return the number format, for every task and side where there are several."""
    formats = {pair.task: [each.precision for each in pair.settings] for pair in model_pairs}
    found = dict.fromkeys(format_ for pair in formats.values() for format_ in pair)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{task}: A {a}, B {b}" for task, (a, b) in formats.items())


def why_void(
    tests: Sequence[InstrumentTest], measurements: Sequence[Measurement], device: str
) -> Iterator[str]:
    """Yield why some or all verdicts do not count, a sentence each."""
    for test in tests:
        for reason in test.why_void:
            yield f"{test.scenario}, {test.figure}: {reason}"
    for measurement in measurements:
        case = measurement.case
        if not measurement.measured.is_steady:
            yield f"{case}: never became steady."
        for figure, judged in _judged(measurement, device):
            if not judged.is_trusted:
                yield (
                    f"{case}, {figure}: {judged.worth}, where {LEAST_BLOCKS} are needed. Measure "
                    "on a quieter machine, or for longer with the profile full."
                )
            if tests and (case.scenario, figure) not in _tested(tests):
                yield f"{case}, {figure}: no test of the instrument had requests enough for it."


def judged_cells(
    measurements: Sequence[Measurement], tests: Sequence[InstrumentTest], device: str
) -> Iterator[TimedCell]:
    """Yield the verdicts, corrected for their number; VOID where a test of their figure failed."""
    passed = _tested([each for each in tests if not each.why_void])
    alone = {
        (measurement, figure): judged
        for measurement in measurements
        for figure, judged in _judged(measurement, device)
    }
    for (measurement, figure), judged in judge_cells(alone).items():
        measured, case = measurement.measured, measurement.case
        is_tested = not tests or (case.scenario, figure) in passed
        counts = measured.is_steady and judged.is_trusted and is_tested
        yield TimedCell(
            **vars(case),
            figure=figure,
            verdict=judged.verdict if counts else VOID,
            a_s=measured.value(0, figure),
            b_s=measured.value(1, figure),
            judged=judged,
            wanted_blocks=measured.wanted_blocks,
        )


def _tested(tests: Sequence[InstrumentTest]) -> set[tuple[str, Figure]]:
    return {(each.scenario, each.figure) for each in tests}


def _judged(measurement: Measurement, device: str) -> Iterator[tuple[Figure, Judged]]:
    """Yield the verdict on every figure that enough requests stand behind, each by itself."""
    for figure in filter(measurement.measured.shows, measurement.figures):
        yield figure, judge(measurement.measured.log_ratios(figure), margin_of(figure, device))


def _languages(measurement: Measurement) -> Iterator[LanguageTime]:
    """Yield what can be said of each language of a cell that holds several."""
    measured, case, figure = measurement.measured, measurement.case, Figure.P50
    for language in sorted(set(measured.blocks[0].languages) - {"", case.language}):
        judged = judge(measured.log_ratios(figure, language), 1.0)
        yield LanguageTime(
            task=case.task,
            language=language,
            scenario=case.scenario,
            a_s=measured.value(0, figure, language),
            b_s=measured.value(1, figure, language),
            ratio=judged.ratio,
            low=judged.low,
            high=judged.high,
        )


def _costs(measurement: Measurement) -> Iterator[Cost]:
    for system, model in enumerate("ab"):
        mean = partial(measurement.measured.per_request, system)
        yield Cost(
            **vars(measurement.case),
            model=model,
            tokenise_s=mean("tokenise_s"),
            forward_s=mean("forward_s"),
            decode_s=mean("decode_s"),
            real_tokens=mean("real_tokens"),
            padded_tokens=mean("padded_tokens"),
            weight_bytes=measurement.weight_bytes[system],
            peak_bytes=max((each[system] for each in measurement.peak_bytes), default=None),
        )


def judged_memory(measurements: Sequence[Measurement]) -> Iterator[Memory]:
    """Yield the verdicts about what both models hold, corrected; none where no system tells."""
    held = {
        each: [
            tuple(weights + peak for weights, peak in zip(each.weight_bytes, peaks, strict=True))
            for peaks in each.peak_bytes
        ]
        for each in measurements
        if each.peak_bytes
    }
    bytes_of = {each: tuple(zip(*found, strict=True)) for each, found in held.items()}
    alone = {each: judge(log_ratios(*both), TAIL_MARGIN) for each, both in bytes_of.items()}
    for measurement, judged in judge_cells(alone).items():
        a_bytes, b_bytes = bytes_of[measurement]
        yield Memory(
            **vars(measurement.case),
            a_bytes=max(a_bytes),
            b_bytes=max(b_bytes),
            judged=judged,
        )


def _texts(model_pair: ModelPair, pair: Predictors) -> Iterator[LanguageText]:
    """Yield what the same rows of each language take in tokens of each model."""
    for model, answerer in zip("ab", pair, strict=True):
        for language, rows in model_pair.workload.rows.items():
            some = rows[:TEXT_ROWS]
            features = answerer.features(some)
            cost = text_cost(language, some, features, answerer.encoder)
            middle = some[_median_example(features)]
            answer = partial(answerer.answer, [middle])
            yield LanguageText(
                **vars(cost),
                task=model_pair.settings[0].task.name,
                model=model,
                flops=None if answerer.settings.writes else flops_of(answer),
            )


def _median_example(features: Features) -> int:
    tokens = np.bincount(features.example, weights=features.ids.lengths)
    return int(np.argsort(tokens, kind="stable")[len(tokens) // 2])


def summarise(cells: tuple[TimedCell, ...], void: tuple[str, ...], a: str, b: str) -> Iterator[str]:
    """Yield what follows from the verdicts and from nothing else, a sentence each."""
    for reason in void:
        yield f"VOID: {reason}"
    standing = [cell for cell in cells if cell.verdict != VOID]
    equal = [cell for cell in standing if cell.verdict == Verdict.EQUIVALENT]
    if len(standing) == len(cells) and equivalent_everywhere([e.judged for e in cells]):
        yield f"{b} is as fast as {a} within the margin everywhere: all {len(cells)} EQUIVALENT."
    elif equal:
        yield f"{b} is as fast as {a} within the margin in {len(equal)} of {len(cells)} cells."
    for cell in standing:
        judged, what = cell.judged, f"{cell}, {cell.figure}"
        if cell.verdict in (Verdict.SLOWER, Verdict.FASTER):
            yield (
                f"{b} is {cell.verdict} than {a} in {what}: time ratio {judged.ratio:.3f} "
                f"(95 % interval {judged.low_95:.3f} to {judged.high_95:.3f})."
            )
        elif cell.verdict == Verdict.EQUIVALENT and judged.differs:
            yield (
                f"A small but real difference within the margin in {what}: time ratio "
                f"{judged.ratio:.3f} (95 % interval {judged.low_95:.3f} to {judged.high_95:.3f})."
            )
    unknown = [each for each in standing if each.verdict == Verdict.INCONCLUSIVE]
    if unknown:
        named = "; ".join(f"{each}, {each.figure}" for each in unknown)
        yield f"INCONCLUSIVE, which is no evidence of equality: {named}."
