"""Which stage comes next, and on which node: bookkeeping alone, nothing runs here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Literal

from stiltwalk.stages.cost import ModelShape
from stiltwalk.stages.graph import Plan
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import available_bytes, num_accelerators, num_cpus

MAX_TRIES = 3
"""How often a stage begins before those who carry it out are not blamed any more."""
State = Literal["waiting", "ready", "running", "done", "failed", "not begun"]
_LEFT = frozenset({"waiting", "ready", "running"})
_Head = tuple[float, int, str]


class Scheduler:
    """The jobs of a plan on their way from waiting for parents to done."""

    def __init__(
        self, jobs: Sequence[Job], done: Collection[str] = (), *, longest_first: bool = True
    ) -> None:
        """Line up what is not done.

        Args:
            jobs: parents first.
            done: names of those that need not run.
            longest_first: begin with what the longest way, in estimated time, hangs on; otherwise
                keep to the order of `jobs`.
        """
        self.jobs = {job.name: job for job in jobs}
        self.state: dict[str, State] = {
            name: "done" if name in done else "waiting" for name in self.jobs
        }
        self.running: dict[str, None] = {}
        self._number = {name: number for number, name in enumerate(self.jobs)}
        self._children: dict[str, list[str]] = {name: [] for name in self.jobs}
        self._tries = Counter[str]()
        self._path_s = dict.fromkeys(self.jobs, 0.0)
        self._ready: dict[Needs, list[_Head]] = {}
        for job in reversed(jobs):
            if self.state[job.name] == "done":
                continue
            self._path_s[job.name] += job.cost_s
            for parent in job.parents:
                self._children[parent].append(job.name)
                self._path_s[parent] = max(self._path_s[parent], self._path_s[job.name])
        self._urgency = self._path_s if longest_first else dict.fromkeys(self.jobs, 0.0)
        for job in jobs:
            self._line_up(job.name)

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing more can."""
        return not self.running and not any(self._ready.values())

    @property
    def counts(self) -> Counter[str]:
        """How many jobs are in each state."""
        return Counter(self.state.values())

    def next(self, has_room: Callable[[Needs], bool]) -> Job | None:
        """Return the most urgent job that there is room for, as running from now on."""
        for head in sorted(heap[0] for heap in self._ready.values() if heap):
            job = self.jobs[head[-1]]
            if has_room(job.needs):
                heappop(self._ready[job.needs])
                self.state[job.name] = "running"
                self.running[job.name] = None
                self._tries[job.name] += 1
                return job
        return None

    def finish(self, name: str) -> None:
        """Take a running job as done; who waited for it alone is ready."""
        self._leave(name, "done")
        for child in self._children[name]:
            self._line_up(child)

    def lose(self, name: str) -> bool:
        """Line a job up again that was lost without its fault; tell whether it gets that chance."""
        if self._tries[name] >= MAX_TRIES:
            return False
        self._leave(name, "waiting")
        self._line_up(name)
        return True

    def fail(self, name: str) -> tuple[str, ...]:
        """Give a job up; return all that rest on it, which will not begin."""
        self._leave(name, "failed")
        found: dict[str, None] = {}
        reached = [*self._children[name]]
        while reached:
            child = reached.pop()
            if self.state[child] == "waiting":
                self.state[child] = "not begun"
                found[child] = None
                reached += self._children[child]
        return tuple(found)

    def remaining_s(self, num_parallel: int) -> float:
        """Return the least time, by the estimates, that so many at once need for the rest."""
        left = [name for name, state in self.state.items() if state in _LEFT]
        work_s = sum(self.jobs[name].cost_s for name in left)
        longest_s = max((self._path_s[name] for name in left), default=0.0)
        return max(longest_s, work_s / max(num_parallel, 1))

    def _leave(self, name: str, state: State) -> None:
        del self.running[name]
        self.state[name] = state

    def _line_up(self, name: str) -> None:
        job = self.jobs[name]
        if self.state[name] != "waiting":
            return
        if all(self.state[parent] == "done" for parent in job.parents):
            self.state[name] = "ready"
            head = (-self._urgency[name], self._number[name], name)
            heappush(self._ready.setdefault(job.needs, []), head)


_WORTH_A_PROCESS_S = 30.0
_PROCESS_BYTES = 1 << 30
"""What Python, torch and a task's rows take."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a stage takes of the node that carries it out.

    Args:
        cpus: one per thread.
        on_gpu: whether it computes on a GPU where there are any.
        memory_bytes: about so much.
        alone: nothing else may run on the node meanwhile.
    """

    cpus: int = 1
    on_gpu: bool = False
    memory_bytes: int = 0
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stage to carry out; `name` is its fingerprint, `parents` are theirs."""

    name: str
    stage: Stage
    parents: tuple[str, ...] = ()
    cost_s: float = 0.0
    needs: Needs = Needs()


def jobs_of(plan: Plan, shape: ModelShape) -> Iterator[Job]:
    """Yield the stages of a plan as jobs, parents first; `shape` is the base encoder's."""
    for stage in plan.stages:
        yield Job(
            name=stage.fingerprint,
            stage=stage,
            parents=tuple(parent.fingerprint for parent in stage.parents),
            cost_s=stage.cost(plan.recipe, shape).time_s,
            needs=_needs(stage, plan.recipe.num_threads, shape),
        )


def _needs(stage: Stage, num_threads: int, shape: ModelShape) -> Needs:
    """Estimate what a stage takes; activations are cut to fit whatever memory there is."""
    return Needs(
        cpus=num_threads,
        on_gpu=stage.model_copies > 0,
        memory_bytes=_PROCESS_BYTES + stage.model_copies * shape.file_bytes,
        alone=stage.runs_alone,
    )


def fitting_jobs(jobs: Sequence[Job]) -> int:
    """Return how many of these at a time this machine has CPUs, GPUs and memory for.

    One, where all of them take less time than starting a second process is worth.
    """
    if sum(job.cost_s for job in jobs) < _WORTH_A_PROCESS_S:
        return 1
    needs = [job.needs for job in jobs]
    num_gpus = num_accelerators() if any(each.on_gpu for each in needs) else 0
    by_compute = num_gpus or num_cpus() // max(each.cpus for each in needs)
    by_memory = available_bytes() // max(each.memory_bytes for each in needs)
    return max(1, min(by_compute, by_memory, len(jobs)))


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


class NodePool:
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
