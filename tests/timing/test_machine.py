"""What a machine tells about itself, and that measurements take turns."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest

from stiltwalk.timing.machine import Watch, alone, peak_bytes
from stiltwalk.timing.record import Case


def test_shares_of_the_machine_are_shares() -> None:
    seen = Watch().state(Case(task="xnli", language="", scenario="Offline"))
    for share in (seen.elsewhere, seen.steal_time):
        assert share is None or share >= 0
    assert (seen.energy_j is None) == (seen.energy_counter == "unavailable")


def test_the_peak_of_memory_is_beyond_what_was_held_before() -> None:
    held = bytearray(50_000_000)
    peak = peak_bytes(lambda: bytearray(30_000_000))
    if peak is None:
        pytest.skip("the system does not reset a process's high-water mark")
    assert 29_000_000 < peak < 45_000_000
    assert held


def test_a_second_measurement_waits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said: list[str] = []
    waits, order = threading.Event(), list[str]()

    def second() -> None:
        def tell(line: str) -> None:
            said.append(line)
            waits.set()

        with alone(tell):
            order.append("second")

    with alone(said.append):
        other = threading.Thread(target=second)
        other.start()
        assert waits.wait(10)
        order.append("first")
    other.join(10)
    assert order == ["first", "second"]
    assert "another measurement" in said[0]
