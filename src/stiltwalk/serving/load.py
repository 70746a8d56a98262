"""Requests sent as users send them: so many streams at a time, or arriving on their own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from queue import SimpleQueue
from typing import Any

import numpy as np

from stiltwalk.errors import EndpointError
from stiltwalk.serving.client import Client, Endpoint, Patience, Reply
from stiltwalk.serving.instant import PATH, instant
from stiltwalk.serving.probe import said, uncached
from stiltwalk.serving.traces import Trace

_COST_REQUESTS = 30
_ONCE = Patience(tries=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What one request asks: a prompt, its language, and how long an answer may be."""

    prompt: str
    language: str = ""
    max_tokens: int = 32


@dataclass(kw_only=True, eq=False)
class Streams:
    """So many connections to one model, each with a thread of its own when it is asked.

    Args:
        endpoint: the model.
        path: where answers are written.
        how: added to every request, such as `ignore_eos`.
        salt: keeps requests from prefix caches, each by a number of its own; "" leaves them on.
        delay: a share by which every chunk comes later, as a proxy in front would let it.
    """

    endpoint: Endpoint
    path: str
    how: Mapping[str, Any] = field(default_factory=dict)
    salt: str = ""
    delay: float = 0.0
    _numbers: Iterator[int] = field(default_factory=count, repr=False)

    def ask(self, client: Client, wish: Wish, planned_s: float | None = None) -> Trace:
        """Send one request now; what fails is a trace, too: what is timed is asked once."""
        now_s = time.perf_counter()
        planned_s = now_s if planned_s is None else planned_s
        try:
            reply = self.reply(client, wish)
        except EndpointError as error:
            return Trace(
                planned_s=planned_s,
                sent_s=now_s,
                chunks_s=(),
                language=wish.language,
                fault=str(error),
            )
        chunks_s = reply.chunks_s
        if self.delay:
            longer = 1 + self.delay
            chunks_s = tuple(reply.sent_s + longer * (at - reply.sent_s) for at in chunks_s)
            _sleep_until(chunks_s[-1])
        return Trace(
            planned_s=planned_s,
            sent_s=reply.sent_s,
            chunks_s=chunks_s,
            input_tokens=reply.input_tokens or 0,
            output_tokens=reply.output_tokens,
            language=wish.language,
        )

    def reply(self, client: Client, wish: Wish) -> Reply:
        """Return the whole answer to one request."""
        body = {**said(self.path, wish.prompt), "max_tokens": wish.max_tokens, "temperature": 0}
        salted = uncached(f"{self.salt}-{next(self._numbers)}") if self.salt else {}
        return client.streamed(self.path, {**body, **self.how, **salted})

    @contextmanager
    def opened(self, number: int, patience: Patience = _ONCE) -> Iterator[list[Client]]:
        """Hold so many clients."""
        with ExitStack() as stack:
            clients = [Client(self.endpoint, patience) for _ in range(number)]
            for each in clients:
                stack.callback(each.close)
            yield clients


def closed_loop(streams: Streams, clients: Sequence[Client], wishes: Sequence[Wish]) -> list[Trace]:
    """Return traces in the order of the wishes; each client asks its next once it is answered."""
    if len(clients) == 1:
        return [streams.ask(clients[0], wish) for wish in wishes]
    asked = iter(range(len(wishes)))
    found: list[Trace | None] = [None] * len(wishes)

    def go_on(client: Client) -> None:
        for number in asked:  # of a range, which threads share safely
            found[number] = streams.ask(client, wishes[number])

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(go_on, clients))
    return [each for each in found if each is not None]


def arrivals(rate_per_s: float, number: int, rng: np.random.Generator) -> list[float]:
    """Return when requests arrive, seconds from the start: a Poisson process of a rate."""
    return [float(at) for at in np.cumsum(rng.exponential(1 / rate_per_s, number))]


def open_loop(
    streams: Streams, wishes: Sequence[Wish], starts_s: Iterable[float], clients: Sequence[Client]
) -> list[Trace]:
    """Return traces of requests that start on time, whatever the server does.

    A request for which no client is free waits, and its waiting counts: a load generator that
    leaves it out reports the service of those who were lucky (coordinated omission).
    """
    free: SimpleQueue[Client] = SimpleQueue()
    for each in clients:
        free.put(each)
    began_s = time.perf_counter()

    def serve(wish: Wish, planned_s: float) -> Trace:
        client = free.get()
        try:
            return streams.ask(client, wish, planned_s)
        finally:
            free.put(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        waiting = []
        for wish, start_s in zip(wishes, starts_s, strict=True):
            _sleep_until(began_s + start_s)
            waiting.append(pool.submit(serve, wish, began_s + start_s))
        return [each.result() for each in waiting]


def own_cost(num_streams: int, wish: Wish) -> float:
    """Return the seconds that this client takes of each of many requests which cost nothing."""
    number = _COST_REQUESTS * num_streams
    with instant(wish.max_tokens) as endpoint:
        streams = Streams(endpoint=endpoint, path=PATH)
        with streams.opened(num_streams) as clients:
            closed_loop(streams, clients, [wish] * num_streams)
            began = time.perf_counter()
            closed_loop(streams, clients, [wish] * number)
            return (time.perf_counter() - began) / number


def _sleep_until(at_s: float) -> None:
    while (left_s := at_s - time.perf_counter()) > 0:
        time.sleep(left_s)
