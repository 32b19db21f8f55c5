"""Pieces of files: what is left of one where only some places matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.codebase import languages, window
from flagtrail.codebase.languages import Language
from flagtrail.codebase.window import windowed


def language(suffix: str) -> Language:
    found = languages.of_path(f"a{suffix}")
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "LEAST_BYTES", 0)


PYTHON = b'''import a
from b import (
    HIT1,
)

def other():
    return 1111111111111111111111111111111111111111111111

@decorate("HIT2")
@more
def decorated():
    return 2

class Other:
    x = 3333333333333333333333333333333333333333333333333

if HIT3:
    a()
else:
    b()

def last():
    """Text

HIT4 in the first column
"""
'''


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param(b"HIT1", b"from b import (\n    HIT1,\n)\n\n", id="an import of several lines"),
        pytest.param(
            b"HIT2", b'@decorate("HIT2")\n@more\ndef decorated():\n    return 2\n\n', id="a decorator with its function"
        ),
        pytest.param(
            b"return 2", b'@decorate("HIT2")\n@more\ndef decorated():\n    return 2\n\n', id="and the other way"
        ),
        pytest.param(b"HIT3", b"if HIT3:\n    a()\nelse:\n    b()\n\n", id="a branch with the other one"),
        pytest.param(b"b()", b"if HIT3:\n    a()\nelse:\n    b()\n\n", id="and from the other one"),
        pytest.param(b"HIT4", None, id="within a text of several lines the whole file is read"),
    ],
)
def test_window__of_a_place__is_the_piece_of_the_file_around_it(place: bytes, expected: bytes | None) -> None:
    found = windowed(PYTHON, [PYTHON.index(place)], language(".py"))

    assert (found and found[0]) == expected
    assert found is None or PYTHON[found[1] :].startswith(found[0])


def test_window__of_two_places__keeps_their_distance() -> None:
    places = [PYTHON.index(b"HIT1"), PYTHON.index(b"HIT3")]
    found = windowed(PYTHON, places, language(".py"))

    assert found is not None
    text, base = found
    assert [text[place - base :][:4] for place in places] == [b"HIT1", b"HIT3"]
    assert b"other" not in text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            b"const a = `\nHIT\n`;\nconst b = 1;\n" + b"const c = 2;\n" * 20, id="a template of several lines"
        ),
        pytest.param(b"/*\nHIT\n*/\nconst b = 1;\n" + b"const c = 2;\n" * 20, id="a comment of several lines"),
        pytest.param(b"HIT", id="all of the file"),
    ],
)
def test_window__where_a_part_could_be_read_wrongly__is_the_whole_file(text: bytes) -> None:
    assert windowed(text, [text.index(b"HIT")], language(".ts")) is None


def test_window__small_file__is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "LEAST_BYTES", len(PYTHON) + 1)

    assert windowed(PYTHON, [0], language(".py")) is None


@given(
    st.lists(st.sampled_from(["def f():", "    x = 1", "@d", "else:", "", "'''", "a = 2", ")"]), max_size=30), st.data()
)
def test_window__of_any_places__holds_them_where_they_were(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines).encode()
    if not text:
        return
    places = data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1, max_size=4))
    found = windowed(text, places, language(".py"))

    if found is not None:
        kept, base = found
        assert all(text[place] == kept[place - base] for place in places)
        assert all(one in (text[base + at], ord(" "), ord("\n")) for at, one in enumerate(kept))
