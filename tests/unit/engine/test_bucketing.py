from __future__ import annotations

import pytest

from flagtrail.engine.bucketing import NATIVE, STRATEGIES, murmur3_32, seed_of
from flagtrail.model.targeting import WHOLE

QUARTERS = (25_000, 50_000, 75_000)
COLOURS = ("red", "blue", "green", "yellow")


@pytest.mark.parametrize(
    ("text", "seed", "expected"),
    [  # MurmurHash3_x86_32 as published in many languages' test suites
        ("", 0, 0),
        ("", 1, 0x514E28B7),
        ("", 0xFFFFFFFF, 0x81F16F39),
        ("test", 0, 0xBA6BD213),
        ("test", 0x9747B28C, 0x704B81DC),
        ("Hello, world!", 0, 0xC0363E43),
        ("Hello, world!", 0x9747B28C, 0x24884CBA),
        ("The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        ("ππππππππ", 0x9747B28C, 0xD58063C1),
    ],
)
def test_murmur3_32__published_vectors__agree(text: str, seed: int, expected: int) -> None:
    assert murmur3_32(text, seed) == expected


@pytest.mark.parametrize("key", ["user-1", "", "ü", "😀"])
def test_native_strategy__any_key__is_the_documented_formula(key: str) -> None:
    strategy = STRATEGIES[NATIVE]
    expected = murmur3_32(key, seed_of("new_pricing")) * WHOLE >> 32
    assert strategy.bucket(strategy.point("new_pricing", key)) == expected


@pytest.mark.parametrize(
    ("bucketing", "flag", "email", "colour"),
    [  # the vectors of flagd's own evaluators, first and second generation
        ("flagd_v1", "headerColor", "rachel@faas.com", "yellow"),
        ("flagd_v1", "headerColor", "monica@faas.com", "blue"),
        ("flagd_v1", "headerColor", "joey@faas.com", "red"),
        ("flagd_v1", "headerColor", "ross@faas.com", "green"),
        ("flagd_v1", "footerColor", "ross@faas.com", "red"),
        ("flagd_v2", "headerColor", "rachel@faas.com", "blue"),
        ("flagd_v2", "headerColor", "monica@faas.com", "yellow"),
        ("flagd_v2", "headerColor", "joey@faas.com", "red"),
        ("flagd_v2", "headerColor", "ross@faas.com", "blue"),
        ("flagd_v2", "footerColor", "ross@faas.com", "yellow"),
    ],
)
def test_flagd_strategy__published_vectors__agree(bucketing: str, flag: str, email: str, colour: str) -> None:
    strategy = STRATEGIES[bucketing]
    point = strategy.point(flag, email)
    assert COLOURS[sum(point >= strategy.limit(edge) for edge in QUARTERS)] == colour


@pytest.mark.parametrize("bucketing", STRATEGIES)
def test_strategy__lone_surrogate__raises_instead_of_crashing_the_process(bucketing: str) -> None:
    with pytest.raises(UnicodeEncodeError):
        STRATEGIES[bucketing].point("salt", "user\ud800")


def test_flagd_v1__greatest_magnitude__lies_in_the_last_bucket() -> None:
    assert STRATEGIES["flagd_v1"].bucket(2**31) == WHOLE - 1
