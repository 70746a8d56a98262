"""Tests for stiltwalk.wording: what messages show, and what they hide."""

from __future__ import annotations

import pytest

from stiltwalk.wording import masked, nearest, public, shown

SECRETS = [
    "s3://user:pa55word@host/bucket",
    "https://host/file?token=pa55word&y=1",
    "https://host/file?a=1&sig=pa55word%2B",
    "https://host/file?X-Amz-Signature=pa55word",
    "--set storage.secret_key=pa55word",
    "--token pa55word",
    "token = 'pa55word'",
    '{"api_key": "pa55word"}',
    "hf_pa55wordpa55wordpa55word",
]
PLAIN = [
    "max_new_tokens = 20",
    "num_tokens=5",
    "count_end_token = false",
    "s3://bucket/folder",
    "https://host/docs/page?lang=de",
    "an unexpected token: x",
]


@pytest.mark.parametrize("text", SECRETS)
def test_what_opens_doors_is_masked(text: str) -> None:
    assert "pa55word" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize("text", PLAIN)
def test_the_rest_stays_as_it_is(text: str) -> None:
    assert public(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('name = "/home/me/models/xlmr"', 'name = "./xlmr"'),
        ("source = '~/my data/hub'", "source = './hub'"),
        ("see /home/me/x.toml.", "see ./x.toml."),
        ("1/2 and a/b/c", "1/2 and a/b/c"),
    ],
)
def test_what_is_public_names_no_absolute_path(text: str, expected: str) -> None:
    assert public(text) == expected


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, 10**10_000, [[[[[[[[[1]]]]]]]]], {"a": "x" * 10**6}, b"\xff" * 10**6, None],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_any_size_is_shown_in_short(value: object) -> None:
    assert len(shown(value)) < 300


def test_names_of_any_length_and_number_make_a_short_sentence() -> None:
    known = ["x" * 10**6] * 10**4
    assert len(nearest("y" * 10**6, known)) < 20_000
    assert nearest("udpso", ["udpos", "panx"]) == " Did you mean udpos?"
