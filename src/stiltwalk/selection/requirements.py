"""What is asked of a system, as a person writes it, and as demands on scores and costs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from stiltwalk.errors import DataError
from stiltwalk.selection.choose import Demands, Place
from stiltwalk.wording import nearest, shown

TAIL, MEMORY = "p95", "memory"
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_BYTES = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}


@dataclass(frozen=True, kw_only=True)
class Requirements:
    """What is asked of a system.

    Args:
        floors: "xnli.sw" to the least percent there; "xnli" to that in each of the languages.
        max_latency_p95: such as "20ms", "" for any.
        max_memory: such as "1GB", "" for any.
        languages: that a floor without one holds in; None for all that its task was tested in.
    """

    floors: Mapping[str, float]
    max_latency_p95: str = ""
    max_memory: str = ""
    languages: Sequence[str] | None = None

    def demands(self, tested: Mapping[str, Collection[str]]) -> Demands:
        """Return a floor per task and language, 0 in languages that are served without one.

        Args:
            tested: every task that a run was tested on, and in which languages.

        Raises:
            DataError: if no run was tested on a task, or in a language of it, or a number is none.
        """
        if not self.floors:
            raise DataError("No floor was given: say at least one, such as --min xnli.sw=60.")
        floors: dict[Place, float] = {}
        for key, value in sorted(self.floors.items(), key=lambda each: "." in each[0]):
            task, _, language = key.partition(".")
            if not 0 <= value <= 100:  # noqa: PLR2004 - percent
                raise DataError(
                    f"The floor of {shown(key)} is {value}: it must be from 0 to 100 percent."
                )
            _require(task in tested, f"on {shown(task)}", task, tested)
            for code in self.languages or ():
                if code in tested[task]:
                    floors.setdefault((task, code), 0.0)
            asked = [language] if language else self.languages
            served = [code for code in tested[task] if asked is None or code in asked]
            where = ", ".join(asked or ())
            _require(bool(served), f"on {task} in {shown(where)}", where, tested[task])
            floors |= dict.fromkeys(((task, code) for code in served), value / 100)
        limits = {
            TAIL: _quantity("p95 latency", self.max_latency_p95, _SECONDS),
            MEMORY: _quantity("memory", self.max_memory, _BYTES),
        }
        return Demands(floors=floors, limits={key: most for key, most in limits.items() if most})


def read_floors(texts: Iterable[str]) -> dict[str, float]:
    """Return what was written as xnli.sw=60,xquad=50.

    Raises:
        DataError: if it is written otherwise, or one is given twice.
    """
    found: dict[str, float] = {}
    for text in (each.strip() for given in texts for each in given.split(",")):
        key, _, number = text.partition("=")
        try:
            value = float(number.rstrip("% "))
        except ValueError:
            raise DataError(
                f"The floor {shown(text)} was not understood: it needs a task, maybe a language, "
                "and a percentage; write xnli.sw=60 or xnli=60."
            ) from None
        if key.strip() in found:
            raise DataError(f"The floor of {shown(key)} was given twice: give it once.")
        found[key.strip()] = value
    return found


def _quantity(name: str, text: str, units: Mapping[str, float]) -> float:
    """Return a quantity in the unit of 1, 0 for an empty text."""
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([A-Za-z]+)\s*", text)
    value = float(match[1]) * units.get(match[2].lower(), 0.0) if match else 0.0
    if text and not (value > 0 and isfinite(value)):
        raise DataError(
            f"The most {name} is {shown(text)}: it needs a number above 0 and one of the units "
            f"{', '.join(units)}, as in 20{list(units)[1]}."
        )
    return value


def _require(is_there: bool, what: str, word: str, known: Iterable[str]) -> None:
    if not is_there:
        raise DataError(f"No run here was tested {what}.{nearest(word, list(known))}")
