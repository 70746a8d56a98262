"""Tests for stiltwalk.training.checkpoint: going on in the middle changes no bit."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import Trainee

from stiltwalk.errors import NotFinite
from stiltwalk.recipe.schema import LoRA
from stiltwalk.records import TaskType
from stiltwalk.training.checkpoint import keep, resume
from stiltwalk.training.loop import Training, fit

KINDS = (TaskType.PAIR, TaskType.TAGGING)


class Killed(Exception):  # noqa: N818 - it stands for a signal
    """Stands for the end of the process."""


def killed_after(steps: int) -> Callable[[int, int], None]:
    def progress(done: int, _total: int) -> None:
        if done > steps:
            raise Killed

    return progress


def resumable(trainee: Trainee, file: Path) -> None:
    trainee.session = replace(trainee.session, resume_file=file, resume_every_s=0.0)


def facts(training: Training) -> list[tuple[float, float]]:
    return [(entry["loss_nats"], entry["gradient_norm"]) for entry in training.log]


@pytest.mark.parametrize("lora", [None, LoRA(dropout=0.1)], ids=["whole", "adapters"])
def test_a_run_killed_twice_ends_with_the_same_bits(
    lora: LoRA | None, tiny_xlmr: Path, tmp_path: Path
) -> None:
    undisturbed = Trainee(tiny_xlmr, KINDS, lora=lora)
    expected = undisturbed.fit()
    file = tmp_path / "resume.safetensors"
    for steps in (3, 7):
        trainee = Trainee(tiny_xlmr, KINDS, lora=lora)
        resumable(trainee, file)
        trainee.session = replace(trainee.session, progress=killed_after(steps))
        with pytest.raises(Killed):
            fit(trainee.session)
        assert file.is_file()
    last = Trainee(tiny_xlmr, KINDS, lora=lora)
    resumable(last, file)
    training = last.fit()
    assert last.told[0][0] == 8  # it went on, it did not start again
    assert facts(training) == facts(expected)
    assert training.evaluations == expected.evaluations
    weights, wanted = last.weights(), undisturbed.weights()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


def test_nothing_is_left_of_the_rolling_checkpoint_in_the_end(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    aside = tmp_path / ".resume.safetensors"
    aside.mkdir()
    (aside / ".tmpXYZ").write_bytes(b"half of it")  # a process was killed while it wrote
    trainee = Trainee(tiny_xlmr)
    resumable(trainee, tmp_path / "resume.safetensors")
    trainee.fit()
    assert not list(tmp_path.iterdir())


def test_a_log_of_half_a_million_steps_is_had_again(tmp_path: Path) -> None:
    """Safetensors refuses a header of 100 MB, which such a log fills."""
    model, file = torch.nn.Linear(1, 1), tmp_path / "resume.safetensors"
    optimizer = torch.optim.AdamW(model.parameters())
    keep(file, model, optimizer, {"log": "x" * 101_000_000})
    state = resume(file, model, optimizer)
    assert state
    assert len(state["log"]) == 101_000_000


def test_what_is_no_number_is_not_gone_on_with(tmp_path: Path) -> None:
    model, file = torch.nn.Linear(1, 1), tmp_path / "resume.safetensors"
    optimizer = torch.optim.AdamW(model.parameters())
    keep(file, model, optimizer, {})
    before = file.read_bytes()
    with torch.no_grad():
        model.bias[0] = torch.inf
    with pytest.raises(NotFinite, match=r"weights\.bias are not finite"):
        keep(file, model, optimizer, {})
    assert file.read_bytes() == before


def test_a_rolling_checkpoint_of_other_versions_is_not_gone_on_with(
    tiny_xlmr: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "resume.safetensors"
    first, second = (Trainee(tiny_xlmr) for _ in range(2))
    for trainee in (first, second):
        resumable(trainee, file)
    first.session = replace(first.session, progress=killed_after(3))
    with monkeypatch.context() as patch:
        patch.setattr("platform.python_version", lambda: "3.0.1")
        with pytest.raises(Killed):
            fit(first.session)
    assert file.is_file()
    second.fit()
    assert second.told[0][0] == 1
    (said,) = [each.getMessage() for each in caplog.records]
    assert f"python is {platform.python_version()}, not 3.0.1" in said
    assert "starts from its beginning" in said


def not_what_it_was(_: bytes) -> bytes:
    return b"not what it was"


def one_bit_less(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [not_what_it_was, one_bit_less])
def test_a_damaged_rolling_checkpoint_means_starting_anew(
    damage: Callable[[bytes], bytes],
    tiny_xlmr: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "resume.safetensors"
    first, second = (Trainee(tiny_xlmr) for _ in range(2))
    for trainee in (first, second):
        resumable(trainee, file)
    first.session = replace(first.session, progress=killed_after(3))
    with pytest.raises(Killed):
        fit(first.session)
    file.write_bytes(damage(file.read_bytes()))
    second.fit()
    assert second.told[0][0] == 1
    (said,) = [each.getMessage() for each in caplog.records]
    assert said == f"{file} is not what was written; the stage starts from its beginning."
