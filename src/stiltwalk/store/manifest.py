"""What a run was: kept beside its report, so that a report can be made again from rows alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

from pydantic import TypeAdapter

from stiltwalk.data.source import DataSource
from stiltwalk.errors import NoSuchRun, StiltwalkError, WorkspaceError
from stiltwalk.files import below, kept_json, read, sealed_json, unsealed, write_atomically
from stiltwalk.recipe.schema import Claim
from stiltwalk.records import Phase
from stiltwalk.store.workspace import Workspace
from stiltwalk.tasks.own import OwnTask
from stiltwalk.tasks.task import XTREME, Benchmark, Dev
from stiltwalk.wording import public

RUNS = "runs"
_FILE, _PLACES = "run.json", "places.json"
_MANY = 3
"""More tasks are counted, not named."""


@dataclass(frozen=True, kw_only=True)
class RecordedStage:
    """A stage of a run; an evaluation that several arms share stands there once for each.

    Args:
        fingerprint: names its folder.
        does: in words.
        phase: where it belongs.
        arm: empty for what belongs to none, such as a control.
        target: what an evaluation evaluates.
        languages: of the evaluation.
        trained: the fine-tuned model that is evaluated, empty for a bare encoder.
        seed: of its training, 0 where nothing was trained.
        about: what tells it from others of its phase: the tasks it trains on or answers.
        parents: fingerprints of what it rests on.
    """

    fingerprint: str
    does: str
    phase: Phase
    arm: str = ""
    target: str = ""
    languages: tuple[str, ...] = ()
    trained: str = ""
    seed: int = 0
    about: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RecordedGap:
    """A language of a target that is not evaluated, and why; a full sentence."""

    target: str
    language: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RecordedArm:
    """What an arm is made of.

    Args:
        tasks: intermediate ones, trained together.
        has_mlm: whether masked text was trained beside them.
        is_translated: whether rows in other languages were.
        adapters: what was trained in place of the whole encoder, in words; empty for the whole.
        prompt: what answers in place of a head, in words; empty for a head.
        rows_per_class: English rows that it learned from; None for all.
        unseen: by target, how many classes it did not learn.
    """

    tasks: tuple[str, ...] = ()
    has_mlm: bool = False
    is_translated: bool = False
    adapters: str = ""
    prompt: str = ""
    rows_per_class: int | None = None
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether it is full training on English tasks, as in the paper's main table."""
        return bool(self.tasks) and not (self.has_mlm or self.is_translated or self.adapters)

    @property
    def says(self) -> str:
        """What it is made of, in a few words for people; empty for the baseline."""
        many = len(self.tasks) > _MANY
        tasks = f"{len(self.tasks)} tasks" if many else " + ".join(self.tasks)
        extras = ["masked text"] * self.has_mlm + ["translations"] * self.is_translated
        extras += [self.adapters] * bool(self.adapters)
        return ", ".join(filter(None, [tasks, *extras]))


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Which stages a recipe came to, and what a report says about the recipe."""

    name: str
    recipe: str
    data: DataSource
    test_rows: int | None
    languages: tuple[str, ...] | None
    arms: tuple[str, ...]
    targets: tuple[str, ...]
    seeds: tuple[int, ...]
    stages: tuple[RecordedStage, ...]
    gaps: tuple[RecordedGap, ...] = ()
    model: str = ""
    made_of: Mapping[str, RecordedArm] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    dev: Dev = "held-out"
    max_train_rows: int | None = None
    tasks: tuple[OwnTask, ...] = ()
    benchmark: Benchmark = XTREME


def run_folder(workspace: Workspace, name: str) -> Path:
    """Return where a run's record and report are."""
    return workspace.root / RUNS / below(name)


def page_of(workspace: Workspace, name: str) -> Path:
    """Return where the page of a run's report is, or would be."""
    return run_folder(workspace, name) / "report.html"


def place_of(workspace: Workspace, model: str) -> str:
    """Return where the base model is that a run's record names, if this machine carried it out."""
    return _places(workspace).get(model, model)


