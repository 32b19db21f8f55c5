from __future__ import annotations

import json
import struct
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from flagtrail.ledger.canonical import canonical, commitment, profile_bytes

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "ledger" / "rfc8785.json").read_text(encoding="utf-8")
)


def number(hexadecimal: str) -> float:
    (value,) = struct.unpack(">d", bytes.fromhex(hexadecimal))
    return float(value)


@pytest.mark.parametrize("case", VECTORS["values"], ids=lambda case: case["name"])
def test_canonical__published_examples__are_the_published_bytes(case: dict[str, str]) -> None:
    assert canonical(json.loads(case["input"])).decode() == case["output"]


def test_canonical__the_example_of_section_3_2_2__is_the_bytes_of_section_3_2_4() -> None:
    example = next(case["input"] for case in VECTORS["values"] if case["name"] == "values")
    assert canonical(json.loads(example)).hex() == VECTORS["bytes_of_values_section_3_2_4"]


@pytest.mark.parametrize(("bits", "expected"), VECTORS["numbers"])
def test_canonical__numbers_of_appendix_b__are_the_published_texts(bits: str, expected: str) -> None:
    assert canonical(number(bits)).decode() == expected


@pytest.mark.parametrize("bits", VECTORS["not_numbers"])
def test_canonical__what_is_not_a_number__is_refused(bits: str) -> None:
    with pytest.raises(ValueError, match="not representable"):
        canonical(number(bits))


class Colour(StrEnum):
    RED = "red"


DEEP: list[Any] = []
for _ in range(200_000):
    DEEP = [DEEP]

NOWHERE_CANONICAL = [
    pytest.param(2**53, id="an integer beyond 2^53-1"),
    pytest.param(-(2**53), id="an integer below -(2^53-1)"),
    pytest.param("\ud800", id="a lone surrogate"),
    pytest.param(["a", "\udfff"], id="a lone surrogate in a list"),
    pytest.param({1: "a"}, id="a key that is no text"),
    pytest.param(object(), id="no JSON type"),
]


@pytest.mark.parametrize("value", NOWHERE_CANONICAL)
def test_canonical__what_has_no_canonical_form__is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are the encoder's own
        canonical(value)


@pytest.mark.parametrize(
    "value",
    [
        *NOWHERE_CANONICAL,
        pytest.param(1.0, id="a float"),
        pytest.param({"a": [0.5]}, id="a float inside"),
        pytest.param({"A": 1}, id="a key in capitals"),
        pytest.param({"": 1}, id="an empty key"),
        pytest.param({"a" * 25: 1}, id="a key of 25 characters"),
        pytest.param({"é": 1}, id="a key that is not ASCII"),
        pytest.param({"a": {"b-c": 1}}, id="a key inside"),
        pytest.param(Colour.RED, id="a subclass of text"),
        pytest.param(b"a", id="bytes"),
    ],
)
def test_profile_bytes__outside_of_the_profile__is_refused(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - some words are the encoder's own
        profile_bytes(value)


@pytest.mark.parametrize("encode", [canonical, profile_bytes])
def test_canonical__nested_beyond_all_reason__is_refused(encode: Callable[[object], bytes]) -> None:
    with pytest.raises(ValueError, match="nested"):
        encode(DEEP[0])


def test_canonical__nested_deeper_than_the_encoder_goes__is_refused() -> None:
    nested: Any = 1
    for _ in range(300):
        nested = [nested]
    with pytest.raises(ValueError, match="no canonical form"):
        canonical(nested)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"b": 1, "a": None, "a_b": True}, b'{"a":null,"a_b":true,"b":1}', id="keys are sorted"),
        pytest.param([2**53 - 1, 1 - 2**53], b"[9007199254740991,-9007199254740991]", id="the widest integers"),
        pytest.param(("x", [], {}), b'["x",[],{}]', id="a tuple is a list"),
        pytest.param('"\\\x00\x1f\x7f\n/é', '"\\"\\\\\\u0000\\u001f\x7f\\n/é"'.encode(), id="escapes"),
    ],
)
def test_profile_bytes__inside_of_the_profile__are_the_canonical_bytes(value: object, expected: bytes) -> None:
    assert (profile_bytes(value), canonical(value)) == (expected, expected)


def test_commitment__namespace_name_salt_and_value__are_hashed_in_that_order() -> None:
    # printf 'flagtrail/commit/v1\nwhy\n0123456789abcdef"go live"' | openssl dgst -sha256 -binary | base64
    assert commitment("why", b"0123456789abcdef", b'"go live"') == "g3OF70umUM1gvp6bFx5z+YztIuTEwmBscfSSIfoaClc="


@pytest.mark.parametrize("length", [0, 15, 17])
def test_commitment__a_salt_of_another_length__is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        commitment("why", b"s" * length, b'""')
