"""The page's table of where a decoder's change of speed comes from."""

from __future__ import annotations

from stiltwalk.measure.speed import Speed
from stiltwalk.measure.splits import Part, Split
from stiltwalk.report.markup import Td, Tr, escape, name, number, table
from stiltwalk.report.numbers import figures, interval, language_name

_ALL = "all languages"


def splits(place: int, speed: Speed) -> str:
    """Return the split of one comparison, all languages first; "" where nothing was written."""
    if not speed.splits:
        return ""
    parts = "change of time|by prefill|by number of tokens|by time per token".split("|")
    heads = [
        "tokens in",
        *(f"{which}: {name(model)}" for which in _MEANS for model in (speed.a, speed.b)),
        *parts,
    ]
    head = [
        Td(html="target"),
        Td(html="language"),
        *(Td(html=each, css="num") for each in heads),
        Td(html=f"why {name(speed.b)} is"),
    ]
    caption = (
        "Where a change of written answers' time comes from. A ratio above 1 is slower; the three "
        "parts are Shapley values and multiply to the whole; below them 95 % intervals over "
        "requests, corrected for three parts, one request at a time."
    )
    return table(f"splits-{place}", caption, head, [_row(each) for each in speed.splits])


_MEANS = ("first token, ms", "tokens out", "ms per token")


def _row(split: Split) -> Tr:
    language = language_name(split.language) if split.language else _ALL
    measured = zip(split.a, split.b, strict=True)
    scaled = zip((1000, 1, 1000), (0, 1, 0), measured, strict=True)
    means = [scale * value + more for scale, more, pair in scaled for value in pair]
    return Tr(
        cells=[
            Td(html=name(split.task), key=split.task, head=True),
            Td(html=escape(language), key="" if not split.language else language),
            number(figures(split.input_tokens), split.input_tokens),
            *(number(figures(each), each) for each in means),
            *map(_part, (split.whole, split.prefill, split.tokens, split.token_time)),
            Td(html=escape(split.says), key=split.says),
        ]
    )


def _part(part: Part) -> Td:
    html = f"{part.ratio:.3f}<small>{interval(part.low, part.high)}</small>"
    return Td(html=html, key=part.ratio, css="num")
