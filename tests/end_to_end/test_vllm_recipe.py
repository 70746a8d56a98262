"""A decoder's recipe whose test rows vLLM answers: the figures of the one without."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from decoders import write_decoder
from walking import Walked, carry_out

RECIPE = """
name = "decoder"
targets = ["xnli", "xquad"]
languages = ["en", "de", "zh"]
num_threads = 1
[model]
name = "{model}"
family = "causal"
[data]
source = "mini"
test_rows = 8
[measure]
budget_s = 0
[arms]
none = []
[arms.adapted]
tasks = ["mnli"]
[arms.adapted.lora]
rank = 2
merged = false
[intermediate]
learning_rate = 1e-2
num_epochs = 1
max_rows = 32
eval_rows = 4
[target]
learning_rate = 1e-2
num_epochs = 1
max_rows = 32
eval_rows = 4
[answering.xquad]
max_new_tokens = 6
"""


@pytest.mark.slow
def test_vllm_answers_as_transformers_does_and_nothing_is_trained_again(tmp_path: Path) -> None:
    pytest.importorskip("vllm", reason="vLLM is an extra: pip install 'stiltwalk[vllm]'")
    model = write_decoder("llama", tmp_path / "model", width=64)
    recipe, workspace = tmp_path / "decoder.toml", tmp_path / "workspace"
    recipe.write_text(RECIPE.format(model=model), encoding="utf-8")
    carry_out(recipe, workspace)
    carry_out(recipe, workspace, ["model.backend='vllm'"])
    walked = Walked(recipe=recipe, workspace=workspace, report=workspace)
    assert len(walked.named("target phase")) == 4
    answers = defaultdict(list)
    for marker in walked.stages().values():
        lineage = dict(marker["stage"])
        if lineage["stage"] == "Predict":
            lineage.pop("backend", None)
            files = {name: file["sha256"] for name, file in marker["files"].items() if "/" in name}
            answers[json.dumps(lineage, sort_keys=True)].append(files)
    assert len(answers) == 4
    for one, other in answers.values():
        assert one == other, "every answer in every language"
