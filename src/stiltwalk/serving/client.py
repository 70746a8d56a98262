"""One connection to an OpenAI-compatible server: requests with retries, streams with their times.

Made of the standard library: nothing has to be installed, `huggingface_hub` brings `httpx` or
`httpx2` according to its own version, and a layer less costs less of what is measured. Proxies of
the environment are not used: what they do would be timed, too.
"""

from __future__ import annotations

import json
import os
import random
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

from stiltwalk.errors import EndpointError, ModelError
from stiltwalk.wording import masked, nearest, shown

KEY = "STILTWALK_API_KEY"
"""The environment's name for the key; it is never written or said."""
_AGAIN = frozenset({429, 500, 502, 503, 504})
_LONGEST_BYTES = 64 << 20
_SPARE_EVENTS = 64
"""More chunks than tokens that were asked for: a first one with a role, a last one with usage."""


class Unable(EndpointError):  # noqa: N818 - says it best
    """The server understood and does not do it; `status` is HTTP's."""

    def __init__(self, message: str, status: int = 0) -> None:
        """Say it with its status."""
        super().__init__(message)
        self.status = status


class _Broken(Exception):
    """Something that may pass; `wait_s` is what a busy server asks to wait."""

    def __init__(self, message: str, wait_s: float = 0.0, *, is_busy: bool = False) -> None:
        super().__init__(message)
        self.wait_s, self.is_busy = wait_s, is_busy


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A model behind a server.

    Args:
        base_url: up to and with `/v1`.
        model: as the server calls it.
    """

    base_url: str
    model: str

    def __post_init__(self) -> None:
        """Refuse what is no address, or holds a password.

        Raises:
            ModelError: with the address masked.
        """
        try:
            parts = urlsplit(self.base_url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
            is_address = is_address and (parts.port or 1) > 0 and self.base_url.isprintable()
        except ValueError:
            is_address, parts = False, urlsplit("")
        if not is_address or parts.query or parts.fragment:
            raise ModelError(
                f"{shown(masked(self.base_url.partition('?')[0]))} is no address of a server: give "
                "it as http://HOST:PORT/v1, and nothing behind that."
            )
        if parts.username or parts.password:
            raise ModelError(
                f"{masked(self.base_url)} holds a password, which would be kept with the results: "
                f"put the key into the environment as {KEY}, and leave it out here."
            )

    def __str__(self) -> str:
        """Return it as `compare` takes it."""
        return f"{self.base_url}#{self.model}"

    @classmethod
    def named(cls, name: str) -> Endpoint | None:
        """Return what http://HOST:PORT/v1#MODEL names; None for a name of another form."""
        if not name.startswith(("http://", "https://")):
            return None
        base_url, _, model = name.partition("#")
        if not model:
            raise ModelError(f"{masked(name)} names no model: add it behind a #, as {name}#MODEL.")
        return cls(base_url=base_url.rstrip("/"), model=model)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a client waits, and how often it tries.

    Args:
        tries: of one request, the first included.
        first_wait_s: before the second try; doubled each time, at most 30 s.
        idle_s: without a byte.
        answer_s: for a whole answer.
    """

    tries: int = 6
    first_wait_s: float = 0.5
    idle_s: float = 120.0
    answer_s: float = 900.0


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A streamed answer.

    Args:
        text: what was written.
        sent_s: when it was asked, by `time.perf_counter`.
        chunks_s: when each chunk with `choices` was there.
        input_tokens: of the prompt by the server's count; None where it tells none.
        output_tokens: by the server's count, else the chunks that hold text.
        cached_tokens: of the prompt, that the server had read before; None where it does not tell.
        is_counted: whether the server told its count.
    """

    text: str
    sent_s: float
    chunks_s: tuple[float, ...]
    input_tokens: int | None
    output_tokens: int
    cached_tokens: int | None
    is_counted: bool


class _Deadline(socket.socket):
    """A socket that no drip of bytes keeps waiting: whatever is read ends at one time."""

    ends_s = 0.0
    idle_s = 0.0

    def recv_into(self, *args: Any, **named: Any) -> int:  # noqa: ANN401 - as socket's
        """Wait for as long as is left."""
        left_s = min(self.ends_s - time.monotonic(), self.idle_s)
        if left_s <= 0:
            raise TimeoutError("the answer takes too long")
        self.settimeout(left_s)
        return super().recv_into(*args, **named)


