"""Decoders that are compared as plain folders: asked as their task is asked, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from compared import BRIEF, passed
from decoders import write_decoder
from mirrors import squad, write_split
from stiltwalk.errors import RecipeError
from stiltwalk.execution.compare import Asked, compare_models
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.session import Session


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder("llama", tmp_path_factory.mktemp("decoder"))


def asked(workspace: Path, a: Path, b: Path, on: str) -> Asked:
    return Asked(names=(str(a), str(b)), workspace=Workspace(workspace), on=on)


def session() -> Session:
    return Session(profile=BRIEF, num_threads=1, seed=1, passed=passed())


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Return two tasks' rows in one language."""
    folder = tmp_path / "mirror"
    pairs = {"sentence1": ["Paris", "Tokyo"], "sentence2": ["Paris", "Kenya"], "label": ["1", "0"]}
    questions = squad([(f"q-{hours}", f"{hours} hours", [str(hours)], [0]) for hours in (7, 12)])
    write_split(folder, "google/xtreme", "PAWS-X.de", "test", pairs)
    write_split(folder, "google/xtreme", "XQuAD.de", "validation", questions)
    return folder


def test_folders_are_asked_in_text_at_natural_and_at_one_length(
    decoder: Path, mirror: Path, tmp_path: Path
) -> None:
    speed = compare_models(asked(tmp_path, decoder, decoder, f"{mirror}:pawsx,xquad"), session())
    tasks = ["pawsx", "xquad", "xquad, 32 tokens each"]
    assert list(dict.fromkeys(cell.task for cell in speed.cells)) == tasks
    assert {each.task for each in speed.breakdowns} == set(tasks[1:])


def test_a_decoder_is_not_compared_with_an_encoder(
    decoder: Path, tiny_xlmr: Path, tmp_path: Path
) -> None:
    for pair in ((decoder, tiny_xlmr), (tiny_xlmr, decoder)):
        says = f"{decoder} is a decoder language model and {tiny_xlmr} an encoder"
        with pytest.raises(RecipeError, match=says):
            compare_models(asked(tmp_path, *pair, "mini:xnli"), session())
