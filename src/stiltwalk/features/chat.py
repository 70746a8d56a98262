"""A checkpoint's chat template, as the text around a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from stiltwalk.errors import ModelError

_REQUEST, _REPLY = "⟪request⟫", "⟪reply⟫"


@dataclass(frozen=True, slots=True)
class Chat:
    """What stands before a request, between it and the reply, and behind the reply."""

    before: str
    between: str
    after: str


@lru_cache(maxsize=4)
def chat_of(folder: Path) -> Chat | None:
    """Return how a checkpoint frames one request, None where it has no chat template.

    Raises:
        ModelError: if the template does not leave request and reply as they are.
    """
    settings = _settings(folder)
    template = settings.get("chat_template")
    if not isinstance(template, str):
        return None
    request = [{"role": "user", "content": _REQUEST}]
    asked = _rendered(template, request, settings, prompt=True)
    whole = _rendered(
        template, [*request, {"role": "assistant", "content": _REPLY}], settings, prompt=False
    )
    if asked.count(_REQUEST) != 1 or whole.count(_REPLY) != 1:
        raise ModelError(
            f"The chat template of {folder} does not show a request and its reply once each. Set "
            "chat_template = false in the recipe's [answering.TASK] tables."
        )
    before, _, between = asked.partition(_REQUEST)
    return Chat(before, between, whole.partition(_REPLY)[2])


def _settings(folder: Path) -> dict[str, Any]:
    """Return the tokenizer's settings, a template in a file of its own put among them."""
    file, own = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    settings: dict[str, Any] = {}
    if file.is_file():
        settings = json.loads(file.read_text(encoding="utf-8"))
    if own.is_file():
        settings["chat_template"] = own.read_text(encoding="utf-8")
    return settings


def _rendered(
    template: str, messages: list[dict[str, str]], settings: dict[str, Any], *, prompt: bool
) -> str:
    from transformers.utils.chat_template_utils import (  # noqa: PLC0415 - for chats alone
        render_jinja_template,
    )

    known: dict[str, Any] = {
        name: _text(value) for name, value in settings.items() if name.endswith("_token")
    }
    known["enable_thinking"] = False  # Qwen 3's name for answering at once
    rendered: Any = render_jinja_template(
        [messages], chat_template=template, add_generation_prompt=prompt, **known
    )
    return str(rendered[0][0])


def _text(token: Any) -> str:  # noqa: ANN401 - a text, or a table that holds it
    return str(token["content"] if isinstance(token, dict) else token or "")
