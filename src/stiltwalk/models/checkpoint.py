"""Load, build and keep models; every kept folder loads with stock `from_pretrained`."""

from __future__ import annotations

import copy
import errno
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
)
from transformers.utils import logging as transformers_logging

from stiltwalk.errors import ModelError, NotFinite
from stiltwalk.files import put
from stiltwalk.models import adapters
from stiltwalk.models.device import say_once, whole
from stiltwalk.models.locate import longest_row, no_head, spelled, weight_files
from stiltwalk.recipe.schema import LoRA
from stiltwalk.records import TaskType
from stiltwalk.store.machine import leads

Model = Any
"""A transformers model of whatever Auto class; they share no useful static type."""

transformers_logging.disable_progress_bar()  # a stage has its own bar

_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "additional_chat_templates/*.jinja",
)

AUTO_CLASS: dict[TaskType, Any] = {
    TaskType.TEXT: AutoModelForSequenceClassification,
    TaskType.PAIR: AutoModelForSequenceClassification,
    TaskType.CHOICE: AutoModelForMultipleChoice,
    TaskType.TAGGING: AutoModelForTokenClassification,
    TaskType.SPAN: AutoModelForQuestionAnswering,
    TaskType.RETRIEVAL: AutoModel,
    TaskType.RANKING: AutoModel,
}
_FIRST_SCALE = 100.0
"""Of a dual encoder's cosines; XTREME-R's."""


def load(
    task_type: TaskType, folder: Path, *, seed: int = 0, num_blocks: int | None = None
) -> Model:
    """Load a checkpoint in fp32 for one type of task, with its adapters if it keeps some.

    Args:
        task_type: which Auto class; `RETRIEVAL` gives the encoder alone.
        folder: a Hugging Face model folder with safetensors weights.
        seed: decides weights that the folder lacks, such as a pooler.
        num_blocks: keep only the first blocks of the encoder.

    Raises:
        ModelError: if the folder cannot be read as such a model, or lacks weights of it.
    """
    depth = {} if num_blocks is None else {"num_hidden_layers": num_blocks}
    return load_as(AUTO_CLASS[task_type], folder, seed=seed, **depth)


def load_as(auto_class: Any, folder: Path, *, seed: int = 0, **changes: int) -> Model:  # noqa: ANN401 - one of transformers' Auto classes
    """Load a checkpoint in fp32 with its adapters if it keeps some; see `load` and `read`."""
    model, missing = read(auto_class, folder, seed=seed, **changes)
    lacking = sorted(name for name in missing if "pooler" not in name)
    if lacking:  # transformers would draw them at random and only warn
        raise ModelError(
            f"{folder} could not be loaded as a model: its weights lack {len(lacking)} of what its "
            f"config.json describes, such as {lacking[0]}. Save both together with save_pretrained."
        )
    if (folder / adapters.CONFIG).is_file():
        adapters.load(model, folder)
    return model.eval()


def read(auto_class: Any, folder: Path, *, seed: int, **changes: int) -> tuple[Model, set[str]]:  # noqa: ANN401 - one of transformers' Auto classes
    """Read a folder in fp32 but for adapters; return the model and the names of what is lacking.

    Args:
        auto_class: decides the head.
        folder: a Hugging Face model folder with safetensors weights.
        seed: decides the weights that are lacking.
        changes: of the configuration.

    Raises:
        ModelError: if the folder cannot be read as such a model.
    """
    weight_files(folder)  # an index could name others, which are unpickled
    torch.manual_seed(seed)
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # heads that are dropped on purpose are no news
    try:
        with adapters.hidden(folder) as plain:
            model, found = auto_class.from_pretrained(
                plain,
                output_loading_info=True,
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                local_files_only=True,
                **changes,
            )
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"{folder} could not be loaded as a model: {str(error).partition(chr(10))[0]} "
            "It needs a config.json of a known architecture and matching .safetensors weights."
        ) from error
    finally:
        transformers_logging.set_verbosity(level)
    return model, set(found["missing_keys"])


def refuse_broken(weights: Iterable[tuple[str, torch.Tensor]], where: str) -> None:
    """Stop before weights that are no numbers answer, are kept, or are gone on with.

    Raises:
        NotFinite: with the name of the first.
    """
    for name, tensor in weights:
        if not bool(torch.isfinite(tensor).all()):
            raise NotFinite(f"The weights {name} are not finite in {where}.")


