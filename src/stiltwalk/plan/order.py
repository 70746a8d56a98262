"""Which stage comes next when several can run: bookkeeping alone, nothing runs here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from typing import Literal

from stiltwalk.plan.jobs import Job, Needs

MAX_TRIES = 3
"""How often a stage begins before those who carry it out are not blamed any more."""
State = Literal["waiting", "ready", "running", "done", "failed", "not begun"]
_LEFT = frozenset({"waiting", "ready", "running"})
_Head = tuple[float, int, str]


class Order:
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
