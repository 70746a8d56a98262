"""A recipe for a decoder: what it may ask for, and what its stages are."""

from __future__ import annotations

from pathlib import Path

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.recipe.load import parse_recipe

RECIPE = """
name = "study"
targets = ["xnli", "xquad", "tatoeba"]
[model]
name = "tiny"
family = "causal"
[data]
source = "mini"
[arms]
none = []
mnli = ["mnli"]
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("answering.pawsx.in_context=2", "[answering.pawsx] is for no task"),
        ("answering.xquad.way='scoring'", "answering.xquad.way is 'scoring'"),
        ("answering.xnli.in_contxt=2", "Did you mean in_context?"),
        ("arms.mnli={tasks=['mnli'],mlm={text='mini'}}", "leave `mlm` out"),
        ("targets=['lareqa']", "lareqa is for encoders"),
        ("precision='auto'", "precision is 'auto'"),
        ("model.decoder={}", "Set model.name to mini-base, to mini-decoder, or to the folder"),
    ],
)
def test_what_only_the_other_family_has_is_refused(change: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe(RECIPE, folder=Path("/s"), changes=[change])
    assert says in str(caught.value)


@pytest.mark.parametrize("change", ["answering.xnli.way='generation'", "model.backend='vllm'"])
def test_what_only_decoders_have_is_refused_for_an_encoder(change: str) -> None:
    with pytest.raises(RecipeError, match=r"model\.backend are for decoders: set model\.family"):
        parse_recipe(RECIPE, folder=Path("/s"), changes=["model.family='encoder'", change])
