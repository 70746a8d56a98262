"""Tests for stiltwalk.inference.engines: whatever computes an encoder, heads answer the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

from rows import WITH_HEAD, Set, small_set
from stiltwalk.errors import ModelError, RecipeError
from stiltwalk.features.sentences import line_features
from stiltwalk.features.text import load_text_encoder
from stiltwalk.inference.engine import Engine, sentence_vectors
from stiltwalk.inference.engines import (
    EngineChoice,
    hosted,
    is_installed,
    kept_below,
    require_engine,
    trial,
)
from stiltwalk.inference.predictor import outputs
from stiltwalk.models import checkpoint
from stiltwalk.recipe.types import EngineName, EngineSettings, Format
from stiltwalk.records import TaskType

EXACT = [
    pytest.param("openvino", id="openvino"),
    pytest.param("onnxruntime", id="onnxruntime", marks=pytest.mark.slow),
    pytest.param("torch-compiled", id="torch-compiled", marks=pytest.mark.slow),
]
SetSpeeds = Callable[[dict[str, float]], None]
LINES = ["Paris", "Tokyo is in Japan, Nairobi is in Kenya", "韩国、德国", "84 hours"]


def chosen(name: str, format_: Format = "fp32") -> EngineChoice:
    """Return an engine on one thread, or skip where it is not installed."""
    if not is_installed(name):
        pytest.skip(f"{name} is not installed")
    return EngineChoice(name=name, format=format_, num_threads=1)


def found(given: Set, engine: Engine) -> np.ndarray:
    """Return what a head makes of every row, behind one another."""
    rows, _ = outputs(engine, given.kind, given.features)
    return np.concatenate([np.ravel(row) for row in rows])


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("kind", WITH_HEAD)
def test_an_engine_in_fp32_gives_torchs_outputs(
    name: str, kind: TaskType, family: Path, tmp_path: Path
) -> None:
    given = small_set(kind, family)
    reads = getattr(given.kind, "reads_first_token", False)
    keep = kept_below(tmp_path, family, kind)
    model = hosted(given.model, chosen(name), keep, reads_first_token=reads)
    torchs = Engine(model=given.model, pad_id=given.pad_id)
    wanted = found(given, torchs)
    for each in (model, deepcopy(model)):  # a clock moves models
        got = found(given, Engine(model=each, pad_id=given.pad_id))
        np.testing.assert_allclose(got, wanted, atol=1e-4, rtol=0)
    np.testing.assert_array_equal(found(given, torchs), wanted)  # the given model is as it was


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("block", [1, 2])
def test_an_engine_gives_the_vectors_of_the_block_that_is_read(
    name: str, block: int, family: Path, tmp_path: Path
) -> None:
    encoder, model = load_text_encoder(family), checkpoint.load(TaskType.RETRIEVAL, family)
    features = line_features(LINES, encoder, 32)
    host = hosted(model, chosen(name), kept_below(tmp_path, family, block), block=block)
    wanted, got = (
        sentence_vectors(Engine(model=each, pad_id=encoder.pad_id), features, block)[0]
        for each in (model, host)
    )
    np.testing.assert_allclose(got, wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "format_"), [("torch", "int8"), ("openvino", "int8"), ("openvino", "bf16")]
)
def test_narrow_formats_are_near_and_not_equal(
    name: str, format_: Format, family: Path, tmp_path: Path
) -> None:
    given = small_set(TaskType.PAIR, family)
    model = hosted(given.model, chosen(name, format_), kept_below(tmp_path, family))
    wanted, got = (
        found(given, Engine(model=each, pad_id=given.pad_id)) for each in (given.model, model)
    )
    assert 0 <= np.abs(got - wanted).max() < 0.1
    assert format_ == "bf16" or (got != wanted).any()


def test_a_conversion_is_made_once_and_again_where_it_or_the_checkpoint_changed(
    tiny_xlmr: Path, tmp_path: Path
) -> None:
    written: list[Path] = []

    def write(folder: Path) -> None:
        written.append(folder)
        (folder / "weights").write_text("converted", encoding="utf-8")

    keep = kept_below(tmp_path, tiny_xlmr)
    assert keep("one", write) == kept_below(tmp_path, tiny_xlmr)("one", write)
    assert len(written) == 1
    (keep("one", write) / "weights").write_text("broken", encoding="utf-8")
    assert (keep("one", write) / "weights").read_text(encoding="utf-8") == "converted"
    keep("other", write)
    kept_below(tmp_path, tiny_xlmr, "another fact")("one", write)
    assert len(written) == 4


def test_an_engine_that_cannot_take_a_model_says_so(
    tiny_xlmr: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("no such operation\nand much more")

    monkeypatch.setattr("stiltwalk.inference.engines.int8.prepared", broken)
    model = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr)
    with pytest.raises(ModelError, match=r"ValueError: no such operation\)\. Leave engine out"):
        hosted(model, chosen("torch", "int8"), kept_below(tmp_path, tiny_xlmr))


def test_an_engine_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stiltwalk.inference.engines.find_spec", lambda _: None)
    with pytest.raises(RecipeError, match=r"pip install 'stiltwalk\[openvino\]'"):
        require_engine(EngineSettings(name="openvino"))


@pytest.fixture
def quick_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[dict[str, float]], None]:
    """Let each engine have a speed of its own, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tried: list[str] = []

    def speeds(by_name: dict[str, float]) -> None:
        def runner(_model: object, choice: EngineChoice, _aside: Path) -> Callable[[], float]:
            tried.append(choice.says)
            speed = by_name.get(f"{choice.name} {choice.format}", 0.5)
            speed *= 1.5 if choice.batch_tokens == by_name.get("tokens") else 1.0
            return lambda: speed

        monkeypatch.setattr(trial, "_runner", runner)
        monkeypatch.setattr(trial, "is_installed", lambda _: True)

    return speeds


