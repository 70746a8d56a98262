"""Tokenizers of every build, trained on a few lines: what the other tests have folders of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

import tiny

BERT = dict(zip(("pad", "unk", "cls", "sep", "mask"), tiny.BERT_TOKENS, strict=True))
ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}
GEMMA = {"pad": "<pad>", "sep": "<eos>", "cls": "<bos>", "unk": "<unk>", "mask": "<mask>"}
LLAMA = {"cls": "<|begin_of_text|>", "sep": "<|end_of_text|>", "pad": "<|pad|>", "mask": "<|mask|>"}
ODD = {"pad": "PAD", "unk": "UNK", "cls": "START", "sep": "STOP", "mask": "HIDDEN"}
SIZE = 500


def wordpiece(names: Mapping[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token=names["unk"]))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return _trained(tokenizer, trainers.WordPieceTrainer, names)


def byte_level(names: Mapping[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return _trained(tokenizer, trainers.BpeTrainer, names, initial_alphabet=alphabet)


def unigram(names: Mapping[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(" {2,}", " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _trained(tokenizer, trainers.UnigramTrainer, names, unk_token=names["unk"])


def prepend(names: Mapping[str, str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=names["unk"], fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Metaspace()
    return _trained(tokenizer, trainers.BpeTrainer, names)


def _trained(
    tokenizer: Tokenizer, trainer: Callable[..., object], names: Mapping[str, str], **more: object
) -> Tokenizer:
    how = {"vocab_size": SIZE, "special_tokens": list(names.values()), "show_progress": False}
    tokenizer.train_from_iterator(tiny.LINES, trainer(**how, **more))
    return tokenizer


def template(single: str, pair: str) -> Callable[[Tokenizer, Mapping[str, str]], object]:
    """Return what makes a template; "C" and "S" stand for the first and the last special token."""

    def made(tokenizer: Tokenizer, names: Mapping[str, str]) -> object:
        spelled = {"C": names["cls"], "S": names["sep"]}

        def written(text: str) -> list[str]:
            parts = (each.partition(":") for each in text.split())
            return [spelled.get(part, part) + "".join(kind) for part, *kind in parts]

        ids = [(each, tokenizer.token_to_id(each)) for each in spelled.values()]
        return processors.TemplateProcessing(
            single=written(single), pair=written(pair), special_tokens=ids
        )

    return made


def bert(tokenizer: Tokenizer, names: Mapping[str, str]) -> object:
    ends = [(names[each], tokenizer.token_to_id(names[each])) for each in ("sep", "cls")]
    return processors.BertProcessing(*ends)


def roberta(tokenizer: Tokenizer, names: Mapping[str, str]) -> object:
    ends = [(names[each], tokenizer.token_to_id(names[each])) for each in ("sep", "cls")]
    return processors.RobertaProcessing(*ends, add_prefix_space=False)


def none(_tokenizer: Tokenizer, _names: Mapping[str, str]) -> None:
    return None


BERT_LIKE = template("C $A S", "C $A S $B:1 S:1")
XLMR_LIKE = template("C $A S", "C $A S S $B S")
GEMMA_LIKE = template("C $A S", "C $A S C:1 $B:1 S:1")
T5_LIKE = template("$A S", "$A S $B S")
AS_ENCODER = template("C $A", "C $A C $B:1")
TYPED = template("C:1 $A:1 S", "C $A:1 S:1 $B S:1")
ENDS_OTHERWISE = template("C $A S S", "C C $A S $B S")


@dataclass(frozen=True)
class Build:
    """One tokenizer: how it spells, its special tokens, what stands around texts, settings."""

    make: Callable[[Mapping[str, str]], Tokenizer]
    names: Mapping[str, str]
    around: Callable[[Tokenizer, Mapping[str, str]], object]
    settings: Mapping[str, object] | None = None

    def write(self, folder: Path) -> Path:
        """Write it as a folder that `AutoTokenizer` reads."""
        folder.mkdir(parents=True, exist_ok=True)
        tokenizer = self.make(self.names)
        tokenizer.post_processor = self.around(tokenizer, self.names)
        tokenizer.add_tokens([AddedToken("kilometers", lstrip=True)])
        tokenizer.save(str(folder / "tokenizer.json"))
        named = {f"{name}_token": text for name, text in self.names.items()}
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", **named, **(self.settings or {})}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
        return folder


BUILDS = {
    "wordpiece as BERT": Build(wordpiece, BERT, BERT_LIKE),
    "wordpiece as BERT, by its class": Build(
        wordpiece, BERT, BERT_LIKE, {"tokenizer_class": "BertTokenizer", "do_lower_case": False}
    ),
    "wordpiece, BERT's processor": Build(wordpiece, BERT, bert),
    "wordpiece, RoBERTa's processor": Build(wordpiece, BERT, roberta),
    "wordpiece, odd names": Build(wordpiece, ODD, BERT_LIKE),
    "wordpiece as XLM-R": Build(wordpiece, BERT, XLMR_LIKE),
    "bytes as RoBERTa": Build(byte_level, ROBERTA, roberta),
    "bytes as BERT": Build(byte_level, BERT, bert),
    "bytes without an unknown token": Build(byte_level, LLAMA, BERT_LIKE),
    "bytes, one special token": Build(byte_level, LLAMA, AS_ENCODER),
    "bytes, nothing around": Build(byte_level, ROBERTA, none),
    "unigram as XLM-R": Build(unigram, ROBERTA, XLMR_LIKE),
    "unigram as BERT": Build(unigram, BERT, BERT_LIKE),
    "unigram as T5": Build(unigram, ROBERTA, T5_LIKE),
    "unigram, other types": Build(unigram, ROBERTA, TYPED),
    "unigram, other ends of one text": Build(unigram, ROBERTA, ENDS_OTHERWISE),
    "prepend as Gemma": Build(prepend, GEMMA, GEMMA_LIKE),
    "prepend as XLM-R": Build(prepend, ROBERTA, XLMR_LIKE),
    "prepend, RoBERTa's processor": Build(prepend, ROBERTA, roberta),
    "prepend, nothing around": Build(prepend, ROBERTA, none),
}
