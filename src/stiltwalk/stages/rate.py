"""Rate the intermediate tasks for a target before the target is trained."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from stiltwalk.records import Phase, Split
from stiltwalk.selection.ratings import Rating, Source, rated
from stiltwalk.stages.context import Context
from stiltwalk.stages.embed import Embed
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Folder, Workspace
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import num_rows

FILE = "ratings.json"


@dataclass(frozen=True, kw_only=True)
class Rate(Stage):
    """What every selector says for one target.

    `asked` are the rows that the target is trained on, `sources` those of the candidates, both
    through the base model; `tuned` are the target's rows, and `moved` its own, through each trained
    candidate.
    """

    phase = Phase.SELECTION

    target: str
    max_source_rows: int | None
    asked: Embed
    sources: tuple[Embed, ...]
    tuned: tuple[Embed, ...] = ()
    moved: tuple[Embed, ...] = ()

    @property
    def title(self) -> str:
        return f"rate {len(self.sources)} intermediate tasks for {self.target}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The target that it is about."""
        return (self.target,)

    @property
    def intermediate_tasks(self) -> tuple[str, ...]:
        """None of its own, whatever trained what it reads."""
        return ()

    def with_trained(self, has: Callable[[Stage], bool]) -> Rate:
        """Return it with those trained candidates alone that are done."""
        tuned, moved = (
            tuple(each for each in of if has(each.parent)) for of in (self.tuned, self.moved)
        )
        return replace(self, tuned=tuned, moved=moved)

    def run(self, context: Context, folder: Folder) -> None:
        """Ask every selector."""
        found = [asdict(each) for each in self._rated(context)]
        (folder.path / FILE).write_text(json.dumps(found, indent=1), encoding="utf-8")

    def _rated(self, context: Context) -> Iterator[Rating]:
        tuned, moved = (
            {each.intermediate_tasks: each.embedded(context) for each in of}
            for of in (self.tuned, self.moved)
        )
        sources = {}
        for each in self.sources:
            name = each.rows.task
            task = TASKS[name]
            in_all = num_rows(task, context.data, Split.TRAIN, "en")
            sources[name] = Source(
                task_type=task.task_type,
                num_rows=each.rows.num_learned(in_all, self.max_source_rows),
                own=each.embedded(context),
                moved=moved.get((name,)),
                asked=tuned.get((name,)),
            )
        asked, target_type = self.asked.embedded(context), TASKS[self.target].task_type
        for found in rated(self.target, target_type, asked, sources):
            yield replace(found, seed=self.trained_seed)


def read_ratings(store: Workspace, stage: Stage | str) -> tuple[Rating, ...]:
    """Return what such a stage found, nothing where it is another one, or not done."""
    return store.told(stage, FILE, _parsed) or ()


def _parsed(text: str) -> tuple[Rating, ...]:
    return tuple(Rating(**each) for each in json.loads(text))
