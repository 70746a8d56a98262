"""Kill, stop and double a run again and again; what it leaves must be what peace leaves.

    scripts/kills [--kills N] [--seed S] [--jobs J] [--power] [--counts FILE]

With a file of counts, runs of this script add up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from power import lose, record

from forked import DONE, TOLD, ended, results, started, undisturbed, written

STOPPED_S = 0.1


class Wrong(SystemExit):
    """A run that lost something, or said what it should not."""


def disturbed(process: int, draws: random.Random, recipe: Path, workspace: Path) -> str:
    """Do to a run at work what may be done to one; return what it was."""
    what = draws.choices(["killed", "stopped and gone on", "doubled"], [8, 1, 1])[0]
    if what == "killed":
        os.killpg(process, signal.SIGKILL)
    elif what == "stopped and gone on":
        os.killpg(process, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        os.killpg(process, signal.SIGCONT)
    else:
        log = workspace.with_suffix(".second.log")
        status = ended(started(recipe, workspace, log))
        if status not in (DONE, TOLD):
            raise Wrong(f"A second run at once ended with {status}: {log.read_text()}")
    return what


def tried(given: argparse.Namespace, folder: Path) -> Counter[str]:
    """Disturb runs until so many were killed; return what was done and how often."""
    recipe, workspace, log = written(folder), folder / "killed", folder / "killed.log"
    synced, executor = folder / "synced", f"local://{given.jobs}"
    draws = random.Random(given.seed)  # noqa: S311 - reproducible moments, not secrets
    peace = undisturbed(recipe, folder)
    began = time.monotonic()
    ended(started(recipe, folder / "timed", log, executor=executor))
    whole_s = time.monotonic() - began
    first = partial(record, synced) if given.power else int
    done: Counter[str] = Counter()
    while done["killed"] < given.kills:
        process = started(recipe, workspace, log, first, executor)
        time.sleep(draws.uniform(0, 0.4) * whole_s)
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            done[disturbed(process, draws, recipe, workspace)] += 1
        status = ended(process)
        if status == DONE:
            require_peace(recipe, workspace, peace, done)
            done["whole runs"] += 1
            shutil.rmtree(workspace)
        elif status not in (-signal.SIGKILL, TOLD):
            raise Wrong(f"A run ended with {status} after {dict(done)}: {log.read_text()}")
        elif given.power and workspace.is_dir():
            lose(workspace, synced, draws)
            done["power lost"] += 1
    if ended(started(recipe, workspace, log, executor=executor)) != DONE:
        raise Wrong(f"The last run could not go on after {dict(done)}: {log.read_text()}")
    require_peace(recipe, workspace, peace, done)
    return done


def require_peace(
    recipe: Path, workspace: Path, peace: Mapping[str, bytes], done: Counter[str]
) -> None:
    """Refuse what an undisturbed run did not leave."""
    found = results(recipe, workspace)
    names = peace.keys() | (set() if done["power lost"] else found.keys())  # removals may be lost
    if other := sorted(name for name in names if found.get(name) != peace.get(name)):
        raise Wrong(f"A run ended with other {', '.join(other[:5])} after {dict(done)}.")


def main() -> None:
    """Read options, try, and print the counts."""
    parser = argparse.ArgumentParser(prog="scripts/kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--counts", type=Path)
    parser.add_argument("--power", action="store_true", help="drop unsynced writes after a kill")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="kills") as folder:
        done = tried(given, Path(folder))
    if given.counts:
        earlier = given.counts.read_text(encoding="utf-8") if given.counts.is_file() else "{}"
        done.update(json.loads(earlier))
        given.counts.write_text(json.dumps(done), encoding="utf-8")
    sys.stdout.write(f"{json.dumps(done)}: nothing lost, nothing different.\n")


if __name__ == "__main__":
    main()
