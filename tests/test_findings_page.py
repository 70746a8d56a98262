"""Tests for docs/findings.md: each of its figures comes from the files beside it."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def findings() -> ModuleType:
    spec = spec_from_file_location("findings_script", ROOT / "scripts" / "findings.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_kept_files_say(findings: ModuleType) -> None:
    assert (ROOT / "docs" / "findings.md").read_text(encoding="utf-8") == findings.page()


def test_a_changed_score_changes_the_page(
    findings: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = findings.page()
    for file in (ROOT / "docs" / "findings").rglob("*.*"):
        target = tmp_path / file.relative_to(ROOT / "docs" / "findings")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    scores = tmp_path / "smollm2" / "scores.csv"
    lines = scores.read_text(encoding="utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if ",xquad,en,test,f1," in line)
    parts = lines[at].split(",")
    lines[at] = ",".join([*parts[:7], "0.5", *parts[8:]])
    scores.write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(findings, "KEPT", tmp_path)
    findings.rows.cache_clear()
    assert findings.page() != before


def test_the_readme_s_figures_of_real_models_are_the_page_s() -> None:
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"\*\*On real models\*\*(.*?)\n\n", readme, re.DOTALL)
    figures = re.findall(r"\d+\.\d", said)
    assert len(figures) > 2
    assert all(figure in page for figure in figures)


def test_what_is_kept_is_small() -> None:
    kept = (ROOT / "docs" / "findings").rglob("*.*")
    assert sum(file.stat().st_size for file in kept) < 5_000_000
