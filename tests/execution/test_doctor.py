"""What the doctor tells, and in which form programs get it."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from compared import BRIEF
from stiltwalk.execution import doctor


def test_versions_device_and_offline_state_are_told() -> None:
    found = doctor.facts()
    assert {"stiltwalk", "torch", "transformers", "CPUs", "memory", "disk", "load"} <= found.keys()
    assert found["hub"] == "offline"
    assert found["number formats"].startswith("fp32")
    assert "precision" in found["says"][0]


def test_a_busy_machine_with_an_accelerator_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "accelerators", lambda: ["H200"])
    monkeypatch.setattr(doctor, "native_formats", lambda: {"bf16": ("amx_bf16",)})
    monkeypatch.setattr(doctor, "_shares", lambda: (0.5, 0.25))
    found = doctor.facts()
    assert found["number formats"] == "fp32, bf16 (amx_bf16)"
    first, second = found["says"]
    assert "H200" in first
    assert second.startswith("75% of the CPUs are taken")


def test_the_instrument_tells_verdict_ratio_and_interval_of_each_control(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stiltwalk.timing.sample_size.QUICK", BRIEF)
    monkeypatch.setattr(doctor, "_TASK", replace(doctor._TASK, languages=("de", "th")))
    lines: list[str] = []
    found = doctor.test_instrument(lines.append)
    for control in ("aa", "delay_5", "delay_2"):
        assert found[control]["low"] <= found[control]["ratio"] <= found[control]["high"]
        assert found[control]["verdict"] in {"EQUIVALENT", "SLOWER", "FASTER", "INCONCLUSIVE"}
    assert found["resolvable"] > 0
    assert json.loads(json.dumps(found)) == found
    output = io.StringIO()
    doctor.print_facts(found, Console(file=output))
    assert output.getvalue().count("ratio") >= 3
    told = [line for line in lines if line.startswith("the instrument: ")]  # it may wait, too
    assert told == ["the instrument: SingleStream"]
