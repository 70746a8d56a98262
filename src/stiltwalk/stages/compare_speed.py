"""Time two arms side by side: the same requests, both models resident."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module

from stiltwalk.recipe.schema import Recipe
from stiltwalk.recipe.types import ProfileName, ScenarioName
from stiltwalk.records import Phase
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import MEASURE_S, ModelShape, StageCost
from stiltwalk.stages.predict import Predict
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import MeasuredOn
from stiltwalk.store.workspace import Folder


@dataclass(frozen=True, kw_only=True)
class Measure(Stage):
    """Time one arm's models of a seed against another's, side by side, each as it was evaluated.

    `a` and `b` hold one evaluation per task, in the same order; `names` are those of the arms.
    No scenarios are all of the profile's. Another machine or other versions measure anew.
    """

    version = 2
    phase = Phase.TIMING
    model_copies = 2
    runs_alone = True

    a: tuple[Predict, ...]
    b: tuple[Predict, ...]
    names: tuple[str, str] = field(compare=False)
    profile: ProfileName
    scenarios: tuple[ScenarioName, ...]
    num_threads: int
    on: MeasuredOn | None

    @property
    def title(self) -> str:
        return f"time {self.names[1]} against {self.names[0]} on {', '.join(self.tasks)}"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that both were evaluated on."""
        return tuple(each.rows.task for each in self.a)

    def cost(self, _recipe: Recipe, _shape: ModelShape) -> StageCost:
        """Estimate its time, which depends on the profile alone."""
        return StageCost(time_s=MEASURE_S[self.profile] * (1 + len(self.a)))

    def run(self, context: Context, folder: Folder) -> None:
        """Write `speed.json`; loads torch."""
        import_module("stiltwalk.stages.compare_speed_run").measure(self, context, folder)
