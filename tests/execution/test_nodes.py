"""Tests for stiltwalk.execution.scheduler."""

from __future__ import annotations

from stiltwalk.execution.scheduler import Amount, Needs, NodePool

GIB = 1 << 30
ALONE = Needs(on_gpu=True, alone=True)


def nodes(**has: Amount) -> NodePool:
    found = NodePool()
    found.update(has)
    return found


def amount(cpus: float = 2, gpus: float = 0, memory_gib: float = 8) -> Amount:
    return Amount(cpus=cpus, gpus=gpus, memory_bytes=memory_gib * GIB)


def fill(found: NodePool, needs: Needs) -> list[str]:
    """Give as many stages a node as there is room for; return the nodes."""
    given: list[str] = []
    while (node := found.find(needs)) is not None:
        found.give(node, f"{needs} {len(given)}", needs)
        given.append(node)
    return given


def test_stages_spread_until_nothing_is_left() -> None:
    found = nodes(a=amount(cpus=2), b=amount(cpus=1))
    assert sorted(fill(found, Needs())) == ["a", "a", "b"]
    found.take_back(f"{Needs()} 0")
    assert found.find(Needs()) == "a"


def test_threads_gpus_and_memory_all_count() -> None:
    assert fill(nodes(a=amount(cpus=4)), Needs(cpus=2)) == ["a", "a"]
    assert fill(nodes(a=amount(cpus=4, gpus=1)), Needs(on_gpu=True)) == ["a"]
    assert fill(nodes(a=amount(cpus=4)), Needs(memory_bytes=3 * GIB)) == ["a", "a"]


def test_without_any_gpu_the_cpu_computes_and_beside_one_it_waits_for_it() -> None:
    assert fill(nodes(a=amount(cpus=2)), Needs(on_gpu=True)) == ["a", "a"]
    assert fill(nodes(a=amount(cpus=2), b=amount(gpus=1)), Needs(on_gpu=True)) == ["b"]
    assert nodes(a=amount(cpus=2), b=amount(gpus=1)).find(Needs()) == "a"


def test_another_node_than_the_one_it_was_lost_on_is_preferred() -> None:
    found = nodes(a=amount(), b=amount())
    assert found.find(Needs(), avoid="a") == "b"
    assert nodes(a=amount()).find(Needs(), avoid="a") == "a"


def test_a_measurement_gets_a_node_for_itself_and_is_not_starved() -> None:
    found = nodes(a=amount(), b=amount())
    fill(found, Needs())
    found.take_back(f"{Needs()} 0")
    assert found.find(ALONE) is None  # and from now on one node takes nothing new
    cleared = {node for _ in range(2) if (node := found.find(Needs()))}
    assert len(cleared) <= 1
    for number in range(4):
        found.take_back(f"{Needs()} {number}")
    node = found.find(ALONE)
    assert node is not None
    assert found.give(node, "measurement", ALONE) == amount()
    assert set(fill(found, Needs())) == {"a", "b"} - {node}
    found.take_back("measurement")
    assert found.find(ALONE) == node


def test_a_node_that_left_is_forgotten_with_what_ran_there() -> None:
    found = nodes(a=amount(cpus=1))
    found.give("a", "lost", Needs())
    found.update({"b": amount(cpus=1)})
    assert found.find(Needs()) == "b"
    found.take_back("lost")
    found.update({"a": amount(cpus=1)})
    assert fill(found, Needs()) == ["a"]


def test_what_no_node_has_is_known() -> None:
    found = nodes(a=amount(cpus=2))
    found.give("a", "busy", Needs(cpus=2))
    assert found.can_ever(Needs(cpus=2))
    assert not found.can_ever(Needs(cpus=3))
