"""Keys in bytes: whole words, all of them, each once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.codebase import keys
from flagtrail.codebase.keys import Hit, Keys

KEYS = ("new-checkout", "new_ui", "app.new-ui", "new-ui", "a", "größe")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("new-checkout", ["new-checkout"], id="alone"),
        pytest.param("new-checkout-v2", [], id="part of a longer key"),
        pytest.param("my_new_ui", [], id="part of a longer name"),
        pytest.param("new_ui2 $new_ui new_uix", [], id="digits, dollars and letters go on"),
        pytest.param("old-new-checkout", [], id="after a hyphen"),
        pytest.param("flags.new_ui is 'new-ui'.", ["new_ui", "new-ui"], id="a dot ends a word"),
        pytest.param("app.new-ui", ["app.new-ui"], id="the longer of two keys"),
        pytest.param(
            "my.app.new-ui my-app.new-ui", ["app.new-ui", "new-ui"], id="the shorter where the longer is none"
        ),
        pytest.param("(new_ui)(new_ui)", ["new_ui", "new_ui"], id="every place"),
        pytest.param("„größe“ größen", ["größe"], id="not ASCII"),
        pytest.param("", [], id="nothing"),
    ],
)
def test_hits__of_a_text__are_whole_words(text: str, expected: list[str]) -> None:
    assert [hit.word for hit in Keys(KEYS).hits(text.encode())] == expected


def test_hits__tell_the_bytes() -> None:
    data = "ü new_ui\n".encode()

    assert Keys(KEYS).hits(data) == [Hit(3, 9, "new_ui")]


def test_keys__none__are_nowhere() -> None:
    nothing = Keys(())

    assert (nothing.may_be_in(b"new-ui"), nothing.hits(b"new-ui")) == (False, [])


def test_sieve__bytes_of_other_encodings__are_looked_at() -> None:
    assert Keys(["new-ui"]).may_be_in(b"\xff\xfe\x00 new-ui \x80")


def test_sieve__more_words_than_one_automaton_takes__finds_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PART", 10)
    many = Keys(["first-key", "second-key", "third-key"])

    assert [many.may_be_in(word.encode()) for word in (*many.words, "fourth-key")] == [True, True, True, False]


@given(
    st.lists(st.text("ab_-.", min_size=1, max_size=4), max_size=6),
    st.text("ab_-. \n", max_size=40),
)
def test_hits__of_any_text__are_what_a_regular_expression_finds_one_by_one(words: list[str], text: str) -> None:
    alone = {
        (match.start(), match.end(), word)
        for word in words
        for at in range(len(text))
        if (match := re.compile(rf"(?<![\w$-]){re.escape(word)}(?![\w$-])").match(text, at))
    }
    expected = {one for one in alone if not any(o != one and o[0] <= one[0] and one[1] <= o[1] for o in alone)}
    data = text.encode()
    found = Keys(words)

    assert {(hit.start, hit.end, hit.word) for hit in found.hits(data)} == expected
    assert found.may_be_in(data) or not expected
