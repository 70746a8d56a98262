"""Which provider a recipe's rows come from. A location only: the lineage holds a revision."""

from __future__ import annotations

from dataclasses import dataclass

MINI = "mini"
HUB = "hub"


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """The `[data]` table of a recipe, as far as it says where rows are.

    `source` is "mini", "hub", or a folder in the hub's layout; the others are folders of what
    no hub holds: BUCC's original files, CCGbank, raw Universal Dependencies.
    """

    source: str
    bucc: str | None = None
    ccg: str | None = None
    ud: str | None = None
