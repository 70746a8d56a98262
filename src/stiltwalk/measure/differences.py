"""What two structures differ in, and what each difference should cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stiltwalk.measure.structure import ROW_TOKENS, Structure, Weight

_MOST_NAMED = 6


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
            f"{100 * self.flops_share:+.2f} % FLOPs" if self.flops_share else "",
            f"{self.weight_bytes:+,} bytes of weights" if self.weight_bytes else "",
            f"{self.row_tokens:+g} tokens a row" if self.row_tokens else "",
        ]
        return f"{self.what}: {', '.join(filter(None, costs)) or 'no cost of its own'}"


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
        if _shape(a.weights.get(name)) != _shape(b.weights.get(name)):
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
    if not heads:
        return
    names = {f"{module}.{weight}" for module, weights in heads.items() for weight in weights}
    yield Difference(
        what=f"{_read_by(a, heads)} → {_read_by(b, heads)}",
        flops_share=_more_flops(a, b, list(heads)),
        weight_bytes=sum(_bytes(b, name) - _bytes(a, name) for name in names),
    )


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
    groups: dict[str, list[str]] = {}
    for module, weights in changed.items():
        names = [f"{module}.{weight}" for weight in weights]
        pattern = re.sub(r"\.\d+(?=\.|$)", ".*", module)
        shapes = ", ".join(
            f"{weight} {_shape(a.weights.get(name))} → {_shape(b.weights.get(name))}"
            for weight, name in zip(weights, names, strict=True)
        )
        groups.setdefault(f"{pattern} ({shapes})", []).append(module)
    for what, modules in groups.items():
        names = [f"{module}.{weight}" for module in modules for weight in changed[module]]
        yield Difference(
            what=f"{what}, {len(modules)} times" if len(modules) > 1 else what,
            flops_share=_more_flops(a, b, modules),
            weight_bytes=sum(_bytes(b, name) - _bytes(a, name) for name in names),
        )


def _run(a: Structure, b: Structure, changed: dict[str, list[str]]) -> Iterator[Difference]:
    """Yield what only running them shows: more tokens, other operations."""
    unchanged = (a.flops.keys() | b.flops.keys()) - changed.keys()
    share = _more_flops(a, b, list(unchanged))
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


def _more_flops(a: Structure, b: Structure, modules: list[str]) -> float:
    """Return what B does more than A in some modules, as a share of all that A does."""
    more = sum(b.flops.get(name, 0) - a.flops.get(name, 0) for name in modules)
    return more / a.total_flops if a.total_flops else 0.0


def _shape(weight: Weight | None) -> str:
    """Return a weight's shape, or that there is none."""
    return "none" if weight is None else "x".join(map(str, weight.shape)) or "scalar"


def _bytes(structure: Structure, name: str) -> int:
    """Return the size of a weight, 0 where it does not exist."""
    return structure.weights[name].num_bytes if name in structure.weights else 0