def _places(workspace: Workspace) -> dict[str, str]:
    return kept_json(workspace.root / _PLACES)  # damaged: costs a comparison its base model alone


def _keep_place(workspace: Workspace, model: str) -> None:
    places = _places(workspace)
    if model not in (public(model), places.get(public(model))):
        places[public(model)] = model
        write_atomically(workspace.root / _PLACES, sealed_json(places))


def keep_record(workspace: Workspace, record: RunRecord) -> bool:
    """Keep the record of a run; return whether it is another than the one that was there.

    It says nothing that is private, but for where rows are read again at an export; where a local
    base model is stays in a file of this machine.
    """
    _keep_place(workspace, record.model)
    record = replace(
        record,
        recipe=public(record.recipe),
        model=public(record.model),
        stages=tuple(replace(each, does=public(each.does)) for each in record.stages),
        gaps=tuple(replace(each, reason=public(each.reason)) for each in record.gaps),
    )
    file = run_folder(workspace, record.name) / _FILE
    _set_aside(workspace, file.parent, record)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = sealed_json(asdict(record))
    if file.is_file() and file.read_bytes() == text.encode():
        return False
    write_atomically(file, text)
    workspace.publish(file)
    return True


def design_of(record: RunRecord) -> str:
    """Return what two runs of one design share: their work but for clocks and selectors."""
    aside = (Phase.TIMING, Phase.SELECTION)
    work = {each.fingerprint for each in record.stages if each.phase not in aside}
    return sha256(repr((record.arms, sorted(work))).encode()).hexdigest()[:8]


def _set_aside(workspace: Workspace, folder: Path, record: RunRecord) -> None:
    """Keep the record and report of another recipe of the same name, as NAME~DESIGN."""
    with suppress(StiltwalkError):
        workspace.fetch(f"{RUNS}/{record.name}", _FILE)
        old = read_record(folder)
        if (design := design_of(old)) != design_of(record):
            aside = folder.with_name(f"{record.name}~{design}")
            rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            text = sealed_json(asdict(replace(old, name=aside.name)))
            write_atomically(aside / _FILE, text)
            workspace.publish(aside)


def is_current(workspace: Workspace, name: str) -> bool:
    """Whether a run's page is there and no older than its record; writing it may have failed."""
    page, record = page_of(workspace, name), run_folder(workspace, name) / _FILE
    return page.is_file() and page.stat().st_mtime_ns >= record.stat().st_mtime_ns


def run_folders(workspace: Workspace) -> list[Path]:
    """Return the folders of every run in a workspace, by name, or raise `NoSuchRun`."""
    workspace.fetch(RUNS, _FILE)
    folders = sorted(file.parent for file in (workspace.root / RUNS).glob(f"*/{_FILE}"))
    if not folders:
        raise NoSuchRun(
            f"{workspace.place} holds no run. Give the folder that was --workspace of "
            "`stiltwalk run`."
        )
    return folders


def read_record(run: Path) -> RunRecord:
    """Return the record in a run's folder, or raise `WorkspaceError`."""
    file = run / _FILE
    try:
        text = json.dumps(unsealed(read(file)))
        record = TypeAdapter(RunRecord).validate_json(text)
        for name in _names(record):
            below(name.replace("/", "//"))  # one part of a path
    except FileNotFoundError as error:
        raise NoSuchRun(
            f"{run} is not the folder of a run: it has no {_FILE}. It stands in the workspace as "
            f"{RUNS}/NAME."
        ) from error
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"{file} is not a record of a run ({_first_line(error)}). Run the recipe again to "
            "write it anew; finished stages are kept."
        ) from error
    return record


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split("\n")[:2])[:200]


def _names(record: RunRecord) -> Iterator[str]:
    yield from (record.name, *record.arms, *record.made_of, *record.targets)
    for stage in record.stages:
        yield from filter(None, (stage.arm, stage.target, *stage.languages, *stage.parents))
        yield from filter(None, (stage.fingerprint, stage.trained))
