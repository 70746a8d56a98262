"""How to read the page of a run."""

from __future__ import annotations

from stiltwalk.reports.findings import Findings
from stiltwalk.reports.parts import Section, facts_in
from stiltwalk.tables.table import PAGE
from stiltwalk.tasks.task import GROUPS

_WORDS = """
Score: Percent. Accuracy for pairs and Tatoeba, chunk F1 for tags, F1 of pairs for BUCC, the mean
    of exact match and F1 for questions. A target's score is the plain mean over its languages,
    English included, as XTREME defines it.
Overall: The plain mean of XTREME's nine target scores, shown only when all nine have all their
    languages. Groups are {groups}.
Gain: Score minus the score of “none”, in percentage points, seed by seed and over the languages
    that both have.
Chosen on dev: For each target the arm with the best score on English dev, “none” among them; then
    its test score. No test row and no other language takes part in the choice. A target without
    English dev takes the arm with the best mean dev score over the others.
Baselines: Points of reference: always the most frequent label, a rule that counts shared words,
    the arm “none” with the word vectors of other languages shuffled. They say what such a score
    is worth, not where an arm's score comes from.
Missing: A score that was wanted and is not there, with the reason. The mean then covers what is
    there, and counts for no group and no overall.
Noise: {noise} The interval's half width is the root of the summed squares of two: Student's t
    between seeds, and test examples drawn again 1,000 times. Claims are judged by the same
    intervals.
Claims: Supported: every part of the predicate that must be true has a 95 % interval on its side.
    Contradicted: a part that it cannot do without, named with its size, has its interval on the
    other side, corrected for the number of parts. All else, one seed, and whatever needs arms
    that are not there, cannot be decided. What the paper says of XLM-R Large on full test sets is
    tested by nothing else: of another model, or on limited rows, the page shows what the same
    predicate comes to, as a matter of that model. How a study is made is a fact of its recipe, no
    verdict.
Files: scores.csv and timings.csv beside this page hold every row, scores as fractions; report.md
    and report.tex the same tables as text and for a paper, claims.json the verdicts on the
    claims; figures/ the figures as SVG and PNG.
"""


def reading(found: Findings) -> Section:
    """Return the words of the page, explained."""
    groups = "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in GROUPS.items())
    return Section(
        name="reading",
        link="How to read",
        title="How to read this page",
        parts=(facts_in(_WORDS, groups=groups, noise=found.said.caution),),
        formats=PAGE,
    )
