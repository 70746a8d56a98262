"""Data that cannot be used, through the command line: exit 2, the place, nothing half-written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mirrors import NLI_NAMES, nli, squad, write_split
from stiltwalk import cli
from stiltwalk.tasks.tagging import UPOS
from walking import carry_out

WRONG_INPUT = 2
RECIPE = """
name = "bad"
targets = ["{target}"]
languages = ["{language}", "en"]
num_threads = 1
[model]
name = "{model}"
[data]
source = "{mirror}"
[arms]
none = []
[target]
num_epochs = 1
max_rows = 16
eval_rows = 8
"""
Columns = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """A split of the small mirror: where it stands, and what it holds while it is good."""

    repository: str
    config: str
    name: str
    columns: Columns
    class_names: Mapping[str, Sequence[str]] | None = None

    def write(self, mirror: Path, columns: Columns | None = None) -> Path:
        """Write the split, or other columns in its place; return the file."""
        found = self.columns if columns is None else columns
        return write_split(mirror, self.repository, self.config, self.name, found, self.class_names)

    def __str__(self) -> str:
        """Return the words that an error starts with."""
        return f"{self.repository}, configuration '{self.config}', split '{self.name}'"


def tagged(rows: int) -> Columns:
    return {"tokens": [["Ada", "came"]] * rows, "pos_tags": [[11, 16]] * rows}


def asked(rows: int) -> Columns:
    texts = [f"Tale {number}: Ada came to Berlin." for number in range(rows)]
    return squad([(f"q-{n}", text, ["Ada"], [text.index("Ada")]) for n, text in enumerate(texts)])


TRAIN = Split("nyu-mll/multi_nli", "default", "train", nli([0, 1, 2] * 8), {"label": NLI_NAMES})
DEV = Split("nyu-mll/multi_nli", "default", "validation_matched", nli([0, 1]), {"label": NLI_NAMES})
XNLI = Split(
    "google/xtreme",
    "XNLI",
    "test",
    {
        "language": ["de", "en"] * 4,
        "sentence1": ["It rains."] * 8,
        "sentence2": ["The street is wet."] * 8,
        "gold_label": ["neutral"] * 8,
    },
)
SQUAD = Split("rajpurkar/squad", "plain_text", "train", asked(60))
XQUAD = [Split("google/xtreme", f"XQuAD.{code}", "validation", asked(4)) for code in ("de", "en")]
UDPOS = [
    Split("google/xtreme", f"udpos.{name}", split, tagged(8), {"pos_tags": UPOS})
    for name, split in (
        ("English", "train"),
        ("English", "validation"),
        ("English", "test"),
        ("German", "test"),
    )
]
MIRROR = (TRAIN, DEV, XNLI, SQUAD, *XQUAD, *UDPOS)


def changed(split: Split, column: str, row: int, value: object) -> Columns:
    """Return the split's columns with one value replaced."""
    values = list(split.columns[column])
    values[row] = value
    return {**split.columns, column: values}


def not_utf8(good: int) -> pa.Array:
    """Return texts whose last one is not UTF-8."""
    return pa.array([*[b"good"] * good, b"\xff\xfe"], pa.binary()).cast(pa.string(), safe=False)


def words_not_utf8() -> pa.Array:
    return pa.ListArray.from_arrays(pa.array([*range(0, 17, 2)], pa.int32()), not_utf8(15))


def without(split: Split, column: str) -> Columns:
    return {name: values for name, values in split.columns.items() if name != column}


def no_rows(split: Split) -> Columns:
    return {name: pa.array(values, None)[:0] for name, values in split.columns.items()}


@dataclass(frozen=True)
class Case:
    """One thing that is wrong, and what must be said besides the place."""

    target: str
    split: Split
    columns: Columns
    row: int | None
    said: str


