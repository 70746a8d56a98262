"""Files that others wrote, in any state: they are used, or refused in a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

import stiltwalk
from stiltwalk.data import mewslix, xquad_r
from stiltwalk.data.source import Place
from stiltwalk.errors import StiltwalkError
from stiltwalk.execution.progress import read_status
from stiltwalk.models.locate import locate
from stiltwalk.recipe.load import parse_recipe, read_recipe
from stiltwalk.recipe.schema import ModelSettings
from stiltwalk.records import Split
from stiltwalk.stages.encoder import Base
from stiltwalk.store.manifest import read_record
from stiltwalk.store.workspace import MARKER, Workspace

CASES = int(os.environ.get("STILTWALK_FUZZ_CASES", "300")) // 5
LONGEST_SENTENCE = 3000
fuzzed = settings(
    max_examples=CASES,
    deadline=timedelta(seconds=10),
    suppress_health_check=list(HealthCheck),
    database=None,
)

NAMES = st.sampled_from(
    ["../../outside", "/etc/passwd", "", ".", "a/b", "x" * 300, "\x00", "nul\nl", "model", "none"]
)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70), st.floats(), st.sampled_from([10**9, 10**300, -1, 0, True])
)
LEAVES = st.one_of(st.none(), NUMBERS, NAMES, st.text(max_size=20), st.just("x" * 10**5))
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
DEEP = st.sampled_from(["[" * 10**5, '{"a":' * 10**5, "", "\ufeff", "\x00" * 64, "nan", '"'])


def changed(draw: st.DrawFn, table: dict[str, Any]) -> dict[str, Any]:
    """Return a document in which some values, at any depth, are others or gone."""
    found = json.loads(json.dumps(table))
    for _ in range(draw(st.integers(1, 3))):
        at: Any = found
        while isinstance(at, dict | list) and at:
            key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
            if draw(st.booleans()) or not isinstance(at[key], dict | list):
                at[key] = draw(JSON)
                break
            at = at[key]
    return dict(found)


@st.composite
def texts(draw: st.DrawFn, table: dict[str, Any]) -> bytes:
    """Return the bytes of such a document, or of one that is cut, or none."""
    if draw(st.integers(0, 9)) == 0:
        return draw(DEEP).encode()
    text = json.dumps(changed(draw, table)).encode()
    if draw(st.integers(0, 4)) == 0:
        cut = draw(st.integers(0, len(text)))
        text = text[:cut] + draw(st.binary(max_size=3)) + text[cut + 1 :]
    return text


def put(file: Path, content: bytes, sort: str) -> None:
    """Put a file there, or what is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if sort == "pipe":
        os.mkfifo(file)
    elif sort == "folder":
        file.mkdir()
    elif sort == "circle":
        other = file.with_name(f"{file.name}.other")
        file.symlink_to(other)
        other.symlink_to(file)
    else:
        file.write_bytes(content)


SORTS = st.sampled_from(["file"] * 12 + ["pipe", "folder", "circle"])


def said(act: Callable[[], object]) -> None:
    """Do something; whatever ends it is a sentence, and nothing appears outside."""
    try:
        act()
    except StiltwalkError as error:
        text = str(error)
        assert text.strip().endswith((".", "`", ")", "?")), text
        assert len(text) <= LONGEST_SENTENCE, text[:500]
    assert not Path("/tmp/outside").exists()  # noqa: S108 - where names above would lead


PASSAGE = {
    "context": "A b. C d.",
    "sentence_breaks": [[0, 4], [5, 9]],
    "qas": [{"id": "q", "question": "Who?", "answers": [{"text": "C", "answer_start": 5}]}],
}
XQUAD_R = {"data": [{"paragraphs": [PASSAGE]}]}
SPANS = [{"start": 0, "end": 9}]
MENTION = {
    "example_id": "m",
    "mention_span": {"start": 5, "end": 6, "text": "C"},
    "entity_id": "Q1",
}
MENTIONS = {
    "context": {"language": "en", "text": "A b. C d.", "sentence_spans": SPANS},
    "mentions": [MENTION],
}
ENTITY = {
    "entity_id": "Q1",
    "description": "A b. C d.",
    "sentence_spans": SPANS,
    "description_language": "en",
}


@fuzzed
@given(content=texts(XQUAD_R), sort=SORTS)
def test_a_file_of_xquad_r_is_read_or_refused(content: bytes, sort: str) -> None:
    with TemporaryDirectory() as there:
        put(Path(there) / "en.json", content, sort)
        said(lambda: list(xquad_r.documents(Path(there), ("en",), None)))
        said(lambda: list(xquad_r.examples(Path(there), "en", ("en",), 1)))


@fuzzed
@given(mentions=texts(MENTIONS), entity=texts(ENTITY), sort=SORTS)
def test_files_of_mewsli_x_are_read_or_refused(mentions: bytes, entity: bytes, sort: str) -> None:
    place = Place("mewslix", "en", "test")
    with TemporaryDirectory() as there:
        put(Path(there) / "wikinews_mentions-test.jsonl", mentions, "file")
        put(Path(there) / "candidate_set_entities.jsonl", entity, sort)
        said(lambda: list(mewslix.examples(Path(there), place, Split.TEST)))
        said(lambda: list(mewslix.documents(Path(there), place, 1)))


