"""A workspace on an object store: moto's server, started here, stopped in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("moto")
pytest.importorskip("s3fs")

import boto3

from object_stores import PLACE, Server, object_store
from stiltwalk.errors import WorkspaceError
from stiltwalk.stages.encoder import Base
from stiltwalk.store.remote import Lease, Objects, RemoteWorkspace, current

STAGE = Base(name="tiny", revision="sha256:1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with object_store(tmp_path / "one machine") as found:
        yield found


def test_a_stage_is_put_there_marker_last_and_read_elsewhere(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.running is not None
    boto3.client("s3").put_object(
        Bucket="bucket", Key=f"studies/mine/stages/{STAGE.fingerprint}/weights", Body=b"half"
    )
    workspace = RemoteWorkspace(PLACE)
    assert not workspace.has(STAGE)
    with workspace.lock(), workspace.writing(STAGE, {}) as folder:
        (folder.path / "weights").write_bytes(b"12345")
        assert workspace.held_by()
    assert not workspace.held_by()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "another machine"))
    there = RemoteWorkspace(PLACE)
    assert there.has(STAGE)
    assert (there.verified(STAGE) / "weights").read_bytes() == b"12345"


def test_the_store_lets_one_of_two_create_a_lease(server: Server) -> None:
    assert server.running is not None
    objects = Objects(PLACE)
    objects.create("lease/00000001.json", b'{"holder": "a", "id": "a", "ends_unix_s": 0}')
    objects.create("lease/00000001.json", b'{"holder": "b", "id": "b", "ends_unix_s": 0}')
    number, found = current(objects)
    assert (number, found and found["id"]) == (1, "a")
    with Lease(objects, "me").held():
        assert current(objects)[0] == 2


def test_a_store_that_is_away_is_said_with_its_url(server: Server) -> None:
    workspace = RemoteWorkspace(PLACE)
    server.stop()
    try:
        with pytest.raises(WorkspaceError, match=f"{PLACE}/stages/.* cannot be used") as caught:
            workspace.has(STAGE)
        assert "run the same command again" in str(caught.value)
    finally:
        server.start()


def test_a_bucket_that_does_not_exist_is_said(server: Server) -> None:
    assert server.running is not None
    workspace = RemoteWorkspace("s3://no-such-bucket/x")
    with pytest.raises(WorkspaceError, match=r"no-such-bucket/x/lease/.* cannot be used"):
        workspace.lock().__enter__()
