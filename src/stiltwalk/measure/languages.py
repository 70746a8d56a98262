"""What a language costs before a model is faster or slower: how many tokens say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stiltwalk.features.rows import Features
from stiltwalk.features.text import TextEncoder
from stiltwalk.records import (
    ChoiceExample,
    Example,
    PairExample,
    Sentence,
    SpanExample,
    TaggedExample,
    TextExample,
)

WITHOUT_SPACES = frozenset("ja my th zh".split())
"""Languages of XTREME whose writing does not set words apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextCost:
    """How many tokens a model is fed for some text of one language.

    `tokens` counts what the model is fed: special tokens, cuts, and windows included; `subwords`
    the tokenizer's pieces of the text itself, `characters` those that are no white space. `words`
    are what white space sets apart, None where a writing does not.
    """

    language: str
    num_examples: int
    tokens: int
    subwords: int
    characters: int
    words: int | None

    @property
    def tokens_per_example(self) -> float:
        """Comparable between languages on parallel data alone."""
        return self.tokens / self.num_examples

    @property
    def subwords_per_character(self) -> float:
        """Fertility for any writing."""
        return self.subwords / self.characters

    @property
    def subwords_per_word(self) -> float | None:
        """Fertility where words are set apart."""
        return None if self.words is None else self.subwords / self.words


def text_cost(
    language: str,
    examples: Sequence[Example | Sentence | str],
    features: Features,
    encoder: TextEncoder,
) -> TextCost:
    """Return what some examples of one language cost in tokens.

    Args:
        language: two letters.
        examples: one at least.
        features: the rows that a model is fed for them.
        encoder: of the same checkpoint.
    """
    texts = [text for example in examples for text in _texts(example)]
    words = sum(len(text.split()) for text in texts)
    return TextCost(
        language=language,
        num_examples=len(examples),
        tokens=int(features.ids.lengths.sum()),
        subwords=sum(map(len, encoder.ids(texts))),
        characters=sum(len("".join(text.split())) for text in texts),
        words=None if language in WITHOUT_SPACES else words,
    )


def _texts(example: Example | Sentence | str) -> tuple[str, ...]:
    """Return all text of an example that a model reads."""
    match example:
        case PairExample():
            return example.text_a, example.text_b
        case ChoiceExample():
            return example.prompt, *example.choices
        case TaggedExample():
            return (" ".join(example.words),)
        case SpanExample():
            return example.question, example.context
        case TextExample() | Sentence():
            return (example.text,)
        case str():
            return (example,)
