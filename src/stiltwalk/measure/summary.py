"""A comparison in words that follow from its verdicts and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from stiltwalk.measure.speed import VOID, Cell
from stiltwalk.measure.verdicts import Verdict, equivalent_everywhere


def summarise(cells: tuple[Cell, ...], void: tuple[str, ...], a: str, b: str) -> Iterator[str]:
    """Yield what follows from the verdicts and from nothing else, a sentence each."""
    for reason in void:
        yield f"VOID: {reason}"
    standing = [cell for cell in cells if cell.verdict != VOID]
    equal = [cell for cell in standing if cell.verdict == Verdict.EQUIVALENT]
    if len(standing) == len(cells) and equivalent_everywhere({_named(c): c.judged for c in cells}):
        yield f"{b} is as fast as {a} within the margin everywhere: all {len(cells)} EQUIVALENT."
    elif equal:
        yield f"{b} is as fast as {a} within the margin in {len(equal)} of {len(cells)} cells."
    for cell in standing:
        judged, what = cell.judged, _named(cell)
        if cell.verdict in (Verdict.SLOWER, Verdict.FASTER):
            yield (
                f"{b} is {cell.verdict} than {a} in {what}: time ratio {judged.ratio:.3f} "
                f"(95 % interval {judged.low_95:.3f} to {judged.high_95:.3f})."
            )
        elif cell.verdict == Verdict.EQUIVALENT and judged.differs:
            yield (
                f"A small but real difference within the margin in {what}: time ratio "
                f"{judged.ratio:.3f} (95 % interval {judged.low_95:.3f} to {judged.high_95:.3f})."
            )
    unknown = [_named(cell) for cell in standing if cell.verdict == Verdict.INCONCLUSIVE]
    if unknown:
        yield f"INCONCLUSIVE, which is no evidence of equality: {'; '.join(unknown)}."


def _named(cell: Cell) -> str:
    language = f" {cell.language}" if cell.language else ""
    return f"{cell.task}{language}, {cell.scenario}, {cell.figure}"
