"""Prompts answered by a server that speaks OpenAI's protocol; what it said is kept as it comes.

Prompts go there as text, so no tokenizer and no weights are needed here: to the rest of the house
a prompt's signs are its tokens. Options are compared by the log-probabilities of the server's own
tokens, those behind as many as the prompt has alone, as lm-evaluation-harness has it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

import numpy as np

from stiltwalk.errors import EndpointError, ModelError
from stiltwalk.features.prompts import PromptEncoder
from stiltwalk.features.rows import Features
from stiltwalk.features.text import Ids
from stiltwalk.files import add_line, read_lines
from stiltwalk.heads.decoder import DecoderHead
from stiltwalk.inference.backends import Found, answered
from stiltwalk.inference.decode import Stopping
from stiltwalk.inference.engine import Engine, RowCosts, Tick
from stiltwalk.inference.predictor import Predictor, Settings
from stiltwalk.serving.client import Client, Endpoint
from stiltwalk.serving.load import Streams, Wish
from stiltwalk.serving.probe import (
    COMPLETIONS,
    Abilities,
    probe,
    prompt_scores,
    require_same,
)

STREAMS = 8
"""Requests at a time where answers count and no clock does."""
_UNCUT = 1 << 24
_END = 0
_LOG = logging.getLogger(__name__)


class Signs(PromptEncoder):
    """Texts whose tokens are their characters: what a server is sent, and sends."""

    def __init__(self) -> None:
        """Need no tokenizer."""
        self._chat = None
        self._end_ids = (_END,)
        self.before = np.zeros(0, dtype=np.int32)
        self.pad_id = self.unknown_id = _END

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Return the characters of every text."""
        return [np.array([ord(sign) for sign in text], dtype=np.int32) for text in texts]

    def _tokens_where(self, _holds: Callable[[str], bool]) -> Ids:
        return np.zeros(0, dtype=np.int32)

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of characters, without white space around it."""
        return whole_text(ids).strip()


def whole_text(ids: Sequence[int]) -> str:
    """Return the text of characters as it is."""
    return "".join(map(chr, ids))


class KeptAnswers:
    """What one model answered so far, in a file: a run that was killed asks only for the rest."""

    def __init__(self, file: Path | None, identity: str) -> None:
        """Read what is there.

        Raises:
            ModelError: if another model said it.
        """
        self._file, self._lock = file, Lock()
        self._found: dict[str, Any] = {}
        self._found.update(read_lines(file))
        is_new = not self._found
        if self._found.setdefault("identity", identity) != identity:
            raise ModelError(
                f"The answers in {file} are those of another model than the one that serves now: "
                "start that one again, or remove the file to begin anew."
            )
        if is_new:
            self.keep("identity", identity)

    def answer(self, asked: tuple[object, ...], ask: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return what was answered before, or ask and keep it."""
        key = sha256(repr(asked).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        if key not in self._found:
            self.keep(key, ask())
        return self._found[key]

    def keep(self, key: str, value: Any) -> None:  # noqa: ANN401 - JSON
        """Keep one more."""
        with self._lock:
            self._found[key] = value
            if self._file is not None:
                add_line(self._file, [key, value])


@dataclass(frozen=True, kw_only=True, eq=False)
class EndpointBackend:
    """A model behind a server.

    Args:
        endpoint: where it is.
        abilities: what the server does.
        kept: answers so far.
        tick: told about progress.
    """

    endpoint: Endpoint
    abilities: Abilities
    kept: KeptAnswers
    tick: Tick = lambda _: None

    @staticmethod
    def require() -> None:
        """Refuse nothing: whether a server is there is found out when it is asked."""

    def written(self, features: Features, stopping: Stopping) -> Found:
        """See `Backend`; equal prompts are asked once."""
        streams = Streams(endpoint=self.endpoint, path=self.abilities.writes_at)
        most = stopping.most_tokens

        def ask(client: Client, prompt: str) -> dict[str, Any]:
            reply = streams.reply(client, Wish(prompt=prompt, max_tokens=most))
            return {
                "text": reply.text,
                "read": reply.input_tokens or 0,
                "written": reply.output_tokens,
                "first_s": reply.chunks_s[0] - reply.sent_s,
                "time_s": reply.chunks_s[-1] - reply.sent_s,
            }

        prompts = [whole_text(row.tolist()) for row in features.ids]
        said = self._all(prompts, (streams.path, most), ask)
        costs = _costs([each["read"] for each in said], [each["time_s"] for each in said])
        costs.written_tokens[:] = [each["written"] for each in said]
        costs.first_token_s[:] = [each["first_s"] for each in said]
        return [ids.astype(np.int64) for ids in Signs().ids([e["text"] for e in said])], costs

    def chosen(self, features: Features) -> Found:
        """See `Backend`; every option is read with its prompt."""
        per_unit, way = features.rows_per_unit, self.abilities.scores

        def ask(client: Client, unit: tuple[str, ...]) -> dict[str, Any]:
            began = time.perf_counter()
            alone = len(prompt_scores(client, unit[0], way)) if unit[0] else 0
            wholes = [prompt_scores(client, each, way) for each in unit[1:]]
            return {
                "scores": [_likelihood(each[alone:] or each[-1:]) for each in wholes],
                "read": alone + sum(map(len, wholes)),
                "time_s": time.perf_counter() - began,
            }

        units = []
        for first in range(0, features.num_rows, per_unit):
            rows = [whole_text(features.ids[first + at].tolist()) for at in range(per_unit)]
            units.append((rows[0][: features.second[first]].rstrip(" "), *rows))
        said = self._all(units, (way,), ask)
        costs = _costs([each["read"] for each in said], [each["time_s"] for each in said])
        return [np.array(each["scores"], dtype=np.float32) for each in said], costs

    def _all(
        self,
        asked: Sequence[Any],
        how: tuple[object, ...],
        ask: Callable[[Client, Any], dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return answers in order, several asked at a time, all of one model."""
        free: SimpleQueue[Client] = SimpleQueue()

        def one(what: Any) -> dict[str, Any]:  # noqa: ANN401 - a prompt, or an option's texts
            client = free.get()
            try:
                found: dict[str, Any] = self.kept.answer(
                    (*how, what), lambda: _watched(client, self.abilities, ask, what)
                )
            finally:
                free.put(client)
            self.tick(1)
            return found

        clients = [Client(self.endpoint) for _ in range(STREAMS)]
        for client in clients:
            free.put(client)
        pool = ThreadPoolExecutor(STREAMS)
        try:
            first = {what: pool.submit(one, what) for what in dict.fromkeys(asked)}
            found = [first[what].result() for what in asked]
            with closing(Client(self.endpoint)) as client:
                require_same(client, self.abilities.writes_at, self.abilities.identity)
            return found
        finally:
            pool.shutdown(cancel_futures=True)
            for client in clients:
                client.close()


def _watched(
    client: Client,
    abilities: Abilities,
    ask: Callable[[Client, Any], dict[str, Any]],
    what: Any,  # noqa: ANN401 - as `ask` takes it
) -> dict[str, Any]:
    """Ask; where the connection broke meanwhile, ask who answers now before that is believed."""
    before = client.num_broken
    found = ask(client, what)
    if client.num_broken != before:
        require_same(client, abilities.writes_at, abilities.identity)
    return found


def _likelihood(tokens: Sequence[tuple[str, float]]) -> tuple[float, float]:
    """Return an option's log-likelihood in nats, and its tokens, without one of white space."""
    if len(tokens) > 1 and not tokens[0][0].strip():
        tokens = tokens[1:]
    return sum(score for _, score in tokens), float(len(tokens))


def _costs(read: Sequence[int], time_s: Sequence[float]) -> RowCosts:
    costs = RowCosts.nothing(len(read))
    costs.real_tokens[:] = costs.padded_tokens[:] = read
    costs.time_s[:] = time_s
    return costs


@dataclass(kw_only=True, eq=False)
class EndpointPredictor(Predictor):
    """A predictor whose model is elsewhere.

    Args:
        endpoint: where.
        abilities: of its server.
        kept: where answers are kept as they come; None for nowhere.
    """

    endpoint: Endpoint
    abilities: Abilities
    kept: Path | None = None

    def outputs_through(self, backend: str, features: Features, aside: Path) -> Found:  # noqa: ARG002
        """Ask the server; see `Predictor`."""
        assert isinstance(self.head, DecoderHead)
        asked = EndpointBackend(
            endpoint=self.endpoint,
            abilities=self.abilities,
            kept=KeptAnswers(self.kept, self.abilities.identity),
            tick=self.engine.tick,
        )
        return answered(asked, self.head, features)


def load_endpoint(
    endpoint: Endpoint, settings: Settings, kept: Path | None = None
) -> EndpointPredictor:
    """Return what asks a server for a task's answers; what it cannot do is said first.

    Raises:
        ModelError: if the server lacks the model or does not let us in.
        EndpointError: if it does not answer.
    """
    assert settings.answering is not None
    with closing(Client(endpoint)) as client:
        abilities = probe(client)
    answering = replace(settings.answering, count_end_token=False)
    if answering.way == "scoring" and not abilities.scores:
        _LOG.warning("%s: %s", endpoint, abilities.says[0])
        answering = replace(answering, way="generation")
    if not answering.chat_template:
        if not abilities.completes:
            raise EndpointError(
                f"{endpoint} knows chats alone, and chat_template is false: leave that out of the "
                "recipe's [answering.TASK] tables."
            )
        abilities = replace(abilities, writes_at=COMPLETIONS)
    signs = Signs()
    settings = replace(settings, answering=answering, max_length_tokens=_UNCUT)
    return EndpointPredictor(
        settings=settings,
        engine=Engine(model=None, pad_id=signs.pad_id),
        encoder=signs,
        folder=Path(),
        labels=settings.labels or settings.task.labels,
        head=DecoderHead(settings.task, answering, signs, settings.shots),
        endpoint=endpoint,
        abilities=abilities,
        kept=kept,
    )
