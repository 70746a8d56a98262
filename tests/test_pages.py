"""The pages' files are written and their commands run as they stand there; links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page for page in (ROOT / "README.md", *DOCS.rglob("*.md")))
BLOCK = re.compile(r"(?:`([\w.-]+)`[^`]*:\n\n)?^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
NOT_RUN = re.compile(
    r"^ *```(?:text)?\n((?:(?! *```).*\n)*? *(?:stiltwalk|pip|hf|scripts/).*\n)", re.M
)
WHY_NOT_RUN = {
    "README.md": "installs, or takes minutes",
    "docs/cluster.md": "needs several machines, Slurm or an object store",
    "docs/data.md": "fetches gigabytes",
    "docs/package.md": "installs",
    "docs/serving.md": "needs a server with two models",
    "docs/howto/suggest.md": "takes minutes",
    "docs/howto/air_gapped.md": "needs the network that the page is about",
}
"""Pages with commands that no test runs: those in blocks without a language."""


def run_page(page: Path, folder: Path) -> list[str]:
    """Write the files of a page and run its commands; return what these said."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shells = {"sh": ["bash", "-euc"], "python": [sys.executable, "-c"]}
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for name, kind, text in blocks:
        if name and kind not in shells:
            (folder / name).write_text(text, encoding="utf-8")
    said = []
    for text, shell in ((text, shells[kind]) for _, kind, text in blocks if kind in shells):
        done = subprocess.run(  # noqa: S603 - our own page
            [*shell, text],
            cwd=folder,
            env=os.environ | {"PATH": path, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, text + done.stdout + done.stderr
        said.append(done.stdout)
    return said


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    first, rows, checked, *_ = run_page(DOCS / "tutorial.md", tmp_path)
    assert "first/runs/demo/report.html" in first.replace("\n", "")
    assert "inside the noise" in rows
    assert "answer" in rows
    assert "reviews" in checked
    assert (tmp_path / "model" / "README.md").is_file()


def test_the_how_to_pages_work_as_they_are_written(tmp_path: Path) -> None:
    said = "".join(
        text for page in sorted((DOCS / "howto").glob("*.md")) for text in run_page(page, tmp_path)
    )
    assert "hub: offline" in said
    assert "McNemar" in said
    assert "nli_lb" in said
    assert "computation" in said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_run_or_it_is_said_why_not(page: Path) -> None:
    name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
    assert bool(NOT_RUN.search(text)) == (name in WHY_NOT_RUN), NOT_RUN.findall(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_commands_named_on_a_page_exist() -> None:
    known = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for page in PAGES:
        for verb in re.findall(r"`stiltwalk ([a-z][a-z-]*)", page.read_text(encoding="utf-8")):
            assert f"## stiltwalk {verb}" in known, f"{page}: {verb}"
