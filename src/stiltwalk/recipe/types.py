"""The parts of a recipe that have tables of their own. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from stiltwalk.data.by_language import ByLanguage
from stiltwalk.records import TaskType

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
LATER = {"later": True}
"""Marks a field that stages had not always: where it is empty, they are the stages they were."""

MOST = 2**31 - 1
Count = Annotated[int, Field(ge=1, le=MOST)]
CountOrNone = Annotated[int, Field(ge=0, le=MOST)]
LengthTokens = Annotated[int, Field(ge=16, le=MOST)]
Seed = Annotated[int, Field(ge=1, le=2**63 - 1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Part = Annotated[float, Field(gt=0, lt=1)]
Languages = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class MaskedText:
    """Masked language modelling on text in many languages, with the checkpoint's own head.

    Args:
        text: "mini", a folder (`de.txt` and so on with a text per line, or a configuration per
            language as on the hub), or a data set on the hub with a column `text`.
        config: the configuration of a language; `{language}` stands for its two letters.
        languages: None for all that are there; a data set on the hub cannot tell.
        weight: share of all optimiser steps; those of the tasks stay as many as without.
        exponent: a language's share of the lines is proportional to (its rows)^exponent.
        mask_share: of the ordinary tokens of a line; of these 80 % are masked, 10 % replaced.
        max_length_tokens: sub-words per line, special tokens included.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    text: str
    config: str = "{language}"
    languages: Languages | None = None
    weight: Part = 0.2
    exponent: Share = 0.3
    mask_share: Part = 0.15
    max_length_tokens: LengthTokens = 128

    @property
    def where(self) -> ByLanguage:
        """Return the part that says where the text is."""
        return ByLanguage(place=self.text, config=self.config)


@dataclass(frozen=True, kw_only=True)
class Translated:
    """One task's training rows in other languages, with the columns of the English ones.

    Args:
        rows: "mini", a folder laid out like a data set on the hub, or a data set on the hub.
        config: the configuration of a language; `{language}` stands for its two letters.
        languages: of the rows; each gets the same number of steps.
        weight: share of the task's optimiser steps; English rows keep the rest.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rows: str
    config: str = "{language}"
    languages: Languages
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5

    @property
    def where(self) -> ByLanguage:
        """Return the part that says where the rows are."""
        return ByLanguage(place=self.rows, config=self.config)


Family = Literal["encoder", "causal"]
BackendName = Literal["transformers", "vllm", "endpoint"]
Way = Literal["scoring", "generation"]
Pooling = Literal["mean", "first", "last"]
WITH_OPTIONS = (TaskType.TEXT, TaskType.PAIR, TaskType.CHOICE)


@dataclass(frozen=True, kw_only=True)
class Answering:
    """How a decoder answers one task.

    Args:
        way: "scoring" compares the log-likelihoods of all options, "generation" writes the answer
            token by token; None for scoring where there are options, else generation.
        length_normalised: divide an option's log-likelihood by its tokens.
        count_end_token: the token that ends an answer is one of an option's; common harnesses
            leave it out, and a fine-tuned model has learned to say it.
        in_context: solved English training rows before each question, drawn by the seed.
        max_new_tokens: of a written answer; None for 32, of a list of tags for 256.
        chat_template: use the model's own, where it has one; or the name of one of several.
        fine_tuned: train on the target's English rows first; else the model is asked as it is.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    way: Way | None = None
    length_normalised: bool = True
    count_end_token: bool = False
    in_context: CountOrNone = 0
    max_new_tokens: Count | None = None
    chat_template: bool | str = True
    fine_tuned: bool = True


def resolved(kind: TaskType, answering: Answering) -> Answering:
    """Return how a task of a kind is answered, what was left open filled in."""
    way: Way = "scoring" if kind in WITH_OPTIONS else "generation"
    most = 256 if kind is TaskType.TAGGING else 32
    return replace(
        answering, way=answering.way or way, max_new_tokens=answering.max_new_tokens or most
    )


@dataclass(frozen=True, kw_only=True)
class RetrievalSettings:
    """How retrieval makes one vector of a line.

    Args:
        prefix: text put before every line, such as the "query: " that E5 was trained with.
        pooling: the mean of all tokens, special ones included, or the first one's, or the last's.
        relative_depth: which block's output is read, as a share of the encoder's blocks.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prefix: str = ""
    pooling: Pooling = "mean"
    relative_depth: Annotated[float, Field(gt=0, le=1)] = 14 / 24


ProfileName = Literal["quick", "full"]
ScenarioName = Literal["SingleStream", "Offline"]
MeasureMode = Literal["auto", "alternating", "duet"]


@dataclass(frozen=True, kw_only=True)
class MeasureSettings:
    """Time every arm's models against the baseline's, side by side, once all are there.

    A pair of models per seed is timed: how far pairs differ tells what one pair is worth. What the
    budget does not reach is compared by what it computes alone: operations, shapes, FLOPs.

    Args:
        budget_s: seconds of clock for the whole run, over all its pairs; the first pairs are given
            what a verdict takes. None for what all verdicts take, 0 for no clock.
        profile: quick takes minutes an arm and seed, full takes hours.
        targets: time these; none for all of the recipe's.
        scenarios: in these alone, which takes less time; none for all of the profile's.
        mode: both models by turns, or at the same time, each on a core of its own ("duet", where
            two cores are there and each takes one thread); "auto" lets a pilot choose.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    budget_s: NotNegative | None = None
    profile: ProfileName = "quick"
    targets: tuple[str, ...] = ()
    scenarios: tuple[ScenarioName, ...] = ()
    mode: MeasureMode = "alternating"


