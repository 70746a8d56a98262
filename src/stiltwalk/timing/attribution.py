"""What times differ by: the work of two models, languages, tokens, parts of a written answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stiltwalk.draws import Draws
from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder
from stiltwalk.metrics.efficiency import (
    Disparity,
    RequestTime,
    disparity,
    split_of_change,
    variance_shares,
)
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    RankingExample,
    Sentence,
    SpanExample,
    TaggedExample,
    TextExample,
)
from stiltwalk.timing.record import (
    ORDERS,
    LanguageText,
    LanguageTime,
    LatencyBreakdown,
    PartRatio,
    Speed,
    TextCost,
    TimedCell,
)
from stiltwalk.timing.sample_size import SINGLE_STREAM, Figure
from stiltwalk.timing.tost import ALPHA, sample

if TYPE_CHECKING:  # torch is heavy, and reports do without it
    from stiltwalk.inference.predictor import Spent
    from stiltwalk.timing.blocks import Pair
    from stiltwalk.timing.structure import Difference
    from stiltwalk.timing.workload import Workload

PARALLEL = ("xnli", "pawsx", "xquad")
"""Targets whose test rows say the same in every language."""
SAME_WORK = 0.005
"""A smaller change of the work is not shown."""
WITHOUT_SPACES = frozenset("ja my th zh".split())
"""Languages of XTREME whose writing does not set words apart."""

_WARM_UP = 10
_NUM_PARTS = 3


@dataclass(frozen=True, slots=True)
class LanguageAttribution:
    """The time of one language in one scenario, and the work that explains it.

    Args:
        time: estimate or verdict.
        verdict: empty for an estimate.
        tokens: of A and B per example; None here and below where they were not counted.
        work: B's operations for a request as a multiple of A's.
    """

    time: LanguageTime
    verdict: str
    tokens: tuple[float, float] | None
    work: float | None


def language_attribution(speed: Speed) -> Iterator[LanguageAttribution]:
    """Yield what each language's median request takes, and why."""
    times = [(each, "") for each in speed.languages]
    judged = [each for each in speed.cells if each.language and each.figure == Figure.P50]
    times += [(_time_of(each), each.verdict) for each in judged]
    tokens, work = _tokens(speed.texts), work_ratios(speed.texts)
    for time, verdict in times:
        place = time.task, time.language
        yield LanguageAttribution(time, verdict, tokens.get(place), work.get(place))


def _time_of(cell: TimedCell) -> LanguageTime:
    return LanguageTime(
        task=cell.task,
        language=cell.language,
        scenario=cell.scenario,
        a_s=cell.a_s,
        b_s=cell.b_s,
        ratio=cell.judged.ratio,
        low=cell.judged.low,
        high=cell.judged.high,
    )


def work_ratios(texts: Iterable[LanguageText]) -> dict[tuple[str, str], float]:
    """Return (task, language) to B's operations for a request as a multiple of A's."""
    flops = {(each.task, each.language, each.model): each.flops for each in texts}
    return {
        (task, language): theirs / ours
        for (task, language, model), ours in flops.items()
        if model == "a" and ours and (theirs := flops.get((task, language, "b")))
    }


