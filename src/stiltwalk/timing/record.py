"""What a comparison of speed found: the record kept as `speed.json`, without torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from math import exp
from pathlib import Path
from statistics import fmean

from pydantic import TypeAdapter, ValidationError
from scipy.special import stdtrit

from stiltwalk.errors import WorkspaceError
from stiltwalk.metrics.efficiency import RequestTime, split_of_change
from stiltwalk.recipe.types import ProfileName
from stiltwalk.timing.attempts import Attempt
from stiltwalk.timing.controls import Controls
from stiltwalk.timing.correlation import sample
from stiltwalk.timing.sample_size import Figure
from stiltwalk.timing.tost import ALPHA, Judged

FILE = "speed.json"
VOID = "VOID"
"""In place of a verdict where the instrument failed its own controls."""
STYLE = "MLPerf-style scenarios; not an MLPerf result"


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
    order: str = "ABBA and BAAB by turns, the first at random; models moved before every block"
    most_blocks: int
    most_s: float
    style: str = STYLE


@dataclass(frozen=True, kw_only=True)
class Control:
    """What the instrument said about known differences, in one figure of one scenario."""

    scenario: str
    figure: Figure
    found: Controls


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One verdict.

    Args:
        task: what was asked.
        language: empty where all of the task's are in every block.
        scenario: how it was asked.
        figure: what is compared.
        verdict: a `Verdict`, or VOID.
        a_s: A's figure in seconds, the median over blocks.
        b_s: B's.
        judged: ratio, interval, margin, blocks; how it came out if controls are left aside.
        wanted_blocks: what the pilot asked for; more than were measured leave a cell open.
    """

    task: str
    language: str
    scenario: str
    figure: Figure
    verdict: str
    a_s: float
    b_s: float
    judged: Judged
    wanted_blocks: int


@dataclass(frozen=True, kw_only=True)
class LanguageTime:
    """Median time per request in one language: an estimate with its 90 % interval, no verdict."""

    task: str
    language: str
    scenario: str
    a_s: float
    b_s: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Where one model's time and memory go, per request of one task in one scenario.

    `peak_bytes` is beyond the weights, None where the system keeps no such mark. `model` is "a"
    or "b".
    """

    task: str
    language: str
    scenario: str
    model: str
    tokenise_s: float
    forward_s: float
    decode_s: float
    real_tokens: float
    padded_tokens: float
    weight_bytes: int
    peak_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What both models hold at most, weights and all, in one scenario of one task.

    `judged` is about the ratio of bytes; its FASTER is less memory, its SLOWER more.
    """

    task: str
    language: str
    scenario: str
    a_bytes: int
    b_bytes: int
    judged: Judged


