"""Runs of a recipe of seconds in forked children of one warm process, so that thousands are tried.

The parent carries the recipe out once, so that a child of it has nothing to import.
"""

from __future__ import annotations

import ctypes
import errno
import io
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TextIO

from rich.console import Console

from stiltwalk.errors import StiltwalkError
from stiltwalk.execution.study import run_study
from tiny import write_family
from walking import RECIPE, Walked

CHANGES = (
    "targets=['xnli','xquad','tatoeba']",
    "languages=['de']",
    "arms={none=[],mixed=['mnli']}",
    "resume_every_s=0.05",
    "controls=false",
)
DONE, TOLD, UNFORESEEN = 0, 3, 4
"""How a child ends: all was computed, it said a sentence, or nobody foresaw it."""
SHIM = Path(__file__).with_name("faults") / "full_disk.c"


def written(folder: Path) -> Path:
    """Write the recipe and a tiny model for it; return the recipe's file."""
    file, model = folder / "small.toml", folder / "model"
    if not model.is_dir():
        write_family("xlm-roberta", model)
    file.write_text(RECIPE.format(model=model), encoding="utf-8")
    return file


def started(
    recipe: Path,
    workspace: Path,
    log: Path,
    first: Callable[[], None] = lambda: None,
    executor: str = "local://1",
) -> int:
    """Return the process of a child that does something first and then carries the recipe out."""
    return child(lambda said: (first(), carried_out(recipe, workspace, said, executor)), log)


def carried_out(recipe: Path, workspace: Path, said: TextIO, executor: str = "local://1") -> None:
    """Carry the recipe out, but for its report."""
    run_study(recipe, workspace, Console(file=said, width=200), CHANGES, executor)


def child(act: Callable[[TextIO], object], log: Path) -> int:
    """Return the process of a child that does something, and logs what that said."""
    process = os.fork()
    if process:
        with suppress(OSError):  # it did so itself, or ended
            os.setpgid(process, process)
        return process
    end, said = UNFORESEEN, io.StringIO()
    try:
        os.setpgid(0, 0)
        try:
            act(said)
            end = DONE
        except (StiltwalkError, OSError) as error:  # the command line says both in a sentence
            is_ours = isinstance(error, StiltwalkError)
            said.write(str(error) if is_ours else f"{error.strerror} ({error.filename})")
            is_foreseen = is_ours or error.errno in {errno.ENOSPC, errno.EISDIR}
            end = TOLD if is_foreseen else UNFORESEEN
        except BaseException:
            said.write(traceback.format_exc())
        log.write_text(said.getvalue(), encoding="utf-8")
    finally:
        os._exit(end)


def ended(process: int) -> int:
    """Wait for a child; return its exit status, negative the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def undisturbed(recipe: Path, folder: Path) -> dict[str, bytes]:
    """Carry the recipe out in peace, in this process, and return what it left."""
    carried_out(recipe, folder / "undisturbed", io.StringIO())
    return results(recipe, folder / "undisturbed")


def results(recipe: Path, workspace: Path) -> dict[str, bytes]:
    """Return every file of every stage but those that tell times."""
    return Walked(recipe=recipe, workspace=workspace, report=workspace).results()


def under_shim() -> None:
    """Begin this process again with `full_disk.c` between it and the system's calls."""
    if SHIM.stem in os.environ.get("LD_PRELOAD", ""):
        return
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("A C compiler is needed to stand in for a disk that is full: install cc.")
    library = Path(mkdtemp(), f"{SHIM.stem}.so")
    subprocess.run(  # noqa: S603 - our own file
        [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SHIM), "-ldl"], check=True
    )
    os.environ["LD_PRELOAD"] = str(library)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def fill(prefix: Path, writes: int) -> None:
    """Let this process make so many writes below a folder before the disk is full."""
    ctypes.CDLL(None).full_after(ctypes.c_long(writes), os.fsencode(prefix))
