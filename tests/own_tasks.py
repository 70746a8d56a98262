"""A task of a user's own, in files as small as can be."""

from __future__ import annotations

from pathlib import Path

DECLARATION = """
name = "reviews"
type = "text"
languages = ["en", "lb"]
train = "rows/train.csv"
dev = "rows/dev.csv"
test = "rows/test-{language}.csv"
labels = ["bad", "good"]
columns = { text = "review", label = "stars" }
"""
"""Luxembourgish is no language of XTREME's."""


def write_reviews(folder: Path) -> None:
    """Write the rows that `DECLARATION` names."""
    (folder / "rows").mkdir()
    for name, number in {"train": 16, "dev": 6, "test-en": 5, "test-lb": 4}.items():
        lines = [f'"Film {row}, {name}",{("bad", "good")[row % 2]}' for row in range(number)]
        text = "\n".join(["review,stars", *lines])
        (folder / "rows" / f"{name}.csv").write_text(f"{text}\n", encoding="utf-8")
