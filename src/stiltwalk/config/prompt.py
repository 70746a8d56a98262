"""How an arm answers at a mask in place of a head."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from stiltwalk.config.limits import LATER, STRICT, Count, Positive


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
    num_tokens: Annotated[int, Field(ge=0)] = 5
    start: Literal["uniform", "template"] = "uniform"
    reparameterised: bool = False
    learning_rate: Positive = 5e-3
    num_epochs: Count = 20
    effective_batch_size: Count = 8
    max_length_tokens: Annotated[int, Field(ge=16)] = 128

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
