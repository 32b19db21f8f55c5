"""Go as it is read: every shape, told in the text of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tree_sitter import Node

from flagtrail.codebase import languages
from flagtrail.codebase.languages import Language
from flagtrail.codebase.source import Source, descendants

Tell = Callable[[Language, Source, Node], object]


def go() -> Language:
    found = languages.of_path("main.go")
    assert found is not None
    return found


def source(body: str) -> Source:
    whole = body if body.startswith("package") else f"package main\n\nfunc f() {{\n\t{body}\n}}\n"
    read = go().source("main.go", whole.encode())
    assert read.defects == 0
    return read


def text(node: Node | None) -> str:
    return "" if node is None else (node.text or b"").decode()


def told(body: str, tell: Tell) -> list[object]:
    read = source(body)
    found = (tell(go(), read, node) for node in descendants(read.tree.root_node))
    return [value for value in found if value is not None]


def logical(language: Language, _: Source, node: Node) -> object:
    found = language.logical(node)
    return found and (found.operator, text(found.left), text(found.right))


def equality(language: Language, _: Source, node: Node) -> object:
    found = language.equality(node)
    return found and (found.negated, text(found.left), text(found.right))


def negated(language: Language, _: Source, node: Node) -> object:
    found = language.negated(node)
    return found and text(found)


def inner(language: Language, _: Source, node: Node) -> object:
    found = language.inner(node)
    return found and text(found)


def transparent(language: Language, _: Source, node: Node) -> object:
    found = language.transparent(node)
    return found and text(found)


def call(language: Language, _: Source, node: Node) -> object:
    found = language.call(node)
    return found and (
        text(found.receiver),
        text(found.name),
        [("..." if argument.spread else "") + text(argument.value) for argument in found.arguments],
    )


def member(language: Language, _: Source, node: Node) -> object:
    found = language.member(node)
    return found and tuple(map(text, found))


def statement(language: Language, _: Source, node: Node) -> object:
    found = language.statement(node)
    return found and text(found)


def chain(language: Language, read: Source, node: Node) -> object:
    found = language.chain(node)
    return found and (
        text(found.initializer),
        [
            (text(arm.condition), text(arm.body), read.data[arm.keyword.start_byte : arm.head_end].decode())
            for arm in found.arms
        ],
        text(found.otherwise),
    )


def switch(language: Language, read: Source, node: Node) -> object:
    found = language.switch(node)
    return found and (
        text(found.subject),
        [
            (
                ["default"] if case.default else [text(value) for value in case.values],
                read.data[slice(*case.body)].decode().split(),
                case.falls_through,
            )
            for case in found.cases
        ],
    )


def loop(language: Language, _: Source, node: Node) -> object:
    found = language.loop(node)
    return found and (text(found.condition), text(found.body))


def stub(language: Language, _: Source, node: Node) -> object:
    found = language.stub(node)
    return found and (text(found.statement), text(found.value))


READ: list[tuple[str, str, Tell, list[object]]] = [
    ("and", "g(a && b)", logical, [("and", "a", "b")]),
    ("or", "g(a || b)", logical, [("or", "a", "b")]),
    ("plus is not logical", "g(a + b)", logical, []),
    ("equal", "g(a == nil)", equality, [(False, "a", "nil")]),
    ("not equal", "g(a != b)", equality, [(True, "a", "b")]),
    ("not", "g(!a)", negated, ["a"]),
    ("minus is not not", "g(-a)", negated, []),
    ("parentheses", "g((a))", inner, ["a"]),
    ("parentheses of a condition", "if (a) {\n\t}", inner, ["a"]),
    ("a comment in parentheses", "g((a /* why */))", inner, ["a"]),
    ("bool()", "g(bool(a))", transparent, ["a"]),
    ("string()", "g(string(a))", transparent, ["a"]),
    ("another conversion", "g(int(a))", transparent, []),
    ("a function", "g(a, b...)", call, [("", "g", ["a", "...b"])]),
    ("a method", "s.flags.IsOn(ctx, k)", call, [("s.flags", "IsOn", ["ctx", "k"])]),
    ("one type argument", "Get[bool](k)", call, [("", "Get", ["k"])]),
    ("one type argument of a package", "flags.Get[bool](k)", call, [("flags", "Get", ["k"])]),
    ("type arguments and arguments", "flags.Get[bool](c, k)", call, [("flags", "Get", ["c", "k"])]),
    ("a conversion is no call", "g = []byte(k)", call, []),
    (
        "what a mock is told",
        'm.On("IsOn", "k").Return(true)',
        call,
        [('m.On("IsOn", "k")', "Return", ["true"]), ("m", "IsOn", ['"k"'])],
    ),
    ("an event is no mock", 'm.On("IsOn", h)', call, [("m", "On", ['"IsOn"', "h"])]),
    ("a member", "g(a.b.c)", member, [("a.b", "c"), ("a", "b")]),
    ("an expression as a statement", "a.b()", statement, ["a.b()"]),
    ("nobody takes it", "_ = a", statement, ["_ = a"]),
    ("somebody takes one", "_, b = g()", statement, []),
    ("if", "if a {\n\t}", chain, [("", [("a", "{\n\t}", "if a ")], "")]),
    (
        "if, else if, else",
        "if a {x()} else if b {y()} else {z()}",
        chain,
        [("", [("a", "{x()}", "if a "), ("b", "{y()}", "if b ")], "{z()}")],
    ),
    ("an initializer", "if a := g(); a {x()}", chain, [("a := g()", [("a", "{x()}", "if a := g(); a ")], "")]),
    (
        "an initializer of a later one begins a chain of its own",
        "if a {x()} else if b := g(); b {y()}",
        chain,
        [
            ("", [("a", "{x()}", "if a ")], "if b := g(); b {y()}"),
            ("b := g()", [("b", "{y()}", "if b := g(); b ")], ""),
        ],
    ),
    (
        "switch",
        "switch a {\n\tcase 1, 2:\n\t\tx()\n\t\tbreak\n\tcase 3:\n\t\ty()\n\t\tfallthrough\n\tdefault:\n\t}",
        switch,
        [("a", [(["1", "2"], ["x()"], False), (["3"], ["y()"], True), (["default"], [], False)])],
    ),
    ("switch without a subject", "switch {\n\tcase a:\n\t}", switch, [("", [(["a"], [], False)])]),
    ("a switch with an initializer waits", "switch a := g(); a {\n\t}", switch, []),
    ("a switch over types", "switch a.(type) {\n\t}", switch, []),
    ("while", "for a {x()}", loop, [("a", "{x()}")]),
    ("forever is no loop with a condition", "for {x()}", loop, []),
    ("three clauses are none", "for i := 0; a; i++ {x()}", loop, []),
    ("range is none", "for range a {x()}", loop, []),
    ("testify", 'm.On("IsOn", "k").Return(true).Once()', stub, [('m.On("IsOn", "k").Return(true).Once()', "true")]),
    ("gomock", 'm.EXPECT().IsOn("k").Return(true)', stub, [('m.EXPECT().IsOn("k").Return(true)', "true")]),
    ("a call that is made", 'm.IsOn("k").Return(true)', stub, []),
    ("nothing is answered", 'm.EXPECT().IsOn("k")', stub, []),
]


@pytest.mark.parametrize(
    ("body", "tell", "expected"), [(b, t, e) for _, b, t, e in READ], ids=[f"{t.__name__}: {i}" for i, _, t, _ in READ]
)
def test_a_shape__is_read_with_its_parts(body: str, tell: Tell, expected: list[object]) -> None:
    assert told(body, tell) == expected


CONSTANTS: list[tuple[str, object]] = [
    ("true", True),
    ("false", False),
    ("nil", None),
    ("0x1F", 31),
    ("1_000", 1000),
    ("017", 15),
    ("1.5", 1.5),
    ('"a\\tb"', "a\tb"),
    ('"é"', "é"),
    ("`a\\t`", "a\\t"),
]


@pytest.mark.parametrize(("literal", "value"), CONSTANTS)
def test_a_literal__denotes_its_value(literal: str, value: object) -> None:
    def constant(language: Language, _: Source, node: Node) -> object:
        return language.constant(node)

    assert told(f"g({literal})", constant) == [(value,)]


@pytest.mark.parametrize("literal", ['"\\xff"', "1i", "'a'", "0x1p-2"])
def test_a_literal__that_is_no_plain_value__is_none(literal: str) -> None:
    def constant(language: Language, _: Source, node: Node) -> object:
        return language.constant(node)

    assert told(f"g({literal})", constant) == []


@pytest.mark.parametrize(
    ("expression", "pure"),
    [
        ("a", True),
        ("a.b.c", True),
        ("!a && (b == 1)", True),
        ("len(a) > 2", True),
        ("T{A: 1, B: b}", True),
        ("&T{A: 1}", True),
        ("func() { g() }", True),
        ("string(a)", True),
        ("g()", False),
        ("a.g()", False),
        ("a[1]", False),
        ("a / b", False),
        ("<-a", False),
        ("a.(T)", False),
        ("*a", False),
        ("!g()", False),
        ("len(g())", False),
        ("T{A: g()}", False),
        ("g().a", False),
    ],
)
def test_an_expression__that_can_do_or_break_something__is_not_pure(expression: str, *, pure: bool) -> None:
    read = source(f"x = {expression}")
    assignment = next(node for node in descendants(read.tree.root_node) if node.type == "assignment_statement")
    right = assignment.child_by_field_name("right")
    assert right is not None
    assert go().pure(right.named_children[0]) is pure


@pytest.mark.parametrize(
    ("statements", "jumps"),
    [
        ("return", True),
        ("break", True),
        ("goto L", True),
        ("panic(1)", True),
        ("log.Panic(1)", False),
        ("x()", False),
        ("if a {return} else {panic(1)}", True),
        ("if a {return} else if b {return}", False),
        ("{\n\tx()\n\treturn\n\t}", True),
        ("for {x()}", True),
        ("for {break}", False),
        ("for a {return}", False),
        ("switch a {\n\tcase 1:\n\t\treturn\n\tdefault:\n\t\treturn\n\t}", True),
        ("switch a {\n\tcase 1:\n\t\treturn\n\t}", False),
        ("L:\n\treturn", True),
    ],
)
def test_a_statement__that_control_never_goes_past__jumps(statements: str, *, jumps: bool) -> None:
    read = source(statements)
    lists = next(node for node in descendants(read.tree.root_node) if node.type == "statement_list")
    assert go().jumps(lists.named_children[0]) is jumps


ROLES: list[tuple[str, str]] = [
    ("x.y = z", "x:read y:member z:read"),
    ("x = y", "x:write y:read"),
    ("x += y", "x:write y:read"),
    ("x++", "x:write"),
    ("g(&x, &y.z, &w[i])", "g:read x:write y:write z:member w:write i:read"),
    ("x, y := g()", "x:bind y:bind g:read"),
    ("x := 1\n\tx, y := g()", "x:bind x:write y:bind g:read"),
    ("x := 1\n\t{\n\t\tx := 2\n\t}", "x:bind x:bind"),
    ("_ = x", "_:member x:read"),
    ("var x, y = 1, z", "x:bind y:bind z:read"),
    ("const x = y", "x:bind y:read"),
    ("for i, x := range y {\n\t}", "i:bind x:bind y:read"),
    ("for x = range y {\n\t}", "x:write y:read"),
    ("switch x := y.(type) {\n\t}", "x:bind y:read"),
    ("g(T{x: y, z})", "g:read T:read x:member y:read z:read"),
    ("g(map[K]V{x: y})", "g:read K:read V:read x:read y:read"),
    (
        "x := func(a, _ int, b ...string) (c bool) { return }",
        "x:bind a:bind _:member int:read b:bind string:read c:bind bool:read",
    ),
    ("L:\n\tfor {\n\t\tbreak L\n\t}", "L:bind L:read"),
    ("goto L", "L:read"),
]


@pytest.mark.parametrize(("body", "expected"), ROLES)
def test_a_name__has_a_role(body: str, expected: str) -> None:
    read = source(body)
    inside = next(node for node in descendants(read.tree.root_node) if node.type == "statement_list")
    names = (node for node in descendants(inside) if node.type in go().NAMES)

    assert " ".join(f"{text(name)}:{go().role(name)}" for name in names) == expected


def test_a_parameter__is_assigned_to_by_a_short_declaration_in_the_body_and_shadowed_in_a_block() -> None:
    read = source("package p\n\nfunc f(err error) {\n\tx, err := g()\n\t{\n\t\ty, err := g()\n\t}\n}\n")
    found = [go().role(node) for node in descendants(read.tree.root_node) if text(node) == "err"]

    assert found == ["bind", "write", "bind"]


def bound(body: str) -> Iterator[tuple[object, ...]]:
    read = source(body)
    for node in descendants(read.tree.root_node):
        for binding in go().bindings(node):
            yield (
                f"{text(binding.name)}={text(binding.value)}",
                binding.scope.type,
                read.data[slice(*binding.removal)].decode(),
                binding.remainder.decode(),
                binding.sole,
            )


BINDINGS: list[tuple[str, list[tuple[object, ...]]]] = [
    ("x := true", [("x=true", "block", "x := true", "", True)]),
    ("x, _ := true, nil", [("x=true", "block", "x, _ := true, nil", "", True)]),
    (
        "x, err := true, nil",
        [
            ("x=true", "block", "x, err := true, nil", "err := nil", False),
            ("err=nil", "block", "x, err := true, nil", "x := true", False),
        ],
    ),
    (
        "err := g()\n\tx, err := true, nil",
        [
            ("err=g()", "block", "err := g()", "", True),
            ("x=true", "block", "x, err := true, nil", "err = nil", False),
            ("err=nil", "block", "x, err := true, nil", "x := true", False),
        ],
    ),
    ("x, err := g()", []),
    ("x += 1", []),
    ("x = true", [("x=true", "source_file", "x = true", "", True)]),
    ("if x := true; x {\n\t}", [("x=true", "if_statement", "x := true; ", "", False)]),
    (
        "switch x, y := true, g(); {\n\t}",
        [
            ("x=true", "expression_switch_statement", "x, y := true, g()", "y := g()", False),
            ("y=g()", "expression_switch_statement", "x, y := true, g()", "x := true", False),
        ],
    ),
    ("for x := true; x; {\n\t}", []),
    ("var x bool = true", [("x=true", "block", "var x bool = true", "", True)]),
    ("var x any = true", []),
    (
        "var x, y = true, 1",
        [
            ("x=true", "block", "x, y = true, 1", "y = 1", False),
            ("y=1", "block", "x, y = true, 1", "x = true", False),
        ],
    ),
]


@pytest.mark.parametrize(("body", "expected"), BINDINGS)
def test_a_binding__says_what_stays_without_it(body: str, expected: list[tuple[object, ...]]) -> None:
    assert list(bound(body)) == expected


def defined(whole: str, path: str = "main.go") -> list[tuple[object, ...]]:
    read = go().source(path, whole.encode())
    assert read.defects == 0
    return [
        (found.kind, found.spelled or text(found.name), whole.encode()[slice(*found.removal)].decode(),
         found.remainder.decode(), found.reach, found.pure)
        for found in go().definitions(read)
    ]  # fmt: skip


FUNCTION = ("function", "f", "func f() {}\n", "", "repository", True)
DEFINITIONS: list[tuple[str, str, list[tuple[object, ...]]]] = [
    (
        "imports of one group, the first with the blank line that follows it",
        'package p\n\nimport (\n\t"fmt"\n\n\tx "a/b" // why\n\t_ "c"\n\t. "d"\n)\n',
        [
            ("import", "fmt", '\t"fmt"\n\n', "", "file", True),
            ("import", "x", '\tx "a/b" // why\n', "", "file", True),
        ],
    ),
    (
        "the only import, with its line",
        'package p\n\nimport "example.org/go-flags/v2"\n\nvar _ = 1\n',
        [("import", "flags", 'import "example.org/go-flags/v2"\n\n', "", "file", True)],
    ),
    (
        "constants, with the comment that speaks of one",
        'package p\n\nconst (\n\t// A is one.\n\tA = "a"\n\t// All the others.\n\tB = "b"\n)\n',
        [
            ("constant", "A", '\t// A is one.\n\tA = "a"\n', "", "repository", True),
            ("constant", "B", '\t// All the others.\n\tB = "b"\n', "", "repository", True),
        ],
    ),
    (
        "of constants that are counted only the last",
        "package p\n\nconst (\n\tA = iota\n\tB\n\tC\n)\n",
        [("constant", "C", "\tC\n", "", "repository", True)],
    ),
    (
        "a variable that does something",
        "package p\n\nvar x = g()\n",
        [("variable", "x", "\nvar x = g()\n", "", "repository", False)],
    ),
    (
        "no names that tools know",
        "package p\n\nfunc main() {}\n\nfunc init() {}\n\n//go:embed x\nvar x string\n\n//export g\nfunc g() {}\n",
        [],
    ),
    (
        "a function with its comment",
        "package p\n\n// f does.\n// Much.\nfunc f() {}\n",
        [("function", "f", "\n// f does.\n// Much.\nfunc f() {}\n", "", "repository", True)],
    ),
    (
        "locals",
        "package p\nfunc f() {\n\ta := 1\n\tb := g()\n\tc, d := g()\n\te, d := g()\n\tx := <-y\n}\n",
        [
            ("function", "f", ..., "", "repository", True),
            ("variable", "a", "\ta := 1\n", "", "local", True),
            ("variable", "b", "b := g()", "g()", "local", True),
            ("variable", "c", "c", "_", "local", True),
            ("variable", "d", "d", "_", "local", True),
            ("variable", "e", "e, d :=", "_, d =", "local", True),
            ("variable", "x", "x := <-y", "_ = <-y", "local", True),
        ],
    ),
    (
        "locals of a head",
        "package p\nfunc f() {\n\tif a := g(); q {\n\t}\n\tif a := b; q {\n\t}\n}\n",
        [
            ("function", "f", ..., "", "repository", True),
            ("variable", "a", "a :=", "_ =", "local", True),
            ("variable", "a", "a := b; ", "", "local", True),
        ],
    ),
    (
        "a label",
        "package p\nfunc f() {\nL:\n\tfor {\n\t}\n}\n",
        [("function", "f", ..., "", "repository", True), ("variable", "L", "L:", "", "local", True)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("whole", "expected"), [(whole, expected) for _, whole, expected in DEFINITIONS], ids=[i for i, _, _ in DEFINITIONS]
)
def test_a_definition__says_what_goes_with_it(whole: str, expected: list[tuple[object, ...]]) -> None:
    found = defined(whole)

    assert [(kind, name, *rest[1:]) for kind, name, *rest in found] == [(k, n, *rest[1:]) for k, n, *rest in expected]
    for (_, name, removal, *_), (_, _, wanted, *_) in zip(found, expected, strict=True):
        assert wanted in {removal, ...}, name


def test_tests__are_no_definitions_in_a_file_of_tests_only() -> None:
    whole = "package p\n\nfunc TestX(_ *testing.T) {}\n"

    assert [defined(whole, path) != [] for path in ("p_test.go", "p.go")] == [False, True]


def test_a_test_case__is_the_nearest_subtest_or_the_function_with_its_comment() -> None:
    whole = (
        "package p\n\n// TestX tests.\nfunc TestX(t *testing.T) {\n\ta()\n"
        '\tt.Run("on", func(t *testing.T) {\n\t\tb()\n\t})\n}\n'
        "\nfunc other() {\n\tc()\n}\n"
    )
    read = source(whole)
    nodes = {text(node): node for node in descendants(read.tree.root_node) if node.type == "call_expression"}
    found = {name: go().test_case(nodes[name]) for name in ("a()", "b()", "c()")}
    texts = {name: place and whole[slice(*place)].splitlines()[0] for name, place in found.items()}

    assert texts == {"a()": "// TestX tests.", "b()": 't.Run("on", func(t *testing.T) {', "c()": None}


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("func f(a int) bool {\n\treturn g(a)\n}", "g(a)"),
        ("func (s *S) f() bool {\n\treturn s.on\n}", "s.on"),
        ("func f() (bool, error) {\n\treturn a, nil\n}", "a"),
        ("func f() (bool, error) {\n\treturn a, err\n}", ""),
        ("func f() (bool, *S) {\n\treturn a, nil\n}", ""),
        ("func f() bool {\n\tx()\n\treturn a\n}", ""),
        ("func f() {\n\treturn\n}", ""),
    ],
)
def test_a_function__has_a_result_where_it_is_one_expression_with_no_error(body: str, result: str) -> None:
    read = source(f"package p\n\n{body}\n")
    found = [function for node in descendants(read.tree.root_node) if (function := go().function(node)) is not None]

    assert [text(function.result) for function in found] == [result]


@pytest.mark.parametrize(
    ("kept", "place", "needed"),
    [
        ("a || b", "F && c", True),
        ("a && b", "F && c", False),
        ("a && b", "c && F", False),
        ("a - b", "c - F", True),
        ("a - b", "F - c", False),
        ("a == b", "!F", True),
        ("g()", "!F", False),
        ("!a", "F && b", False),
        ("a || b", "F.x", True),
        ("a || b", "g(F)", False),
        ("a || b", "x[F]", False),
    ],
)
def test_parentheses__are_needed_where_an_operator_would_take_what_is_not_its_own(
    kept: str, place: str, *, needed: bool
) -> None:
    read = source(f"x = {kept}\n\ty = {place}")
    nodes = list(descendants(read.tree.root_node))
    sides = [node.child_by_field_name("right") for node in nodes if node.type == "assignment_statement"]
    assert sides[0] is not None
    node = sides[0].named_children[0]
    here = next(node for node in nodes if text(node) == "F" and not node.children)

    assert go().needs_parentheses(node, here) is needed


def test_names_of_a_block__are_those_that_it_declares_itself() -> None:
    read = source("{\n\t\ta, b := g()\n\t\tb, c := g()\n\t\tvar d int\n\t\tif e := g(); e {\n\t\t\tf := 1\n\t\t}\n\t}")
    block = [node for node in descendants(read.tree.root_node) if node.type == "block"][1]

    assert [text(name) for name in go().scoped_names(block)] == ["a", "b", "c", "d"]


def test_a_label__must_stay() -> None:
    read = source("L:\n\tx()\n\ty()")
    inside = next(node for node in descendants(read.tree.root_node) if node.type == "statement_list").named_children

    assert [go().must_stay(statement) for statement in inside] == [True, False]
