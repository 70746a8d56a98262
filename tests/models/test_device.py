"""Tests for stiltwalk.models.device: what the machine can do is known at one place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from stiltwalk.models.device import all_devices, has_bf16, number_format, pick_device

ROOT = Path(__file__).parents[2]
ONE_PLACE = ROOT / "src" / "stiltwalk" / "models" / "device.py"
ASKS = re.compile(
    r"cuda\.is_available|get_capabilit|cpu_capability|is_bf16_supported|has_bf16\"|_is_a[vm]x"
)
FILES = sorted({*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py")} - {Path(__file__)})


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_only_one_file_asks_what_the_machine_can_do(file: Path) -> None:
    asks = ASKS.search(file.read_text(encoding="utf-8")) is not None
    assert asks == (file == ONE_PLACE), "ask stiltwalk.models.device; in tests use `believe`"


@pytest.mark.parametrize("has_it", [False, True])
def test_products_are_in_bf16_where_the_processor_is_said_to_have_it(
    believe: Callable[..., None], has_it: bool
) -> None:
    believe(*(["cpu bf16"] if has_it else []))
    assert has_bf16(pick_device()) is has_it
    values = torch.ones(2, 2)
    with number_format("bf16", pick_device()):
        found = values @ values
    assert found.dtype == (torch.bfloat16 if has_it else torch.float32)


def test_a_gpu_s_abilities_are_not_the_processor_s(believe: Callable[..., None]) -> None:
    believe("cuda", "cpu bf16")
    assert pick_device().type == "cuda"
    assert not has_bf16(pick_device())
    assert has_bf16(torch.device("cpu"))
    believe()
    assert all_devices() == (torch.device("cpu"),)
