"""A recipe with ranking tasks on the miniature: training, one pool for all languages, scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from transformers import AutoModel

from stiltwalk.data.source import MINI, DataSource
from stiltwalk.metrics.ranking import map_at_20
from stiltwalk.records import Split, gold_answers
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import documents, examples
from walking import Walked, carry_out

RECIPE = """
name = "ranked"
targets = ["{target}"]
languages = ["en", "de"]
controls = true
num_threads = 1
[model]
name = "{model}"
[data]
source = "mini"
test_rows = 6
[arms]
none = []
mixed = ["mnli"]
[intermediate]
learning_rate = 1e-3
num_epochs = 1
max_rows = 16
max_length_tokens = 96
[target]
learning_rate = 1e-3
num_epochs = 1
max_rows = 24
max_length_tokens = 96
eval_rows = 8
"""


@pytest.mark.parametrize("target", ["lareqa", "mewslix"])
def test_a_ranking_task_is_trained_and_ranked_over_one_pool_of_all_languages(
    target: str, tiny_xlmr: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "ranked.toml"
    recipe.write_text(RECIPE.format(model=tiny_xlmr, target=target), encoding="utf-8")
    carry_out(recipe, tmp_path / "workspace")
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=tmp_path)
    source, task = DataSource(source=MINI), TASKS[target]
    pool = [each.id for part in documents(task, source, 6) for each in part]
    for stage in walked.named("Predict"):
        for language in ("en", "de"):
            folder = walked.workspace / "stages" / stage
            file = folder / target / f"test-{language}.json"
            answers = json.loads(file.read_text(encoding="utf-8"))
            rows = examples(task, source, Split.TEST, language, 6)
            assert list(answers) == [row.id for row in rows]
            for ranked in answers.values():
                assert len(set(ranked)) == min(20, len(pool))
                assert set(ranked) <= set(pool)
            scores = {
                row["metric"]: row["value"]
                for row in walked.rows()
                if (row["stage"], row["language"]) == (stage, language)
            }
            assert scores.items() >= map_at_20(answers, gold_answers(rows)).items()
            assert ("map_at_20_cross_lingual" in scores) == (target == "mewslix")


def test_a_trained_dual_encoder_loads_with_stock_transformers(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "ranked.toml"
    recipe.write_text(RECIPE.format(model=tiny_xlmr, target="lareqa"), encoding="utf-8")
    carry_out(recipe, tmp_path / "workspace", ("arms={none=[]}", "controls=false"))
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=tmp_path)
    (trained,) = walked.named("target phase")
    folder = walked.workspace / "stages" / trained / "model"
    kept = load_file(folder / "model.safetensors")
    assert 0 < abs(float(kept["scale"][0]) - 100) < 1
    assert AutoModel.from_pretrained(folder).pooler is not None
