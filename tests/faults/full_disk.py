"""Fill the disk at each write of a run, one after the other, until the run comes through.

    scripts/full_disk [--every N] [--counts FILE]

Each time the run must end with a sentence and leave no file behind that it was writing, and the
next one, with space again, must end with what peace leaves. With a file of counts, a run of this
script goes on where the one before it was stopped.
"""

from __future__ import annotations

import argparse
import shutil
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


def main() -> None:
    """Read options, try, and print the counts."""
    parser = argparse.ArgumentParser(prog="scripts/full_disk", description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="try every N-th write")
    parser.add_argument("--counts", type=Path)
    given = parser.parse_args()
    counts, writes = given.counts, 0
    if counts and counts.is_file():
        writes = int(counts.read_text(encoding="utf-8"))
    under_shim()
    with TemporaryDirectory(prefix="full_disk") as name:
        folder = Path(name)
        recipe, workspace = written(folder), folder / "full"
        peace = undisturbed(recipe, folder)
        while not full_at(writes, recipe, workspace):
            if ended(started(recipe, workspace, folder / "again.log")) != DONE:
                raise SystemExit(f"Full after {writes}: {(folder / 'again.log').read_text()}")
            if results(recipe, workspace) != peace:
                raise SystemExit(f"Full after {writes} writes, the next run had other results.")
            shutil.rmtree(workspace)
            writes += given.every
            if counts:
                counts.write_text(str(writes), encoding="utf-8")
        if results(recipe, workspace) != peace:
            raise SystemExit("The run that came through had other results.")
    tried = f"Full at every {given.every}. of {writes} writes"
    sys.stdout.write(f"{tried}: nothing lost, each time said.\n")


if __name__ == "__main__":
    main()
