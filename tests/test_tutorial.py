"""The tutorial's files are written and its commands run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?:`([\w.-]+)`[^`]*:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shells = {"sh": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    said = []
    for name, kind, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if kind not in shells:
            (tmp_path / name).write_text(text, encoding="utf-8")
            continue
        done = subprocess.run(  # noqa: S603 - our own page
            [*shells[kind], text],
            cwd=tmp_path,
            env=os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, text + done.stdout + done.stderr
        said.append(done.stdout)
    first, rows, checked, *_ = said
    assert "first/runs/mini/report.html" in first.replace("\n", "")
    assert "mnli tatoeba sw accuracy" in rows
    assert "reviews" in checked
    assert (tmp_path / "model" / "README.md").is_file()
