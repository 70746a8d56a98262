"""What times differ by: the work of two models, languages, how many tokens say the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder
from stiltwalk.metrics.efficiency import Disparity, disparity, variance_shares
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    Sentence,
    SpanExample,
    TaggedExample,
    TextExample,
)
from stiltwalk.timing.record import Cell, LanguageText, LanguageTime, Speed
from stiltwalk.timing.sample_size import SINGLE_STREAM, Figure

if TYPE_CHECKING:
    from stiltwalk.timing.structure import Difference

PARALLEL = ("xnli", "pawsx", "xquad")
"""Targets whose test rows say the same in every language."""


SAME_WORK = 0.005
"""A smaller change of the work is not shown."""


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


@dataclass(frozen=True, slots=True)
class Uneven:
    """How unequally one cost of one model falls on a task's languages, at equal content."""

    task: str
    model: str
    cost: str
    found: Disparity


@dataclass(frozen=True, slots=True)
class _Time:
    task: str
    language: str
    model: str
    time_s: float


def language_attribution(speed: Speed) -> Iterator[LanguageAttribution]:
    """Yield what each language's median request takes, and why."""
    judged = [each for each in speed.cells if each.language and each.figure == Figure.P50]
    times = [(each, "") for each in speed.languages]
    times += [(_time_of(each), each.verdict) for each in judged]
    tokens, work = _tokens(speed.texts), work_ratios(speed.texts)
    for time, verdict in times:
        place = time.task, time.language
        yield LanguageAttribution(time, verdict, tokens.get(place), work.get(place))


def _time_of(cell: Cell) -> LanguageTime:
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


def uneven_costs(speed: Speed) -> Iterator[Uneven]:
    """Yield the disparity of tokens and of latency, by parallel task and model."""
    times = list(_times(speed))
    for task in PARALLEL:
        for model in "ab":
            tokens = {
                each.language: each.tokens_per_example
                for each in speed.texts
                if (each.task, each.model) == (task, model)
            }
            latency = {
                each.language: each.time_s
                for each in times
                if (each.task, each.model) == (task, model)
            }
            for cost, by_language in (("tokens", tokens), ("p50 latency", latency)):
                if len(by_language) > 1:
                    yield Uneven(task, model, cost, disparity(by_language))


def shares_of_time(speed: Speed) -> dict[str, float]:
    """Return the share of the variance of log(p50 latency) by language, task, model, and the rest.

    Empty where no language was timed by itself.
    """
    times = list(_times(speed))
    if not times:
        return {}
    return variance_shares(
        [each.time_s for each in times],
        {
            "language": [each.language for each in times],
            "task": [each.task for each in times],
            "model": [each.model for each in times],
        },
    )


def _times(speed: Speed) -> Iterator[_Time]:
    """Yield each model's median latency in each language of each task, asked one at a time."""
    for cause in language_attribution(speed):
        each = cause.time
        if each.scenario == SINGLE_STREAM.name:
            yield _Time(each.task, each.language, "a", each.a_s)
            yield _Time(each.task, each.language, "b", each.b_s)


WITHOUT_SPACES = frozenset("ja my th zh".split())
"""Languages of XTREME whose writing does not set words apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextCost:
    """How many tokens a model is fed for some text of one language.

    `tokens` counts what the model is fed: special tokens, cuts, and windows included; `subwords`
    the tokenizer's pieces of the text itself, `characters` those that are no white space. `words`
    are what white space sets apart, None where a writing does not.
    """

    language: str
    num_examples: int
    tokens: int
    subwords: int
    characters: int
    words: int | None

    @property
    def tokens_per_example(self) -> float:
        """Comparable between languages on parallel data alone."""
        return self.tokens / self.num_examples

    @property
    def subwords_per_character(self) -> float:
        """Fertility for any writing."""
        return self.subwords / self.characters

    @property
    def subwords_per_word(self) -> float | None:
        """Fertility where words are set apart."""
        return None if self.words is None else self.subwords / self.words


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
    words = sum(len(text.split()) for text in texts)
    return TextCost(
        language=language,
        num_examples=len(examples),
        tokens=int(features.ids.lengths.sum()),
        subwords=sum(map(len, encoder.ids(texts))),
        characters=sum(len("".join(text.split())) for text in texts),
        words=None if language in WITHOUT_SPACES else words,
    )


def _texts(example: Example | Sentence | str) -> tuple[str, ...]:
    """Return all text of an example that a model reads."""
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
        case str():
            return (example,)
