"""What an arm trains on beside the English rows of its tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from stiltwalk.config.limits import STRICT, Share
from stiltwalk.data.by_language import ByLanguage

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
    max_length_tokens: Annotated[int, Field(ge=16)] = 128

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
