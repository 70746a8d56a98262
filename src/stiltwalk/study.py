"""A run's results as tables, for a notebook and whatever comes after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stiltwalk.errors import NoSuchRun, StiltwalkError
from stiltwalk.records import BASELINE_ARM
from stiltwalk.reports.answers import ArmAnswer, TimedAnswer, answers, gain_interval, told
from stiltwalk.reports.choosing import choose
from stiltwalk.reports.data import RunRows, rows_of
from stiltwalk.reports.findings import Findings, ScoreCell, findings
from stiltwalk.reports.samples import samples
from stiltwalk.reports.sections.answer import arms
from stiltwalk.reports.sections.targets import gain_of
from stiltwalk.reports.wording import notices, plural
from stiltwalk.selection.requirements import Requirements
from stiltwalk.store.manifest import RunRecord, page_of, read_record, run_folder, run_folders
from stiltwalk.store.remote import workspace_at
from stiltwalk.tables import html
from stiltwalk.tables.table import Table
from stiltwalk.timing.record import VOID
from stiltwalk.timing.sample_size import Figure

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]


class Study:
    """A run: `scores`, `gains`, `verdicts`, `speed` and `errors`, each a pandas DataFrame.

    Scores are in percent and gains in points; what is a fraction in [0, 1], or in seconds, is named
    so. A notebook shows its answer as a sentence and a table. It tells what the workspace held when
    it was first asked.
    """

    def __init__(self, workspace: str | Path, name: str) -> None:
        """Stand for the run `name` of a workspace; nothing is read yet."""
        self.name = name
        self._store = workspace_at(workspace)

    @property
    def report(self) -> Path:
        """The page of its report."""
        return page_of(self._store, self.name)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every figure as it is kept, a fraction in `value`: test and dev, reference points too."""
        run = self._run
        return [
            {"run": self.name, "arm": each.arm, **asdict(each.row)}
            for each in (*run.rows, *run.reference_points)
        ]

    def scores(self) -> DataFrame:
        """Return a row per figure, language and seed, in percent.

        `reference` names what answered in place of the model as it is, "" for the arm's own.
        """
        columns = "arm task language split seed metric percent num_examples reference"
        rows = ({**r, "percent": 100 * r["value"], "reference": r["control"]} for r in self.rows)
        return _frame(rows, columns)

    def gains(self) -> DataFrame:
        """Return a row per arm and target, and per mean over targets: what it gains on `none`.

        Gains are in points with their 95 % interval, NaN where its noise is unknown, and
        `is_clear` if they stand when corrected for all of the table.
        """
        columns = "target arm percent gain_points low_points high_points num_seeds verdict is_clear"
        table = self._found.table
        rows = (
            {
                "target": row.name,
                "percent": 100 * cell.score.mean if cell.score else nan,
                "num_seeds": cell.gain.num_seeds if cell.gain else 0,
                "is_clear": cell.is_clear,
                **_gained(cell),
            }
            for row in (*table.tasks, *table.means)
            for cell in row.cells
            if cell.arm != BASELINE_ARM
        )
        return _frame(rows, columns)

    def verdicts(self) -> DataFrame:
        """Return four rows per arm: its quality, latency, throughput and computation.

        `value`, `low` and `high` are points for quality and ratios to the baseline for the others.
        """
        columns = "arm question value low high unit verdict why"
        return _frame((row for each in self._answers for row in _verdicts(each)), columns)

    def speed(self) -> DataFrame:
        """Return a row per verdict of a clock, seconds of both models included; empty without."""
        columns = "a b task language scenario figure a_s b_s ratio low high margin_fraction verdict"
        rows = (
            {
                **vars(cell),
                **{name: getattr(cell.judged, name) for name in ("ratio", "low", "high")},
                "margin_fraction": cell.judged.margin,
                "figure": str(cell.figure),
                "a": pair.a,
                "b": pair.b,
            }
            for pair in self._run.comparisons
            for cell in pair.cells
        )
        return _frame(rows, columns)

    def errors(self, arm: str, task: str, language: str) -> DataFrame:
        """Return the test rows that an arm does not get quite right, the worst first.

        `score_fraction` is how much of a row is right.

        Raises:
            NoSuchRun: if the run has no such answers.
            DataError: if the rows that it answered are no longer there.
        """
        columns = "seed id text gold answer score_fraction"
        found = [
            each | {"score_fraction": each["score"]}
            for each in samples(self._record, self._store, self._run, (arm, task, language))
        ]
        if not found:
            raise NoSuchRun(
                f"The run {self.name} has no answers of {arm!r} to {task!r} in {language!r}: its "
                f"arms are {', '.join(self._run.arms)}, its targets {', '.join(self._run.targets)}."
            )
        wrong = (row for row in found if row["score_fraction"] < 1)
        return _frame(sorted(wrong, key=lambda row: float(row["score_fraction"])), columns)

    def choose(
        self,
        floors: Mapping[str, float],
        max_latency_p95: str = "",
        max_memory: str = "",
        languages: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return the cheapest of its arms that is good enough; see `stiltwalk.choose`."""
        needs = Requirements(
            floors=floors,
            max_latency_p95=max_latency_p95,
            max_memory=max_memory,
            languages=languages,
        )
        return choose(self._store, needs, self.name)

    @cached_property
    def answer(self) -> str:
        """What the run says of quality and speed, in words."""
        found = self._found
        return told(self._answers, found.run, found.table) if self._answers else found.said.answer

    @property
    def notices(self) -> tuple[str, ...]:
        """What must be said before any number, such as that the miniature is a demonstration."""
        return notices(self._run)

    @cached_property
    def table(self) -> Table:
        """What each arm changes, as the report shows it."""
        return arms(self._found, self._answers)

    def __repr__(self) -> str:
        """Return it in a line."""
        try:
            record = self._record
        except StiltwalkError:
            return f"<Study {self.name}: not begun, in {self._store.place}>"
        counts = {"arm": record.arms, "target": record.targets, "seed": record.seeds}
        said = ", ".join(plural(len(each), noun) for noun, each in counts.items())
        return f"<Study {self.name}: {said}, in {self._store.place}>"

    def _repr_html_(self) -> str:
        """Return the answer and the table of arms, for a notebook."""
        head = f"<p><b>{html.escape(self.name)}</b>: {html.escape(self.answer)}</p>"
        head += "".join(f"<p><i>{html.escape(each)}</i></p>" for each in self.notices)
        rows = ("".join(f"<td>{html.escape(c.line)}</td>" for c in row) for row in self.table.rows)
        names = "".join(f"<th>{html.escape(cell.line)}</th>" for cell in self.table.columns)
        body = "".join(f"<tr>{row}</tr>" for row in (names, *rows))
        return head + (f"<table>{body}</table>" if self.table.rows else "")

    @cached_property
    def _record(self) -> RunRecord:
        return read_record(run_folder(self._store, self.name))

    @cached_property
    def _run(self) -> RunRows:
        return rows_of(self._record, self._store)

    @cached_property
    def _found(self) -> Findings:
        return findings(self._run)

    @cached_property
    def _answers(self) -> tuple[ArmAnswer, ...]:
        return answers(self._run, self._found.table)

    def verdict_on(self, arm: str, target: str) -> str:
        """Return what an arm changes on a target and in speed, in words, for its model card."""
        if arm == BASELINE_ARM:
            return "This is the baseline that the other arms are compared with."
        rows = [row for row in self._found.table.tasks if row.name == target]
        cells = [cell for row in rows for cell in row.cells if cell.arm == arm and cell.gain]
        speed = next((each.computation for each in self._answers if each.arm == arm), "")
        gains = (f"{gain_of(c)} points ({gain_interval(c) or 'noise unknown'})" for c in cells)
        gained = "".join(f"On {target} it changes the mean over languages by {g}. " for g in gains)
        return gained + (f"It runs {speed}." if speed else "Nothing is known of its speed.")


def study_of(workspace: str | Path, name: str | None) -> Study:
    """Return a run of a workspace; without a name the only one, earlier designs of it apart.

    Raises:
        NoSuchRun: if there is none, or no such one, or several and no name.
    """
    names = [folder.name for folder in run_folders(workspace_at(workspace))]
    current = [each for each in names if "~" not in each] or names
    if name is None and len(current) > 1:
        raise NoSuchRun(f"{workspace} holds several runs, {', '.join(current)}: say which.")
    if name is not None and name not in names:
        raise NoSuchRun(f"{workspace} holds no run {name!r}, but {', '.join(names)}.")
    return Study(workspace, name or current[0])


def _gained(cell: ScoreCell) -> dict[str, Any]:
    low, high = cell.estimate.interval() if cell.estimate else (nan, nan)
    gain = cell.gain.mean if cell.gain else nan
    verdict = "gain" if gain > 0 else "loss"
    if cell.estimate is None:
        verdict = "noise unknown" if cell.gain else "no score to compare"
    elif cell.is_noise:
        verdict = "inside the noise"
    points = {"gain": gain, "low": low, "high": high}
    in_points = {f"{name}_points": 100 * value for name, value in points.items()}
    return {"arm": cell.arm, "verdict": verdict, **in_points}


def _verdicts(found: ArmAnswer) -> Iterable[Row]:
    if found.gain:
        quality = _gained(found.gain)
        values = {
            name: quality[f"{key}_points"]
            for name, key in (("value", "gain"), ("low", "low"), ("high", "high"))
        }
        yield {"question": "quality", "unit": "points", **quality, **values, "why": ""}
    timed = {Figure.P50: ("latency", found.latency), Figure.TIME: ("throughput", found.throughput)}
    for figure, (question, each) in timed.items():
        untimed = VOID if figure in found.void else "not timed"
        row = {"arm": found.arm, "question": question, "unit": "ratio", "why": found.why}
        yield row | (_ratio(each) if each else {"verdict": untimed})
    verdict = found.computation or "not compared"
    yield {"arm": found.arm, "question": "computation", "unit": "", "verdict": verdict, "why": ""}


def _ratio(timed: TimedAnswer) -> Row:
    values = {"value": timed.ratio, "low": timed.low, "high": timed.high}
    return {**values, "verdict": timed.verdict, "why": ""}


def _frame(rows: Iterable[Row], columns: str) -> DataFrame:
    try:
        from pandas import DataFrame
    except ModuleNotFoundError as error:
        raise StiltwalkError(
            "Tables need pandas, which is not installed: pip install 'stiltwalk[notebook]'. The "
            "same rows are in scores.csv beside the report, and in `rows`."
        ) from error
    return DataFrame(list(rows), columns=columns.split())