def _tokens(texts: Iterable[LanguageText]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (task, language) to the tokens of an example, A's and B's."""
    counts = {(each.task, each.language, each.model): each.tokens_per_example for each in texts}
    return {
        (task, language): (ours, counts[task, language, "b"])
        for (task, language, model), ours in counts.items()
        if model == "a" and (task, language, "b") in counts
    }


def told_work(
    texts: Sequence[LanguageText], found: Mapping[str, Sequence[Difference]], a: str, b: str
) -> Iterator[str]:
    """Yield where B works otherwise than A, how much by language, and why, a sentence per task.

    Args:
        texts: what was counted.
        found: what the structures differ in, by task.
        a: the name of A.
        b: the name of B.
    """
    work, tokens = work_ratios(texts), _tokens(texts)
    for task in dict.fromkeys(task for task, _ in work):
        ratios = {language: ratio for (of, language), ratio in work.items() if of == task}
        least, most = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
        if max(abs(ratio - 1) for ratio in ratios.values()) < SAME_WORK:
            continue
        ours, theirs = (fmean(tokens[task, each][place] for each in ratios) for place in (0, 1))
        reasons = [str(each) for each in found.get(task, ()) if each.is_costly]
        yield (
            f"{task}: for a request {b} does {ratios[least]:.2f} ({least}) to {ratios[most]:.2f} "
            f"({most}) times the operations of {a} as the engine runs them, on {theirs:.1f} tokens "
            f"against {ours:.1f}. "
            f"By structure: {'; '.join(reasons) or 'nothing but other tokens'}."
        )


@dataclass(frozen=True, slots=True)
class Uneven:
    """How unequally one cost of one model falls on a task's languages, at equal content."""

    task: str
    model: str
    cost: str
    found: Disparity


Costs = Mapping[tuple[str, str], Mapping[str, float]]
"""Task and model to a cost by language."""


def uneven_costs(speed: Speed) -> Iterator[Uneven]:
    """Yield the disparity of tokens and of latency, by parallel task and model."""
    tokens = _by_language(
        (each.task, each.model, each.language, each.tokens_per_example) for each in speed.texts
    )
    times_s = _times_s(speed)
    for task in PARALLEL:
        for model in "ab":
            for cost, known in (("tokens", tokens), ("p50 latency", times_s)):
                by_language = known.get((task, model), {})
                if len(by_language) > 1:
                    yield Uneven(task, model, cost, disparity(by_language))


def shares_of_time(speed: Speed) -> dict[str, float]:
    """Return the share of the variance of log(p50 latency) by language, task, model, and the rest.

    Empty where no language was timed by itself.
    """
    times = [
        (time_s, language, *where)
        for where, by_language in _times_s(speed).items()
        for language, time_s in by_language.items()
    ]
    if not times:
        return {}
    times_s, languages, tasks, models = zip(*times, strict=True)
    return variance_shares(times_s, {"language": languages, "task": tasks, "model": models})


def _times_s(speed: Speed) -> Costs:
    """Return each model's median latency, asked one at a time."""
    times = [each.time for each in language_attribution(speed)]
    return _by_language(
        (each.task, model, each.language, time_s)
        for each in times
        if each.scenario == SINGLE_STREAM.name
        for model, time_s in (("a", each.a_s), ("b", each.b_s))
    )


def _by_language(rows: Iterable[tuple[str, str, str, float]]) -> Costs:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for task, model, language, cost in rows:
        found.setdefault((task, model), {})[language] = cost
    return found


def text_cost(
    language: str,
    examples: Sequence[Example | Sentence | str],
    features: Features,
    encoder: TextEncoder,
) -> TextCost:
    """Return what some examples of one language cost in tokens.

    Args:
        language: two letters.
        examples: one at least.
        features: the rows that a model is fed for them.
        encoder: of the same checkpoint.
    """
    texts = [text for example in examples for text in _texts(example)]
    subwords = sum(map(len, encoder.ids(texts)))
    words = sum(len(text.split()) for text in texts)
    return TextCost(
        language=language,
        tokens_per_example=int(features.ids.lengths.sum()) / len(examples),
        subwords_per_character=subwords / sum(len("".join(text.split())) for text in texts),
        subwords_per_word=None if language in WITHOUT_SPACES else subwords / words,
    )


def _texts(example: Example | Sentence | str) -> tuple[str, ...]:
    match example:
        case PairExample():
            return example.text_a, example.text_b
        case ChoiceExample():
            return example.prompt, *example.choices
        case TaggedExample():
            return (" ".join(example.words),)
        case SpanExample():
            return example.question, example.context
        case TextExample() | Sentence():
            return (example.text,)
        case RankingExample() | str():
            return (example if isinstance(example, str) else example.query,)


class _Answered(NamedTuple):
    """One request's language, and what it took of A and of B."""

    language: str
    a: Spent
    b: Spent


def breakdowns(
    pair: Pair, workload: Workload, task: str, per_language: int, seed: int
) -> Iterator[LatencyBreakdown]:
    """Yield the parts of a task's change of time over all requests, then in every language.

    Args:
        pair: A and B, which tell when the first token was there.
        workload: where requests are drawn from.
        task: names it.
        per_language: requests, two at least; each is asked twice of each model.
        seed: of requests and orders.
    """
    rng = np.random.default_rng(Draws(seed, "measurement", task).number("requests", "split"))
    for request in workload.draw(_WARM_UP, rng)[:_WARM_UP]:
        for system in pair:
            system.answer([request.row])
    answered = [
        _Answered(each.language, *_asked(pair, each.row, ORDERS[rng.integers(len(ORDERS))]))
        for each in workload.draw(per_language, rng)
    ]
    for language in ("", *workload.rows):
        here = [each for each in answered if language in ("", each.language)]
        times_a, times_b = _times([each.a for each in here]), _times([each.b for each in here])
        tokens = fmean(each.a.real_tokens for each in here)
        yield breakdown_of(task, language, list(zip(times_a, times_b, strict=True)), tokens)


def _asked(pair: Pair, row: object, order: tuple[int, ...]) -> tuple[Spent, Spent]:
    """Return what one request takes of A and of B, each the faster of two turns."""
    turns: tuple[list[Spent], list[Spent]] = ([], [])
    for system in order:
        turns[system].append(pair[system].answer([row]))
    a, b = (min(each, key=lambda spent: spent.time_s) for each in turns)
    return a, b


def _times(spent: Sequence[Spent]) -> list[RequestTime]:
    """Return what requests took, in three parts; one without further tokens has others' time."""
    further = [each.written_tokens - 1 for each in spent]
    after_s = [each.time_s - each.first_token_s for each in spent]
    rows = zip(further, after_s, strict=True)
    per_token = [time_s / count for count, time_s in rows if count]
    usual = fmean(per_token) if per_token else fmean(each.first_token_s for each in spent)
    return [
        RequestTime(
            prefill_s=each.first_token_s if count else each.time_s,
            num_tokens=count,
            token_s=time_s / count if count else usual,
        )
        for each, count, time_s in zip(spent, further, after_s, strict=True)
    ]


def breakdown_of(
    task: str, language: str, asked: Sequence[tuple[RequestTime, RequestTime]], input_tokens: float
) -> LatencyBreakdown:
    """Return the parts of paired requests, two at least.

    Args:
        task: what was asked.
        language: of the requests, empty for several.
        asked: what A and B took for each.
        input_tokens: of a request, mean.
    """
    parts = [split_of_change(a, b) for a, b in asked]
    a, b = (_means([pair[model] for pair in asked]) for model in (0, 1))
    return LatencyBreakdown(
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


def told_breakdowns(found: Iterable[LatencyBreakdown], b: str) -> Iterator[str]:
    """Yield what made B faster or slower, a sentence per task; languages stand in the table."""
    for each in found:
        if not each.language:
            whole = each.whole
            yield (
                f"{each.task}, written answers: time ratio {whole.ratio:.3f} ({whole.low:.3f} to "
                f"{whole.high:.3f}); {b}: {each.says}."
            )


def _means(times: Sequence[RequestTime]) -> tuple[float, float, float]:
    """Return the means; the time per token over all tokens, not over requests."""
    tokens = fmean(each.num_tokens for each in times)
    written_s = fmean(each.num_tokens * each.token_s for each in times)
    token_s = written_s / tokens if tokens else fmean(each.token_s for each in times)
    return fmean(each.prefill_s for each in times), tokens, token_s


def _part(logs: Sequence[float]) -> PartRatio:
    found = sample(logs)  # a machine that is slow for one request is often so for the next
    low, high = found.interval(1 - ALPHA / (2 * _NUM_PARTS))
    return PartRatio(ratio=exp(found.mean), low=exp(low), high=exp(high))
