"""What a report is made of besides tables and charts: values that every format renders its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from stiltwalk.reports.charts import Chart
from stiltwalk.reports.claims import JudgedClaim
from stiltwalk.tables.table import EVERYWHERE, Format, Table


@dataclass(frozen=True)
class Heading:
    """A heading inside a section; 2 is as large as that of a section."""

    text: str
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str
    look: Literal["", "big", "caution", "banner", "banner quiet", "aid", "missing"] = ""
    formats: tuple[Format, ...] = EVERYWHERE


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Terms with what they are, in `columns` where they are short."""

    pairs: tuple[tuple[str, str], ...]
    columns: bool = False


@dataclass(frozen=True)
class Choice:
    """A choice on the page; `drives` are the names of the charts and tables that it changes."""

    key: str
    label: str
    options: tuple[str, ...]
    drives: tuple[str, ...]
    chosen: str = ""


@dataclass(frozen=True)
class Sliders:
    """Floors and limits that a reader moves, and the systems that meet them; see `choice_page`."""

    data: Mapping[str, Any]


@dataclass(frozen=True)
class Graphic:
    """A picture that the page holds as SVG."""

    label: str
    svg: str


@dataclass(frozen=True)
class Code:
    """Text as it was written."""

    text: str
    language: str


@dataclass(frozen=True)
class ClaimList:
    """Claims, each with its verdict, and behind it the predicate and the numbers."""

    claims: tuple[JudgedClaim, ...]


@dataclass(frozen=True)
class SideBySide:
    """Parts that stand side by side where there is room."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Folded:
    """Parts that the page shows to those who ask."""

    summary: str
    parts: tuple[Part, ...]


Part = (
    Heading | Words | Points | Facts | Choice | Graphic | Code | ClaimList | SideBySide | Folded
    | Table | Chart | Sliders
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section: `name` is its id, `link` what leads to it; details are folded on a phone."""

    name: str
    link: str
    title: str
    parts: tuple[Part, ...]
    formats: tuple[Format, ...] = EVERYWHERE
    is_folded: bool = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """A whole report: what it is, what must be said before any number, and its sections.

    `pages` are other files in its folder, with what leads to them.
    """

    brand: str
    title: str
    lead: str
    chips: tuple[str, ...]
    banners: tuple[str, ...]
    sections: tuple[Section, ...]
    pages: tuple[tuple[str, str], ...] = ()

    def parts_for(self, format_: Format) -> Iterator[Part]:
        """Yield the parts of one format, those inside others too."""
        for section in self.sections:
            if format_ in section.formats:
                yield from _flat(section.parts)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, in the order of the page."""
        return tuple(each for each in self.parts_for("html") if isinstance(each, Chart))


def _flat(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, SideBySide | Folded):
            yield from _flat(part.parts)


def charts_of(*made: Chart | None) -> tuple[Chart, ...]:
    """Return the charts that have something to show."""
    return tuple(filter(None, made))


def chosen_by(
    key: str, label: str, options: Sequence[str], drives: Sequence[Chart | str], chosen: str = ""
) -> tuple[Choice, ...]:
    """Return a choice that drives charts and tables; none where there is nothing to choose."""
    names = tuple(each if isinstance(each, str) else each.name for each in drives)
    choice = Choice(key, label, tuple(options), names, chosen or (options or ("",))[0])
    return (choice,) * bool(options and drives)


def facts_in(text: str, **values: str) -> Facts:
    """Return terms with what they are from lines of "term: what it is", which may go on below."""
    entries = text.strip().replace("\n    ", " ").splitlines()
    pairs = (entry.partition(": ") for entry in entries)
    return Facts(tuple((term, said.format(**values)) for term, _, said in pairs))
