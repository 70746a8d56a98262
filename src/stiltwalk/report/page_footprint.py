"""What two compared models hold in memory, and what each language takes in tokens."""

from __future__ import annotations

from stiltwalk.measure.speed import Speed
from stiltwalk.measure.verdicts import MEMORY_WORDS, Verdict
from stiltwalk.report.markup import Td, Tr, escape, name, number, table
from stiltwalk.report.numbers import DASH, figures, interval, language_name
from stiltwalk.report.page_instrument import BADGES


def footprint(place: int, speed: Speed) -> str:
    """Return the verdicts about memory, and tokens per language; "" where none were made.

    Args:
        place: of the comparison among those of the page.
        speed: the comparison.
    """
    return _memory(place, speed) + _texts(place, speed)


def _memory(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(f"{each.task} {each.language}".strip()), key=each.task, head=True),
                Td(html=escape(each.scenario), key=each.scenario),
                _badge(each.judged.verdict),
                number(figures(each.a_bytes / 1e6), float(each.a_bytes)),
                number(figures(each.b_bytes / 1e6), float(each.b_bytes)),
                number(f"{each.judged.ratio:.3f}", each.judged.ratio),
                number(interval(each.judged.low, each.judged.high), each.judged.low),
                number(f"{100 * each.judged.margin:g} %", each.judged.margin),
            ]
        )
        for each in speed.memory
    ]
    heads = (f"{speed.a}, MB", f"{speed.b}, MB", "ratio", "90 % interval", "margin")
    head = [Td(html=each) for each in ("target", "scenario", "verdict")]
    head += [Td(html=name(each), css="num") for each in heads]
    caption = "What a model holds at most, weights and all; a ratio above 1 is more."
    return table(f"memory-{place}", caption, head, body) if body else ""


def _badge(verdict: Verdict) -> Td:
    word = MEMORY_WORDS[verdict]
    return Td(html=f'<span class="badge {BADGES[verdict]}">{escape(word)}</span>', key=word)


def _texts(place: int, speed: Speed) -> str:
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=escape(language_name(each.language)), key=language_name(each.language)),
                Td(html=name(speed.a if each.model == "a" else speed.b), key=each.model),
                number(figures(each.tokens_per_example), each.tokens_per_example),
                number(f"{each.subwords_per_character:.2f}", each.subwords_per_character),
                number(
                    DASH if each.subwords_per_word is None else f"{each.subwords_per_word:.2f}",
                    each.subwords_per_word or -1.0,
                ),
            ]
        )
        for each in speed.texts
    ]
    heads = ("tokens per example", "sub-words per character", "sub-words per word")
    head = [Td(html=each) for each in ("target", "language", "model")]
    head += [Td(html=each, css="num") for each in heads]
    caption = (
        "What a text of each language comes to, comparable where the test sets are parallel; "
        f"{DASH} where words are not set apart."
    )
    return table(f"texts-{place}", caption, head, body) if body else ""
