"""From paired blocks to a whole comparison: verdicts, costs and texts, the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp, inf, log
from statistics import fmean
from typing import Any

import numpy as np

from stiltwalk.features.rows import Features
from stiltwalk.records import TaskType
from stiltwalk.timing.attribution import text_cost, told_breakdowns, told_work
from stiltwalk.timing.blocks import Along, controlled
from stiltwalk.timing.machine import alone, waited, why_busy
from stiltwalk.timing.record import (
    VOID,
    Case,
    Cost,
    Design,
    InstrumentTest,
    LanguageText,
    LanguageTime,
    LatencyBreakdown,
    LoadGenRun,
    MachineState,
    Memory,
    NotTimed,
    Operations,
    Speed,
    TimedCell,
)
from stiltwalk.timing.sample_size import TAIL_MARGIN, TYPICAL_BLOCKS, Figure, margin_of
from stiltwalk.timing.session import (
    Measurement,
    ModelPair,
    Predictors,
    Session,
    second_name,
    told_formats,
)
from stiltwalk.timing.structure import (
    Difference,
    Structure,
    differences,
    flops_of,
    structure_of_folder,
)
from stiltwalk.timing.tost import (
    LEAST_BLOCKS,
    Judged,
    Verdict,
    equivalent_everywhere,
    judge,
    judge_cells,
    log_ratios,
)
from stiltwalk.wording import duration

_NO_BUSIER = 0.02
"""A share of the cores: what two looks at one machine differ in."""
_DWARFED = 3
"""Times what a test of the instrument could be off: an effect that is told all the same."""
TEXT_ROWS = 500
"""Of each language: parallel sets then say the same, and counting takes seconds."""


def compare(model_pairs: Sequence[ModelPair], names: tuple[str, str], session: Session) -> Speed:
    """Compare B with A on every pair's task: what they compute, then by the clock.

    Args:
        model_pairs: one per task; the instrument is tested with the first one's A.
        names: of A and B.
        session: how.
    """
    assert model_pairs
    began = time.perf_counter()
    structures = {each.task: _structures(each) for each in model_pairs}
    found = {task: differences(*both) for task, both in structures.items()}
    seen = _seen(model_pairs, session)
    void = tuple(why_void(seen.instrument_tests, seen.measurements, session.device))
    cells = tuple(judged_cells(seen.measurements, seen.instrument_tests, session.device))
    standing = {cell.task for cell in cells if cell.verdict != VOID}
    return Speed(
        a=names[0],
        b=names[1],
        question=f"What does {names[1]} cost at inference time, against {names[0]}?",
        design=_design(model_pairs, session),
        void=void,
        structure={task: tuple(map(str, each)) for task, each in found.items()},
        cells=cells,
        languages=tuple(time for each in seen.measurements for time in _languages(each)),
        costs=tuple(cost for each in seen.measurements for cost in _costs(each)),
        memory=tuple(judged_memory(seen.measurements)),
        time_s=time.perf_counter() - began,
        **seen.told,
        operations={task: (_operations(a), _operations(b)) for task, (a, b) in structures.items()},
        summary=(
            *([seen.reason] if seen.reason else []),
            *summarise(cells, void, *names),
            *told_anyway(cells, seen.instrument_tests, *names),
            *told_not_timed(seen.not_timed, structures, found),
            *told_work(seen.texts, found, *names),
            *told_breakdowns([e for e in seen.breakdowns if e.task in standing], names[1]),
            *_told_mode(seen.instrument_tests),
        ),
    )


def _told_mode(tests: Sequence[InstrumentTest]) -> Iterator[str]:
    """Yield in which scenarios both models were asked at the same time; nothing for none."""
    found = dict.fromkeys(each.scenario for each in tests if each.mode == "duet")
    if found:
        yield f"{' and '.join(found)}: both models were asked at the same time, a core each (duet)."


@dataclass(kw_only=True)
class _Seen:
    """What a session saw, in the order of seeing it; fields as in `Speed`."""

    instrument_tests: list[InstrumentTest] = field(default_factory=list)
    machine_states: list[MachineState] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    loadgen: list[LoadGenRun] = field(default_factory=list)
    breakdowns: list[LatencyBreakdown] = field(default_factory=list)
    texts: list[LanguageText] = field(default_factory=list)
    not_timed: list[NotTimed] = field(default_factory=list)
    reason: str = ""
    is_worth_trying_again: bool = False
    tested_unix_s: float | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What the record keeps as it was seen."""
        found = {name: each for name, each in vars(self).items() if name != "measurements"}
        return {n: tuple(each) if isinstance(each, list) else each for n, each in found.items()}


