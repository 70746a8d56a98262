"""Which node of a cluster a stage goes to: bookkeeping alone, nothing is asked of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stiltwalk.plan.jobs import Needs


@dataclass(frozen=True, kw_only=True)
class Amount:
    """What a node has, or what is taken of it."""

    cpus: float
    gpus: float
    memory_bytes: float

    def covers(self, *wanted: Amount) -> bool:
        """Tell whether it is enough for all of these together."""
        return (
            self.cpus >= sum(each.cpus for each in wanted)
            and self.gpus >= sum(each.gpus for each in wanted)
            and self.memory_bytes >= sum(each.memory_bytes for each in wanted)
        )


@dataclass(kw_only=True)
class Node:
    """A node, and what was given to its stages by name."""

    has: Amount
    given: dict[str, Amount] = field(default_factory=dict)


class Nodes:
    """The nodes that may be used now."""

    def __init__(self) -> None:
        """Know of none."""
        self.by_id: dict[str, Node] = {}
        self._clearing: str | None = None

    def update(self, found: Mapping[str, Amount]) -> None:
        """Take in which nodes there are; what ran on one that left is no longer counted."""
        self.by_id = {
            key: self.by_id[key] if key in self.by_id else Node(has=has)
            for key, has in found.items()
        }

    def find(self, needs: Needs, avoid: str = "") -> str | None:
        """Return a node with room, another than `avoid` if possible; None if there is none.

        A stage that must be alone gets a node without others: while none is, the one with the
        fewest takes no more.
        """
        if needs.alone:
            return self._find_empty(needs, avoid)
        wanted = self._amount(needs)
        fitting = [
            key
            for key, node in self.by_id.items()
            if key != self._clearing and node.has.covers(wanted, *node.given.values())
        ]
        return min(fitting, key=lambda key: self._load(key, avoid), default=None)

    def give(self, key: str, name: str, needs: Needs) -> Amount:
        """Give a stage its part of a node, all of it if it must be alone."""
        node = self.by_id[key]
        amount = node.has if needs.alone else self._amount(needs)
        node.given[name] = amount
        if needs.alone:
            self._clearing = None
        return amount

    def take_back(self, name: str) -> None:
        """Free what was given to a stage."""
        for node in self.by_id.values():
            node.given.pop(name, None)

    def can_ever(self, needs: Needs) -> bool:
        """Tell whether a node that is there now could carry such a stage once it is free."""
        return any(node.has.covers(self._amount(needs)) for node in self.by_id.values())

    def _find_empty(self, needs: Needs, avoid: str) -> str | None:
        wanted = self._amount(needs)
        able = [key for key, node in self.by_id.items() if node.has.covers(wanted)]
        best = min(able, key=lambda key: self._load(key, avoid), default=None)
        if best is None or not self.by_id[best].given:
            return best
        if self._clearing not in able:
            self._clearing = best
        return None

    def _load(self, key: str, avoid: str) -> tuple[bool, int]:
        return key == avoid, len(self.by_id[key].given)

    def _amount(self, needs: Needs) -> Amount:
        """Return what a stage takes where it need not be alone: a GPU if any node has one."""
        some_gpu = any(node.has.gpus for node in self.by_id.values())
        return Amount(
            cpus=needs.cpus, gpus=int(needs.on_gpu and some_gpu), memory_bytes=needs.memory_bytes
        )
