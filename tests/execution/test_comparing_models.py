"""Models by what a user calls them: their heads, their threads, and where results are kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stiltwalk.errors import RecipeError
from stiltwalk.execution import compare
from stiltwalk.execution.compare import Asked, compare_models, folder_of
from stiltwalk.models import checkpoint
from stiltwalk.records import TaskType
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.timing.record import Speed
from stiltwalk.timing.sample_size import QUICK
from stiltwalk.timing.session import ModelPair, Session

if TYPE_CHECKING:
    from walking import Walked

SESSION = Session(profile=QUICK, num_threads=1, seed=1, budget_s=0)


def with_head(encoder: Path, task_type: TaskType, num_labels: int, folder: Path) -> Path:
    labels = [str(number) for number in range(num_labels)]
    model = checkpoint.load(TaskType.RETRIEVAL, encoder)
    headed = checkpoint.with_head(model, task_type, labels, seed=1)
    checkpoint.save(headed, folder, tokenizer_from=encoder)
    return folder


def asked(a: Path, b: Path, on: str, workspace: Path) -> Asked:
    return Asked(names=(str(a), str(b)), workspace=Workspace(workspace), on=on)


@pytest.mark.parametrize(
    ("head", "on", "says"),
    [
        ((TaskType.PAIR, 3), "mini:xnli,panx", "another head .*so it does not answer panx"),
        ((TaskType.TAGGING, 7), "mini:panx,xnli", "another head .*so it does not answer xnli"),
        ((TaskType.PAIR, 2), "mini:xnli", "a head of 2 classes, not 3, so it does not answer xnli"),
        ((TaskType.TAGGING, 17), "mini:panx", "a head of 17 classes, not 7"),
    ],
)
def test_a_folder_whose_head_is_for_another_task_is_refused_before_any_work(
    head: tuple[TaskType, int],
    on: str,
    says: str,
    tiny_xlmr: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headed = with_head(tiny_xlmr, *head, tmp_path / "headed")
    monkeypatch.setattr(compare, "load_workload", lambda *_: 1 / 0)
    for pair in ((headed, tiny_xlmr), (tiny_xlmr, headed)):
        with pytest.raises(RecipeError, match=f"{says}.*RUN:ARM, which has a model for every"):
            compare_models(asked(*pair, on, tmp_path), SESSION)


def test_an_encoder_without_a_head_is_compared_with_a_fresh_one_and_that_is_said(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    headed = with_head(tiny_xlmr, TaskType.PAIR, 3, tmp_path / "headed")
    speed = compare_models(asked(tiny_xlmr, headed, "mini:xnli,tatoeba", tmp_path), SESSION)
    assert speed.structure == {"xnli": (), "tatoeba": ()}
    assert len(set(speed.operations["xnli"])) == 1
    (told,) = [each for each in speed.summary if "fresh" in each]
    assert told.startswith(f"xnli: {tiny_xlmr} has no head for it")


def test_it_computes_with_the_threads_that_the_run_used(
    walked: Walked, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []

    def caught(_pairs: Sequence[ModelPair], _names: object, session: Session) -> Speed:
        used.append(session.num_threads)
        raise ZeroDivisionError

    monkeypatch.setattr(compare, "compare", caught)
    arms = Asked(
        names=("small:none", "small:mixed"), workspace=Workspace(walked.workspace), on="xnli"
    )
    with pytest.raises(ZeroDivisionError):
        compare_models(arms, Session(profile=QUICK, num_threads=7, seed=1))
    assert used == [1]


def test_what_is_found_is_kept_under_the_name_of_the_pair(tmp_path: Path) -> None:
    store = Workspace(tmp_path)
    arms = Asked(names=("mini:none", "mini:mnli"), workspace=store, on="xnli,panx")
    assert folder_of(arms) == tmp_path / "comparisons" / "mini-none_vs_mini-mnli_on_xnli-panx"
    (tmp_path / "models").mkdir()
    folders = Asked(names=(str(tmp_path / "models"), "org/name"), workspace=store)
    assert folder_of(folders).name == "models_vs_org-name"


def test_a_head_is_told_by_the_architecture(tiny_xlmr: Path, tmp_path: Path) -> None:
    config = json.loads((tiny_xlmr / "config.json").read_text())
    assert compare._lacks_head(config, TASKS["xnli"])
    assert not compare._lacks_head(config, TASKS["tatoeba"])
    copy = Path(shutil.copytree(tiny_xlmr, tmp_path / "copy"))
    (copy / "config.json").write_text(json.dumps(config | {"architectures": None}))
    assert compare._lacks_head(compare.read_config(copy), TASKS["panx"])
