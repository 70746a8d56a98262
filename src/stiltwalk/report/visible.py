"""Names without control characters, which neither HTML nor SVG can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stiltwalk.report.rows import RunRows

_CONTROLS = (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_VISIBLE = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Return text with a visible sign in place of every control character."""
    return text.translate(_VISIBLE)


def with_visible_names(run: RunRows) -> RunRows:
    """Return the rows with arms whose names can be drawn."""
    names = {arm: visible(arm) for arm in (*run.arms, *(each.arm for each in run.baselines))}
    if all(shown == name for name, shown in names.items()):
        return run
    return replace(
        run,
        arms=tuple(names[arm] for arm in run.arms),
        rows=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.rows),
        timings=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.timings),
        baselines=tuple(replace(each, arm=names[each.arm]) for each in run.baselines),
        shares=tuple(replace(each, arm=names.get(each.arm, each.arm)) for each in run.shares),
        stages=tuple(replace(each, arms=_renamed(each.arms, names)) for each in run.stages),
        courses=tuple(replace(each, arms=_renamed(each.arms, names)) for each in run.courses),
        walked={names.get(arm, arm): made for arm, made in run.walked.items()},
    )


def _renamed(arms: tuple[str, ...], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(names.get(arm, arm) for arm in arms)
