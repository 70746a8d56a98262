"""A task of the user's own: the declaration of a task, in TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from stiltwalk.data import readers
from stiltwalk.data.hub import HubFiles, Reader
from stiltwalk.data.textfile import ENDINGS, SPACED, LocalFiles, with_label_numbers
from stiltwalk.errors import RecipeError
from stiltwalk.files import read_text
from stiltwalk.records import Metric, Split, TaskType
from stiltwalk.tasks import SHIPPED
from stiltwalk.tasks.task import Task
from stiltwalk.tasks.templates import Template
from stiltwalk.wording import nearest, wrong_key

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Code = Annotated[str, Field(pattern=r"^[a-z]{2,3}([_-][A-Za-z]+)?$")]
Count = Annotated[int, Field(ge=1)]
LANGUAGE = "{language}"
ENTRY_POINTS = "stiltwalk.tasks"
"""The group in which a package names files that declare tasks."""

_ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "text": ("text", "label"),
        "pair": ("first", "second", "label"),
        "choice": ("prompt", "choices", "label"),
        "tagging": ("words", "tags"),
        "span": ("id", "question", "context", "answers"),
    }
)
"""What a row of each type holds."""
_METRICS: Mapping[str, tuple[Metric, ...]] = MappingProxyType(
    {
        "text": (Metric.ACCURACY,),
        "pair": (Metric.ACCURACY, Metric.ACCURACY_AND_F1),
        "choice": (Metric.ACCURACY,),
        "tagging": (Metric.CHUNK_F1, Metric.ACCURACY),
        "span": (Metric.SQUAD, Metric.MLQA),
    }
)
"""The metrics of each type, the usual one first."""


@dataclass(frozen=True, kw_only=True)
class OwnTask:
    """A task that is declared in a recipe, or in a file that the recipe names.

    Args:
        name: how the recipe's `targets` and `arms` name it.
        type: text, pair, choice, tagging or span.
        languages: codes of those that it is tested in, known to XTREME or not.
        train, dev: the English rows: a path, or with `hub` the name of a split.
        test: likewise of every language; a path has `{language}` where the code stands.
        hub: a data set on the hub, in place of files.
        config: its configuration of a language.
        codes: what stands for `{language}` where that is not the code itself.
        columns: by what a row holds, the column's name; a name that is not there is that of what it
            holds. `choices` can be a list of columns.
        labels: their names; of a tagging task its tags. A column of numbers holds positions here.
        metric: None for the usual one of the type.
        trained_on: the task whose English rows train it, in place of `train` and `dev`.
        prompt: how a decoder is asked, with what a row holds in braces; None for a plain text.
        words: by label, how a decoder says it.
        num_rows, mean_tokens: sizes for `plan`, measured or estimated where they are absent.
        folder: where paths begin; filled by what reads the declaration.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    name: Name
    type: Literal["text", "pair", "choice", "tagging", "span"]
    languages: Annotated[tuple[Code, ...], Field(min_length=1)]
    train: str | None = None
    dev: str | None = None
    test: str | None = None
    hub: str | None = None
    config: str = "default"
    codes: Mapping[str, str] = field(default_factory=dict, hash=False)
    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict, hash=False)
    labels: tuple[str, ...] = ()
    metric: Metric | None = None
    trained_on: str | None = None
    max_length_tokens: Annotated[int, Field(ge=16)] | None = None
    prompt: str | None = None
    words: Mapping[str, str] = field(default_factory=dict, hash=False)
    num_rows: Mapping[Split, Count] = field(default_factory=dict, compare=False)
    mean_tokens: Annotated[float, Field(gt=0)] | None = field(default=None, compare=False)
    paper: str = field(default="", compare=False)
    licence: str = field(default="", compare=False)
    folder: str = field(default="", compare=False)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that a row is read from."""
        found = (self.columns.get(role, role) for role in _ROLES[self.type])
        return tuple(
            name for each in found for name in ((each,) if isinstance(each, str) else each)
        )

    @property
    def learned(self) -> OwnTask:
        """What decides its English rows: more languages train nothing anew."""
        codes = {"en": self._code_of("en")} if self.hub else {}
        return replace(self, languages=("en",), test=None, codes=codes, prompt=None, words={})

    @property
    def asked(self) -> OwnTask:
        """What decides its test rows; a stage names its languages itself."""
        return replace(self, languages=("en",), train=None, dev=None, prompt=None, words={})

    def task(self) -> Task:
        """Return the task as all others are declared."""
        splits = {"train": self.train, "dev": self.dev, "test": self.test}
        labels = self.labels or (SHIPPED[self.trained_on].labels if self.trained_on else ())
        read = _reader(self, labels)
        files = LocalFiles(folder=self.folder, read=read, **splits)
        return Task(
            name=self.name,
            task_type=TaskType(self.type),
            languages=self.languages,
            metric=self.metric or _METRICS[self.type][0],
            paper=self.paper,
            licence=self.licence,
            labels=labels,
            template=self._template(labels),
            num_rows=self.num_rows,
            mean_tokens={} if self.mean_tokens is None else {"en": self.mean_tokens},
            trained_on=self.trained_on,
            max_length_tokens=self.max_length_tokens or (384 if self.type == "span" else 256),
            declared=self.task,
            columns=self.column_names,
            files=None if self.hub else files,
            hub=self._hub_files(read),
        )

    def _hub_files(self, read: Reader) -> tuple[HubFiles, ...]:
        if self.hub is None:
            return ()
        found = HubFiles(
            repository=self.hub,
            config=self.config.replace(LANGUAGE, "{code}"),
            read=read,
            train=self.train,
            dev=self.dev,
            test=self.test,
            code_of=self._code_of,
        )
        return (found,)

    def _code_of(self, language: str) -> str:
        return self.codes.get(language, language)

    def _template(self, labels: Sequence[str]) -> Template:
        said = ", ".join(self.words.get(label, label) for label in labels)
        plain = {
            "text": f"{{text}}\nAnswer with {said}.\nAnswer:",
            "pair": f"{{first}}\n{{second}}\nAnswer with {said}.\nAnswer:",
            "choice": "{prompt}\nAnswer:",
            "tagging": f"Tag every word with {said}.\nWords: {{words}}\nTags:",
            "span": "Question: {question}\n{context}\nQuestion: {question}\nAnswer:",
        }
        prompt = self.prompt or plain[self.type]
        prompt = prompt.replace("{first}", "{text_a}").replace("{second}", "{text_b}")
        return Template(prompt=prompt, words=self.words)


def _reader(own: OwnTask, labels: tuple[str, ...]) -> Reader:
    columns = own.column_names
    is_spaced = any(str(path).endswith(SPACED) for path in (own.train, own.dev, own.test))
    match own.type:
        case "text":
            read = readers.topics((columns[0], columns[1]), labels)
        case "pair":
            read = readers.pairs((columns[0], columns[1], columns[2]), labels)
        case "tagging":
            read = readers.tagged(columns[0], columns[1], labels, is_spaced=is_spaced)
        case "choice":
            return readers.choices(columns[:1], columns[1:-1], columns[-1])
        case _:
            return readers.questions(columns=(columns[0], columns[1], columns[2], columns[3]))
    return with_label_numbers(read, columns[-1], labels)


def own_tasks(given: object, folder: Path) -> tuple[OwnTask, ...]:
    """Return the tasks of a recipe's `tasks`: tables, or files that declare some, or their names.

    Raises:
        RecipeError: with the key that is wrong.
    """
    if not isinstance(given, list):
        raise RecipeError(
            f"tasks is {given!r}: give tables [[tasks]], or a list of files that declare tasks."
        )
    found: list[OwnTask] = []
    for each in given:
        named = isinstance(each, str)
        found += read_own_tasks(_file_of(each, folder)) if named else [_declared(each, folder)]
    for name in (own.name for own in found):
        if sum(own.name == name for own in found) > 1:
            raise RecipeError(f"tasks declares {name!r} twice: rename one of them.")
    return tuple(found)


def _file_of(name: str, folder: Path) -> Path:
    """Return the file of a path, or that which an installed package ships as `stiltwalk.tasks`."""
    shipped = entry_points(group=ENTRY_POINTS, name=name)
    if not shipped or (folder / name).exists():
        return folder / name
    try:
        return Path(next(iter(shipped)).load())
    except (ImportError, AttributeError, TypeError) as error:
        raise RecipeError(
            f"tasks names {name!r}, which a package ships and cannot give ({error}): its entry "
            f"point in {ENTRY_POINTS} must lead to the path of a TOML file."
        ) from error


def read_own_tasks(file: Path) -> tuple[OwnTask, ...]:
    """Return the tasks that a TOML file declares: one in its keys, or several in `[[tasks]]`.

    Raises:
        RecipeError: if it cannot be read, or with the key that is wrong.
    """
    try:
        table = tomllib.loads(read_text(file))
    except (OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"No task could be read at {file}: {error}.") from error
    return own_tasks(table.get("tasks", [table]), file.absolute().parent)


def _declared(table: object, folder: Path) -> OwnTask:
    name = table.get("name", "?") if isinstance(table, dict) else "?"
    start = f"tasks.{name}."
    if isinstance(table, dict) and "folder" in table:
        raise RecipeError(f"Unknown key {start}folder: paths begin at the declaration's file.")
    try:
        own = TypeAdapter(OwnTask).validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        known = [each.name for each in fields(OwnTask) if each.name != "folder"]
        raise RecipeError(wrong_key(error.errors()[0], "task", known, start)) from error
    _check(own, start)
    return replace(own, folder=str(folder.absolute()))


def _check(own: OwnTask, key: str) -> None:
    if own.name in SHIPPED or own.name == "labels":
        raise RecipeError(f"{key}name is taken: give your task another name.")
    _check_splits(own, key)
    roles = _ROLES[own.type]
    for role, column in own.columns.items():
        if role not in roles:
            raise RecipeError(f"Unknown key {key}columns.{role}.{nearest(role, roles)}")
        if not isinstance(column, str) and role != "choices":
            raise RecipeError(f"{key}columns.{role} is a list: name one column.")
    if own.metric and own.metric not in _METRICS[own.type]:
        known = ", ".join(_METRICS[own.type])
        raise RecipeError(f"{key}metric is '{own.metric}': a {own.type} task has {known}.")
    _check_labels(own, key)


def _check_splits(own: OwnTask, key: str) -> None:
    trains = own.train is not None and own.dev is not None
    if trains == (own.trained_on is not None) or (own.train is None) != (own.dev is None):
        raise RecipeError(
            f"{key}train and {key}dev name its English rows, both of them; in their place "
            f"{key}trained_on can name the task that trains it."
        )
    if own.test is None and not trains:
        raise RecipeError(f"{key}test is missing: nothing would be trained or tested.")
    varies = own.config if own.hub else own.test
    if own.test and len(own.languages) > 1 and LANGUAGE not in str(varies):
        where = "config" if own.hub else "test"
        raise RecipeError(
            f"{key}{where} is {varies!r} for {len(own.languages)} languages: write {LANGUAGE} "
            "where a language's code stands, or every language has the same rows."
        )
    paths = {"train": own.train, "dev": own.dev, "test": own.test}
    for split, path in paths.items() if own.hub is None else ():
        if path is not None and not path.endswith(ENDINGS):
            raise RecipeError(
                f"{key}{split} is {path!r}: its ending is none of {', '.join(ENDINGS)}."
            )
        if path and own.type == "span" and path.endswith(SPACED):
            raise RecipeError(f"{key}{split} is {path!r}: answers need JSON lines or Parquet.")


def _check_labels(own: OwnTask, key: str) -> None:
    needs = own.type in ("text", "pair", "tagging")
    if own.trained_on is not None:
        source = SHIPPED.get(own.trained_on)
        if source is None:
            raise RecipeError(
                f"{key}trained_on is {own.trained_on!r}, no task of ours."
                f"{nearest(own.trained_on, list(SHIPPED))}"
            )
        if source.task_type != own.type or own.labels not in ((), source.labels):
            raise RecipeError(
                f"{key}trained_on is {own.trained_on!r}, which is a {source.task_type} task with "
                f"the labels {', '.join(source.labels) or 'none'}: {own.name} must be alike."
            )
    elif needs and len(set(own.labels)) < 2:  # noqa: PLR2004 - one could not be told from another
        raise RecipeError(f"{key}labels must name at least two, as the rows spell them.")
    if len(set(own.labels)) < len(own.labels):
        raise RecipeError(f"{key}labels names one twice.")
    unknown = next((each for each in own.words if each not in own.labels), None)
    if unknown is not None:
        raise RecipeError(f"{key}words.{unknown} is for no label of the task.")
    _check_prompt(own, key)


def _check_prompt(own: OwnTask, key: str) -> None:
    held = [role for role in _ROLES[own.type] if role not in ("id", "label", "tags", "answers")]
    try:
        (own.prompt or "").format(**dict.fromkeys(held, ""))
    except (KeyError, IndexError, ValueError) as error:
        raise RecipeError(
            f"{key}prompt cannot be filled in ({error}): in braces it has {', '.join(held)}."
        ) from error
