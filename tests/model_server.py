"""A server that speaks OpenAI's protocol on the loopback, with known delays, and misbehaves.

`python model_server.py PORT NAME` is one in a process of its own, as a clock wants it.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

ENDLESS = 10_000


def tokens_of(text: str) -> list[str]:
    """Return a text in tokens: words with the white space before them."""
    return re.findall(r"\s*\S+|\s+$", text)


@dataclass
class Manner:
    """How a server behaves; may be changed while it runs.

    `faults` are taken one by one by requests that write, `always` is everybody's. Both are an
    HTTP status, or "half", "endless", "json", "context", "slow", "hangup", "stream error".
    """

    model: str = "tiny"
    reply: Callable[[str], str] = lambda _: "yes"
    first_token_s: float = 0.0
    token_s: float = 0.0
    faults: list[str] = field(default_factory=list)
    always: str = ""
    wait: str = ""
    key: str = ""
    echo: str = "echo"
    """ "echo", "ignored" as by llama.cpp, "refused", or "prompt_logprobs"."""
    chat: bool = True
    has_usage: bool = True
    obeys_length: bool = True
    caches: str = ""
    """ "" for no cache, "switched" for one that can be switched off, "always"."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    cached: set[str] = field(default_factory=set)
    score: Callable[[str], float] = lambda token: -float(len(token))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    manner: Manner


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def manner(self) -> Manner:
        return cast("_Server", self.server).manner

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""

    def do_GET(self) -> None:
        if self._is_refused():
            return
        if self.path == "/health":
            self._send(200, {})
        elif self.path == "/v1/models":
            entry = {"id": self.manner.model, "root": self.manner.model, "max_model_len": 512}
            self._send(200, {"object": "list", "data": [entry]})
        else:
            self._send(404, {"error": {"message": "Not Found"}})

    def do_POST(self) -> None:
        began = time.perf_counter()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._is_refused():
            return
        self.manner.asked.append({"path": self.path, **body})
        if body.get("model") != self.manner.model:
            self._send(404, {"error": {"message": f"The model `{body['model']}` does not exist."}})
        elif self.path == "/v1/chat/completions" and self.manner.chat:
            self._write(body, body["messages"][-1]["content"], began)
        elif self.path != "/v1/completions":
            self._send(404, {"error": {"message": "Not Found"}})
        elif body.get("echo") or body.get("prompt_logprobs") is not None:
            self._score(body)
        else:
            self._write(body, body["prompt"], began)

    def _is_refused(self) -> bool:
        key = self.manner.key
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            said = self.headers.get("Authorization", "")
            self._send(401, {"error": {"message": f"Incorrect API key provided: {said}"}})
            return True
        return False

    def _send(self, status: int, document: Any, raw: bytes | None = None) -> None:  # noqa: ANN401
        content = json.dumps(document).encode() if raw is None else raw
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.manner.wait:
            self.send_header("Retry-After", self.manner.wait)
        self.end_headers()
        self.wfile.write(content)

    def _score(self, body: dict[str, Any]) -> None:
        """Answer a request for the prompt's own log-probabilities."""
        manner, prompt = self.manner, body["prompt"]
        if manner.echo == "refused":
            self._send(400, {"error": {"message": "echo is not supported"}})
            return
        parts, scores = tokens_of(prompt), [manner.score(each) for each in tokens_of(prompt)]
        choice: dict[str, Any] = {"text": " yes", "index": 0, "finish_reason": "length"}
        if manner.echo == "ignored":
            choice["logprobs"] = {"tokens": [" yes"], "token_logprobs": [-1.0]}
        elif manner.echo == "echo" and body.get("echo"):
            offsets = [sum(map(len, parts[:at])) for at in range(len(parts))]
            told = {"tokens": parts, "token_logprobs": [None, *scores[1:]], "text_offset": offsets}
            choice |= {"text": prompt, "logprobs": told}
        elif manner.echo == "prompt_logprobs" and body.get("prompt_logprobs") is not None:
            rows = [
                {str(at): {"logprob": score, "decoded_token": part}}
                for at, (part, score) in enumerate(zip(parts, scores, strict=True))
            ]
            choice["prompt_logprobs"] = [None, *rows[1:]]
        usage = {"prompt_tokens": len(parts), "completion_tokens": body.get("max_tokens", 0)}
        self._send(200, {"choices": [choice], "usage": usage})

    def _write(self, body: dict[str, Any], prompt: str, began: float) -> None:
        manner = self.manner
        fault = manner.faults.pop(0) if manner.faults else manner.always
        if fault.isdigit():
            self._send(int(fault), {"error": {"message": f"told to say {fault}"}})
        elif fault == "context":
            said = "This model's maximum context length is 512 tokens. Please reduce the length."
            self._send(400, {"error": {"message": said}})
        elif fault == "hangup":
            self.close_connection = True
        elif fault == "json" and not body.get("stream"):
            self._send(200, None, raw=b'{"choices": [')
        else:
            self._stream(body, prompt, began, fault)

    def _stream(self, body: dict[str, Any], prompt: str, began: float, fault: str) -> None:
        manner = self.manner
        parts = tokens_of(manner.reply(prompt))
        most = body.get("max_tokens", 16)
        if body.get("ignore_eos") and manner.obeys_length:
            parts = [*parts, *[" more"] * most]
        parts = [" more"] * ENDLESS if fault == "endless" else parts[:most]
        is_cached = self._is_cached(body, prompt)
        usage = {
            "prompt_tokens": len(tokens_of(prompt)),
            "completion_tokens": len(parts),
            "prompt_tokens_details": {"cached_tokens": len(tokens_of(prompt)) * is_cached},
        }
        if not body.get("stream"):
            self._sleep(began + manner.first_token_s + manner.token_s * (len(parts) - 1))
            text = "".join(parts)
            message = {"message": {"role": "assistant", "content": text}, "text": text}
            document = {"choices": [{**message, "finish_reason": "stop"}], "usage": usage}
            self._send(200, document)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):
            self._events(body, parts, began + manner.first_token_s * (not is_cached), fault)
            if fault != "half":
                if manner.has_usage:
                    self._event({"choices": [], "usage": usage})
                self._chunk(b": a comment\n\ndata: [DONE]\n\n")
                self._chunk(b"")
        self.close_connection = self.close_connection or bool(fault)

    def _events(self, body: dict[str, Any], parts: list[str], first_s: float, fault: str) -> None:
        for number, part in enumerate(parts):
            self._sleep(first_s + number * self.manner.token_s)
            if fault == "half" and number >= len(parts) // 2:
                return
            if fault == "json":
                self._chunk(b'data: {"choices": [{\n\n')
            if fault == "stream error":
                self._event({"error": {"message": "the engine died"}})
            if fault == "slow":
                time.sleep(3600)
            last = "stop" if number == len(parts) - 1 else None
            told = {"delta": {"content": part}} if "messages" in body else {"text": part}
            self._event({"choices": [{"index": 0, **told, "finish_reason": last}]})

    def _is_cached(self, body: dict[str, Any], prompt: str) -> bool:
        """Tell whether a prompt is known, and know it from now on."""
        manner = self.manner
        is_off = body.get("cache_prompt") is False or "cache_salt" in body
        if not manner.caches or (is_off and manner.caches == "switched"):
            return False
        is_known = prompt in manner.cached
        manner.cached.add(prompt)
        return is_known

    def _sleep(self, until: float) -> None:
        if (left := until - time.perf_counter()) > 0:
            time.sleep(left)

    def _event(self, document: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(document)}\n\n".encode())

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


@contextmanager
def served(manner: Manner, port: int = 0) -> Iterator[str]:
    """Serve on the loopback; yield the base URL."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.manner = manner
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    port, name, *delays_s = sys.argv[1:]
    server = _Server(("127.0.0.1", int(port)), _Handler)
    first_s, token_s = map(float, delays_s or ("0", "0"))
    text = " ".join(map(str, range(8)))
    server.manner = Manner(model=name, first_token_s=first_s, token_s=token_s, reply=lambda _: text)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
