# ruff: noqa: ANN401, PLR2004, RUF001 - values of packages without types; shares; Arabic
"""Compare every metric with an implementation that others wrote, on random cases.

None of the packages is a dependency of stiltwalk, and two disagree with current ones, so make an
environment of its own:

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install torchmetrics "transformers<5" faiss-cpu numpy
    /tmp/golden/bin/pip install --no-deps seqeval==0.0.12 lm_eval
    /tmp/golden/bin/python benchmarks/crosscheck_metrics.py            # 20,000 cases a check
    /tmp/golden/bin/python benchmarks/crosscheck_metrics.py --quick --json

A check whose package is missing is left out and says so. `--golden tests/golden` writes the cases
that the test suite keeps, with the expected figures from those packages. The exit code is 1 where
anything differs. Exempt, because the packages differ from the official scripts there:
torchmetrics calls an empty answer right where the gold normalises to nothing; lm_eval takes the
Arabic article off word beginnings only; the threshold loop of SQuAD 2.0 can stop between equal
scores, so cases have none, and takes an answer of articles alone for an answer.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import numpy as np
from crosscheck_cases import (
    ANSWERS,
    PREFIXES,
    TAGGINGS,
    random_answer,
    random_embeddings,
    random_tags,
)

from stiltwalk.metrics.bitext import Candidate, best_threshold, mine
from stiltwalk.metrics.chunks import chunk_f1
from stiltwalk.metrics.qa import best_no_answer, mlqa_scores, squad_scores

Check = Callable[[random.Random, int], Iterator[tuple[Any, Any, Any]]]
"""Yields (case, our figures, their figures); the figures must be equal."""


def chunks(rng: random.Random, count: int) -> Iterator[tuple[Any, Any, Any]]:
    """Chunk F1 on random tags of every scheme, against seqeval 0.0.12."""
    theirs = importlib.import_module("seqeval.metrics")
    for number in range(count):
        gold, predicted = random_tags(rng, PREFIXES[number % len(PREFIXES)])
        yield (predicted, gold), chunk_f1(predicted, gold), _seqeval(theirs, predicted, gold)


def _seqeval(package: ModuleType, predicted: Any, gold: Any) -> dict[str, float]:
    return {
        name: float(getattr(package, f"{name}_score")(gold, predicted))
        for name in ("f1", "precision", "recall")
    }


def squad(rng: random.Random, count: int) -> Iterator[tuple[Any, Any, Any]]:
    """SQuAD's F1 and exact match, question by question, against torchmetrics."""
    theirs = importlib.import_module("torchmetrics.functional.text.squad")
    for number in range(count):
        found, golds = random_answer(rng, sorted(ANSWERS)[number % len(ANSWERS)])
        if not all(theirs._normalize_text(text) for text in golds):
            continue  # the documented difference
        yield (
            (found, golds),
            squad_scores({"q": found}, {"q": golds}),
            _torchmetrics(theirs, found, golds),
        )


def _torchmetrics(package: ModuleType, found: str, golds: list[str]) -> dict[str, float]:
    best = package._metric_max_over_ground_truths
    return {
        "f1": _double(best(package._compute_f1_score, found, golds)),
        "exact_match": _double(best(package._compute_exact_match_score, found, golds)),
    }


def _double(single: Any) -> float:
    """Return what a single-precision figure stands for: one of few fractions of small counts."""
    return float(np.round(float(single), 6))


def mlqa(rng: random.Random, count: int) -> Iterator[tuple[Any, Any, Any]]:
    """MLQA's F1 and exact match in its seven languages, against lm_eval's copy of the script."""
    theirs = _lm_eval()
    for number in range(count):
        language = sorted(theirs.WHITESPACE_LANGS + theirs.MIXED_SEGMENTATION_LANGS)[number % 7]
        found, golds = random_answer(rng, language)
        yield (
            (language, found, golds),
            mlqa_scores({"q": found}, {"q": golds}, language),
            _mlqa(theirs, found, golds, language),
        )


