"""What a model does to answer one fixed batch, and what two such structures differ in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from stiltwalk.features.text import load_text_encoder
from stiltwalk.files import checksum
from stiltwalk.heads.cloze import PromptedFolder
from stiltwalk.models.checkpoint import load
from stiltwalk.records import TaskType
from stiltwalk.wording import rounded

ROW_TOKENS = 64
"""Length of the fixed batch's rows; a quarter of its second row is padding."""

_FLOPS = {
    **flop_registry,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        torch.ops.aten._scaled_dot_product_flash_attention
    ],
}
_PRODUCTS = {torch.ops.aten.mm: 0, torch.ops.aten.addmm: 1}
"""Where the rows of a matrix product stand among its arguments."""

_COSTLESS = {"_name_or_path", "architectures", "dtype", "id2label", "label2id", "problem_type"}
"""Entries of a config that say where a model is from; number format and classes show in weights."""
_MOST_NAMED = 6
_AROUND = re.compile(
    r"^base_model\.(model\.)?|^masked_lm\.|\.base_layer|\.modules_to_save\.default"
)
"""What peft and prompts put into the names of modules that they wrap."""


class Prompted(NamedTuple):
    """What a prompt puts on every row, and what is read at its mask in place of all words."""

    cloze_tokens: int
    vectors: int
    classes: int
    words: int

    def __str__(self) -> str:
        """Return what it puts on every row."""
        vectors = f" and {self.vectors} vectors" if self.vectors else ""
        return f"a cloze of {self.cloze_tokens} tokens{vectors}"


class Weight(NamedTuple):
    """One parameter but for its values."""

    shape: tuple[int, ...]
    number_format: str
    num_bytes: int


@dataclass(frozen=True, kw_only=True)
class Structure:
    """Everything but the values of the weights.

    `config` (entries as JSON) and `weights` are by name, `tokenizer` is the SHA-256 of
    `tokenizer.json`, `operations` counts the kernels of one forward pass over the fixed batch,
    `flops` those of its matrix products by the module that runs them, `row_tokens` how many
    tokens the model makes of a row of ROW_TOKENS; `prompt` is None for a model with a head.
    """

    architecture: str
    config: Mapping[str, str]
    weights: Mapping[str, Weight]
    tokenizer: str
    attention: str
    operations: Mapping[str, int]
    flops: Mapping[str, int]
    row_tokens: float
    prompt: Prompted | None = None

    @property
    def total_flops(self) -> int:
        """Floating point operations of the fixed batch's matrix products."""
        return sum(self.flops.values())


def structure_of_folder(where: Path | PromptedFolder, task_type: TaskType) -> Structure:
    """Return the structure of a checkpoint's folder, loaded for one type of task.

    A prompted model is fed its cloze and its vectors on top of the fixed batch.

    Raises:
        ModelError: if the folder cannot be loaded as such a model.
    """
    if not isinstance(where, PromptedFolder):
        model = load(task_type, where)
        return structure(model, fixed_batch(model, task_type), tokenizer=_tokenizer_checksum(where))
    prompted = where.load()
    fixed = torch.from_numpy(where.kind().fixed_ids(load_text_encoder(where.model.encoder))).long()
    vectors, num_words = int((fixed >= prompted.num_words).sum()), prompted.num_words
    inputs = _in_front(fixed, fixed_batch(prompted, task_type))
    found = structure(prompted, inputs, tokenizer=_tokenizer_checksum(where.model.encoder))
    classes = prompted.config.num_labels
    return replace(found, prompt=Prompted(len(fixed) - vectors, vectors, classes, num_words))


def _tokenizer_checksum(folder: Path) -> str:
    file = folder / "tokenizer.json"
    return checksum(file) if file.is_file() else ""