class _DeadlineTLS(_Deadline, ssl.SSLSocket):
    """The same, encrypted."""


class _Plain(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Deadline(fileno=self.sock.detach())


def _connection(endpoint: Endpoint, timeout_s: float) -> HTTPConnection:
    parts = urlsplit(endpoint.base_url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return _Plain(host, parts.port, timeout=timeout_s)
    context = ssl.create_default_context()
    context.sslsocket_class = _DeadlineTLS
    return HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)


class Client:
    """Asks one model over one connection, one request at a time: a thread's own."""

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        """Connect when first asked."""
        self.endpoint, self._patience = endpoint, patience or Patience()
        self._connection: HTTPConnection | None = None
        self.num_broken = 0
        self._path = urlsplit(endpoint.base_url).path.rstrip("/")
        self._key = os.environ.get(KEY, "").strip()
        if not (self._key.isprintable() and self._key.isascii()):
            raise ModelError(f"{KEY} holds signs that no header can: set it to the key alone.")

    def close(self) -> None:
        """Let the connection go."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def got(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the document at a path below the base URL; see `asked`."""
        return self._tried(lambda: self._document(path, None))

    def asked(self, path: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Return what a server answers.

        Raises:
            Unable: if it refuses this request for good.
            ModelError: if the key or the model's name is wrong.
            EndpointError: if it did not answer, however often it was asked.
        """
        return self._tried(lambda: self._document(path, {"model": self.endpoint.model, **body}))

    def streamed(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Return an answer that comes in pieces, with their times; errors as those of `asked`."""
        asked = {
            "model": self.endpoint.model,
            **body,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        most = int(body["max_tokens"])
        reply: Reply = self._tried(lambda: self._stream(path, asked, most))
        return reply

    def _tried(self, ask: Any) -> Any:  # noqa: ANN401 - what it returns
        patience, wait_s = self._patience, self._patience.first_wait_s
        for number in range(1, patience.tries + 1):
            try:
                return ask()
            except _Broken as error:
                self.close()
                self.num_broken += not error.is_busy
                if number == patience.tries:
                    times = f" {number} times" if number > 1 else ""
                    raise EndpointError(
                        f"{self.endpoint} was asked{times} without an answer: {error}. See what "
                        "the server says, and run the same command again; answers are kept."
                    ) from error
                time.sleep(min(max(wait_s * (1 + random.random()), error.wait_s), 30.0))  # noqa: S311
                wait_s *= 2
            except BaseException:
                self.close()
                raise
        raise AssertionError("a patience of no try")

    def _open(self, path: str, body: Mapping[str, Any] | None) -> HTTPResponse:
        """Send a request; return the response with its status looked at."""
        if self._connection is None:
            self._connection = _connection(self.endpoint, min(self._patience.idle_s, 30.0))
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            if self._connection.sock is None:
                self._connection.connect()
            sock = self._connection.sock
            assert isinstance(sock, _Deadline)
            sock.idle_s = self._patience.idle_s
            sock.ends_s = time.monotonic() + self._patience.answer_s
            content = None if body is None else json.dumps(body).encode()
            method = "GET" if body is None else "POST"
            self._connection.request(method, self._path + path, content, headers)
            response = self._connection.getresponse()
        except ssl.SSLError as error:
            raise EndpointError(
                f"{self.endpoint} cannot be trusted or speaks no TLS ({error.reason or error}): "
                "mend its certificate, or give http:// for a server on this machine."
            ) from error
        except (OSError, HTTPException) as error:
            raise _Broken(_reason(error)) from error
        if response.status != 200:  # noqa: PLR2004 - HTTP's word for all is well
            self._refuse(response)
        return response

    def _refuse(self, response: HTTPResponse) -> None:
        """Raise what a status means."""
        status, said = response.status, self._said(response)
        if status in _AGAIN:
            wait = response.headers.get("Retry-After", "")
            wait_s = float(wait) if wait.isdigit() else 0.0
            raise _Broken(f"HTTP {status} {said}", wait_s, is_busy=status == 429)  # noqa: PLR2004
        if status in (401, 403):
            raise ModelError(
                f"{self.endpoint} does not let us in (HTTP {status}): set {KEY} in the environment "
                "to its key."
            )
        raise Unable(f"{self.endpoint} refuses (HTTP {status}): {said}", status)

    def _said(self, response: HTTPResponse) -> str:
        """Return the beginning of a refusal, masked."""
        try:
            text = response.read(1 << 16).decode("utf-8", "replace")
            found = json.loads(text)
            error = found.get("error", found) if isinstance(found, dict) else found
            text = str(error.get("message", error) if isinstance(error, dict) else error)
        except (OSError, HTTPException, ValueError, RecursionError):
            text = response.reason
        return self._masked(text)

    def _masked(self, text: str) -> str:
        text = text.replace(self._key, "***") if self._key else text
        return masked(" ".join(text.split()))[:300]

    def _document(self, path: str, body: Mapping[str, Any] | None) -> Any:  # noqa: ANN401 - JSON
        response = self._open(path, body)
        try:
            content = response.read(_LONGEST_BYTES)
            return json.loads(content)
        except (OSError, HTTPException) as error:
            raise _Broken(_reason(error)) from error
        except (ValueError, RecursionError) as error:
            raise _Broken("what it says is no JSON") from error

    def _stream(self, path: str, body: Mapping[str, Any], most_tokens: int) -> Reply:
        sent_s = time.perf_counter()
        response = self._open(path, body)
        lines, is_ended = [], False
        rest, most = b"", 4 * most_tokens + _SPARE_EVENTS
        try:
            while not is_ended and (piece := response.read1(1 << 16)):
                now_s = time.perf_counter()
                *whole, rest = (rest + piece).split(b"\n")
                lines += [(now_s, line) for line in whole if line.startswith(b"data:")]
                is_ended = bool(lines) and lines[-1][1][5:].strip() == b"[DONE]"
                if len(lines) > most or len(rest) > _LONGEST_BYTES:
                    raise EndpointError(
                        f"{self.endpoint} does not end its answer: {len(lines)} pieces came where "
                        f"{most_tokens} tokens were asked for. It ignores max_tokens, and cannot "
                        "be used."
                    )
            response.read()  # the end of the response itself, so that the connection serves again
        except (OSError, HTTPException) as error:
            raise _Broken(_reason(error)) from error
        events = [(at, line[5:].strip()) for at, line in lines]
        return self._reply(sent_s, events, is_ended=is_ended)

    def _reply(
        self, sent_s: float, events: Sequence[tuple[float, bytes]], *, is_ended: bool
    ) -> Reply:
        texts, chunks_s, is_finished = list[str](), list[float](), is_ended
        usage: dict[str, Any] = {}
        for at, content in events:
            if content == b"[DONE]":
                break
            try:
                event = json.loads(content)
                if "error" in event:
                    raise _Broken(self._masked(str(event["error"])))
                usage = event.get("usage") or usage
                for choice in event["choices"][:1]:
                    chunks_s.append(at)
                    delta = choice.get("delta") or {}
                    texts.append(choice.get("text") or delta.get("content") or "")
                    is_finished = is_finished or bool(choice.get("finish_reason"))
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
                raise _Broken("a piece of its answer is not of the protocol") from error
        if not is_finished or not chunks_s:
            raise _Broken("its answer broke off")
        details = usage.get("prompt_tokens_details") or {}
        counted = usage.get("completion_tokens")
        return Reply(
            text="".join(texts),
            sent_s=sent_s,
            chunks_s=tuple(chunks_s),
            input_tokens=usage.get("prompt_tokens"),
            output_tokens=sum(map(bool, texts)) if counted is None else int(counted),
            cached_tokens=details.get("cached_tokens"),
            is_counted=counted is not None,
        )


def _reason(error: Exception) -> str:
    """Return what broke a connection, in a few words."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    if isinstance(error, IncompleteRead):
        return "its answer broke off"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".rstrip(": ")


def models_of(client: Client) -> dict[str, Any] | None:
    """Return what a server tells of the model, None where it has no list.

    Raises:
        ModelError: if the list lacks the model.
    """
    try:
        found = client.got("/models")
        entries = {each["id"]: each for each in found["data"]}
    except (Unable, LookupError, TypeError):
        return None
    name = client.endpoint.model
    if name not in entries:
        raise ModelError(
            f"{client.endpoint.base_url} has no model {shown(name)}."
            f"{nearest(name, [str(each) for each in entries])}"
        )
    return {key: each for key, each in entries[name].items() if key in ("id", "root", "meta")}