def with_head(
    encoder: PreTrainedModel, task_type: TaskType, labels: Sequence[str], *, seed: int
) -> Model:
    """Return a model with a fresh head whose encoder is `encoder` itself, not a copy.

    Several heads on one encoder share its parameters. A pooler is shared where the head's class
    has one. Nothing but the head is allocated.

    Args:
        encoder: what `load(TaskType.RETRIEVAL, …)` returned.
        task_type: decides the head's class.
        labels: names of the classes; ignored by choices and spans.
        seed: decides the head's weights.

    Raises:
        ModelError: if the family has no such head.
    """
    if task_type is TaskType.RANKING:  # cosines of its own vectors, and how much they count
        encoder.register_parameter("scale", nn.Parameter(torch.full((1,), _FIRST_SCALE)))
        return encoder.eval()
    config = copy.deepcopy(encoder.config)
    config.architectures = None
    if task_type in (TaskType.TEXT, TaskType.PAIR, TaskType.TAGGING):
        config.num_labels = len(labels)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: number for number, label in enumerate(labels)}
    else:
        config.num_labels = 2  # a start and an end; the encoder may come from a classifier
    try:
        with torch.device("meta"):
            model = AUTO_CLASS[task_type].from_config(config)
    except ValueError as error:
        raise ModelError(no_head(config.model_type, task_type)) from error
    own = model.base_model
    for name, part in encoder.named_children():
        if getattr(own, name, None) is not None:
            setattr(own, name, part)
    torch.manual_seed(seed)
    _draw(model, keep=encoder)
    return model.eval()


def _draw(model: Model, *, keep: PreTrainedModel) -> None:
    """Give a model's weights that have no memory yet their first values; those of `keep` stay."""
    for module in keep.modules():  # transformers' own mark
        module.__dict__["_is_hf_initialized"] = True
    for module in model.modules():
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if any(tensor.is_meta for tensor in own):
            module.to_empty(device="cpu", recurse=False)
    model.initialize_weights()


def head_file(task: str) -> str:
    """Return where beside an encoder a task's trained head is; stock classes pass it over."""
    return f"head-{task}.safetensors"


def load_head(model: Model, file: Path) -> None:
    """Put a trained head in the place of a model's own; the encoder stays.

    Raises:
        ModelError: if the file is not there, or is not of such a head.
    """
    try:
        kept = load_file(file)
        found = model.load_state_dict(kept, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{file} could not be loaded as the head of a {type(model).__name__}: "
            f"{str(error).partition(chr(10))[0]} Remove the folder {file.parent.parent} and run "
            "the recipe again."
        ) from error
    lacking = set(found.missing_keys) & set(_head_weights(model))
    assert not lacking, f"{file} lacks {lacking}"
    assert not found.unexpected_keys, f"{file} holds {found.unexpected_keys}"


def take_head(model: Model, task_type: TaskType, folder: Path) -> None:
    """Put the trained head of a whole model in the place of a model's own; the encoder stays.

    Raises:
        ModelError: if the folder holds no such model.
    """
    model.load_state_dict(_head_weights(load(task_type, folder)), strict=False)


def _head_weights(model: Model) -> dict[str, torch.Tensor]:
    """Return what a model has besides its encoder; an output matrix tied to that is its own."""
    own, table = f"{model.base_model_prefix}.", model.get_input_embeddings().weight
    return {
        name: weights
        for name, weights in model.named_parameters()
        if not name.startswith(own) and weights is not table
    }


