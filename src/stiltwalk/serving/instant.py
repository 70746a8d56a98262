"""A server that answers at once: what is measured against it is the client's own cost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from stiltwalk.serving.client import Endpoint
from stiltwalk.serving.probe import COMPLETIONS

PATH = COMPLETIONS
_PIECE = b'data: {"choices": [{"index": 0, "text": " word", "finish_reason": null}]}\n\n'
_END = b'data: {"choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def instant(num_tokens: int) -> Iterator[Endpoint]:
    """Serve answers of so many tokens on the loopback, without looking at what is asked."""
    body = _PIECE * num_tokens + _END
    answer = _HEAD % len(body) + body
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        thread = threading.Thread(target=_accept, args=(listening, answer), daemon=True)
        thread.start()
        yield Endpoint(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", model="instant")
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _accept(listening: socket.socket, answer: bytes) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


def _serve(connection: socket.socket, answer: bytes) -> None:
    """Answer requests of one connection until it is closed."""
    with connection, suppress(OSError):
        rest = b""
        while piece := connection.recv(1 << 16):
            rest += piece
            head, found, body = rest.partition(b"\r\n\r\n")
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            if found and len(body) >= int(length or 0):
                rest = b""
                connection.sendall(answer)
