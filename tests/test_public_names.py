"""The public functions: each can be called, whatever was imported before."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import stiltwalk
from commands import command
from stiltwalk.errors import StiltwalkError
from walking import Walked

OPTIONAL = ("ray", "grpc", "vllm", "fsspec")
"""Packages that a module may lack here."""


@pytest.fixture(scope="module", autouse=True)
def _everything_imported() -> None:
    for found in pkgutil.walk_packages(stiltwalk.__path__, "stiltwalk."):
        try:
            import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name not in OPTIONAL:
                raise


def test_no_function_is_hidden_by_a_room() -> None:
    for name in set(stiltwalk.__all__) - {"tasks", "__version__"}:
        assert inspect.isfunction(getattr(stiltwalk, name)), name
    assert stiltwalk.tasks.find("xnli") is stiltwalk.tasks.TASKS["xnli"]
    assert stiltwalk.__version__[0].isdigit()
    with pytest.raises(AttributeError, match="nonsense"):
        _ = stiltwalk.nonsense  # type: ignore[attr-defined]


def test_what_a_run_left_is_planned_told_reported_loaded_exported_and_scored(
    walked: Walked, tmp_path: Path
) -> None:
    found = stiltwalk.plan(walked.recipe, walked.workspace)
    assert found["to_do"]["num_stages"] == 0
    assert stiltwalk.status(walked.workspace)["stages"] == {"done": len(walked.stages())}
    assert walked.report in stiltwalk.report(walked.workspace)
    assert stiltwalk.load(walked.workspace).name == "small"
    submissions = stiltwalk.export(walked.report.parent, tmp_path / "out")
    scored = stiltwalk.score(submissions[0], tmp_path / "out" / "labels")
    assert scored["tasks"].keys() == {"xnli", "udpos", "xquad", "tatoeba", "bucc2018"}
    (checkpoint,) = stiltwalk.export(walked.report.parent, tmp_path / "model", "mixed/xnli")
    assert (checkpoint / "config.json").is_file()
    assert stiltwalk.run(walked.recipe, walked.workspace).report == walked.report


def test_a_damaged_record_of_another_run_costs_that_run_s_report_alone(
    walked: Walked, tmp_path: Path
) -> None:
    own = walked.copied(tmp_path)
    other = own.workspace / "runs" / "other" / "run.json"
    other.parent.mkdir()
    other.write_text('{"name": "other", "of": "an older version"}', encoding="utf-8")
    own.report.unlink()
    assert stiltwalk.run(own.recipe, own.workspace).report == own.report
    assert own.report.is_file()
    own.report.unlink()
    with pytest.raises(StiltwalkError, match=r"other/run\.json is not a record .* 1 other run"):
        stiltwalk.report(own.workspace)
    assert own.report.is_file()


def test_what_cannot_be_compared_is_refused_in_a_sentence(short: Walked) -> None:
    with pytest.raises(StiltwalkError, match=r"\.$"):
        stiltwalk.compare("small:none", "small:nothing", short.workspace)


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "a", "b"),
        ("plan", "a", "b"),
        ("status",),
        ("status", "a", "b"),
        ("report",),
        ("report", "a", "b"),
        ("export", "a"),
        ("compare", "a"),
        ("compare", "a", "b", "c"),
        ("score", "a"),
        ("tasks", "a", "b"),
        ("data",),
        ("data", "fetch", "a"),
    ],
)
def test_a_wrong_number_of_arguments_is_said(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = command(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Usage" in done.stderr + done.stdout or done.stderr.strip().endswith(".")


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    from stiltwalk.cli import app  # noqa: PLC0415 - the command line, here alone

    app(["--version"], standalone_mode=False)
    assert capsys.readouterr().out == f"stiltwalk {stiltwalk.__version__}\n"
