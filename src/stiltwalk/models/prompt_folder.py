"""A prompt on disk: kilobytes beside a language model that stays where it is.

The folder holds `prompt.safetensors`, the vectors as they stand in the input, and `prompt.json`:
the cloze, the words of every class, and the checksum of the weights that the prompt belongs to.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file

from stiltwalk.config.model_folder import read_config
from stiltwalk.config.prompt import PromptSettings
from stiltwalk.data.checksums import content_checksum
from stiltwalk.errors import ModelError
from stiltwalk.features.text import load_text_encoder
from stiltwalk.models import checkpoint
from stiltwalk.models.checkpoint import Model
from stiltwalk.models.masked_lm import with_lm_head
from stiltwalk.models.soft_prompt import PromptedModel, SoftPrompt
from stiltwalk.models.verbaliser import Verbaliser
from stiltwalk.records import Kind
from stiltwalk.tasks.clozes import Cloze

_FACTS, _VECTORS = "prompt.json", "prompt.safetensors"
_NAME = "vectors"


@dataclass(frozen=True, kw_only=True)
class FrozenModel:
    """Where a frozen language model is.

    Args:
        encoder: its folder, tokenizer included.
        head: the folder whose language-model head it has: its own, or that of the checkpoint
            which the encoder was trained from.
    """

    encoder: Path
    head: Path

    @property
    def checksum(self) -> str:
        """What decides its outputs: the content of all weights."""
        folders = dict.fromkeys((self.encoder, self.head))
        return "+".join(
            content_checksum(folder, folder.glob("*.safetensors")) for folder in folders
        )

    @property
    def num_words(self) -> int:
        """Size of its vocabulary."""
        return int(read_config(self.encoder)["vocab_size"])

    def load(self) -> Model:
        """Return the model in fp32; the log says if its head is a fresh one.

        Raises:
            ModelError: if it cannot be read, or has no such head.
        """
        encoder = checkpoint.load(Kind.RETRIEVAL, self.encoder)
        return with_lm_head(encoder, self.head, seed=0)


@dataclass(frozen=True, kw_only=True)
class PromptFacts:
    """What is kept of a prompt besides its vectors.

    `checksum` is of the weights that it belongs to.
    """

    cloze: Cloze
    settings: PromptSettings
    verbaliser: Verbaliser
    checksum: str


def save_prompt(folder: Path, prompt: SoftPrompt, facts: PromptFacts) -> None:
    """Write a prompt, all of it or nothing; its layers are merged into its vectors."""
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    save_file({_NAME: prompt.merged().vectors_MD.detach().cpu().contiguous()}, aside / _VECTORS)
    text = json.dumps(asdict(facts), indent=1, ensure_ascii=False)
    (aside / _FACTS).write_text(text, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def load_facts(folder: Path) -> PromptFacts:
    """Return what is kept of a prompt besides its vectors."""
    return TypeAdapter(PromptFacts).validate_json((folder / _FACTS).read_bytes())


def load_prompted(folder: Path, frozen: FrozenModel) -> PromptedModel:
    """Return a frozen model with a prompt in it.

    Args:
        folder: the prompt's.
        frozen: the model that it was trained with.

    Raises:
        ModelError: if the model is another one, or cannot be read.
    """
    facts = load_facts(folder)
    if facts.checksum != frozen.checksum:
        raise ModelError(
            f"{folder} is a prompt for other weights than those in {frozen.encoder}: "
            f"{facts.checksum} was needed, {frozen.checksum} was found. Put the model back that it "
            "was trained with, or train it anew."
        )
    mask_id = load_text_encoder(frozen.encoder).mask_id
    prompt = SoftPrompt(load_file(folder / _VECTORS)[_NAME])
    return PromptedModel(frozen.load(), facts.verbaliser, prompt, mask_id).eval()
