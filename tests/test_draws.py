"""Tests for stiltwalk.draws: numbers by name, which have nothing in common."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

import stiltwalk
from stiltwalk.draws import Draws, Phase

PHASES: tuple[Phase, ...] = ("intermediate", "target", "evaluation")
TASKS = st.sampled_from(["mnli", "xnli", "mnli+xnli", "squad_v1"])
NAMES = st.tuples(
    st.builds(Draws, st.integers(0, 40), st.sampled_from(PHASES), TASKS),
    st.sampled_from(["head", "order", "dropout"]),
    st.lists(st.integers(0, 40), max_size=2).map(tuple),
)


@given(NAMES, NAMES)
def test_equal_names_give_equal_numbers_and_other_names_others(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    numbers = [draws.number(purpose, *place) for draws, purpose, place in (one, other)]
    assert (numbers[0] == numbers[1]) == (one == other)


def test_a_number_is_the_same_on_every_machine() -> None:
    assert Draws(1, "target", "xnli").number("head") == 8_643_805_882_854_238_284


def test_seeds_that_follow_one_another_share_no_stream() -> None:
    firsts = [
        np.random.default_rng(Draws(seed, "target", "xnli").number("order", epoch)).random(4)
        for seed in range(1, 30)
        for epoch in range(3)
    ]
    assert len({tuple(each) for each in firsts}) == len(firsts)


def test_torch_and_numpy_take_the_largest_number() -> None:
    torch.Generator().manual_seed(2**63 - 1)
    np.random.default_rng(2**63 - 1)
    assert all(Draws(s, "target", "x").number("head") < 2**63 for s in range(200))


DRAW = {"add", "load", "load_as", "read", "shuffle_word_embeddings", "uniform_start", "with_head"}
DRAW |= {"with_lm_head"}
MADE_ONCE = {"mini_base/encoder.py"}
"""They made the encoder that is shipped, whose bits stay; one stream each, with a name or alone."""
NAMED = {"mini/__init__.py", "mini_base/decoder.py"}
"""Rows and texts of the miniature; their streams have names of their own."""


def test_nothing_is_drawn_but_by_a_name() -> None:
    source = Path(stiltwalk.__file__).parent
    found = {
        f"{file.relative_to(source)}:{line}"
        for file in source.rglob("*.py")
        if str(file.relative_to(source)) not in MADE_ONCE | NAMED
        for line in _unnamed(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert not found


def _unnamed(tree: ast.AST) -> Iterator[int]:
    """Yield lines that seed a generator with anything but a named number, or one that is handed."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        given: list[ast.expr] = []
        if name in {"manual_seed", "default_rng", "Random", "SeedSequence"}:
            given = [*node.args] or [node]
        elif name in DRAW:
            given = [each.value for each in node.keywords if each.arg == "seed"]
        yield from (each.lineno for each in given if not _is_named(each))


def _is_named(value: ast.AST) -> bool:
    """Whether it is a call of `Draws.number`, a name that a caller filled so, or draws nothing."""
    match value:
        case ast.Call(func=ast.Attribute(attr="number")) | ast.Attribute(attr="shuffle"):
            return True
        case ast.Name(id=name):
            return name in {"seed", "lacking"}
        case ast.Constant(value=0):
            return True  # of a folder that lacks nothing
        case _:
            return False


def test_an_unnamed_draw_is_seen_however_it_is_written() -> None:
    bad = (
        "torch.manual_seed(stage.seed)\nnp.random.default_rng([seed, 1])\nRandom()\n"
        "with_head(encoder, seed=stage.seed + 1)\ndefault_rng(int(seed))"
    )
    assert set(_unnamed(ast.parse(bad))) == {1, 2, 3, 4, 5}
    good = "manual_seed(seed)\nload(x, seed=draws.number('head'))\nload(x, seed=lacking)"
    assert not list(_unnamed(ast.parse(good)))
