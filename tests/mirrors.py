"""Small data sets in the hub's layout, with made-up rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

NLI_NAMES = ("entailment", "neutral", "contradiction")


def write_split(
    mirror: Path,
    repository: str,
    config: str,
    split: str,
    columns: Mapping[str, Any],
    class_names: Mapping[str, Sequence[str]] | None = None,
) -> Path:
    """Write one split as the hub has it; list columns with names become lists of labels."""
    folder = mirror / repository / config
    folder.mkdir(parents=True, exist_ok=True)
    return write_parquet(folder / f"{split}-00000-of-00001.parquet", columns, class_names)


def write_parquet(
    path: Path, columns: Mapping[str, Any], class_names: Mapping[str, Sequence[str]] | None = None
) -> Path:
    """Write a Parquet file that says what its integers mean, as `datasets` writes it."""
    table = pa.table(dict(columns))
    features = {
        column: _feature(names, is_list=pa.types.is_list(table.schema.field(column).type))
        for column, names in (class_names or {}).items()
    }
    if features:
        text = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": text})
    parquet.write_table(table, path)
    return path


def _feature(names: Sequence[str], *, is_list: bool) -> dict[str, Any]:
    label = {"names": list(names), "_type": "ClassLabel"}
    return {"feature": label, "_type": "List"} if is_list else label


def nli(labels: Sequence[int], premise: str = "It rains.") -> dict[str, list[object]]:
    """Return the columns of an NLI data set, one row per label."""
    return {
        "premise": [f"{premise} {row}" for row in range(len(labels))],
        "hypothesis": ["The street is wet."] * len(labels),
        "label": list(labels),
    }


def squad(rows: Sequence[tuple[str, str, list[str], list[int]]]) -> dict[str, list[object]]:
    """Return SQuAD's columns from (id, context, answer texts, answer starts)."""
    return {
        "id": [row[0] for row in rows],
        "question": ["Who came?"] * len(rows),
        "context": [row[1] for row in rows],
        "answers": [{"text": row[2], "answer_start": row[3]} for row in rows],
    }
