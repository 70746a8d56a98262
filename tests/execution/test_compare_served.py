"""Two models behind servers: asked, scored, timed; refused where that would mean nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model_server import Manner, served
from stiltwalk.errors import RecipeError, StiltwalkError
from stiltwalk.execution import compare_served as room
from stiltwalk.execution.compare import Asked
from stiltwalk.reports.write import write_comparison
from stiltwalk.serving.client import Endpoint
from stiltwalk.store.workspace import Workspace
from stiltwalk.timing.record import Speed, read_speed, write_speed
from stiltwalk.timing.sample_size import QUICK, Figure
from stiltwalk.timing.session import Session

SMALL = replace(
    QUICK,
    pilot_blocks=4,
    least_blocks=8,
    fewest_blocks=8,
    most_s=1.0,
    warm_up_windows=3,
    patience_s=0.0,
    block_s=0.01,
    load_queries=4,
    breakdown_requests=2,
)


def compared(manner: Manner, workspace: Path, on: str = "mini:xquad") -> Speed:
    with served(manner) as url:
        names = (f"{url}#tiny", f"{url}#tiny")
        endpoints = room.endpoints_in(names)
        assert endpoints
        asked = Asked(names=names, workspace=Workspace(workspace), on=on)
        session = Session(profile=SMALL, num_threads=1, seed=1)
        return room.compare_served(asked, endpoints, session)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask a few rows, at few levels, whatever the client costs on a busy machine."""
    monkeypatch.setattr(room, "LEVELS", {"quick": (1, 2)})
    monkeypatch.setattr(room, "_ROWS", {"quick": 2})
    monkeypatch.setattr(room, "MOST_OWN_COST", 1e9)
    monkeypatch.setattr(room, "available_languages", lambda *_: ("de", "en"))


@pytest.mark.slow
def test_every_level_is_timed_with_its_own_tests_of_the_instrument(tmp_path: Path) -> None:
    manner = Manner(reply=lambda _: "one two three", first_token_s=0.004, token_s=0.001)
    speed = compared(manner, tmp_path)
    lengths = {"xquad", f"xquad, {room.FIXED_TOKENS} tokens each"}
    assert {cell.task for cell in speed.cells} == lengths
    assert {cell.scenario for cell in speed.cells} == {"1 stream", "2 streams"}
    figures = {cell.figure for cell in speed.cells if "tokens" in cell.task}
    assert figures == {Figure.P50, Figure.TIME, Figure.FIRST_TOKEN, Figure.TOKEN_TIME}
    assert len(speed.instrument_tests) == len(speed.cells)
    assert {each.scenario for each in speed.loadgen} == {
        "closed loop, 1",
        "closed loop, 2",
        "open loop, Poisson",
    }
    assert {each.language for each in speed.breakdowns} == {"", "de", "en"}
    assert any("capacity" in each for each in speed.summary)
    assert {(each.language, each.a == each.b) for each in speed.quality} == {
        ("de", True),
        ("en", True),
    }
    write_speed(speed, tmp_path / "speed.json")
    assert read_speed((tmp_path / "speed.json").read_text(encoding="utf-8")) == speed
    page = write_comparison(speed, tmp_path).read_text(encoding="utf-8")
    assert "time per output token" in page


def test_a_client_that_costs_too_much_says_nothing_about_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_OWN_COST", 0.0)
    speed = compared(Manner(reply=lambda _: "one two"), tmp_path)
    assert not speed.cells
    assert "this client takes" in speed.reason


def test_a_cache_that_cannot_be_switched_off_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LEVELS", {"quick": (1,)})
    manner = Manner(reply=lambda _: "one", caches="always", obeys_length=False)
    speed = compared(manner, tmp_path)
    assert any("keeps the beginnings of prompts" in each for each in speed.summary)
    assert {cell.task for cell in speed.cells} == {"xquad"}, "no fixed length without ignore_eos"


def test_a_cache_that_can_be_switched_off_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LEVELS", {"quick": (1,)})
    manner = Manner(reply=lambda _: "one", caches="switched", obeys_length=False)
    speed = compared(manner, tmp_path)
    assert not any("keeps the beginnings" in each for each in speed.summary)
    assert all("cache_salt" in each for each in manner.asked[-20:])


def test_a_server_that_fails_while_it_is_timed_ends_in_a_sentence(tmp_path: Path) -> None:
    manner = Manner(reply=lambda _: "one two", obeys_length=False)
    asked = [0]

    def reply(_: str) -> str:
        asked[0] += 1
        manner.always = "context" if asked[0] > 40 else ""
        return "one two"

    manner.reply = reply
    with pytest.raises(StiltwalkError, match="maximum context length"):
        compared(manner, tmp_path)


@pytest.mark.parametrize("names", [("http://h:1/v1#a", "run:arm"), ("run:arm", "http://h:1/v1#a")])
def test_a_served_model_is_not_compared_with_one_that_is_not(names: tuple[str, str]) -> None:
    with pytest.raises(RecipeError, match="one is behind a server"):
        room.endpoints_in(names)


@pytest.mark.parametrize("on", ["", "xnli", "mini:", "mini:tatoeba", "mini:nothing"])
def test_what_to_ask_must_be_said(on: str, tmp_path: Path) -> None:
    endpoint = Endpoint(base_url="http://127.0.0.1:1/v1", model="a")
    asked = Asked(names=("a", "b"), workspace=Workspace(tmp_path), on=on)
    with pytest.raises(RecipeError):
        room.compare_served(
            asked, (endpoint, endpoint), Session(profile=SMALL, num_threads=1, seed=1)
        )
