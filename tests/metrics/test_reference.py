"""Tests for stiltwalk.metrics.reference and the rules behind it."""

import pytest

from stiltwalk.errors import MetricError
from stiltwalk.metrics.reference import (
    majority,
    majority_answers,
    mined_by_characters,
    nearest_by_characters,
    rule_answers,
    words,
)
from stiltwalk.records import (
    Answer,
    Bitext,
    ChoiceExample,
    Example,
    PairExample,
    Sentence,
    SpanExample,
    TaggedExample,
    TaskType,
    TextExample,
)


def pair(text_a: str, text_b: str, label: str = "?") -> PairExample:
    return PairExample("id", text_a, text_b, label)


def question(context: str, asked: str, answer: str = "") -> SpanExample:
    answers = (Answer(answer, context.index(answer)),) if answer else ()
    return SpanExample("q", asked, context, answers)


def bitext(*lines: tuple[str, str]) -> Bitext:
    return Bitext(
        tuple(Sentence(f"f{i}", foreign) for i, (foreign, _) in enumerate(lines)),
        tuple(Sentence(f"e{i}", english) for i, (_, english) in enumerate(lines)),
        tuple((f"f{i}", f"e{i}") for i in range(len(lines))),
    )


def test_the_most_frequent_label_wins_and_the_first_met_of_equals() -> None:
    assert majority("abb", 2) == ["b", "b"]
    assert majority("ab", 1) == ["a"]


def test_no_training_label_is_refused() -> None:
    with pytest.raises(MetricError, match="there are none"):
        majority([], 1)


def test_the_majority_answers_in_the_form_of_each_kind() -> None:
    tagged = TaggedExample("t", ("a", "b", "c"), ("X", "Y", "Y"))
    assert majority_answers(TaskType.TAGGING, [tagged], [tagged]) == [["Y", "Y", "Y"]]
    assert majority_answers(TaskType.SPAN, [question("x", "y")], []) == {"q": ""}
    assert majority_answers(TaskType.PAIR, [pair("x", "y")], [pair("x", "y", "no")]) == ["no"]


def test_full_overlap_takes_the_label_that_it_has_in_english() -> None:
    train = [pair("a b c", "b a", "entailment"), pair("a b c", "d e", "contradiction")] * 5
    found = rule_answers(
        TaskType.PAIR, [pair("Haus Hof Hund", "Hund Haus"), pair("x y", "z")], train
    )
    assert found == ["entailment", "contradiction"]


def test_a_text_takes_the_label_that_its_words_have_in_english() -> None:
    train = [
        TextExample("1", "a pill in May", "health"),
        TextExample("2", "a train in May", "travel"),
        TextExample("3", "a train", "travel"),
    ]
    test = [TextExample("4", "Pill Mai pill", ""), TextExample("5", "Zug", "")]
    assert rule_answers(TaskType.TEXT, test, train) == ["health", "travel"]
    assert majority_answers(TaskType.TEXT, test, train) == ["travel", "travel"]


def test_a_rare_degree_of_overlap_has_no_opinion_of_its_own() -> None:
    train = [pair("a", "b", "0")] * 9 + [pair("a", "a", "1")]
    assert rule_answers(TaskType.PAIR, [pair("x", "x")], train) == ["0"]


def test_the_same_words_in_another_order_are_told_apart_from_other_words() -> None:
    train = [pair("a b", "b a", "1"), pair("a b b", "a a b", "0")] * 5
    test = [pair("北京", "京北"), pair("x y y", "x x y")]
    assert rule_answers(TaskType.PAIR, test, train) == ["1", "0"]


@pytest.mark.parametrize(("right", "found"), [("0", "0"), ("1", "1")])
def test_choices_follow_the_direction_of_overlap_that_is_right_in_english(
    right: str, found: str
) -> None:
    example = ChoiceExample("c", "red green", ("green", "blue"), right)
    assert rule_answers(TaskType.CHOICE, [example], [example]) == [found]


def test_unknown_words_are_tagged_as_english_words_written_alike() -> None:
    train = [TaggedExample("t", ("Paris", "sees", "12", "!"), ("PROPN", "VERB", "NUM", "PUNCT"))]
    test = [TaggedExample("u", ("SEES", "Berlin", "99", "。", "gern"), ())]
    assert rule_answers(TaskType.TAGGING, test, train) == [
        ["VERB", "PROPN", "NUM", "PUNCT", "VERB"]
    ]


def test_the_number_next_to_the_words_of_the_question_is_the_answer() -> None:
    context = "Paris: 1,200 Liter; Rom: 15 Liter; Wien: 9 Liter"
    train = [question("Oslo: 3 litres", "litres in Oslo?", "3")]
    assert rule_answers(TaskType.SPAN, [question(context, "Liter in Rom?")], train) == {"q": "15"}
    assert rule_answers(TaskType.SPAN, [question(context, "Liter in Paris?")], train) == {
        "q": "1,200"
    }


def test_an_answer_has_as_many_words_as_in_english_and_none_of_the_question() -> None:
    context = "The blue house belongs to Ada Lovelace since 1850."
    train = [question("It is of John Smith", "Whose?", "John Smith")]
    test = [question(context, "Who does the blue house belong to?")]
    answer = dict(rule_answers(TaskType.SPAN, test, train))["q"]  # type: ignore[arg-type]
    assert answer == "Ada Lovelace"


def test_a_context_without_words_has_an_empty_answer() -> None:
    assert rule_answers(TaskType.SPAN, [question("", "x?")], []) == {"q": ""}


@pytest.mark.parametrize("answer", [majority_answers, rule_answers])
def test_retrieval_has_functions_of_its_own(answer: object) -> None:
    examples: list[Example] = []
    assert callable(answer)
    with pytest.raises(MetricError, match="_by_characters"):
        answer(TaskType.RETRIEVAL, examples, examples)


def test_lines_that_share_rare_characters_find_each_other() -> None:
    lines = bitext(("Jahr 1950", "year 1950"), ("in Madrid", "to Madrid"), ("7 Euro", "7 euros"))
    assert nearest_by_characters(lines) == ["0", "1", "2"]


def test_mining_by_characters_takes_its_threshold_from_dev() -> None:
    dev = bitext(("Jahr 1950", "year 1950"), ("in Madrid", "to Madrid"), ("7 Euro", "7 euros"))
    assert set(mined_by_characters(dev, dev)) == set(dev.gold)


def test_an_empty_line_has_a_direction_too() -> None:
    assert len(nearest_by_characters(bitext(("", ""), ("x", "x")))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop, 1,200.5!", ["don", "'", "t", "stop", ",", "1,200.5", "!"]),
        ("北京2008", ["北", "京", "2008"]),
        ("दिल्ली में।", ["दिल्ली", "में", "।"]),
        ("ไป 3", ["ไ", "ป", "3"]),
        ("١٬٢٣٤ لتر", ["١٬٢٣٤", "لتر"]),  # noqa: RUF001 - Arabic digits
    ],
)
def test_words_of_any_script_are_cut(text: str, expected: list[str]) -> None:
    assert [word.text for word in words(text)] == expected
    assert all(text[word.start : word.end].casefold() == word.text for word in words(text))
