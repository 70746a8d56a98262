"""Tests for stiltwalk.execution.executors.ray, on real clusters with stages that sleep."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("ray")

from ray.cluster_utils import Cluster
from rich.console import Console

from clusters import NODE, Pretend, job, meanwhile, pretend, ray_cluster
from stiltwalk.errors import ClusterError, StagesFailed
from stiltwalk.execution.executors.ray import RayExecutor
from stiltwalk.execution.progress import print_status, read_status
from stiltwalk.execution.scheduler import MAX_TRIES, Needs
from stiltwalk.store.machine import differences, versions
from stiltwalk.store.workspace import Workspace


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_cluster(2) as made:
        yield made


def test_a_node_carries_stages_out_while_status_and_table_tell_so(tmp_path: Path) -> None:
    first = job("sleep")
    second, store, told = job("sleep:1", first), Workspace(tmp_path), io.StringIO()

    def look() -> bool:
        if not store.kept_text("status.json") or not (status := read_status(store))["running"]:
            return False
        print_status(status, Console(file=told, width=200))
        return True

    with (
        ray_cluster(0, head_cpus=1),
        store.lock(),
        RayExecutor("ray", Pretend(store.address), lambda _: None) as executor,
        meanwhile(look),
    ):
        table = pretend([first, second], store, executor, is_terminal=True)
    assert store.has(first.name)
    assert store.has(second.name)
    for said in (table, told.getvalue()):
        assert re.search(
            rf"{first.name} +base encoder sleep +running for \d+ s on \S+ \(\w+\)", said
        )
        assert "1 of 1 CPUs" in said
    assert "Led by process" in told.getvalue()
    assert "2 done" in table


@pytest.mark.slow
def test_a_measurement_is_alone_and_no_process_serves_two_stages_with_a_gpu(
    tmp_path: Path,
) -> None:
    gpu = Needs(on_gpu=True)
    computing = [replace(job(f"sleep:{number}"), needs=gpu) for number in range(6)]
    alone = [replace(job(f"sleep:m{n}"), needs=replace(gpu, alone=True)) for n in range(2)]
    jobs, store = [*computing[:3], *alone, *computing[3:]], Workspace(tmp_path)
    with (
        ray_cluster(0, head_cpus=2, head_gpus=2),
        store.lock(),
        RayExecutor("ray", Pretend(store.address), lambda _: None) as executor,
    ):
        pretend(jobs, store, executor)
    ran = {each.name: store.marker(each.name) for each in jobs}
    for measured in alone:
        mine = ran.pop(measured.name)
        assert set(mine["provenance"]["gpus"].split(",")) == {"0", "1"}
        for other in ran.values():
            is_before = other["began_unix_s"] + other["time_s"] <= mine["began_unix_s"]
            assert is_before or mine["began_unix_s"] + mine["time_s"] <= other["began_unix_s"]
    assert {each["provenance"]["gpus"] for each in ran.values()} == {"0", "1"}
    assert len({each["provenance"]["process"] for each in ran.values()}) == len(computing)


@pytest.mark.slow
def test_faults_stay_where_they_are_and_the_rest_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    """One cluster for all of it: starting one takes seconds."""
    assert cluster is not None
    root, dies, hopeless = job("sleep"), job("die once"), job("die always")
    fails = job("fail", root)
    after = [job("sleep:1", dies), job("sleep:2", fails), job("sleep:3", hopeless, root)]
    more = [job(f"sleep:{number}", root) for number in range(4, 10)]
    jobs, store = [root, dies, hopeless, fails, *after, *more], Workspace(tmp_path)
    with store.lock(), RayExecutor("ray", Pretend(store.address), lambda _: None) as executor:
        with pytest.raises(StagesFailed, match="2 stages failed, and 2 that rest") as caught:
            pretend(jobs, store, executor)
        status = read_status(store)
        assert status["stages"] == {"done": 9, "failed": 2, "not begun": 2}
        assert {each["fingerprint"] for each in status["failed"]} == {fails.name, hopeless.name}
        assert [node["cpus_used"] for node in status["nodes"]] == [0, 0]
        notes = " ".join(caught.value.__notes__)
        assert "ValueError: it was meant to (clusters.py, line" in notes
        assert "is gone (WorkerCrashedError)" in notes
        assert store.has(dies.name)
        assert store.has(after[0].name)
        said = pretend([root, dies, *more], store, executor)
        assert said.count(" kept ") == len([root, dies, *more])
    by = {store.marker(each.name)["provenance"]["process"] for each in (root, dies, *more)}
    assert len(by) >= 2, "nobody but one worker did anything"
    assert MAX_TRIES > 1


@pytest.mark.slow
def test_a_node_with_other_versions_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "other" / "babel-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: babel\nVersion: 0.0.1\n")
    store, said = Workspace(tmp_path / "workspace"), list[str]()
    found = os.pathsep.join([str(other.parent), os.environ["PYTHONPATH"]])
    odd = cluster.add_node(num_cpus=8, env_vars={"PYTHONPATH": found}, **NODE)
    try:
        with store.lock(), RayExecutor("ray", Pretend(store.address), said.append) as executor:
            jobs = [job(f"sleep:{number}") for number in range(6)]
            pretend(jobs, store, executor)
            for _ in range(60):
                if any("refused" in line for line in said):
                    break
                executor.wait()
            nodes = executor.seen()["nodes"]
    finally:
        cluster.remove_node(odd)
    (refused,) = [node for node in nodes if node["refused"]]
    assert refused["refused"] == f"babel is 0.0.1, not {versions()['babel']}"
    assert not any(node.get("stages") for node in nodes)


def test_an_address_that_is_none_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    with pytest.raises(ClusterError, match="There is no Ray cluster at ray"):
        RayExecutor("ray", Pretend(str(tmp_path)), print)


def test_versions_that_differ_are_named() -> None:
    assert differences(versions()) == ""
    assert differences({**versions(), "torch": "1.0"}).endswith(", not 1.0")
