"""XQuAD-R and Mewsli-X in files as small as can be, in the form of the real ones."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_xquad_r(folder: Path, languages: Sequence[str], num_paragraphs: int = 2) -> None:
    """Write `xquad-r/LANG.json`: paragraphs of two sentences with a question about each."""
    (folder / "xquad-r").mkdir(exist_ok=True)
    for language in languages:
        told = [_paragraph(number, language) for number in range(1, num_paragraphs + 1)]
        document = {"version": "1.1", "data": [{"title": "places", "paragraphs": told}]}
        file = folder / "xquad-r" / f"{language}.json"
        file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _paragraph(number: int, language: str) -> dict[str, Any]:
    names = [f"{city} {number}, {language}" for city in ("Paris", "Tokyo")]
    sentences = [f"{name}." for name in names]
    context = " ".join(sentences)
    starts = [context.index(name) for name in names]
    return {
        "context": context,
        "sentences": sentences,
        "sentence_breaks": [
            [start, start + len(text)] for start, text in zip(starts, sentences, strict=True)
        ],
        "qas": [
            {
                "id": f"{number}-{at}",
                "question": f"Where is {name}?",
                "answers": [{"text": name, "answer_start": start}],
            }
            for at, (name, start) in enumerate(zip(names, starts, strict=True))
        ],
    }


PLACES = {"Q1": ("Paris", "fr"), "Q2": ("Tokyo", "de"), "Q3": ("Nairobi", "en")}
"""Entities that are mentioned, and the languages that they are described in."""


def write_mewslix(folder: Path, languages: Sequence[str], num_others: int = 5) -> None:
    """Write Mewsli-X's five files: every place is mentioned once in every language."""
    wanted = [_entity(key, name, language) for key, (name, language) in PLACES.items()]
    others = [
        _entity(f"Q{number}", f"Place {number}", "en") for number in range(100, 100 + num_others)
    ]
    _write(folder / "candidate_set_entities.jsonl", [*others, *wanted])
    for split in ("dev", "test"):
        told = [_article(split, language) for language in languages]
        _write(folder / f"wikinews_mentions-{split}.jsonl", told)
    for split, number in (("train", 24), ("dev", 8)):
        pairs = []
        for row in range(number):
            name = f"Town {row}, {split}"
            text = f"Before. It is in {name} and {{not}} elsewhere. After."
            pairs.append(
                {
                    "contextual_mention": {
                        "context": _context(text, "en"),
                        "mention": _mention(f"{split}-{row}", text, name, f"Q{split}{row}"),
                    },
                    "entity": _entity(f"Q{split}{row}", name, "en"),
                }
            )
        _write(folder / f"wikipedia_pairs-{split}.jsonl", pairs)


def _article(split: str, language: str) -> dict[str, Any]:
    text = " ".join(f"{split} news of {name}, {language}." for name, _ in PLACES.values())
    mentions = [
        _mention(f"{split}-{language}-{key}", text, name, key) for key, (name, _) in PLACES.items()
    ]
    return {"context": _context(text, language), "mentions": mentions}


def _context(text: str, language: str) -> dict[str, Any]:
    return {
        "document_title": "",
        "document_url": "",
        "document_id": text,
        "language": language,
        "text": text,
        "sentence_spans": _spans(text),
    }


def _mention(key: str, text: str, name: str, entity: str) -> dict[str, Any]:
    start = text.index(name)
    span = {"start": start, "end": start + len(name), "text": name}
    return {"example_id": key, "mention_span": span, "entity_id": entity}


def _entity(key: str, name: str, language: str) -> dict[str, Any]:
    text = f"{name} is a place.\nIt is told of in {language}."
    return {
        "entity_id": key,
        "title": name,
        "description": text,
        "sentence_spans": _spans(text),
        "description_language": language,
        "description_url": "",
    }


def _spans(text: str) -> list[dict[str, int]]:
    return [
        {"start": each.start(), "end": each.end()} for each in re.finditer(r"[^.\s][^.]*\.", text)
    ]


def _write(file: Path, told: Sequence[dict[str, Any]]) -> None:
    text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in told)
    file.write_text(text, encoding="utf-8")
