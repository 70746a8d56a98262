"""With every call to the network forbidden: what works, and what a user is told where it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from mirrors import NLI_NAMES, nli, write_parquet

WRONG_INPUT = 2
COMMIT = "0123456789abcdef0123456789abcdef01234567"
GUARDED = """
import contextlib, io, json, os, socket, sys

tried, ended = [], []

def unreachable(*words, **more):
    tried.append(words)
    raise OSError(101, "Network is unreachable")

def unknown(*words, **more):
    tried.append(words)
    raise socket.gaierror(-3, "Temporary failure in name resolution")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = unreachable
socket.socket.sendto = unreachable
socket.getaddrinfo = socket.gethostbyname = unknown
from stiltwalk.cli import main

for words in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    tried.clear()
    sys.argv = ["stiltwalk", *words]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    ended.append([code, out.getvalue(), err.getvalue(), len(tried)])
json.dump(ended, sys.stdout)
"""
RECIPE = """
name = "alone"
targets = ["xnli", "udpos", "xquad", "tatoeba", "bucc2018"]
languages = ["de", "en"]
num_threads = 1
[model]
name = "{model}"
[data]
source = "{source}"
test_rows = 4
[measure]
budget_s = 0
[arms]
none = []
mixed = ["mnli", "squad_v1"]
[intermediate]
num_epochs = 1
max_rows = 16
eval_rows = 8
[target]
num_epochs = 1
max_rows = 16
eval_rows = 8
"""


class Ended(NamedTuple):
    """How a command ended, what it said, and how often it tried the network."""

    returncode: int
    stdout: str
    stderr: str
    num_tried: int


def alone(folder: Path, *commands: Sequence[str], **environment: str) -> list[Ended]:
    """Run commands where no call to the network succeeds; the hub may be asked unless offline."""
    unset = {name for name in os.environ if name.startswith("HF_")}
    known = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", GUARDED, json.dumps(commands)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=True,
        env={**known, "HF_HOME": str(folder / "hub-home"), "NO_COLOR": "1", **environment},
    )
    return [Ended(*each) for each in json.loads(done.stdout)]


def recipe(
    folder: Path, model: Path | str, source: str, *changes: tuple[str, str], name: str = "alone"
) -> str:
    text = RECIPE.format(model=model, source=source)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = folder / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


ONLY_XNLI = (
    ('"xnli", "udpos", "xquad", "tatoeba", "bucc2018"', '"xnli"'),
    ('mixed = ["mnli", "squad_v1"]\n', ""),
)


def put(path: Path, columns: dict[str, list[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_parquet(path, columns, {"label": NLI_NAMES} if "label" in columns else None)


def xnli_files() -> list[tuple[str, str, dict[str, list[object]]]]:
    """Return repository, file and columns of all that the target xnli needs."""
    train, dev = nli([0, 1, 2] * 8), nli([0, 1, 2])
    test: dict[str, list[object]] = {
        "language": ["de"] * 3 + ["en"] * 3,
        "sentence1": ["It rains."] * 6,
        "sentence2": ["The street is wet."] * 6,
        "gold_label": [*NLI_NAMES, *NLI_NAMES],
    }
    return [
        ("nyu-mll/multi_nli", "default/train-00000-of-00001.parquet", train),
        ("nyu-mll/multi_nli", "default/validation_matched-00000-of-00001.parquet", dev),
        ("google/xtreme", "XNLI/test-00000-of-00001.parquet", test),
    ]


def test_a_whole_recipe_with_report_export_and_score_asks_the_network_nothing(
    tmp_path: Path, tiny_xlmr: Path
) -> None:
    file, workspace = recipe(tmp_path, tiny_xlmr, "mini"), tmp_path / "runs"
    exported = tmp_path / "exported"
    commands = (
        ["plan", file, "-w", str(workspace)],
        ["run", file, "-w", str(workspace)],
        ["report", str(workspace)],
        ["export", str(workspace / "runs" / "alone"), str(exported)],
        ["score", str(exported / "mixed" / "seed-1"), str(exported / "labels"), "--json"],
    )
    for words, done in zip(commands, alone(tmp_path, *commands), strict=True):
        assert done.returncode == 0, done.stderr + done.stdout
        assert done.num_tried == 0, words
    assert (workspace / "runs" / "alone" / "report.html").is_file()


def test_a_mirror_is_read_without_asking_the_network(tmp_path: Path, tiny_xlmr: Path) -> None:
    file = recipe(tmp_path, tiny_xlmr, str(tmp_path / "mirror"), *ONLY_XNLI)
    for repository, name, columns in xnli_files():
        path = tmp_path / "mirror" / repository / name
        put(path, columns)
    (done,) = alone(tmp_path, ["run", file, "-w", str(tmp_path / "runs")])
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.num_tried == 0


def test_a_data_set_in_the_hub_s_cache_is_read_though_the_hub_cannot_be_reached(
    tmp_path: Path, tiny_xlmr: Path
) -> None:
    for repository, name, columns in xnli_files():
        kept = tmp_path / "hub-home" / "hub" / f"datasets--{repository.replace('/', '--')}"
        put(kept / "snapshots" / COMMIT / name, columns)
        (kept / "refs").mkdir(exist_ok=True)
        (kept / "refs" / "main").write_text(COMMIT, encoding="utf-8")
    file = recipe(tmp_path, tiny_xlmr, "hub", *ONLY_XNLI)
    (done,) = alone(tmp_path, ["run", file, "-w", str(tmp_path / "runs")])
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.num_tried > 0


@pytest.mark.parametrize(
    ("offline", "why"),
    [
        ({}, "the hub did not give it (LocalEntryNotFoundError: "),
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set and the local cache lacks it."),
    ],
)
def test_what_cannot_be_had_is_named_with_the_command_that_fetches_it(
    tmp_path: Path, tiny_xlmr: Path, offline: dict[str, str], why: str
) -> None:
    mirror, workspace = tmp_path / "mirror", str(tmp_path / "runs")
    data = recipe(tmp_path, tiny_xlmr, "hub", *ONLY_XNLI)
    model = recipe(tmp_path, "owner/encoder", "mini", *ONLY_XNLI, name="model")
    commands = [["run", data, "-w", workspace], ["run", model, "-w", workspace]]
    commands.append(["data", "fetch", data, str(mirror)])
    no_data, no_model, no_mirror = map(refused, alone(tmp_path, *commands, **offline))
    assert no_data.startswith(f"error: nyu-mll/multi_nli: {why}")
    assert "`hf download nyu-mll/multi_nli --repo-type dataset`" in no_data
    assert "`stiltwalk data fetch RECIPE FOLDER`" in no_data
    assert no_model.startswith("error: The model 'owner/encoder' is neither a folder here nor can ")
    assert "`hf download owner/encoder`" in no_model
    assert not (tmp_path / "runs" / "stages").exists()
    assert why in no_mirror
    assert not mirror.exists()


def refused(done: Ended) -> str:
    """Return what a command says that must end with 2, without a traceback."""
    assert done.returncode == WRONG_INPUT, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr
