"""A recipe whose model is behind a server: planned, asked, interrupted, gone on with."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

import stiltwalk
from model_server import Manner, served
from stiltwalk.errors import ModelError, RecipeError, StagesFailed, StiltwalkError
from stiltwalk.execution.study import run_study
from stiltwalk.files import add_line

RECIPE = """
name = "behind"
targets = ["xnli", "xquad"]
languages = ["de", "en"]
[model]
backend = "endpoint"
base_url = "{url}"
served_model = "tiny"
price_per_million_tokens = [1.0, 2.0]
[data]
source = "mini"
test_rows = 6
[arms]
none = []
[answering.xquad]
max_new_tokens = 8
"""


def recipe_of(folder: Path, url: str) -> Path:
    file = folder / "behind.toml"
    file.write_text(RECIPE.format(url=url), encoding="utf-8")
    return file


def carried_out(recipe: Path, workspace: Path, *changes: str) -> None:
    """Carry out a recipe without its report."""
    run_study(recipe, workspace, Console(quiet=True), changes)


def values(workspace: Path) -> dict[tuple[str, str, str], float]:
    rows = [
        json.loads(line)
        for file in workspace.glob("stages/*/scores.jsonl")
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    return {(row["task"], row["language"], row["metric"]): row["value"] for row in rows}


def asked_rows(manner: Manner) -> Counter[str]:
    """Return how often each prompt was asked, without those of the probes."""
    prompts = (each.get("prompt") or each["messages"][-1]["content"] for each in manner.asked)
    return Counter(each for each in prompts if "capital of France" not in each)


def test_a_recipe_is_answered_by_a_server_and_scored(tmp_path: Path) -> None:
    manner = Manner(reply=lambda _: "nothing of the kind")
    with served(manner) as url:
        study = stiltwalk.run(recipe_of(tmp_path, url), tmp_path / "w")
    found = values(tmp_path / "w")
    assert study.report.is_file()
    assert {task for task, _, _ in found} == {"xnli", "xquad"}
    assert found["xquad", "de", "unparsed"] == 0
    assert max(asked_rows(manner).values()) == 1, "no row is asked twice"


def test_a_server_that_knows_no_log_probabilities_answers_by_writing(tmp_path: Path) -> None:
    with served(Manner(echo="ignored", reply=lambda _: "true")) as url:
        carried_out(recipe_of(tmp_path, url), tmp_path / "w", "answering={}", "targets=['xnli']")
    found = values(tmp_path / "w")
    assert found["xnli", "en", "unparsed"] == 0
    assert 0 < found["xnli", "en", "accuracy"] < 1


def test_what_was_answered_before_a_server_died_is_not_asked_again(tmp_path: Path) -> None:
    manner = Manner(reply=lambda _: "words", faults=[])
    with served(Manner(reply=lambda _: "words")) as url:
        file = recipe_of(tmp_path, url)
        carried_out(file, tmp_path / "undisturbed")
        port = int(url.rpartition(":")[2].removesuffix("/v1"))
    with served(manner, port):
        manner.reply = dying(manner, after=8)
        with pytest.raises(StiltwalkError):
            carried_out(file, tmp_path / "w")
    manner.reply, manner.always = (lambda _: "words"), ""
    with served(manner, port):
        carried_out(file, tmp_path / "w")
    assert values(tmp_path / "w") == values(tmp_path / "undisturbed")
    counts = asked_rows(manner)
    assert sum(count > 1 for count in counts.values()) <= 10, "those that were on their way"


def dying(manner: Manner, after: int) -> Callable[[str], str]:
    left = [after]

    def reply(prompt: str) -> str:
        if "capital of France" not in prompt:
            left[0] -= 1
            if left[0] < 0:
                manner.always = "401"
        return "words"

    return reply


def test_another_model_does_not_go_on_with_answers_of_the_first(tmp_path: Path) -> None:
    manner = Manner(reply=lambda _: "words")
    with served(manner) as url:
        file, changes = recipe_of(tmp_path, url), ["targets=['xquad']"]
        stages = stiltwalk.plan(file, tmp_path / "w", changes)["stages"]
        kept = tmp_path / "w" / "asked" / f"{stages[-1]['fingerprint']}.jsonl"
        add_line(kept, ["identity", "another"])
        with pytest.raises((ModelError, StagesFailed)) as raised:
            carried_out(file, tmp_path / "w", *changes)
    said = str(raised.value) + "".join(getattr(raised.value, "__notes__", ()))
    assert "another model" in said


def test_a_plan_tells_requests_tokens_and_money_and_asks_nobody(tmp_path: Path) -> None:
    manner = Manner()
    with served(manner) as url:
        plan = stiltwalk.plan(recipe_of(tmp_path, url), tmp_path / "w")
    assert not manner.asked
    xnli, xquad = plan["to_ask"]
    assert (xnli["requests"], xnli["output_tokens"]) == (2 * 6 * 4, 0)
    assert (xquad["requests"], xquad["output_tokens"]) == (2 * 6, 2 * 6 * 8)
    money = (xquad["input_tokens"] * 1.0 + xquad["output_tokens"] * 2.0) / 1e6
    assert xquad["money"] == pytest.approx(money)
    assert not plan["to_download"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("model.base_url='http://u:secret@h/v1'", "holds a password"),
        ("model.base_url='nowhere'", "no address"),
        ("arms.mnli=['mnli']", "nothing is trained"),
        ("targets=['tatoeba']", "vectors of sentences"),
        ("model={name='mini-decoder',family='causal',base_url='http://h/v1'}", "is for a server"),
        ("controls=true", "without controls"),
        ("model.served_model=''", "which of its models"),
    ],
)
def test_what_cannot_be_asked_of_a_server_is_refused(
    tmp_path: Path, change: str, says: str
) -> None:
    with pytest.raises((RecipeError, ModelError), match=says) as raised:
        stiltwalk.plan(recipe_of(tmp_path, "http://127.0.0.1:1/v1"), tmp_path / "w", [change])
    assert "secret" not in str(raised.value)
