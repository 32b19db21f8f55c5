"""Which names Python's syntax tree binds and uses, what goes with them, and what belongs to a test."""

from __future__ import annotations

import pytest
from tests.support.python_code import every, node_of, python, source_of, written

from flagtrail.codebase.source import descendants

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
        ("async def f():\n    return a\n", "a", False, False),
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
            (source.data[: found.removal[0]] + found.remainder + source.data[found.removal[1] :]).decode(),
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
        (
            "def f():\n    if (a := b()) and c: pass\n",
            "a",
            ("variable", "local", True, "def f():\n    if b() and c: pass\n"),
        ),
        ("def f():\n    if a := b(): pass\n", "a", ("variable", "local", True, "def f():\n    if b(): pass\n")),
        (
            "def f():\n    if (a := b or c) and d: pass\n",
            "a",
            ("variable", "local", True, "def f():\n    if (b or c) and d: pass\n"),
        ),
        (
            "def f():\n    try: pass\n    except E as a: pass\n",
            "a",
            ("variable", "local", True, "def f():\n    try: pass\n    except E: pass\n"),
        ),
        ("def f():\n    with b() as a: pass\n", "a", ("variable", "local", True, "def f():\n    with b(): pass\n")),
        ("def f(a, b):\n    pass\n", "a", ("parameter", "repository", True, "def f(b):\n    pass\n")),
    ],
)
def test_definitions__say_what_goes_with_a_name(text: str, name: str, expected: tuple[str, str, bool, str]) -> None:
    assert removals(text)[name] == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("__version__ = '1'\n", "__version__"),
        ("class C:\n    def f(self, a): pass\n", "self"),
        ("from a import *\n", "a"),
        ("def f(*a, **k): pass\n", "a"),
    ],
)
def test_definitions__leave_out_names_that_something_else_needs(text: str, name: str) -> None:
    assert name not in removals(text)


@pytest.mark.parametrize("use", ["def f(x: 'list[B]'): pass", "z = cast('B', x)"])
def test_definitions__of_imports_that_a_text_names__stay_and_still_say_from_where(use: str) -> None:
    kind, _, pure, _ = removals(f"from a import B\n{use}\n")["B"]
    assert (kind, pure) == ("import", False)


def test_definitions__that_all_lists__can_be_imported_by_others_and_go_from_the_list_too() -> None:
    source = source_of("from a import b, c\n__all__ = ['b']\n")
    found = [
        (each.kind, each.spelled or written(source, each.name), each.reach) for each in python().definitions(source)
    ]
    assert found == [("export", "b", "repository"), ("import", "b", "repository"), ("import", "c", "file")]


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


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("a._x", ["read"]),
        ("a._x = 1", ["write"]),
        ("a._x, b = 1, 2", ["write"]),
        ("a._x += 1", ["write"]),
        ("del a._x", ["write"]),
        ("f()._x", ["write"]),
        ("a._x()", ["read"]),
        ("f(a._x, b=a._x.c)", ["read", "read"]),
        ("class C:\n    _x = 1", ["bind"]),
        ("class C:\n    def _x(self): pass", ["bind"]),
        ("class C:\n    def f(self, _x): pass", ["member"]),
        ("_x = 1\ndef f(_x=_x): pass", ["member", "member", "member"]),
    ],
)
def test_role_as__of_an_attribute__is_told_from_variables_of_that_name(text: str, roles: list[str]) -> None:
    source = source_of("class A:\n    def __init__(self):\n        self._x = 1\n" + text)
    [binding] = [found for node in descendants(source.tree.root_node) for found in python().bindings(node)][:1]
    names = [node for node in descendants(source.tree.root_node) if written(source, node) == "_x" and node.is_named]

    assert [python().role_as(binding, node) for node in names if node != binding.name] == roles