def save(
    model: Model,
    folder: Path,
    *,
    tokenizer_from: Path,
    lora: LoRA | None = None,
    heads: Mapping[str, Model] = MappingProxyType({}),
) -> None:
    """Write a model and its tokenizer as an ordinary Hugging Face folder, all of it or nothing.

    Of several processes all must call it; the first writes. A `folder` that is there is replaced.
    `heads` are, by file name, models on this encoder whose heads are written beside it.

    Raises:
        OSError: if it cannot be written.
        NotFinite: if weights, with adapters merged, are no numbers.
    """
    is_merged = lora is None or lora.merged
    ordinary = adapters.ordinary_weights(model, merged=is_merged)
    weights = {name: whole(tensor) for name, tensor in ordinary.items()}
    added = {} if is_merged else adapters.added_weights(model)
    apart = {
        name: {key: whole(tensor).contiguous() for key, tensor in _head_weights(each).items()}
        for name, each in heads.items()
    }
    refuse_broken([*weights.items(), *added.items()], str(folder))
    if not leads():
        return
    aside = folder.with_name(f".{folder.name}.aside")
    shutil.rmtree(aside, ignore_errors=True)
    with growing(aside):
        model.save_pretrained(aside, state_dict=weights)
        if added:
            assert lora
            adapters.save(added, model, lora, aside)
        for name, head in apart.items():
            save_file(head, aside / name)
        _copy_tokenizer(tokenizer_from, aside)
        put(aside, folder)


@contextmanager
def growing(aside: Path) -> Iterator[None]:
    """Leave nothing of a folder where weights are written, however that ends.

    Raises:
        OSError: if they cannot be written; their library has an error of its own for that.
    """
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error)) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _copy_tokenizer(source: Path, folder: Path) -> None:
    for file in (found for name in _TOKENIZER_FILES for found in source.glob(name)):
        target = folder / file.relative_to(source)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)


def require_room(model: Model, longest_row_tokens: int) -> None:
    """Refuse rows that are longer than a model has positions for.

    Raises:
        ModelError: with both lengths; inside the model it would be an index out of range.
    """
    room = longest_row(spelled(model.config.to_dict()))
    if room is not None and longest_row_tokens > room:
        raise ModelError(
            f"A row has {longest_row_tokens} tokens, but the {model.config.model_type} model takes "
            f"{room}. Set max_length_tokens to {room} or less, for the target and the "
            "intermediate phase."
        )


def freeze_word_embeddings(model: Model) -> None:
    """Leave the word embedding table out of training."""
    model.get_input_embeddings().weight.requires_grad_(False)


def shuffle_word_embeddings(model: Model, keep: Sequence[int], *, seed: int) -> None:
    """Permute the embedding rows of all ids but `keep`, in place.

    What a model still gets right in another language afterwards, it copies or guesses: the
    control for cross-lingual transfer.
    """
    weight: nn.Parameter = model.get_input_embeddings().weight
    kept = torch.zeros(len(weight), dtype=torch.bool)
    kept[torch.as_tensor(list(keep), dtype=torch.long)] = True
    moved = (~kept).nonzero().flatten()
    order = torch.randperm(len(moved), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight[moved] = weight[moved[order]].clone()


def load_decoder(folder: Path) -> Model:
    """Load a decoder with its head in fp32, with its adapters if it keeps some.

    Args:
        folder: a Hugging Face model folder with safetensors weights.

    Raises:
        ModelError: if it is no such model, or sees what comes later, as an encoder does.
    """
    model = load_as(AutoModelForCausalLM, folder)
    config = model.config
    if getattr(config, "type_vocab_size", 0) and not getattr(config, "is_decoder", False):
        raise ModelError(
            f"{folder} is a {config.model_type} model, which is an encoder: leave model.family out "
            "of the recipe, or name a decoder such as Qwen 3, Gemma 3, Llama 3.2 or BLOOM."
        )
    return model


FAMILIES = ("bert", "deberta-v2", "roberta", "xlm-roberta")
"""Whose blocks end in layers that see one token at a time, and whose heads read the first."""


@contextmanager
def first_tokens_alone(model: Model) -> Iterator[None]:
    """Let the feed-forward layer of the last block see each row's first token alone.

    For heads that read no other token; 5 % less work in 12 blocks. Other families run it on all.
    """
    family = model.config.model_type
    if family not in FAMILIES:
        say_once(
            f"The last block of a {family} model runs on all tokens, not on those alone that its "
            "head reads: the same answers, a little later."
        )
        yield
        return
    block = [each for each in model.modules() if _is_block(each)][-1]

    def cut(_module: nn.Module, _inputs: Any, found: Any) -> Any:  # noqa: ANN401 - states and more
        return (found[0][:, :1], *found[1:])

    with block.attention.register_forward_hook(cut):
        yield


def _is_block(module: Any) -> bool:  # noqa: ANN401 - any module
    return hasattr(module, "attention") and hasattr(module, "intermediate")
