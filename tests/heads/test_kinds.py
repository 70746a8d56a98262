"""Tests for stiltwalk.heads: each kind's loss, gradients and answers, and what is exported."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import save_file

from rows import LABELS, WITH_HEAD, Set, predict, small_set
from stiltwalk.errors import ModelError
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads import HEADS
from stiltwalk.heads.head import Batch, make_batch, uses_types
from stiltwalk.inference.engine import Engine
from stiltwalk.models import checkpoint
from stiltwalk.records import (
    ChoiceExample,
    PairExample,
    SpanExample,
    TaggedExample,
    TaskType,
    TextExample,
)

each_kind = pytest.mark.parametrize("kind", WITH_HEAD)


def batch_of(given: Set, units: NDArray[np.int64]) -> Batch:
    rows = given.features.rows_of(units)
    return make_batch(given.features, rows, given.pad_id, with_types=uses_types(given.model))


def mean_loss(given: Set, cuts: Sequence[NDArray[np.int64]]) -> torch.Tensor:
    """Return the mean over loss terms, added up cut by cut."""
    weights = given.kind.weights(given.features)
    total = int(weights[np.concatenate(list(cuts))].sum())
    parts = [
        given.kind.loss(given.kind.logits(given.model, batch_of(given, u)), given.features, u)
        for u in cuts
    ]
    return torch.stack(parts).sum() / total


@each_kind
def test_the_loss_falls_in_a_few_steps(kind: TaskType, family: Path) -> None:
    given = small_set(kind, family)
    given.model.train()
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(given.model.parameters(), lr=3e-3)
    units = np.arange(given.features.num_units)
    losses = []
    for _ in range(25):
        loss = mean_loss(given, [units])
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]


@each_kind
@pytest.mark.parametrize("sizes", [(1,) * 11, (5, 6), (2, 3, 1, 5)])
def test_gradients_of_an_effective_batch_are_equal_however_it_is_cut(
    kind: TaskType, sizes: tuple[int, ...], tiny_xlmr: Path
) -> None:
    given = small_set(kind, tiny_xlmr)
    units = np.random.default_rng(0).permutation(given.features.num_units)[: sum(sizes)]

    def gradients(cuts: Sequence[NDArray[np.int64]]) -> dict[str, torch.Tensor]:
        given.model.zero_grad()
        mean_loss(given, cuts).backward()
        named = given.model.named_parameters()
        return {name: p.grad.clone() for name, p in named if p.grad is not None}

    whole = gradients([units])
    cut = gradients(np.split(units, np.cumsum(sizes)[:-1]))
    assert whole.keys() == cut.keys()
    for name, gradient in whole.items():
        torch.testing.assert_close(cut[name], gradient, atol=1e-6, rtol=1e-4)
    assert max(float(gradient.abs().max()) for gradient in whole.values()) > 1e-3


@each_kind
def test_the_loss_is_what_transformers_computes(kind: TaskType, tiny_xlmr: Path) -> None:
    """For batches without padding of a span, the model's own loss is the same mean."""
    given = small_set(kind, tiny_xlmr)
    units = np.array([0])
    batch, features = batch_of(given, units), given.features
    inputs: dict[str, Any] = batch.inputs()
    match kind:
        case TaskType.TEXT | TaskType.PAIR:
            inputs["labels"] = torch.tensor(features.labels[0], dtype=torch.long)
        case TaskType.CHOICE:
            inputs = {name: tensor[None] for name, tensor in inputs.items()}
            inputs["labels"] = torch.tensor(features.labels[0], dtype=torch.long)
        case TaskType.TAGGING:
            gold = torch.full_like(batch.input_ids_RT, -100)
            assert features.words is not None
            gold[0, torch.from_numpy(features.words[0]).long()] = torch.tensor(
                features.labels[0], dtype=torch.long
            )
            inputs["labels"] = gold
        case _:
            first, last = features.labels[0].tolist()
            inputs["start_positions"] = torch.tensor([first])
            inputs["end_positions"] = torch.tensor([last])
    with torch.no_grad():
        theirs = float(given.model(**inputs).loss)
        ours = float(mean_loss(given, [units]))
    assert ours == pytest.approx(theirs, abs=1e-5)


