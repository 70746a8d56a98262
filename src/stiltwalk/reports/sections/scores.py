"""The page's tables of scores: matrix, claims, languages, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stiltwalk.metrics.aggregate import mean
from stiltwalk.reports.charts.series import Point, label, ordered_languages
from stiltwalk.reports.claims import ClaimVerdict, JudgedClaim, Published, published_for
from stiltwalk.reports.data import RunRows
from stiltwalk.reports.findings import Findings
from stiltwalk.reports.scores import (
    GROUPED,
    GROUPINGS,
    GroupScore,
    OracleGap,
    dev_scores,
    group_scores,
    oracle_gap,
    transfer_gap,
)
from stiltwalk.reports.sections.text import few_shot_table
from stiltwalk.reports.transfer import ScoreCell, TransferRow, TransferTable
from stiltwalk.reports.wording import (
    ABOUT_ZERO,
    DASH,
    percent,
    percent_spread,
    points,
    points_spread,
)
from stiltwalk.tables.html import Td, Tr, escape, name, table
from stiltwalk.tasks.task import GROUPS


def mean_strip(table_: TransferTable) -> str:
    """Return the arms with their mean score and a bar of their mean gain; "" without a mean."""
    row = table_.comparison
    if not row:
        return ""
    largest = max([0.01, *(abs(c.gain.mean) for c in row.cells if c.gain)])
    body = []
    for cell in (each for each in row.cells if each.score):
        gain = cell.gain.mean if cell.gain else 0.0
        half = 50 * abs(gain) / largest
        start = 50 if gain >= 0 else 50 - half
        way = "up" if gain >= 0 else "down"
        bar = (
            f'<span class="track"><span class="bar {way}{" noise" * cell.is_noise}" '
            f'style="left:{start:.1f}%;width:{half:.1f}%"></span></span>'
        )
        score = percent_spread(cell.score) if cell.score else DASH
        words = points_spread(cell.gain) if cell.gain else "reference"
        words = f"{ABOUT_ZERO} " * cell.is_noise + words + "*" * cell.is_clear
        body.append(
            Tr(
                cells=[
                    Td(html=name(cell.arm), head=True),
                    Td(html=score, css="num"),
                    Td(html=words + bar, css="wide"),
                ]
            )
        )
    head = [
        Td(html="arm"),
        Td(html="mean, %", css="num"),
        Td(html="gain over “none”, points", css="wide"),
    ]
    return table("means", f"Score of every arm ({escape(row.name)}).", head, body)


def english(run: RunRows) -> str:
    """Return English against the mean of the other languages, per target and arm."""
    found = transfer_gap(run)
    body = []
    for task in run.targets:
        if not any((arm, task) in found for arm in run.arms):
            continue
        cells = [Td(html=name(task), key=task, head=True)]
        for arm in run.arms:
            each = found.get((arm, task))
            cells.append(
                Td(
                    html=f"{percent(each.english.mean)} → <b>{percent(each.rest.mean)}</b>"
                    f"<small>{points(-each.lost.mean)}</small>",
                    key=each.lost.mean,
                    css="num",
                )
                if each
                else Td(html='<span class="missing">missing</span>', key=-1.0, css="num")
            )
        body.append(Tr(cells=cells))
    head = [Td(html="target"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    caption = (
        "English → <b>mean of the other languages</b>, percent; below it the difference in points. "
        "Targets without English test rows are left out."
    )
    return table("english", caption, head, body) if body else ""


def few_shot(run: RunRows) -> str:
    """Return prompts and few examples side by side; "" where there are none."""
    made = few_shot_table(run)
    body = [
        Tr(
            cells=[
                Td(html=name(each), key=each, head=not place)
                if place < made.num_left
                else Td(html=escape(each), css="num")
                for place, each in enumerate(row)
            ]
        )
        for row in made.rows
    ]
    head = [
        Td(html=escape(each), css="num" if place >= made.num_left else "")
        for place, each in enumerate(made.head)
    ]
    return table(made.name, escape(made.note), head, body) if body else ""


def dev(run: RunRows) -> str:
    """Return the English dev scores by which arms are chosen."""
    scores = dev_scores(run)
    body = [
        Tr(
            cells=[
                Td(html=name(task), key=task, head=True),
                *(
                    Td(html=percent(scores[arm, task]), key=scores[arm, task], css="num")
                    if (arm, task) in scores
                    else Td(html=DASH, key=-1.0, css="num")
                    for arm in run.arms
                ),
            ]
        )
        for task in run.targets
        if any((arm, task) in scores for arm in run.arms)
    ]
    head = [Td(html="target"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    return table("dev", "Score on English dev, percent, mean over seeds.", head, body)


def guard(run: RunRows) -> str:
    """Return what choosing on dev cost against choosing on test, which no result may do."""
    costs = oracle_gap(run)
    body = [
        Tr(
            cells=[
                Td(html=name(each.task), key=each.task, head=True),
                Td(html=name(each.by_dev), key=each.by_dev),
                Td(html=percent(each.dev_choice), key=each.dev_choice, css="num"),
                Td(html=name(each.by_test), key=each.by_test),
                Td(html=percent(each.test_choice), key=each.test_choice, css="num"),
                Td(html=points(_price(each)), key=_price(each), css="num"),
            ]
        )
        for each in costs
    ]
    if not body:
        return ""
    heads = ("target", "chosen by dev", "its test score", "best by test", "its score", "price")
    head = [
        Td(html=text, css="num" if place in {2, 4, 5} else "") for place, text in enumerate(heads)
    ]
    caption = (
        "What the rule costs at most: the arm chosen on English dev against the one that a look at "
        f"the test scores would choose, {points(mean([_price(each) for each in costs]))} points on "
        "the mean; the best of several noisy scores is partly luck. No choice on this page looks "
        "at test scores."
    )
    return table("guard", caption, head, body)


def _price(cost: OracleGap) -> float:
    return cost.dev_choice - cost.test_choice


def group_names() -> str:
    """Return in words what the groups hold."""
    return "; ".join(f"{group}: {', '.join(tasks)}" for group, tasks in GROUPS.items())


OWN_DEV = "\N{BLACK DIAMOND}"
MEAN_DEV = "\N{WHITE DIAMOND}"
LEAST_SCALE = 0.05
"""Gains of five points colour a cell fully, unless there are larger ones."""


def matrix(run: RunRows, table_: TransferTable) -> str:
    """Return the table of arms by targets, and the list of what is missing."""
    columns = _columns(table_)
    notes = list(dict.fromkeys(c.reason for each in columns for c in each.cells if c.reason))
    head = [Td(html="arm"), *map(_head, columns)]
    caption = (
        "Task score in percent, mean over languages; below it the gain over “none” in points. "
        f"{OWN_DEV} best arm on English dev, {MEAN_DEV} best on the mean dev score of the others "
        f"(the target has none). {ABOUT_ZERO} the gain is inside the noise; * it is clear even "
        "when corrected for all gains of this table (5 %, Holm)."
    )
    body = [_arm(run, table_, place, notes) for place in range(len(table_.arms))]
    foot = [
        _chosen(columns),
        *(_published(each, columns) for each in published_for(run.model)),
        *(_baseline(columns, place) for place in range(len(table_.baselines))),
    ]
    listed = "".join(f'<li id="gap-{i}">{escape(note)}</li>' for i, note in enumerate(notes, 1))
    below = f'<ol class="notes">{listed}</ol>' if notes else ""
    return table("transfer", caption, head, body, foot) + below


def _columns(table_: TransferTable) -> tuple[TransferRow, ...]:
    """Return the columns from left to right: what arms compare by, the targets, other means."""
    widest = (table_.comparison,) if table_.comparison else ()
    return (*widest, *table_.tasks, *(each for each in table_.means if each not in widest))


def full_scale(table_: TransferTable) -> float:
    """Return the gain, a fraction, that colours a cell fully."""
    rows = (*table_.tasks, *table_.means)
    gains = (abs(c.gain.mean) for row in rows for c in row.cells if c.gain)
    return max([LEAST_SCALE, *gains])


def arm_anchor(arm: str) -> str:
    """Return the id of an arm's row, for links from the claims."""
    return f"arm-{arm}"


