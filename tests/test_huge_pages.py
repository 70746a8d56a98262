"""A run computes in huge pages, unless its user says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stiltwalk
from stiltwalk.errors import StiltwalkError

ASKED = "THP_MEM_ALLOC_ENABLE"


def run(folder: Path) -> Any:  # noqa: ANN401 - nothing comes back
    return stiltwalk.run(folder / "none.toml", folder)


def compare(folder: Path) -> Any:  # noqa: ANN401
    return stiltwalk.compare("none:none", "none:one", folder)


@pytest.mark.parametrize("verb", [run, compare])
@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("0", "0")])
def test_torch_is_asked_for_huge_pages_unless_it_is_told_already(
    verb: Callable[[Path], Any],
    before: str | None,
    after: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(ASKED, before or "")  # put back as it was in the end
    if before is None:
        monkeypatch.delenv(ASKED)
    with pytest.raises(StiltwalkError):
        verb(tmp_path)
    assert os.environ[ASKED] == after
