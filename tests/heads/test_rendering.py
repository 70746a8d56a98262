"""Rows as text: what is learned, what can be answered, and how an answer is read."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decoders import write_decoder
from stiltwalk.errors import ModelError
from stiltwalk.features.prompts import chat_of, load_prompt_encoder
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.heads.head import make_batch
from stiltwalk.models.checkpoint import load_decoder
from stiltwalk.models.locate import MINI_BASE, locate
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.recipe.types import Answering, resolved
from stiltwalk.records import Answer, ChoiceExample, PairExample, SpanExample, TaggedExample
from stiltwalk.tasks import TASKS

PAIR = PairExample("p", "South Korea: 84 hours", "14 seconds", "neutral")
CHOICE = ChoiceExample("c", "Paris is in", ("Japan", "France"), "1")
TAGS = TaggedExample("t", ("Paris", "is", "in", "France"), ("B-LOC", "O", "O", "B-LOC"))
SPAN = SpanExample("s", "How many hours?", "South Korea: 84 hours", (Answer("84", 13),))
CHAT = "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}</s>{% endfor %}" + (
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_decoder("llama", tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def shipped(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the shipped tokenizer, which knows the letters of all labels."""
    base = locate(ModelSettings(name=MINI_BASE), fetch=False).folder
    assert base is not None
    found: Path = tmp_path_factory.mktemp("shipped")
    for source, name in ((base, "tokenizer.json"), (folder, "config.json")):
        shutil.copyfile(source / name, found / name)
    return found


def kind_of(folder: Path, name: str, **values: Any) -> DecoderHead:  # noqa: ANN401
    task, how = TASKS[name], Answering(**values)
    encoder = load_prompt_encoder(folder, chat=how.chat_template)
    return DecoderHead(task=task, answering=resolved(task.task_type, how), encoder=encoder)


@pytest.mark.parametrize(
    ("name", "row", "right"),
    [
        ("xnli", PAIR, "neutral"),
        ("hellaswag", CHOICE, "1"),
        ("panx", TAGS, TAGS.tags),
        ("xquad", SPAN, "84"),
    ],
)
def test_the_right_answer_is_read_back_as_itself(
    shipped: Path,
    name: str,
    row: Any,  # noqa: ANN401
    right: Any,  # noqa: ANN401
) -> None:
    kind = kind_of(shipped, name, way="generation")
    labels = kind.task.labels
    (ids,) = kind.features([row], kind.encoder, labels, 200).ids
    start = kind.features([row], kind.encoder, labels, 200).second[0]
    assert kind.parsed([ids[start:-1]], [row], labels) == [(right, True)]
    assert ids[-1] == kind.encoder.end_id


def test_text_that_is_no_answer_counts_as_unparsed_and_wrong(folder: Path) -> None:
    nonsense = load_prompt_encoder(folder, chat=False).ids([" zwölf drei Stunden"])[0]
    for name, row in (("xnli", PAIR), ("hellaswag", CHOICE), ("panx", TAGS)):
        kind = kind_of(folder, name, way="generation")
        ((answer, exact),) = kind.parsed([nonsense], [row], kind.task.labels)
        assert not exact
        assert answer not in (row.label if not isinstance(row, TaggedExample) else row.tags,)
    assert kind_of(folder, "xquad").parsed([nonsense[:0]], [SPAN], ()) == [("", False)]


def test_tags_are_cut_or_filled_to_the_words_and_that_is_counted(shipped: Path) -> None:
    kind = kind_of(shipped, "panx")
    labels = kind.task.labels
    short, long = replace(TAGS, tags=TAGS.tags[:2]), replace(TAGS, tags=(*TAGS.tags, "O"))
    for row, tags in ((short, ("B-LOC", "O", "O", "O")), (long, TAGS.tags)):
        features = kind.features([row], kind.encoder, labels, 200)
        written = features.ids[0][features.second[0] : -1]
        assert kind.parsed([written], [TAGS], labels) == [(tags, False)]


def test_the_loss_is_on_the_answer_and_its_end_alone(folder: Path) -> None:
    kind, model = kind_of(folder, "xquad"), load_decoder(folder)
    rows = [SPAN, replace(SPAN, context="Germany: 68 seconds, 19 hours; France: 7 hours")]
    features = kind.features(rows, kind.encoder, (), 200)
    units = np.arange(2)
    batch = make_batch(features, units, 1, with_types=True)
    with torch.no_grad():
        found = float(kind.loss(kind.logits(model, batch), features, units))
        wanted = 0.0
        for row, start in zip(features.ids, features.second, strict=True):
            ids = torch.from_numpy(row.astype(np.int64))[None]
            known = model(input_ids=ids).logits[0].log_softmax(dim=-1)
            wanted -= sum(float(known[at - 1, ids[0, at]]) for at in range(start, len(row)))
    assert found == pytest.approx(wanted, abs=1e-4)
    assert kind.weights(features).tolist() == [2, 2], "the number, and the end"


