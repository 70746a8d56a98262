"""`python -m stiltwalk.mini_base encoder FOLDER`, or `decoder FOLDER`: make a model anew."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from stiltwalk.mini_base import ENCODER, SEED, make_at
from stiltwalk.mini_base.decoder import DecoderSettings, make_decoder
from stiltwalk.mini_base.encoder import EncoderSettings, make_encoder

app = typer.Typer(
    help="Make the models of the embedded benchmark, each on one core.", no_args_is_help=True
)


def _new(folder: Path) -> Path:
    if folder.exists():
        raise typer.BadParameter(f"{folder} is there already: name a new folder.")
    return folder


Folder = Annotated[Path, typer.Argument(help="A folder that is not there yet.", callback=_new)]
Steps = Annotated[int, typer.Option(min=1, help="Optimiser steps.")]
Seed = Annotated[int, typer.Option(min=0, help="The only source of chance.")]


@app.command()
def encoder(folder: Folder, steps: Steps = EncoderSettings.steps, seed: Seed = SEED) -> None:
    """Make the encoder from nothing, in twenty minutes."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = EncoderSettings(steps=steps)
    make_at(folder, lambda aside, tell: make_encoder(settings, seed, aside, tell))


@app.command()
def decoder(folder: Folder, steps: Steps = DecoderSettings.steps, seed: Seed = SEED) -> None:
    """Make the decoder out of the shipped encoder, in three minutes."""
    settings = DecoderSettings(steps=steps)
    make_at(folder, lambda aside, tell: make_decoder(settings, seed, ENCODER, aside, tell))


if __name__ == "__main__":
    app()
