"""Rows of a task from wherever a recipe takes them."""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import chain, islice
from random import Random
from typing import Any

from stiltwalk import mini
from stiltwalk.data import bucc, by_language, readers
from stiltwalk.data.by_language import ByLanguage
from stiltwalk.data.hub import HubFiles, open_rows
from stiltwalk.data.source import HUB, MINI, DataSource, Place, Rows
from stiltwalk.data.textfile import open_table
from stiltwalk.draws import Draws
from stiltwalk.errors import DataError
from stiltwalk.records import (
    Bitext,
    ChoiceExample,
    Example,
    PairExample,
    PoolDocument,
    RankingExample,
    SpanExample,
    Split,
    TaskType,
    TextExample,
)
from stiltwalk.tasks import sources
from stiltwalk.tasks.task import OwnFiles, Task
from stiltwalk.wording import nearest


class KeptRows:
    """The rows asked for most recently: several arms read the same test sets.

    Bounded by rows, not by calls, since one training set can be as large as all test sets.
    """

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._kept: OrderedDict[Hashable, tuple[Example, ...]] = OrderedDict()

    def forget(self) -> None:
        """Drop everything: what lies behind a key may have changed since."""
        self._kept.clear()

    def get(self, key: Hashable, read: Callable[[], tuple[Example, ...]]) -> tuple[Example, ...]:
        """Return the rows of a key, reading them only where they are not at hand."""
        rows = self._kept.pop(key, None)
        if rows is None:
            rows = read()
        self._kept[key] = rows
        while len(self._kept) > 1 and sum(map(len, self._kept.values())) > self._max_rows:
            self._kept.popitem(last=False)
        return rows


log = logging.getLogger(__name__)

HELD_OUT_ONE_IN = 10
"""So many paragraphs have one that is held out."""
ESTIMATED_ROWS = 1_000
"""Of a split on the hub that nobody counted."""
PART_OF_A_POOL = 20_000
"""Documents that are held at once."""
_kept = KeptRows(max_rows=300_000)


def examples(
    task: Task, source: DataSource, split: Split, language: str = "en", max_rows: int | None = None
) -> Sequence[Example]:
    """Return the rows of a split in one language, in the data set's own order.

    A second call with the same arguments reads nothing. Of a task that is put together from
    several data sets, `max_rows` takes one row of each in turn.

    Raises:
        DataError: if the rows are not there or one cannot be used.
    """
    assert task.task_type is not TaskType.RETRIEVAL, "retrieval has a bitext, not examples"
    _check(task, split, language)
    return _kept.get(
        (task, source, split, language, max_rows),
        lambda: _read(task, source, split, language, max_rows),
    )


def translated(
    task: Task, where: ByLanguage, language: str, max_rows: int | None = None
) -> Sequence[Example]:
    """Return a task's training rows in another language, read as its English rows are.

    Raises:
        DataError: if the rows are not there or one cannot be used.
    """
    if where.place == MINI:
        return mini.translated(task.name, language)[:max_rows]
    read = next(files.read for files in task.hub if files.train is not None)
    assert read is not None
    return tuple(islice(read(by_language.open_rows(where, language), language), max_rows))


def bitext(
    task: Task, source: DataSource, split: Split, language: str, max_pairs: int | None = None
) -> Bitext:
    """Return both sides of a retrieval task and which sentences are translations.

    Raises:
        DataError: if the rows are not there or one cannot be used.
    """
    assert task.task_type is TaskType.RETRIEVAL, "only retrieval has a bitext"
    _check(task, split, language)
    if source.source == MINI:
        whole = mini.bitext(task.name, split, language)
    elif task.own_files is OwnFiles.BUCC:
        whole = bucc.bitext(sources.own_folder(task, source), split, language)
    else:
        files = _parts(task, split, language)[0]
        name = files.split_named(split)
        assert name is not None
        whole = readers.aligned(open_rows(files, source.source, name, language))
    return whole if max_pairs is None else first_pairs(whole, max_pairs)


def documents(
    task: Task, source: DataSource, max_rows: int | None = None
) -> Iterator[Sequence[PoolDocument]]:
    """Yield the pool that a ranking task's test queries are searched in, in parts.

    It is one for all languages, whichever are asked. With `max_rows` queries per language it is
    what these ask about.

    Raises:
        DataError: if it is not there or cannot be used.
    """
    if source.source == MINI:
        pool = mini.documents(task.name, max_rows)
    else:
        pool = sources.own_documents(task, source, max_rows)
    first = next(pool, None)
    if first is None:
        raise DataError(f"{task.name}: there are no documents to be ranked. Fetch its files again.")
    pool = chain([first], pool)
    while part := tuple(islice(pool, PART_OF_A_POOL)):
        yield part


def forget_rows() -> None:
    """Read everything anew from now on; a run begins with it, since files can change between."""
    _kept.forget()
    _num_rows_in.cache_clear()


