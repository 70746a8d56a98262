"""What must be said before any number."""

from __future__ import annotations

from stiltwalk.report.rows import RunRows

MINIATURE = "Embedded miniature benchmark: not a research result."


def notices(run: RunRows) -> tuple[str, ...]:
    """Return the sentences for the banners of a report."""
    limited = f"Limited: {run.limited.rstrip('.')}."
    return (*(MINIATURE,) * run.miniature, *(limited,) * bool(run.limited))