def _seen(model_pairs: Sequence[ModelPair], session: Session) -> _Seen:
    seen = _Seen()
    left = [(pair, place) for pair in model_pairs for place in session.cases(pair)]
    if session.budget_s == 0:
        seen.reason = "No clock was left for it in the budget (measure.budget_s)."
    else:
        with alone(session.tell), controlled(session.num_threads):
            _look(session, seen)
            if not seen.reason:
                _time(model_pairs, session, seen)
    done = {str(each) for each in (*(e.case for e in seen.measurements), *seen.not_timed)}
    cases = [case for _, (_, case) in left if str(case) not in done]
    why = seen.reason or session.over_budget
    seen.not_timed += [NotTimed(**vars(case), why=why) for case in cases]
    return seen


def _look(session: Session, seen: _Seen) -> None:
    """See whether the machine has room, and whether it still passes the tests of the instrument."""
    passed, busy, look_s = session.passed, 0.0, session.profile.look_s
    if look_s:
        state, seen.reason = waited(look_s, session.num_threads, session.tell, wait=session.wait)
        seen.machine_states.append(state)
        seen.is_worth_trying_again, busy = bool(seen.reason), state.busy
    asked = {each.mode for each in passed.tests} if passed else set[str]()
    fits = session.mode == "auto" or asked <= {session.mode}
    if passed and fits and busy <= passed.busy + _NO_BUSIER:
        seen.instrument_tests += passed.tests
        seen.tested_unix_s = passed.unix_s
        session.tell("the instrument passed its tests here before, which serves")


def _time(model_pairs: Sequence[ModelPair], session: Session, seen: _Seen) -> None:
    """Time case after case as far as the budget goes, until a test of the instrument fails."""
    clock = _Clock(model_pairs, session)
    for model_pair in model_pairs:
        if clock.left_s < session.profile.least_s:
            return
        pair = model_pair.load()
        seen.texts += _texts(model_pair, pair)  # needs no clock, so it stands whatever that says
        for place in session.cases(model_pair):
            if clock.left_s < session.profile.least_s:
                break
            tested = [each.mode for each in seen.instrument_tests if each.scenario == place[0].name]
            systems = pair if tested else (*pair, second_name(model_pair))
            along = clock.along(place[1], len(systems), is_first=not seen.measurements)
            how = replace(session, mode=tested[0]) if tested else session
            case = how.measured(model_pair, systems, place, clock.num_cells, along)
            clock.num_left -= 1
            if isinstance(case, NotTimed):
                seen.not_timed.append(case)
                continue
            seen.measurements.append(case)
            seen.machine_states.append(case.machine_state)
            seen.instrument_tests += case.tests
            if case.tests and (why := case.tests[0].why_void):
                busy = why_busy(case.machine_state, session.num_threads)
                seen.reason, seen.is_worth_trying_again = (
                    busy or f"Not timed further: {why[0]}",
                    bool(busy),
                )
                return
        if timed := [each for each in seen.measurements if each.case.task == model_pair.task]:
            seen.loadgen += session.loadgen(model_pair, pair, _expected(timed))
            seen.breakdowns += session.breakdowns(model_pair, pair)


def _expected(timed: Sequence[Measurement]) -> dict[str, float]:
    """Return by scenario the log-ratio of its first figure, the mean over languages."""
    found: dict[str, list[float]] = {}
    for each in timed:
        logs = each.measured.log_ratios(each.figures[0])
        found.setdefault(each.case.scenario, []).append(fmean(logs))
    return {scenario: fmean(logs) for scenario, logs in found.items()}


class _Clock:
    """What is left of a session's time, and about how long the rest takes."""

    def __init__(self, model_pairs: Sequence[ModelPair], session: Session) -> None:
        """Begin now."""
        self._session, self._began = session, time.perf_counter()
        self._budget_s = inf if session.budget_s is None else session.budget_s
        self.num_left = sum(1 for pair in model_pairs for _ in session.cases(pair))
        self.num_cells = sum(
            len(scenario.figures) for pair in model_pairs for scenario, _ in session.cases(pair)
        )

    @property
    def left_s(self) -> float:
        """The clock that is left."""
        return self._budget_s - (time.perf_counter() - self._began)

    def along(self, case: Case, num_systems: int, *, is_first: bool) -> Along:
        """Return what goes along with the next case."""
        session = self._session
        case_s = session.profile.block_s * TYPICAL_BLOCKS

        def moved(left_s: float) -> None:
            spent_s = time.perf_counter() - self._began
            in_all_s = spent_s + left_s + (self.num_left - 1) * case_s
            session.moved(spent_s, max(spent_s, min(in_all_s, self._budget_s)))

        return Along(
            place=f"{case}, {num_systems} systems",
            kept=session.kept,
            allowed_s=self.left_s,
            is_first=is_first,
            tell=lambda line: session.tell(f"{case}: {line}"),
            moved=moved,
        )


