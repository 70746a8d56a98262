"""A checkpoint of a run with its model card, ready for the hub."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import huggingface_hub
import pytest
import transformers

import stiltwalk
from stiltwalk import cli
from stiltwalk.errors import NoSuchRun, WorkspaceError
from stiltwalk.files import kept_json, sealed_json
from stiltwalk.publishing import export_checkpoint, push
from walking import LANGUAGES, Walked


def run_of(walked: Walked) -> Path:
    return walked.report.parent


def test_the_checkpoint_loads_and_its_card_tells_what_it_is(walked: Walked, tmp_path: Path) -> None:
    folder = export_checkpoint(run_of(walked), "mixed/xquad", tmp_path / "new" / "card")
    transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    front = dict(line.split(": ", 1) for line in card.split("---")[1].strip().splitlines())
    assert json.loads(front["language"]) == list(LANGUAGES["xquad"])
    assert "datasets" not in front  # the miniature is on no hub
    assert "not a research result" in card
    assert "was trained on mnli + squad_v1, then trained on squad_v1." in card
    figures = [row for row in walked.rows() if row["task"] == "xquad" and row["intermediate"]]
    assert len(figures) == 2 * len(LANGUAGES["xquad"])
    for row in figures:
        (line,) = [each for each in card.splitlines() if each.startswith(f"| {row['language']} |")]
        assert f" {100 * row['value']:.1f} " in line


def test_the_card_says_licences_metrics_cost_and_verdict(walked: Walked, tmp_path: Path) -> None:
    (folder,) = stiltwalk.export(run_of(walked), tmp_path / "card", "mixed/xquad")
    card = huggingface_hub.ModelCard.load(folder / "README.md")
    assert card.data.license == "other"
    assert card.data.pipeline_tag == "question-answering"
    results = card.data.eval_results
    assert results is not None
    kept = {
        (row["language"], row["metric"]): 100 * row["value"]
        for row in walked.rows()
        if row["task"] == "xquad" and row["intermediate"] and row["split"] == "test"
    }
    found = {(each.dataset_config, each.metric_type): each.metric_value for each in results}
    assert found == pytest.approx(kept, abs=0.01)
    for said in ("## Data and licences", "## Cost", "## Against the baseline", "the same"):
        assert said in card.content
    assert "points (" in card.content
    assert str(tmp_path) not in card.content


def test_a_checkpoint_whose_vocabulary_is_cut_says_so_and_loads(
    walked: Walked, tmp_path: Path
) -> None:
    folder = tmp_path / "card"
    options = ["--checkpoint", "mixed/xquad", "--trim-vocabulary", "en,de"]
    cli.app(["export", str(run_of(walked)), str(folder), *options], standalone_mode=False)
    model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"to {model.config.vocab_size:,} pieces, those in the scripts of en, de" in card


def test_the_base_s_own_card_tells_its_licence(walked: Walked, tmp_path: Path) -> None:
    own = walked.copied(tmp_path)
    places = kept_json(own.workspace / "places.json")
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    moved = sealed_json(dict.fromkeys(places.keys() - {"checksum"}, str(base)))
    (own.workspace / "places.json").write_text(moved, encoding="utf-8")
    folder = export_checkpoint(own.report.parent, "none/xnli", tmp_path / "card")
    assert "* the base encoder: mit" in (folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("which", ["mixed", "mixed/tatoeba", "mixed/seed-2/xquad", "other/xquad"])
def test_a_checkpoint_that_is_not_there_is_refused(
    walked: Walked, tmp_path: Path, which: str
) -> None:
    with pytest.raises(NoSuchRun, match="has no checkpoint"):
        export_checkpoint(run_of(walked), which, tmp_path / "card")
    assert not (tmp_path / "card").exists()


class Hub:
    """A hub that keeps what it is sent, or refuses it."""

    refuses = False
    sent: tuple[str, list[str]] | None = None
    private: bool | None = None

    def create_repo(self, repository: str, *, private: bool, exist_ok: bool) -> str:
        """Return an address."""
        assert exist_ok
        Hub.private = private
        return f"https://hub.test/{repository}"

    def upload_folder(self, *, repo_id: str, folder_path: Path) -> None:
        """Keep the names of files."""
        if Hub.refuses:
            raise OSError("no network")
        Hub.sent = (repo_id, sorted(file.name for file in folder_path.iterdir()))


def test_a_push_sends_the_checkpoint_with_its_card(
    walked: Walked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    words = ["export", str(run_of(walked)), str(tmp_path / "card")]
    words += ["--checkpoint", "none/udpos", "--push", "me/tagger"]
    assert cli.app(words, standalone_mode=False) in {None, 0}
    assert Hub.sent is not None
    assert Hub.sent[0] == "me/tagger"
    assert {"README.md", "config.json", "model.safetensors"} <= set(Hub.sent[1])
    assert "Pushed: https://hub.test/me/tagger" in capsys.readouterr().out
    assert Hub.private
    push(tmp_path / "card", "me/tagger", public=True)
    assert not Hub.private


def test_what_is_exported_and_reported_names_no_place_on_this_machine(
    walked: Walked, tmp_path: Path
) -> None:
    folder = export_checkpoint(run_of(walked), "mixed/xquad", tmp_path / "card")
    model = json.loads((run_of(walked) / "run.json").read_text(encoding="utf-8"))["model"]
    assert model.startswith("./")
    for file in (*folder.rglob("*"), *run_of(walked).rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            assert str(walked.workspace.parents[1]).encode() not in content, file
            assert getpass.getuser().encode() + b"@" not in content, file


def test_a_hub_that_cannot_be_reached_leaves_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", Hub)
    monkeypatch.setattr(Hub, "refuses", True)
    with pytest.raises(WorkspaceError, match=r"me/tagger could not be written .*no network"):
        push(tmp_path, "me/tagger")


def test_a_push_needs_one_checkpoint(walked: Walked, tmp_path: Path) -> None:
    words = ["export", str(run_of(walked)), str(tmp_path / "all"), "--push", "me/all"]
    with pytest.raises(NoSuchRun, match="say which with --checkpoint"):
        cli.app(words, standalone_mode=False)
