"""Carry out stages as tasks of a Ray cluster, each on a node that has room for it."""

from __future__ import annotations

import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import ray
from grpc import RpcError
from ray import ObjectRef
from ray.exceptions import RayError, RayTaskError, WorkerCrashedError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from stiltwalk.errors import ClusterError
from stiltwalk.execution.executors import Assignment, Ended
from stiltwalk.execution.executors.worker import (
    Progress,
    Worker,
    first_line,
    run_stage,
    said_of,
)
from stiltwalk.execution.scheduler import Amount, Job, Needs, NodePool
from stiltwalk.stages.stage import Stage
from stiltwalk.store.machine import differences, versions

_TICK_S = 1.0
_PATIENCE_S = 30.0
"""With a head that is silent; after 60 s Ray would end this process without a word of ours."""
_LOOPBACK = "127.0.0.2" if sys.platform == "linux" else "127.0.0.1"
"""On Linux Ray takes 127.0.0.1 for this machine's address in the network."""
_STORE_BYTES = 100_000_000
"""Ray's own memory for what tasks exchange: words, here."""


def started(address: str, assignment: Assignment) -> AbstractContextManager[RayExecutor]:
    """Return what carries stages out on a cluster, once it is entered."""
    return RayExecutor(address, Worker(assignment.recipe, assignment.store.address), assignment.say)