def test_options_are_compared_with_and_without_their_length(folder: Path) -> None:
    scores = np.array([[-3.0, 1], [-4.0, 4], [-9.0, 9]], dtype=np.float32)
    for normalised, best in ((True, "neutral"), (False, "entailment")):
        kind = kind_of(folder, "xnli", length_normalised=normalised)
        assert kind.decode([scores], None, [PAIR], kind.task.labels) == [best]  # type: ignore[arg-type]


def test_a_prompt_that_is_too_long_loses_its_beginning_not_its_question(folder: Path) -> None:
    kind = kind_of(folder, "xquad", max_new_tokens=4)
    long = replace(SPAN, context="Paris is in France, " * 40 + SPAN.context)
    whole, cut = (kind.asked([row], (), 60).ids[0].tolist() for row in (SPAN, long))
    assert len(cut) == 60 - 4
    assert cut[0] == whole[0], "what begins every text"
    assert cut[-20:] == whole[-20:]


def test_solved_examples_stand_before_the_question(folder: Path) -> None:
    kind = replace(kind_of(folder, "xnli"), shots=[replace(PAIR, label="entailment")])
    shown = kind.encoder.text(kind.asked([PAIR], kind.task.labels, 500).ids[0].tolist())
    plain = kind_of(folder, "xnli").asked([PAIR], kind.task.labels, 500)
    assert len(shown) > 0
    assert kind.asked([PAIR], kind.task.labels, 500).ids.lengths[0] > 1.8 * plain.ids.lengths[0]


def test_a_chat_template_stands_around_the_request(folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    text = json.dumps({**settings, "chat_template": CHAT, "bos_token": "<s>"})
    (tmp_path / "tokenizer_config.json").write_text(text, encoding="utf-8")
    plain, chat = (kind_of(tmp_path, "xquad", chat_template=use) for use in (False, True))
    assert chat.encoder.end_id == 2, "a turn's end"
    shown = f"<s>user: {chat.template.asked(SPAN)}</s><s>assistant:"
    (asked,) = chat.encoder.ids([shown])
    assert chat.asked([SPAN], (), 200).ids[0].tolist() == asked.tolist()
    long = replace(SPAN, context="Paris is in France, " * 40 + SPAN.context)
    cut, (head,) = chat.asked([long], (), 90).ids[0].tolist(), chat.encoder.ids(["<s>user: "])
    assert cut[: len(head)] == head.tolist()
    assert cut[-20:] == asked[-20:].tolist()
    assert len(asked) > len(plain.asked([SPAN], (), 200).ids[0])


@pytest.mark.parametrize("in_files", [False, True])
def test_a_chat_template_is_chosen_by_its_name(
    folder: Path, tmp_path: Path, in_files: bool
) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    texts = {
        name: CHAT.replace("<s>{{", f"<s>{name} {{{{") for name in ("tool_use", "default", "rag")
    }

    def put(*names: str) -> None:
        listed = [{"name": name, "template": texts[name]} for name in names]
        given = {} if in_files else {"chat_template": listed}
        text = json.dumps({**settings, **given})
        (tmp_path / "tokenizer_config.json").write_text(text, encoding="utf-8")
        for name in names if in_files else ():
            file = tmp_path / "additional_chat_templates" / f"{name}.jinja"
            file.parent.mkdir(exist_ok=True)
            file.write_text(texts[name], encoding="utf-8")
        chat_of.cache_clear()

    def begins(name: str = "") -> str:
        chat = chat_of(tmp_path, name)
        assert chat is not None
        return chat.before

    put("rag")
    assert begins() == begins("rag") == "<s>rag user: "
    put("rag", "tool_use")
    with pytest.raises(ModelError, match="no chat template 'default'; it has 'rag', 'tool_use'"):
        load_prompt_encoder(tmp_path, chat=True)
    put("rag", "tool_use", "default")
    assert begins() == "<s>default user: "
    assert begins("tool_use") == "<s>tool_use user: "
    with pytest.raises(ModelError, match="no chat template 'rags'"):
        kind_of(tmp_path, "xquad", chat_template="rags")


@pytest.mark.parametrize("name", ["udpos", "panx"])
def test_every_tag_is_read_back_behind_every_other(shipped: Path, name: str) -> None:
    kind = kind_of(shipped, name)
    labels = kind.task.labels
    tags = tuple(tag for one in labels for other in labels for tag in (one, other))
    row = TaggedExample("t", ("Paris",) * len(tags), tags)
    features = kind.features([row], kind.encoder, labels, 10_000)
    written = features.ids[0][features.second[0] : -1]
    assert kind.parsed([written], [row], labels) == [(tags, True)]


def test_whether_an_option_s_end_counts_is_a_choice(folder: Path) -> None:
    without, counted = (
        kind_of(folder, "xnli", **values).asked([PAIR], TASKS["xnli"].labels, 200)
        for values in ({}, {"count_end_token": True})
    )
    end = kind_of(folder, "xnli").encoder.end_id
    for short, long in zip(without.ids, counted.ids, strict=True):
        assert long.tolist() == [*short.tolist(), end]
    assert without.second.tolist() == counted.second.tolist()
