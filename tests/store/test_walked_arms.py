"""Tests for what a run's record keeps of its arms."""

from stiltwalk.store.record import WalkedArm


def test_an_arm_says_what_it_is_made_of() -> None:
    assert WalkedArm().says == ""
    assert WalkedArm(tasks=("mnli", "qqp")).says == "mnli + qqp"
    assert WalkedArm(tasks=("a", "b", "c", "d"), has_mlm=True).says == "4 tasks, masked text"
    assert WalkedArm(tasks=("mnli",), adapters="LoRA of rank 8").says == "mnli, LoRA of rank 8"


def test_only_full_training_on_english_tasks_is_plain() -> None:
    assert WalkedArm(tasks=("mnli",)).is_plain
    assert not WalkedArm().is_plain
    for extra in ({"has_mlm": True}, {"is_translated": True}, {"adapters": "LoRA"}):
        assert not WalkedArm(tasks=("mnli",), **extra).is_plain
