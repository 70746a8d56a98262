"""Keep a run's small results in docs/findings, and fill docs/findings.md with figures from them.

Usage: .venv/bin/python scripts/findings.py keep WORKSPACE RUN
       .venv/bin/python scripts/findings.py page
The page's text is docs/findings/page.md.j2; every figure in it is made of the kept files.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import jinja2

import stiltwalk

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "findings"
PAGE = ROOT / "docs" / "findings.md"
BASELINE = "none"
Row = Mapping[str, str]


def keep(workspace: Path, name: str) -> None:
    """Copy what a run's figures are made of, and what each of its stages took."""
    study, target = stiltwalk.load(workspace, name), KEPT / name
    target.mkdir(parents=True, exist_ok=True)
    for file in ("scores.csv", "timings.csv"):
        shutil.copyfile(study.report.parent / file, target / file)
    study.gains().to_csv(target / "gains.csv", index=False)
    study.verdicts().to_csv(target / "verdicts.csv", index=False)
    speed = study.speed()
    if len(speed):
        speed.to_csv(target / "speed.csv", index=False)
    made = [_made(each) for each in sorted((workspace / "stages").glob("*/complete.json"))]
    _write(
        target / "stages.csv", [each for each in made if each["stage"] in _of(study.report.parent)]
    )


def _of(run: Path) -> set[str]:
    """Return the fingerprints of a run's stages."""
    record = json.loads((run / "run.json").read_text("utf-8"))
    return {stage["fingerprint"] for stage in record["stages"]}


def _made(marker: Path) -> dict[str, Any]:
    told = json.loads(marker.read_text("utf-8"))
    kind = told["stage"]["stage"]
    return {
        "stage": marker.parent.name,
        "kind": kind,
        "does": told["does"],
        "took_s": round(told["time_s"], 1),
    }


def _write(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        out = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


@cache
def rows(name: str, file: str) -> tuple[Row, ...]:
    """Return the rows of a kept file, none where it is not there."""
    path = KEPT / name / f"{file}.csv"
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


def of(found: Iterable[Row], **wanted: object) -> list[Row]:
    """Return the rows whose columns hold what is wanted."""
    return [row for row in found if all(row[key] == str(value) for key, value in wanted.items())]


def average(found: Iterable[Row], column: str) -> float:
    """Return a column's mean, NaN of nothing."""
    values = [float(row[column]) for row in found]
    return mean(values) if values else float("nan")


def signed(value: float | str, digits: int = 1) -> str:
    """Return a number with its sign, a true minus, and no sign of zero."""
    text = f"{float(value):+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def gain(name: str, target: str, arm: str) -> str:
    """Return what an arm gains on a target or mean, in points, with its interval."""
    found = of(rows(name, "gains"), target=target, arm=arm)
    if not found or found[0]["gain_points"] == "":
        return "\N{EN DASH}"
    row = found[0]
    if not row["low_points"]:
        return f"{signed(row['gain_points'])} (?)"
    star = "*" if row["is_clear"] == "True" else ""
    low, high = signed(row["low_points"]), signed(row["high_points"])
    return f"{signed(row['gain_points'])}{star} ({low} to {high})"


def arms(name: str) -> list[str]:
    """Return the arms of a run in their order, the baseline left out."""
    return list(dict.fromkeys(row["arm"] for row in rows(name, "gains")))


def targets(name: str) -> list[str]:
    """Return what the table of gains has rows of, in its order."""
    return list(dict.fromkeys(row["target"] for row in rows(name, "gains")))


def page() -> str:
    """Return docs/findings.md as the kept files have it."""
    loader = jinja2.FileSystemLoader(KEPT)
    environment = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Markdown, from our own files
    )
    tools = {each.__name__: each for each in (rows, of, average, signed, gain, arms, targets)}
    return environment.get_template("page.md.j2").render(**tools, float=float)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", workspace, name]:
            keep(Path(workspace), name)
        case ["page"]:
            PAGE.write_text(page(), encoding="utf-8")
        case _:
            sys.exit(__doc__)
