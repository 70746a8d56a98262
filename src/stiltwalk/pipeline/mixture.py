"""What an intermediate stage trains on: rows, the head of each, and their shares of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stiltwalk.config.recipe import TrainSettings
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models import checkpoint
from stiltwalk.models.masked_lm import with_lm_head
from stiltwalk.plan.stages import Intermediate, Text, TranslatedRows
from stiltwalk.tasks.load import translated
from stiltwalk.train.beside import text_rows, translated_rows
from stiltwalk.train.learner import TaskRows, TrainRows
from stiltwalk.train.mixing import english_and_translated, steps_of_text, steps_per_task


@dataclass(kw_only=True, eq=False)
class Mixture:
    """Rows with the model that each trains; `num_steps` of an epoch, None to see each row once."""

    rows: list[TrainRows]
    models: list[Any]
    num_steps: list[int] | None = None


def mixture_of(
    stage: Intermediate, english: Sequence[TaskRows], encoder: checkpoint.Model, source: Path
) -> Mixture:
    """Put heads on an encoder, and behind the English rows what is trained on beside them.

    Args:
        stage: says what that is.
        english: the rows of its tasks, in its order.
        encoder: shared by all heads.
        source: the checkpoint it came from.
    """
    batch_size = stage.settings.effective_batch_size
    steps = steps_per_task([each.train.num_units for each in english], batch_size, stage.mixing)
    num_text_steps = steps_of_text(sum(steps), stage.text.settings.weight) if stage.text else 0
    rows: list[TrainRows] = [*english]
    models = [
        checkpoint.with_head(
            encoder, each.task.kind, each.labels, seed=stage.draws.of(each.name).number("head")
        )
        for each in english
    ]
    for there in stage.translated:
        number = [each.name for each in english].index(there.task)
        steps[number], *others = english_and_translated(
            steps[number], there.weight, len(there.languages)
        )
        rows += _translations(there, english[number], stage.settings, source)
        models += [models[number]] * len(others)
        steps += others
    if stage.text:
        num_lines = num_text_steps * batch_size * stage.settings.num_epochs
        rows.append(_text(stage.text, num_lines, source))
        models.append(with_lm_head(encoder, source, seed=stage.draws.of("mlm").number("head")))
        steps.append(num_text_steps)
    return Mixture(rows=rows, models=models, num_steps=steps)


def _translations(
    there: TranslatedRows, english: TaskRows, settings: TrainSettings, source: Path
) -> Iterator[TrainRows]:
    """Yield the rows of every language."""
    task, limit = english.task, settings.max_rows
    for language in there.languages:
        yield translated_rows(
            english,
            translated(task, there.where, language, limit),
            language,
            load_text_encoder(source),
            settings.max_length_tokens or task.max_length_tokens,
        )


def _text(there: Text, num_lines: int, source: Path) -> TrainRows:
    encoder = load_text_encoder(source)
    return text_rows(there.where, there.languages, there.settings, encoder, num_lines)
