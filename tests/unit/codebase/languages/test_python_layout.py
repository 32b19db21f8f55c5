"""How Python reads after an edit: values that are replaced at once, expressions that fit on a line again."""

from __future__ import annotations

import pytest
from tests.support.python_code import python, source_of
from tree_sitter import Node

from flagtrail.codebase.source import Edit, Source, descendants


def edited(source: Source, edits: tuple[Edit, ...]) -> str:
    return source.edited(edits).data.decode()


@pytest.mark.parametrize(
    ("text", "reflowed"),
    [
        ("if (\n    X\n    and b\n):\n    c()\n", "if X and b:\n    c()\n"),
        ("z = (\n    f(\n        X\n    ).a\n)\n", "z = f(X).a\n"),
        ("def f():\n    return (\n        X\n        or b\n    )\n", "def f():\n    return X or b\n"),
        ("if (\n    X  # why\n    and b\n):\n    c()\n", None),
        ("if (\n    f(\n        X,\n    )\n    and b\n):\n    c()\n", None),
        ("if (\n    X == '''a\nb'''\n):\n    c()\n", None),
        (f"if (\n    X\n    and {'b' * 80}\n):\n    c()\n", None),
        ("if (X\n    and b):\n    c()\n", None),
        ("f(\n    X\n    and b\n)\n", None),
        ("if X and b:\n    c()\n", None),
        ("if (\n    (X := a)\n    and b\n):\n    c()\n", None),
    ],
)
def test_reflowed__joins_what_fits_on_a_line(text: str, reflowed: str | None) -> None:
    source = source_of(text)
    start = text.index("X")
    edits = python().reflowed(source, start, start + 1)

    assert (edited(source, edits) if edits else None) == reflowed


@pytest.mark.parametrize(("longest", "fits"), [(79, False), (88, False), (100, True), (140, True)])
def test_reflowed__takes_the_width_that_the_file_has(longest: int, fits: bool) -> None:
    lines = "\n".join("a" * longest for _ in range(20))
    text = f"if (\n    X\n    and {'b' * 40}\n    and {'c' * 40}\n):\n    c()\n{lines}\n"

    assert bool(python().reflowed(source_of(text), 9, 10)) is fits


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("n = 1\nn = 2\n", "n = 2\n"),
        ("n: int = 1\nn = 2\n", "n: int = 2\n"),
        ("n = 1\nn = n + 1\n", None),
        ("n = f()\nn = 2\n", None),
        ("n = 1\n# why\nn = 2\n", None),
        ("n = 1\nm = 2\n", None),
        ("n = 1; n = 2\n", None),
        ("f()\nn = 2\n", None),
        ("n = 2\n", None),
    ],
)
def test_joined__drops_a_value_that_is_replaced_at_once(text: str, joined: str | None) -> None:
    source = source_of(text)
    statements = [node for node in descendants(source.tree.root_node) if is_statement(node)]
    edits = python().joined(source, statements[-1])

    assert (edited(source, edits) if edits else None) == joined


def is_statement(node: Node) -> bool:
    return node.type == "expression_statement"


HEAD = "import a\n\n\ndef f():\n    pass\n\n\n"


@pytest.mark.parametrize(
    ("before", "after", "spaced"),
    [
        (
            HEAD + "if X:\n    def g(): pass\n",
            HEAD[:-1] + "def g(): pass\nz = 1\n",
            HEAD + "def g(): pass\n\n\nz = 1\n",
        ),
        (HEAD, HEAD[:-2] + "# why\n@b\nclass C: pass\n", HEAD + "# why\n@b\nclass C: pass\n"),
        (HEAD + "def g(): pass\n", HEAD[:-1] + "def g(): pass\n", HEAD[:-1] + "def g(): pass\n"),
        ("def f(): pass\n\ndef g(): pass\n", "def f(): pass\ndef h(): pass\n", "def f(): pass\ndef h(): pass\n"),
    ],
)
def test_tidied__puts_two_blank_lines_around_what_came_to_the_top(before: str, after: str, spaced: str) -> None:
    assert python().tidied(source_of(before), source_of(after)).data.decode() == spaced
