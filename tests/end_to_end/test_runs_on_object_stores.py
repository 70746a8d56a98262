"""Whole recipes whose workspace is on an object store, which stops in between."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("s3fs")

from object_stores import PLACE, Server, object_store
from stiltwalk import report
from stiltwalk.errors import WorkspaceError
from stiltwalk.execution.executors import local
from stiltwalk.stages.stage import Stage
from stiltwalk.store import remote
from stiltwalk.store.remote import Objects, RemoteWorkspace, workspace_at
from walking import SHORT, Walked, carry_out

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with object_store(tmp_path / "one machine") as found:
        yield found


def test_a_run_whose_store_stops_goes_on_and_ends_with_the_same_results(
    server: Server, short: Walked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "LASTS_S", 3.0)
    done = list[Stage]()
    perform = local.perform

    def until_the_fourth(stage: Stage, context: object) -> None:
        if len(done) == 3:
            server.stop()
        perform(stage, context)  # type: ignore[arg-type]
        done.append(stage)

    with monkeypatch.context() as patched:
        patched.setattr(local, "perform", until_the_fourth)
        with pytest.raises(WorkspaceError, match="cannot be used") as caught:
            carry_out(short.recipe, PLACE, SHORT)
    assert any("run the same command again" in note for note in caught.value.__notes__)
    server.start()
    time.sleep(3.0)  # the lease could not be given back either
    before = marker_times()
    assert len(before) == 3
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    carry_out(short.recipe, PLACE, SHORT)
    after = marker_times()
    assert before.items() <= after.items()
    assert copied(short, tmp_path / "copy").results() == short.results()
    assert workspace_at(PLACE).complete(list(after)) == short.stages().keys()


def marker_times() -> dict[str, object]:
    """Return when every stage that is there began."""
    names = {name.partition("/")[0] for name in Objects(PLACE).sizes("stages")}
    store = RemoteWorkspace(PLACE)
    return {name: store.marker(name)["began_unix_s"] for name in store.marked(sorted(names))}


def copied(run: Walked, folder: Path) -> Walked:
    """Return a run with a copy of what is in the store as its workspace."""
    objects = Objects(PLACE)
    for name in objects.sizes("stages"):
        objects.download(f"stages/{name}", folder / "stages" / name)
    return Walked(recipe=run.recipe, workspace=folder, report=run.report)


def test_two_nodes_and_a_driver_share_an_object_store(
    server: Server, short: Walked, tmp_path: Path
) -> None:
    assert server.running is not None
    pytest.importorskip("ray")
    from clusters import ray_cluster  # noqa: PLC0415 - only where there is Ray

    with ray_cluster(2):
        said = carry_out(short.recipe, PLACE, SHORT, "ray")
    assert said.count(" done ") == len(short.stages())
    assert copied(short, tmp_path / "copy").results() == short.results()
    assert report(PLACE)
    assert "small/report.html" in Objects(PLACE).sizes("runs")
