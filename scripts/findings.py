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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

import jinja2
from scipy.stats import t as student_t

import stiltwalk
from stiltwalk.reports.data import rows_of
from stiltwalk.reports.selectors import grid_of
from stiltwalk.store.manifest import read_record, run_folder
from stiltwalk.store.remote import workspace_at

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
    if judged := list(_judged(workspace, name)):
        _write(target / "selectors.csv", judged)
    made = [_made(each) for each in sorted((workspace / "stages").glob("*/complete.json"))]
    _write(
        target / "stages.csv", [each for each in made if each["stage"] in _of(study.report.parent)]
    )


def _judged(workspace: Path, name: str) -> Iterator[dict[str, Any]]:
    """Yield the figures of every selector, where the run asked some."""
    store = workspace_at(workspace)
    grid = grid_of(rows_of(read_record(run_folder(store, name)), store))
    for each in grid.judged() if grid else ():
        against = {"less always mnli": each.over_mnli} if each.over_mnli else {}
        for figure, found in {**each.figures, **against}.items():
            yield {"selector": each.name, "figure": figure, **asdict(found)}


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
    about = "\N{ALMOST EQUAL TO} " * (row["verdict"] == "inside the noise")
    low, high = signed(row["low_points"]), signed(row["high_points"])
    return f"{about}{signed(row['gain_points'])} ({low} to {high})"


def verdict(name: str, arm: str, question: str) -> str:
    """Return what a run says of an arm's quality, latency, throughput or computation."""
    return of(rows(name, "verdicts"), arm=arm, question=question)[0]["verdict"]


def arms(name: str) -> list[str]:
    """Return the arms of a run in their order, the baseline left out."""
    return list(dict.fromkeys(row["arm"] for row in rows(name, "gains")))


def targets(name: str) -> list[str]:
    """Return what the table of gains has rows of, in its order."""
    return list(dict.fromkeys(row["target"] for row in rows(name, "gains")))


def base(name: str, target: str) -> str:
    """Return the baseline's mean over languages, in percent: EM and F1 alike where both count."""
    found = of(rows(name, "gains"), target=target)
    if not found or not found[0]["percent"]:
        return "\N{EN DASH}"
    return f"{float(found[0]['percent']) - float(found[0]['gain_points']):.1f}"


def known_tasks(name: str) -> list[str]:
    """Return the targets that a run has test scores of."""
    found = of(rows(name, "scores"), kind="arm", split="test")
    return list(dict.fromkeys(row["task"] for row in found))


def selectors(name: str) -> list[str]:
    """Return the selectors and rules that a run judged, the best first."""
    found = of(rows(name, "selectors"), figure="regret@1")
    return [row["selector"] for row in sorted(found, key=lambda row: float(row["mean"]))]


def seeds(name: str) -> int:
    """Return how many seeds a run's selectors were judged on."""
    return max(int(row["num_seeds"]) for row in rows(name, "selectors"))


def better(name: str) -> list[str]:
    """Return the selectors that lose less than always taking mnli, all of the 95 % interval."""
    found = []
    for row in of(rows(name, "selectors"), figure="less always mnli"):
        number, sd = int(row["num_seeds"]), float(row["sd"] or "nan")
        if float(row["mean"]) + student_t.ppf(0.975, number - 1) * sd / number**0.5 < 0:
            found.append(row["selector"])
    return found


def digits_of(value: float, digits: int) -> str:
    """Return a number with so many digits, its minus a true one."""
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def languages(name: str) -> list[str]:
    """Return the languages of a run, English first."""
    found = sorted({row["language"] for row in rows(name, "timings")})
    return ["en", *(code for code in found if code != "en")]


def ratio(found: Sequence[Row], over: str, under: str) -> float:
    """Return the sum of a column by that of another."""
    return sum(float(row[over]) for row in found) / sum(float(row[under]) for row in found)


def tokens(name: str, language: str) -> float:
    """Return the tokens of an XNLI row in a language."""
    found = of(rows(name, "timings"), arm=BASELINE, task="xnli", language=language)
    return ratio(found, "real_tokens", "num_examples")


def layers(column: str) -> list[str]:
    """Return what stands in a column of the table of blocks, each once."""
    return list(dict.fromkeys(row[column] for row in rows("layers", "layers")))


def page() -> str:
    """Return docs/findings.md as the kept files have it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(KEPT),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  Markdown, from our own files
    )
    tools = (
        rows,
        of,
        average,
        gain,
        verdict,
        arms,
        targets,
        base,
        known_tasks,
        languages,
        ratio,
        tokens,
        selectors,
        seeds,
        better,
        digits_of,
    )
    return environment.get_template("page.md.j2").render(
        **{each.__name__: each for each in (*tools, layers)}
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["keep", workspace, name]:
            keep(Path(workspace), name)
        case ["page"]:
            PAGE.write_text(page(), encoding="utf-8")
        case _:
            sys.exit(__doc__)
