"""A made submission to XTREME-R scores as its own script scores it.

`golden/xtreme_r.json` holds what `evaluate.py --xtreme_version xtreme-r` of google-research/xtreme
(seqeval 0.0.12) gave for the folders that `write_submission` writes, in percent.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from stiltwalk.records import TaskType
from stiltwalk.tasks import TASKS, members
from stiltwalk.tasks.scoring import score_folder

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden" / "xtreme_r.json").read_text(encoding="utf-8")
)
WORDS = "the a cat sat on 7 mats, là ein Der der. 猫 在 垫子上 বিড়াল".split()
MEWSLIX = "ar de en es fa ja pl ro ta tr uk".split()


def write_submission(folder: Path) -> None:
    """Write predictions and labels of every task, in the forms of the official script."""
    random = Random("xtreme-r")  # noqa: S311 - made answers
    for name in "xnli xcopa udpos panx xquad mlqa tydiqa tatoeba".split():
        task = TASKS[name].within("xtreme-r")
        for code in sorted(task.languages):
            rows = random.randrange(5, 12)
            match task.task_type:
                case TaskType.TAGGING:
                    lengths = [random.randrange(1, 7) for _ in range(rows)]
                    sides = [_tags(random, task.labels, lengths) for _ in range(2)]
                case TaskType.SPAN:
                    ids = [f"q{row}" for row in range(rows)]
                    told = {each: _text(random) for each in ids[1:]} | {"extra": "x"}
                    gold = [{"id": each, "answers": [{"text": _text(random)}]} for each in ids]
                    told |= {e["id"]: e["answers"][0]["text"] for e in gold[::3] if e["id"] in told}
                    labels = {"data": [{"paragraphs": [{"qas": gold}]}]}
                    sides = [json.dumps(told), json.dumps(labels)]
                case TaskType.CHOICE:
                    lines = [json.dumps({"label": random.randrange(2)}) for _ in range(2 * rows)]
                    sides = ["\n".join(lines[:rows]) + "\n", "\n".join(lines[rows:]) + "\n"]
                case _:
                    known = task.labels or tuple(map(str, range(4)))
                    words = [random.choice(known) for _ in range(2 * rows)]
                    sides = ["\n".join(words[:rows]) + "\n", "\n".join(words[rows:]) + "\n"]
            ending = {TaskType.SPAN: "json", TaskType.CHOICE: "jsonl"}.get(task.task_type, "tsv")
            _write(folder, f"{name}/test-{code}.{ending}", sides)
    for code in MEWSLIX:
        gold = {f"m{row}": [f"Q{random.randrange(30)}"] for row in range(8)}
        ranked = {key: [f"Q{each}" for each in random.sample(range(30), 25)] for key in gold}
        ranked.pop("m3")
        _write(folder, f"mewslix/test-{code}.json", [json.dumps(ranked), json.dumps(gold)])


def _tags(random: Random, labels: tuple[str, ...], lengths: list[int]) -> str:
    known = labels[:4]  # few, so that some agree
    return "\n".join(
        "".join(f"{random.choice(known)}\n" for _ in range(length)) for length in lengths
    )


def _text(random: Random) -> str:
    return " ".join(random.choice(WORDS) for _ in range(random.randrange(1, 4)))


def _write(folder: Path, name: str, sides: list[str]) -> None:
    for side, text in zip(("predictions", "labels"), sides, strict=True):
        path = folder / side / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("submission")
    write_submission(folder)
    return score_folder(folder / "predictions", folder / "labels", "xtreme-r")


@pytest.mark.parametrize("name", [name for name in members("xtreme-r") if name in GOLDEN])
def test_every_task_scores_as_the_official_script_says(name: str, document: dict[str, Any]) -> None:
    told, official = document["tasks"][name], GOLDEN[name]
    assert told["score"] == pytest.approx(official["avg_metric"], abs=1e-9)
    for metric in set(official) & {*told, "map@20"}:
        ours = told[metric.replace("@", "_at_")]
        assert ours == pytest.approx(official[metric], abs=1e-9)


def test_groups_are_the_official_ones_and_the_mean_is_ours(document: dict[str, Any]) -> None:
    whole = document["groups"]
    assert whole == pytest.approx({group: GOLDEN[group] for group in whole}, abs=1e-9)
    assert set(whole) == {"classification", "tagging", "qa", "retrieval", "multi_choice"}
    assert "overall" not in document
    scores = [task["score"] for task in document["tasks"].values()]
    assert document["mean_of_present_tasks"] == pytest.approx(sum(scores) / len(scores))
