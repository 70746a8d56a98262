"""From paired blocks to a whole comparison: verdicts, what stands beside them, the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from stiltwalk.features.rows import Features
from stiltwalk.measure.causes import told_work
from stiltwalk.measure.conditions import alone
from stiltwalk.measure.differences import Difference, differences
from stiltwalk.measure.languages import text_cost
from stiltwalk.measure.paired import controlled
from stiltwalk.measure.profiles import TAIL_MARGIN, Figure, margin_of
from stiltwalk.measure.session import Contest, Pair, Session, Trial
from stiltwalk.measure.sizing import MOST_BLOCKS
from stiltwalk.measure.speed import (
    VOID,
    Cell,
    Control,
    Cost,
    Design,
    LanguageText,
    LanguageTime,
    LoadGenRun,
    Machine,
    Memory,
    Speed,
)
from stiltwalk.measure.splits import Split, told
from stiltwalk.measure.structure import flops_of, structure_of_folder
from stiltwalk.measure.summary import summarise
from stiltwalk.measure.system import Answerer
from stiltwalk.measure.verdicts import LEAST_BLOCKS, Judged, judge, judge_cells, log_ratios
from stiltwalk.records import Kind

TEXT_ROWS = 500
"""Of each language: parallel sets then say the same, and counting takes seconds."""


def compare(contests: Sequence[Contest], names: tuple[str, str], session: Session) -> Speed:
    """Time B against A on every contest, after the controls.

    Args:
        contests: one per task; the first one's A serves the controls.
        names: of A and B.
        session: how.
    """
    assert contests
    began = time.perf_counter()
    figures = sum(len(scenario.figures) for scenario in session.profile.scenarios)
    parts = [len(c.workload.rows) if session.profile.by_language else 1 for c in contests]
    with alone(session.tell), controlled(session.num_threads):
        controls, machine = session.controls(contests[0])
        trials, loadgen = list[Trial](), list[LoadGenRun]()
        texts, splits = list[LanguageText](), list[Split]()
        for contest in contests:
            pair = contest.load()
            trials += session.trials(contest, pair, figures * sum(parts))
            loadgen += session.loadgen(contest, pair)
            splits += session.splits(contest, pair)
            texts += _texts(contest, pair)
    void = tuple(why_void(controls, trials, session.device))
    cells = tuple(judged_cells(trials, controls, session.device))
    found = {each.settings.name: _differences(each) for each in contests}
    return Speed(
        a=names[0],
        b=names[1],
        question=f"What does {names[1]} cost at inference time, against {names[0]}?",
        design=_design(contests, session),
        controls=tuple(controls),
        void=void,
        structure={task: tuple(map(str, each)) for task, each in found.items()},
        cells=cells,
        languages=tuple(time for trial in trials for time in _languages(trial)),
        costs=tuple(cost for trial in trials for cost in _costs(trial)),
        memory=tuple(memory for trial in trials for memory in judged_memory(trial)),
        texts=tuple(texts),
        loadgen=tuple(loadgen),
        machine=(*machine, *map(_machine, trials)),
        splits=tuple(splits),
        time_s=time.perf_counter() - began,
        summary=(
            *summarise(cells, void, *names),
            *told_work(texts, found, *names),
            *told(splits, names[1]),
        ),
    )


def _differences(contest: Contest) -> tuple[Difference, ...]:
    settings = contest.settings
    kind = Kind.RETRIEVAL if settings.answering else settings.task.kind  # all but a decoder's head
    a, b = (structure_of_folder(each, kind) for each in (contest.folder_a, contest.folder_b))
    return differences(a, b)


def _design(contests: Sequence[Contest], session: Session) -> Design:
    profile = session.profile
    return Design(
        profile=profile.name,
        device=session.device,
        num_threads=session.num_threads,
        precision=told_formats(contests),
        seed=session.seed,
        margins={
            figure: margin_of(figure, session.device)
            for scenario in profile.scenarios
            for figure in scenario.figures
        },
        most_blocks=MOST_BLOCKS,
        most_s=profile.most_s,
    )


def told_formats(contests: Sequence[Contest]) -> str:
    """Return the number format, for every task and side where there are several."""
    formats = {each.settings.name: [side.precision for side in each.both] for each in contests}
    found = dict.fromkeys(format_ for pair in formats.values() for format_ in pair)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{task}: A {a}, B {b}" for task, (a, b) in formats.items())


def why_void(controls: Sequence[Control], trials: Sequence[Trial], device: str) -> Iterator[str]:
    """Yield why some or all verdicts do not count, a sentence each."""
    for control in controls:
        for reason in control.found.why_void:
            yield f"{control.scenario}, {control.figure}: {reason}"
    for trial in trials:
        what = f"{f'{trial.task} {trial.language}'.strip()}, {trial.scenario.name}"
        if not trial.measured.is_steady:
            yield f"{what}: never became steady."
        for figure, judged in _judged(trial, device):
            if not judged.is_trusted:
                yield (
                    f"{what}, {figure}: {judged.worth}, where {LEAST_BLOCKS} are needed. Measure "
                    "on a quieter machine, or for longer with the profile full."
                )
            if controls and (trial.scenario.name, figure) not in _controlled(controls):
                yield f"{what}, {figure}: no control of this figure had requests enough."


def judged_cells(
    trials: Sequence[Trial], controls: Sequence[Control], device: str
) -> Iterator[Cell]:
    """Yield the verdicts, corrected for their number; VOID where a control of theirs failed."""
    failed = {(each.scenario, each.figure) for each in controls if each.found.why_void}
    known = _controlled(controls)
    alone = {
        (trial, figure): judged for trial in trials for figure, judged in _judged(trial, device)
    }
    for (trial, figure), judged in judge_cells(alone).items():
        measured, asked = trial.measured, (trial.scenario.name, figure)
        is_controlled = asked not in failed and (asked in known or not controls)
        counts = measured.is_steady and judged.is_trusted and is_controlled
        yield Cell(
            task=trial.task,
            language=trial.language,
            scenario=trial.scenario.name,
            figure=figure,
            verdict=judged.verdict if counts else VOID,
            a_s=measured.value(0, figure),
            b_s=measured.value(1, figure),
            judged=judged,
            wanted_blocks=measured.wanted_blocks,
        )


def _controlled(controls: Sequence[Control]) -> set[tuple[str, Figure]]:
    return {(each.scenario, each.figure) for each in controls}


def _judged(trial: Trial, device: str) -> Iterator[tuple[Figure, Judged]]:
    """Yield the verdict on every figure that enough requests stand behind, each by itself."""
    for figure in filter(trial.measured.shows, trial.scenario.figures):
        yield figure, judge(trial.measured.log_ratios(figure), margin_of(figure, device))


def _languages(trial: Trial) -> Iterator[LanguageTime]:
    """Yield what can be said of each language of a cell that holds several."""
    measured, figure = trial.measured, Figure.P50
    for language in sorted(set(measured.blocks[0].languages) - {"", trial.language}):
        judged = judge(measured.log_ratios(figure, language), 1.0)
        yield LanguageTime(
            task=trial.task,
            language=language,
            scenario=trial.scenario.name,
            a_s=measured.value(0, figure, language),
            b_s=measured.value(1, figure, language),
            ratio=judged.ratio,
            low=judged.low,
            high=judged.high,
        )


def _costs(trial: Trial) -> Iterator[Cost]:
    for number, model in enumerate("ab"):
        parts = trial.measured.parts[number]
        yield Cost(
            task=trial.task,
            language=trial.language,
            scenario=trial.scenario.name,
            model=model,
            tokenise_s=parts.tokenise_s / parts.num_requests,
            forward_s=parts.forward_s / parts.num_requests,
            decode_s=parts.decode_s / parts.num_requests,
            real_tokens=parts.real_tokens / parts.num_requests,
            padded_tokens=parts.padded_tokens / parts.num_requests,
            weight_bytes=trial.weight_bytes[number],
            peak_bytes=max((each[number] for each in trial.peak_bytes), default=None),
        )


def judged_memory(trial: Trial) -> Iterator[Memory]:
    """Yield the verdict about what both models hold, where the system tells."""
    held = [
        tuple(weights + peak for weights, peak in zip(trial.weight_bytes, peaks, strict=True))
        for peaks in trial.peak_bytes
    ]
    if held:
        a_bytes, b_bytes = zip(*held, strict=True)
        yield Memory(
            task=trial.task,
            language=trial.language,
            scenario=trial.scenario.name,
            a_bytes=max(a_bytes),
            b_bytes=max(b_bytes),
            judged=judge(log_ratios(a_bytes, b_bytes), TAIL_MARGIN),
        )


def _texts(contest: Contest, pair: Pair) -> Iterator[LanguageText]:
    """Yield what the same rows of each language take in tokens of each model."""
    for model, answerer in zip("ab", pair, strict=True):
        for language, rows in contest.workload.rows.items():
            some = rows[:TEXT_ROWS]
            features = answerer.features(some)
            cost = text_cost(language, some, features, answerer.encoder)
            yield LanguageText(
                task=contest.settings.task.name,
                language=language,
                model=model,
                tokens_per_example=cost.tokens_per_example,
                subwords_per_character=cost.subwords_per_character,
                subwords_per_word=cost.subwords_per_word,
                flops=_flops(answerer, some[_middle(features)]),
            )


def _flops(answerer: Answerer, request: Any) -> int | None:  # noqa: ANN401 - an example or a line
    """Return the operations of answering one request; None where the answer is written."""
    if answerer.settings.writes:
        return None
    return flops_of(lambda: answerer.answer([request]))


def _middle(features: Features) -> int:
    """Return the example of median length."""
    tokens = np.bincount(features.example, weights=features.ids.lengths)
    return int(np.argsort(tokens, kind="stable")[len(tokens) // 2])


def _machine(trial: Trial) -> Machine:
    return Machine(task=trial.task, scenario=trial.scenario.name, conditions=trial.conditions)
