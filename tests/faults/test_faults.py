"""Killed runs, and runs on a full disk, lose nothing; the two scripts here try more."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def said_by(script: str, *words: str) -> str:
    """Run one of the scripts and return what it said."""
    done = subprocess.run(  # noqa: S603 - our own file
        [sys.executable, str(HERE / script), *words],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("how", [["--jobs", "1"], ["--jobs", "2"], ["--power"]])
def test_kills_stops_second_runs_and_lost_power_change_no_bit(
    how: list[str], tmp_path: Path
) -> None:
    counts = tmp_path / "counts.json"
    for _ in range(2):
        said = said_by("kills.py", "--kills", "5", *how, "--counts", str(counts))
    assert '"killed": 10' in said
    assert "nothing lost" in said


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_disk_that_is_full_at_a_write_loses_nothing() -> None:
    assert "nothing lost" in said_by("full_disk.py")
