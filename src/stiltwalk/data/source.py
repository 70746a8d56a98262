"""Where rows come from: which provider, rows of Parquet files with their place, lines of files."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stiltwalk.errors import DataError

MINI = "mini"
HUB = "hub"


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """The `[data]` table of a recipe, as far as it says where rows are.

    `source` is "mini", "hub", or a folder in the hub's layout; the others are folders of what
    no hub holds: BUCC's original files, CCGbank, raw Universal Dependencies, XQuAD-R, Mewsli-X.
    """

    source: str
    bucc: str | None = None
    ccg: str | None = None
    ud: str | None = None
    xquad_r: str | None = None
    mewslix: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A split of a configuration of a data set, as the hub names them."""

    dataset: str
    config: str
    split: str

    def __str__(self) -> str:
        return f"{self.dataset}, configuration '{self.config}', split '{self.split}'"

    def error(self, found: str, advice: str, row: int | None = None) -> DataError:
        """Return an error that says where, what was found, and what to do."""
        at = "" if row is None else f", row {row} (counted from 0)"
        return DataError(f"{self}{at}: {found} {advice}")


_FETCH_AGAIN = "Fetch the data set again, or pin the revision that had it."
_READABLE = (OSError, ValueError, KeyError, RuntimeError)
"""What pyarrow and `datasets` raise on damaged files; pyarrow's own errors are ValueErrors."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that can be read once or several times, column by column.

    `class_names` maps a column to the words behind its integers, as the files themselves say:
    the order differs between data sets, so it is never assumed. `open_batches` takes column names
    and yields Arrow batches. `counts` holds what a reader mended or left out, for the log.
    `num_rows` is how many there are, None where only reading them all would tell.
    """

    place: Place
    columns: tuple[str, ...]
    open_batches: Callable[[tuple[str, ...]], Iterator[Any]]
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    id_prefix: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    num_rows: int | None = None

    def take(
        self,
        texts: tuple[str, ...],
        others: tuple[str, ...] = (),
        where: tuple[str, str] | None = None,
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """Yield the number of each row and its values, those of `texts` first.

        Args:
            texts: columns that must hold text.
            others: columns of any type; the reader checks their values.
            where: a column and the value that it must have; other rows are passed over.

        Raises:
            DataError: if a column is missing, empty, not text or not UTF-8, the file is damaged,
                or there are no rows at all.
        """
        wanted = (*texts, *others)
        filter_column = () if where is None else (where[0],)
        self._check_columns((*wanted, *filter_column))
        num_rows = 0
        for batch in self._batches((*wanted, *filter_column)):
            kept: Sequence[int] = range(num_rows, num_rows + batch.num_rows)
            num_rows += batch.num_rows
            if where is not None:
                batch, kept = _matching(batch, kept, *where)  # noqa: PLW2901 - fewer rows of it
            lists = [self._values(batch, name, kept, is_text=name in texts) for name in wanted]
            yield from zip(kept, zip(*lists, strict=True), strict=True)
        if not num_rows:
            raise self.place.error("there are no rows.", _FETCH_AGAIN)

    def error(self, found: str, advice: str, row: int | None = None) -> DataError:
        """Return an error about these rows; see `Place.error`."""
        return self.place.error(found, advice, row)

    def _check_columns(self, names: tuple[str, ...]) -> None:
        missing = sorted(set(names) - set(self.columns))
        if missing:
            raise self.place.error(
                f"there is no column '{missing[0]}', only {', '.join(self.columns)}.",
                "The data set has changed; pin a revision that has the column.",
            )
        twice = next((name for name in names if self.columns.count(name) > 1), None)
        if twice:
            raise self.place.error(
                f"the column '{twice}' is there {self.columns.count(twice)} times.",
                "Rename or remove all but one.",
            )

    def _batches(self, names: tuple[str, ...]) -> Iterator[Any]:
        try:
            yield from self.open_batches(tuple(dict.fromkeys(names)))
        except _READABLE as error:
            raise self.place.error(
                f"the file cannot be read ({error}).", "It is cut short or damaged: fetch it again."
            ) from error

    def _values(self, batch: Any, name: str, kept: Sequence[int], *, is_text: bool) -> list[Any]:  # noqa: ANN401 - Arrow has no types
        column = batch.column(name)
        if is_text and not _is_text(column.type):
            raise self.place.error(
                f"column '{name}' holds {column.type}, not text.",
                "The data set has changed; pin a revision where it is text.",
            )
        if column.null_count:
            row = kept[column.is_null().to_pylist().index(True)]
            raise self.place.error(f"column '{name}' is empty.", "Mend or remove the row.", row)
        try:
            values: list[Any] = column.to_pylist()
        except UnicodeDecodeError:
            raise self._not_utf8(column, name, kept) from None
        return values

    def _not_utf8(self, column: Any, name: str, kept: Sequence[int]) -> DataError:  # noqa: ANN401 - as above
        for row, value in zip(kept, column, strict=True):
            try:
                value.as_py()
            except UnicodeDecodeError as error:
                return self.place.error(
                    f"column '{name}' is not valid UTF-8 ({error.reason}).",
                    "Mend the row, or fetch the data set again.",
                    row,
                )
        raise AssertionError("the column decodes value by value but not as a whole")


def _matching(batch: Any, numbers: Sequence[int], name: str, value: str) -> Any:  # noqa: ANN401 - as above
    import pyarrow.compute as pc

    positions = pc.indices_nonzero(pc.equal(batch.column(name), value))
    return batch.take(positions), [numbers[position] for position in positions.to_pylist()]


def _is_text(arrow_type: Any) -> bool:  # noqa: ANN401 - as above
    return str(arrow_type) in {"string", "large_string", "string_view"}


def lines(path: Path, place: Place) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, counted from 1, without its line break.

    Only line feeds end a line, perhaps behind a carriage return: Unicode's own separators occur
    inside sentences. A byte order mark in front is no part of the first word.

    Raises:
        DataError: if the file cannot be read or is not UTF-8.
    """
    number = 0
    try:
        with path.open("rb") as opened:
            for number, line in enumerate(opened, start=1):
                if number == 1 and b"\r" in line.rstrip() and not line.endswith(b"\n"):
                    raise bad_line(
                        place, path, 1, "lines end in CR alone.", "Save the file with LF or CRLF."
                    )
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                yield number, text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise place.error(
            f"{path}, line {number} is not valid UTF-8 ({error.reason}).", "Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise place.error(
            f"{path} cannot be read ({error.strerror}).", "docs/data.md says how to get it."
        ) from None


def bad_line(place: Place, path: Path, number: int, found: str, advice: str) -> DataError:
    """Return an error about one line, counted from 1."""
    return place.error(f"{path}, line {number}: {found}", advice)


def one_each(files: Sequence[Path], place: Place) -> list[Path]:
    """Return files, refusing two of one name: they are of two releases, or one is a copy.

    Raises:
        DataError: that names both.
    """
    seen: dict[str, Path] = {}
    for file in files:
        other = seen.setdefault(file.name, file)
        if other is not file:
            raise place.error(
                f"{other} and {file} are one file of two releases, or a copy.", "Remove either."
            )
    return list(files)


_BATCH_ROWS = 1_000


def open_parquet(
    place: Place, files: Sequence[Path], id_prefix: str = "", told_rows: int | None = None
) -> Rows:
    """Return the rows of one split from its files, in order; `id_prefix` begins examples' ids.

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

    others = {name for schema in schemas[1:] for name in schema.names}
    return Rows(
        place=place,
        columns=(*schemas[0].names, *sorted(others.difference(schemas[0].names))),
        open_batches=batches,
        class_names=_class_names(schemas[0].metadata or {}),
        id_prefix=id_prefix,
        num_rows=num_rows,
    )


def _footer(place: Place, file: Path) -> Any:  # noqa: ANN401 - Arrow has no types
    from pyarrow.parquet import read_metadata

    try:
        return read_metadata(file)
    except (OSError, ValueError) as error:
        raise place.error(
            f"{file} cannot be read ({error}).", "It is cut short or damaged: fetch it again."
        ) from error


def _check_alike(
    place: Place, other: tuple[Path, Any], first: tuple[Path, Any], columns: Sequence[str]
) -> None:
    for name in columns:
        if name not in first[1].names:
            first, other = other, first
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
