"""What a comparison of speed found: the record kept as `speed.json`, without torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from stiltwalk.errors import WorkspaceError
from stiltwalk.recipe.types import MeasureMode, ProfileName
from stiltwalk.timing.sample_size import MOST_BLOCKS, Figure, resolvable_margin
from stiltwalk.timing.tost import Judged, Verdict, effective_number

FILE = "speed.json"
COMPARISONS = "comparisons"
"""The folder of a workspace that holds what `compare` found, by the pair's name."""
VOID = "VOID"
"""In place of a verdict where the instrument failed its own tests."""
ORDERS = ((0, 1, 1, 0), (1, 0, 0, 1))
"""ABBA or BAAB: what drifts evenly within a query's four turns cancels.

The first turn of a query is slower than the others. So queries take the orders alternating: then
both systems pay for it equally often within every block, not only on average over blocks.
"""


@dataclass(frozen=True, kw_only=True)
class Design:
    """What was fixed before anything was measured.

    Args:
        profile: quick or full.
        device: "cpu", or the accelerator's name.
        num_threads: CPU threads of either model.
        precision: number format of matrix products.
        seed: of the requests and of the order within blocks.
        margins: by figure, what still counts as equal, a fraction.
        order: of the two models within a block, and where they lie.
        mode: by turns, at the same time on two cores, or as a pilot of either says.
        most_blocks: more are never measured.
        most_s: nor is a scenario of a task measured for longer.
        style: what the scenarios are, and are not.
    """

    profile: ProfileName
    device: str
    num_threads: int
    precision: str
    seed: int
    margins: dict[Figure, float]
    order: str = "ABBA and BAAB alternating, the first at random; models moved before every block"
    mode: MeasureMode = "alternating"
    most_blocks: int = MOST_BLOCKS
    most_s: float
    style: str = "MLPerf-style scenarios; not an MLPerf result"


@dataclass(frozen=True, kw_only=True)
class InstrumentTest:
    """What the instrument said about differences that are known, in one figure of one scenario.

    `aa` compares a model with itself under two names; `delay_5` and `delay_2` compare it with
    itself delayed by 5 % and 2 % of its time. The last is only reported. `mode` is how both were
    asked, which holds for all verdicts in the scenario.
    """

    scenario: str
    figure: Figure
    aa: Judged
    delay_5: Judged
    delay_2: Judged
    mode: Literal["alternating", "duet"] = "alternating"

    @property
    def why_void(self) -> tuple[str, ...]:
        """Why no verdict about this figure counts, a sentence each; empty if all is well."""
        wrong = []
        if self.aa.verdict is not Verdict.EQUIVALENT:
            wrong.append(
                f"One model under two names did not come out as EQUIVALENT, but {self.aa}."
            )
        if self.delay_5.verdict is not Verdict.SLOWER:
            wrong.append(f"A delay of 5 % did not come out as SLOWER, but {self.delay_5}.")
        return tuple(wrong)

    @property
    def resolvable(self) -> float:
        """The smallest margin that this machine can show equality within, a fraction."""
        worth = effective_number(MOST_BLOCKS, self.aa.correlation)
        return resolvable_margin(self.aa.spread, worth)


@dataclass(frozen=True, kw_only=True)
class KeptPass:
    """Tests of the instrument that were passed here before, under the same conditions.

    Args:
        tests: one per scenario and figure.
        busy: the share of all cores that others took then; no busier a machine is served.
        unix_s: when.
    """

    tests: tuple[InstrumentTest, ...]
    busy: float
    unix_s: float


@dataclass(frozen=True, kw_only=True)
class Case:
    """What was asked and how: `language` is empty where all of the task's are in every block."""

    task: str
    language: str
    scenario: str

    def __str__(self) -> str:
        """Return it in words."""
        return f"{f'{self.task} {self.language}'.strip()}, {self.scenario}"


