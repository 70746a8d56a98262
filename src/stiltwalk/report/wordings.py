"""The claims of Phang et al. (2020) that scores decide, each in the words that it was quoted in.

The paper exists in two versions that differ; where the synthesis that this project starts from
says more than version 2's abstract, both are judged.
"""

from __future__ import annotations

from stiltwalk.report.claims import Wording

BEST_ROW_POINTS = 5.4
HELPS_POINTS = 0.5
"""Below half a point nobody would speak of a gain."""
SMALL_POINTS = 2.0
"""The abstract does not say what it calls small; 8.7 over 8.2 points in the synthesis is 0.5."""
_SYNTHESIS = "as the synthesis has it"
_ABSTRACT = "as version 2's abstract has it"

WORDINGS = (
    Wording(
        name="1",
        says="SQuAD, MNLI and HellaSwag as intermediate tasks give the largest mean target gains "
        "(published: 8.2, 7.5, 7.0 points).",
        predicate="Among arms of one task, squad_v1, mnli and hellaswag have the three largest "
        "mean gains, and each is above zero.",
    ),
    Wording(
        name="2",
        says="All nine tasks at once is best on average (published: +8.7 points).",
        predicate="The arm of all nine tasks has a larger mean gain than every arm of one task, "
        "and above zero.",
        source=_SYNTHESIS,
    ),
    Wording(
        name="2 in v2",
        says="All nine tasks at once gives “small additional improvements”.",
        predicate="The same, and by no more than "
        f"{SMALL_POINTS:g} points over the best arm of one task.",
        source=_ABSTRACT,
    ),
    Wording(
        name="3",
        says="Intermediate training helps BUCC and Tatoeba, which have no training data, most.",
        predicate="Averaged over the plain English arms, bucc2018 and tatoeba gain more than every "
        "other target, and above zero.",
    ),
    Wording(
        name="4",
        says="TyDiQA gains from many intermediate tasks, XNLI from none.",
        predicate=f"More than half of the arms of one task gain over {HELPS_POINTS} points on "
        "tydiqa, and none does on xnli.",
    ),
    Wording(
        name="5",
        says="The best intermediate task per target gives +5.4 points over XLM-R Large on XTREME.",
        predicate="Taking for each target the arm that is best on English dev gains more than "
        f"{BEST_ROW_POINTS} points on the mean of XTREME's nine targets; each seed's test scores "
        "are those of the arms that the other seeds' dev scores choose.",
    ),
    Wording(
        name="6",
        says="Plain English intermediate training beats adding multilingual MLM, and translated "
        "intermediate data.",
        predicate="Every plain English arm has a higher mean score than its variant with MLM and "
        "its variant on translated data.",
        source=_SYNTHESIS,
    ),
    Wording(
        name="6 in v2",
        says="Neither multilingual MLM nor translated data “consistently outperforms” plain "
        "English intermediate training.",
        predicate="For MLM and for translated data alike: on some target a plain English arm "
        "scores higher than its variant.",
        source=_ABSTRACT,
    ),
)
