"""Decoders that are compared as plain folders: asked as their task is asked, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from decoders import write_decoder
from stiltwalk.errors import RecipeError
from stiltwalk.measure.profiles import QUICK, SINGLE_STREAM
from stiltwalk.measure.session import Session
from stiltwalk.pipeline.comparing import Asked, compare_models
from stiltwalk.store import Workspace

BRIEF = replace(QUICK, scenarios=(SINGLE_STREAM,), block_s=0.001, most_s=0.0, split_requests=2)


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder("llama", tmp_path_factory.mktemp("decoder"))


def asked(workspace: Path, a: Path, b: Path, on: str) -> Asked:
    return Asked(names=(str(a), str(b)), workspace=Workspace(workspace), on=on)


def session() -> Session:
    return Session(profile=BRIEF, num_threads=1, seed=1)


@pytest.mark.slow
def test_folders_are_asked_in_text_at_natural_and_at_one_length(
    decoder: Path, tmp_path: Path
) -> None:
    speed = compare_models(asked(tmp_path, decoder, decoder, "mini:xnli,xquad"), session())
    tasks = ["xnli", "xquad", "xquad, 32 tokens each"]
    assert list(dict.fromkeys(cell.task for cell in speed.cells)) == tasks
    assert {each.task for each in speed.splits} == set(tasks[1:])


def test_a_decoder_is_not_compared_with_an_encoder(
    decoder: Path, tiny_xlmr: Path, tmp_path: Path
) -> None:
    for pair in ((decoder, tiny_xlmr), (tiny_xlmr, decoder)):
        says = f"{decoder} is a decoder language model and {tiny_xlmr} an encoder"
        with pytest.raises(RecipeError, match=says):
            compare_models(asked(tmp_path, *pair, "mini:xnli"), session())
