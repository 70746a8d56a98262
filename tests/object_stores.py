"""An object store on this machine: moto's server, bound to 127.0.0.1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
import s3fs
from moto.server import ThreadedMotoServer

PLACE = "s3://bucket/studies/mine"


@dataclass
class Server:
    """An object store that can be stopped and started again with what it holds."""

    running: ThreadedMotoServer | None = None
    port: int = 0

    def start(self) -> None:
        """Begin to answer, with what was there when it stopped."""
        self.running = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self.running.start()
        _, self.port = self.running.get_host_and_port()

    def stop(self) -> None:
        """Answer no more."""
        assert self.running is not None
        self.running.stop()


@contextmanager
def object_store(cache: Path) -> Iterator[Server]:
    """Give a store with an empty bucket, and environment variables by which it is found.

    Args:
        cache: where this machine keeps what it fetched.
    """
    server = Server()
    server.start()
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_MAX_ATTEMPTS": "1",
            "XDG_CACHE_HOME": str(cache),
        }.items():
            patched.setenv(name, value)
        patched.setattr(s3fs.S3FileSystem, "retries", 1)
        s3fs.S3FileSystem.clear_instance_cache()
        store = boto3.client("s3")
        store.create_bucket(Bucket="bucket")
        yield server
        for page in store.get_paginator("list_objects_v2").paginate(Bucket="bucket"):
            for each in page.get("Contents", ()):
                store.delete_object(Bucket="bucket", Key=each["Key"])
        store.delete_bucket(Bucket="bucket")
        server.stop()
        s3fs.S3FileSystem.clear_instance_cache()
