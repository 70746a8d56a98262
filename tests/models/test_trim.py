"""Tests for stiltwalk.models.trim: fewer words, and the same answers in the languages that stay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModel, AutoTokenizer

from stiltwalk.errors import ModelError
from stiltwalk.features.text import TextEncoder, load_text_encoder
from stiltwalk.models.trim import trim_vocabulary
from tiny import LINES, XLMR_TOKENS, bert_tokenizer, xlmr_tokenizer

GERMAN = (
    "Mittwoch, New York; Donnerstag, 12 Kilometer!",
    "größte Straßen: 3,5 % ≠ 7",
    "zwölf Stunden … “gestern”",
)
RUSSIAN = ("понедельник, вторник; Германия 84", "двенадцать километров?")


def unigram_tokenizer() -> Tokenizer:
    """Return a tokenizer of XLM-R's own kind."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.UnigramTrainer(
        vocab_size=500,
        special_tokens=list(XLMR_TOKENS),
        unk_token="<unk>",  # noqa: S106
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 3, trainer)
    tokenizer.add_special_tokens(["<mask2>"])  # behind all others, as XLM-R's mask is
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


@pytest.mark.parametrize(
    ("family", "made"),
    [
        ("xlm-roberta", xlmr_tokenizer),
        ("xlm-roberta", unigram_tokenizer),
        ("bert", bert_tokenizer),
    ],
    ids=["xlmr-bpe", "xlmr-unigram", "bert"],
)
def test_texts_in_the_languages_that_stay_are_answered_bit_for_bit_as_before(
    family: str, made: Callable[[], Tokenizer], families: dict[str, Path], tmp_path: Path
) -> None:
    whole, cut = (Path(shutil.copytree(families[family], tmp_path / name)) for name in "ab")
    tokenizer = made()  # once: training is not the same each time
    for folder in (whole, cut):
        tokenizer.save(str(folder / "tokenizer.json"))
    before, after = trim_vocabulary(cut, ["de", "ru"])
    assert after < before
    encoders = [load_text_encoder(folder) for folder in (whole, cut)]
    both = [AutoModel.from_pretrained(folder).eval() for folder in (whole, cut)]
    assert both[1].get_input_embeddings().weight.shape[0] == after
    for text in (*GERMAN, *RUSSIAN):
        ids = [ids_of(each, text) for each in encoders]
        assert spelled(encoders[0], ids[0]) == spelled(encoders[1], ids[1])
        with torch.no_grad():
            states = [
                model(torch.tensor([row])).last_hidden_state
                for model, row in zip(both, ids, strict=True)
            ]
        assert torch.equal(*states)
    assert AutoTokenizer.from_pretrained(cut)(GERMAN[0])["input_ids"] == ids_of(
        encoders[1], GERMAN[0]
    )


def ids_of(encoder: TextEncoder, text: str) -> list[int]:
    return list(encoder._tokenizer.encode(text).ids)


def spelled(encoder: TextEncoder, ids: list[int]) -> list[str | None]:
    return [encoder._tokenizer.id_to_token(number) for number in ids]


def test_pieces_of_other_scripts_go(tiny_xlmr: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    trim_vocabulary(folder, ["ar"])
    pieces = json.loads((folder / "tokenizer.json").read_bytes())["model"]["vocab"]
    text = "".join(pieces)
    assert "ي" in text
    assert "1" in text
    assert not {"я", "国", "ζ"} & set(text)
    assert set(XLMR_TOKENS) <= pieces.keys()


def test_what_cannot_be_cut_is_refused(tiny_xlmr: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    with pytest.raises(ModelError, match=r"'klingon' is no language"):
        trim_vocabulary(folder, ["de", "klingon"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    with pytest.raises(ModelError, match="spells bytes"):
        trim_vocabulary(folder, ["de"])