def _in_front(ids_F: Tensor, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a batch with the same ids before each of its rows."""
    before_RF = ids_F.expand(len(inputs["input_ids"]), -1)
    more = {"input_ids": before_RF, "attention_mask": torch.ones_like(before_RF)}
    return {name: torch.cat([more[name], each], dim=1) for name, each in inputs.items()}


def fixed_batch(model: Any, task_type: TaskType) -> dict[str, Tensor]:  # noqa: ANN401 - as `Model`
    """Return two rows of ids that are the same for all models of one vocabulary.

    Args:
        model: with a transformers config.
        task_type: choices have one dimension more.
    """
    ids = torch.arange(2 * ROW_TOKENS).reshape(2, ROW_TOKENS) * 7919
    ids = 5 + ids % (model.config.vocab_size - 5)
    mask = torch.ones_like(ids)
    padding = ROW_TOKENS // 4
    ids[1, -padding:] = int(model.config.pad_token_id or 0)
    mask[1, -padding:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if task_type is TaskType.CHOICE:
        return {name: each[None] for name, each in inputs.items()}
    return inputs


def structure(model: nn.Module, inputs: Mapping[str, Tensor], *, tokenizer: str = "") -> Structure:
    """Return the structure of a model, adapters and all.

    Args:
        model: any module, on any device; its weights are left as they are.
        inputs: its keyword arguments; `input_ids` tells the length of a row.
        tokenizer: checksum of the tokenizer that goes with it.
    """
    was_training = model.training
    recorder = _Recorder()
    with torch.no_grad(), recorder.names_of(model.eval()), recorder:
        device = next(model.parameters()).device
        model(**{name: each.to(device) for name, each in inputs.items()})
    model.train(was_training)
    ids = inputs["input_ids"]
    rows = recorder.rows.most_common(1)
    config = getattr(model, "config", None)
    return Structure(
        architecture=type(model).__name__,
        config=_settings(config),
        weights=_weights(model, recorder.flops),
        tokenizer=tokenizer,
        attention=str(getattr(config, "_attn_implementation", "")),
        operations=dict(recorder.operations),
        flops=dict(recorder.flops),
        row_tokens=rows[0][0] * ids.shape[-1] / ids.numel() if rows else 0,
    )


def flops_of(call: Callable[[], object]) -> int:
    """Return the floating point operations of the matrix products in a call."""
    with _Recorder() as recorder:
        call()
    return sum(recorder.flops.values())


def _plain(name: str) -> str:
    """Return a module's or parameter's name without what peft puts around it."""
    return _AROUND.sub("", name)


class _Recorder(TorchDispatchMode):
    """Counts operations, and FLOPs by innermost module."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: Counter[str] = Counter()
        self.flops: Counter[str] = Counter()
        self.rows: Counter[int] = Counter()
        self._running = [""]

    def __torch_dispatch__(
        self,
        func: Any,  # noqa: ANN401 - as declared there
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        """Run an operation and count it; one that is made of others is counted by these."""
        packet = func.overloadpacket
        if packet not in _FLOPS:
            with self:
                result = func.decompose(*args, **(kwargs or {}))
            if result is not NotImplemented:
                return result
        result = func(*args, **(kwargs or {}))
        self.operations[str(packet)] += 1
        if packet in _FLOPS:
            flops = _FLOPS[packet](*args, **(kwargs or {}), out_val=result)
            self.flops[self._running[-1]] += flops
            if packet in _PRODUCTS:
                self.rows[args[_PRODUCTS[packet]].shape[0]] += flops
        return result

    @contextmanager
    def names_of(self, model: nn.Module) -> Iterator[None]:
        """Know within this block which module runs."""
        hooks = []
        for name, module in model.named_modules():
            begins = self._begins(_plain(name))
            hooks.append(module.register_forward_pre_hook(begins))
            hooks.append(module.register_forward_hook(self._ends))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _begins(self, name: str) -> Any:  # noqa: ANN401 - a hook
        return lambda *_: self._running.append(name)

    def _ends(self, *_: object) -> None:
        self._running.pop()


def _settings(config: Any) -> dict[str, str]:  # noqa: ANN401 - a transformers config or None
    """Return a config's entries that can change what runs, as JSON."""
    if config is None:
        return {}
    entries = config.to_dict().items()
    return {
        key: json.dumps(value, sort_keys=True, default=str)
        for key, value in entries
        if key not in _COSTLESS and not key.startswith("transformers_")
    }


def _weights(model: nn.Module, flops: Mapping[str, int]) -> dict[str, Weight]:
    """Return a model's weights by name, one that is tied sized once: where it is only looked up."""
    named = [(_plain(name), each) for name, each in model.named_parameters(remove_duplicate=False)]
    named.sort(key=lambda pair: pair[0].rpartition(".")[0] in flops)
    sized: set[int] = set()
    weights = {}
    for name, each in named:
        num_bytes = 0 if id(each) in sized else each.numel() * each.element_size()
        weights[name] = Weight(tuple(each.shape), str(each.dtype).removeprefix("torch."), num_bytes)
        sized.add(id(each))
    return weights


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One way in which B is not A, with its predicted cost; written to JSON field by field.

    `flops_share` is what it adds to A's floating point operations, as a fraction of them;
    `weight_bytes` what it adds to the weights; `row_tokens` what it adds to every row.
    """

    what: str
    flops_share: float = 0.0
    weight_bytes: int = 0
    row_tokens: float = 0.0

    @property
    def is_costly(self) -> bool:
        """Whether it changes what is computed for a row."""
        return bool(self.flops_share or self.row_tokens)

    def __str__(self) -> str:
        """Return the difference and its cost as one line of text."""
        costs = [
            (100 * self.flops_share, 2, "% FLOPs"),
            (self.weight_bytes, 0, "bytes of weights"),
            (self.row_tokens, 0 if float(self.row_tokens).is_integer() else 1, "tokens a row"),
        ]
        shown = [(rounded(value, places, signed=True), what) for value, places, what in costs]
        costs_said = [f"{value} {what}" for value, what in shown if value.strip("0.")]
        return f"{self.what}: {', '.join(costs_said) or 'no cost of its own'}"


def differences(a: Structure, b: Structure) -> tuple[Difference, ...]:
    """Return what B has, or does, otherwise than A; nothing if they are structurally identical."""
    changed = _changed_modules(a, b)
    heads = _heads(a, b, changed)
    others = {name: weights for name, weights in changed.items() if name not in heads}
    return (
        *_declared(a, b),
        *_number_formats(a, b),
        *_prompted(a, b, heads),
        *_modules(a, b, others),
        *_run(a, b, changed),
    )


def _declared(a: Structure, b: Structure) -> Iterator[Difference]:
    """Yield what can be told without running anything."""
    keys = sorted(a.config.keys() | b.config.keys())
    pairs = [("architecture", a.architecture, b.architecture)]
    pairs += [(f"config {key}", a.config.get(key, "-"), b.config.get(key, "-")) for key in keys]
    pairs += [("attention backend", a.attention, b.attention)]
    for what, ours, theirs in pairs:
        if ours != theirs:
            yield Difference(what=f"{what} {ours} → {theirs}")
    if a.tokenizer and b.tokenizer and a.tokenizer != b.tokenizer:
        yield Difference(what="another tokenizer, so other numbers of tokens for a text")


def _number_formats(a: Structure, b: Structure) -> Iterator[Difference]:
    """Yield one difference for all weights that differ in number format alone."""
    changed: dict[tuple[str, str], int] = {}
    for name in a.weights.keys() & b.weights.keys():
        ours, theirs = a.weights[name], b.weights[name]
        if ours.shape == theirs.shape and ours.number_format != theirs.number_format:
            formats = (ours.number_format, theirs.number_format)
            changed[formats] = changed.get(formats, 0) + theirs.num_bytes - ours.num_bytes
    for (ours_format, theirs_format), num_bytes in sorted(changed.items()):
        what = f"number format {ours_format} → {theirs_format}"
        yield Difference(what=what, weight_bytes=num_bytes)


def _changed_modules(a: Structure, b: Structure) -> dict[str, list[str]]:
    """Return the modules with weights that one has alone or in another shape, and those weights."""
    changed: dict[str, list[str]] = {}
    for name in {**a.weights, **b.weights}:
        if _shape(a, name) != _shape(b, name):
            module, _, weight = name.rpartition(".")
            changed.setdefault(module, []).append(weight)
    return changed


def _heads(a: Structure, b: Structure, changed: dict[str, list[str]]) -> dict[str, list[str]]:
    """Return the changed modules that one alone has outside its blocks, where one has a prompt."""
    if (a.prompt is None) == (b.prompt is None):
        return {}
    return {
        module: weights
        for module, weights in changed.items()
        if module != "prompt"
        and not re.search(r"\.\d+(\.|$)", module)
        and not all(f"{module}.{w}" in a.weights and f"{module}.{w}" in b.weights for w in weights)
    }


def _prompted(a: Structure, b: Structure, heads: dict[str, list[str]]) -> Iterator[Difference]:
    """Yield a head against the rows of classes at a mask, all modules together."""
    if heads:
        yield _in_modules(f"{_read_by(a, heads)} → {_read_by(b, heads)}", a, b, heads)


def _read_by(structure: Structure, heads: Iterable[str]) -> str:
    """Return what makes class scores, with its modules."""
    what = "head"
    if structure.prompt:
        classes, words = structure.prompt.classes, structure.prompt.words
        what = f"{classes} rows of classes at the mask in place of {words:,} words"
    there = {name.rpartition(".")[0] for name in structure.weights}
    return f"{what} ({', '.join(name for name in heads if name in there)})"


def _modules(a: Structure, b: Structure, changed: dict[str, list[str]]) -> Iterator[Difference]:
    """Yield what changed in each module, the same in several blocks together."""
    groups: dict[str, dict[str, list[str]]] = {}
    for module, weights in changed.items():
        pattern = re.sub(r"\.\d+(?=\.|$)", ".*", module)
        shapes = ", ".join(
            f"{weight} {_shape(a, f'{module}.{weight}')} → {_shape(b, f'{module}.{weight}')}"
            for weight in weights
        )
        groups.setdefault(f"{pattern} ({shapes})", {})[module] = weights
    for what, modules in groups.items():
        times = f", {len(modules)} times" if len(modules) > 1 else ""
        yield _in_modules(f"{what}{times}", a, b, modules)


def _in_modules(
    what: str, a: Structure, b: Structure, changed: Mapping[str, Sequence[str]]
) -> Difference:
    names = [f"{module}.{weight}" for module, weights in changed.items() for weight in weights]
    return Difference(
        what=what,
        flops_share=_more_flops(a, b, changed),
        weight_bytes=sum(_bytes(b, name) - _bytes(a, name) for name in names),
    )


def _run(a: Structure, b: Structure, changed: dict[str, list[str]]) -> Iterator[Difference]:
    """Yield what only running them shows: more tokens, other operations."""
    unchanged = (a.flops.keys() | b.flops.keys()) - changed.keys()
    share = _more_flops(a, b, unchanged)
    if a.row_tokens != b.row_tokens:
        what = f"a row of {ROW_TOKENS} tokens runs as {a.row_tokens:g} → {b.row_tokens:g}"
        if a.prompt != b.prompt:
            what += f" ({a.prompt or 'no prompt'} → {b.prompt or 'no prompt'})"
        yield Difference(what=what, flops_share=share, row_tokens=b.row_tokens - a.row_tokens)
        share = 0.0
    counts = [
        f"{name} {a.operations.get(name, 0)} → {b.operations.get(name, 0)}"
        for name in sorted(a.operations.keys() | b.operations.keys())
        if a.operations.get(name) != b.operations.get(name)
    ]
    if counts or share:
        more = f" and {len(counts) - _MOST_NAMED} more" if len(counts) > _MOST_NAMED else ""
        what = f"operations {', '.join(counts[:_MOST_NAMED]) or 'of other sizes'}{more}"
        yield Difference(what=what, flops_share=share)


def _more_flops(a: Structure, b: Structure, modules: Iterable[str]) -> float:
    """Return what B does more than A in some modules, as a share of all that A does."""
    more = sum(b.flops.get(name, 0) - a.flops.get(name, 0) for name in modules)
    return more / a.total_flops if a.total_flops else 0.0


def _shape(structure: Structure, name: str) -> str:
    weight = structure.weights.get(name)
    return "none" if weight is None else "x".join(map(str, weight.shape)) or "scalar"


def _bytes(structure: Structure, name: str) -> int:
    return structure.weights[name].num_bytes if name in structure.weights else 0
