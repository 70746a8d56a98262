# ruff: noqa: PLR2004, RUF001 - shares of random cases; letters of many scripts
"""Cases for `crosscheck_metrics.py`: written by hand where a rule has an edge, random elsewhere."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

ANSWERS: dict[str, list[tuple[str, list[str]]]] = {
    "en": [
        ("the Cat", ["a cat", "dog"]),
        ("The quick, brown fox!", ["brown fox"]),
        ("", ["nothing"]),
        ("a an the", ["stone"]),
        ("U.S.A.", ["usa", "United States"]),
        ("theatre", ["the atre"]),
        ("$5 + 3 = 8", ["5 3 8", "eight"]),
        ("“quoted” words…", ["quoted words"]),
        ("to be to be", ["to be or not to be"]),
        ("Émile—Zola", ["emile zola", "ÉmileZola"]),
        ("tab\tand\u00a0space", ["tab and space"]),
    ],
    "es": [
        ("los perros", ["Perros"]),
        ("El unido Las", ["unido"]),
        ("¿la casa?", ["casa", "una casa azul"]),
        ("lo mejor", ["mejor"]),
    ],
    "de": [
        ("dem alten Haus", ["das alte Haus", "alten haus"]),
        ("Einerlei", ["einer lei"]),
        ("„Die Brücke“ (1959)", ["brücke 1959"]),
        ("STRASSE", ["Straße"]),
    ],
    "vi": [
        ("những con mèo của tôi", ["con mèo tôi"]),
        ("là Hà Nội", ["Hà Nội"]),
        ("cái bàn, chiếc ghế", ["bàn ghế"]),
    ],
    "ar": [
        ("الكتاب", ["كتاب"]),
        ("مالك الجبال", ["م ك جب"]),
        ("في عام ١٩٤٥؟", ["عام ١٩٤٥"]),
        ("ال", ["شيء"]),
    ],
    "hi": [
        ("दिल्ली।", ["दिल्ली"]),
        ("the दिल्ली", ["दिल्ली"]),
        ("एक लाख", ["लाख"]),
    ],
    "zh": [
        ("北京市", ["北京"]),
        ("《红楼梦》", ["红楼梦", "红楼"]),
        ("iPhone 7手机", ["iPhone 7", "手机"]),
        ("the 龙", ["龙"]),
        ("𠀀龙", ["龙"]),
        ("1949年10月1日", ["1949 年"]),
    ],
    "th": [("กรุงเทพมหานคร", ["กรุงเทพ"]), ("กรุงเทพ ฯ", ["กรุงเทพ"]), ("the วัด", ["วัด"])],
    "el": [("η Αθήνα·", ["Αθήνα"]), ("ΟΔΟΣ", ["οδος", "οδοσ"])],
    "ru": [("в 1812 году.", ["1812 год", "1812 году"]), ("«Мир»", ["мир"])],
    "tr": [("İstanbul", ["istanbul"]), ("IŞIK", ["ışık", "işik"])],
    "ko": [("서울특별시, 한국", ["서울특별시"])],
    "bn": [("ঢাকা।", ["ঢাকা"])],
    "te": [("హైదరాబాదు", ["హైదరాబాదు", "నగరం"])],
}
"""Language to (answer, accepted texts); no accepted text normalises to nothing."""

TAGGINGS: list[tuple[str, list[list[str]], list[list[str]]]] = [
    ("all right", [["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "O"]]),
    ("inside without begin opens a chunk", [["O", "I-LOC"]], [["O", "B-LOC"]]),
    ("type changes inside", [["B-PER", "I-LOC"]], [["B-PER", "I-PER"]]),
    ("begin after begin", [["B-PER", "B-PER"]], [["B-PER", "I-PER"]]),
    ("chunks do not cross sentences", [["I-ORG"], ["I-ORG"]], [["I-ORG"], ["B-ORG"]]),
    ("equal neighbours merge", [["NOUN", "NOUN", "VERB"]], [["NOUN", "VERB", "VERB"]]),
    ("cconj is not sconj", [["NOUN", "CCONJ"]], [["NOUN", "SCONJ"]]),
    ("sconj neighbours stay single", [["SCONJ", "SCONJ"]], [["SCONJ", "SCONJ"]]),
    ("single ends a chunk", [["S-PER", "I-PER"]], [["B-PER", "I-PER"]]),
    ("end opens after end", [["E-PER", "E-PER"]], [["B-PER", "E-PER"]]),
    ("intj is read as inside", [["NOUN", "INTJ"]], [["INTJ", "NOUN"]]),
    ("x and sym", [["X", "SYM", "SYM"]], [["X", "X", "SYM"]]),
    ("hyphen in the type", [["B-A-B", "I-A-B"]], [["B-C-B", "I-B"]]),
    ("nothing found", [["O", "O"]], [["B-PER", "O"]]),
    ("nothing there", [["B-PER", "O"]], [["O", "O"]]),
    ("nothing at all", [["O"]], [["O"]]),
    ("outside as a type", [["X-O", "O"], ["X-O"]], [["O", "X-O"], ["X-O"]]),
    ("dots are outside", [[".", "B-PER"]], [[".", "I-PER"]]),
]
"""Name, predicted tags, gold tags."""

_UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
_IOB = "O B-PER I-PER B-ORG I-ORG B-LOC I-LOC".split()
PREFIXES: list[list[str]] = [
    _UPOS,
    _IOB,
    [*_IOB, "S-PER", "E-PER", "S-LOC", "E-LOC"],
    ["O", "I-A", "B-A-B", ".", "S", "E", "X-O", "B", "I"],
]
"""Tag sets that the random cases draw from."""


def random_tags(rng: random.Random, tags: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Return gold and predicted tags of one to six sentences, mostly alike."""
    own = rng.sample(tags, rng.randint(2, len(tags)))
    gold = [[rng.choice(own) for _ in range(rng.randint(1, 8))] for _ in range(rng.randint(1, 6))]
    noise = rng.random()
    predicted = [
        [rng.choice(own) if rng.random() < noise else tag for tag in tags_] for tags_ in gold
    ]
    return gold, predicted


def random_answer(rng: random.Random, language: str) -> tuple[str, list[str]]:
    """Return an answer and one to four golds, put together from a language's words and marks."""
    pieces = [
        p for found, golds in ANSWERS[language] for text in (found, *golds) for p in text.split()
    ]
    pieces += "a an the ال la der của 的 · — . , ! $ + 12 İ ß".split()

    def text(longest: int) -> str:
        joints = [rng.choice([" ", " ", "", "  ", "\u00a0", "-"]) for _ in range(longest)]
        words = rng.choices(pieces, k=rng.randint(0, longest))
        return "".join(word + joint for word, joint in zip(words, joints, strict=False))

    found = text(6)
    golds = [text(6) if rng.random() < 0.5 else found + text(2) for _ in range(rng.randint(1, 4))]
    return found, golds


def random_embeddings(rng: random.Random) -> tuple[Any, Any]:
    """Return vectors of two sides, row i of which are near to each other."""
    draw = np.random.default_rng(rng.randrange(2**32))
    num_foreign, num_english = rng.randint(1, 60), rng.randint(1, 60)
    shared = draw.standard_normal((60, 16))
    foreign = shared[:num_foreign] + draw.standard_normal((num_foreign, 16)) * rng.random() * 2
    english = shared[:num_english] + draw.standard_normal((num_english, 16)) * rng.random()
    return foreign.astype(np.float32), english.astype(np.float32)
