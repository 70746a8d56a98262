"""Encoders of many families that load in milliseconds: two blocks, 32 wide, never trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoModel,
    BertConfig,
    BertModel,
    CamembertConfig,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    ElectraConfig,
    EuroBertConfig,
    Gemma3TextConfig,
    ModernBertConfig,
    ModernBertModel,
    MPNetConfig,
    RemBertConfig,
    XLMRobertaConfig,
    XLMRobertaModel,
    XLMRobertaXLConfig,
)

LINES = (
    "Monday, 12 kilometers; Tuesday, 7 hours; Wednesday, 95 litres",
    "Paris is in France, Tokyo is in Japan, Nairobi is in Kenya",
    "How many hours? How many kilometers? Which country?",
    "South Korea: 84 hours, 14 seconds; Germany: 68 seconds, 19 hours",
    "the a an and of in is are was not entailment neutral contradiction",
    "January 13, 2025 (1st quarter), May 28, 2019, 23 Hungarian forints",
    "Mittwoch, New York; Donnerstag, Jakarta; zwölf Kilometer; drei Stunden",
    "понедельник, вторник, Россия, Германия, двенадцать километров",
    "الاثنين، الثلاثاء، ألمانيا، اليابان، كيلومتر",
    "韩国、德国、泰国、周一、周二、公里、小时",
    "Δευτέρα, Τρίτη, Γερμανία, Ιαπωνία, χιλιόμετρα",
    "สวัสดี วันจันทร์ วันอังคาร ประเทศไทย",
)
XLMR_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SIZE = 700
SHAPE: Mapping[str, Any] = {
    "vocab_size": SIZE,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def xlmr_tokenizer() -> Tokenizer:
    """Return a sub-word tokenizer that writes pairs as `<s> A </s></s> B </s>`."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.train_from_iterator(LINES, _trainer(XLMR_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def bert_tokenizer() -> Tokenizer:
    """Return a sub-word tokenizer that writes pairs as `[CLS] A [SEP] B [SEP]`."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))  # noqa: S106 - no password
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(LINES, _trainer(BERT_TOKENS))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def _trainer(special: tuple[str, ...]) -> trainers.BpeTrainer:
    return trainers.BpeTrainer(vocab_size=SIZE, special_tokens=list(special), show_progress=False)


def _xlmr() -> Any:  # noqa: ANN401 - four classes without a common type
    config = XLMRobertaConfig(
        **SHAPE,
        max_position_embeddings=258,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    return XLMRobertaModel(config)


def _bert() -> Any:  # noqa: ANN401
    return BertModel(BertConfig(**SHAPE, max_position_embeddings=256, pad_token_id=0))


def _deberta() -> Any:  # noqa: ANN401
    config = DebertaV2Config(
        **SHAPE,
        max_position_embeddings=256,
        pad_token_id=0,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        position_buckets=32,
        share_att_key=True,
        norm_rel_ebd="layer_norm",
        position_biased_input=False,
    )
    return DebertaV2Model(config)


def _modernbert() -> Any:  # noqa: ANN401
    config = ModernBertConfig(
        **SHAPE,
        max_position_embeddings=256,
        local_attention=16,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        cls_token_id=2,
        sep_token_id=3,
    )
    return ModernBertModel(config)


def _of(make: Any, **more: Any) -> Callable[[], Any]:  # noqa: ANN401
    """Return what makes another family's model, with BERT's special ids unless told otherwise."""

    def made() -> Any:  # noqa: ANN401
        ids = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
        config = make(**{**SHAPE, "max_position_embeddings": 256, **ids, **more})
        return AutoModel.from_config(config)

    return made


_XLMR_IDS: Mapping[str, int] = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}

MORE_FAMILIES: Mapping[str, tuple[Callable[[], Any], Callable[[], Tokenizer]]] = {
    "distilbert": (
        _of(DistilBertConfig, dim=32, hidden_dim=64, n_layers=2, n_heads=2),
        bert_tokenizer,
    ),
    "electra": (_of(ElectraConfig, embedding_size=16), bert_tokenizer),
    "camembert": (_of(CamembertConfig, **_XLMR_IDS), xlmr_tokenizer),
    "mpnet": (_of(MPNetConfig, **_XLMR_IDS), xlmr_tokenizer),
    "xlm-roberta-xl": (_of(XLMRobertaXLConfig, **_XLMR_IDS), xlmr_tokenizer),
    "eurobert": (_of(EuroBertConfig), bert_tokenizer),
    "rembert": (
        _of(RemBertConfig, input_embedding_size=16, output_embedding_size=48),
        bert_tokenizer,
    ),
    "e5": (_of(BertConfig), xlmr_tokenizer),
    "embedding-gemma": (
        _of(Gemma3TextConfig, head_dim=16, num_key_value_heads=1, use_bidirectional_attention=True),
        bert_tokenizer,
    ),
}
"""Families that tests/compatibility alone goes through; e5 is BERT with XLM-R's tokenizer."""

FAMILIES: Mapping[str, tuple[Callable[[], Any], Callable[[], Tokenizer]]] = {
    "xlm-roberta": (_xlmr, xlmr_tokenizer),
    "bert": (_bert, bert_tokenizer),
    "deberta-v2": (_deberta, bert_tokenizer),
    "modernbert": (_modernbert, bert_tokenizer),
}


def write_family(family: str, folder: Path) -> Path:
    """Write an encoder and its tokenizer as an ordinary Hugging Face folder; return the folder."""
    make, tokenizer = {**FAMILIES, **MORE_FAMILIES}[family]
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():  # of ordinary size, so that outputs depend on the inputs visibly
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(5)
    model.save_pretrained(folder)
    tokenizer().save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
