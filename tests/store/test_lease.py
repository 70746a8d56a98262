"""Tests for stiltwalk.store.remote, on fsspec's place in memory."""

from __future__ import annotations

import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from stiltwalk.errors import WorkspaceError
from stiltwalk.store import remote
from stiltwalk.store.remote import Lease, Objects, current


@pytest.fixture
def objects() -> Objects:
    return Objects(f"memory://{uuid.uuid4().hex}")


def leave_behind(objects: Objects, ends_unix_s: float, number: int = 3) -> None:
    """Write what a driver that was killed leaves."""
    facts = {"holder": "process 7 on elsewhere", "id": "its", "ends_unix_s": ends_unix_s}
    objects.write(f"lease/{number:08d}.json", json.dumps(facts).encode())


def test_a_second_holder_is_refused_with_the_first_one_s_name(objects: Objects) -> None:
    with Lease(objects, "process 1 on here").held():
        with (
            pytest.raises(WorkspaceError, match=r"in use by process 1 on here.*lease ends at"),
            Lease(objects, "process 2").held(),
        ):
            pass
        assert current(objects)[0] == 1
    with Lease(objects, "process 2").held():
        assert current(objects)[1] is not None
    assert current(objects) == (0, None)


def test_the_lease_of_a_dead_driver_is_taken_over_once_it_has_ended(objects: Objects) -> None:
    leave_behind(objects, time.time() + 30)
    with pytest.raises(WorkspaceError, match="process 7 on elsewhere"), Lease(objects, "me").held():
        pass
    leave_behind(objects, time.time() - 1)
    mine = Lease(objects, "me")
    with mine.held():
        mine.require()
        number, found = current(objects)
        assert number == 4
        assert found is not None
        assert found["holder"] == "me"


def test_of_many_who_come_at_once_one_gets_it(objects: Objects) -> None:
    leave_behind(objects, time.time() - 1)

    def take(number: int) -> bool:
        with ExitStack() as stack:
            try:
                stack.enter_context(Lease(objects, str(number)).held())
            except WorkspaceError:
                return False
            time.sleep(0.3)
            return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(take, range(8))) == 1


def test_it_is_renewed_while_it_is_held(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LASTS_S", 0.2)
    mine = Lease(objects, "me")
    with mine.held():
        time.sleep(0.5)
        mine.require()
        _, found = current(objects)
        assert found is not None
        assert found["ends_unix_s"] > time.time()


def test_who_lost_it_meanwhile_is_told(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LASTS_S", 0.2)
    mine = Lease(objects, "me")
    with mine.held():
        leave_behind(objects, time.time() + 30)  # as if this process had slept for long
        time.sleep(0.3)
        with pytest.raises(WorkspaceError, match="was not renewed in time"):
            mine.require()
    assert current(objects)[0] == 3  # the other's is left alone


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"3", b'{"holder": 1}', b"\xff", b"[" * 99_999]
)
def test_a_damaged_lease_counts_as_one_that_has_ended(objects: Objects, content: bytes) -> None:
    objects.write("lease/00000007.json", content)
    objects.write("lease/notes.txt", b"somebody's")
    assert current(objects) == (7, None)
    with Lease(objects, "me").held():
        assert current(objects)[0] == 8
