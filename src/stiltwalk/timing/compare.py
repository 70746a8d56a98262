"""From paired blocks to a whole comparison: verdicts, what stands beside them, the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stiltwalk.features.rows import Features
from stiltwalk.inference.predictor import Predictor
from stiltwalk.records import TaskType
from stiltwalk.timing.attribution import text_cost, told_work
from stiltwalk.timing.blocks import controlled
from stiltwalk.timing.machine import alone
from stiltwalk.timing.record import (
    VOID,
    Cell,
    Control,
    Cost,
    Design,
    LanguageText,
    LanguageTime,
    LatencyBreakdown,
    LoadGenRun,
    Machine,
    Memory,
    Speed,
    told,
)
from stiltwalk.timing.sample_size import MOST_BLOCKS, TAIL_MARGIN, Figure, margin_of
from stiltwalk.timing.session import Measurement, ModelPair, Pair, Session
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
    """Time B against A on every contest, after the controls.

    Args:
        model_pairs: one per task; the first one's A serves the controls.
        names: of A and B.
        session: how.
    """
    assert model_pairs
    began = time.perf_counter()
    figures = sum(len(scenario.figures) for scenario in session.profile.scenarios)
    parts = [len(c.workload.rows) if session.profile.by_language else 1 for c in model_pairs]
    with alone(session.tell), controlled(session.num_threads):
        controls, machine = session.controls(model_pairs[0])
        measurements, loadgen = list[Measurement](), list[LoadGenRun]()
        texts, splits = list[LanguageText](), list[LatencyBreakdown]()
        for model_pair in model_pairs:
            pair = model_pair.load()
            measurements += session.measurements(model_pair, pair, figures * sum(parts))
            loadgen += session.loadgen(model_pair, pair)
            splits += session.splits(model_pair, pair)
            texts += _texts(model_pair, pair)
    void = tuple(why_void(controls, measurements, session.device))
    cells = tuple(judged_cells(measurements, controls, session.device))
    standing = {cell.task for cell in cells if cell.verdict != VOID}
    found = {each.settings.name: _differences(each) for each in model_pairs}
    return Speed(
        a=names[0],
        b=names[1],
        question=f"What does {names[1]} cost at inference time, against {names[0]}?",
        design=_design(model_pairs, session),
        controls=tuple(controls),
        void=void,
        structure={task: tuple(map(str, each)) for task, each in found.items()},
        cells=cells,
        languages=tuple(time for measurement in measurements for time in _languages(measurement)),
        costs=tuple(cost for measurement in measurements for cost in _costs(measurement)),
        memory=tuple(judged_memory(measurements)),
        texts=tuple(texts),
        loadgen=tuple(loadgen),
        machine=(*machine, *map(_machine, measurements)),
        splits=tuple(splits),
        time_s=time.perf_counter() - began,
        summary=(
            *summarise(cells, void, *names),
            *told_work(texts, found, *names),
            *told([each for each in splits if each.task in standing], names[1]),
        ),
    )


def _differences(model_pair: ModelPair) -> tuple[Difference, ...]:
    settings = model_pair.settings
    kind = (
        TaskType.RETRIEVAL if settings.answering else settings.task.task_type
    )  # all but a decoder's head
    a, b = (structure_of_folder(each, kind) for each in (model_pair.folder_a, model_pair.folder_b))
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
        most_blocks=MOST_BLOCKS,
        most_s=profile.most_s,
    )


def told_formats(model_pairs: Sequence[ModelPair]) -> str:
    """Return the number format, for every task and side where there are several."""
    formats = {each.settings.name: [side.precision for side in each.both] for each in model_pairs}
    found = dict.fromkeys(format_ for pair in formats.values() for format_ in pair)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{task}: A {a}, B {b}" for task, (a, b) in formats.items())


def why_void(
    controls: Sequence[Control], measurements: Sequence[Measurement], device: str
) -> Iterator[str]:
    """Yield why some or all verdicts do not count, a sentence each."""
    for control in controls:
        for reason in control.found.why_void:
            yield f"{control.scenario}, {control.figure}: {reason}"
    for measurement in measurements:
        what = (
            f"{f'{measurement.task} {measurement.language}'.strip()}, {measurement.scenario.name}"
        )
        if not measurement.measured.is_steady:
            yield f"{what}: never became steady."
        for figure, judged in _judged(measurement, device):
            if not judged.is_trusted:
                yield (
                    f"{what}, {figure}: {judged.worth}, where {LEAST_BLOCKS} are needed. Measure "
                    "on a quieter machine, or for longer with the profile full."
                )
            if controls and (measurement.scenario.name, figure) not in _controlled(controls):
                yield f"{what}, {figure}: no control of this figure had requests enough."


def judged_cells(
    measurements: Sequence[Measurement], controls: Sequence[Control], device: str
) -> Iterator[Cell]:
    """Yield the verdicts, corrected for their number; VOID where a control of theirs failed."""
    failed = {(each.scenario, each.figure) for each in controls if each.found.why_void}
    known = _controlled(controls)
    alone = {
        (measurement, figure): judged
        for measurement in measurements
        for figure, judged in _judged(measurement, device)
    }
    for (measurement, figure), judged in judge_cells(alone).items():
        measured, asked = measurement.measured, (measurement.scenario.name, figure)
        is_controlled = asked not in failed and (asked in known or not controls)
        counts = measured.is_steady and judged.is_trusted and is_controlled
        yield Cell(
            task=measurement.task,
            language=measurement.language,
            scenario=measurement.scenario.name,
            figure=figure,
            verdict=judged.verdict if counts else VOID,
            a_s=measured.value(0, figure),
            b_s=measured.value(1, figure),
            judged=judged,
            wanted_blocks=measured.wanted_blocks,
        )


def _controlled(controls: Sequence[Control]) -> set[tuple[str, Figure]]:
    return {(each.scenario, each.figure) for each in controls}


def _judged(measurement: Measurement, device: str) -> Iterator[tuple[Figure, Judged]]:
    """Yield the verdict on every figure that enough requests stand behind, each by itself."""
    for figure in filter(measurement.measured.shows, measurement.scenario.figures):
        yield figure, judge(measurement.measured.log_ratios(figure), margin_of(figure, device))


def _languages(measurement: Measurement) -> Iterator[LanguageTime]:
    """Yield what can be said of each language of a cell that holds several."""
    measured, figure = measurement.measured, Figure.P50
    for language in sorted(set(measured.blocks[0].languages) - {"", measurement.language}):
        judged = judge(measured.log_ratios(figure, language), 1.0)
        yield LanguageTime(
            task=measurement.task,
            language=language,
            scenario=measurement.scenario.name,
            a_s=measured.value(0, figure, language),
            b_s=measured.value(1, figure, language),
            ratio=judged.ratio,
            low=judged.low,
            high=judged.high,
        )


def _costs(measurement: Measurement) -> Iterator[Cost]:
    for number, model in enumerate("ab"):
        parts = measurement.measured.parts[number]
        yield Cost(
            task=measurement.task,
            language=measurement.language,
            scenario=measurement.scenario.name,
            model=model,
            tokenise_s=parts.tokenise_s / parts.num_requests,
            forward_s=parts.forward_s / parts.num_requests,
            decode_s=parts.decode_s / parts.num_requests,
            real_tokens=parts.real_tokens / parts.num_requests,
            padded_tokens=parts.padded_tokens / parts.num_requests,
            weight_bytes=measurement.weight_bytes[number],
            peak_bytes=max((each[number] for each in measurement.peak_bytes), default=None),
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
            task=measurement.task,
            language=measurement.language,
            scenario=measurement.scenario.name,
            a_bytes=max(a_bytes),
            b_bytes=max(b_bytes),
            judged=judged,
        )


def _texts(model_pair: ModelPair, pair: Pair) -> Iterator[LanguageText]:
    """Yield what the same rows of each language take in tokens of each model."""
    for model, answerer in zip("ab", pair, strict=True):
        for language, rows in model_pair.workload.rows.items():
            some = rows[:TEXT_ROWS]
            features = answerer.features(some)
            cost = text_cost(language, some, features, answerer.encoder)
            yield LanguageText(
                task=model_pair.settings.task.name,
                language=language,
                model=model,
                tokens_per_example=cost.tokens_per_example,
                subwords_per_character=cost.subwords_per_character,
                subwords_per_word=cost.subwords_per_word,
                flops=_flops(answerer, some[_middle(features)]),
            )


def _flops(answerer: Predictor, request: Any) -> int | None:  # noqa: ANN401 - an example or a line
    """Return the operations of answering one request; None where the answer is written."""
    if answerer.settings.writes:
        return None
    return flops_of(lambda: answerer.answer([request]))


def _middle(features: Features) -> int:
    """Return the example of median length."""
    tokens = np.bincount(features.example, weights=features.ids.lengths)
    return int(np.argsort(tokens, kind="stable")[len(tokens) // 2])


def _machine(measurement: Measurement) -> Machine:
    return Machine(
        task=measurement.task, scenario=measurement.scenario.name, conditions=measurement.conditions
    )


def summarise(cells: tuple[Cell, ...], void: tuple[str, ...], a: str, b: str) -> Iterator[str]:
    """Yield what follows from the verdicts and from nothing else, a sentence each."""
    for reason in void:
        yield f"VOID: {reason}"
    standing = [cell for cell in cells if cell.verdict != VOID]
    equal = [cell for cell in standing if cell.verdict == Verdict.EQUIVALENT]
    if len(standing) == len(cells) and equivalent_everywhere({_named(c): c.judged for c in cells}):
        yield f"{b} is as fast as {a} within the margin everywhere: all {len(cells)} EQUIVALENT."
    elif equal:
        yield f"{b} is as fast as {a} within the margin in {len(equal)} of {len(cells)} cells."
    for cell in standing:
        judged, what = cell.judged, _named(cell)
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
    unknown = [_named(cell) for cell in standing if cell.verdict == Verdict.INCONCLUSIVE]
    if unknown:
        yield f"INCONCLUSIVE, which is no evidence of equality: {'; '.join(unknown)}."


def _named(cell: Cell) -> str:
    language = f" {cell.language}" if cell.language else ""
    return f"{cell.task}{language}, {cell.scenario}, {cell.figure}"