def _head(column: TransferRow) -> Td:
    return Td(html=f"{name(column.name)}<small>{escape(column.note)}</small>", css="num")


def _arm(run: RunRows, table_: TransferTable, place: int, notes: Sequence[str]) -> Tr:
    """Return one arm's row."""
    scale, arm = full_scale(table_), table_.arms[place]
    says = run.walked[arm].says if arm in run.walked else ""
    below = f"<small>{escape(says)}</small>" if says != arm else ""
    cells = [Td(html=f"{name(arm)}{below}", key=arm, head=True)]
    for column in _columns(table_):
        cell, mark = column.cells[place], ""
        if column.choice and column.choice.arm == cell.arm:
            mark = OWN_DEV if column.choice.own_dev else MEAN_DEV
        number = notes.index(cell.reason) + 1 if cell.reason else 0
        cells.append(_score(cell, scale, mark, number))
    return Tr(cells=cells, ident=arm_anchor(arm))


def _score(cell: ScoreCell, scale: float, mark: str, note: int) -> Td:
    """Return a score with its gain; colour and sign both tell which way it went."""
    link = f'<sup><a href="#gap-{note}">[{note}]</a></sup>' if note else ""
    if not cell.score:
        return Td(html=f'<span class="missing">missing</span>{link}', key=-1.0, css="num")
    text = f"{_mark(mark)}<b>{percent_spread(cell.score)}</b>{link}"
    if not cell.gain:
        return Td(html=text, key=cell.score.mean, css="num")
    way = "up" if cell.gain.mean >= 0 else "down"
    share = 0 if cell.is_noise else round(100 * min(1.0, abs(cell.gain.mean) / scale))
    return Td(
        html=f"{text}<small{_noise(cell)}{points_spread(cell.gain)}{'*' * cell.is_clear}</small>",
        key=cell.score.mean,
        css=f"num {way}",
        style=f"--gain:{share}%",
    )


