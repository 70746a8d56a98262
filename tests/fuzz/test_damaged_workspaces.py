"""Whatever a workspace keeps may be damaged: a run goes on to the same result, or says why not."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stiltwalk
from forked import DONE, TOLD, carried_out, child, ended, written

CASES = int(os.environ.get("STILTWALK_FUZZ_CASES", "300")) // 15
PATIENCE_S, LONGEST_CPU_S = 120, 10
"""The first is long, since it waits on a machine that others use; the second ends what computes."""


def told(recipe: Path, workspace: Path, said: TextIO) -> None:
    """Carry the recipe out, and tell every score, answer and label that comes of it."""
    carried_out(recipe, workspace, io.StringIO())
    rows = [each | {"stage": ""} for each in stiltwalk.load(workspace).rows]
    with TemporaryDirectory() as aside:
        folder = Path(aside) / "export"
        stiltwalk.export(workspace / "runs" / "small", folder)
        files = {str(f.relative_to(folder)): f.read_text() for f in folder.rglob("*.*")}
    said.write(json.dumps([rows, dict(sorted(files.items()))], sort_keys=True))


def waited(process: int) -> int:
    """Return how a child ended; one that goes on for too long is killed, which is no good end."""
    until_s = time.monotonic() + PATIENCE_S
    while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until_s:
            os.killpg(process, signal.SIGKILL)
        time.sleep(0.005)
    return ended(process)


def limited(act: Callable[[TextIO], None], said: TextIO) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_S, LONGEST_CPU_S))
    act(said)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, list[Path]]:
    """Return a recipe, what peace tells, and workspaces: a finished one and two stopped ones."""
    folder = tmp_path_factory.mktemp("kept")
    recipe, peace = written(folder), io.StringIO()
    told(recipe, folder / "whole", peace)
    workspaces = [folder / "whole"]
    for number, wanted in enumerate((1, 3)):
        workspace = folder / f"stopped{number}"
        process = child(partial(told, recipe, workspace), folder / "log")
        while len(list(workspace.glob("stages/*/complete.json"))) < wanted:
            assert os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        os.killpg(process, signal.SIGKILL)
        ended(process)
        workspaces.append(workspace)
    return recipe, peace.getvalue(), workspaces


def damage(file: Path, how: str, at: int, other: Path) -> None:
    """Change a file, or put something else in its place."""
    content = file.read_bytes()
    at %= max(len(content), 1)
    changed = {
        "bit": content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        if content
        else b"x",
        "digit": re.sub(
            rb"\d", lambda found: b"7" if found[0] != b"7" else b"3", content, count=1 + at
        ),
        "page": content[:at] + bytes(len(content[at : at + 4096])) + content[at + 4096 :],
        "cut": content[:at],
        "more": content + content[at:],
        "deep": b"[" * 100_000,
        "list": b"[null, [1e999], {}]",
        "other": other.read_bytes(),
    }
    if how in changed:
        file.write_bytes(changed[how])
        return
    file.unlink()
    if how == "pipe":
        os.mkfifo(file)
    elif how == "folder":
        (file / "inside").mkdir(parents=True)
    elif how == "circle":
        file.symlink_to(file.name)
    elif how == "nowhere":
        file.symlink_to("/nonexistent/file")


HOW = "bit digit page cut more deep list other pipe folder circle nowhere gone".split()


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_damage_to_any_kept_file_changes_no_result(
    kept: tuple[Path, str, list[Path]], data: st.DataObject
) -> None:
    recipe, peace, workspaces = kept
    source = data.draw(st.sampled_from(workspaces))
    files = sorted(str(f.relative_to(source)) for f in source.rglob("*") if f.is_file())
    name, other = data.draw(st.sampled_from(files)), data.draw(st.sampled_from(files))
    how, at = data.draw(st.sampled_from(HOW)), data.draw(st.integers(0, 1 << 20))
    with TemporaryDirectory() as aside:
        workspace, log = Path(aside) / "workspace", Path(aside) / "log"
        shutil.copytree(source, workspace)
        damage(workspace / name, how, at, source / other)
        act = partial(limited, partial(told, recipe, workspace))
        for _ in range(3):
            status = waited(child(act, log))
            said = log.read_text(encoding="utf-8") if log.is_file() else ""
            assert status in (DONE, TOLD), f"{how} {name}: {status}, {said}"
            if status == DONE:
                break
            assert said.rstrip().endswith((".", ")")), said
            if folder := re.search(r"Delete the folder (\S+) and run again", said):
                shutil.rmtree(folder[1])
        assert status == DONE or how in ("folder", "pipe", "circle", "nowhere"), (
            f"{how} {name}: {said}"
        )
        assert status == TOLD or said == peace, f"{how} {name}: another result"