XQUAD_DE, UDPOS_DE = XQUAD[0], UDPOS[3]
CASES = {
    "a wrong column": Case(
        "xnli", TRAIN, without(TRAIN, "hypothesis"), None, "there is no column 'hypothesis'"
    ),
    "an unknown label": Case(
        "xnli", XNLI, changed(XNLI, "gold_label", 4, "maybe"), 4, "unknown label 'maybe'"
    ),
    "a label beyond the names": Case(
        "xnli", TRAIN, changed(TRAIN, "label", 7, 3), 7, "unknown label '3'"
    ),
    "an answer nowhere in its context": Case(
        "xquad",
        XQUAD_DE,
        changed(XQUAD_DE, "answers", 2, {"text": ["Eve"], "answer_start": [3]}),
        2,
        "the answer 'Eve' (start 3) occurs nowhere in its context",
    ),
    "answers that are a text": Case(
        "xquad",
        XQUAD_DE,
        {**XQUAD_DE.columns, "answers": ["Ada"] * 4},
        0,
        "answers are 'Ada', not texts with their starts",
    ),
    "answers under other names": Case(
        "xquad",
        XQUAD_DE,
        {**XQUAD_DE.columns, "answers": [{"answer": ["Ada"], "from": [8]}] * 4},
        0,
        "not texts with their starts",
    ),
    "a tag count that differs": Case(
        "udpos", UDPOS_DE, changed(UDPOS_DE, "pos_tags", 3, [11]), 3, "2 words but 1 tags"
    ),
    "words that are a text": Case(
        "udpos",
        UDPOS_DE,
        {**UDPOS_DE.columns, "tokens": ["so"] * 8},
        0,
        "tokens is 'so', not a list of texts",
    ),
    "invalid UTF-8 in a text": Case(
        "xnli",
        XNLI,
        {**XNLI.columns, "sentence1": not_utf8(7)},
        7,
        "column 'sentence1' is not valid UTF-8",
    ),
    "invalid UTF-8 in a word": Case(
        "udpos",
        UDPOS_DE,
        {**UDPOS_DE.columns, "tokens": words_not_utf8()},
        7,
        "column 'tokens' is not valid UTF-8",
    ),
    "an empty split": Case("xnli", XNLI, no_rows(XNLI), None, "there are no rows"),
    "an empty split of tags": Case("udpos", UDPOS_DE, no_rows(UDPOS_DE), None, "there are no rows"),
}
Bad = Callable[[str, str], str]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    for split in MIRROR:
        split.write(tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.fixture
def refused(
    tiny_xlmr: Path,
    mirror: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bad:
    """Return a function that runs a recipe, which must be refused, and returns what was said."""

    def run(target: str, language: str = "de") -> str:
        recipe, workspace = tmp_path / "bad.toml", tmp_path / "runs"
        text = RECIPE.format(target=target, language=language, model=tiny_xlmr, mirror=mirror)
        recipe.write_text(text, encoding="utf-8")
        words = ["stiltwalk", "run", str(recipe), "--workspace", str(workspace)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert ended.value.code == WRONG_INPUT, said.err
        assert "Traceback" not in said.out + said.err
        return said.err

    return run


def finished(workspace: Path) -> set[str]:
    """Return the fingerprints of complete stages."""
    return {file.parent.name for file in workspace.glob("stages/*/complete.json")}


def check_nothing_half_written(tmp_path: Path) -> None:
    """Check that no evaluation is complete, and that the mended recipe goes through."""
    workspace = tmp_path / "runs"
    assert not list(workspace.glob("stages/*/timings.jsonl"))
    before = finished(workspace)
    assert "predict" in carry_out(tmp_path / "bad.toml", workspace)
    assert before <= finished(workspace)
    assert list(workspace.glob("stages/*/timings.jsonl"))


@pytest.mark.parametrize("name", CASES)
def test_rows_that_cannot_be_used_end_with_2_and_their_place(
    name: str, refused: Bad, mirror: Path, tmp_path: Path
) -> None:
    case = CASES[name]
    case.split.write(mirror, case.columns)
    said = refused(case.target, "de")
    place = str(case.split) + ("" if case.row is None else f", row {case.row} (counted from 0)")
    assert said.startswith(f"error: {place}: "), said
    assert case.said in said
    assert "run the same command again" in said
    case.split.write(mirror)
    check_nothing_half_written(tmp_path)


@pytest.mark.parametrize("split", [TRAIN, XNLI], ids=["train", "test"])
def test_a_truncated_file_ends_with_2_and_its_name(
    split: Split, refused: Bad, mirror: Path, tmp_path: Path
) -> None:
    file = split.write(mirror)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    said = refused("xnli", "de")
    assert said.startswith(f"error: {split}: {file} cannot be read")
    assert "fetch it again" in said
    file.write_bytes(whole)
    check_nothing_half_written(tmp_path)


def test_a_language_that_no_target_has_ends_with_2_before_anything_is_done(
    refused: Bad, tmp_path: Path
) -> None:
    said = refused("xquad", "sw")
    assert said.startswith("error: No target of the recipe has the language 'sw'.")
    assert not (tmp_path / "runs").exists()


def test_a_language_that_the_mirror_s_mixed_file_lacks_ends_with_2(refused: Bad) -> None:
    said = refused("xnli", "ur")
    assert "xnli, split 'test', language 'ur': there are no rows." in said