def _noise(cell: ScoreCell) -> str:
    """Return the end of a tag that tells what a gain was held against, and the mark."""
    found = cell.estimate
    if found is None:
        return ">"
    widths = (("seeds", found.over_seeds()), ("test examples", found.over_examples()))
    known = [f"± {percent(width)} over {what}" for what, width in widths if width is not None]
    if len(known) > 1:
        known.append(f"± {percent(found.half_width())} together")
    title = escape(f"95 % intervals: {', '.join(known)}")
    return f' title="{title}">{f"{ABOUT_ZERO} " * cell.is_noise}'


def _mark(mark: str) -> str:
    """Return the sign of the arm chosen on dev, with words for who cannot see it."""
    words = {OWN_DEV: "chosen on English dev", MEAN_DEV: "chosen on the mean dev score"}.get(mark)
    return (
        f'<span class="mark" role="img" aria-label="{words}" title="{words}">{mark}</span>'
        if words
        else ""
    )


def _chosen(columns: Sequence[TransferRow]) -> Tr:
    """Return the row of the arms chosen on dev."""
    cells = [Td(html="chosen on dev", head=True)]
    for column in columns:
        cell = column.chosen
        if not cell or not cell.score:
            cells.append(Td(html=DASH, css="num"))
            continue
        gain = f"<small>{points_spread(cell.gain)}</small>" if cell.gain else ""
        cells.append(Td(html=f"<b>{percent_spread(cell.score)}</b>{gain}", css="num"))
    return Tr(cells=cells, css="mean")


def _published(published: Published, columns: Sequence[TransferRow]) -> Tr:
    """Return a published row, marked as such."""
    title = escape(published.source)
    cells = [
        Td(html=f'{escape(published.system)}<small title="{title}">published</small>', head=True)
    ]
    for column in columns:
        score = published.score(column.name)
        if column.name == "overall":
            score = published.average / 100
        text = percent(score) if score is not None else DASH
        cells.append(Td(html=f'<span title="{title}">{text}</span>', css="num base"))
    return Tr(cells=cells, css="base")


def _baseline(columns: Sequence[TransferRow], place: int) -> Tr:
    """Return the row of a baseline."""
    cells = [Td(html=f"{name(columns[0].baselines[place].arm)}<small>baseline</small>", head=True)]
    for column in columns:
        cell = column.baselines[place]
        text = percent(cell.score.mean) if cell.score else DASH
        cells.append(Td(html=f'<span title="{escape(cell.reason)}">{text}</span>', css="num base"))
    return Tr(cells=cells, css="base")


_BADGES = {
    ClaimVerdict.SUPPORTED: ("yes", "\N{CHECK MARK} supported"),
    ClaimVerdict.CONTRADICTED: ("no", "\N{BALLOT X} contradicted"),
    ClaimVerdict.UNDECIDED: ("open", "? not decidable from these runs"),
    ClaimVerdict.NOT_TESTED: ("open", "not tested here"),
    ClaimVerdict.FACT: ("open", "told as fact"),
}


def claims(judged: Sequence[JudgedClaim]) -> str:
    """Return every claim with its verdict, and behind it the predicate and the numbers."""
    return f'<ol class="claims">{"".join(map(_claim, judged))}</ol>'


def tally(judged: Sequence[JudgedClaim]) -> str:
    """Return in words how many claims got which verdict."""
    counts = ((sum(e.verdict is verdict for e in judged), verdict) for verdict in ClaimVerdict)
    return ", ".join(f"{count} {verdict}" for count, verdict in counts if count)


def _claim(each: JudgedClaim) -> str:
    css, words = _BADGES[each.verdict]
    number = each.name.removeprefix("own ").split()[0]
    whose = "from the recipe" if each.name.startswith("own") else each.source
    badges = f'<span class="badge {css}">{words}</span>'
    if each.here:
        badges += f' <span class="badge open">this model: {escape(each.here)}</span>'
    marked = f' <span class="own">{escape(whose)}</span>' if whose else ""
    return (
        f'<li value="{escape(number)}"><details><summary>{escape(each.says)}{marked} '
        f"{badges}</summary>{_reasons(each)}</details></li>"
    )