@each_kind
def test_answers_have_the_form_of_xtreme_s_files(kind: TaskType, family: Path) -> None:
    given = small_set(kind, family)
    engine = Engine(model=given.model, pad_id=given.pad_id)
    answers, costs = predict(engine, given.kind, given.features, given.examples, given.labels)
    assert len(answers) == len(given.examples)
    assert costs.real_tokens.sum() == given.features.ids.lengths.sum()
    for number, example in enumerate(given.examples):
        match example:
            case TextExample():
                assert answers[number] in LABELS[TaskType.TEXT]
            case PairExample():
                assert answers[number] in LABELS[TaskType.PAIR]
            case ChoiceExample():
                assert answers[number] in {"0", "1", "2"}
            case TaggedExample():
                assert len(answers[number]) == len(example.words)
                assert set(answers[number]) <= set(LABELS[TaskType.TAGGING])
            case SpanExample():
                assert answers[example.id] in example.context


@each_kind
def test_a_kept_checkpoint_loads_with_stock_from_pretrained_and_gives_the_same_logits(
    kind: TaskType, family: Path, tmp_path: Path
) -> None:
    given = small_set(kind, family)
    checkpoint.save(given.model, tmp_path / "kept", tokenizer_from=family)
    stock_class = {
        TaskType.TEXT: transformers.AutoModelForSequenceClassification,
        TaskType.PAIR: transformers.AutoModelForSequenceClassification,
        TaskType.CHOICE: transformers.AutoModelForMultipleChoice,
        TaskType.TAGGING: transformers.AutoModelForTokenClassification,
        TaskType.SPAN: transformers.AutoModelForQuestionAnswering,
    }[kind]
    stock, report = stock_class.from_pretrained(tmp_path / "kept", output_loading_info=True)
    assert not any(report.values()), report
    assert type(stock) is type(given.model)
    batch = batch_of(given, np.arange(given.features.num_units))
    with torch.no_grad():
        ours, theirs = given.kind.logits(given.model, batch), given.kind.logits(stock.eval(), batch)
    assert torch.equal(ours, theirs)
    if given.labels:
        assert tuple(stock.config.id2label.values()) == given.labels
    again = checkpoint.load(kind, tmp_path / "kept")
    with torch.no_grad():
        assert torch.equal(given.kind.logits(again, batch), ours)


def test_a_kept_checkpoint_s_tokenizer_loads_with_stock_from_pretrained(
    family: Path, tmp_path: Path
) -> None:
    given = small_set(TaskType.PAIR, family)
    checkpoint.save(given.model, tmp_path / "kept", tokenizer_from=family)
    stock = transformers.AutoTokenizer.from_pretrained(tmp_path / "kept")
    first: PairExample = given.examples[0]
    assert stock(first.text_a, first.text_b)["input_ids"] == given.features.ids[0].tolist()


@each_kind
def test_a_fresh_head_stands_on_the_encoder_s_own_weights(kind: TaskType, family: Path) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, family)
    model = checkpoint.with_head(encoder, kind, LABELS[kind], seed=1)
    own = {id(parameter) for parameter in encoder.parameters()}
    shared = [p for p in model.base_model.parameters() if id(p) in own]
    assert len(shared) == len(list(model.base_model.parameters()))


def test_a_fresh_head_follows_from_its_seed_alone(tiny_xlmr: Path) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)

    def head(seed: int) -> torch.Tensor:
        model = checkpoint.with_head(encoder, TaskType.PAIR, LABELS[TaskType.PAIR], seed=seed)
        weight: torch.Tensor = model.classifier.dense.weight
        return weight

    assert torch.equal(head(1), head(1))
    assert not torch.equal(head(1), head(2))


@pytest.mark.parametrize("is_hidden", [False, True])
def test_a_tagging_head_sees_first_sub_words_alone_where_it_is_one_known_layer(
    family: Path, is_hidden: bool
) -> None:
    given = small_set(TaskType.TAGGING, family)
    features, rows = given.features, np.array([5, 0, 7])
    batch = batch_of(given, rows)
    assert features.words is not None
    with torch.no_grad():
        best_RT = given.kind.logits(given.model, batch).argmax(dim=-1).numpy()
        seen: list[int] = []
        given.model.classifier.register_forward_hook(
            lambda _, given, __: seen.append(given[0][..., 0].numel())
        )
        if is_hidden:
            given.model.classifier = torch.nn.Sequential(given.model.classifier)
        found = given.kind.outputs(given.model, batch, features, rows)
    num_words = [len(features.words[row]) for row in rows]
    assert seen == [best_RT.size if is_hidden else sum(num_words)]
    assert best_RT.size > sum(num_words)
    assert [len(each) for each in found] == num_words
    for at, row in enumerate(rows):
        assert found[at].tolist() == best_RT[at, features.words[row]].tolist()


