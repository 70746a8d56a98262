"""Prompts of the real sample: every language renders, and its right answers are read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as Decoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from real_rows import TOKENIZER, real_source
from stiltwalk.features.prompts import PromptEncoder
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.recipe.types import Answering, resolved
from stiltwalk.records import ChoiceExample, SpanExample, Split, gold_answers
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import examples

LANGUAGES = [(name, code) for name in ("xnli", "xquad", "tydiqa") for code in TASKS[name].languages]


@pytest.fixture(scope="module")
def encoder(real: Path) -> PromptEncoder:
    tokenizer = Tokenizer.from_file(str(real / TOKENIZER / "tokenizer.json"))
    return PromptEncoder(tokenizer, (2,), None)


@pytest.mark.parametrize(("name", "language"), LANGUAGES)
def test_prompts_show_the_row_and_right_answers_are_read_back(
    name: str, language: str, real: Path, encoder: PromptEncoder
) -> None:
    task = TASKS[name]
    rows = examples(task, real_source(real), Split.TEST, language, 10)
    how = resolved(task.task_type, Answering(way="generation"))
    kind = DecoderHead(task=task, answering=how, encoder=encoder)
    for row in rows:
        if isinstance(row, SpanExample):
            asked = kind.template.asked(row)
            assert row.question in asked
            assert row.context in asked
    features = kind.features(rows, encoder, task.labels, 4096)
    answers = [
        ids[start:-1] for ids, start in zip(features.ids, features.second.tolist(), strict=True)
    ]
    found = kind.decode(answers, features, rows, task.labels)
    gold = gold_answers(rows)
    if isinstance(found, dict) and isinstance(gold, dict):
        for question, text in found.items():  # XLM-R's pieces fold wide forms and white space
            assert folded(text) in map(folded, gold[question])
    else:
        assert found == gold


@pytest.mark.parametrize("way", ["scoring", "generation"])
def test_one_space_parts_hellaswag_s_context_from_every_ending(
    way: Any,  # noqa: ANN401 - one of two words
    real: Path,
) -> None:
    task, byte_level = TASKS["hellaswag"], Tokenizer(BPE())
    byte_level.pre_tokenizer, byte_level.decoder = ByteLevel(add_prefix_space=False), Decoder()
    byte_level.train_from_iterator([], BpeTrainer(initial_alphabet=ByteLevel.alphabet()))
    kind = DecoderHead(
        task=task,
        answering=resolved(task.task_type, Answering(way=way)),
        encoder=PromptEncoder(byte_level, (0,), None),
    )
    rows = examples(task, real_source(real), Split.TRAIN, "en")
    endings = [choice for row in rows if isinstance(row, ChoiceExample) for choice in row.choices]
    assert sum(ending[0].isupper() for ending in endings) > 100, "rows without a second half"
    features = kind.features(rows, kind.encoder, task.labels, 1 << 20)
    for row, ids in zip(rows, features.ids, strict=True):
        assert isinstance(row, ChoiceExample)
        text = byte_level.decode(ids[:-1].tolist())
        assert text == f"{row.prompt} {row.choices[int(row.label)]}"
        assert "  " not in text


def folded(text: str) -> str:
    """Return a text as XLM-R's tokenizer can tell it from others."""
    return " ".join(normalize("NFKC", text).split())