def _reasons(each: JudgedClaim) -> str:
    """Return what stands behind a verdict."""
    about = "<b>About this model, which the claim is not about.</b> " if each.here else ""
    said = [escape(each.untested)] if each.untested else []
    if each.why or each.breaches:
        said.append(about + escape("; ".join(filter(None, [each.why, *each.breaches]))))
    if each.predicate:
        said.append(f"<b>Predicate.</b> {escape(each.predicate)}")
    numbers = "".join(f"<li>{escape(line)}</li>" for line in each.numbers)
    links = ", ".join(f'<a href="#{escape(arm_anchor(arm))}">{name(arm)}</a>' for arm in each.arms)
    return (
        "".join(f"<p>{line}</p>" for line in said)
        + (f"<ul>{numbers}</ul>" if numbers else "")
        + (f"<p>Rows: {links}</p>" if links else "")
    )


def languages(found: Findings) -> str:
    """Return score and gain per arm, language and target, to be filtered by arm."""
    run = found.run
    by_cell = {(p["arm"], p["name"], p["task"]): p for p in found.points}
    body = [
        Tr(
            cells=[
                Td(html=escape(label(language)), key=label(language), head=True),
                Td(html=name(arm), key=arm),
                *(_cell(run, by_cell, arm, language, task) for task in run.targets),
            ],
            tags={"arm": arm},
        )
        for arm in run.arms
        for language in ordered_languages(run, run.targets)
    ]
    head = [
        Td(html="language"),
        Td(html="arm"),
        *(Td(html=name(task), css="num") for task in run.targets),
    ]
    caption = (
        "Score in percent; below it the gain over “none” in points. * marks a gain that a paired "
        "test confirms (5 %, Holm over all arms, targets and languages of the run); with one seed "
        "it knows the noise of test examples alone. Point at it for p."
    )
    return table("language-scores", caption, head, body)


def groups(run: RunRows) -> str:
    """Return score and gain per group of languages and arm, to be filtered by kind of group."""
    rows: dict[tuple[str, str], dict[str, GroupScore]] = {}
    for each in group_scores(run):
        rows.setdefault((each.grouping, each.group), {})[each.arm] = each
    body = []
    for (grouping, group), arms in rows.items():
        codes = next(iter(arms.values())).languages
        shown = f"{escape(group)}<small>{escape(' '.join(codes))}</small>"
        cells = [Td(html=shown, key=group, head=True)]
        cells += [_group_cell(arms.get(arm)) for arm in run.arms]
        body.append(Tr(cells=cells, tags={"grouping": grouping}))
    head = [Td(html="languages"), *(Td(html=name(arm), css="num") for arm in run.arms)]
    caption = (
        "Score in percent, the mean over targets of the mean over the group's languages, without "
        "English; below it the gain over “none” in points. Groups meet different targets: compare "
        "along a row, not down a column. Resources are the classes of Joshi et al. (2020)."
    )
    without = {code for task in run.targets for code in run.languages_of(task)} - GROUPED
    if without:
        caption += f" {len(without)} languages of targets outside XTREME are in no group."
    return table("groups", caption, head, body) if body else ""


def grouping_names() -> tuple[str, ...]:
    """Return the ways in which languages are grouped."""
    return tuple(GROUPINGS)


def _group_cell(score: GroupScore | None) -> Td:
    if score is None:
        return Td(html='<span class="missing">missing</span>', key=-1.0, css="num")
    gain = f"<small>{points_spread(score.gain)}</small>" if score.gain else ""
    return Td(html=f"{percent(score.score.mean)}{gain}", key=score.score.mean, css="num")


def _cell(
    run: RunRows, found: Mapping[tuple[str, str, str], Point], arm: str, language: str, task: str
) -> Td:
    """Return one score; empty where the target does not have the language."""
    if language not in run.languages_of(task):
        return Td(html="", key=-1.0, css="num")
    point = found[arm, label(language), task]
    if point["score"] is None:
        reason = escape(point["missing"])
        return Td(
            html=f'<span class="missing" title="{reason}">missing</span>', key=-1.0, css="num"
        )
    gain = ""
    if point["gain"] is not None:
        title = f' title="{escape(point["test"])}"' if point["test"] else ""
        gain = f"<small{title}>{points(point['gain'] / 100)}{'*' * point['clear']}</small>"
    return Td(html=f"{point['score']:.1f}{gain}", key=point["score"], css="num")