def _structures(model_pair: ModelPair) -> tuple[Structure, Structure]:
    settings = model_pair.settings[0]
    # of a decoder all but its head
    task_type = TaskType.RETRIEVAL if settings.answering else settings.task.task_type
    a, b = (structure_of_folder(each, task_type) for each in model_pair.folders)
    return a, b


def _operations(each: Structure) -> Operations:
    return Operations(kernels=sum(each.operations.values()), flops=each.total_flops)


def _design(model_pairs: Sequence[ModelPair], session: Session) -> Design:
    profile = session.profile
    return Design(
        profile=profile.name,
        device=session.device,
        num_threads=session.num_threads,
        precision=told_formats(model_pairs),
        seed=session.seed,
        mode=session.mode,
        margins={
            figure: margin_of(figure, session.device)
            for scenario in profile.scenarios
            for figure in scenario.figures
        },
        most_s=profile.most_s if session.budget_s is None else session.budget_s,
    )


def why_void(
    tests: Sequence[InstrumentTest], measurements: Sequence[Measurement], device: str
) -> Iterator[str]:
    """Yield why some or all verdicts do not count, a sentence each."""
    tested = {(each.scenario, each.figure) for each in tests}
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
            if tests and (case.scenario, figure) not in tested:
                yield f"{case}, {figure}: no test of the instrument had requests enough for it."


def judged_cells(
    measurements: Sequence[Measurement], tests: Sequence[InstrumentTest], device: str
) -> Iterator[TimedCell]:
    """Yield the verdicts, corrected for their number; VOID where a test of their figure failed."""
    passed = {(each.scenario, each.figure) for each in tests if not each.why_void}
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
            needs_s=measured.needs_s,
        )


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
        yield from _told_time(unknown)


def _told_time(cells: Sequence[TimedCell]) -> Iterator[str]:
    """Yield how long open cells would have taken, where more blocks were wanted than measured."""
    longer = [e for e in cells if e.needs_s and e.wanted_blocks > e.judged.num_blocks]
    if longer:
        named = "; ".join(f"{e}, {e.figure}: {duration(e.needs_s or 0)}" for e in longer)
        yield f"A decision would have taken about, on this machine: {named}."


def told_anyway(
    cells: Sequence[TimedCell], tests: Sequence[InstrumentTest], a: str, b: str
) -> Iterator[str]:
    """Yield effects that dwarf what the instrument was off by, where its tests failed."""
    off = {(e.scenario, e.figure): _most_off(e) for e in tests if e.why_void}
    for cell in cells:
        most = off.get((cell.scenario, cell.figure))
        if most is None or not cell.judged.is_trusted:
            continue
        low, high = log(cell.judged.low_95), log(cell.judged.high_95)
        least = max(low, -high)
        if least > _DWARFED * most:
            share = exp(least - most) - 1 if low > 0 else 1 - exp(most - least)
            what = "slower" if low > 0 else "faster"
            yield (
                f"{cell}, {cell.figure}: {b} is at least {share:.0%} {what} than {a}; the tests of "
                "the instrument failed."
            )


def _most_off(test: InstrumentTest) -> float:
    """Return how far the instrument may have been from what is known, as a log-ratio."""
    known = ((test.aa, 0.0), (test.delay_5, log(1.05)))
    return max(
        abs(log(end) - truth) for judged, truth in known for end in (judged.low_95, judged.high_95)
    )


def told_not_timed(
    not_timed: Sequence[NotTimed],
    structures: Mapping[str, tuple[Structure, Structure]],
    found: Mapping[str, Sequence[Difference]],
) -> Iterator[str]:
    """Yield what holds without a clock, and how long one would take, a sentence per task."""
    for task in dict.fromkeys(each.task for each in not_timed):
        mine = [each for each in not_timed if each.task == task]
        named = ", ".join(" ".join(filter(None, (e.language, e.scenario))) for e in mine)
        kernels, flops = (structures[task][1].operations.values(), structures[task][1].total_flops)
        same = "another computation" if found[task] else "the same computation"
        needed = [each.needs_s for each in mine if each.needs_s]
        longer = f" A verdict takes about {duration(max(needed))} here." if needed else ""
        yield (
            f"{task}: {same}: {sum(kernels):,} operations, {flops:,} FLOPs for a fixed batch; "
            f"not timed: {named}.{longer}"
        )
