"""Reading Parquet files as rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stiltwalk.data.source import Place, Rows

_BATCH_ROWS = 1_000
_READABLE = (OSError, ValueError)


def open_parquet(place: Place, files: Sequence[Path], id_prefix: str = "") -> Rows:
    """Return the rows of one split.

    Args:
        place: where they stand, for errors.
        files: at least one, in order.
        id_prefix: put before the row number in an example's id.

    Raises:
        DataError: if a file is no Parquet file or is cut short.
    """
    from pyarrow.parquet import read_schema

    try:
        schema = read_schema(files[0])
    except _READABLE as error:
        raise place.error(
            f"{files[0]} cannot be read ({error}).", "It is cut short or damaged: fetch it again."
        ) from error

    def batches(columns: tuple[str, ...]) -> Iterator[Any]:
        from pyarrow.parquet import ParquetFile

        for file in files:
            with ParquetFile(file) as opened:
                yield from opened.iter_batches(_BATCH_ROWS, columns=list(columns))

    return Rows(
        place=place,
        columns=tuple(schema.names),
        open_batches=batches,
        class_names=_class_names(schema.metadata or {}),
        id_prefix=id_prefix,
    )


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the words behind integer labels, from what `datasets` writes into the file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (KeyError, ValueError):
        return {}
    return {
        column: tuple(names)
        for column, feature in features.items()
        if (names := _names(feature)) is not None
    }


def _names(feature: object) -> list[str] | None:
    """Return the names of a ClassLabel, alone or inside a list."""
    if isinstance(feature, list):  # how older releases wrote a list
        return _names(feature[0]) if feature else None
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names: list[str] | None = feature.get("names")
        return names
    return _names(feature.get("feature"))
