"""Several processes that were started together do what one does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import tiny
from walking import carry_out

RECIPE = """
name = "together"
targets = ["udpos"]
languages = ["en", "de"]
num_threads = 1
resume_every_s = 0.001
trackers = ["tensorboard"]
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 4
[arms]
mixed = ["mnli", "squad_v1"]
[intermediate]
learning_rate = 1e-3
num_epochs = 1
max_rows = 33
effective_batch_size = 4
max_length_tokens = 96
micro_batch_tokens = 128
eval_every_steps = 5
eval_rows = 4
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 33
max_length_tokens = 96
eval_rows = 4
"""
NUM_PROCESSES = 2


def start_together(recipe: Path, workspace: Path, *command: str) -> list[subprocess.Popen[str]]:
    """Start processes as `torchrun` and `accelerate launch` do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": NUM_PROCESSES}
    return [
        subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *command, "run", str(recipe), "-w", str(workspace)],
            env={name: str(value) for name, value in facts.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for facts in (
            os.environ | together | {"RANK": rank, "LOCAL_RANK": rank}
            for rank in range(NUM_PROCESSES)
        )
    ]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return a recipe whose model draws nothing at random while it trains."""
    model = tiny.write_family("xlm-roberta", tmp_path / "model")
    config = json.loads((model / "config.json").read_text("utf-8"))
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (model / "config.json").write_text(json.dumps(config | still), encoding="utf-8")
    file = tmp_path / "together.toml"
    file.write_text(RECIPE.format(model=model), encoding="utf-8")
    return file


@pytest.mark.slow
def test_two_processes_train_the_weights_that_one_trains(recipe: Path, tmp_path: Path) -> None:
    both = start_together(recipe, tmp_path / "two", "-m", "stiltwalk.cli")
    carry_out(recipe, tmp_path / "one")
    said = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert "Report:" in said[0]
    assert not said[1]
    compare(tmp_path / "one" / "stages", tmp_path / "two" / "stages")


def compare(one: Path, two: Path) -> None:
    """Check that weights are equal within fp32's tolerance, and what is told of the steps."""
    files = sorted(file.relative_to(one) for file in one.rglob("*") if file.is_file())
    assert files == sorted(file.relative_to(two) for file in two.rglob("*") if file.is_file())
    weights = [file for file in files if file.name == "model.safetensors"]
    assert len(weights) == 2  # the mixture's and the target's
    for file in weights:
        theirs = load_file(two / file)
        for name, tensor in load_file(one / file).items():
            torch.testing.assert_close(theirs[name], tensor, atol=2e-4, rtol=1e-3)
    for file in (file for file in files if file.name == "training.jsonl"):
        for mine, its in zip(entries(one / file), entries(two / file), strict=True):
            for exact in ("step", "task", "learning_rate", "num_tokens"):
                assert mine[exact] == its[exact]
            for close in ("loss_nats", "gradient_norm"):
                assert mine[close] == pytest.approx(its[close], rel=1e-3)


def entries(file: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
