"""How the queries of a ranking task are answered: one pool, a part of it at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stiltwalk.errors import NotFinite
from stiltwalk.heads.ranking import rankings
from stiltwalk.inference.engine import RowCosts
from stiltwalk.inference.predictor import Predictor
from stiltwalk.metrics.bitext import nearest_of_many
from stiltwalk.metrics.ranking import CUTOFF, across_languages
from stiltwalk.metrics.score import Share, example_scores, score
from stiltwalk.records import Answers, Example, RankingExample, Scores, gold_answers
from stiltwalk.stages.context import Context
from stiltwalk.tasks.load import documents
from stiltwalk.tasks.task import Task
from stiltwalk.wording import shown


@dataclass(frozen=True, kw_only=True, eq=False)
class LanguageResult:
    """The answers and scores of one language."""

    language: str
    answers: Answers
    scores: Scores
    shares: Sequence[Share]
    num_examples: int
    costs: RowCosts


def ranking_results(
    task: Task,
    predictor: Predictor,
    asked: Mapping[str, Sequence[Example]],
    max_rows: int | None,
    context: Context,
) -> Iterator[LanguageResult]:
    """Rank the pool for the queries of all languages; costs are those of the queries alone.

    However large the pool is, the vectors of a part of it and its ids are held.
    """
    queries = [each for rows in asked.values() for each in rows if isinstance(each, RankingExample)]
    query_ND, costs = _vectors(predictor, queries)
    ids = list[str]()
    right = (document for each in queries for document in each.right)
    language_of: dict[str, str | None] = dict.fromkeys(right)

    def parts() -> Iterator[NDArray[np.float32]]:
        for part in documents(task, context.data, max_rows):
            ids.extend(each.id for each in part)
            language_of.update((e.id, e.language) for e in part if e.id in language_of)
            yield _vectors(predictor, part)[0]
            context.progress(len(ids), max(task.num_documents, len(ids)))

    found = nearest_of_many(query_ND, parts(), CUTOFF)
    ranked = rankings(queries, found.index_NK, found.score_NK, ids)
    first = 0
    for language, rows in asked.items():
        own = queries[first : first + len(rows)]
        answers, gold = {each.id: ranked[each.id] for each in own}, gold_answers(own)
        scores = score(task.metric, answers, gold, language)
        yield LanguageResult(
            language=language,
            answers=answers,
            scores=scores | across_languages(answers, own, language, language_of),
            shares=example_scores(task.metric, answers, gold, language),
            num_examples=len(own),
            costs=costs.of(slice(first, first + len(own))),
        )
        first += len(own)


def _vectors(predictor: Predictor, asked: Sequence[Any]) -> tuple[NDArray[np.float32], RowCosts]:
    try:
        found, costs = predictor.outputs(predictor.features(asked), once=True)
    except NotFinite as error:
        raise NotFinite(f"row {shown(asked[error.row].id)}: {error}", error.row) from error
    return np.stack(found), costs