def first_pairs(whole: Bitext, max_pairs: int) -> Bitext:
    """Return the first gold pairs with the same share of the sentences that have no partner."""
    if max_pairs >= len(whole.gold):
        return whole
    gold = whole.gold[:max_pairs]
    sides = []
    for side, sentences in enumerate((whole.foreign, whole.english)):
        paired = {pair[side] for pair in whole.gold}
        unpaired = [sentence.id for sentence in sentences if sentence.id not in paired]
        share = len(unpaired) * max_pairs // len(whole.gold)
        kept = {pair[side] for pair in gold} | set(unpaired[:share])
        sides.append(tuple(sentence for sentence in sentences if sentence.id in kept))
    return Bitext(sides[0], sides[1], gold)


def is_held_out(context: str) -> bool:
    """Tell whether a paragraph belongs to the dev rows cut from training rows: one in ten does.

    Decided by the paragraph's text alone, so a paragraph is never on both sides, and the cut needs
    no second pass.
    """
    return int.from_bytes(sha256(context.encode()).digest()[:4]) % HELD_OUT_ONE_IN == 0


def by_part(task: Task, rows: Sequence[Example]) -> dict[str, list[int]]:
    """Return the positions of the rows of each data set that a task is put together from.

    A task of one piece has one entry, "". ANLI+ is scored on dev as the mean over its parts.
    """
    found: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        part = row.id.partition(":")[0]
        found.setdefault(part if part in task.parts else "", []).append(position)
    return found


def _check(task: Task, split: Split, language: str) -> None:
    if language not in task.languages and (not task.is_own or language != "en"):
        raise DataError(
            f"{task.name} has no language '{language}'. Ask for one of {', '.join(task.languages)}."
        )
    if split is Split.TRAIN and task.trained_on is not None:
        raise DataError(
            f"{task.name} has no training rows of its own. It trains on {task.trained_on}: ask for "
            "that task's."
        )
    if split is Split.TRAIN and language != "en":
        raise DataError(
            f"{task.name} has training rows in English only, not in '{language}'. Ask for 'en'."
        )


def _read(
    task: Task, source: DataSource, split: Split, language: str, max_rows: int | None
) -> tuple[Example, ...]:
    counts: Counter[str] = Counter()
    source = sources.source_of(task, source)
    if source.source == MINI:
        found = iter(mini.examples(task.name, split, language))
    elif sources.are_read(task, source, split):
        found = sources.own_examples(task, source, split, language, max_rows, counts)
    elif task.files is not None:
        found = _from_files(task, split, language)
    else:
        parts = [
            _from_hub(task, files, source, split, language, counts)
            for files in _parts(task, split, language)
        ]
        found = chain(*parts) if max_rows is None else _in_turn(parts)
    rows = tuple(islice(found, max_rows))
    if not rows:
        raise DataError(
            f"{task.name}, split '{split}', language '{language}': there are no rows. "
            "Fetch the data set again, or leave the language out."
        )
    for what, number in counts.items():
        if number:
            log.info("%s %s %s: %d %s", task.name, split, language, number, what)
    return rows


def _parts(task: Task, split: Split, language: str) -> list[HubFiles]:
    """Return the data sets that hold a split of the task."""
    is_cut = task.dev_is_held_out and split is Split.DEV
    if is_cut and language != "en":
        raise DataError(
            f"{task.name}'s dev rows are cut from its training rows, so there are none in "
            f"'{language}'. Ask for 'en'."
        )
    wanted = Split.TRAIN if is_cut else split
    parts = [files for files in task.hub if files.has(wanted, language)]
    if not parts:
        has = [one for one in Split if any(files.split_named(one) for files in task.hub)]
        advice = f" It trains on {task.trained_on}." if task.trained_on else ""
        raise DataError(
            f"{task.name} has no split '{split}' with public labels on the hub.{advice} "
            f"Ask for {' or '.join(has)}."
        )
    return parts


def _from_hub(
    task: Task,
    files: HubFiles,
    source: DataSource,
    split: Split,
    language: str,
    counts: Counter[str],
) -> Iterator[Example]:
    """Yield the rows of one part; where dev is held out, both halves of its training rows."""
    is_cut = task.dev_is_held_out and split is not Split.TEST
    name = files.split_named(Split.TRAIN if is_cut else split)
    assert name is not None
    assert files.read is not None
    rows = open_rows(files, source.source, name, language)
    try:
        for example in files.read(rows, language):
            if not is_cut or _is_dev(example) == (split is Split.DEV):
                yield example
    finally:  # also where the caller has seen enough
        counts.update(rows.counts)


def raw_row(task: Task, split: Split, language: str) -> dict[str, Any]:
    """Return the first row of a file of the user's, column by column, as it stands there.

    Raises:
        DataError: if there is none.
    """
    rows = _open_file(task, split, language)
    _, values = next(rows.take((), rows.columns))
    return dict(zip(rows.columns, values, strict=True))


def _open_file(task: Task, split: Split, language: str) -> Rows:
    assert task.files is not None
    path = task.files.path_of(split, language)
    place = Place(task.name, language, split.value)
    if path is None:
        raise place.error("there is no such split.", f"Declare tasks.{task.name}.{split}.")
    return open_table(path, place)