@pytest.mark.parametrize("kind", [TaskType.SPAN, TaskType.CHOICE])
def test_a_base_that_was_a_classifier_of_three_gets_an_ordinary_head(
    kind: TaskType, family: Path
) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, family)
    encoder.config.num_labels = 3
    model = checkpoint.with_head(encoder, kind, (), seed=1)
    given = small_set(kind, family)
    batch = batch_of(given, np.arange(3))
    with torch.no_grad():
        logits = given.kind.logits(model, batch)
    assert logits.shape[-1] == (2 if kind is TaskType.SPAN else 1)


def test_an_encoder_keeps_its_pooler_through_a_phase_that_does_not_use_it(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    encoder = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    checkpoint.with_head(encoder, TaskType.SPAN, (), seed=1)
    checkpoint.save(encoder, tmp_path / "kept", tokenizer_from=tiny_xlmr)
    again = checkpoint.load(TaskType.RETRIEVAL, tmp_path / "kept", seed=99)
    assert torch.equal(again.pooler.dense.weight, encoder.pooler.dense.weight)


def test_types_tell_the_texts_apart_where_the_model_has_them(families: dict[str, Path]) -> None:
    given = small_set(TaskType.PAIR, families["bert"])
    encoder = load_text_encoder(families["bert"])
    first: PairExample = given.examples[1]
    stock = encoder._tokenizer.encode(first.text_a, first.text_b)
    batch = batch_of(given, np.array([1]))
    assert batch.token_type_ids_RT is not None
    assert batch.token_type_ids_RT[0].tolist() == stock.type_ids
    assert batch_of(
        small_set(TaskType.PAIR, families["xlm-roberta"]), np.array([1])
    ).inputs().keys() == {
        "input_ids",
        "attention_mask",
    }


def test_every_task_type_has_a_head_but_retrieval() -> None:
    assert HEADS.keys() == set(TaskType) - {TaskType.RETRIEVAL}


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "xlm-roberta"}', encoding="utf-8")
    with pytest.raises(ModelError, match="it describes no encoder that is known here"):
        checkpoint.load(TaskType.RETRIEVAL, tmp_path)


def test_damaged_weights_are_named(tiny_xlmr: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_xlmr / name).read_bytes())
    whole = (tiny_xlmr / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=str(tmp_path)):
        checkpoint.load(TaskType.RETRIEVAL, tmp_path)


def test_weights_of_another_model_are_refused_and_never_drawn_at_random(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tiny_xlmr, tmp_path / "model"))
    save_file({"elsewhere.weight": torch.zeros(2)}, folder / "model.safetensors")
    with pytest.raises(ModelError, match=r"weights lack \d+ of what .*such as embeddings"):
        checkpoint.load(TaskType.RETRIEVAL, folder)


@pytest.mark.parametrize(("said", "number"), [(" (os error 28)", errno.ENOSPC), ("", errno.EIO)])
def test_weights_that_cannot_be_written_fail_as_any_file_does(
    tiny_xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, number: int
) -> None:
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)

    def full(*_: object, **__: object) -> None:
        raise SafetensorError(f"Error while serializing: I/O error{said}")

    monkeypatch.setattr(type(model), "save_pretrained", full)
    with pytest.raises(OSError, match="I/O error") as caught:
        checkpoint.save(model, tmp_path, tokenizer_from=tiny_xlmr)
    assert caught.value.errno == number


def test_shuffling_moves_every_row_but_the_kept_ones(tiny_xlmr: Path) -> None:
    before = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr).get_input_embeddings().weight.detach()
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    kept = [0, 2, 3, 17]
    checkpoint.shuffle_word_embeddings(model, kept, seed=1)
    after = model.get_input_embeddings().weight.detach()
    assert torch.equal(after[kept], before[kept])
    assert torch.equal(after.sort(dim=0).values, before.sort(dim=0).values)
    assert (after != before).any(dim=1).float().mean() > 0.9
