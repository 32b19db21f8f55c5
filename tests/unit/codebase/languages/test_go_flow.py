"""Values of one Go variable told apart, and blocks that can be dissolved: `err` is given a new value everywhere."""

from __future__ import annotations

import pytest
from tree_sitter import Node

from flagtrail.codebase import languages
from flagtrail.codebase.languages import Language
from flagtrail.codebase.source import Edit, Source, descendants


def go() -> Language:
    found = languages.of_path("main.go")
    assert found is not None
    return found


def source(body: str, head: str = "func f()") -> Source:
    lines = "".join(f"\t{line}\n" for line in body.strip("\n").split("\n"))
    read = go().source("main.go", f"package main\n\n{head} {{\n{lines}}}\n".encode())
    assert read.defects == 0
    return read


def lifetime(read: Source) -> tuple[list[int], list[str]] | None:
    """The lines of the reads of `nil`'s variable, counted in the body, and what is mended there."""
    for node in descendants(read.tree.root_node):
        for binding in go().bindings(node):
            if binding.value.type == "nil":
                found = go().lifetime(binding)
                lines = [read.line(each.start_byte) - 3 for each in found.reads] if found else []
                mends = [f"{read.line(start) - 3}: {text.decode()}" for start, _, text in found.mends] if found else []
                return (lines, mends) if found else None
    raise AssertionError("nil is bound to nothing")


TOLD = [
    pytest.param("err := nil\nif err != nil {\n\treturn\n}\nx, err := g()\nuse(err)", ([2], []), id="declared anew"),
    pytest.param("x, err := g()\nerr = nil\nuse(err)\ny, err := g()\nuse(err)", ([3], []), id="in the middle"),
    pytest.param("err := nil\nuse(err)\nerr = g(err)\nuse(err)", ([2, 3], ["3: :="]), id="assigned later"),
    pytest.param("err := nil\nif err = g(); err != nil {\n}", ([], ["2: :="]), id="assigned in a head"),
    pytest.param("x, err := g()\nuse(err)\nerr = nil\nuse(err)", ([4], []), id="the last of its block"),
    pytest.param("for a {\n\tx, err := g()\n\terr = nil\n\tuse(err)\n}", ([4], []), id="of one turn of a loop"),
    pytest.param("err := g()\nif a {\n\terr = nil\n\tuse(err)\n\terr = g()\n}", ([4], []), id="within an if"),
]
UNSURE = [
    pytest.param("err := nil\nuse(err)", id="the only value, which needs no telling apart"),
    pytest.param("err := nil\nif a {\n\terr = g()\n}\nuse(err)", id="another value under a condition"),
    pytest.param("err := nil\ngo func() { use(err) }()\nerr = g()", id="a closure"),
    pytest.param("err := nil\nuse(&err)\nerr = g()", id="its address"),
    pytest.param("L:\nerr := nil\nerr = g()\ngoto L", id="goto"),
    pytest.param("err := g()\nif a {\n\terr = nil\n}\nuse(err)", id="read behind the block"),
    pytest.param("err := g()\nfor a {\n\terr = nil\n\tif b {\n\t\tbreak\n\t}\n\terr = g()\n}\nuse(err)", id="break"),
    pytest.param("err := nil\nx, err = g()", id="assigned together with one that is declared elsewhere"),
    pytest.param("err := nil\nif err = g(); err != nil {\n}\nuse(err)", id="assigned in a head, and read behind it"),
]


@pytest.mark.parametrize(("body", "expected"), TOLD)
def test_a_value__reaches_to_the_next_statement_that_gives_one(
    body: str, expected: tuple[list[int], list[str]]
) -> None:
    assert lifetime(source(body)) == expected


@pytest.mark.parametrize("body", UNSURE)
def test_a_value__that_could_be_read_elsewhere__is_not_told_apart(body: str) -> None:
    assert lifetime(source(body)) is None


def test_a_named_result__can_be_read_by_any_return() -> None:
    assert lifetime(source("err = nil\nuse(err)\nerr = g()\nreturn", "func f() (err error)")) is None


def dissolved(read: Source) -> str:
    """The body of the `if` in its place, or what hinders that."""
    statement = next(node for node in descendants(read.tree.root_node) if _is_flag(node))
    body = statement.child_by_field_name("consequence")
    assert body is not None
    found = go().clash(statement, body, ())
    if found is None:
        return "free"
    if found.name is not None:
        return f"clash: {(found.name.text or b'').decode()}"
    mended = read.edited(Edit(*mend) for mend in (*found.inside, *found.outside))
    before, after = (each.data.decode().splitlines() for each in (read, mended))
    return "; ".join(new.strip() for old, new in zip(before, after, strict=True) if old != new)


def _is_flag(node: Node) -> bool:
    condition = node.child_by_field_name("condition") if node.type == "if_statement" else None
    return condition is not None and condition.text == b"FLAG"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("if FLAG {\n\tx := 1\n}", "free", id="nobody else has the name"),
        pytest.param("x := 1\nif FLAG {\n\tx := 2\n}", "clash: x", id="declared before in the same scope"),
        pytest.param("if FLAG {\n\tx := 2\n}\nuse(x)", "clash: x", id="means something else behind"),
        pytest.param("if FLAG {\n\tx := 2\n}\nx := 1", "clash: x", id="declared behind"),
        pytest.param("if x := 1; x {\n}\nif FLAG {\n\tx := 2\n}", "free", id="another one's head before"),
        pytest.param("if FLAG {\n\tx := 2\n}\nfor x := range y {\n}", "free", id="another scope's behind"),
        pytest.param("use(x)\nif FLAG {\n\tx := 2\n}", "free", id="read before"),
        pytest.param("err := g()\nif FLAG {\n\tx, err := g()\n}", "free", id="an error beside a new name"),
        pytest.param("err := g()\nif FLAG {\n\terr := g()\n}", "err = g()", id="an error by itself"),
        pytest.param("if FLAG {\n\terr := g()\n}\nerr := g()", "err = g()", id="an error declared again behind"),
        pytest.param("if FLAG {\n\terr := g()\n}\nx, err := g()", "free", id="the same beside a new name"),
        pytest.param("err := g()\nif FLAG {\n\tx, err := g()\n}\nuse(err)", "clash: err", id="the outer one is read"),
        pytest.param(
            "err := g()\ndefer func() { use(err) }()\nif FLAG {\n\tx, err := g()\n}", "clash: err", id="by a closure"
        ),
        pytest.param("err := g()\nif FLAG {\n\tvar err error\n}", "clash: err", id="declared without a value"),
    ],
)
def test_a_block__is_dissolved_where_its_names_mean_nothing_else(body: str, expected: str) -> None:
    assert dissolved(source(body)) == expected


def test_a_parameter__is_declared_in_the_scope_of_the_body() -> None:
    assert dissolved(source("if FLAG {\n\tx := 2\n}", "func f(x int)")) == "clash: x"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("err := X", "var err error"),
        ("on, err := true, X", "on, err := true, error(nil)"),
        ("err = X", "err = nil"),
        ("return true, X", "return true, nil"),
        ("if err := X; err != nil {\n\t}", "if err := error(nil); err != nil {\n\t}"),
    ],
)
def test_no_error__is_written_with_a_type_where_it_needs_one(body: str, expected: str) -> None:
    read = source(body)
    node = next(node for node in descendants(read.tree.root_node) if node.text == b"X" and not node.children)
    made = read.edited([Edit(*go().written(node, None))])

    assert made.data.decode() == source(expected).data.decode()
