"""Tests for stiltwalk.inference: batching changes nothing, vectors come from the right block."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rows import WITH_HEAD, Set, predict, small_set
from stiltwalk.errors import ModelError, NotFinite
from stiltwalk.features.rows import Ragged, concatenated
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.heads.head import Batch, make_batch, uses_types
from stiltwalk.inference.engine import FINAL_NORM_FAMILIES, Engine, block_at, sentence_vectors
from stiltwalk.inference.predictor import outputs
from stiltwalk.models import checkpoint, device
from stiltwalk.models.checkpoint import FAMILIES, Model
from stiltwalk.records import TaskType

LINES = [
    "Paris",
    "Tokyo is in Japan, Nairobi is in Kenya",
    "韩国、德国",
    "понедельник, вторник, Россия, Германия, двенадцать километров" * 2,
    "",
    "84 hours",
]
TOLERANCE = 1e-4


def logits_of(given: Set, batch_tokens: int, order: NDArray[np.int64]) -> list[NDArray[np.float32]]:
    """Return every row's logits on its real tokens, with the examples in some order."""
    encoder = load_text_encoder(given.folder)
    examples = [given.examples[position] for position in order]
    features = given.kind.features(examples, encoder, given.labels, 96)

    def forward(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        logits = given.kind.logits(model, batch).numpy()
        lengths = features.ids.lengths[rows]
        if logits.ndim == 2:
            return list(logits)
        return [row[:length] for row, length in zip(logits, lengths, strict=True)]

    engine = Engine(model=given.model, pad_id=given.pad_id, batch_tokens=batch_tokens)
    found, _ = engine.map_rows(features, forward)
    per_example = features.num_rows // len(examples)
    where = {int(position): at for at, position in enumerate(order)}
    return [
        found[where[number] * per_example + row]
        for number in range(len(order))
        for row in range(per_example)
    ]


SETS: dict[tuple[TaskType, str], tuple[Set, list[NDArray[np.float32]]]] = {}


@pytest.mark.parametrize("kind", WITH_HEAD)
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch_tokens=st.integers(16, 4000), seed=st.integers(0, 99))
def test_batch_size_order_and_neighbours_change_no_logit(
    kind: TaskType, family: Path, batch_tokens: int, seed: int
) -> None:
    if (kind, family.name) not in SETS:
        made = small_set(kind, family)
        SETS[kind, family.name] = made, logits_of(made, 1, np.arange(12))  # every row alone
    prepared, alone = SETS[kind, family.name]
    order = np.random.default_rng(seed).permutation(12)
    for together, single in zip(logits_of(prepared, batch_tokens, order), alone, strict=True):
        np.testing.assert_allclose(together, single, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_batch_size_changes_no_answer(kind: TaskType, family: Path) -> None:
    given = small_set(kind, family)
    found = [
        predict(
            Engine(model=given.model, pad_id=given.pad_id, batch_tokens=tokens),
            given.kind,
            given.features,
            given.examples,
            given.labels,
        )[0]
        for tokens in (1, 100, 4096)
    ]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_logits_are_those_of_transformers_row_by_row(kind: TaskType, family: Path) -> None:
    given = small_set(kind, family)
    found = logits_of(given, 2000, np.arange(12))
    with torch.no_grad():
        for row, ids in enumerate(given.features.ids):
            types = (np.arange(len(ids)) >= given.features.second[row]).astype(int)
            inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
            if uses_types(given.model):
                inputs["token_type_ids"] = types
            tensors = {name: torch.tensor(each[None]).long() for name, each in inputs.items()}
            if kind is TaskType.CHOICE:
                tensors = {name: each[None] for name, each in tensors.items()}
            alone = given.model(**tensors)
            logits = (
                torch.stack([alone.start_logits, alone.end_logits], dim=-1)
                if kind is TaskType.SPAN
                else alone.logits
            )
            np.testing.assert_allclose(found[row], logits[0].numpy(), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("kind", [TaskType.PAIR, TaskType.CHOICE])
def test_the_last_block_sees_first_tokens_alone_and_answers_the_same(
    kind: TaskType, family: Path
) -> None:
    given = small_set(kind, family)
    widths: list[int] = []
    last = next(
        each
        for each in reversed(list(given.model.modules()))
        if type(each) is torch.nn.Linear
        and each.in_features == getattr(given.model.config, "intermediate_size", None)
    )
    with last.register_forward_hook(lambda _, __, found: widths.append(found.shape[1])):
        engine = Engine(model=given.model, pad_id=given.pad_id, batch_tokens=200)
        found = outputs(engine, given.kind, given.features)[0]
    expected = logits_of(given, 200, np.arange(12))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.reshape(one.shape), atol=TOLERANCE, rtol=0)
    is_cut = given.model.config.model_type in FAMILIES
    assert (set(widths) == {1}) is is_cut


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_rows_that_recur_are_run_once_and_answered_alike(kind: TaskType, tiny_xlmr: Path) -> None:
    given = small_set(kind, tiny_xlmr)
    twice = concatenated([given.features, given.features])
    engine = Engine(model=given.model, pad_id=given.pad_id)
    seen: list[int] = []

    def forward(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        seen.extend(rows.tolist())
        return given.kind.outputs(model, batch, twice, rows)

    found, costs = engine.map_rows(twice, forward, first_equal=twice.first_equal())
    num_rows = given.features.num_rows
    assert sorted(set(seen)) == sorted(seen)
    assert max(seen) < num_rows
    every, _ = engine.map_rows(twice, forward)
    assert not costs.real_tokens[num_rows:].any()
    assert not costs.time_s[num_rows:].any()
    for one, other in zip(found, every, strict=True):
        np.testing.assert_allclose(one, other, atol=TOLERANCE, rtol=0)


def test_equal_ids_of_other_words_or_characters_are_not_the_same_row(tiny_xlmr: Path) -> None:
    tags = small_set(TaskType.TAGGING, tiny_xlmr).features
    assert tags.words is not None
    moved = Ragged(tags.words.values + 1, tags.words.starts)
    both = concatenated([tags, replace(tags, words=moved)])
    assert both.first_equal()[tags.num_rows] >= tags.num_rows
    windows = small_set(TaskType.SPAN, tiny_xlmr).features
    for name in ("offsets", "answer_starts"):
        known = getattr(windows, name)
        moved = Ragged(known.values + 1, known.starts)
        both = concatenated([windows, replace(windows, **{name: moved})])
        assert both.first_equal()[windows.num_rows] >= windows.num_rows


def test_a_device_without_bf16_predicts_in_fp32_and_says_so_once(
    tiny_xlmr: Path, believe: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    given = small_set(TaskType.PAIR, tiny_xlmr)
    believe()
    device.say_once.cache_clear()
    exact, wished = (
        Engine(model=given.model, pad_id=given.pad_id, precision=precision)
        for precision in ("fp32", "bf16")
    )
    expected = outputs(exact, given.kind, given.features)[0]
    for _ in range(2):
        found = outputs(wished, given.kind, given.features)[0]
        assert all((one == other).all() for one, other in zip(found, expected, strict=True))
    assert [record.getMessage() for record in caplog.records if "bf16" in record.getMessage()] == [
        "This cpu has no bf16 arithmetic, so predictions are made in fp32: the same answers or "
        "better, at its speed."
    ]


def test_a_head_of_more_than_a_layer_tags_the_same_and_says_so_once(
    tiny_xlmr: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = small_set(TaskType.TAGGING, tiny_xlmr)
    engine = Engine(model=given.model, pad_id=given.pad_id)
    expected = outputs(engine, given.kind, given.features)[0]
    device.say_once.cache_clear()
    model = deepcopy(given.model)
    model.classifier = torch.nn.Sequential(model.classifier)
    for _ in range(2):
        found = outputs(replace(engine, model=model), given.kind, given.features)[0]
        assert all((one == other).all() for one, other in zip(found, expected, strict=True))
    assert [record.getMessage() for record in caplog.records] == [
        "The head of XLMRobertaForTokenClassification is more than one linear layer, so it runs on "
        "all tokens, not on the words' first alone: the same tags, a little later."
    ]


def test_an_accelerator_s_budget_follows_its_free_memory(
    tiny_xlmr: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_set(TaskType.PAIR, tiny_xlmr).model.config
    found = []
    for free_bytes in (1, 20_000_000, 10**12):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free_bytes: (free, 0))
        found.append(device.batch_tokens(config, torch.device("cuda")))
    assert found[0] == device.CPU_BATCH_TOKENS < found[1] < found[2] == device.MOST_BATCH_TOKENS
    assert device.batch_tokens(config, torch.device("cpu")) == device.CPU_BATCH_TOKENS


@pytest.mark.parametrize("kind", WITH_HEAD)
def test_devices_that_share_the_batches_answer_as_one_does(kind: TaskType, tiny_xlmr: Path) -> None:
    given = small_set(kind, tiny_xlmr)
    alone = Engine(model=given.model, pad_id=given.pad_id, batch_tokens=100)
    together = replace(alone, devices=(torch.device("cpu"),) * 3)
    (expected, once), (found, shared) = (
        outputs(engine, given.kind, given.features) for engine in (alone, together)
    )
    assert all((one == other).all() for one, other in zip(found, expected, strict=True))
    assert shared.padded_tokens.tolist() == once.padded_tokens.tolist()


def test_an_error_on_one_of_several_devices_is_not_lost(tiny_xlmr: Path) -> None:
    given = small_set(TaskType.PAIR, tiny_xlmr)
    engine = Engine(
        model=given.model, pad_id=given.pad_id, batch_tokens=100, devices=(torch.device("cpu"),) * 2
    )

    def fail(*_: object) -> list[NDArray[Any]]:
        raise ModelError("no room")

    with pytest.raises(ModelError, match="no room"):
        engine.map_rows(given.features, fail)


def test_answers_of_joined_languages_are_those_of_each_alone(tiny_xlmr: Path) -> None:
    given = small_set(TaskType.TAGGING, tiny_xlmr)
    engine = Engine(model=given.model, pad_id=given.pad_id)
    whole = concatenated([given.features, given.features])
    twice, _ = predict(engine, given.kind, whole, [*given.examples] * 2, given.labels)
    once, _ = predict(engine, given.kind, given.features, given.examples, given.labels)
    assert list(twice) == [*once, *once]


def test_costs_count_what_each_row_took(tiny_xlmr: Path) -> None:
    given = small_set(TaskType.PAIR, tiny_xlmr)
    ticks: list[int] = []
    engine = Engine(model=given.model, pad_id=given.pad_id, batch_tokens=100, tick=ticks.append)
    _, costs = predict(engine, given.kind, given.features, given.examples, given.labels)
    assert costs.real_tokens.tolist() == given.features.ids.lengths.tolist()
    assert (costs.padded_tokens >= costs.real_tokens).all()
    assert (costs.time_s > 0).all()
    assert sum(ticks) == given.features.num_rows
    assert costs.of(slice(0, 2)).real_tokens.tolist() == costs.real_tokens[:2].tolist()


def test_the_model_is_put_in_its_answering_mode(tiny_xlmr: Path) -> None:
    given = small_set(TaskType.PAIR, tiny_xlmr)
    given.model.train()
    engine = Engine(model=given.model, pad_id=given.pad_id)
    first, second = (
        engine.map_rows(given.features, lambda m, b, _: list(m(**b.inputs()).logits.numpy()))[0]
        for _ in range(2)
    )
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


# --- sentence vectors --------------------------------------------------------------------------


def reference(folder: Path, block: int) -> NDArray[np.float32]:
    """Return each line's mean over all its tokens of `hidden_states[block]`, line by line."""
    model = transformers.AutoModel.from_pretrained(folder).eval()
    encoder = load_text_encoder(folder)
    found = []
    for ids in encoder.ids(LINES):
        row = torch.tensor([encoder.single(ids).tolist()])
        with torch.no_grad():
            states = model(
                input_ids=row, attention_mask=torch.ones_like(row), output_hidden_states=True
            ).hidden_states
        found.append(states[block][0].mean(dim=0).numpy())
    return np.array(found)


@pytest.mark.parametrize("block", [1, 2])
@pytest.mark.parametrize("batch_tokens", [1, 4096])
def test_vectors_are_means_over_all_tokens_of_the_block_s_output(
    family: Path, block: int, batch_tokens: int
) -> None:
    whole = checkpoint.load(TaskType.RETRIEVAL, family)
    encoder = load_text_encoder(family)
    features = line_features(LINES, encoder, 128)
    engine = Engine(model=whole, pad_id=encoder.pad_id, batch_tokens=batch_tokens)
    vectors, costs = sentence_vectors(engine, features, block)
    assert vectors.shape == (len(LINES), 32)
    np.testing.assert_allclose(vectors, reference(family, block), atol=1e-5, rtol=0)
    assert costs.real_tokens.tolist() == features.ids.lengths.tolist()


def test_blocks_that_are_not_read_are_not_run_and_change_nothing(family: Path) -> None:
    encoder = load_text_encoder(family)
    rows = np.arange(len(LINES))
    batch = make_batch(line_features(LINES, encoder, 128), rows, encoder.pad_id, with_types=False)
    whole = checkpoint.load(TaskType.RETRIEVAL, family)
    if whole.config.model_type in FINAL_NORM_FAMILIES:
        pytest.skip("these families are never cut: their last block is followed by a norm")
    cut = checkpoint.load(TaskType.RETRIEVAL, family, num_blocks=1)
    assert sum(p.numel() for p in cut.parameters()) < sum(p.numel() for p in whole.parameters())
    with torch.no_grad():
        both = [m(**batch.inputs(), output_hidden_states=True).hidden_states for m in (cut, whole)]
    assert len(both[0]) == 2
    real = batch.attention_mask_RT.bool()
    assert torch.equal(both[0][1][real], both[1][1][real])


def test_a_family_with_a_final_norm_is_known(families: dict[str, Path]) -> None:
    """Cut after its first block, ModernBERT would end in the norm, and give another vector."""
    encoder = load_text_encoder(families["modernbert"])
    features = line_features(LINES, encoder, 128)
    cut = checkpoint.load(TaskType.RETRIEVAL, families["modernbert"], num_blocks=1)
    vectors, _ = sentence_vectors(Engine(model=cut, pad_id=encoder.pad_id), features, 1)
    assert np.abs(vectors - reference(families["modernbert"], 1)).max() > 0.01
    assert "modernbert" in FINAL_NORM_FAMILIES


@pytest.mark.parametrize(
    ("depth", "blocks", "expected"),
    [
        (14 / 24, 24, 14),
        (14 / 24, 12, 7),
        (14 / 24, 3, 2),
        (14 / 24, 1, 1),
        (0.01, 12, 1),
        (1, 6, 6),
    ],
)
def test_the_block_is_at_the_same_relative_depth(depth: float, blocks: int, expected: int) -> None:
    assert block_at(depth, blocks) == expected


def test_rows_longer_than_the_model_s_positions_are_refused_in_words(tiny_xlmr: Path) -> None:
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    encoder = load_text_encoder(tiny_xlmr)
    room = model.config.max_position_embeddings - model.config.pad_token_id - 1
    features = line_features(["Paris " * 5000], encoder, room)
    sentence_vectors(Engine(model=model, pad_id=encoder.pad_id), features, 1)
    features = line_features(["Paris " * 5000], encoder, room + 1)
    with pytest.raises(ModelError, match=f"has {room + 1} tokens, but .* takes {room}"):
        sentence_vectors(Engine(model=model, pad_id=encoder.pad_id), features, 1)


KINDS_OF_HEADS = [TaskType.PAIR, TaskType.CHOICE, TaskType.TAGGING, TaskType.SPAN]


@pytest.mark.parametrize("kind", KINDS_OF_HEADS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_answers_that_are_no_numbers_are_refused_with_their_row(
    kind: TaskType, value: float, tiny_xlmr: Path
) -> None:
    given = small_set(kind, tiny_xlmr)
    ids, table_VD, row = given.features.ids, given.model.get_input_embeddings().weight, 3
    token = np.setdiff1d(np.arange(len(table_VD)), ids.values)[-1]
    ids.values[ids.starts[row] + 1] = token
    with torch.no_grad():
        table_VD[token] = value
    engine = Engine(model=given.model, pad_id=given.pad_id, batch_tokens=10_000)
    with pytest.raises(NotFinite, match="is not finite") as caught:
        outputs(engine, given.kind, given.features)
    assert caught.value.row == row


def test_sentence_vectors_that_are_no_numbers_are_refused(tiny_xlmr: Path) -> None:
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    encoder = load_text_encoder(tiny_xlmr)
    features = line_features(LINES, encoder, 64)
    with torch.no_grad():
        model.encoder.layer[0].output.dense.bias[0] = torch.nan
    with pytest.raises(NotFinite):
        sentence_vectors(Engine(model=model, pad_id=encoder.pad_id), features, 1)
