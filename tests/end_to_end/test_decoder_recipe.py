"""A decoder's recipe: rows as text, one head for every task, answers chosen or written."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from decoders import DECODERS, write_decoder
from stiltwalk.publishing import export_checkpoint
from stiltwalk.tasks import TASKS
from walking import Walked, carry_out

RECIPE = """
name = "decoder"
targets = ["xnli", "panx", "xquad", "tatoeba"]
languages = ["en", "de", "zh"]
num_threads = 1
[model]
name = "{model}"
family = "causal"
[data]
source = "mini"
test_rows = 4
[measure]
budget_s = 0
[arms]
none = []
mixed = ["mnli", "squad_v2", "hellaswag"]
[arms.adapted]
tasks = ["mnli"]
[arms.adapted.lora]
rank = 2
merged = false
[intermediate]
learning_rate = 1e-3
num_epochs = 1
effective_batch_size = 8
max_rows = 8
eval_rows = 4
[target]
learning_rate = 1e-3
num_epochs = 1
effective_batch_size = 8
max_rows = 8
eval_rows = 4
[answering.panx]
max_new_tokens = 20
[answering.xquad]
max_new_tokens = 6
in_context = 1
[retrieval]
pooling = "last"
"""


@pytest.fixture(scope="module", params=DECODERS)
def decoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    """Return the recipe, carried out with each family's tiny decoder in turn."""
    folder: Path = tmp_path_factory.mktemp(request.param)
    recipe = folder / "decoder.toml"
    model = write_decoder(request.param, folder / "model")
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    carry_out(recipe, folder / "workspace")
    report = folder / "workspace" / "runs" / "decoder" / "report.html"
    return Walked(recipe=recipe, workspace=folder / "workspace", report=report)


def test_every_kind_is_trained_and_answered_in_text(decoded: Walked) -> None:
    assert len(decoded.named("target phase")) == 9
    rows = [row for row in decoded.rows() if row["split"] == "test"]
    for target in ("xnli", "panx", "xquad", "tatoeba"):
        asked = {row["language"] for row in rows if row["task"] == target}
        assert asked == {"en", "de", "zh"} & set(TASKS[target].languages)
    assert all(0 <= row["value"] <= 1 for row in rows)
    unread = {row["task"] for row in rows if row["metric"] == "unparsed"}
    assert unread == {"panx", "xquad"}, "options are compared, so nothing is to be read"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("xnli", ["{text_a}", "the option with the highest log-likelihood, per token"]),
        ("xquad", ["{context}", "or 6 tokens", "1 solved English", "| unparsed |"]),
    ],
)
def test_a_decoders_card_tells_how_it_is_asked(
    decoded: Walked, tmp_path: Path, target: str, says: list[str]
) -> None:
    folder = export_checkpoint(decoded.report.parent, f"mixed/{target}", tmp_path / "card")
    AutoModelForCausalLM.from_pretrained(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert 'pipeline_tag: "text-generation"' in card
    assert "the base decoder language model" in card
    for text in says:
        assert text in card
