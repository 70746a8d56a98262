"""What a server can do, as far as its answers tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from model_server import Manner, served
from stiltwalk.errors import EndpointError, ModelError
from stiltwalk.serving.client import Client, Endpoint, Patience
from stiltwalk.serving.probe import CHAT, COMPLETIONS, caches, probe, prompt_scores, require_same


@contextmanager
def asked(manner: Manner, model: str = "tiny") -> Iterator[Client]:
    patience = Patience(tries=2, first_wait_s=0.01, idle_s=2.0)
    with (
        served(manner) as url,
        closing(Client(Endpoint(base_url=url, model=model), patience)) as client,
    ):
        yield client


@pytest.mark.parametrize("way", ["echo", "prompt_logprobs"])
def test_log_probabilities_of_a_prompt_are_found(way: str) -> None:
    with asked(Manner(echo=way)) as client:
        found = probe(client)
        assert found.scores == way
        assert prompt_scores(client, "one two", found.scores)[1:] == [(" two", -4.0)]


@pytest.mark.parametrize("way", ["ignored", "refused"])
def test_a_server_that_ignores_or_refuses_echo_is_found_out(way: str) -> None:
    with asked(Manner(echo=way)) as client:
        found = probe(client)
    assert found.scores == ""
    assert "answered by writing" in found.says[0]


def test_chats_are_preferred_where_there_are_some() -> None:
    with asked(Manner()) as client:
        assert probe(client).writes_at == CHAT
    with asked(Manner(chat=False)) as client:
        assert probe(client).writes_at == COMPLETIONS


def test_what_is_missing_is_said() -> None:
    manner = Manner(has_usage=False, obeys_length=False, echo="refused")
    with asked(manner) as client:
        assert len(probe(client).says) == 3
    with asked(Manner(reply=lambda _: "yes")) as client:
        assert probe(client).says == ()


def test_a_server_that_can_write_nothing_is_refused() -> None:
    with asked(Manner(always="404")) as client, pytest.raises(EndpointError, match="neither"):
        probe(client)


def test_another_model_under_the_same_name_is_found_out() -> None:
    manner = Manner(reply=lambda _: "Paris")
    with asked(manner) as client:
        known = probe(client)
        require_same(client, known.writes_at, known.identity)
        manner.reply = lambda _: "Rome"
        with pytest.raises(ModelError, match="another model"):
            require_same(client, known.writes_at, known.identity)


@pytest.mark.parametrize(
    ("kind", "found"), [("", "none"), ("switched", "switched off"), ("always", "on")]
)
@pytest.mark.parametrize("has_usage", [True, False])
def test_a_prefix_cache_is_found_by_its_word_or_by_its_time(
    kind: str, found: str, has_usage: bool
) -> None:
    manner = Manner(caches=kind, first_token_s=0.03, has_usage=has_usage)
    with asked(manner) as client:
        assert caches(client, COMPLETIONS, "salt") == found
