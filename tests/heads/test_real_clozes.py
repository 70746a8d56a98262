"""Clozes around real text in 40 languages, with XLM-R's tokenizer and a random encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from real_rows import TOKENIZER, real_source
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.heads.cloze import ClozeHead
from stiltwalk.inference.engine import Engine
from stiltwalk.inference.predictor import outputs
from stiltwalk.mini import LANGUAGES
from stiltwalk.models.soft_prompt import PromptedModel, SoftPrompt, nearest_words, uniform_start
from stiltwalk.recipe.types import PromptSettings
from stiltwalk.records import Split, TextExample
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.clozes import clozes_in
from stiltwalk.tasks.load import examples

pytestmark = pytest.mark.real

V = 250_002
SOFT = PromptSettings(method="soft", num_tokens=5)
ROWS = 4


@pytest.fixture(scope="module")
def encoder(real: Path) -> TextEncoder:
    return load_text_encoder(real / TOKENIZER)


def texts(real: Path, language: str) -> list[TextExample]:
    """Return some lines of a language; their labels mean nothing."""
    (file,) = (real / "text").glob(f"*.{language}.txt")
    lines = file.read_text(encoding="utf-8").split("\n")[:ROWS]
    labels = TASKS["sib200"].labels
    return [TextExample(str(n), line, labels[n % 7]) for n, line in enumerate(lines)]


def random_model(encoder: TextEncoder, name: str) -> PromptedModel:
    """Return XLM-R's vocabulary on one narrow block, with a prompt of five vectors."""
    torch.manual_seed(1)
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = XLMRobertaConfig(
        vocab_size=V,
        intermediate_size=32,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        **shape,
    )
    masked_lm = XLMRobertaForMaskedLM(config).eval()
    cloze = clozes_in(None, miniature=False).of(TASKS[name], "en")
    words = nearest_words(masked_lm.get_input_embeddings().weight, encoder, cloze, 16)
    prompt = SoftPrompt(uniform_start(5, 16, seed=1))
    return PromptedModel(masked_lm, words, prompt, encoder.mask_id).eval()


def test_the_mask_stands_behind_text_and_vectors_in_all_scripts(
    real: Path, encoder: TextEncoder
) -> None:
    task = TASKS["sib200"]
    kind = ClozeHead(clozes_in(None, miniature=False).of(task, "en"), SOFT, V)
    (topic,) = encoder.ids(["a Topic:"])
    end = [*range(V, V + 5), *topic[1:], encoder.mask_id]
    for language in LANGUAGES:
        rows = texts(real, language)
        made = kind.features(rows, encoder, task.labels, 128)
        alone = encoder.ids([row.text for row in rows])
        for ids, text in zip(made.ids, alone, strict=True):
            assert np.count_nonzero(ids == encoder.mask_id) == 1
            place = int(np.flatnonzero(ids == encoder.mask_id)[0])
            assert ids[place - len(end) + 1 : place + 1].tolist() == end
            shown = ids[1 : place - len(end) + 1]
            np.testing.assert_array_equal(shown, text[: len(shown)])
            assert len(ids) <= 128
            assert len(shown) == min(len(text), 128 - len(end) - 3)


def test_forty_languages_are_answered_with_a_class_each(real: Path, encoder: TextEncoder) -> None:
    task, model = TASKS["sib200"], random_model(encoder, "sib200")
    kind = ClozeHead(clozes_in(None, miniature=False).of(task, "en"), SOFT, V)
    rows = [row for language in LANGUAGES for row in texts(real, language)]
    features = kind.features(rows, encoder, task.labels, 128)
    found, _ = outputs(Engine(model=model, pad_id=encoder.pad_id), kind, features)
    assert {each.shape for each in found} == {(7,)}
    assert len(found) == 40 * ROWS
    assert np.isfinite(np.stack(found)).all()
    assert np.stack(found).std(axis=0).min() > 0
    assert set(kind.decode(found, features, rows, task.labels)) <= set(task.labels)


@pytest.mark.parametrize("name", ["xnli", "pawsx"])
def test_pairs_are_asked_in_every_language_of_the_sample(
    real: Path, encoder: TextEncoder, name: str
) -> None:
    task, model = TASKS[name], random_model(encoder, name)
    kind = ClozeHead(clozes_in(None, miniature=False).of(task, "en"), SOFT, V)
    engine = Engine(model=model, pad_id=encoder.pad_id)
    for language in task.languages:
        rows = examples(task, real_source(real), Split.TEST, language, ROWS)
        features = kind.features(rows, encoder, task.labels, 128)
        assert all(np.count_nonzero(ids == encoder.mask_id) == 1 for ids in features.ids)
        found, _ = outputs(engine, kind, features)
        assert {each.shape for each in found} == {(len(task.labels),)}
