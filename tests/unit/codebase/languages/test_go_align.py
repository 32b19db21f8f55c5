"""Columns of Go after a line of theirs went: as the formatter would leave them, and only where it had been."""

from __future__ import annotations

import pytest

from flagtrail.codebase import languages

CONSTANTS = """const (
\ta      = "a"   // one
\tlonger = "bcd" // two
\tb      = "c"
\tcc     = 4

\tother = 5
)"""
TYPED = """const (
\tA      Kind = "a"
\tLonger Kind = "b"
)"""
FIELDS = """type S struct {
\tA      int    `json:"a"`
\tLonger string `json:"longer"` // why
\tB      []byte `json:"b"`      // b
}"""
PAIRS = """var m = map[string]bool{
\t"a":      true,
\t"longer": false, // why
\t"b":      g(1,
\t\t2),
\t"c": true,
}"""
STATEMENTS = """func f() {
\ta := 1      // one
\tlonger := 2 // two
\tif a {      // three
\t\tb()
\t}
}"""
RAGGED = """const (
\ta = "a"
\tlonger  =  "bcd"
\tb = "c"
)"""
WIDE = """var m = map[string]int{
\t"ä":      1,
\t"longer": 2,
\t"b":      3,
}"""


def without(code: str, word: str) -> str:
    """The code without the line that holds the word, aligned anew."""
    language = languages.of_path("main.go")
    assert language is not None
    before = f"package p\n\n{code}\n"
    after = "".join(line for line in before.splitlines(keepends=True) if word not in line)
    sources = [language.source("main.go", text.encode()) for text in (before, after)]
    return language.tidied(*sources).data.decode().removeprefix("package p\n\n").removesuffix("\n")


@pytest.mark.parametrize(
    ("code", "word", "changed"),
    [
        pytest.param(
            CONSTANTS, "longer", ['\ta  = "a" // one', '\tb  = "c"', "\tcc = 4"], id="constants and their comments"
        ),
        pytest.param(CONSTANTS, "cc", [], id="a line that was not the longest"),
        pytest.param(CONSTANTS, "other", [], id="a line of another group"),
        pytest.param(TYPED, "Longer", ['\tA Kind = "a"'], id="types"),
        pytest.param(FIELDS, "Longer", ['\tA int    `json:"a"`', '\tB []byte `json:"b"` // b'], id="fields"),
        pytest.param(PAIRS, "longer", ['\t"a": true,'], id="pairs, but for those behind one of several lines"),
        pytest.param(STATEMENTS, "longer", ["\ta := 1 // one", "\tif a { // three"], id="comments of statements"),
        pytest.param(RAGGED, "longer", [], id="what nobody had aligned"),
        pytest.param(WIDE, "longer", ['\t"ä": 1,', '\t"b": 3,'], id="characters, not bytes"),
    ],
)
def test_columns__of_which_a_line_went__are_aligned_anew(code: str, word: str, changed: list[str]) -> None:
    left = [line for line in code.splitlines() if word not in line]
    made = without(code, word).splitlines()

    assert [new for old, new in zip(left, made, strict=True) if old != new] == changed


def test_bodies_of_one_line__are_a_column() -> None:
    code = (
        "func a() int           { return 1 }\nfunc longer(x int) int { return 2 }\nfunc bb() int          { return 3 }"
    )

    assert without(code, "longer") == "func a() int  { return 1 }\nfunc bb() int { return 3 }"
