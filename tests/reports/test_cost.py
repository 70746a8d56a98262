"""Tests for stiltwalk.reports.costs and sections.cost: what paired comparisons show."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from compared import compared, timed
from stiltwalk.reports.costs import efficiency
from stiltwalk.reports.parts import Document, Part, Section, Words
from stiltwalk.reports.sections import cost as section
from stiltwalk.reports.sections.cost import banner, efficiency_of
from stiltwalk.reports.sections.instrument import loadgen, together
from stiltwalk.reports.write import html, markdown
from stiltwalk.timing.record import VOID, LoadGenRun, Quality, Speed
from stiltwalk.timing.sample_size import Figure

EQUAL = compared("mini:mnli", 1.0, "EQUIVALENT", quality=0.82)
VOIDED = compared("mini:mnli", 1.0, VOID, quality=0.82)


def document(parts: Iterable[Part]) -> Document:
    alone = Section(name="cost", link="", title="Cost", parts=tuple(parts))
    return Document(brand="", title="", lead="", chips=(), banners=(), sections=(alone,))


def verdicts(comparisons: Sequence[Speed]) -> str:
    """Return what the page shows between its head and its scripts."""
    text = html(document(section.verdicts(comparisons)))
    return text[text.index("<main>") : text.index("</main>")]


def test_every_verdict_stands_with_its_interval_and_margin() -> None:
    text = verdicts([EQUAL])
    assert text.count('<span class="badge better">EQUIVALENT</span>') == 2 + 1
    assert "0.990 to 1.010" in text
    assert "3 %" in text
    assert "all 2 EQUIVALENT" in text
    assert "no difference in structure" in text


def test_an_interval_is_drawn_where_it_lies() -> None:
    slow = compared("mini:lora", 1.05, "SLOWER", quality=0.8)
    (first, *_) = re.findall(r'class="bar" d="M([\d.]+) 8H([\d.]+)"', verdicts([slow]))
    left, right = map(float, first)
    assert 60 < left < right <= 118  # to the right of 1, and inside the picture
    (band, *_) = re.findall(r'class="band" x="([\d.]+)" width="([\d.]+)"', verdicts([slow]))
    assert float(band[0]) < 60 < float(band[0]) + float(band[1]) < right


def test_an_interval_without_end_stays_inside_its_picture_and_says_where_it_ends() -> None:
    (cell, *_) = EQUAL.cells
    wide = replace(cell, judged=replace(cell.judged, low=0.1, high=9.0))
    text = verdicts([replace(EQUAL, cells=(wide,))])
    assert 'd="M8.0 8H112.0"' in text
    assert text.count('class="end"') == 2
    assert ">0.10</text>" in text
    assert ">9.00</text>" in text


def test_a_ratio_of_throughput_is_one_of_throughputs() -> None:
    text = markdown(
        document(section.verdicts([compared("mini:lora", 1.25, "SLOWER", quality=0.8)]))
    )
    latency = "| SingleStream p50 latency (below 1 is faster) | SLOWER | 1.250 | 1.240 to 1.260 |"
    offline = "| Offline throughput (above 1 is better) | SLOWER | 0.800 | 0.794 to 0.806 |"
    assert latency in text
    assert offline in text


def test_models_compared_by_structure_alone_have_no_verdicts_and_no_failed_tests() -> None:
    only = replace(EQUAL, cells=(), instrument_tests=(), costs=(), summary=())
    text = verdicts([only])
    assert "no difference in structure" in text
    assert "VOID" not in text
    (said, *_) = efficiency_of([only])
    assert said == Words("PER and the Pareto plot are missing: nothing was timed.", "missing")


def test_many_differences_in_structure_are_summed_up_and_the_list_folded() -> None:
    lora = tuple(
        f"roberta.encoder.layer.*.query.lora_{part} (weight none → 8x64), 12 times: +1.95 % FLOPs"
        for part in "AB"
    )
    text = verdicts([replace(EQUAL, structure={"xnli": lora})])
    said = "mini:mnli against mini:none on xnli: LoRA adds 24 matrices, +3.9 % operations."
    assert said in text
    assert text.index(said) < text.index("<summary>Every difference in structure") < text.index("→")


def test_figures_taken_apart_that_contradict_the_verdict_are_not_shown() -> None:
    runs = tuple(
        LoadGenRun(
            scenario="SingleStream", num_queries=64, percentiles_s={"p50": p50},
            requests_per_s=1 / p50, rate_per_s=None, bound_s=None, kept_bound=True, task="xnli",
            model=model,
        )
        for model, p50 in (("a", 0.00673), ("b", 0.01091))
    )  # fmt: skip
    assert not loadgen(0, replace(EQUAL, loadgen=runs)).rows
    agreeing = (runs[0], replace(runs[1], percentiles_s={"p50": 0.00675}))
    assert len(loadgen(0, replace(EQUAL, loadgen=agreeing)).rows) == 2


def test_blocks_that_were_wanted_and_not_measured_are_told() -> None:
    (cell, *_) = EQUAL.cells
    text = verdicts([replace(EQUAL, cells=(replace(cell, wanted_blocks=194),))])
    assert "24<small>of 194 wanted</small>" in text
    assert "wanted" not in verdicts([EQUAL])


def test_a_verdict_that_may_not_be_quoted_alone_is_marked() -> None:
    (cell, *_) = EQUAL.cells
    weak = replace(cell, judged=replace(cell.judged, stands_alone=False))
    assert "EQUIVALENT †" in verdicts([replace(EQUAL, cells=(weak,))])
    assert "†" not in verdicts([EQUAL])


def test_a_void_measurement_says_so_first() -> None:
    text = verdicts([VOIDED])
    assert text.index("VOID: the measurement failed") < text.index("<table")
    assert "The controls failed." in text
    half = replace(VOIDED, cells=(VOIDED.cells[0], EQUAL.cells[1]))
    assert [
        each.text.partition("so ")[2] for speed in (VOIDED, half) for each in banner(speed)
    ] == [
        "no verdict counts.",
        "1 of 2 verdicts do not count.",
    ]


def test_a_void_measurement_is_not_weighed_and_the_page_says_why() -> None:
    for speed, why in (
        (VOIDED, "no comparison passed its A/A and delay tests."),
        (replace(EQUAL, quality=()), "no task has a score of both models, latency and throughput."),
    ):
        (said, *_) = efficiency_of([speed])
        assert said == Words(f"PER and the Pareto plot are missing: {why}", "missing")


def test_names_of_models_stay_text() -> None:
    text = verdicts([compared("<b>x</b>", 1.2, "SLOWER", quality=0.8)])
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text


def test_models_of_several_comparisons_meet_over_their_common_first() -> None:
    rows = list(efficiency([EQUAL, compared("mini:lora", 1.25, "SLOWER", a_s=0.02, quality=0.81)]))
    assert [each.model for each in rows] == ["mini:none", "mini:mnli", "mini:lora"]
    lora = rows[2].system
    assert lora.latency == pytest.approx(0.0125)  # by its ratio, not by its own session's clock
    assert lora.throughput == pytest.approx(80.0)
    assert [each.is_on_front for each in rows] == [False, True, False]
    assert rows[0].anchored == 1.0
    assert rows[2].anchored == pytest.approx((0.81 / 0.8 / 1.25 / 1.25) ** 0.25)


def in_languages(speed: Speed, ratios: Sequence[float]) -> Speed:
    """Return a comparison by the full profile: cells and costs of every language."""
    names = [f"l{at}" for at in range(len(ratios))]
    return replace(
        speed,
        cells=tuple(
            replace(cell, language=name, judged=timed(ratio))
            for cell in speed.cells
            for name, ratio in zip(names, ratios, strict=True)
        ),
        costs=tuple(replace(cost, language=name) for cost in speed.costs for name in names),
    )


def of_equal_quality(speed: Speed) -> Speed:
    return replace(speed, quality=(replace(speed.quality[0], b=speed.quality[0].a),))


def test_one_faster_language_of_fifteen_does_not_put_a_model_on_the_front() -> None:
    found = list(efficiency([of_equal_quality(in_languages(EQUAL, [0.9] + [1.5] * 14))]))
    ratio = (0.9 * 1.5**14) ** (1 / 15)
    assert [each.is_on_front for each in found] == [True, False]
    assert found[1].system.latency == pytest.approx(0.01 * ratio)
    assert found[1].anchored == pytest.approx((1 / ratio**2) ** 0.25)


def test_the_order_of_languages_changes_nothing() -> None:
    ratios = [0.9] + [1.5] * 14
    orders = [list(efficiency([in_languages(EQUAL, each)])) for each in (ratios, ratios[::-1])]
    assert orders[0][1].anchored == pytest.approx(orders[1][1].anchored)


def test_a_figure_of_another_scenario_is_not_weighed() -> None:
    (latency, time) = EQUAL.cells
    eight = replace(latency, scenario="MultiStream", judged=timed(3.0))
    assert list(efficiency([replace(EQUAL, cells=(eight, latency, time))])) == list(
        efficiency([EQUAL])
    )
    assert not list(efficiency([replace(EQUAL, cells=(eight, time))]))


@pytest.mark.parametrize(
    ("ratio", "verdict", "front"),
    [
        (0.995, "EQUIVALENT", [True, True]),
        (1.005, "EQUIVALENT", [True, True]),
        (0.95, "INCONCLUSIVE", [True, True]),
        (0.9, "FASTER", [False, True]),
        (1.1, "SLOWER", [True, False]),
    ],
)
def test_only_what_a_verdict_shows_takes_a_model_off_the_front(
    ratio: float, verdict: str, front: list[bool]
) -> None:
    speed = of_equal_quality(compared("mini:mnli", ratio, verdict, quality=0.8))
    assert [each.is_on_front for each in efficiency([speed])] == front


def test_two_models_that_equal_a_third_do_not_beat_each_other() -> None:
    pair = [
        of_equal_quality(compared(name, ratio, "EQUIVALENT", quality=0.8))
        for name, ratio in (("mini:mnli", 0.995), ("mini:qqp", 1.005))
    ]
    assert all(each.is_on_front for each in efficiency(pair))


def test_a_void_figure_of_another_kind_does_not_keep_a_task_from_being_weighed() -> None:
    (latency, time) = EQUAL.cells
    tail = replace(latency, figure=Figure.P90, verdict=VOID)
    speed = replace(EQUAL, cells=(latency, tail, time), void=("The p90 failed.",))
    assert len(list(efficiency([speed]))) == 2
    assert not list(efficiency([replace(EQUAL, cells=(replace(latency, verdict=VOID), time))]))


def of_seeds(*ratios: float) -> list[Speed]:
    quality = Quality(task="xnli", language="de", metric="accuracy", a=0.8, b=0.8)
    return [
        replace(
            EQUAL,
            design=replace(EQUAL.design, seed=seed),
            cells=tuple(replace(each, judged=timed(ratio)) for each in EQUAL.cells),
            quality=(replace(quality, b=0.8 + seed / 100),),
        )
        for seed, ratio in enumerate(ratios, start=1)
    ]


def test_pairs_of_several_seeds_are_one_model() -> None:
    baseline, mnli = efficiency(of_seeds(1.21, 1.0))
    assert mnli.system.latency == pytest.approx(0.01 * 1.1)
    assert mnli.system.quality == pytest.approx(0.815)
    assert baseline.system.quality == pytest.approx(0.8)


def test_the_page_tells_pairs_apart_and_what_they_come_to() -> None:
    text = verdicts(of_seeds(1.0, 1.001, 0.999))
    assert text.count("<h3>") == 1
    for seed in (1, 2, 3):
        assert f"The pair of seed {seed}" in text
    assert "Over 3 pairs of checkpoints (seeds 1, 2, 3)" in text
    assert "within the margin in every cell" in text
    assert text.count("<bdi>3 EQUIVALENT</bdi>") == 2
    assert len(set(re.findall(r'id="(verdicts-\d+|together-\d+)"', text))) == 3 + 1
    assert not together(0, [EQUAL]).rows


def test_markdown_tells_pairs_apart_and_what_they_come_to() -> None:
    text = markdown(document(section.verdicts(of_seeds(1.0, 1.001))))
    assert "### Verdicts over languages and pairs, mini:mnli against mini:none\n" in text
    for seed in (1, 2):
        assert f"### Verdicts about speed, mini:mnli against mini:none, seed {seed}\n" in text


def test_a_run_without_comparisons_has_no_such_part() -> None:
    assert not list(section.verdicts([]))
    (table, *_) = efficiency_of([])
    assert not getattr(table, "rows", None)
