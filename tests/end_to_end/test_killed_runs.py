"""A run that is killed again and again ends with the same bits as one that is left alone."""

from __future__ import annotations

import random
import shutil
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
targets = ["xnli", "xquad", "tatoeba"]
languages = ["de"]
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
effective_batch_size = 8
max_rows = 200
max_length_tokens = 200
eval_rows = 50
[target]
learning_rate = 5e-4
num_epochs = 2
effective_batch_size = 8
max_rows = 200
max_length_tokens = 200
eval_rows = 50
"""
RUN = """
import sys
from pathlib import Path
from rich.console import Console
from stiltwalk.execution.study import run_study as carry_out
carry_out(Path(sys.argv[1]), sys.argv[2], Console(), (), sys.argv[3])
"""
"""All but the report, which is made of what is compared."""


def start(recipe: Path, workspace: Path, executor: str) -> subprocess.Popen[bytes]:
    """Return a process that carries the recipe out, once it is at work on a stage."""
    told = recipe.with_suffix(".log")
    command = [sys.executable, "-u", "-c", RUN, str(recipe), str(workspace), executor]
    with told.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603
    while process.poll() is None and " running " not in told.read_text():
        time.sleep(0.05)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["local://1", "local://2"])
def test_ten_kills_at_random_moments_change_no_bit(tmp_path: Path, executor: str) -> None:
    recipe = tmp_path / "killed.toml"
    recipe.write_text(RECIPE, encoding="utf-8")
    undisturbed, killed = (
        Walked(recipe=recipe, workspace=tmp_path / name, report=tmp_path / "none")
        for name in ("undisturbed", "killed")
    )
    process, began = start(recipe, undisturbed.workspace, "local://1"), time.monotonic()
    assert process.wait() == 0, recipe.with_suffix(".log").read_text()
    work_s = time.monotonic() - began
    moments = random.Random(2020)  # noqa: S311 - reproducible moments, not secrets
    num_kills = in_the_middle = 0
    while num_kills < NUM_KILLS:
        process = start(recipe, killed.workspace, executor)
        time.sleep(moments.uniform(0, 0.25) * work_s)
        process.kill()
        if process.wait() == 0:  # it was done before
            shutil.rmtree(killed.workspace)
            continue
        assert process.returncode == -signal.SIGKILL, recipe.with_suffix(".log").read_text()
        num_kills += 1
        in_the_middle += any((killed.workspace / "stages").glob(f"*/{RESUME}"))
    assert start(recipe, killed.workspace, executor).wait() == 0, recipe.with_suffix(
        ".log"
    ).read_text()
    assert in_the_middle, "no kill struck while a rolling checkpoint was there"
    results = killed.results()
    assert results == undisturbed.results()
    weights = [name for name in results if name.endswith("model.safetensors")]
    assert len(weights) == 5  # the mixture's, and of each arm two targets'