@dataclass(frozen=True, kw_only=True)
class LanguageText:
    """What one model is fed for a text of one language, comparable on parallel data alone.

    `tokens_per_example` counts what the model is fed; the tokenizer's sub-words are those of the
    text itself, per character that is no white space, and per word where words are set apart.
    `flops` are the floating point operations of the matrix products that answer the example of
    median length, None where answers are written.
    """

    task: str
    language: str
    model: str
    tokens_per_example: float
    subwords_per_character: float
    subwords_per_word: float | None
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
        language: empty for all of the task's.
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
    language: str = ""
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
class MachineState:
    """The machine during a measurement; None for what it does not tell.

    Args:
        load: processes that wanted a core, mean over the last minute, at the end.
        elsewhere: share of all cores that other processes took.
        stolen: share of all cores that the host of a virtual machine took.
        clock_mhz: mean over cores at the end.
        temperature_c: of the hottest sensor at the end.
        energy_j: from the machine's counter, both models together.
        energy_counter: which counter, "unavailable" for none.
    """

    load: float | None
    elsewhere: float | None
    stolen: float | None
    clock_mhz: float | None
    temperature_c: float | None
    energy_j: float | None
    energy_counter: str


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The machine while one scenario of one task was measured, or the controls."""

    task: str
    scenario: str
    conditions: MachineState


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A whole comparison: question, design, controls, verdicts, and what stands beside them.

    Args:
        a: names the model that is compared with.
        b: names the model that the verdicts are about, as `question` says in words.
        design: what was fixed beforehand.
        controls: of the session, one per scenario and figure.
        void: why verdicts do not count, sentences; empty if the instrument passed.
        structure: what differs between the two models by task, sentences.
        cells: the verdicts.
        languages: estimates per language, where a cell is a whole task.
        costs: time by part, tokens, memory.
        memory: verdicts about it.
        texts: what each language takes in tokens.
        loadgen: absolute figures of each model by MLPerf's load generator.
        quality: of both models, where runs were compared.
        machine: load, clock, heat, energy.
        splits: of decoders, where a change of written answers' time comes from.
        time_s: what it took.
        summary: what follows from the verdicts, in words.
        data: where requests came from, empty where a stage's lineage tells.
        made_by: versions and machine.
        attempts: at this measurement so far, this one last.
    """

    a: str
    b: str
    question: str
    design: Design
    controls: tuple[Control, ...]
    void: tuple[str, ...]
    structure: dict[str, tuple[str, ...]]
    cells: tuple[Cell, ...]
    languages: tuple[LanguageTime, ...]
    costs: tuple[Cost, ...]
    memory: tuple[Memory, ...] = ()
    texts: tuple[LanguageText, ...] = ()
    loadgen: tuple[LoadGenRun, ...] = ()
    quality: tuple[Quality, ...] = ()
    machine: tuple[Machine, ...]
    splits: tuple[LatencyBreakdown, ...] = ()
    time_s: float
    summary: tuple[str, ...]
    data: str = ""
    made_by: dict[str, str] = field(default_factory=dict)
    attempts: tuple[Attempt, ...] = ()


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


_NUM_PARTS = 3
_CLEAR = 0.01
"""A part that may be smaller is not put in words."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one part multiplies the time by, mean over requests.

    Its interval is two-sided, since it says which way a part goes: 95 %, corrected for three parts,
    and widened by what consecutive requests repeat.
    """

    ratio: float
    low: float
    high: float


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
    whole: Part
    prefill: Part
    tokens: Part
    token_time: Part

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


def breakdown_of(
    task: str, language: str, asked: Sequence[tuple[RequestTime, RequestTime]], input_tokens: float
) -> LatencyBreakdown:
    """Return the split of paired requests, two at least.

    Args:
        task: what was asked.
        language: of the requests, empty for several.
        asked: what A and B took for each.
        input_tokens: of a request, mean.
    """
    parts = [split_of_change(a, b) for a, b in asked]
    a, b = (_means([pair[model] for pair in asked]) for model in (0, 1))
    return LatencyBreakdown(
        task=task,
        language=language,
        num_requests=len(asked),
        a=a,
        b=b,
        input_tokens=input_tokens,
        whole=_part([sum(each) for each in parts]),
        prefill=_part([each.prefill_s for each in parts]),
        tokens=_part([each.num_tokens for each in parts]),
        token_time=_part([each.token_s for each in parts]),
    )


def told(splits: Sequence[LatencyBreakdown], b: str) -> Iterator[str]:
    """Yield what made B faster or slower, a sentence per task; languages stand in the table."""
    for split in splits:
        if not split.language:
            whole = split.whole
            yield (
                f"{split.task}, written answers: time ratio {whole.ratio:.3f} ({whole.low:.3f} to "
                f"{whole.high:.3f}); {b}: {split.says}."
            )


def _means(times: Sequence[RequestTime]) -> tuple[float, float, float]:
    """Return the means; the time per token over all tokens, not over requests."""
    tokens = fmean(each.num_tokens for each in times)
    written_s = fmean(each.num_tokens * each.token_s for each in times)
    token_s = written_s / tokens if tokens else fmean(each.token_s for each in times)
    return fmean(each.prefill_s for each in times), tokens, token_s


def _part(logs: Sequence[float]) -> Part:
    found = sample(logs)  # a machine that is slow for one request is often so for the next
    degrees = max(found.effective - 1, 1.0)
    half = float(stdtrit(degrees, 1 - ALPHA / (2 * _NUM_PARTS))) * found.error
    return Part(ratio=exp(found.mean), low=exp(found.mean - half), high=exp(found.mean + half))
