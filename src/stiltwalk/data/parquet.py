"""Reading Parquet files as rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from stiltwalk.data.source import Place, Rows

_BATCH_ROWS = 1_000
_READABLE = (OSError, ValueError)


def open_parquet(
    place: Place, files: Sequence[Path], id_prefix: str = "", told_rows: int | None = None
) -> Rows:
    """Return the rows of one split.

    Args:
        place: where they stand, for errors.
        files: at least one, in order.
        id_prefix: put before the row number in an example's id.
        told_rows: how many there should be, None where nobody says.

    Raises:
        DataError: if a file is no Parquet file or is cut short, or there are fewer or more rows.
    """
    footers = [_footer(place, file) for file in files]
    schemas = [footer.schema.to_arrow_schema() for footer in footers]
    num_rows = sum(footer.num_rows for footer in footers)
    if told_rows not in (None, num_rows):
        raise place.error(
            f"the data set's card tells of {told_rows} rows, and {', '.join(map(str, files))} "
            f"hold {num_rows}.",
            "Fetch the split again; if it was cut on purpose, remove dataset_info from README.md.",
        )

    def batches(columns: tuple[str, ...]) -> Iterator[Any]:
        from pyarrow.parquet import ParquetFile

        for file, schema in zip(files[1:], schemas[1:], strict=True):
            _check_alike(place, (file, schema), (files[0], schemas[0]), columns)
        for file in files:
            with ParquetFile(file) as opened:
                yield from opened.iter_batches(_BATCH_ROWS, columns=list(columns))

    return Rows(
        place=place,
        columns=tuple(schemas[0].names),
        open_batches=batches,
        class_names=_class_names(schemas[0].metadata or {}),
        id_prefix=id_prefix,
        num_rows=num_rows,
    )


def _footer(place: Place, file: Path) -> Any:  # noqa: ANN401 - Arrow has no types
    from pyarrow.parquet import read_metadata

    try:
        return read_metadata(file)
    except _READABLE as error:
        raise place.error(
            f"{file} cannot be read ({error}).", "It is cut short or damaged: fetch it again."
        ) from error


def _check_alike(
    place: Place, other: tuple[Path, Any], first: tuple[Path, Any], columns: Sequence[str]
) -> None:
    for name in columns:
        found, wanted = (_content(schema, name) for _, schema in (other, first))
        names, expected = (_class_names(one.metadata or {}).get(name) for _, one in (other, first))
        if found == wanted and names and expected and names != expected:
            found, wanted = f"numbers of {', '.join(names)}", f"those of {', '.join(expected)}"
        if found != wanted:
            raise place.error(
                f"column '{name}' of {other[0]} holds {found}, expected {wanted} as in "
                f"{first[0].name}.",
                "The files are of different versions: fetch the split again.",
            )


def _content(schema: Any, name: str) -> str:  # noqa: ANN401 - Arrow has no types
    """Return what a column holds, in words; widths of numbers and of lists make no difference."""
    if name not in schema.names:
        return "nothing (it is not there)"
    held = re.sub(r"large_|_view|(?<=<)(element|item): ", "", str(schema.field(name).type))
    return re.sub(r"\b(u?int|float|double)\d*\b", "number", held)


def _class_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
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
    if isinstance(feature, list):  # how older releases wrote a list
        return _names(feature[0]) if feature else None
    if not isinstance(feature, dict):
        return None
    if feature.get("_type") == "ClassLabel":
        names: list[str] | None = feature.get("names")
        return names
    return _names(feature.get("feature"))
