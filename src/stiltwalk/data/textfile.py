"""Lines of text files that users bring, with errors that name file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stiltwalk.data.rows import Place
from stiltwalk.errors import DataError


def lines(path: Path, place: Place) -> Iterator[tuple[int, str]]:
    """Yield each line with its number, counted from 1, without its line break.

    Only line feeds end a line: Unicode's own separators occur inside sentences.

    Args:
        path: a UTF-8 file.
        place: what it belongs to, for errors.

    Raises:
        DataError: if the file cannot be read or is not UTF-8.
    """
    number = 0
    try:
        with path.open("rb") as opened:
            for number, line in enumerate(opened, start=1):
                yield number, line.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise place.error(
            f"{path}, line {number} is not valid UTF-8 ({error.reason}).",
            "Save the file as UTF-8.",
        ) from None
    except OSError as error:
        raise place.error(
            f"{path} cannot be read ({error.strerror}).", "docs/data.md says how to get it."
        ) from None


def bad_line(place: Place, path: Path, number: int, found: str, advice: str) -> DataError:
    """Return an error about one line, counted from 1."""
    return place.error(f"{path}, line {number}: {found}", advice)
