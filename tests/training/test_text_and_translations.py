"""Tests for stiltwalk.training.data: translated rows and text alongside the English rows."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import Trainee
from test_resume import Killed, facts, killed_after, resumable

from stiltwalk.data.by_language import ByLanguage
from stiltwalk.errors import DataError
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models.masked_lm import with_lm_head
from stiltwalk.recipe.schema import LoRA
from stiltwalk.recipe.types import MaskedText
from stiltwalk.records import TaskType
from stiltwalk.training.data import TaskModels, TrainRows, text_rows
from stiltwalk.training.loop import fit

MINI = ByLanguage(place="mini", config="{language}")


def some_text(folder: Path, num_lines: int = 24, exponent: float = 0.3) -> TrainRows:
    settings = MaskedText(text="", exponent=exponent)
    return text_rows(MINI, ("de", "en"), settings, load_text_encoder(folder), num_lines)


class TextTrainee(Trainee):
    """A session with text as a third entry beside two tasks."""

    def __init__(self, folder: Path, lora: LoRA | None = None) -> None:
        """Put the language-model head on the encoder of the tasks."""
        super().__init__(folder, (TaskType.PAIR, TaskType.TAGGING), lora=lora)
        models = [*self.models.models, with_lm_head(self.encoder, folder, seed=1)]
        rows = [*self.rows, some_text(folder)]
        self.models = TaskModels(models, [each.head for each in rows])
        self.session = replace(self.session, models=self.models, rows=rows, num_steps=(3, 3, 4))


def test_text_is_trained_on_and_takes_no_part_in_choosing(tiny_xlmr: Path) -> None:
    trainee = TextTrainee(tiny_xlmr)
    training = trainee.fit()
    assert Counter(entry["task"] for entry in training.log) == {
        "small_pair": 6,
        "small_tagging": 6,
        "mlm": 8,
    }
    for evaluation in training.evaluations:
        assert evaluation.by_task.keys() == {"small_pair", "small_tagging"}
        assert evaluation.score == sum(evaluation.by_task.values()) / 2


def test_the_encoder_exists_once_beside_a_language_model_head(tiny_xlmr: Path) -> None:
    trainee = TextTrainee(tiny_xlmr)
    names = [name for name, _ in trainee.models.named_parameters()]
    assert sum("word_embeddings" in name for name in names) == 1
    assert sum("layer.0.attention.self.query.weight" in name for name in names) == 1


def test_beside_adapters_text_trains_its_head_and_no_weight_of_the_encoder(
    tiny_xlmr: Path,
) -> None:
    trainee = TextTrainee(tiny_xlmr, LoRA())
    before, head = trainee.weights(), trainee.models.models[2].lm_head
    assert {entry["task"] for entry in trainee.fit().log} >= {"mlm"}
    after = trainee.weights()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert any(".lora_B." in name for name in changed)
    assert {name for name, _ in head.named_parameters() if f"models.2.lm_head.{name}" in changed}
    encoder = {name for name in changed if ".roberta." in name and ".lora_" not in name}
    assert not encoder
    assert head.decoder.weight is trainee.encoder.get_input_embeddings().weight


def test_a_run_killed_between_masks_ends_with_the_same_bits(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    undisturbed = TextTrainee(tiny_xlmr)
    expected = undisturbed.fit()
    file = tmp_path / "resume.safetensors"
    for steps in (4, 13):
        trainee = TextTrainee(tiny_xlmr)
        resumable(trainee, file)
        trainee.session = replace(trainee.session, progress=killed_after(steps))
        with pytest.raises(Killed):
            fit(trainee.session)
    last = TextTrainee(tiny_xlmr)
    resumable(last, file)
    assert facts(last.fit()) == facts(expected)
    weights, wanted = last.weights(), undisturbed.weights()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)


def test_languages_share_the_lines_by_their_sizes(tiny_xlmr: Path, tmp_path: Path) -> None:
    for code, count in (("de", 3), ("en", 48)):
        (tmp_path / f"{code}.txt").write_text(f"{code}\n" * count, encoding="utf-8")
    where = ByLanguage(place=str(tmp_path), config="{language}")
    encoder = load_text_encoder(tiny_xlmr)
    german = encoder.single(encoder.ids(["de"])[0]).tolist()
    for exponent, wanted in ((0.0, 30), (0.5, 12), (1.0, 4)):
        settings = MaskedText(text="", exponent=exponent)
        rows = text_rows(where, ("de", "en"), settings, encoder, 60)
        assert sum(row.tolist() == german for row in rows.train.ids) == wanted


def test_a_language_without_text_is_named(tiny_xlmr: Path, tmp_path: Path) -> None:
    shutil.copyfile(__file__, tmp_path / "en.txt")
    (tmp_path / "de.txt").write_text("\n \n", encoding="utf-8")
    where = ByLanguage(place=str(tmp_path), config="{language}")
    with pytest.raises(DataError, match="no text in 'de'"):
        text_rows(where, ("de", "en"), MaskedText(text=""), load_text_encoder(tiny_xlmr), 60)
