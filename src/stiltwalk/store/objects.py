"""Files below a URL, through fsspec: no renaming, no appending, no locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import fsspec

from stiltwalk.errors import WorkspaceError


class Objects:
    """What is below a URL. Every method raises `WorkspaceError` if the place cannot be used."""

    def __init__(self, place: str) -> None:
        """Use what `place` names, such as s3://BUCKET/FOLDER."""
        self.place = place.rstrip("/")
        try:
            self._files, self._root = fsspec.url_to_fs(self.place)
        except (ImportError, ValueError) as error:
            raise WorkspaceError(
                f"{place} cannot be a workspace ({error}). A folder can, and a URL that fsspec "
                "knows and has the package for: 'stiltwalk[ray]' brings that for s3."
            ) from error

    def read(self, name: str) -> bytes | None:
        """Return what an object holds, None if there is none."""
        with self._using(name), suppress(FileNotFoundError):
            return bytes(self._files.cat_file(self._path(name)))
        return None

    def write(self, name: str, content: bytes) -> None:
        """Put an object there, in place of one of that name."""
        with self._using(name):
            self._make_folder(name)
            self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Put an object there if there is none of that name, as far as the place can tell."""
        with self._using(name):
            self._make_folder(name)
            try:
                self._files.pipe_file(self._path(name), content, mode="create")
            except Exception:
                self._files.invalidate_cache()
                if not self._files.exists(self._path(name)):
                    raise

    def remove(self, name: str) -> None:
        """Remove an object, if it is there."""
        with self._using(name), suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the names below a folder, relative to it, with their sizes in bytes."""
        with self._using(folder):
            self._files.invalidate_cache()
            try:
                found = self._files.find(self._path(folder), detail=True)
            except FileNotFoundError:
                return {}
            start = len(self._path(folder)) + 1
            return {path[start:]: facts["size"] for path, facts in found.items()}

    def upload(self, file: Path, name: str) -> None:
        """Put a file there."""
        with self._using(name):
            self._make_folder(name)
            self._files.put_file(str(file), self._path(name))

    def download(self, name: str, file: Path) -> None:
        """Write an object to a file, whose folder is made."""
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._using(name):
            self._files.get_file(self._path(name), str(file))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _make_folder(self, name: str) -> None:
        """Make a folder, unless this is an object store, which has none."""
        if not self._files.async_impl:
            self._files.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)

    @contextmanager
    def _using(self, name: str) -> Iterator[None]:
        """Turn whatever a place raises, each kind its own, into a sentence."""
        try:
            yield
        except Exception as error:
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            raise WorkspaceError(
                f"{self.place}/{name} cannot be used ({said}). Mend that, then run the same "
                "command again: finished stages are kept."
            ) from error
