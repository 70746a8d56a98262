"""Tables in files of a user's own: CSV, TSV, JSON lines and Parquet, a path per split."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from stiltwalk.data.hub import Reader
from stiltwalk.data.source import Place, Rows, bad_line, open_parquet
from stiltwalk.errors import DataError
from stiltwalk.files import content_checksum
from stiltwalk.records import Split

SPACED = (".csv", ".tsv")
"""Endings of files without lists: words stand in one cell, with spaces between."""
ENDINGS = (*SPACED, ".jsonl", ".parquet")


@dataclass(frozen=True, kw_only=True)
class LocalFiles:
    """Some splits of a data set in files, and how to read their rows.

    Paths are relative to `folder`; `{language}` stands for a language's code. A split that is
    None does not exist.
    """

    folder: str
    read: Reader = field(repr=False)
    train: str | None = None
    dev: str | None = None
    test: str | None = None

    def path_of(self, split: Split, language: str) -> Path | None:
        """Return where a split is, whether it is there or not; None for one that does not exist."""
        path = {Split.TRAIN: self.train, Split.DEV: self.dev, Split.TEST: self.test}[split]
        return None if path is None else Path(self.folder, path.replace("{language}", language))


def open_table(path: Path, place: Place) -> Rows:
    """Open a file of one of `ENDINGS`; raise `DataError` if it is not there, or cannot be read."""
    if not path.is_file():
        raise place.error(f"{path} is no file.", "Correct the path in the task's declaration.")
    if path.suffix == ".parquet":
        return open_parquet(place, [path])
    try:
        table = _json_lines(path, place) if path.suffix == ".jsonl" else _delimited(path)
    except (OSError, ValueError) as error:
        raise place.error(f"{path} cannot be read ({error}).", "Mend the file.") from error

    def batches(columns: tuple[str, ...]) -> Iterator[Any]:
        yield from table.select(list(columns)).to_batches()

    return Rows(place=place, columns=tuple(table.column_names), open_batches=batches)


def _delimited(path: Path) -> Any:  # noqa: ANN401 - Arrow has no types
    """Return a CSV file, or a TSV file without quoting, whose every column is text."""
    from pyarrow import csv, string

    is_csv = path.suffix == ".csv"
    parse = csv.ParseOptions(
        delimiter="," if is_csv else "\t",
        quote_char='"' if is_csv else False,
        newlines_in_values=is_csv,
    )
    with csv.open_csv(path, parse_options=parse) as opened:
        names = opened.schema.names
    texts = csv.ConvertOptions(
        column_types=dict.fromkeys(names, string()), null_values=[""], strings_can_be_null=True
    )
    return csv.read_csv(path, parse_options=parse, convert_options=texts)


_DEEPEST = 64
_DEEP = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\[\]{}"]+')


def _json_lines(path: Path, place: Place) -> Any:  # noqa: ANN401 - as above
    """Return a file of objects; Arrow itself would end the process on deep ones."""
    from pyarrow import json

    with path.open("rb") as opened:
        for number, line in enumerate(opened, start=1):
            if line.count(b"[") + line.count(b"{") <= _DEEPEST:
                continue
            brackets = _DEEP.sub(b"", line)
            depths = accumulate(1 if each in b"[{" else -1 for each in brackets)
            if max(depths, default=0) > _DEEPEST:
                raise bad_line(
                    place, path, number, f"more than {_DEEPEST} brackets are open.", "Flatten it."
                )
    return json.read_json(path)


def checksum_of(name: str, paths: list[Path]) -> str:
    """Return "sha256:…" over names and content of a task's files, or raise `DataError`."""
    missing = next((path for path in paths if not path.is_file()), None)
    if missing or not paths:
        raise DataError(f"{name}: {missing or 'there'} is no file. Correct the path, or bring it.")
    common = Path(os.path.commonpath([path.absolute().parent for path in paths]))
    return content_checksum(common, [path.absolute() for path in paths])


def with_label_numbers(read: Reader, column: str, labels: tuple[str, ...]) -> Reader:
    """Return a reader that takes a number for a label's position, unless the file names them."""

    def read_numbered(rows: Rows, language: str) -> Iterator[Any]:
        return read(replace(rows, class_names={column: labels, **rows.class_names}), language)

    return read_numbered