@dataclass(frozen=True, kw_only=True)
class SelectSettings:
    """What selectors read, see `stiltwalk suggest`.

    Args:
        rows: the first so many English training rows of each task.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    rows: Annotated[int, Field(ge=20, le=MOST)] = 500


@dataclass(frozen=True, kw_only=True)
class PromptSettings:
    """A cloze in a frozen language model: its own words, or trained vectors beside them.

    Args:
        method: the nearest words of the class names alone, without training (after NPPrompt), or
            a soft prompt trained beside the cloze (after SPT).
        language: of the cloze's words, whatever language is asked.
        clozes: a TOML file of your own in place of those that are shipped, in the same form. A
            stage holds the cloze itself, never this path.
        num_words: how many nearest words of the vocabulary stand for a class.
        num_tokens: trained vectors, each as long a part of the input as a sub-word.
        start: vectors between -0.5 and 0.5 behind the text, or the embeddings of the cloze's own
            words, in their place: then as many as these.
        reparameterised: train the vectors through two linear layers that are dropped afterwards.
        learning_rate: at first; it falls linearly to 0.
        num_epochs: passes over the examples.
        effective_batch_size: examples per optimiser step.
        max_length_tokens: sub-words per row, cloze and vectors included.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    method: Literal["nearest_words", "soft"]
    language: str = "en"
    clozes: str | None = field(default=None, metadata=LATER)
    num_words: Count = 16
    num_tokens: CountOrNone = 5
    start: Literal["uniform", "template"] = "uniform"
    reparameterised: bool = False
    learning_rate: Positive = 5e-3
    num_epochs: Count = 20
    effective_batch_size: Count = 8
    max_length_tokens: LengthTokens = 128

    @property
    def is_trained(self) -> bool:
        """Whether there are vectors to train."""
        return self.method == "soft" and (self.num_tokens > 0 or self.start == "template")

    @property
    def says(self) -> str:
        """Return what it is, in a few words for people."""
        if not self.is_trained:
            return "cloze"
        started = "the cloze's words" if self.start == "template" else f"{self.num_tokens} vectors"
        return f"soft prompt of {started}"


EngineName = Literal["torch", "openvino", "onnxruntime", "torch-compiled", "auto"]
Format = Literal["fp32", "bf16", "int8"]
ENGINE_FORMATS: dict[str, tuple[Format, ...]] = {
    "torch": ("fp32", "bf16", "int8"),
    "openvino": ("fp32", "bf16", "int8"),
    "onnxruntime": ("fp32",),
    "torch-compiled": ("fp32", "bf16"),
    "auto": ("fp32", "bf16", "int8"),
}
"""The number formats that each engine computes in."""
_TOLERANCES = {"fp32": 0.002, "bf16": 0.005, "int8": 0.01}


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """What computes the encoder when it predicts; training is torch's, and so are heads.

    Scores are made by torch where nothing else is asked for. Another engine, or format, answers the
    English dev rows first (of retrieval, some of the lines), as torch in fp32 does; how far the two
    are apart is kept with the result, and too far is refused.

    Args:
        name: auto lets a trial of at most 20 seconds choose, once per machine and shape of model:
            engine, format, threads and batch; only for more than 2 % over torch.
        format: of matrix products; None for `precision` where it is fp32 or bf16, and for what the
            trial of "auto" finds fastest of these two. int8 rounds weights per output channel, and
            what goes into them as it comes.
        tolerance: how far the dev score may be from torch's, as a fraction (of retrieval, a
            vector's cosine from 1); None for 0.002 in fp32, 0.005 in bf16, 0.01 in int8.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: EngineName = "torch"
    format: Format | None = None
    tolerance: Share | None = None

    @property
    def says(self) -> str:
        """Return what it is, in a few words for people."""
        return f"{self.name} in {self.format}" if self.format else self.name

    def tolerated(self, used: Format) -> float:
        """Return how far a dev score may be from torch's in a format."""
        return _TOLERANCES[used] if self.tolerance is None else self.tolerance


DeviceName = Literal["two-cpu-cores", "rtx3090", "rtx4090", "a100", "h100"]
