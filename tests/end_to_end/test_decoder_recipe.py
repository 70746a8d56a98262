"""A decoder's recipe: rows as text, one head for every task, answers chosen or written."""

from __future__ import annotations

from pathlib import Path

import pytest

from decoders import DECODERS, write_decoder
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
[answering.tatoeba]
pooling = "last"
"""


@pytest.mark.parametrize("family", DECODERS)
def test_every_kind_is_trained_and_answered_in_text(family: str, tmp_path: Path) -> None:
    recipe = tmp_path / "decoder.toml"
    model = write_decoder(family, tmp_path / "model")
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    carry_out(recipe, tmp_path / "workspace")
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=tmp_path / "none")
    assert len(walked.named("FineTune")) == 9
    rows = [row for row in walked.rows() if row["split"] == "test"]
    for target in ("xnli", "panx", "xquad", "tatoeba"):
        asked = {row["language"] for row in rows if row["task"] == target}
        assert asked == {"en", "de", "zh"} & set(TASKS[target].languages)
    assert all(0 <= row["value"] <= 1 for row in rows)
    unread = {row["task"] for row in rows if row["metric"] == "unparsed"}
    assert unread == {"panx", "xquad"}, "options are compared, so nothing is to be read"