def test_auto_ranks_what_is_faster_than_torch_and_knows_it_from_then_on(
    tiny_xlmr: Path, tmp_path: Path, quick_clock: SetSpeeds
) -> None:
    config = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr).config
    quick_clock({"torch fp32": 1.0, "openvino fp32": 2.0, "onnxruntime fp32": 1.4, "tokens": 2048})
    first = trial.trial(config, ("fp32",), 2)
    assert [each.says for each in first.ranked] == [
        "openvino in fp32, 2 threads",
        "openvino in fp32, 2 threads",
        "onnxruntime in fp32, 2 threads",
        "torch in fp32, 2 threads",
    ]
    assert [each.batch_tokens for each in first.ranked] == [2048, None, None, None]
    assert first.gains == (3.0, 2.0, 1.4, 1.0)
    quick_clock({})
    assert trial.trial(config, ("fp32",), 2).ranked == first.ranked
    kept = json.loads((tmp_path / "stiltwalk" / "engines.json").read_text(encoding="utf-8"))
    assert len(kept.keys() - {"checksum"}) == 1


def test_auto_keeps_torch_where_nothing_gains_more_than_two_percent(
    tiny_xlmr: Path, quick_clock: SetSpeeds
) -> None:
    config = checkpoint.load(TaskType.RETRIEVAL, tiny_xlmr).config
    quick_clock({"torch fp32": 1.0, "openvino fp32": 1.015})
    assert [each.name for each in trial.trial(config, ("fp32",), 1).ranked] == ["torch"]


@pytest.mark.parametrize("name", ["torch", "auto"])
def test_a_trial_ends_on_a_model_that_nobody_has_trained(
    name: EngineName, family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(trial, "_MOST_S", 0.5)
    if name == "torch":
        monkeypatch.setattr(trial, "is_installed", "torch".__eq__)
    found = trial.trial(checkpoint.load(TaskType.RETRIEVAL, family).config, ("fp32", "bf16"), 1)
    assert found.ranked[-1] == EngineChoice(name="torch", format="fp32", num_threads=1)
