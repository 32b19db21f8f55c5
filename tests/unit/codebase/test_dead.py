"""Names that fell dead within one file: what goes with them, and what stays.

The cases are in `dead/<language>.txt`, each one text: `-` marks the lines that folding takes out, `x` those that must
fall with them, `+` what stands there instead.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flagtrail.codebase import languages
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.dead import swept
from flagtrail.codebase.rewrite.names import Names

FOLDER = Path(__file__).parent / "dead"
SUFFIX = {"python": "py", "typescript": "tsx", "go": "go", "java": "java", "kotlin": "kt"}
_TITLE = re.compile(r"^== (.+)\n", re.MULTILINE)


def cases() -> list[tuple[str, str, str]]:
    """Every case: language, title, text."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        pieces = _TITLE.split(path.read_text("utf-8"))[1:]
        found += [(path.stem, title, text) for title, text in zip(pieces[::2], pieces[1::2], strict=True)]
    return found


def language(name: str) -> Language:
    """The language of a name."""
    return next(each for each in languages.load() if name == each.NAME)


def side(text: str, marks: str) -> str:
    """The lines with these marks, and those without any."""
    lines = text.splitlines(keepends=True)
    return "".join(line[2:] or "\n" for line in lines if line[:1] in {*marks, " ", "\n"})


EACH = pytest.mark.parametrize(("name", "title", "text"), cases(), ids=lambda value: value if "\n" not in value else "")


@EACH
def test_what_fell_dead__goes_with_what_was_its_own__and_the_rest_stays(name: str, title: str, text: str) -> None:
    of = language(name)
    path = f"shop/view.{SUFFIX[name]}"
    before, after = (Names(of.source(path, side(text, marks).encode()), of) for marks in ("-x", "x"))
    source, left = swept(before, after)
    assert source.data.decode() == side(text, "+"), title
    assert [each.why for each in left] == re.findall(r"refused: (\w+)", text)
    assert source.defects <= before.source.defects


@EACH
def test_sweeping__again_or_without_a_change__does_nothing(name: str, title: str, text: str) -> None:
    of = language(name)
    path = f"shop/view.{SUFFIX[name]}"
    before, after = (Names(of.source(path, side(text, marks).encode()), of) for marks in ("-x", "x"))
    once, _ = swept(before, after)
    assert swept(before, Names(once, of))[0].data == once.data, title
    assert swept(before, before)[0].data == before.source.data