def _from_files(task: Task, split: Split, language: str) -> Iterator[Example]:
    assert task.files is not None
    rows = _open_file(task, split, language)
    missing = next((each for each in task.columns if each not in rows.columns), None)
    if missing is not None:
        raise rows.error(
            f"there is no column {missing!r}.",
            f"Name it in tasks.{task.name}.columns.{nearest(missing, rows.columns)}",
        )
    return task.files.read(rows, language)


def num_rows(task: Task, source: DataSource, split: Split, language: str) -> int:
    """Return the rows of a split: counted in a folder's files, else as declared or estimated.

    Of retrieval the sentences of both sides.

    Raises:
        DataError: if such a file has rows that cannot be used.
    """
    here = sources.source_of(task, source)
    if here.source == MINI:
        return mini.ROWS[split] * (2 if task.task_type is TaskType.RETRIEVAL else 1)
    counted = _num_rows_in(task, here, split, language)
    if counted is not None:
        return counted
    if split in task.num_rows or not task.has(split):
        return task.rows_of(split, language) or 0
    return ESTIMATED_ROWS if task.files is None else len(examples(task, source, split, language))


def num_asked(
    task: Task, source: DataSource, split: Split, language: str, max_rows: int | None
) -> int:
    """Return how many rows of a split `max_rows` leaves; of retrieval the sentences of both sides.

    Raises:
        DataError: if files that are read for it have rows that cannot be used.
    """
    rows = num_rows(task, source, split, language)
    if max_rows is None or task.task_type is not TaskType.RETRIEVAL:
        return rows if max_rows is None else min(rows, max_rows)
    if sources.are_read(task, source) and not sources.are_awaited(task, source):
        kept = bitext(task, source, split, language, max_rows)
        return len(kept.foreign) + len(kept.english)
    return min(rows, 2 * max_rows)


@lru_cache(maxsize=1000)
def _num_rows_in(task: Task, source: DataSource, split: Split, language: str) -> int | None:
    """Count a split in the files of a folder in the hub's layout, None where it is not there.

    Where one file mixes languages, each has the share that is declared.
    """
    if source.source == HUB or task.files is not None or sources.are_read(task, source, split):
        return None
    number, sides = 0.0, 2 if task.task_type is TaskType.RETRIEVAL else 1
    for files in task.hub:
        name = files.split_named(split)
        if name is None or not files.has(split, language):
            continue
        try:
            found = open_rows(files, source.source, name, language).num_rows
        except DataError:  # the run says so, if it is read
            return None
        told = {code: task.rows_of(split, code) or 0 for code in task.languages}
        is_mixed = "{" not in files.config and told.get(language)
        share = told[language] / sum(told.values()) if is_mixed else 1.0
        number += (found or 0) * share * sides
    return round(number) or None


def num_documents(task: Task, source: DataSource, max_rows: int | None) -> int:
    """Return how many documents `documents` yields, about; 0 of a task that ranks none."""
    if task.task_type is not TaskType.RANKING:
        return 0
    whole = mini.num_documents(task.name) if source.source == MINI else task.num_documents
    language = task.languages[0]
    asked = num_asked(task, source, Split.TEST, language, max_rows)
    return round(whole * asked / max(num_rows(task, source, Split.TEST, language), 1))


def tokens_of_document(task: Task, source: DataSource) -> float:
    """Return the mean tokens of a ranking task's documents, as estimated; 0 of other tasks."""
    if task.task_type is not TaskType.RANKING:
        return 0.0
    return mini.DOCUMENT_TOKENS if source.source == MINI else task.document_tokens


def tokens_of_row(task: Task, source: DataSource, language: str) -> float:
    """Return the mean tokens of a row in a language, as declared or estimated."""
    if sources.source_of(task, source).source == MINI:
        return mini.TASKS[task.name].mean_tokens
    return task.tokens_of_row(language)


def _is_dev(example: Example) -> bool:
    if isinstance(example, RankingExample):
        return is_held_out(example.documents[0].context)
    assert isinstance(example, SpanExample | ChoiceExample), "only these have a text to hold out"
    return is_held_out(example.context if isinstance(example, SpanExample) else example.prompt)


def _in_turn(parts: Sequence[Iterator[Example]]) -> Iterator[Example]:
    waiting = list(parts)
    while waiting:
        for part in tuple(waiting):
            row = next(part, None)
            if row is None:
                waiting.remove(part)
            else:
                yield row


def drawn(
    rows: Sequence[Example], labels: Sequence[str], per_class: int, draws: Draws
) -> tuple[Example, ...]:
    """Return so many rows of every class, class by class; a smaller draw is part of a larger one.

    Raises:
        DataError: if a class has fewer rows.
    """
    found: list[Example] = []
    for label in labels:
        own = [e for e in rows if isinstance(e, TextExample | PairExample) and e.label == label]
        if len(own) < per_class:
            raise DataError(
                f"There are {len(own)} training rows of the class {label!r}, and {per_class} were "
                "to be drawn. Lower examples_per_class."
            )
        random = Random(draws.number("rows", label))  # noqa: S311 - a draw to be repeated, no secret
        random.shuffle(own)
        found += own[:per_class]
    return tuple(found)
