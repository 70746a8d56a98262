"""The page's tables of speed, stages and provenance."""

from __future__ import annotations

from stiltwalk.reports.costs import ObservedSpeed, speed_per_arm, speed_per_language, training_costs
from stiltwalk.reports.data import RunRows, StageLine
from stiltwalk.reports.wording import DASH, count, duration, figures, language_name, percent
from stiltwalk.tables.html import Td, Tr, escape, name, table

UNPAIRED = "Unpaired: observed while predicting, no verdict."
_RATES = (
    Td(html="tokens/s", css="num"),
    Td(html="ms per example", css="num"),
    Td(html="padding, %", css="num"),
    Td(html="tokens per example", css="num"),
    Td(html="examples", css="num"),
)


def arm_speed(run: RunRows) -> str:
    """Return the speed of every arm over everything it predicted."""
    body = [
        Tr(cells=[Td(html=name(each.arm), key=each.arm, head=True), *_rates(each)])
        for each in speed_per_arm(run)
    ]
    head = [Td(html="arm"), *_RATES]
    return table("arm-speed", f"All targets and languages together. {UNPAIRED}", head, body)


def language_speed(run: RunRows) -> str:
    """Return the speed per arm, target and language, to be filtered on the page."""
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(
                    html=f"{escape(language_name(each.language))} ({name(each.language)})",
                    key=language_name(each.language),
                ),
                Td(html=name(each.arm), key=each.arm),
                *_rates(each),
            ],
            tags={"task": each.task},
        )
        for each in speed_per_language(run)
    ]
    head = [Td(html="target"), Td(html="language"), Td(html="arm"), *_RATES]
    return table("language-speed", f"Per target, language and arm. {UNPAIRED}", head, body)


def training(run: RunRows) -> str:
    """Return what training every arm took."""
    body = [
        Tr(
            cells=[
                Td(html=name(each.arm), key=each.arm, head=True),
                Td(html=count(each.num_stages), key=float(each.num_stages), css="num"),
                Td(html=count(each.num_tokens), key=float(each.num_tokens), css="num"),
                Td(html=escape(duration(each.time_s)), key=each.time_s, css="num"),
                Td(
                    html=DASH if each.more_s is None else escape(duration(each.more_s)),
                    key=-1.0 if each.more_s is None else each.more_s,
                    css="num",
                ),
            ]
        )
        for each in training_costs(run)
    ]
    head = [
        Td(html="arm"),
        Td(html="stages", css="num"),
        Td(html="real tokens", css="num"),
        Td(html="time", css="num"),
        Td(html="time more than “none”", css="num"),
    ]
    caption = "Intermediate and target phase, all seeds; a stage that arms share counts in each."
    return table("training", caption, head, body) if body else ""


def stages(run: RunRows) -> str:
    """Return every stage with what it took."""
    body = [
        Tr(
            cells=[
                Td(html=escape(str(place)), key=float(place), css="num"),
                Td(html=name(each.what), key=each.what, head=True),
                _time(each),
                Td(html=count(each.num_tokens), key=float(each.num_tokens), css="num"),
                Td(html=f"<code>{escape(each.fingerprint)}</code>", key=each.fingerprint),
            ]
        )
        for place, each in enumerate(run.stages, start=1)
    ]
    total_s = sum(each.time_s or 0.0 for each in run.stages)
    tokens = sum(each.num_tokens for each in run.stages)
    total = [
        Td(html=""),
        Td(html="together", head=True),
        Td(html=escape(duration(total_s)), css="num"),
        Td(html=count(tokens), css="num"),
        Td(html=""),
    ]
    head = [
        Td(html="#", css="num"),
        Td(html="stage"),
        Td(html="time", css="num"),
        Td(html="real tokens", css="num"),
        Td(html="fingerprint"),
    ]
    caption = f"{len(run.stages)} stages in the order in which they are carried out."
    return table("stages", caption, head, body, [Tr(cells=total, css="mean")])


def _time(stage: StageLine) -> Td:
    if stage.time_s is None:
        return Td(html='<span class="missing">not run</span>', key=-1.0, css="num")
    return Td(html=escape(duration(stage.time_s)), key=stage.time_s, css="num")


def provenance(run: RunRows) -> str:
    """Return versions, machine and revisions as a list of terms."""
    items = "".join(
        f"<div><dt>{name(term)}</dt><dd>{name(value)}</dd></div>"
        for term, value in run.provenance.items()
    )
    return f'<dl class="facts">{items}</dl>'


def _rates(speed: ObservedSpeed) -> list[Td]:
    """Return the cells of one speed."""
    return [
        Td(html=figures(speed.tokens_per_s), key=speed.tokens_per_s, css="num"),
        Td(html=figures(speed.ms_per_example), key=speed.ms_per_example, css="num"),
        Td(html=percent(speed.padding), key=speed.padding, css="num"),
        Td(html=figures(speed.tokens_per_example), key=speed.tokens_per_example, css="num"),
        Td(html=count(speed.num_examples), key=float(speed.num_examples), css="num"),
    ]
