"""What a server can do, found out before work by a request per ability, and said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from statistics import median
from typing import Any, Literal

from stiltwalk.errors import EndpointError, ModelError
from stiltwalk.serving.client import Client, Reply, Unable, models_of

Scores = Literal["echo", "prompt_logprobs", ""]
Caches = Literal["none", "switched off", "on"]
COMPLETIONS, CHAT = "/completions", "/chat/completions"
_PROMPT = "The capital of France is"
_FIXED_TOKENS = 8
_LONG = " ".join(f"{number} bottles of water stand on the wall," for number in range(60))
_HALF = 0.5
_KNOWN_BY = 12
UNCACHED: Mapping[str, Any] = {"cache_prompt": False}
"""What llama.cpp is told, beside the salt that vLLM knows."""


@dataclass(frozen=True, kw_only=True)
class Abilities:
    """What a server does.

    Args:
        writes_at: where answers are written: chats where a template is there, or plain text.
        completes: whether plain text is gone on with.
        scores: how the log-probabilities of a prompt are had; "" where they are not.
        fixes_length: whether answers of one length can be had (`ignore_eos`).
        counts: whether it tells how many tokens an answer has.
        identity: names the model by what it says; another model has another one.
    """

    writes_at: str
    completes: bool
    scores: Scores
    fixes_length: bool
    counts: bool
    identity: str

    @property
    def says(self) -> tuple[str, ...]:
        """What it cannot do, a sentence each."""
        told = (
            (
                self.scores,
                "gives no log-probabilities of prompts: options are answered by writing",
            ),
            (self.fixes_length, "knows no ignore_eos: answers are timed as the model stops, alone"),
            (self.counts, "does not count tokens (usage): the pieces of its answers are counted"),
        )
        return tuple(f"The server {what}." for able, what in told if not able)


def probe(client: Client) -> Abilities:
    """Ask a server for one thing after the other.

    Raises:
        ModelError: if it lacks the model, or does not let us in.
        EndpointError: if it does not answer at all, or can write nothing.
    """
    models_of(client)
    plain = _written(client, COMPLETIONS, {"prompt": _PROMPT})
    chat = _written(client, CHAT, {"messages": [{"role": "user", "content": _PROMPT}]})
    reply = chat or plain
    if reply is None:
        raise EndpointError(
            f"{client.endpoint} has neither {COMPLETIONS} nor {CHAT}: give the address with /v1."
        )
    return Abilities(
        writes_at=CHAT if chat else COMPLETIONS,
        completes=plain is not None,
        scores=_scores(client) if plain else "",
        fixes_length=_fixes_length(client, CHAT if chat else COMPLETIONS),
        counts=reply.is_counted,
        identity=identity(client, CHAT if chat else COMPLETIONS),
    )


def said(path: str, prompt: str) -> dict[str, Any]:
    """Return the part of a request that holds a prompt."""
    if path == CHAT:
        return {"messages": [{"role": "user", "content": prompt}]}
    return {"prompt": prompt}


def identity(client: Client, path: str) -> str:
    """Return a checksum of what a model says of itself, and of what it says next.

    A server that was started again with another model under the same name has another one.
    """
    reply = client.streamed(path, {**said(path, _PROMPT), "max_tokens": 4, "temperature": 0})
    told = repr((models_of(client), reply.text))
    return sha256(told.encode()).hexdigest()[:16]


def require_same(client: Client, path: str, known: str) -> None:
    """Refuse to go on with another model than before.

    Raises:
        ModelError: with what to do.
    """
    if identity(client, path) != known:
        raise ModelError(
            f"{client.endpoint} is another model than the one that answered before: start that one "
            "again, or begin anew in another workspace."
        )


def _written(client: Client, path: str, prompt: Mapping[str, Any]) -> Reply | None:
    try:
        return client.streamed(path, {**prompt, "max_tokens": 2, "temperature": 0})
    except Unable:
        return None


def _fixes_length(client: Client, path: str) -> bool:
    body = {**said(path, _PROMPT), "max_tokens": _FIXED_TOKENS, "ignore_eos": True}
    try:
        reply = client.streamed(path, {**body, "temperature": 0})
    except Unable:
        return False
    return reply.output_tokens == _FIXED_TOKENS


def _scores(client: Client) -> Scores:
    """Return how log-probabilities are had; llama.cpp ignores the wish in silence."""
    ways: tuple[Scores, ...] = ("echo", "prompt_logprobs")
    for way in ways:
        try:
            scores = prompt_scores(client, _PROMPT, way)
        except (Unable, ModelError):
            continue
        if len(scores) > 1:
            return way
    return ""


def prompt_scores(client: Client, prompt: str, way: Scores) -> list[tuple[str, float]]:
    """Return the tokens of a prompt with their log-probabilities in nats, 0 for the first.

    Raises:
        ModelError: if what comes back is not about the prompt.
        Unable: if the server refuses.
    """
    asked: dict[str, Any] = {"prompt": prompt, "temperature": 0}
    if way == "echo":
        asked |= {"echo": True, "logprobs": 1, "max_tokens": 0}
    else:
        asked |= {"prompt_logprobs": 0, "max_tokens": 1}
    try:
        choice = client.asked(COMPLETIONS, asked)["choices"][0]
        found = _echoed(choice) if way == "echo" else _listed(choice)
    except (LookupError, TypeError, ValueError, AttributeError):
        found = []
    text = "".join(token for token, _ in found)
    if not _is_about(text, prompt):
        raise ModelError(
            f"{client.endpoint} gives no log-probabilities of the prompt, but something else."
        )
    return found


def _echoed(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    told = choice["logprobs"]
    pairs = zip(told["tokens"], told["token_logprobs"], strict=True)
    return [(str(token), float(score or 0.0)) for token, score in pairs]


def _listed(choice: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Read vLLM's own list, which gives the first token no entry."""
    rows = [next(iter(each.values())) for each in choice["prompt_logprobs"][1:]]
    return [("", 0.0), *((str(e["decoded_token"]), float(e["logprob"])) for e in rows)]


