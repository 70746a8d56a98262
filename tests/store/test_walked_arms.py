"""Tests for what a run's record keeps of its arms."""

from stiltwalk.store.manifest import RecordedArm


def test_an_arm_says_what_it_is_made_of() -> None:
    assert RecordedArm().says == ""
    assert RecordedArm(tasks=("mnli", "qqp")).says == "mnli + qqp"
    assert RecordedArm(tasks=("a", "b", "c", "d"), has_mlm=True).says == "4 tasks, masked text"
    assert RecordedArm(tasks=("mnli",), adapters="LoRA of rank 8").says == "mnli, LoRA of rank 8"


def test_only_full_training_on_english_tasks_is_plain() -> None:
    assert RecordedArm(tasks=("mnli",)).is_plain
    assert not RecordedArm().is_plain
    for extra in ({"has_mlm": True}, {"is_translated": True}, {"adapters": "LoRA"}):
        assert not RecordedArm(tasks=("mnli",), **extra).is_plain
