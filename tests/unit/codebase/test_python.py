"""How Python's syntax tree is read as shapes: cases as data, one table a shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest
from tree_sitter import Node

from flagtrail.codebase.languages import Language, of_path
from flagtrail.codebase.shapes import Scalar
from flagtrail.codebase.source import Source, descendants

Shape = TypeVar("Shape")


def python() -> Language:
    language = of_path("app/main.py")
    assert language is not None
    return language


def source_of(text: str, path: str = "app/main.py") -> Source:
    return python().source(path, text.encode())


def written(source: Source, node: Node | None) -> str:
    return "" if node is None else source.text(node).decode()


def every(source: Source, reader: Callable[[Node], Shape | None]) -> list[Shape]:
    answers = (reader(node) for node in descendants(source.tree.root_node))
    return [answer for answer in answers if answer is not None]


def node_of(source: Source, text: str, nth: int = 0) -> Node:
    nodes = [node for node in descendants(source.tree.root_node) if written(source, node) == text and node.is_named]
    return nodes[nth]


def test_suffixes__of_modules_and_of_stubs__are_python() -> None:
    assert of_path("a/b.pyi") is of_path("b.py") is python()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("True", True),
        ("False", False),
        ("None", None),
        ("1_000", 1000),
        ("0xff", 255),
        ("-3", -3),
        ("1.5", 1.5),
        ('"a\\n\\x41\\u00e9\\101\\\\\\q"', "a\nA\u00e9A\\\\q"),
        ("r'a\\n'", "a\\n"),
        ("'''two\nlines'''", "two\nlines"),
        ("'a\\\nb'", "ab"),
        ("('a' \"b\")", "ab"),
    ],
)
def test_constant__of_a_literal__is_what_it_denotes(text: str, value: Scalar) -> None:
    node = source_of(text).tree.root_node.named_children[0].named_children[0]
    node = python().inner(node) or node

    assert python().constant(node) == (value,)
    assert type((python().constant(node) or [object])[0]) is type(value)


@pytest.mark.parametrize("text", ["f'a{x}'", "f'a'", "b'a'", "'\\N{DASH}'", "1j", "0777", "-x", "x", "('a' f'b')"])
def test_constant__of_what_is_not_known__is_none(text: str) -> None:
    node = source_of(text).tree.root_node.named_children[0].named_children[0]

    assert python().constant(python().inner(node) or node) is None


@pytest.mark.parametrize(
    ("value", "text"), [(True, b"True"), (False, b"False"), (None, b"None"), (2, b"2"), ('a"\u00e9', b'"a\\"\xc3\xa9"')]
)
def test_literal__of_a_value__is_python(value: Scalar, text: bytes) -> None:
    assert python().literal(value) == text


def test_expressions__that_fold__are_read() -> None:
    source = source_of("z = not (a and b or c)\n")
    logical = every(source, python().logical)

    assert [(found.operator, written(source, found.left), written(source, found.right)) for found in logical] == [
        ("or", "a and b", "c"),
        ("and", "a", "b"),
    ]
    assert [written(source, node) for node in every(source, python().negated)] == ["(a and b or c)"]
    assert [written(source, node) for node in every(source, python().inner)] == ["a and b or c"]


def test_parentheses__that_hold_a_comment__are_not_read() -> None:
    assert every(source_of("z = (\n    a  # why\n)\n"), python().inner) == []


def test_conditional__without_fields__is_read() -> None:
    source = source_of("z = a if b else c\n")
    [found] = every(source, python().conditional)

    assert [written(source, node) for node in (found.condition, found.then, found.otherwise)] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "negated", "right"),
    [
        ("a == 'x'", False, "'x'"),
        ("a != 'x'", True, "'x'"),
        ("a is True", False, "True"),
        ("a is not None", True, "None"),
        ("a in ('x', 'y')", False, "'x' 'y'"),
        ("a not in ['x']", True, "'x'"),
        ("a in {1}", False, "1"),
    ],
)
def test_equality__of_every_kind__is_read(text: str, negated: bool, right: str) -> None:
    source = source_of(text)
    [found] = every(source, python().equality)

    sides = [found.right] if found.right is not None else found.one_of
    assert (found.negated, written(source, found.left)) == (negated, "a")
    assert " ".join(written(source, side) for side in sides) == right


@pytest.mark.parametrize("text", ["a == b == c", "a < b", "a in b", "a in (*b, 1)", "a in 'xyz'"])
def test_equality__of_other_comparisons__is_none(text: str) -> None:
    assert every(source_of(text), python().equality) == []


@pytest.mark.parametrize(
    ("text", "operand"), [("await a", "a"), ("bool(a)", "a"), ("cast(bool, a)", "a"), ("typing.cast(bool, a)", "a")]
)
def test_transparent__of_what_leaves_a_constant_alone__is_its_operand(text: str, operand: str) -> None:
    source = source_of(text)
    assert [written(source, node) for node in every(source, python().transparent)] == [operand]


@pytest.mark.parametrize("text", ["bool(a, b)", "x.bool(a)", "bool(*a)", "str(a)", "bool(x=a)"])
def test_transparent__of_other_calls__is_none(text: str) -> None:
    assert every(source_of(text), python().transparent) == []


def test_call__with_all_kinds_of_arguments__is_read() -> None:
    source = source_of("a.b.c('k', *d, e=f, **g)\nh()\n(i)(j for j in k)\nl(m for m in n)\n")
    calls = every(source, python().call)

    assert [(written(source, call.receiver), written(source, call.name)) for call in calls] == [("a.b", "c"), ("", "h")]
    assert [(written(source, given.value), given.name, given.spread) for given in calls[0].arguments] == [
        ("'k'", None, False),
        ("*d", None, True),
        ("f", "e", False),
        ("**g", None, True),
    ]


@pytest.mark.parametrize(
    ("text", "pure"),
    [
        ("a.b", True),
        ("not a and b or -c", True),
        ("a + 1 < 2", True),
        ("(a, [b], {'k': c})", True),
        ("f'{a}'", True),
        ("isinstance(a, b)", True),
        ("len(a.b) > 3", True),
        ("lambda: f()", True),
        ("a if b else c", True),
        ("f()", False),
        ("a.f() and b", False),
        ("len(f())", False),
        ("a['k']", False),
        ("[f() for _ in a]", False),
        ("(await a)", False),
        ("(a := b)", False),
        ("f'{f()}'", False),
    ],
)
def test_pure__tells_what_only_yields_a_value(text: str, pure: bool) -> None:
    assert (
        python().pure(source_of(f"z = {text}").tree.root_node.named_children[0].named_children[0].named_children[1])
        is pure
    )


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("if a and X: pass", True),
        ("if b: pass\nelif (X): pass", True),
        ("while not X: pass", True),
        ("z = 1 if X else 2", True),
        ("z = not X", True),
        ("z = not (a or X)", True),
        ("z = [i for i in b if X]", True),
        ("assert X, a", True),
        ("z = bool(a or X)", True),
        ("match a:\n    case 1 if X: pass", True),
        ("if (a if b else X): pass", True),
        ("z = a and X", False),
        ("z = a if b else X", False),
        ("f(a or X)", False),
        ("return_ = X", False),
        ("if (z := X): pass", False),
        ("if f(X): pass", False),
        ("if a == X: pass", False),
        ("assert a, X", False),
        ("z = [X for i in b]", False),
    ],
)
def test_in_condition__tells_where_only_truth_matters(text: str, condition: bool) -> None:
    assert python().in_condition(node_of(source_of(text), "X")) is condition


@pytest.mark.parametrize(
    ("place", "node", "needed"),
    [
        ("z = X", "a if b else c", False),
        ("z = n * X", "a + b", True),
        ("z = X * n", "a * b", False),
        ("z = n - X", "a - b", True),
        ("z = X ** n", "-a", True),
        ("z = n ** X", "-a", False),
        ("z = not X", "a and b", True),
        ("z = not X", "a == b", False),
        ("z = X and n", "a or b", True),
        ("z = X and n", "not a", False),
        ("z = X or n", "a and b", False),
        ("z = X == n", "a == b", True),
        ("z = X if n else m", "a if b else c", True),
        ("z = n if m else X", "a if b else c", False),
        ("z = X.n", "a + b", True),
        ("z = X.n", "1", True),
        ("z = X.n", "'s'", False),
        ("z = X(n)", "lambda: a", True),
        ("f(X)", "lambda: a", False),
        ("z = n[X]", "a or b", False),
        ("z = [i for i in X]", "a if b else c", True),
        ("if X: pass", "a or b", False),
        ("if X: pass", "(a := b)", False),
        ("return_ = await_(X)", "a or b", False),
        ("z = f'{X}'", "a + b", False),
        ("z = {'k': X}", "a or b", False),
        ("z = X", "a or\\\nb", False),
        ("f(X)", "(a or\nb)", False),
        ("f(1, X)", "(a or\nb)", False),
        ("z = X", "(a or\nb)", True),
        ("z = X", "f(\na)", False),
        ("z = X", "(a := b)", True),
    ],
)
def test_needs_parentheses__tells_what_would_bind_otherwise(place: str, node: str, needed: bool) -> None:
    put = source_of(f"_ = {node}").tree.root_node.named_children[0].named_children[0].named_children[1]
    put = python().inner(put) or put
    assert python().needs_parentheses(put, node_of(source_of(place), "X")) is needed


def test_chain__with_all_arms__is_read() -> None:
    source = source_of("if a:\n    b()\nelif c:  # why\n    d()\nelse:\n    e()\n")
    [chain] = every(source, python().chain)

    assert [
        (written(source, arm.keyword), written(source, arm.condition), written(source, arm.body)) for arm in chain.arms
    ] == [("if", "a", "b()"), ("elif", "c", "d()")]
    assert source.data[chain.arms[1].keyword.start_byte : chain.arms[1].head_end] == b"elif c:"
    assert written(source, chain.otherwise) == "e()"


def test_switch__over_constants__is_read() -> None:
    source = source_of(
        "match a:\n    case 'x' | 1:\n        b()\n    case C.D:\n        c()\n    case _:\n        d()\n"
    )
    [switch] = every(source, python().switch)

    assert written(source, switch.subject) == "a"
    assert [
        ([written(source, value) for value in case.values], case.default, source.data[slice(*case.body)].decode())
        for case in switch.cases
    ] == [(["'x'", "1"], False, "b()"), (["C.D"], False, "c()"), ([], True, "d()")]


@pytest.mark.parametrize("pattern", ["x", "'a' if b", "[a, b]", "C()", "-1", "'a' as b", "{'k': v}", "(1 | 2)"])
def test_switch__with_patterns_that_do_more_than_compare__is_none(pattern: str) -> None:
    assert every(source_of(f"match a:\n    case {pattern}:\n        b()\n"), python().switch) == []


def test_loop__is_a_while_without_else() -> None:
    source = source_of("while a:\n    b()\nwhile c:\n    d()\nelse:\n    e()\n")
    [loop] = every(source, python().loop)

    assert (written(source, loop.condition), written(source, loop.body)) == ("a", "b()")


def test_statement__is_an_expression_that_stands_alone() -> None:
    source = source_of("X  # why\nz = Y\n")

    assert written(source, python().statement(node_of(source, "X", 1))) == "X"
    assert python().statement(node_of(source, "Y")) is None


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("if a:\n    b()\n", "b()"),
        ("if a: b(); c()\n", "b(); c()"),
        ("if a:  # head\n    # lead\n\n    b()\n    # trail\n\nc()\n", "# lead\n\n    b()\n    # trail"),
        ("if a:\n\tb()\n# outside\nc()\n", "b()"),
        ("if a:\r\n    b()\r\n", "b()"),
    ],
)
def test_interior__has_the_comments_of_a_block_but_not_those_of_its_head(text: str, inside: str) -> None:
    source = source_of(text)
    [chain] = every(source, python().chain)
    start, end = python().interior(source, chain.arms[0].body)

    assert source.data[start:end].decode() == inside


@pytest.mark.parametrize(
    ("text", "jumps"),
    [
        ("return", True),
        ("raise a", True),
        ("continue", True),
        ("break", True),
        ("if a:\n    return\nelse:\n    raise b", True),
        ("if a:\n    return\nelif b:\n    c()\nelse:\n    return", False),
        ("if a:\n    return", False),
        ("try:\n    return a\nexcept b:\n    raise", True),
        ("try:\n    return a\nexcept b:\n    c()", False),
        ("try:\n    return a\nfinally:\n    c()", True),
        ("with a:\n    return b()", False),
        ("b()", False),
    ],
)
def test_jumps__tells_what_control_never_goes_past(text: str, jumps: bool) -> None:
    assert python().jumps(source_of(text).tree.root_node.named_children[0]) is jumps


@pytest.mark.parametrize(
    ("text", "stays"),
    [
        ("def f():\n    if a:\n        yield 1\n", True),
        ("def f():\n    if a:\n        yield 1\n    yield 2\n", False),
        ("def f():\n    yield 0\n    if a:\n        yield 1\n", False),
        ("def f():\n    if a:\n        b()\n", False),
        ("def f():\n    if a:\n        z = lambda: (yield)\n", False),
        ("def f():\n    if a:\n        z = yield 1\n        yield 2\n", True),
    ],
)
def test_must_stay__holds_for_the_last_yield_of_a_generator(text: str, stays: bool) -> None:
    [chain] = every(source_of(text), python().chain)

    assert python().must_stay(chain.arms[0].body.named_children[0]) is stays


ROLES = {
    "X = 1": "bind",
    "X: int = 1": "bind",
    "X += 1": "write",
    "del X": "write",
    "del a, X": "write",
    "def f():\n    global X": "write",
    "a, *X = b": "bind",
    "[a, (X, b)] = c": "bind",
    "(X := 1)": "bind",
    "for X in a: pass": "bind",
    "z = [1 for X in a]": "bind",
    "with a as X: pass": "bind",
    "with a as (b, X): pass": "bind",
    "try: pass\nexcept a as X: pass": "bind",
    "import X": "bind",
    "import X.a": "bind",
    "import a.X": "member",
    "import a as X": "bind",
    "import X as a": "member",
    "from X import a": "member",
    "from .X import a": "member",
    "from a import X": "bind",
    "from a import X as b": "member",
    "from a import b as X": "bind",
    "def X(): pass": "bind",
    "class X: pass": "bind",
    "def f(X): pass": "bind",
    "def f(X=1): pass": "bind",
    "def f(X: int = 1): pass": "bind",
    "def f(X: int): pass": "bind",
    "def f(*X: int): pass": "bind",
    "def f(**X): pass": "bind",
    "z = lambda X: 1": "bind",
    "match a:\n    case X: pass": "bind",
    "match a:\n    case [X, *b]: pass": "bind",
    "match a:\n    case [b, *X]: pass": "bind",
    "match a:\n    case 1 as X: pass": "bind",
    "match a:\n    case X.b: pass": "read",
    "match a:\n    case X(): pass": "read",
    "match a:\n    case C(X=1): pass": "member",
    "a.X": "member",
    "X.a": "read",
    "X.a = 1": "read",
    "X[0] = 1": "read",
    "f(X=1)": "member",
    "f(a=X)": "read",
    "def f(a=X): pass": "read",
    "def f(a: X): pass": "read",
    "for a in X: pass": "read",
    "z = f'{X}'": "read",
    "z = f'{X=}'": "write",
    "@X\ndef f(): pass": "read",
    "class C(X): pass": "read",
    "with X as a: pass": "read",
}


@pytest.mark.parametrize(("text", "role"), ROLES.items())
def test_role__tells_what_a_name_stands_for(text: str, role: str) -> None:
    source = source_of(text)
    names = [
        node
        for node in descendants(source.tree.root_node)
        if node.type in python().NAMES and written(source, node) == "X"
    ]

    assert [python().role(name) for name in names] == [role]


@pytest.mark.parametrize(
    ("text", "name", "value", "left"),
    [
        ("def f():\n    z = a\n", "z", "a", "def f():\n    \n"),
        ("z: bool = a\n", "z", "a", "\n"),
        ("if (z := a): pass\n", "z", "a", "if (a): pass\n"),
    ],
)
def test_bindings__of_one_name__are_read(text: str, name: str, value: str, left: str) -> None:
    source = source_of(text)
    [binding] = [found for node in descendants(source.tree.root_node) for found in python().bindings(node)]
    start, end = binding.removal

    assert (written(source, binding.name), written(source, binding.value)) == (name, value)
    assert (source.data[:start] + source.data[end:]).decode() == left
    assert binding.scope.type in {"function_definition", "module"}


@pytest.mark.parametrize("text", ["class C:\n    z = a", "y = z = a", "y, z = a, b", "z += a", "z: bool", "a.z = b"])
def test_bindings__of_other_assignments__are_none(text: str) -> None:
    assert [found for node in descendants(source_of(text).tree.root_node) for found in python().bindings(node)] == []


@pytest.mark.parametrize(
    ("text", "result", "private", "overrides"),
    [
        ("def f(a, b=1):\n    '''Why.'''\n    return a\n", "a", False, False),
        ("def _f():\n    return a\n", "a", True, False),
        ("f = lambda: a\n", "a", False, False),
        ("class C:\n    @staticmethod\n    def f():\n        return a\n", "a", False, False),
        ("def g():\n    def f():\n        return a\n    f()\n", "a", True, False),
        ("@app.route('/')\ndef f():\n    return a\n", "", False, False),
        ("async def f():\n    return a\n", "", False, False),
        ("def f():\n    b()\n    return a\n", "", False, False),
        ("class C(B):\n    def f(self):\n        return a\n", "a", False, True),
        ("class C:\n    def __bool__(self):\n        return a\n", "a", False, True),
        ("class C:\n    @on('x')\n    def f(self):\n        return a\n", "", False, True),
    ],
)
def test_function__tells_its_result_and_who_else_knows_it(
    text: str, result: str, private: bool, overrides: bool
) -> None:
    source = source_of(text)
    function = every(source, python().function)[-1]

    assert (written(source, function.result), function.private, function.overrides) == (result, private, overrides)


def removals(text: str, path: str = "app/main.py") -> dict[str, tuple[str, str, bool, str]]:
    source = source_of(text, path)
    return {
        written(source, found.name): (
            found.kind,
            found.reach,
            found.pure,
            (source.data[: found.removal[0]] + source.data[found.removal[1] :]).decode(),
        )
        for found in python().definitions(source)
    }


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("import a.b\n", "a", ("import", "file", True, "\n")),
        ("import a as b, c\n", "b", ("import", "file", True, "import c\n")),
        ("from a import b, c\n", "c", ("import", "file", True, "from a import b\n")),
        ("from a import (\n    b,\n    c,  # why\n)\n", "c", ("import", "file", True, "from a import (\n    b,\n)\n")),
        ("from a import (\n    b,\n    c\n)\n", "c", ("import", "file", True, "from a import (\n    b\n)\n")),
        ("from a import (\n    b, c,\n)\n", "c", ("import", "file", True, "from a import (\n    b,\n)\n")),
        ("from a import (b, c,)\n", "b", ("import", "file", True, "from a import (c,)\n")),
        ("import a  # noqa: F401\n", "a", ("import", "file", False, "  # noqa: F401\n")),
        ("from a import b as b\n", "b", ("import", "repository", True, "\n")),
        (
            "try:\n    import a\nexcept b:\n    a = c\n",
            "a",
            ("variable", "repository", True, "try:\n    import a\nexcept b:\n    \n"),
        ),
        ("A = 'k'\n", "A", ("constant", "repository", True, "\n")),
        ("a = f()\n", "a", ("variable", "repository", False, "\n")),
        ("def f():\n    a = 1\n", "a", ("variable", "local", True, "def f():\n    \n")),
        ("class C(StrEnum):\n    A = 'k'\n", "A", ("member", "repository", True, "class C(StrEnum):\n    \n")),
        ("class C:\n    a = 'k'\n", "a", ("field", "repository", True, "class C:\n    \n")),
        ("class C(Model):\n    a = 1\n", "a", ("field", "repository", False, "class C(Model):\n    \n")),
        ("@dataclass\nclass C:\n    a: int = 1\n", "a", ("field", "repository", False, "@dataclass\nclass C:\n    \n")),
        ("@cache\ndef f():\n    pass\n", "f", ("function", "repository", True, "\n")),
        ("@app.get('/')\ndef f():\n    pass\n", "f", ("function", "repository", False, "\n")),
        ("def f(a=g()):\n    pass\n", "f", ("function", "repository", False, "\n")),
        (
            "class C(B):\n    def f(self):\n        pass\n",
            "f",
            ("function", "repository", False, "class C(B):\n    \n"),
        ),
        ("class C:\n    pass\n", "C", ("class", "repository", True, "\n")),
        ("class C(Model):\n    pass\n", "C", ("class", "repository", False, "\n")),
        ("class CError(Exception):\n    pass\n", "CError", ("class", "repository", True, "\n")),
        ("def f(a, b: int = 1):\n    pass\n", "b", ("parameter", "repository", True, "def f(a):\n    pass\n")),
        ("def f(a, b):\n    pass\n", "a", ("parameter", "repository", True, "def f(b):\n    pass\n")),
    ],
)
def test_definitions__say_what_goes_with_a_name(text: str, name: str, expected: tuple[str, str, bool, str]) -> None:
    assert removals(text)[name] == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("from a import B\ndef f(x: 'list[B]'): pass\n", "B"),
        ("from a import B\nz = cast('B', x)\n", "B"),
        ("from a import b\n__all__ = ['b']\n", "b"),
        ("__version__ = '1'\n", "__version__"),
        ("class C:\n    def f(self, a): pass\n", "self"),
        ("from a import *\n", "a"),
        ("def f(*a, **k): pass\n", "a"),
    ],
)
def test_definitions__leave_out_names_that_something_else_needs(text: str, name: str) -> None:
    assert name not in removals(text)


def test_definitions__of_a_package__can_be_imported_by_others() -> None:
    assert removals("from .a import b\n", "app/__init__.py")["b"][1] == "repository"


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("import pytest\n@mark\ndef test_a():\n    X\n", "@mark\ndef test_a():\n    X"),
        ("class TestA:\n    def test_b(self):\n        X\n", "def test_b(self):\n        X"),
        (
            "class A(TestCase):\n    @over('k')\n    @X\n    def test_b(self): pass\n",
            "@over('k')\n    @X\n    def test_b(self): pass",
        ),
        (
            "@X\nclass ATest(TestCase):\n    def test_b(self): pass\n",
            "@X\nclass ATest(TestCase):\n    def test_b(self): pass",
        ),
        ("class TestA:\n    def setUp(self):\n        X\n", ""),
        ("def helper():\n    X\n", ""),
    ],
)
def test_test_case__is_the_whole_test_around_a_node(text: str, test: str) -> None:
    source = source_of(text)
    found = python().test_case(node_of(source, "X"))

    assert ("" if found is None else source.data[slice(*found)].decode()) == test


def test_stub__is_what_a_mock_is_told_to_answer() -> None:
    source = source_of("when(flags).is_enabled('k').thenReturn(True)\nflags.is_enabled('k').bit_length()\n")
    [found] = every(source, python().stub)

    assert written(source, found.statement) == "when(flags).is_enabled('k').thenReturn(True)"
    assert written(source, found.value) == "True"