def _is_about(text: str, prompt: str) -> bool:
    """Tell whether tokens spell the end of a prompt, as far as bytes let them be spelled."""
    ours = "".join(sign for sign in prompt if sign.isascii() and sign.isalnum())
    theirs = "".join(sign for sign in text if sign.isascii() and sign.isalnum())
    return bool(text) and ours.endswith(theirs[-_KNOWN_BY:])


def caches(client: Client, path: str, salt: str) -> Caches:
    """Tell whether a prompt that is repeated is read again, by the server's word or by its time.

    Ordinary prompts tell: those that ask for log-probabilities never read vLLM's cache.
    """
    if not _is_read_once(client, path, f"{salt} a", {}):
        return "none"
    return "on" if _is_read_once(client, path, f"{salt} b", uncached(salt)) else "switched off"


def uncached(salt: str) -> dict[str, Any]:
    """Return what keeps a request from a cache: a salt of its own, and a switch."""
    return {**UNCACHED, "cache_salt": salt}


def _is_read_once(client: Client, path: str, start: str, how: Mapping[str, Any]) -> bool:
    fresh, again = list[float](), list[float]()
    for number in range(3):
        asked = {**said(path, f"{start}{number} {_LONG}"), "max_tokens": 1, "temperature": 0}
        for turn, times_s in enumerate((fresh, again)):
            salted = {**how, "cache_salt": f"{start}{number}.{turn}"} if how else {}
            try:
                reply = client.streamed(path, {**asked, **salted})
            except Unable:  # it knows no such words, so they switch nothing off
                return True
            times_s.append(reply.chunks_s[0] - reply.sent_s)
            if turn and (reply.cached_tokens or 0) > 0:
                return True
    return median(again) < _HALF * median(fresh)
