"""A table as a value: told once, rendered as HTML, Markdown, LaTeX or for the terminal."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

Tone = Literal["neutral", "better", "worse", "open", "quiet", "missing"]
"""Better or worse than what it is compared with, beyond the noise; never told by colour alone."""
Format = Literal["html", "markdown", "latex"]
EVERYWHERE: tuple[Format, ...] = ("html", "markdown", "latex")
PAGE: tuple[Format, ...] = ("html",)
"""Of tables too long for anything but a page that filters and folds them."""


@dataclass(frozen=True, slots=True)
class Range:
    """A ratio with its interval beside a margin around 1; drawn as far as `span` from 1."""

    low: float
    ratio: float
    high: float
    margin: float
    span: float


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and what it sorts by.

    Attributes:
        text: as people read it, units included.
        value: the number behind it, None for text.
        below: a second line, in brackets where there is but one.
        note: one sentence, shown on hover.
        reason: one sentence, a footnote.
        tone: its colour, and for a missing value its style.
        strength: share of the tone's full colour.
        is_badge: whether it stands out as a verdict.
        drawn: a picture of what the text says.
        language: of the text, where it is not the page's: it chooses the form of Han characters.
    """

    text: str
    value: float | None = None
    below: str = ""
    _: KW_ONLY
    note: str = ""
    reason: str = ""
    tone: Tone = "neutral"
    strength: float = 0.0
    is_badge: bool = False
    drawn: Range | None = None
    language: str = ""

    @property
    def line(self) -> str:
        """Both lines in one."""
        return f"{self.text} ({self.below})" if self.below else self.text


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells under columns; the first column names the row.

    Attributes:
        name: short and ASCII; its id on the page, its label in LaTeX.
        title: what it holds.
        note: how to read it, and in which unit.
        columns: heads.
        rows: that can be sorted.
        foot: rows that keep their place below the others.
        filtered: the key of the choice on the page, and the column whose text it is compared with.
        anchors: the start of the ids of rows, which end in the text of their first cell.
        formats: where it is shown.
        is_prose: whether the cells are whole sentences.
        has_tiles: whether the page shows the cells of a row as tiles under its name.
    """

    name: str
    title: str
    note: str
    columns: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()
    filtered: tuple[str, int] | None = None
    anchors: str = ""
    formats: tuple[Format, ...] = EVERYWHERE
    is_prose: bool = False
    has_tiles: bool = False

    def __post_init__(self) -> None:
        """Refuse a row that no renderer could place."""
        for row in (*self.rows, *self.foot):
            assert len(row) == len(self.columns), f"{self.name}: {len(row)} cells in a row"

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers, and stand to the right."""
        rows = (*self.rows, *self.foot)
        return tuple(
            any(row[at].value is not None for row in rows) for at in range(len(self.columns))
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """The footnotes, each once."""
        rows = (*self.rows, *self.foot)
        return tuple(dict.fromkeys(cell.reason for row in rows for cell in row if cell.reason))


def heads(*texts: str) -> tuple[Cell, ...]:
    """Return columns that have a name only."""
    return tuple(map(Cell, texts))


_CONTROLS = (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF)
_VISIBLE = {code: "\N{REPLACEMENT CHARACTER}" for code in _CONTROLS if chr(code) not in "\n\t"}


def visible(text: str) -> str:
    """Return text with a visible sign in place of every control character."""
    return text.translate(_VISIBLE)
