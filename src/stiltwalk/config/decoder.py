"""Decoder language models: how each task is asked, and how the miniature's is made. Values only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from stiltwalk.config.limits import STRICT, Count, NotNegative, Positive, Share
from stiltwalk.errors import RecipeError
from stiltwalk.records import Kind
from stiltwalk.tasks import TASKS

if TYPE_CHECKING:
    from stiltwalk.config.recipe import Recipe

Family = Literal["encoder", "causal"]
BackendName = Literal["transformers", "vllm"]
Way = Literal["scoring", "generation"]
Pooling = Literal["mean", "last"]
_WITH_OPTIONS = (Kind.TEXT, Kind.PAIR, Kind.CHOICE)


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
        chat_template: use the model's own, where it has one.
        fine_tuned: train on the target's English rows first; else the model is asked as it is.
        pooling: of retrieval, whether a sentence is its tokens' mean vector or the last one's.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    way: Way | None = None
    length_normalised: bool = True
    count_end_token: bool = False
    in_context: Annotated[int, Field(ge=0)] = 0
    max_new_tokens: Count | None = None
    chat_template: bool = True
    fine_tuned: bool = True
    pooling: Pooling = "mean"


@dataclass(frozen=True, kw_only=True)
class SmallDecoder:
    """How the miniature's decoder is made out of `mini-base`, whose size and words it keeps.

    Word vectors are aligned across languages and stay frozen: whoever fine-tunes the decoder
    should leave them frozen too.

    Args:
        steps: optimiser steps.
        batch_size: texts per step.
        learning_rate: peak, reached after the warm-up, then linear decay to a fiftieth.
        warmup_steps: steps of linear increase.
        weight_decay: on matrices only.
        max_gradient_norm: clipped to this once per step.
        found_share: texts that look up a masked field of a record in another language's; the rest
            tell whether a translation says the same.
        max_tokens: longest text.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    steps: Count = 1000
    batch_size: Count = 48
    learning_rate: Positive = 1e-3
    warmup_steps: Count = 100
    weight_decay: NotNegative = 0.01
    max_gradient_norm: Positive = 1.0
    found_share: Share = 0.75
    max_tokens: Annotated[int, Field(ge=32)] = 200


def resolved(kind: Kind, answering: Answering) -> Answering:
    """Return how a task of a kind is answered, what was left open filled in."""
    way: Way = "scoring" if kind in _WITH_OPTIONS else "generation"
    most = 256 if kind is Kind.TAGGING else 32
    return replace(
        answering,
        way=answering.way or way,
        max_new_tokens=answering.max_new_tokens or most,
    )


def check_decoder(recipe: Recipe) -> None:
    """Refuse what only an encoder has, and tables for tasks that nobody asks.

    Raises:
        RecipeError: with the key.
    """
    arms = recipe.arms.values()
    model = recipe.model
    if model.family == "encoder":
        if recipe.answering or model.decoder or model.backend != "transformers":
            raise RecipeError(
                "[answering], [model.decoder] and model.backend are for decoders: set model.family "
                "to 'causal', or leave them out."
            )
        return
    if model.pretrain or any(arm.mlm for arm in arms):
        raise RecipeError("model.family is 'causal': leave [model.pretrain] and `mlm` out.")
    if recipe.precision == "auto":
        raise RecipeError("precision is 'auto', which only encoders know: choose fp32 or bf16.")
    asked = dict.fromkeys((*recipe.targets, *(task for arm in arms for task in arm.tasks)))
    asked |= dict.fromkeys(TASKS[target].train_task for target in recipe.targets)
    for name, how in recipe.answering.items():
        if name not in asked:
            raise RecipeError(
                f"[answering.{name}] is for no task of the recipe. There is: {', '.join(asked)}."
            )
        if how.way == "scoring" and TASKS[name].kind not in _WITH_OPTIONS:
            raise RecipeError(
                f"answering.{name}.way is 'scoring', but the answers of {name} are no fixed "
                "options: leave it out, or set it to generation."
            )
