"""Numbers and names as people read them, and what must be said before any number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from babel import Locale

from stiltwalk.records import Split, TaskType
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.scores import Spread
from stiltwalk.tasks import TASKS
from stiltwalk.timing.sample_size import Figure
from stiltwalk.wording import rounded

MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
DASH = "\N{EN DASH}"
MISSING = "missing"
ABOUT_ZERO = "\N{ALMOST EQUAL TO}"
"""Before a gain that is inside the noise."""


def percent(fraction: float) -> str:
    """Return a fraction as percent with one decimal, without the sign: 0.8424 is 84.2."""
    return rounded(100 * fraction, 1)


def points(fraction: float) -> str:
    """Return a difference of fractions in percentage points, always with its sign.

    Example:
        >>> points(0.018), points(-0.0001)
        ('+1.8', '0.0')
    """
    return rounded(100 * fraction, 1, signed=True)


def percent_spread(score: Spread) -> str:
    """Return a score with its standard deviation over seeds, where there is one."""
    return percent(score.mean) + _plus_minus(score)


def points_spread(gain: Spread) -> str:
    """Return a gain with its standard deviation over seeds, where there is one."""
    return points(gain.mean) + _plus_minus(gain)


def count(number: int) -> str:
    """Return a whole number with thousands apart, such as 12,345."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 seed" or "40 languages"."""
    return f"{count(number)} {noun}{'s' * (number != 1)}"


def figures(value: float) -> str:
    """Return a measured quantity with about three significant figures, thousands apart.

    Example:
        >>> figures(12345.6), figures(12.0), figures(0.0456)
        ('12,346', '12.0', '0.0456')
    """
    if abs(value) >= 100:  # noqa: PLR2004 - three figures before the point
        return rounded(value, 0)
    return f"{value or 0.0:#.3g}".rstrip(".").replace("-", MINUS)


def interval(low: float, high: float) -> str:
    """Return an interval of time ratios, such as "0.990 to 1.010"."""
    return f"{rounded(low, 3)} to {rounded(high, 3)}"


def ratio_between(low: float, high: float) -> str:
    """Return the same where it stands in brackets behind the ratio: shorter."""
    return f"{rounded(low, 3)}{DASH}{rounded(high, 3)}"


def named(names: Sequence[str], joint: str) -> str:
    """Return names one after another, such as "mnli, qqp or ccg"."""
    return f" {joint} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def asked_figure(scenario: str, figure: Figure) -> str:
    """Return how requests were sent, and which figure is judged: "Offline throughput"."""
    return f"{scenario} {'throughput' if figure is Figure.TIME else figure}"


def as_read(figure: Figure, *time_ratios: float) -> tuple[float, ...]:
    """Return ratios of time as ratios of the figure, rising: more throughput, less time."""
    if figure is not Figure.TIME:
        return time_ratios
    return tuple(1 / each for each in reversed(time_ratios))


BETTER = dict.fromkeys(Figure, "below 1 is faster") | {Figure.TIME: "above 1 is better"}
"""Which way a ratio of a figure is good."""


def timed(figure: Figure, time_s: float) -> str:
    """Return one model's figure with its unit.

    Example:
        >>> timed(Figure.P50, 0.00229), timed(Figure.TIME, 0.004)
        ('2.29 ms', '250/s')
    """
    return f"{figures(1 / time_s)}/s" if figure is Figure.TIME else f"{figures(1000 * time_s)} ms"


def duration(time_s: float) -> str:
    """Return seconds as people say them.

    Example:
        >>> duration(3.21), duration(95), duration(7325), duration(-95)
        ('3.2 s', '1 min 35 s', '2 h 2 min', '\N{MINUS SIGN}1 min 35 s')
    """
    if time_s < 0:
        return f"{MINUS}{duration(-time_s)}"
    whole = round(time_s)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{rounded(time_s, 1)} s"
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


@cache
def language_name(code: str) -> str:
    """Return the English name of a language, or its code where no name is known."""
    return str(Locale("en").languages.get(code, code))


def label(language: str) -> str:
    """Return a language's English name and its code."""
    return f"{language_name(language)} ({language})"


