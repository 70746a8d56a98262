"""A recipe with ranking tasks on the miniature: training, one pool for all languages, scores."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from safetensors.numpy import load_file
from transformers import AutoModel

import stiltwalk
from mirrors import squad, write_split
from ranking_files import write_mewslix, write_xquad_r
from stiltwalk.data.source import MINI, DataSource
from stiltwalk.data.xtreme_files import Form, read_answers
from stiltwalk.execution.plan_view import plan_view, print_plan
from stiltwalk.metrics.ranking import map_at_20
from stiltwalk.metrics.score import score
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
[measure]
budget_s = 0
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


def test_a_plan_tells_what_ranking_takes_and_an_export_scores_as_the_run_did(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "ranked.toml"
    recipe.write_text(RECIPE.format(model=tiny_xlmr, target="mewslix"), encoding="utf-8")
    changes = ("arms={none=[]}", "controls=false")
    document = plan_view(recipe, tmp_path / "workspace", changes)
    (ranked,) = [each for each in document["stages"] if each["memory_bytes"]]
    assert ranked["num_examples"] == 2 * 6 + 6
    said = io.StringIO()
    print_plan(document, Console(file=said, width=200))
    assert "To rank documents, part by part: about 0.2 GB of memory" in said.getvalue()
    study = stiltwalk.run(recipe, tmp_path / "workspace", changes, console=Console(file=said))
    assert "cross-lingual mAP@20" in study.report.read_text(encoding="utf-8")
    stiltwalk.export(study.report.parent, tmp_path / "exported")
    files = sorted((tmp_path / "exported").rglob("mewslix/test-de.json"))
    gold, predicted = (read_answers(file, Form.RANKINGS) for file in files)
    (scored,) = [
        row["value"]
        for row in study.rows
        if (row["language"], row["metric"], row["split"]) == ("de", "map_at_20", "test")
    ]
    assert score("map_at_20", predicted, gold, "de")["map_at_20"] == scored


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


def test_files_as_the_authors_give_them_are_trained_on_and_ranked(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    rows = [
        (f"{number}", f"It rains. Film {number} came.", [f"Film {number}"], [10])
        for number in range(60)
    ]
    write_split(tmp_path / "mirror", "rajpurkar/squad", "plain_text", "train", squad(rows))
    write_split(tmp_path / "mirror", "rajpurkar/squad", "plain_text", "validation", squad(rows[:9]))
    for name, write in (("xquad", write_xquad_r), ("mewsli", write_mewslix)):
        (tmp_path / name).mkdir()
        write(tmp_path / name, ("en", "de"))
    recipe = tmp_path / "ranked.toml"
    recipe.write_text(RECIPE.format(model=tiny_xlmr, target="lareqa"), encoding="utf-8")
    targets = ("lareqa", "mewslix", "mewslix_dev", "mewslix_sample")
    changes = (
        *(f"targets={list(targets)}", "data.source='mirror'", "arms={none=[]}", "controls=false"),
        *("data.xquad_r='xquad'", "data.mewslix='mewsli'", "num_threads=2"),
        "target={learning_rate=1e-3,num_epochs=1,eval_rows=8,max_length_tokens=64}",
    )
    carry_out(recipe, tmp_path / "workspace", changes)
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=tmp_path)
    assert len(walked.named("target phase")) == 2  # Mewsli-X's three have one model
    scored = {
        (row["task"], row["language"])
        for row in walked.rows()
        if (row["metric"], row["split"]) == ("map_at_20", "test")
    }
    assert scored == {(target, language) for target in targets for language in ("en", "de")}
