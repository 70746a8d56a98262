"""Power that is lost: of what was written since the last sync, any part may be there or not.

A process after `record` copies what it syncs into a folder aside, a file's content and a
folder's names; `lose` gives a workspace a state that a file system might hold afterwards.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR


def record(aside: Path) -> None:
    """Let this process note in a folder whatever it syncs from now on."""
    aside.mkdir(exist_ok=True)
    really = os.fsync

    def fsync(number: int) -> None:
        really(number)
        facts = os.fstat(number)
        kept, new = aside / str(facts.st_ino), aside / f"new.{os.getpid()}"
        if S_ISDIR(facts.st_mode):
            with os.scandir(number) as entries:
                names = {each.name: each.inode() for each in entries}
            new.write_text(json.dumps([str(Path(f"/proc/self/fd/{number}").readlink()), names]))
            kept = kept.with_suffix(".names")
        else:
            shutil.copyfile(f"/proc/self/fd/{number}", new)
        new.replace(kept)

    os.fsync = fsync


def lose(folder: Path, aside: Path, draws: random.Random) -> None:
    """Take from a folder and all below what was not synced, as chance has it."""
    there = {path.name: path for path in folder.iterdir()}
    place, synced = "", dict[str, int]()
    with suppress(OSError):
        place, synced = json.loads((aside / f"{folder.stat().st_ino}.names").read_text())
    if place != str(folder):  # of a folder that was moved, or of one removed with the same number
        synced = {name: each.stat().st_ino for name, each in there.items()} if place else {}
    for name in sorted(synced.keys() | there.keys()):
        path = there.get(name, folder / name)
        is_there, was = name in there, synced.get(name)
        if is_there and path.is_dir() and path.stat().st_ino == was:
            lose(path, aside, draws)
        elif is_there and path.is_dir():
            shutil.rmtree(path) if draws.random() < 1 / 2 else lose(path, aside, draws)
        elif is_there and (path.stat().st_ino == was or draws.random() < 1 / 2):
            _lose_content(path, aside / str(path.stat().st_ino), draws)
        elif was is not None and (old := aside / str(was)).is_file():  # the name it had before
            shutil.copyfile(old, path)
        else:
            path.unlink(missing_ok=True)


def _lose_content(file: Path, synced: Path, draws: random.Random) -> None:
    """Leave what was synced, or what is there, cut or with a page of zeros; the latter if equal."""
    now = file.read_bytes()
    before = synced.read_bytes() if synced.is_file() else b""
    if now == before:
        return
    at = draws.randrange(len(now)) if now else 0
    zeros = now[:at] + bytes(len(now[at : at + 4096])) + now[at + 4096 :]
    file.write_bytes(draws.choice([before, now, now[:at], zeros]))
