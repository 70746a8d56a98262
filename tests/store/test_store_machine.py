"""Which machine a measurement is about: told without torch, and other where it matters."""

from __future__ import annotations

import ctypes
from importlib.metadata import version

import pytest

from stiltwalk.execution.provenance import provenance
from stiltwalk.store.machine import MeasuredOn, measured_on


def test_processor_and_versions_are_those_of_the_provenance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    facts = provenance()
    assert measured_on() == MeasuredOn(
        device="cpu",
        processor=facts["processor"],
        stiltwalk=version("stiltwalk"),
        torch=facts["torch"],
        transformers=facts["transformers"],
    )


class _Driver:
    """A driver's library on a machine with two accelerators of one make."""

    def nvmlInit_v2(self) -> int:  # noqa: N802 - the driver's name
        return 0

    def nvmlDeviceGetCount_v2(self, count: ctypes._Pointer[ctypes.c_uint]) -> int:  # noqa: N802
        count._obj.value = 2  # type: ignore[attr-defined]
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, _index: int, _handle: object) -> int:  # noqa: N802
        return 0

    def nvmlDeviceGetName(self, _handle: object, name: ctypes.Array[ctypes.c_char], _: int) -> int:  # noqa: N802
        name.value = b"Abacus 9000"
        return 0


def test_an_accelerator_is_named_unless_it_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: _Driver())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert measured_on().device == "Abacus 9000"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert measured_on().device == "cpu"