class RayExecutor(AbstractContextManager["RayExecutor"]):
    """Carries out stages on the nodes of a Ray cluster."""

    is_parallel = True

    def __init__(
        self, address: str, work: Callable[[Stage, Progress], None], say: Callable[[str], None]
    ) -> None:
        """Connect to a cluster, or start one on this machine if there is none.

        Args:
            address: "ray" for the cluster that this machine is a node of, or "ray://HEAD:PORT".
            work: carries out a stage; sent to the nodes.
            say: told what a person should know of nodes.

        Raises:
            ClusterError: if the cluster cannot be reached.
        """
        self._dashboard = _connect(address)
        self._head = "" if "://" in address else ray.get_runtime_context().gcs_address
        self._work, self._say = work, say
        if self._dashboard:
            say(f"Ray's dashboard: {self._dashboard}")
        self._nodes = NodePool()
        self._names: dict[str, str] = {}
        self._usable: set[str] = set()
        self._refused: dict[str, str] = {}
        self._asked: dict[ObjectRef[str], str] = {}
        self._running: dict[ObjectRef[str], tuple[Job, str, float]] = {}
        self._lost_on: dict[str, str] = {}
        self._missed: set[Needs] = set()
        self._looked_s = self._answered_s = 0.0

    def __exit__(self, *_: object) -> None:
        """Leave the cluster; what still runs for us is stopped."""
        ray.shutdown()

    def has_room(self, needs: Needs) -> bool:
        """Tell whether a node could begin such a stage now."""
        found = self._nodes.find(needs)
        has_met_all = self._looked_s and not self._asked
        if has_met_all and needs not in self._missed and not self._nodes.can_ever(needs):
            self._missed.add(needs)
            gib = needs.memory_bytes / (1 << 30)
            self._say(f"no node has {needs.cpus} CPUs and {gib:.1f} GiB: waiting for one that has")
        return found is not None

    def start(self, job: Job) -> None:
        """Begin a stage on the node with the fewest, another than the one it was lost on.

        Raises:
            ClusterError: if the cluster is gone.
        """
        node = self._nodes.find(job.needs, avoid=self._lost_on.get(job.name, ""))
        assert node is not None
        amount = self._nodes.give(node, job.name, job.needs)
        carry = _CARRY_ON_GPU if amount.gpus else _CARRY
        task = carry.options(
            num_cpus=amount.cpus,
            num_gpus=amount.gpus,
            memory=job.needs.memory_bytes,
            max_retries=0,
            name=job.name,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        with _reaching():
            self._running[task.remote(self._work, job.stage)] = (job, node, time.monotonic())

    def wait(self) -> Ended | None:
        """Return the next stage that ended; meet nodes that joined.

        Raises:
            ClusterError: if the cluster is gone, or none of its nodes may be used.
        """
        with _reaching():
            self._look_around()
            asked = [*self._running, *self._asked]
            if not asked:
                time.sleep(_TICK_S)
                return None
            for ref in ray.wait(asked, timeout=_TICK_S)[0]:
                if ref in self._running:
                    return self._ended(ref)
                self._meet(ref)
        return None

    def seen(self) -> dict[str, Any]:
        """Return the nodes, what they have, and which stages run on them."""
        nodes = [
            {
                "name": self._names[key],
                "refused": "",
                "cpus": node.has.cpus,
                "cpus_used": sum(each.cpus for each in node.given.values()),
                "gpus": node.has.gpus,
                "gpus_used": sum(each.gpus for each in node.given.values()),
                "stages": list(node.given),
            }
            for key, node in self._nodes.by_id.items()
        ]
        refused = [{"name": self._names[key], "refused": why} for key, why in self._refused.items()]
        return {"nodes": nodes + refused, "dashboard": self._dashboard}

    def _look_around(self) -> None:
        """See which nodes there are, and ask new ones for their versions."""
        now = time.monotonic()
        if now - self._looked_s < _TICK_S or not self._has_head(now):
            return
        self._looked_s = now
        found: dict[str, Amount] = {}
        for node in ray.nodes():
            key, has = node["NodeID"], node["Resources"]
            if not node["Alive"] or not has.get("CPU"):
                continue
            self._names[key] = f"{node['NodeManagerHostname']} ({key[:6]})"
            found[key] = Amount(
                cpus=has["CPU"], gpus=has.get("GPU", 0), memory_bytes=has.get("memory", 0)
            )
            if key not in self._usable | self._refused.keys() | set(self._asked.values()):
                self._ask(key)
        self._nodes.update({key: each for key, each in found.items() if key in self._usable})
        refused = self._refused.keys() & found.keys()
        if refused and refused == found.keys() and not self._running:
            reasons = "; ".join(f"{self._names[key]}: {self._refused[key]}" for key in refused)
            raise ClusterError(f"No node of the Ray cluster may be used. {reasons}.")

    def _has_head(self, now: float) -> bool:
        """Tell whether the head listens; whoever asks Ray for nodes without it waits for long."""
        if not self._head or _listens(self._head):
            self._answered_s = now
        elif now - self._answered_s > _PATIENCE_S:
            raise _gone(f"nothing answers at {self._head}")
        return self._answered_s == now

    def _ask(self, key: str) -> None:
        here = NodeAffinitySchedulingStrategy(key, soft=False)
        task = _DIFFERENCES.options(num_cpus=0, max_retries=0, scheduling_strategy=here)
        self._asked[task.remote(versions())] = key

    def _meet(self, ref: ObjectRef[str]) -> None:
        """Take a node in that has the same versions; refuse it before it computes anything."""
        key = self._asked.pop(ref)
        try:
            why = ray.get(ref)
        except RayTaskError as error:  # it lacks what even this question needs
            why = said_of(error.cause)
        except RayError:
            return  # it is asked again while it is there
        self._looked_s = 0.0
        if not why:
            self._usable.add(key)
            self._say(f"node {self._names[key]} joined")
            return
        self._refused[key] = why
        self._say(f"node {self._names[key]} is refused: {why}")

    def _doubt(self, key: str) -> None:
        """Give a node no more stages until it has answered again: it may be gone itself."""
        self._usable.discard(key)
        self._nodes.update({each: n.has for each, n in self._nodes.by_id.items() if each != key})

    def _ended(self, ref: ObjectRef[str]) -> Ended:
        job, node, began_s = self._running.pop(ref)
        self._nodes.take_back(job.name)
        time_s = time.monotonic() - began_s
        try:
            return Ended(name=job.name, time_s=time_s, fault=ray.get(ref))
        except RayTaskError as error:  # it lacks what even beginning needs
            return Ended(name=job.name, time_s=time_s, fault=said_of(error.cause))
        except RayError as error:
            self._lost_on[job.name] = node
            if not isinstance(error, WorkerCrashedError):
                self._doubt(node)
            fault = f"Its worker on {self._names[node]} is gone ({type(error).__name__})."
            return Ended(name=job.name, time_s=time_s, fault=fault, was_lost=True)


def _connect(address: str) -> str:
    """Connect to a Ray cluster and return the address of its dashboard, "" if it has none."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    try:
        if "://" in address:
            with warnings.catch_warnings(action="ignore"):  # what it warns of is said below
                context = ray.init(address, **quiet)
        else:
            try:
                context = ray.init(os.environ.get("RAY_ADDRESS", "auto"), **quiet)
            except ConnectionError:
                if "RAY_ADDRESS" in os.environ:
                    raise
                context = ray.init(
                    "local",
                    _node_ip_address=_LOOPBACK,
                    object_store_memory=_STORE_BYTES,
                    **quiet,
                )
    except (RayError, ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(
            f"There is no Ray cluster at {address} ({first_line(error)}). docs/cluster.md tells "
            "how to start one."
        ) from error
    return str(context.dashboard_url or "")


@contextmanager
def _reaching() -> Iterator[None]:
    """Say what it means where Ray can reach the cluster no more."""
    try:
        yield
    except RpcError as error:
        raise _gone("Ray's client lost it") from error
    except (RayError, ConnectionError) as error:
        raise _gone(first_line(error)) from error


def _gone(why: str) -> ClusterError:
    return ClusterError(f"The Ray cluster is gone ({why}). Start it again, run the same command.")


def _listens(address: str) -> bool:
    """Tell whether there is somebody at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_TICK_S).close()
    except OSError:
        return False
    return True


_CARRY, _DIFFERENCES = ray.remote(run_stage), ray.remote(differences)
_CARRY_ON_GPU = ray.remote(max_calls=1)(run_stage)
"""In a process of its own: one that used a GPU keeps to it, whichever Ray gives it next."""
