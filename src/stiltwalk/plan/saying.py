"""What a stage does, in a few words for people."""

from __future__ import annotations

from stiltwalk.config.decoder import SmallDecoder
from stiltwalk.plan.stages import (
    Base,
    DrawnRows,
    FineTune,
    Intermediate,
    Measure,
    Predict,
    Pretrain,
    Prompt,
    Rules,
    Stage,
    intermediate_tasks,
    parents,
)


def describe(stage: Stage) -> str:  # noqa: PLR0911 - one case each
    """Return what a stage does, in a few words for people."""
    match stage:
        case Base():
            return f"base encoder {stage.name}"
        case Pretrain():
            what = "a decoder" if isinstance(stage.settings, SmallDecoder) else "an encoder"
            return f"pretrain {what} for {stage.settings.steps:,} steps"
        case Intermediate():
            said = f"train on {' + '.join(intermediate_tasks(stage))}{_beside(stage)}"
            return said + _with_lora(stage)
        case FineTune():
            what = f"fine-tune on {stage.rows.task}{_few(stage)}{_after(stage)}"
            return what + _with_lora(stage) + _head(stage)
        case Prompt():
            return f"{stage.settings.says} for {stage.rows.task}{_few(stage)}{_after(stage)}"
        case Predict():
            control = ", embeddings shuffled" if stage.shuffled_seed is not None else ""
            through = f", through {stage.backend}" if stage.backend else ""
            asked = f"predict {stage.rows.task} in {_many(len(stage.languages))}"
            after = _after(stage) + _with_lora(stage) + _asked(stage.parent) + _head(stage.parent)
            return f"{asked}{after}{control}{through}"
        case Rules() | Measure():
            return stage.says


def _after(stage: Stage) -> str:
    if isinstance(stage, Intermediate):
        tasks = intermediate_tasks(stage)
        named = tasks[0] if len(tasks) == 1 else f"{len(tasks)} tasks"
        return f" after {named}{_beside(stage)}"
    return "".join(map(_after, parents(stage)))


def _beside(stage: Intermediate) -> str:
    """Return what is trained on beside the English rows."""
    languages = {code for rows in stage.translated for code in rows.languages}
    said = f" translated into {_many(len(languages))}" if languages else ""
    return said + (f" with MLM in {_many(len(stage.text.languages))}" if stage.text else "")


def _asked(parent: Stage) -> str:
    return f" with a {parent.settings.says}{_few(parent)}" if isinstance(parent, Prompt) else ""


def _head(stage: Stage) -> str:
    reused = stage.head_of if isinstance(stage, FineTune) else ""
    return f", beginning with the head of {reused}" if reused else ""


def _few(stage: FineTune | Prompt) -> str:
    rows = stage.rows
    return f", {rows.per_class} rows a class" if isinstance(rows, DrawnRows) else ""


def _many(languages: int) -> str:
    return "1 language" if languages == 1 else f"{languages} languages"


def _with_lora(stage: Stage) -> str:
    last = stage.parent if isinstance(stage, Predict) else stage
    lora = last.lora if isinstance(last, Intermediate | FineTune) else None
    return f" with {lora.says}" if lora else ""
