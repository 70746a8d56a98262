"""Two systems' scores, whoever made them: tested in pairs where rows are known, else side by side.

Read are our own rows (`export --samples`), lm-evaluation-harness's (`samples_TASK_DATE.jsonl`), and
mteb's: predictions of bitext mining (`TASK_predictions.json`), and its results, which are means.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow.parquet

from stiltwalk.errors import DataError
from stiltwalk.files import read_text
from stiltwalk.reports.scores import spread
from stiltwalk.reports.significance import (
    LEVEL,
    Estimate,
    draw_weights,
    estimated,
    mcnemar,
    resampled,
    together,
)
from stiltwalk.tables.table import Cell, Table, heads
from stiltwalk.timing.tost import holm
from stiltwalk.wording import rounded

Key = tuple[str, str, str]
"""Task; language, filter or subset; metric."""
Rows = dict[str, tuple[float, float]]
"""By a row's id what it adds to the figure: (won, of)."""
_HARNESS = re.compile(r"samples_(.+?)(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.jsonl")
_OWN = ".parquet"
_PREDICTIONS = "_predictions.json"
_OTHER_GOLD = "BUCC"
"""Mining, whose right answers do not stand at their own position."""


@dataclass(frozen=True)
class SystemScores:
    """What is known of one system: its rows by seed (0 where none is told), or means alone."""

    rows: dict[Key, dict[int, Rows]] = field(default_factory=dict)
    means: dict[Key, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    folders: dict[Key, Path] = field(default_factory=dict)

    def take(self, other: SystemScores, folder: Path) -> None:
        """Add what a file in the folder of a system holds; a later file of a seed replaces it."""
        for key in (*other.rows, *other.means):
            if (before := self.folders.setdefault(key, folder)) != folder:
                raise DataError(
                    f"{before} and {folder} both score {' '.join(key)}: give the folder of one."
                )
        for key, rows in other.rows.items():
            self.rows.setdefault(key, {}).update(rows)
        self.means.update(other.means)
        self.notes.extend(other.notes)

    def mean(self, key: Key) -> float:
        """Return a figure, the mean over seeds."""
        return fmean(map(_ratio, self.rows[key].values())) if key in self.rows else self.means[key]


def read_scores(place: Path) -> SystemScores:
    """Return the scores of a file, or of all files in a folder; of one task's the latest.

    Raises:
        DataError: if there are none, or a file is not what its name says.
    """
    found = SystemScores()
    for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
        one, is_own = SystemScores(), file.suffix == _OWN
        try:
            _read(file, one)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{file} cannot be read as scores ({type(error).__name__}: {error}). Give rows of "
                "`stiltwalk export --samples`, samples_*.jsonl of lm-eval, or mteb's JSON."
            ) from error
        found.take(one, file.parents[is_own])  # the seeds of an arm have a folder each
    if not found.rows and not found.means:
        why = found.notes[0] if found.notes else f"{place} holds no scores."
        raise DataError(
            f"{why} Known are *.parquet of `stiltwalk export --samples`, samples_*.jsonl of "
            "lm-eval, and mteb's results."
        )
    return found


def _read(file: Path, found: SystemScores) -> None:
    if file.suffix == _OWN:
        _read_own(file, found)
    elif named := _HARNESS.fullmatch(file.name):
        _read_harness(file, named[1], found)
    elif file.suffix == ".json":
        document = json.loads(read_text(file))
        if file.name.endswith(_PREDICTIONS):
            _read_predictions(file.name.removesuffix(_PREDICTIONS), document, found)
        elif isinstance(document, dict) and {"task_name", "scores"} <= document.keys():
            _read_results(document, found)


def _read_own(file: Path, found: SystemScores) -> None:
    for row in pyarrow.parquet.read_table(file).to_pylist():
        rows = found.rows.setdefault((row["task"], row["language"], row["metric"]), {})
        rows.setdefault(row["seed"], {})[row["id"]] = row["won"], row["of"]


