"""Turn some English rows of a task into features of a frozen encoder, for selectors to read."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from safetensors.numpy import load_file

from stiltwalk.recipe.schema import Recipe
from stiltwalk.records import Phase, Split
from stiltwalk.selection.ratings import Embedded
from stiltwalk.stages.context import Context
from stiltwalk.stages.cost import ModelShape, StageCost, forward_cost, mean_tokens
from stiltwalk.stages.rows import Learned, StageRows
from stiltwalk.stages.stage import Stage
from stiltwalk.store.workspace import Folder
from stiltwalk.tasks import TASKS
from stiltwalk.tasks.load import num_rows

FILE = "features.safetensors"


@dataclass(frozen=True, kw_only=True)
class Embed(Stage):
    """The first `max_rows` training rows: what of them carries a label, and their mean.

    Of texts, pairs and options it is the mean token, of tags the words' first sub-words, of spans
    an answer's first and last token and others.
    """

    phase = Phase.SELECTION
    model_copies = 1
    follows_versions = True

    parent: Stage
    rows: StageRows
    max_rows: int
    max_length_tokens: int

    @property
    def title(self) -> str:
        return f"embed {self.max_rows} rows of {self.rows.task}{self.after}"

    @property
    def asked(self) -> Learned:
        """Its rows."""
        return Learned(self.rows, self.max_rows)

    def cost(self, recipe: Recipe, shape: ModelShape) -> StageCost:
        """Estimate one forward pass."""
        task = TASKS[self.rows.task]
        in_all = num_rows(task, recipe.data.where, Split.TRAIN, "en")
        rows = self.rows.num_learned(in_all, self.max_rows)
        tokens = round(rows * mean_tokens(task, "en", recipe))
        return forward_cost(rows, tokens, 1.0, recipe, shape)

    def run(self, context: Context, folder: Folder) -> None:
        """Run the encoder and keep features and labels; loads torch."""
        import_module("stiltwalk.stages.embed_run").embed(self, context, folder)

    def embedded(self, context: Context) -> Embedded:
        """Return what it kept, once it is done, verified."""
        return Embedded(**load_file(context.workspace.verified(self) / FILE))