def ordered_languages(run: RunRows, targets: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that some targets were to be tested in: English, then by name."""
    found = {language for task in targets for language in run.languages_of(task)}
    return tuple(sorted(found, key=lambda code: (code != "en", language_name(code))))


def _plus_minus(figure: Spread) -> str:
    return "" if figure.sd is None else f" {PLUS_MINUS} {percent(figure.sd)}"


_TASKS = """
mnli: Whether one English sentence follows from another, contradicts it, or neither.
anli_plus: The same on sentences that were written to mislead models.
qqp: Whether two English questions ask the same.
squad_v1: English questions, answered by a span of a paragraph.
squad_v2: The same; some questions have no answer there.
hellaswag: Which of four endings continues an English text.
ccg: The grammatical category of every word of an English sentence.
cosmos_qa: English questions on a story, four answers to choose from.
commonsense_qa: English questions on everyday knowledge, five answers to choose from.
xnli: Whether one sentence follows from another, contradicts it, or neither; accuracy.
pawsx: Whether two sentences of nearly the same words mean the same; accuracy.
udpos: The part of speech of every word; F1.
panx: Names of persons, places and organisations in a sentence; F1.
xquad: Questions, answered by a span of a paragraph; mean of exact match and F1.
mlqa: The same, on Wikipedia paragraphs of each language.
tydiqa: The same, with questions that native speakers asked in their own language.
bucc2018: Finding the translated pairs in two collections of sentences; F1.
tatoeba: Finding each sentence's English translation; accuracy.
sib200: Which of seven topics a sentence is about; accuracy.
lareqa: Finding the sentences, in any of eleven languages, that answer a question; mAP@20.
mewslix: Finding the entity that is mentioned, among a million in 50 languages; mAP@20.
mewslix_dev: The same, with the mentions of WikiNews' dev set.
mewslix_sample: The same, with 100 mentions a language among a part of the entities: easier by far.
"""
_SHAPES = {
    TaskType.TEXT: "Texts and what each is about.",
    TaskType.PAIR: "Pairs of texts and how they relate.",
    TaskType.CHOICE: "Texts and which of several continuations is right.",
    TaskType.TAGGING: "Sentences and a tag for every word.",
    TaskType.SPAN: "Questions, answered by a span of a text.",
    TaskType.RETRIEVAL: "Sentences and their translations, to be found.",
    TaskType.RANKING: "Queries, and the documents of one pool that answer them, ranked.",
}


@cache
def _told_tasks() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in _TASKS.strip().splitlines())


def task_in_words(name: str) -> str:
    """Return what a task asks; of one that a user declared, what its type asks."""
    return _told_tasks().get(name) or _SHAPES[TASKS[name].task_type]


SAME_TRAINING_ROWS = {"squad_v1", "squad_v2"}
"""SQuAD 2.0's training paragraphs are those of 1.1."""

MINIATURE = (
    "Embedded miniature benchmark: not a research result. Its base encoder was pretrained on "
    "exercises close to its own questions and inferences."
)


def notices(run: RunRows) -> tuple[str, ...]:
    """Return the sentences for the banners of a report."""
    limited = f"Limited: {run.limited.rstrip('.')}."
    there = {(each.arm, each.row.task) for each in run.rows if each.row.split == Split.TEST}
    wanted = [(arm, task) for arm in run.arms for task in run.targets]
    absent = sum(each not in there for each in wanted)
    partial = f"Incomplete: {absent} of {len(wanted)} pairs of arm and target have no score."
    return (
        *(MINIATURE,) * run.miniature,
        *(limited,) * bool(run.limited),
        *(partial,) * bool(absent),
        *_about_dev(run),
        *run.remarks,
    )


def _about_dev(run: RunRows) -> Iterator[str]:
    train_tasks = {target: TASKS[target].train_task for target in run.targets}
    cut = [target for target, name in train_tasks.items() if TASKS[name].dev_overlaps_test]
    if run.miniature or not cut:  # its dev rows are nobody's test rows
        return
    if run.dev == "published":
        yield (
            f"Dev sets as in the paper: checkpoints for {', '.join(cut)} are chosen on published "
            "English dev rows that test rows overlap (TyDiQA's are its English test rows, SQuAD's "
            "dev set holds XQuAD's English paragraphs)."
        )
        return
    shared = [target for target in cut if train_tasks[target] in SAME_TRAINING_ROWS]
    seen = [arm for arm, made in run.made_of.items() if SAME_TRAINING_ROWS & {*made.tasks}]
    if shared and seen:
        arms = ", ".join(f"“{arm}”" for arm in seen)
        yield (
            f"Dev rows of {', '.join(shared)} are training rows of SQuAD, held out of the target "
            f"phase alone. The intermediate phase of {arms} trained on them, so dev scores there "
            "are too high compared with other arms. Its own checkpoint was chosen on SQuAD's dev "
            "set, which holds XQuAD's English paragraphs."
        )
