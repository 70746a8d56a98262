"""Answers of a decoder language model through our engine: written, or chosen among options."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stiltwalk.features.rows import Features, Ragged
from stiltwalk.heads.head import Batch
from stiltwalk.inference.backends import Found, Served
from stiltwalk.inference.decode import Stopping, option_scores, write
from stiltwalk.inference.engine import Engine, RowCosts
from stiltwalk.models.checkpoint import Model, require_room
from stiltwalk.models.device import batch_tokens, pick_device


@dataclass(frozen=True, kw_only=True, eq=False)
class Transformers:
    """The backend of transformers' own models.

    Args:
        engine: holds the model.
        once: write answers to equal prompts once.
    """

    engine: Engine
    once: bool = False

    @staticmethod
    def require() -> None:
        """Refuse nothing: it is a plain dependency."""

    @classmethod
    @contextmanager
    def opened(cls, served: Served) -> Iterator[Transformers]:
        """Take the engine as it is."""
        yield cls(engine=served.engine, once=True)

    def written(self, features: Features, stopping: Stopping) -> Found:
        """Go on from every row; from equal ones `once` if wanted.

        Raises:
            ModelError: if the model has no room for the longest row and what may be written.
        """
        longest = int(features.ids.lengths.max(initial=0))
        require_room(self.engine.model, longest + stopping.most_tokens)
        nothing = RowCosts.nothing(features.num_rows)
        num_tokens, first_token_s = nothing.written_tokens, nothing.first_token_s

        def go_on(model: Model, batch: Batch, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
            found = write(model, batch, stopping, at_once_tokens=at_once)
            num_tokens[rows] = found.num_tokens
            first_token_s[rows] = found.first_token_s
            return [np.array(row, dtype=np.int64) for row in found.rows]

        first_equal = features.first_equal() if self.once else None
        config, device = self.engine.model.config, pick_device()
        at_once = self.engine.batch_tokens or batch_tokens(config, device)
        together = self.engine.batch_tokens or batch_tokens(config, device, writes=True)
        engine = replace(self.engine, batch_tokens=together)
        results, costs = engine.map_rows(features, go_on, first_equal=first_equal)
        return results, replace(costs, written_tokens=num_tokens, first_token_s=first_token_s)

    def chosen(self, features: Features) -> Found:
        """Score the options of every example behind its prompt."""
        per_unit = features.rows_per_unit
        first = np.arange(features.num_units) * per_unit
        prompts = [features.ids[row][: features.second[row]] for row in first.tolist()]
        asked = Features(
            ids=Ragged.of(prompts),
            second=np.array([len(prompt) for prompt in prompts], dtype=np.int32),
            example=np.arange(len(prompts)),
            labels=features.labels,
        )
        require_room(self.engine.model, int(features.ids.lengths.max(initial=0)))

        def choose(model: Model, batch: Batch, units: NDArray[np.int64]) -> list[NDArray[Any]]:
            options = [
                [features.ids[row][features.second[row] :] for row in range(at, at + per_unit)]
                for at in (units * per_unit).tolist()
            ]
            return list(option_scores(model, batch, options))

        return self.engine.map_rows(asked, choose)
