"""Fill the disk at each write of a run, one after the other, until the run comes through.

    scripts/full_disk

The disk is full at once, then after one write, then after two, until a stage or a checkpoint is
there that was not; then again at once. Each time the run must end with a sentence and leave no file
behind that it was writing, and what came through at last must be what peace leaves.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from forked import (
    DONE,
    TOLD,
    ended,
    fill,
    results,
    started,
    under_shim,
    undisturbed,
    written,
)


def full_at(writes: int, recipe: Path, workspace: Path) -> bool:
    """Run with a disk that is full after so many writes; tell whether it came through."""
    log = workspace.with_name("log_of_full")
    status = ended(started(recipe, workspace, log, lambda: fill(workspace, writes)))
    if status not in (DONE, TOLD):
        raise SystemExit(f"Full after {writes} writes, it ended with {status}: {log.read_text()}")
    if left := [file for file in workspace.rglob(".*.*") if file.suffix[1:].isdigit()]:
        raise SystemExit(f"Full after {writes} writes, it left {left}: {log.read_text()}")
    return status == DONE


def progress(workspace: Path) -> set[tuple[str, int]]:
    """Return what a run goes on from: finished stages, and checkpoints of the others."""
    stages = workspace / "stages"
    files = [*stages.glob("*/complete.json"), *stages.glob("*/resume.safetensors")]
    return {(file.parent.name, file.stat().st_mtime_ns) for file in files}


def main() -> None:
    """Read options, try, and print the counts."""
    argparse.ArgumentParser(prog="scripts/full_disk", description=__doc__).parse_args()
    under_shim()
    with TemporaryDirectory(prefix="full_disk") as name:
        folder = Path(name)
        recipe, workspace = written(folder), folder / "full"
        peace = undisturbed(recipe, folder)
        tried, writes, before = 0, 0, progress(workspace)
        while not full_at(writes, recipe, workspace):
            tried, writes, now = tried + 1, writes + 1, progress(workspace)
            if now != before:
                writes, before = 0, now
        if results(recipe, workspace) != peace:
            raise SystemExit("The run that came through had other results.")
    sys.stdout.write(f"Full {tried} times, at each write: nothing lost, each time said.\n")


if __name__ == "__main__":
    main()
