"""Arms "English", "English with MLM" and "translated" side by side, from recipe to report."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import stiltwalk
from mirrors import NLI_NAMES, nli, write_split
from stiltwalk.errors import DataError
from walking import Walked, carry_out

RECIPE = """
name = "beside"
targets = ["tatoeba"]
languages = ["de"]
num_threads = 1
model = {{ name = "{model}" }}
data = {{ source = "{source}", test_rows = 8 }}
[arms]
english = ["mnli"]
[arms.mlm]
tasks = ["mnli"]
mlm = {{ text = "texts", weight = 0.25 }}
[arms.translated]
tasks = ["mnli"]
translated.mnli = {{ rows = "{translated}", config = "nli-{{language}}", languages = ["de", "zh"] }}
[intermediate]
learning_rate = 1e-3
num_epochs = 2
effective_batch_size = 4
max_rows = 24
eval_rows = 8
"""


def written(folder: Path, model: Path, source: str = "mini", translated: str = "mini") -> Path:
    (folder / "texts").mkdir()
    for code, line in (("de", "Paris: 12 Stunden, Dienstag"), ("zh", "韩国、德国、泰国、周一")):
        (folder / "texts" / f"{code}.txt").write_text(f"{line}\n" * 5, encoding="utf-8")
    recipe = folder / "beside.toml"
    text = RECIPE.format(model=model, source=source, translated=translated)
    recipe.write_text(text, encoding="utf-8")
    return recipe


@pytest.fixture(scope="module")
def beside(tiny_xlmr: Path, tmp_path_factory: pytest.TempPathFactory) -> Walked:
    folder = tmp_path_factory.mktemp("beside")
    recipe = written(folder, tiny_xlmr)
    report = stiltwalk.run(recipe, folder / "workspace").report
    return Walked(recipe=recipe, workspace=folder / "workspace", report=report)


def steps_of(walked: Walked) -> Mapping[str, Counter[str]]:
    """Return by arm which rows its optimiser steps were made of."""
    found = {}
    for fingerprint in walked.named("intermediate phase"):
        lines = (walked.workspace / "stages" / fingerprint / "training.jsonl").read_text()
        stage: dict[str, Any] = walked.stages()[fingerprint]["stage"]
        arm = "mlm" if stage["text"] else "translated" if stage["translated"] else "english"
        found[arm] = Counter(json.loads(line)["task"] for line in lines.splitlines())
    return found


def test_steps_are_shared_as_the_recipe_says(beside: Walked) -> None:
    assert steps_of(beside) == {
        "english": {"mnli": 12},
        "mlm": {"mnli": 12, "mlm": 4},
        "translated": {"mnli": 6, "mnli in de": 4, "mnli in zh": 2},
    }


def test_arms_stand_side_by_side(beside: Walked) -> None:
    rows = stiltwalk.load(beside.workspace).rows
    assert {row["arm"] for row in rows if row["split"] == "test"} == {
        "english",
        "mlm",
        "translated",
    }
    dev = [row for row in beside.rows() if row["split"] == "dev"]
    assert [row["task"] for row in dev] == ["mnli"] * 3


def test_translations_come_from_a_folder_in_the_hub_s_layout(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    for code in ("de", "zh"):
        columns = nli([0, 1, 2] * 4, premise="Es regnet.")
        names = {"label": NLI_NAMES}
        write_split(tmp_path, "translations", f"nli-{code}", "train", columns, names)
    recipe = written(tmp_path, tiny_xlmr, translated="translations")
    walked = Walked(recipe=recipe, workspace=tmp_path / "workspace", report=recipe)
    carry_out(recipe, walked.workspace, ["targets=['tatoeba']"])
    assert steps_of(walked)["translated"]["mnli in de"] == 4
    (tmp_path / "texts" / "de.txt").write_text("Etwas anderes\n", encoding="utf-8")
    said = walked.again()
    assert said.count(" running ") == 2  # the arm with that text: its encoder, its answers
    with pytest.raises(DataError, match="configuration 'nli-fr'"):
        walked.again("arms.translated.translated.mnli.languages=['fr']")
