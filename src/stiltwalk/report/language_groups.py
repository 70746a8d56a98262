"""Languages by script, family and resources, and how arms fare in each group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stiltwalk.metrics.aggregate import mean
from stiltwalk.records import BASELINE_ARM, Split
from stiltwalk.report.rows import RunRows
from stiltwalk.report.totals import ScoreBook, Spread, spread, trained_seeds


def _table(text: str) -> dict[str, str]:
    """Return language to group from lines of "group: codes"."""
    lines = (line.partition(": ") for line in text.strip().splitlines())
    return {code: group.strip() for group, _, codes in lines for code in codes.split()}


_SCRIPT = _table("""
    Latin: af de en es et eu fi fr hu id it jv ms nl pt sw tl tr vi yo
    Arabic: ar fa ur
    Cyrillic: bg kk ru
    Devanagari: hi mr
    Chinese characters, kana: ja zh
    other scripts: bn el he ka ko ml my ta te th
""")
_FAMILY = _table("""
    Germanic: af de en nl
    Romance: es fr it pt
    Slavic: bg ru
    Indo-Iranian: bn fa hi mr ur
    Uralic: et fi hu
    Turkic: kk tr
    Dravidian: ml ta te
    Austronesian: id jv ms tl
    Afro-Asiatic: ar he
    Niger-Congo: sw yo
    Sino-Tibetan: my zh
    families with one language here: el eu ja ka ko th vi
""")
_RESOURCES = _table("""
    5, the most: ar de en es fr ja zh
    4: eu fa fi hi hu it ko nl pt ru tr vi
    3: af bg bn el et he id ka kk ms ta th tl ur
    1 and 2, the least: jv ml mr my sw te yo
""")
GROUPINGS: Mapping[str, Mapping[str, str]] = {
    "resources": _RESOURCES,
    "script": _SCRIPT,
    "family": _FAMILY,
}
"""Resources: the classes of Joshi et al. (2020), "The State and Fate of Linguistic Diversity"."""

GROUPED = frozenset(_SCRIPT)
"""The languages that are in a group of each kind: XTREME's."""


@dataclass(frozen=True, kw_only=True)
class GroupScore:
    """One arm in one group of languages, fractions over seeds.

    English is in no group: it is what the others are held against. A target's languages in the
    group are averaged first, then the targets.
    """

    grouping: str
    group: str
    languages: tuple[str, ...]
    arm: str
    score: Spread
    gain: Spread | None


def group_scores(run: RunRows) -> Iterator[GroupScore]:
    """Yield every arm's score in every group of languages that the run was tested in."""
    book = ScoreBook(run.rows, Split.TEST, trained_seeds(run.rows), run.languages_of)
    tested = dict.fromkeys(code for task in run.targets for code in run.languages_of(task))
    for grouping, groups in GROUPINGS.items():
        for group in dict.fromkeys(groups.values()):
            languages = tuple(c for c in sorted(tested) if groups.get(c) == group and c != "en")
            for arm in run.arms if languages else ():
                ours = _by_seed(run, book, arm, languages)
                theirs = _by_seed(run, book, BASELINE_ARM, languages)
                score = spread(ours.values())
                gains = [ours[seed] - theirs[seed] for seed in ours if seed in theirs]
                if score:
                    yield GroupScore(
                        grouping=grouping,
                        group=group,
                        languages=languages,
                        arm=arm,
                        score=score,
                        gain=spread(gains) if arm != BASELINE_ARM else None,
                    )


def _by_seed(
    run: RunRows, book: ScoreBook, arm: str, languages: tuple[str, ...]
) -> dict[int, float]:
    """Return seed to the mean over targets, those that the arm has all of the languages of."""
    per_task = []
    for task in run.targets:
        wanted = [code for code in run.languages_of(task) if code in languages]
        found = [book.language_scores(arm, task, code) for code in wanted]
        if found and all(found):
            shared = set.intersection(*map(set, found))
            per_task.append({seed: mean([each[seed] for each in found]) for seed in shared})
    seeds = set.intersection(*map(set, per_task)) if per_task else set()
    return {seed: mean([each[seed] for each in per_task]) for seed in sorted(seeds)}