@pytest.mark.parametrize(
    "text",
    [
        "class A:\n    def __init__(self):\n        if b:\n            self._x = 1\n",
        "class A:\n    def f(self):\n        self._x = 1\n",
        "class A:\n    def __init__(self):\n        self.x = 1\n",
        "class A:\n    def __init__(self):\n        self._x += 1\n",
        "def __init__(self):\n    self._x = 1\n",
    ],
)
def test_bindings__of_attributes_that_may_have_another_value__are_none(text: str) -> None:
    assert [found for node in descendants(source_of(text).tree.root_node) for found in python().bindings(node)] == []


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("def f():\n    return Y", True),
        ("def f(Y):\n    return Y", False),
        ("def f(a=Y):\n    return a", True),
        ("def f(Y=Y):\n    return 1", True),
        ("def f(a: Y):\n    Y = 1", True),
        ("def f():\n    Y = 1\n    return Y", False),
        ("def f():\n    nonlocal Y\n    return Y", True),
        ("def f():\n    def g():\n        Y = 1\n    return Y", True),
        ("def f():\n    def Y(): pass\n    return Y", False),
        ("z = lambda Y: Y", False),
        ("z = lambda a=Y: a", True),
        ("z = [Y for Y in b]", False),
        ("z = [a for a in b if Y]", True),
        ("z = [Y for a in b if (Y := a)]", True),
        ("def f():\n    z = [1 for a in b if (Y := a)]\n    return Y", False),
        ("class C:\n    def f(self):\n        return Y", True),
    ],
)
def test_means__tells_a_variable_from_one_that_hides_it(text: str, means: bool) -> None:
    source = source_of("def outer():\n    Y = 1\n    " + text.replace("\n", "\n    "))
    [binding] = [found for node in descendants(source.tree.root_node) for found in python().bindings(node)][:1]
    reads = [
        node
        for node in descendants(source.tree.root_node)
        if written(source, node) == "Y" and node.type == "identifier" and python().role(node) in {"read", "write"}
    ]

    assert {python().means(binding, node) for node in reads} == {means}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("FLAGS = {'k': 1, 'l': 2}\n", "FLAGS = {'l': 2}\n"),
        ("FEATURES: dict = {\n    'l': 2,\n    'k': 1,  # why\n}\n", "FEATURES: dict = {\n    'l': 2,\n}\n"),
        ("FLAGS = {\n    # one\n    'k': 1,\n    # two\n    'l': 2,\n}\n", "FLAGS = {\n    # two\n    'l': 2,\n}\n"),
        ("FLAGS = {\n    # both\n    'k': 1,\n    'l': 2,\n}\n", "FLAGS = {\n    # both\n    'l': 2,\n}\n"),
        ("class C:\n    toggles = ['l', 'k']\n", "class C:\n    toggles = ['l']\n"),
        ("FLAGS = frozenset({'k', 'l'})\n", "FLAGS = frozenset({'l'})\n"),
        ("FLAGS = ['k']\n", "FLAGS = []\n"),
        ("FLAGS = {'k'}\n", None),
        ("FLAGS = ('k', 'l')\n", None),
        ("FLAGS = ('k', 'l', 'm')\n", "FLAGS = ('l', 'm')\n"),
        ("COLOURS = ['k', 'l']\n", None),
        ("def f():\n    flags = ['k', 'l']\n", None),
        ("FLAGS = {'l': 'k'}\n", None),
        ("FLAGS = f('k')\n", None),
        ("K = Literal['k', 'l']\n", "K = Literal['l']\n"),
        ("K = Literal['k']\n", None),
        ("def f(a: Literal['l', 'k']): pass\n", "def f(a: Literal['l']): pass\n"),
        ("FLAGS['k'] = 1\n", None),
    ],
)
def test_entry__is_what_declares_a_flag_in_a_list_of_flags(text: str, left: str | None) -> None:
    source = source_of(text)
    key = next(
        node for node in descendants(source.tree.root_node) if node.type == "string" and written(source, node) == "'k'"
    )
    span = python().entry(source, key)

    assert (None if span is None else (source.data[: span[0]] + source.data[span[1] :]).decode()) == left


@pytest.mark.parametrize(
    ("text", "boolean"),
    [
        ("def f(Y: bool):\n    return Y", True),
        ("def f(Y: bool = True):\n    return Y", True),
        ("def f(Y: bool = None):\n    return Y", False),
        ("def f(Y: bool | None):\n    return Y", False),
        ("def f(Y):\n    return Y", False),
        ("def f(Y: bool):\n    Y = 1\n    return Y", False),
        ("def f(a):\n    Y = a == 1\n    return Y", True),
        ("def f(a):\n    Y = a == 1\n    Y += 1\n    return Y", False),
        ("def f(a):\n    Y = a\n    return Y", False),
        ("Y = 1 == 2\nz = Y", False),
    ],
)
def test_boolean__of_a_name__hangs_on_its_only_value_or_its_type(text: str, boolean: bool) -> None:
    source = source_of(text)
    reads = [
        node
        for node in descendants(source.tree.root_node)
        if node.type == "identifier" and written(source, node) == "Y" and python().role(node) == "read"
    ]

    assert {python().boolean(node) for node in reads} == {boolean}
