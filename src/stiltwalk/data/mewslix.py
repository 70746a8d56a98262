"""Mewsli-X: mentions in WikiNews and Wikipedia, and the entities that they may mean.

Source:
    Files of the authors' script (google-research, `dense_representations_for_entity_retrieval`);
    texts as XTREME-R makes them of mentions and entities.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from stiltwalk.data.source import Place, bad_line, lines
from stiltwalk.records import PoolDocument, RankingExample, Split
from stiltwalk.wording import shown

NEEDED = (
    "Mewsli-X must be given as a folder: its text comes from WikiNews through the authors' script. "
    "Set data.mewslix to the folder with candidate_set_entities.jsonl (docs/data.md)."
)
SAMPLES: Mapping[str, tuple[int, float]] = {"mewslix_sample": (100, 0.01)}
"""Tasks that are a part of the whole: mentions a language, and the share of further entities."""
_ENTITIES = "candidate_set_entities.jsonl"
_PAIRS = {Split.TRAIN: "wikipedia_pairs-train.jsonl", Split.DEV: "wikipedia_pairs-dev.jsonl"}
_BRACES = re.compile(r"\{(.*?)\}")


def split_files(folder: Path, split: Split, place: Place) -> list[Path]:
    """Return the pairs of a split, or the mentions and the entities that are tested."""
    names = [_PAIRS[split]] if split in _PAIRS else [_mentions_file(place.dataset), _ENTITIES]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise place.error(f"{folder} lacks {missing[0]}.", "docs/data.md says how to get it.")
    return [folder / name for name in names]


def _mentions_file(task: str) -> str:
    return f"wikinews_mentions-{'dev' if task == 'mewslix_dev' else 'test'}.jsonl"


def examples(folder: Path, place: Place, split: Split) -> Iterator[RankingExample]:
    """Yield mentions: English ones with their entities, or those of a language to be tested."""
    path = split_files(folder, split, place)[0]
    if split is Split.TEST:
        most, _ = SAMPLES.get(place.dataset, (None, 1.0))
        return _first(_mentions(path, place), most, place.config)
    return _read(path, place, _pair)


def documents(folder: Path, place: Place, max_rows: int | None) -> Iterator[PoolDocument]:
    """Yield the entities; of so many mentions a language, theirs and the same share of the others.

    Which others these are follows from their ids.
    """
    mentions, entities = split_files(folder, Split.TEST, place)
    most, share = SAMPLES.get(place.dataset, (None, 1.0))
    most = min(filter(None, (max_rows, most)), default=None)
    wanted = set[str]()
    if most is not None:
        languages = Counter(language for language, _ in _mentions(mentions, place))
        for language in languages:
            found = _first(_mentions(mentions, place), most, language)
            wanted.update(one for each in found for one in each.right)
        asked = sum(min(most, number) for number in languages.values()) / max(languages.total(), 1)
        share = min(share, asked)
    for document in _read(entities, place, lambda told: [_entity(told)]):
        if share == 1 or document.id in wanted or crc32(document.id.encode()) < share * 2**32:
            yield document


def _first(
    mentions: Iterator[tuple[str, RankingExample]], most: int | None, language: str
) -> Iterator[RankingExample]:
    return islice((example for code, example in mentions if code == language), most)


def _mentions(path: Path, place: Place) -> Iterator[tuple[str, RankingExample]]:
    return _read(path, place, _mentions_of)


def _mentions_of(told: Any) -> list[tuple[str, RankingExample]]:  # noqa: ANN401 - as the file has it
    context = told["context"]
    return [(_text(context["language"]), _example(context, each, ())) for each in told["mentions"]]


def _pair(told: Any) -> list[RankingExample]:  # noqa: ANN401 - as the file has it
    found = told["contextual_mention"]
    return [_example(found["context"], found["mention"], (_entity(told["entity"]),))]


_Read = TypeVar("_Read")


def _read(path: Path, place: Place, make: Callable[[Any], list[_Read]]) -> Iterator[_Read]:
    """Yield what is made of each line's object."""
    for number, line in lines(path, place):
        try:
            made = make(json.loads(line))
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            found = f"not in Mewsli-X's form ({type(error).__name__} {shown(str(error))})."
            raise bad_line(place, path, number, found, "Make it again (docs/data.md).") from error
        yield from made


def _example(
    context: dict[str, Any], mention: dict[str, Any], documents: Sequence[PoolDocument]
) -> RankingExample:
    text, span = context["text"], mention["mention_span"]
    start, end = span["start"], span["end"]
    if text[start:end] != span["text"]:
        raise ValueError(f"{mention['example_id']} is not at its place; was the text put in?")
    inside = (each for each in context["sentence_spans"] if each["start"] <= start < each["end"])
    sentence = next((each for each in inside if end <= each["end"]), None)
    if sentence is None:
        raise ValueError(f"{mention['example_id']} is in no sentence")
    query = marked(text[sentence["start"] : start], span["text"], text[end : sentence["end"]])
    right = _text(mention["entity_id"])
    return RankingExample(_text(mention["example_id"]), query, (right,), tuple(documents))


def marked(left: str, mention: str, right: str) -> str:
    """Return a mention, and once more between braces in its sentence, whose own become brackets."""
    left, right = (_BRACES.sub(r"(\1)", side) for side in (left, right))
    return _on_a_line(f"{mention}: {left} {{ {mention} }} {right}")


def _entity(told: dict[str, Any]) -> PoolDocument:
    spans = [slice(each["start"], each["end"]) for each in told["sentence_spans"]]
    text = _on_a_line(" ".join(told["description"][span] for span in spans))
    return PoolDocument(
        _text(told["entity_id"]), text, language=_text(told["description_language"])
    )


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(f"{found!r} is no text")
    return found


def _on_a_line(text: str) -> str:
    return " ".join(text.splitlines()).replace("  ", " ").strip()
