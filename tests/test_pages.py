"""The pages' files are written and their commands run as they stand there; links lead somewhere."""

from __future__ import annotations

import io
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from commands import command
from stiltwalk.tasks import declare

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


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty folder in which pages are tried; tasks that they declare are forgotten."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    declare([])


def run_page(page: Path) -> list[str]:
    """Write the files of a page and run its commands here; return what each block of these said."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for name, kind, text in blocks:
        if name and kind not in {"sh", "python"}:
            Path(name).write_text(text, encoding="utf-8")
    return [
        python(text) if kind == "python" else "".join(map(shell, text.splitlines()))
        for _, kind, text in blocks
        if kind in {"sh", "python"}
    ]


def shell(line: str) -> str:
    """Run a line as a shell does: a plain command of ours, or of Python, in this process."""
    is_plain = not set(line) & set("|<>&;$`")
    match shlex.split(line):
        case ["stiltwalk", *words] if is_plain:
            done = command(*words)
            assert done.returncode == 0, line + done.stdout + done.stderr
            return done.stdout
        case ["python", "-c", program]:
            return python(program)
    return subprocess.run(["bash", "-euc", line], stdout=-1, text=True, check=True).stdout  # noqa: S603, S607


def python(program: str) -> str:
    """Run a program; return what it printed."""
    said = io.StringIO()
    with redirect_stdout(said):
        exec(program, {})  # noqa: S102 - our own page
    return said.getvalue()


def test_the_tutorial_works_as_it_is_written(place: Path) -> None:
    first, rows, checked, *_ = run_page(DOCS / "tutorial.md")
    assert "first/runs/demo/report.html" in first.replace("\n", "")
    assert "inside the noise" in rows
    assert "answer" in rows
    assert "reviews" in checked
    assert (place / "model" / "README.md").is_file()


@pytest.mark.usefixtures("place")
def test_the_how_to_pages_work_as_they_are_written() -> None:
    said = "".join(
        text for page in sorted((DOCS / "howto").glob("*.md")) for text in run_page(page)
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
