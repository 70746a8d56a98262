"""What a wheel holds is all that a run needs, wherever it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMALL = (
    *("targets=['tatoeba']", "languages=['de']", "data.test_rows=10"),
    *("intermediate.max_rows=32", "intermediate.max_length_tokens=64"),
)


def test_a_wheel_runs_the_demo_and_shows_its_pages_from_anywhere(tmp_path: Path) -> None:
    copy, installed, elsewhere = (tmp_path / name for name in ("copy", "installed", "elsewhere"))
    elsewhere.mkdir()
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    shutil.copytree(ROOT / "docs", copy / "docs")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, copy / name)

    def python(*words: str) -> str:
        own = {"PYTHONPATH": str(installed), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", *words],
            cwd=elsewhere,
            env=os.environ | own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pip = ("pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    python(*pip, "--target", str(installed), str(copy))
    assert str(installed) in python("timeit", "-n1", "-r1", "import stiltwalk; print(stiltwalk)")
    changes = [word for change in SMALL for word in ("--set", change)]
    said = python("stiltwalk", "demo", *changes)
    assert "did not change the computation" in said
    assert "Report: " in said
    assert (elsewhere / "stiltwalk-demo" / "runs" / "demo" / "report.html").is_file()
    assert python("stiltwalk", "docs", "data").startswith("# Data")
    (facts,) = installed.glob("stiltwalk-*.dist-info/METADATA")
    page = facts.read_text(encoding="utf-8").partition("\n\n")[2]
    assert "stiltwalk demo" in page
    assert not re.findall(r"\]\((?!https://)", page), "leads nowhere outside the repository"