def _read_harness(file: Path, task: str, found: SystemScores) -> None:
    """Read a log of lm-eval; equal documents are told apart by their order."""
    seen: Counter[tuple[str, str]] = Counter()
    for line in filter(None, read_text(file).splitlines()):
        row = json.loads(line)
        ident = row["doc_hash"], row.get("filter", "none")
        seen[ident] += 1
        for metric in row.get("metrics", row):
            value = row.get(metric)
            if isinstance(value, int | float) and metric != "doc_id":
                rows = found.rows.setdefault((task, ident[1], metric), {0: {}})[0]
                rows[f"{ident[0]} {seen[ident]}"] = float(value), 1.0


def _read_predictions(task: str, document: Mapping[str, Any], found: SystemScores) -> None:
    """Read mteb's predictions: of bitext mining the right answer is known, its own position."""
    for subset, splits in document.items():
        for split, given in splits.items() if subset != "mteb_model_meta" else ():
            is_mining = isinstance(given, dict) and all(map(_is_mined, given.values()))
            if not is_mining or task.startswith(_OTHER_GOLD):
                found.notes.append(
                    f"{task}{_PREDICTIONS} holds no right answers, so no row scores."
                )
                return
            for pair, lines in given.items():
                part = ", ".join((subset, split, *(pair,) * (len(given) > 1)))
                won = (float(each["corpus_id"] == at) for at, each in enumerate(lines))
                rows = {str(at): (each, 1.0) for at, each in enumerate(won)}
                found.rows[task, part, "accuracy"] = {0: rows}


def _is_mined(lines: object) -> bool:
    return isinstance(lines, list) and all(
        isinstance(each, dict) and "corpus_id" in each for each in lines
    )


def _read_results(document: Mapping[str, Any], found: SystemScores) -> None:
    for split, scores in document["scores"].items():
        for each in scores:
            key = document["task_name"], f"{each['hf_subset']}, {split}", "main_score"
            found.means[key] = float(each["main_score"])


@dataclass(frozen=True, kw_only=True)
class PairedFigure:
    """One figure of A and B; in percent and points where `unit` is "%", else as it was kept.

    `low` and `high` end the 95 % interval of the difference, `p_holm` is corrected over all;
    None without rows. `num_rows` have a partner, `unpaired_a` and `unpaired_b` have none.
    """

    task: str
    part: str
    metric: str
    unit: str
    a: float
    b: float
    difference: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    test: str = "none: means alone"
    num_rows: int = 0
    unpaired_a: int = 0
    unpaired_b: int = 0

    @property
    def verdict(self) -> str:
        """What the difference amounts to, corrected for all that is compared."""
        if self.low is None or self.high is None or self.p_holm is None:
            return "not tested"
        if self.p_holm <= LEVEL:
            return f"{'B' if self.difference > 0 else 'A'} is higher"
        return "inside the noise" if self.low <= 0 <= self.high else "not clear once corrected"


def compare_scores(a: Path, b: Path) -> dict[str, Any]:
    """Return what B scores against A, figure by figure; see `stiltwalk.compare_scores`."""
    theirs, ours = read_scores(a), read_scores(b)
    keys = sorted({*ours.rows, *ours.means} & {*theirs.rows, *theirs.means})
    if not keys:
        raise DataError(
            f"{a} and {b} have no figure in common: one has {_some(theirs)}, the other "
            f"{_some(ours)}."
        )
    figures = [_compared(key, theirs, ours) for key in keys]
    p_holm = holm({at: each.p for at, each in enumerate(figures) if each.p is not None})
    figures = [replace(each, p_holm=p_holm.get(at)) for at, each in enumerate(figures)]
    return {
        "a": str(a),
        "b": str(b),
        "figures": [asdict(each) | {"verdict": each.verdict} for each in figures],
        "notes": list(dict.fromkeys((*theirs.notes, *ours.notes))),
    }


def _some(found: SystemScores) -> str:
    return "; ".join(" ".join(key) for key in sorted({*found.rows, *found.means})[:3])


def _compared(key: Key, theirs: SystemScores, ours: SystemScores) -> PairedFigure:
    pairs = list(_pairs(theirs.rows.get(key, {}), ours.rows.get(key, {})))
    every = [rows for pair in pairs for rows in pair]
    shared = [name for name in every[0] if all(name in rows for rows in every)] if pairs else []
    (task, part, metric), found = key, (theirs.mean(key), ours.mean(key))
    is_share = all(0 <= won <= of for rows in every for won, of in rows.values())
    scale = 100 if is_share and all(0 <= each <= 1 for each in found) else 1
    known: dict[str, Any] = {}
    if shared:
        found, estimate, known = _tested(task, pairs, shared)
        if estimate:
            known["low"], known["high"] = (scale * each for each in estimate.interval())
        known["unpaired_a"], known["unpaired_b"] = (
            max(len(pair[side]) for pair in pairs) - len(shared) for side in (0, 1)
        )
    a, b = (scale * each for each in found)
    return PairedFigure(
        task=task,
        part=part,
        metric=metric,
        unit="%" if scale > 1 else "",
        a=a,
        b=b,
        difference=b - a,
        num_rows=len(shared),
        **known,
    )


def _pairs(theirs: Mapping[int, Rows], ours: Mapping[int, Rows]) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of every seed that both have; a system with but one is met by each."""
    if len(theirs) == 1:
        yield from ((rows, each) for rows in theirs.values() for each in ours.values())
    elif len(ours) == 1:
        yield from ((each, rows) for rows in ours.values() for each in theirs.values())
    else:
        yield from ((theirs[seed], ours[seed]) for seed in sorted({*theirs} & {*ours}))


def _tested(
    task: str, pairs: Sequence[tuple[Rows, Rows]], shared: Sequence[str]
) -> tuple[tuple[float, float], Estimate | None, dict[str, Any]]:
    """Return both means over the shared rows, the difference with its errors, p and the test."""
    counts_PSN2 = np.array([[[rows[name] for name in shared] for rows in pair] for pair in pairs])
    weights = draw_weights(task, len(together(counts_PSN2[0, 0])))
    scores_PSR = np.array(
        [[resampled(together(counts_N2), weights) for counts_N2 in pair] for pair in counts_PSN2]
    )
    sums_PS2 = counts_PSN2.sum(axis=2)
    seen_PS = sums_PS2[..., 0] / np.maximum(sums_PS2[..., 1], 1e-9)
    a, b = (float(each) for each in seen_PS.mean(axis=0))
    gain = spread((seen_PS[:, 1] - seen_PS[:, 0]).tolist())
    gains_R = (scores_PSR[:, 1] - scores_PSR[:, 0]).mean(axis=0)
    estimate = estimated(gain, np.concatenate([[b - a], gains_R])) if gain else None
    won_S2N, of_S2N = counts_PSN2[..., 0], counts_PSN2[..., 1]
    if len(pairs) == 1 and set(np.unique(of_S2N)) == {1.0} and {*np.unique(won_S2N)} <= {0.0, 1.0}:
        theirs_N, ours_N = won_S2N[0]
        p = mcnemar(int((ours_N > theirs_N).sum()), int((ours_N < theirs_N).sum()))
        return (a, b), estimate, {"p": p, "test": "McNemar"}
    test = "paired bootstrap" if len(pairs) == 1 else "t over seeds and rows"
    return (a, b), estimate, {"p": estimate.p if estimate else None, "test": test}


def compared_table(document: Mapping[str, Any]) -> Table:
    """Return the document of `compare_scores` as a table."""
    rows = []
    for each in document["figures"]:
        ends = [each["low"], each["high"]]
        below = "" if None in ends else f"{_signed(ends[0])} to {_signed(ends[1])}"
        rows.append(
            (
                Cell(f"{each['task']} {each['part']}".strip()),
                Cell(f"{each['metric']}{', %' * bool(each['unit'])}"),
                *(Cell(rounded(each[name], 2), each[name]) for name in ("a", "b")),
                Cell(_signed(each["difference"]), each["difference"], below),
                Cell("" if each["p_holm"] is None else rounded(each["p_holm"], 4)),
                Cell(f"{each['num_rows']:,}", each["num_rows"]),
                Cell(f"{each['verdict']} ({each['test']})"),
            )
        )
    return Table(
        name="paired",
        title=f"A: {document['a']}, B: {document['b']}",
        note="",
        columns=heads("figure", "metric", "A", "B", "B minus A", "p (Holm)", "pairs", "verdict"),
        rows=tuple(rows),
    )


def _signed(value: float) -> str:
    return rounded(value, 2, signed=True)


def _ratio(rows: Rows) -> float:
    return sum(won for won, _ in rows.values()) / max(sum(of for _, of in rows.values()), 1e-9)