RECIPE = {
    "name": "tiny",
    "languages": ["en", "de"],
    "targets": ["udpos", "xnli"],
    "seeds": [1],
    "num_threads": 1,
    "model": {"name": "base"},
    "data": {"source": "mini", "test_rows": 6},
    "target": {"num_epochs": 1, "max_rows": 16, "xnli": {"learning_rate": 1e-5}},
    "intermediate": {"num_epochs": 1, "learning_rate": 1e-3},
    "arms": {"none": [], "mixed": ["mnli"]},
}


def toml(value: object) -> str:
    """Return a value as inline TOML."""
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return "''" if value is None else json.dumps(value).replace("NaN", "nan").lower()


@st.composite
def recipes(draw: st.DrawFn) -> str:
    table = changed(draw, RECIPE)
    return "\n".join(f"{json.dumps(key)} = {toml(value)}" for key, value in table.items())


@fuzzed
@given(recipes(), st.lists(st.text(max_size=30), max_size=2))
def test_recipes(text: str, changes: list[str]) -> None:
    said(lambda: parse_recipe(text, folder=Path(), changes=changes))


@fuzzed
@given(texts(RECIPE), SORTS)
def test_recipe_files(content: bytes, sort: str) -> None:
    with TemporaryDirectory() as folder:
        put(Path(folder) / "recipe.toml", content, sort)
        said(lambda: read_recipe(Path(folder) / "recipe.toml"))


CONFIG = {
    "model_type": "xlm-roberta",
    "architectures": ["XLMRobertaForMaskedLM"],
    "num_hidden_layers": 2,
    "hidden_size": 8,
    "intermediate_size": 8,
    "vocab_size": 32,
    "max_position_embeddings": 34,
}
INDEX = {"metadata": {}, "weight_map": {"a": "model.safetensors", "b": "weights.bin"}}


@fuzzed
@given(texts(CONFIG), texts(INDEX), SORTS, st.booleans(), st.binary(max_size=40))
def test_model_folders(
    config: bytes, index: bytes, sort: str, has_index: bool, weights: bytes
) -> None:
    with TemporaryDirectory() as folder:
        place = Path(folder)
        put(place / "config.json", config, sort)
        (place / "tokenizer.json").write_text("{}", encoding="utf-8")
        if weights[:1] > b"\x80":
            (place / "model.safetensors").write_bytes(weights)
        else:
            tensors = {name: np.zeros((32, 8), np.float32) for name in "ab"}
            save_file(tensors, place / "model.safetensors")
        if has_index:
            put(place / "model.safetensors.index.json", index, sort)
        said(lambda: locate(ModelSettings(name=folder), fetch=False))


STAGE = Base(name="tiny", revision="sha256:1")
WHOLE = {
    "does": "x",
    "stage": {"stage": "Base"},
    "provenance": {"torch": "2"},
    "began_unix_s": 1.0,
    "time_s": 1.0,
    "files": {"weights": {"bytes": 5, "sha256": sha256(b"12345").hexdigest()}},
}
RECORD = {
    "name": "tiny",
    "recipe": "",
    "data": {"source": "mini"},
    "test_rows": None,
    "languages": None,
    "arms": ["none"],
    "targets": ["xnli"],
    "seeds": [1],
    "stages": [
        {"fingerprint": "a1", "does": "x", "phase": "evaluation", "arm": "none", "target": "xnli"}
    ],
}
STATUS = {"run": "tiny", "stages": {"done": 1}, "running": [], "failed": [], "nodes": []}


@fuzzed
@given(st.data(), SORTS)
def test_workspaces(data: st.DataObject, sort: str) -> None:
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder))
        with workspace.writing(STAGE, {}) as made:
            (made.path / "weights").write_bytes(b"12345")
        marker = workspace.folder(STAGE) / MARKER
        marker.unlink()
        put(marker, data.draw(texts(WHOLE)), sort)
        put(workspace.root / "runs" / "x" / "run.json", data.draw(texts(RECORD)), sort)
        put(workspace.root / "status.json", data.draw(texts(STATUS)), sort)
        for act in (workspace.has, workspace.verified, workspace.scores):
            said(lambda act=act: act(STAGE))  # type: ignore[misc]
        said(lambda: read_record(workspace.root / "runs" / "x"))
        said(lambda: read_status(workspace))


ANSWERS = ["en\t1\n", '{"label": 0}\n', "entailment\n", "B-PER\n\n", "O\n", '{"q1": "a"}', ""]


@fuzzed
@given(st.data())
def test_prediction_folders(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        for side in ("predictions", "labels"):
            for task, ending in (("xnli", "tsv"), ("udpos", "tsv"), ("xquad", "json")):
                content = data.draw(st.sampled_from(ANSWERS) | st.text(max_size=20))
                name = data.draw(st.sampled_from(["test-en", "test-de", "test-xx", "x"]))
                file = Path(folder, side, task, f"{name}.{ending}")
                put(file, content.encode("utf-8", "surrogateescape"), data.draw(SORTS))
        said(lambda: stiltwalk.score(Path(folder, "predictions"), Path(folder, "labels")))