def _lm_eval() -> ModuleType:
    """Import lm_eval's MLQA rules without `datasets`, and with the official Arabic pattern."""
    root = importlib.util.find_spec("lm_eval")
    if root is None or root.origin is None:
        raise ModuleNotFoundError("lm_eval")
    path = Path(root.origin).parent / "tasks" / "mlqa" / "utils.py"
    source = path.read_text(encoding="utf-8").replace(r"(?:^|\s)ال", r"\sال^|ال")
    source = source.replace("import datasets\n", "").replace("datasets.Dataset", "object")
    module = ModuleType("lm_eval_mlqa")
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - an installed package
    return module


def _mlqa(package: ModuleType, found: str, golds: list[str], language: str) -> dict[str, float]:
    best = package.metric_max_over_ground_truths
    return {
        "f1": float(best(package.f1_score, found, golds, language)),
        "exact_match": float(best(package.exact_match_score, found, golds, language)),
    }


def no_answer(rng: random.Random, count: int) -> Iterator[tuple[Any, Any, Any]]:
    """SQuAD 2.0's best thresholds over sets of 40 questions, against transformers 4."""
    theirs = importlib.import_module("transformers.data.metrics.squad_metrics")
    for _ in range(count // 40):
        texts = {str(q): random_answer(rng, "en") for q in range(40)}
        found = {q: text or "x" for q, (text, _) in texts.items()}
        gold = {q: [t for t in ts if theirs.normalize_answer(t)] for q, (_, ts) in texts.items()}
        gold = {q: ts if rng.random() < 0.6 else [] for q, ts in gold.items()}
        doubt = dict(zip(found, rng.sample(range(1000), 40), strict=True))
        ours = best_no_answer(found, gold, doubt)
        expected = _best_thresholds(theirs, found, gold, doubt)
        yield (found, gold, doubt), {"f1": ours.f1, "exact_match": ours.exact_match}, expected


def _best_thresholds(package: ModuleType, found: Any, gold: Any, doubt: Any) -> dict[str, float]:
    def best(measure: Callable[[str, str], float]) -> dict[str, float]:
        return {q: max(measure(t, found[q]) for t in ts or [""]) for q, ts in gold.items()}

    document: dict[str, float] = {}
    has_answer = {question: bool(texts) for question, texts in gold.items()}
    exact, f1 = best(package.compute_exact), best(package.compute_f1)
    # an answer of articles alone counts as withheld, as its own figures already say
    shown = {question: " ".join(package.get_tokens(text)) for question, text in found.items()}
    package.find_all_best_thresh(document, shown, exact, f1, doubt, has_answer)
    return {"f1": document["best_f1"] / 100, "exact_match": document["best_exact"] / 100}


def mining(rng: random.Random, count: int) -> Iterator[tuple[Any, Any, Any]]:
    """Mined pairs and their threshold, against faiss and a loop written from the description."""
    faiss = importlib.import_module("faiss")
    for _ in range(count // 200):
        foreign, english = random_embeddings(rng)
        ours = mine(foreign, english)
        theirs = _mine_slowly(faiss, foreign, english)
        yield (foreign.shape, english.shape), [p[:2] for p in ours], [p[:2] for p in theirs]
        candidates = [Candidate(str(f), str(e), s) for f, e, s in ours]
        gold = [(str(i), str(i)) for i in range(min(len(foreign), len(english)))]
        found = _f1_above(candidates, gold, best_threshold(candidates, gold))
        best = max(_f1_above(candidates, gold, c.score) for c in candidates)
        yield foreign.shape, found, best


def _mine_slowly(faiss: ModuleType, foreign: Any, english: Any) -> list[tuple[int, int, float]]:
    left, right = foreign.copy(), english.copy()
    faiss.normalize_L2(left)
    faiss.normalize_L2(right)
    near_l, at_l = faiss.knn(left, right, min(4, len(right)), metric=faiss.METRIC_INNER_PRODUCT)
    near_r, at_r = faiss.knn(right, left, min(4, len(left)), metric=faiss.METRIC_INNER_PRODUCT)
    mean_l, mean_r = near_l.mean(1), near_r.mean(1)
    pool = []
    for i, row in enumerate(at_l):
        ratios = [left[i] @ right[j] / ((mean_l[i] + mean_r[j]) / 2) for j in row]
        pool.append((max(ratios), i, int(row[int(np.argmax(ratios))])))
    for j, row in enumerate(at_r):
        ratios = [left[i] @ right[j] / ((mean_l[i] + mean_r[j]) / 2) for i in row]
        pool.append((max(ratios), int(row[int(np.argmax(ratios))]), j))
    used_l, used_r, mined = set(), set(), []
    for ratio, i, j in sorted(pool, key=lambda item: -item[0]):
        if ratio > 0 and i not in used_l and j not in used_r:
            used_l.add(i)
            used_r.add(j)
            mined.append((i, j, float(ratio)))
    return mined


def _f1_above(candidates: list[Candidate], gold: list[tuple[str, str]], least: float) -> float:
    kept = {(c.foreign, c.english) for c in candidates if c.score >= least}
    right = len(kept & set(gold))
    return 2 * right / (len(kept) + len(gold))


CHECKS: dict[str, tuple[Check, str]] = {
    "chunk F1": (chunks, "seqeval 0.0.12"),
    "SQuAD": (squad, "torchmetrics"),
    "MLQA": (mlqa, "lm_eval"),
    "SQuAD 2.0 thresholds": (no_answer, "transformers 4"),
    "bitext mining": (mining, "faiss"),
}


def run(name: str, count: int) -> dict[str, Any]:
    """Run one check and count the cases that differ."""
    check, package = CHECKS[name]
    tolerance = 1e-6 if package == "torchmetrics" else 1e-12  # it computes in single precision
    row: dict[str, Any] = {"workload": name, "variant": package, "cases": 0, "differences": 0}
    started = time.perf_counter()
    try:
        for case, ours, theirs in check(random.Random(0), count):  # noqa: S311 - cases, no secrets
            row["cases"] += 1
            if not _equal(ours, theirs, tolerance):
                row["differences"] += 1
                row.setdefault("first", repr((case, ours, theirs))[:500])
    except ModuleNotFoundError as error:
        row["left_out"] = f"{error.name} is not installed"
    return {**row, "time_s": round(time.perf_counter() - started, 2)}


def _equal(ours: Any, theirs: Any, tolerance: float) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(
            abs(ours[name] - theirs[name]) <= tolerance for name in ours
        )
    return abs(ours - theirs) <= tolerance if isinstance(ours, float) else bool(ours == theirs)


def write_golden(folder: Path) -> None:
    """Write the cases of `crosscheck_cases` with the packages' figures."""
    seqeval, lm_eval = importlib.import_module("seqeval.metrics"), _lm_eval()
    torchmetrics = importlib.import_module("torchmetrics.functional.text.squad")
    mlqa_has = lm_eval.WHITESPACE_LANGS + lm_eval.MIXED_SEGMENTATION_LANGS
    answers = [
        {
            "language": language,
            "predicted": found,
            "gold": golds,
            "squad": _torchmetrics(torchmetrics, found, golds),
            **({"mlqa": _mlqa(lm_eval, found, golds, language)} if language in mlqa_has else {}),
        }
        for language, cases in ANSWERS.items()
        for found, golds in cases
    ]
    tags = [
        {"name": name, "predicted": predicted, "gold": gold, **_seqeval(seqeval, predicted, gold)}
        for name, predicted, gold in TAGGINGS
    ]
    made = (
        "Own cases of benchmarks/crosscheck_cases.py, figures by "
        "benchmarks/crosscheck_metrics.py --golden with "
    )
    for name, packages, cases in (
        ("answers", "torchmetrics (squad) and lm_eval (mlqa, official Arabic pattern)", answers),
        ("tags", "seqeval 0.0.12", tags),
    ):
        document = {"made": made + packages + ".", "cases": cases}
        text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 cases a check")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--golden", type=Path, help="folder to write the golden cases to")
    options = parser.parse_args()
    if options.golden:
        write_golden(options.golden)
        return 0
    rows = [run(name, 2_000 if options.quick else 20_000) for name in CHECKS]
    if options.json:
        print(json.dumps({"machine": platform.platform(), "rows": rows}, indent=1))
    else:
        for row in rows:
            counts = f"{row['cases']:>7,} cases {row['differences']:>4} differ"
            result = row.get("left_out", counts)
            print(f"{row['workload']:22} {row['variant']:16} {result}  {row['time_s']:>7.2f} s")
            print(*(f"    {row['first']}\n" for _ in range("first" in row)), end="")
    return int(any(row["differences"] for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
