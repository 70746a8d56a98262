"""A run that is killed again and again ends with the same bits as one that is left alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stiltwalk.store.workspace import RESUME
from walking import Walked

NUM_KILLS = 10
RECIPE = """
name = "killed"
resume_every_s = 0.3
targets = ["xnli", "udpos", "xquad", "tatoeba"]
[model]
name = "mini-base"
[data]
source = "mini"
test_rows = 20
[arms]
none = []
mixed = ["mnli", "squad_v1", "hellaswag", "ccg"]
[intermediate]
learning_rate = 5e-4
num_epochs = 1
max_rows = 400
max_length_tokens = 200
[target]
learning_rate = 5e-4
num_epochs = 2
max_rows = 400
max_length_tokens = 200
"""


def start(recipe: Path, workspace: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "stiltwalk.cli", "run", str(recipe), "-w", str(workspace)]
    with recipe.with_suffix(".log").open("w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603


@pytest.mark.slow
def test_ten_kills_at_random_moments_change_no_bit(tmp_path: Path) -> None:
    recipe = tmp_path / "killed.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    undisturbed, killed = (
        Walked(recipe=recipe, workspace=tmp_path / name, report=tmp_path / "none")
        for name in ("undisturbed", "killed")
    )
    began = time.monotonic()
    assert start(recipe, undisturbed.workspace).wait() == 0
    whole_run_s = time.monotonic() - began
    moments = random.Random(2020)  # noqa: S311 - reproducible moments, not secrets
    in_the_middle = 0
    for _ in range(NUM_KILLS):
        process = start(recipe, killed.workspace)
        time.sleep(moments.uniform(0.05, 0.4) * whole_run_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        in_the_middle += any((killed.workspace / "stages").glob(f"*/{RESUME}"))
    assert start(recipe, killed.workspace).wait() == 0, recipe.with_suffix(".log").read_text()
    assert in_the_middle, "no kill struck while a rolling checkpoint was there"
    results = killed.results()
    assert results == undisturbed.results()
    weights = [name for name in results if name.endswith("model.safetensors")]
    assert len(weights) == 7  # the mixture's, and of each arm three targets'
