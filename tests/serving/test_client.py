"""The client against a server that misbehaves in every way that is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from model_server import Manner, served
from stiltwalk.errors import EndpointError, ModelError, StiltwalkError
from stiltwalk.serving.client import KEY, Client, Endpoint, Patience, Unable, models_of

HASTE = Patience(tries=3, first_wait_s=0.01, idle_s=2.0, answer_s=2.0)
BODY = {"prompt": "Is it so?", "max_tokens": 8, "temperature": 0}


_MADE: list[Client] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _MADE:
        _MADE.pop().close()


def client_of(base_url: str, model: str = "tiny", patience: Patience = HASTE) -> Client:
    _MADE.append(Client(Endpoint(base_url=base_url, model=model), patience))
    return _MADE[-1]


def test_an_answer_comes_with_the_times_of_its_tokens() -> None:
    manner = Manner(reply=lambda _: "one two three", first_token_s=0.05, token_s=0.02)
    with served(manner) as url:
        reply = client_of(url).streamed("/completions", BODY)
    assert (reply.text, reply.output_tokens, reply.input_tokens) == ("one two three", 3, 3)
    assert len(reply.chunks_s) == 3
    assert reply.chunks_s[0] - reply.sent_s >= 0.05
    assert list(reply.chunks_s) == sorted(reply.chunks_s)


@pytest.mark.parametrize(
    "faults",
    [["429"] * 2, ["502"], ["503"], ["504"], ["half"], ["json"], ["hangup"], ["stream error"]],
    ids=lambda faults: faults[0],
)
def test_what_passes_is_asked_again_and_answered_once(faults: list[str]) -> None:
    manner = Manner(reply=lambda _: "one two three", faults=list(faults))
    with served(manner) as url:
        client = client_of(url)
        assert client.streamed("/completions", BODY).text == "one two three"
        assert client.streamed("/completions", BODY).text == "one two three", "it goes on"
    assert len(manner.asked) == len(faults) + 2


@pytest.mark.parametrize(
    ("always", "says"),
    [
        ("429", "HTTP 429"),
        ("half", "broke off"),
        ("json", "not of the protocol"),
        ("hangup", "without an answer"),
        ("endless", "does not end its answer"),
        ("slow", "took too long"),
        ("stream error", "the engine died"),
        ("context", "maximum context length"),
        ("404", "HTTP 404"),
    ],
)
def test_what_stays_is_one_sentence(always: str, says: str) -> None:
    patience = replace(HASTE, tries=2, idle_s=0.3, answer_s=0.5)
    manner = Manner(always=always, reply=lambda _: "one two")
    with served(manner) as url, pytest.raises(EndpointError) as raised:
        client_of(url, patience=patience).streamed("/completions", BODY)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_document_that_is_no_json_is_one_sentence() -> None:
    with served(Manner(always="json")) as url, pytest.raises(EndpointError, match="no JSON"):
        client_of(url).asked("/completions", BODY)


def test_nobody_there_is_one_sentence() -> None:
    with served(Manner()) as url:
        pass
    with pytest.raises(EndpointError, match="nothing listens there"):
        client_of(url).streamed("/completions", BODY)


def test_a_wrong_name_is_told_with_the_right_one() -> None:
    with served(Manner(model="tiny")) as url:
        with pytest.raises(ModelError, match="Did you mean tiny"):
            models_of(client_of(url, "tinny"))
        with pytest.raises(Unable, match="does not exist"):
            client_of(url, "tinny").asked("/completions", BODY)


def test_the_key_comes_from_the_environment_and_is_never_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with served(Manner(key="the-door-key-1")) as url:
        monkeypatch.setenv(KEY, "another-door-key")
        with pytest.raises(ModelError, match=KEY) as raised:
            client_of(url).asked("/completions", BODY)
        assert "another-door-key" not in str(raised.value)
        monkeypatch.setenv(KEY, "the-door-key-1")
        assert client_of(url).asked("/completions", BODY)["choices"]
        monkeypatch.setenv(KEY, "two\nlines")
        with pytest.raises(ModelError, match="no header"):
            client_of(url)


@pytest.mark.parametrize(
    "name",
    [
        "http://u:secret@127.0.0.1/v1#m",
        "http://127.0.0.1:99999/v1#m",
        "http://127.0.0.1:x/v1#m",
        "http:///v1#m",
        "http://127.0.0.1/v1?key=secret#m",
        "http://127.0.0.1/v1",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_its_secret(name: str) -> None:
    with pytest.raises(ModelError) as raised:
        Endpoint.named(name)
    assert "secret" not in str(raised.value)


def test_names_of_other_forms_are_no_endpoints() -> None:
    assert Endpoint.named("run:arm") is None
    assert str(Endpoint.named("http://h:1/v1/#a/b")) == "http://h:1/v1#a/b"


def test_a_server_without_tls_is_told_so() -> None:
    with served(Manner()) as url, pytest.raises(StiltwalkError, match="TLS"):
        client_of(url.replace("http:", "https:")).asked("/completions", BODY)


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with served(Manner()) as url:
        assert client_of(url).asked("/completions", BODY)["choices"]


def test_a_server_that_asks_to_wait_is_waited_for() -> None:
    began = time.monotonic()
    with served(Manner(faults=["429"], wait="1")) as url:
        client_of(url).asked("/completions", BODY)
    assert time.monotonic() - began >= 1
