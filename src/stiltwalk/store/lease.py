"""A lock for a place that has none: an object that its holder renews, and that ends by itself.

Leases are numbered and the highest number counts. Whoever finds none, or one that has ended,
creates the next number, and an object store lets only one do that.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from stiltwalk.errors import WorkspaceError
from stiltwalk.store.objects import Objects

LASTS_S = 60.0
"""Longer than Ray keeps up the work of a driver that went silent (30 s)."""
_FOLDER = "lease"
_RENEWALS = 4
"""In the time that a lease lasts."""


class Lease:
    """The right to lead a run in a place."""

    def __init__(self, objects: Objects, holder: str) -> None:
        """Stand for `holder`, in words; nothing is held yet."""
        self._objects, self._holder, self._id = objects, holder, uuid.uuid4().hex
        self._number = 0
        self._ends_unix_s = 0.0
        self._is_over = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lease while the block runs.

        Raises:
            WorkspaceError: if somebody else holds it.
        """
        self._take()
        renewing = threading.Thread(target=self._keep_up, daemon=True)
        renewing.start()
        try:
            yield
        finally:
            self._is_over.set()
            renewing.join()
            with suppress(WorkspaceError):  # it ends by itself
                if self._is_mine():
                    self._objects.remove(_name(self._number))

    def require(self) -> None:
        """Raise `WorkspaceError` if the lease ended because it could not be renewed."""
        if time.time() > self._ends_unix_s:
            raise WorkspaceError(
                f"The lease on {self._objects.place} was not renewed in time, so that another run "
                "may have begun there. Run the same command again: finished stages are kept."
            )

    def _take(self) -> None:
        number, found = current(self._objects)
        if found and found["ends_unix_s"] > time.time():
            raise _in_use(self._objects, found)
        self._number = number + 1
        ends_unix_s = time.time() + LASTS_S
        self._objects.create(_name(self._number), self._content(ends_unix_s))
        if not self._is_mine():
            raise _in_use(self._objects, current(self._objects)[1] or {"holder": "another run"})
        self._ends_unix_s = ends_unix_s
        if number:
            self._objects.remove(_name(number))

    def _keep_up(self) -> None:
        """Renew the lease until it is given up or lost."""
        while not self._is_over.wait(LASTS_S / _RENEWALS):
            with suppress(WorkspaceError):  # asked again until the lease ends
                if not self._is_mine():
                    self._ends_unix_s = 0.0
                    return
                ends_unix_s = time.time() + LASTS_S
                self._objects.write(_name(self._number), self._content(ends_unix_s))
                self._ends_unix_s = ends_unix_s

    def _is_mine(self) -> bool:
        number, found = current(self._objects)
        return number == self._number and found is not None and found["id"] == self._id

    def _content(self, ends_unix_s: float) -> bytes:
        facts = {"holder": self._holder, "id": self._id, "ends_unix_s": ends_unix_s}
        return json.dumps(facts).encode()


def current(objects: Objects) -> tuple[int, dict[str, Any] | None]:
    """Return the highest number of a lease, 0 if there is none, and what that lease says."""
    numbers = [int(name.removesuffix(".json")) for name in objects.sizes(_FOLDER)]
    number = max(numbers, default=0)
    content = objects.read(_name(number)) if number else None
    return number, json.loads(content) if content else None


def _name(number: int) -> str:
    return f"{_FOLDER}/{number:08d}.json"


def _in_use(objects: Objects, found: dict[str, Any]) -> WorkspaceError:
    ends = time.strftime("%H:%M:%S", time.localtime(found.get("ends_unix_s")))
    return WorkspaceError(
        f"The workspace {objects.place} is in use by {found['holder']}. Wait for that run to end "
        f"(its lease ends at {ends} if nobody renews it), or give another --workspace."
    )