@dataclass(frozen=True, kw_only=True)
class TimedCell(Case):
    """One verdict.

    Args:
        figure: what is compared.
        verdict: a `Verdict`, or VOID.
        a_s: A's figure in seconds, the median over blocks.
        b_s: B's.
        judged: ratio, interval, margin, blocks; how it came out were the instrument not tested.
        wanted_blocks: what the pilot asked for; more than were measured leave a cell open.
        needs_s: about what so many take here.
    """

    figure: Figure
    verdict: str
    a_s: float
    b_s: float
    judged: Judged
    wanted_blocks: int
    needs_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class NotTimed(Case):
    """What no clock decided, and why; `needs_s` is about what a verdict takes here, if known."""

    why: str
    needs_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What a model runs for one fixed batch: kernels, and operations of their matrix products."""

    kernels: int
    flops: int


@dataclass(frozen=True, kw_only=True)
class LanguageTime(Case):
    """Median time per request in one language: an estimate with its 90 % interval, no verdict."""

    a_s: float
    b_s: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Cost(Case):
    """Where one model's time and memory go, per request of one task in one scenario.

    `peak_bytes` is beyond the weights, None where the system keeps no such mark. `model` is "a"
    or "b".
    """

    model: str
    tokenise_s: float
    forward_s: float
    decode_s: float
    real_tokens: float
    padded_tokens: float
    weight_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Memory(Case):
    """What both models hold at most, weights and all, in one scenario of one task.

    `judged` is about the ratio of bytes; its FASTER is less memory, its SLOWER more.
    """

    a_bytes: int
    b_bytes: int
    judged: Judged


@dataclass(frozen=True, kw_only=True)
class TextCost:
    """What one model is fed for a text of one language, comparable on parallel data alone.

    `tokens_per_example` counts what the model is fed: special tokens, cuts, and windows included.
    The tokenizer's sub-words are those of the text itself, per character that is no white space,
    and per word where white space sets words apart, else None.
    """

    language: str
    tokens_per_example: float
    subwords_per_character: float
    subwords_per_word: float | None


@dataclass(frozen=True, kw_only=True)
class LanguageText(TextCost):
    """It for the texts of one task.

    `flops` are the floating point operations of the matrix products that answer the example of
    median length, None where answers are written.
    """

    task: str
    model: str
    flops: int | None = None


@dataclass(frozen=True, kw_only=True)
class LoadGenRun:
    """What MLPerf's load generator says of one model: absolute, compared with nothing.

    Args:
        scenario: of MLPerf, which `num_queries` were asked in.
        estimates_s: what the scenario reports: early-stopping estimates of latency's percentiles.
        percentiles_s: the raw ones, by name, where enough queries stand behind one.
        requests_per_s: that were answered.
        rate_per_s: of Server's arrivals, None elsewhere.
        bound_s: of Server's 99th percentile; `kept_bound` by early stopping's count, too.
        task: what was asked; here and below filled in by the comparison.
        model: "a" or "b".
    """

    scenario: str
    num_queries: int
    estimates_s: dict[str, float] = field(default_factory=dict)
    percentiles_s: dict[str, float]
    requests_per_s: float
    rate_per_s: float | None
    bound_s: float | None
    kept_bound: bool
    task: str = ""
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Quality:
    """One figure of both models on one task in one language, fractions in [0, 1]."""

    task: str
    language: str
    metric: str
    a: float
    b: float


@dataclass(frozen=True, kw_only=True)
class MachineState(Case):
    """The machine while a case, or a test of the instrument, was measured; None for the unknown.

    Args:
        load: processes that wanted a core, mean over the last minute, at the end.
        elsewhere: share of all cores that other processes took.
        steal_time: share of all cores that the host of a virtual machine took.
        clock_mhz: mean over cores at the end.
        temperature_c: of the hottest sensor at the end.
        energy_j: from the machine's counter, both models together.
        energy_counter: which counter, "unavailable" for none.
        device_busy: share of the time that an accelerator worked, for whomever.
    """

    load: float | None
    elsewhere: float | None
    steal_time: float | None
    clock_mhz: float | None
    temperature_c: float | None
    energy_j: float | None
    energy_counter: str
    device_busy: float | None = None

    @property
    def busy(self) -> float:
        """The share of all cores that others took, guests of the same host among them."""
        return (self.elsewhere or 0.0) + (self.steal_time or 0.0)


@dataclass(frozen=True, kw_only=True)
class PartRatio:
    """What one part multiplies the time by, mean over requests.

    Its interval is two-sided, since it says which way a part goes: 95 %, corrected for three parts,
    and widened by what consecutive requests repeat.
    """

    ratio: float
    low: float
    high: float


_CLEAR = 0.01
"""A part that may be smaller is not put in words."""


@dataclass(frozen=True, kw_only=True)
class LatencyBreakdown:
    """The change of one task's request time between two models, in one language.

    Args:
        task: what was asked.
        language: empty for all of the task's.
        num_requests: that both answered.
        a: A's mean seconds to the first token, tokens after it, seconds for each of these.
        b: B's.
        input_tokens: of a request, mean.
        whole: the ratio of B's time to A's; the product of the three below.
        prefill: what the time to the first token does to it.
        tokens: what the number of tokens does to it.
        token_time: what the time per token does to it.
    """

    task: str
    language: str
    num_requests: int
    a: tuple[float, float, float]
    b: tuple[float, float, float]
    input_tokens: float
    whole: PartRatio
    prefill: PartRatio
    tokens: PartRatio
    token_time: PartRatio

    @property
    def says(self) -> str:
        """What made B faster or slower, in words."""
        parts = (
            (self.prefill, "its prompt is read faster", "its prompt is read slower"),
            (self.tokens, "it says less", "it says more"),
            (self.token_time, "each token is faster", "each token is slower"),
        )
        down = [less for part, less, _ in parts if part.high < 1 - _CLEAR]
        up = [more for part, _, more in parts if part.low > 1 + _CLEAR]
        faster = [f"faster because {' and '.join(down)}"] if down else []
        slower = [f"slower because {' and '.join(up)}"] if up else []
        return "; ".join([*faster, *slower]) or "no part differs clearly"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One try at a measurement.

    `outcome` is "counts", "void" if some or all of its verdicts did not count, for the reasons in
    `void`, or "broken off".
    """

    began_unix_s: float
    outcome: str
    void: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A whole comparison: question, design, verdicts, and all that they rest on.

    Args:
        a: names the model that is compared with.
        b: names the model that the verdicts are about, as `question` says in words.
        design: what was fixed beforehand.
        instrument_tests: of the session, one per scenario and figure.
        void: why verdicts do not count, sentences; empty if the instrument passed.
        structure: what differs between the two models by task, sentences.
        cells: the verdicts.
        languages: estimates per language, where a cell is a whole task.
        costs: time by part, tokens, memory.
        memory: verdicts about it.
        texts: what each language takes in tokens.
        loadgen: absolute figures of each model by MLPerf's load generator.
        quality: of both models, where runs were compared.
        machine_states: load, clock, temperature, energy.
        breakdowns: of decoders, where a change of written answers' time comes from.
        time_s: what it took.
        summary: what follows from the verdicts, in words.
        data: where requests came from, empty where a stage's lineage tells.
        made_by: versions and machine.
        attempts: at this measurement so far, this one last.
        reason: why the clock was not used, or stopped, a sentence; empty if it went through.
        is_worth_trying_again: whether that reason is one of the moment, as a busy machine is.
        not_timed: what has no verdict, and why.
        operations: of A and B by task; two models with equal ones and no difference in `structure`
            do the same computation.
        tested_unix_s: when the instrument was tested, if an earlier pass of its tests served.
    """

    a: str
    b: str
    question: str
    design: Design
    instrument_tests: tuple[InstrumentTest, ...]
    void: tuple[str, ...]
    structure: dict[str, tuple[str, ...]]
    cells: tuple[TimedCell, ...]
    languages: tuple[LanguageTime, ...]
    costs: tuple[Cost, ...]
    memory: tuple[Memory, ...] = ()
    texts: tuple[LanguageText, ...] = ()
    loadgen: tuple[LoadGenRun, ...] = ()
    quality: tuple[Quality, ...] = ()
    machine_states: tuple[MachineState, ...]
    breakdowns: tuple[LatencyBreakdown, ...] = ()
    time_s: float
    summary: tuple[str, ...]
    data: str = ""
    made_by: dict[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()
    reason: str = ""
    is_worth_trying_again: bool = False
    not_timed: tuple[NotTimed, ...] = ()
    operations: dict[str, tuple[Operations, Operations]] = field(default_factory=dict)
    tested_unix_s: float | None = None

    def __repr__(self) -> str:
        """Return what follows from it: all that it holds fills pages."""
        return f"<Speed of {self.b} against {self.a}: {' '.join(self.summary) or self.reason}>"


def write_speed(speed: Speed, file: Path) -> None:
    """Keep a comparison as JSON."""
    text = json.dumps(asdict(speed), indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")


def read_speed(text: str) -> Speed:
    """Return the comparison in a JSON text.

    Raises:
        WorkspaceError: if it is not one.
    """
    try:
        return TypeAdapter(Speed).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise WorkspaceError(
            f"This is no {FILE} of this version: {where}: {first['msg']}. Measure again."
        ) from error
