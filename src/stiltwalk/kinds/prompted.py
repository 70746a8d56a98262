"""A prompt and the model that it belongs to, where a folder of one model is expected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stiltwalk.kinds.cloze import ClozeKind
from stiltwalk.models.prompt_folder import FrozenModel, load_facts, load_prompted
from stiltwalk.models.soft_prompt import PromptedModel


@dataclass(frozen=True, kw_only=True)
class PromptedFolder:
    """Two places: the prompt's kilobytes, and the frozen model."""

    prompt: Path
    model: FrozenModel

    def load(self) -> PromptedModel:
        """Return the model with the prompt in it; see `load_prompted`."""
        return load_prompted(self.prompt, self.model)

    def kind(self) -> ClozeKind:
        """Return what makes rows for it."""
        facts = load_facts(self.prompt)
        num_words = self.model.num_words
        return ClozeKind(facts.cloze, facts.settings, num_words)
