"""What many rooms' tests need."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from walking import Walked

Making = Callable[[Path], object]
os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach for the network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models lose more than they gain by two

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Making], Path]:
    """Return what gives a folder that the first of all workers who asks fills; for reading only."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made(name: str, make: Making) -> Path:
        folder, is_made = root / name, root / f"{name}.made"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not is_made.exists():
                folder.mkdir()
                make(folder)
                is_made.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def families(made_once: Callable[[str, Making], Path]) -> dict[str, Path]:
    """Return a folder with a tiny random encoder per family of models."""
    import tiny  # noqa: PLC0415 - four seconds of transformers, for those who ask

    def write(folder: Path) -> None:
        for family in tiny.FAMILIES:
            tiny.write_family(family, folder / family)

    root = made_once("families", write)
    return {family: root / family for family in tiny.FAMILIES}


@pytest.fixture(scope="session")
def tiny_xlmr(families: dict[str, Path]) -> Path:
    """Return a folder with a tiny random XLM-R."""
    return families["xlm-roberta"]


@pytest.fixture(params=["xlm-roberta", "bert", "deberta-v2", "modernbert"])
def family(request: pytest.FixtureRequest, families: dict[str, Path]) -> Path:
    """Return the folder of each family's tiny encoder in turn."""
    return families[request.param]


@pytest.fixture(scope="session")
def real() -> Path:
    """Return the folder with the sample of real data, or skip where it is missing."""
    beside = Path(__file__).parents[2] / "shared" / "real"
    folder = Path(os.environ.get("STILTWALK_REAL", beside))
    if not folder.is_dir():
        pytest.skip(f"needs the sample of real data at {folder}; STILTWALK_REAL names another")
    return folder


@pytest.fixture(scope="session")
def walked(
    tiny_xlmr: Path,
    made_once: Callable[[str, Making], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Walked:
    """Return a small recipe that was carried out, undisturbed; copy it before changing it."""
    import walking  # noqa: PLC0415 - torch, for those who ask

    folder = made_once("walked", lambda folder: walking.walk(tiny_xlmr, folder))
    return walking.walked_in(folder).copied(tmp_path_factory.mktemp("walked"))


@pytest.fixture(scope="session")
def short(
    tiny_xlmr: Path,
    made_once: Callable[[str, Making], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Walked:
    """Return seven of its stages, carried out undisturbed; `walking.SHORT` chooses them."""
    import walking  # noqa: PLC0415 - torch, for those who ask

    folder = made_once("short", lambda folder: walking.walk_short(tiny_xlmr, folder))
    return walking.walked_in(folder).copied(tmp_path_factory.mktemp("short"))


@pytest.fixture
def believe(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what makes the code believe that the machine has these abilities and no others.

    No test asks what the machine that it runs on can do; see `stiltwalk.models.device.abilities`.
    """
    from stiltwalk.models import device  # noqa: PLC0415 - torch, for those who ask

    def told(*names: str) -> None:
        monkeypatch.setattr(device, "abilities", lambda: frozenset(names))

    return told
