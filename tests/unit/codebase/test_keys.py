"""Keys in bytes: whole words, all of them, each once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.codebase import keys
from flagtrail.codebase.batch import Batch
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
    assert Keys(()).hits(b"new-ui") == []


def test_hits__in_bytes_of_other_encodings__are_found() -> None:
    assert [hit.word for hit in Keys(["new-ui"]).hits(b"\xff\xfe\x00 new-ui \x80")] == ["new-ui"]


def test_look__heads__may_go_on_but_not_begin_within_a_word() -> None:
    (found,) = Keys(["on"], ["is_on("]).look(Batch.of({"a.py": b"is_on('on') this_on(2) x.is_on(3)"}))

    assert found == (0, [Hit(7, 9, "on")], [Hit(0, 6, "is_on("), Hit(25, 31, "is_on(")])


def test_look__several_files__tells_of_each_what_is_in_it() -> None:
    files = {"a": b"new", "b": b"on", "c": b"", "d": b"off on", "e": b"-ui on"}

    assert list(Keys(["on", "new-ui"]).look(Batch.of(files))) == [
        (1, [Hit(0, 2, "on")], []),
        (3, [Hit(4, 6, "on")], []),
        (4, [Hit(4, 6, "on")], []),
    ]


def test_hits__of_more_words_than_the_table_takes__are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"new-ui app.new-ui new_ui"
    expected = Keys(KEYS).hits(text)
    monkeypatch.setattr(keys, "MOST_IN_TABLE", 2)

    assert Keys(KEYS).hits(text) == expected


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

    assert {(hit.start, hit.end, hit.word) for hit in Keys(words).hits(text.encode())} == expected
