"""TypeScript's and JavaScript's expressions and statements as they are read: every shape, in the text of its parts."""

from __future__ import annotations

import pytest
from tests.support.reading import Tell, named, read, text, told
from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.source import descendants


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("a.ts", "const a = <string>b;"),
        ("a.mts", "export const a = b satisfies C;"),
        ("a.cts", "import a = require('a');"),
        ("a.tsx", "const a = <A<string> b={1} />;"),
        ("a.js", "f(a < b, c > (d));"),
        ("a.jsx", "const a = <A {...b}>{c}</A>;"),
        ("a.mjs", "export default class {}"),
        ("a.cjs", "module.exports = { a };"),
    ],
)
def test_a_suffix__chooses_the_grammar(path: str, code: str) -> None:
    read(code, path)


def test_a_comparison_in_javascript__is_no_call_with_type_arguments() -> None:
    assert told("f(a < b, c > (d));", lambda it, node: (c := it.call(node)) and len(c.arguments), "a.js") == [2]


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("undefined", None),
        ("12", 12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("1.5e3", 1500.0),
        ("-7", -7),
        ("'new-ui'", "new-ui"),
        ('"it\'s"', "it's"),
        (r"'a\n\x41\u0042\u{43}\q'", "a\nABCq"),
        ("`plain`", "plain"),
    ],
)
def test_constant__is_what_the_literal_denotes(code: str, value: object) -> None:
    language, node = named(f"x = {code};", code)
    assert language.constant(node) == (value,)
    assert type((language.constant(node) or ("",))[0]) is type(value)


@pytest.mark.parametrize("code", ["`a ${b}`", "name", "017", "12n", "-x", "!true", "[1]"])
def test_constant__of_what_is_no_literal__is_none(code: str) -> None:
    language, node = named(f"x = {code};", code)
    assert language.constant(node) is None


def logical(it: Language, node: Node) -> object:
    found = it.logical(node)
    return found and (found.operator, text(found.left), text(found.right))


def equality(it: Language, node: Node) -> object:
    found = it.equality(node)
    right = text(found.right) if found and found.right else [text(each) for each in found.one_of] if found else ""
    return found and (found.negated, text(found.left), right)


def conditional(it: Language, node: Node) -> object:
    found = it.conditional(node)
    return found and (text(found.condition), text(found.then), text(found.otherwise))


def inner(it: Language, node: Node) -> object:
    found = it.inner(node)
    return found and text(found)


def transparent(it: Language, node: Node) -> object:
    found = it.transparent(node)
    return found and text(found)


def negated(it: Language, node: Node) -> object:
    found = it.negated(node)
    return found and text(found)


def fallback(it: Language, node: Node) -> object:
    found = it.fallback(node)
    return found and (text(found[0]), text(found[1]))


def call(it: Language, node: Node) -> object:
    found = it.call(node)
    return found and (
        text(found.receiver),
        text(found.name),
        ["." * 3 * each.spread + text(each.value) for each in found.arguments],
    )


def member(it: Language, node: Node) -> object:
    found = it.member(node)
    return found and (text(found[0]), text(found[1]))


@pytest.mark.parametrize(
    ("tell", "code", "expected"),
    [
        (logical, "a && b || c", [("or", "a && b", "c"), ("and", "a", "b")]),
        (logical, "a ?? b & c", []),
        (equality, "a === b", [(False, "a", "b")]),
        (equality, "(a as T) !== 'b'", [(True, "a", "'b'")]),
        (equality, "a == 'b'", [(False, "a", "'b'")]),
        (equality, "a != null", [(True, "a", "null")]),
        (equality, "a == 1", []),
        (equality, "a == ''", []),
        (equality, "'12' == a", []),
        (equality, "__FF_V__ == true", []),
        (equality, "['a', 'b'].includes(c)", [(False, "c", ["'a'", "'b'"])]),
        (equality, "['a', b].includes(c)", []),
        (equality, "list.includes(c)", []),
        (equality, "a < b", []),
        (conditional, "a ? b : c", [("a", "b", "c")]),
        (inner, "f((a), b)", ["a"]),
        (inner, "(/* why */ a)", []),
        (transparent, "await a", ["a"]),
        (transparent, "a!", ["a"]),
        (transparent, "(a as unknown) as boolean", ["a"]),
        (transparent, "a as unknown as T", []),
        (transparent, "(a as T) || b", ["a"]),
        (transparent, "(a as T) ? b : c", ["a"]),
        (transparent, "a satisfies boolean | undefined", ["a"]),
        (transparent, "__FF_V__ as Color", []),
        (transparent, "Boolean(__FF_T__)", ["__FF_T__"]),
        (transparent, "Boolean(a)", []),
        (negated, "!a", ["a"]),
        (negated, "-a", []),
        (fallback, "a ?? b", [("a", "b")]),
        (fallback, "a || b", []),
        (call, "f(a, ...b)", [("", "f", ["a", "...b"])]),
        (call, "a.b?.c<T>('k')", [("a.b", "c", ["'k'"])]),
        (call, "a.b!('k')", [("a", "b", ["'k'"])]),
        (call, "a.b?.('k')", [("a", "b", ["'k'"])]),
        (call, "new F(a)", []),
        (call, "f`a`", []),
        (call, "import('a')", []),
        (member, "a?.b", [("a", "b")]),
        (member, "a['b']", [("a", "'b'")]),
        (member, "a[b]", []),
    ],
)
def test_an_expression__is_read(tell: Tell, code: str, expected: list[object]) -> None:
    assert told(f"x = {code};", tell) == expected


@pytest.mark.parametrize(
    ("code", "pure"),
    [
        ("a.b?.c", True),
        ("`${a}`", True),
        ("[1, { a, b: !c, ...d }]", True),
        ("() => f()", True),
        ("typeof a === 'b'", True),
        ("(a as T)!", True),
        ("<A b={c}>text</A>", True),
        ("this.a", True),
        ("f()", False),
        ("`${f()}`", False),
        ("a ? f() : b", False),
        ("new A()", False),
        ("delete a.b", False),
        ("a = 1", False),
        ("i++", False),
        ("await a", False),
        ("<A b={f()} />", False),
    ],
)
def test_pure__is_what_does_nothing_but_yield_a_value(code: str, *, pure: bool) -> None:
    language, node = named(f"x = {code};", code)
    assert language.pure(node) == pure


@pytest.mark.parametrize(
    ("code", "in_condition"),
    [
        ("if (X) {}", True),
        ("if (a || (b && X)) {}", True),
        ("while (X) {}", True),
        ("do {} while (X)", True),
        ("for (;X;) {}", True),
        ("for (;;X) {}", False),
        ("y = !X", True),
        ("y = X ? a : b", True),
        ("y = a ? X : b", False),
        ("y = (a ? X : b) ? c : d", True),
        ("y = Boolean(X)", True),
        ("y = a && X", False),
        ("f(X)", False),
        ("switch (X) {}", False),
        ("if (f(X)) {}", False),
        ("if (X === a) {}", False),
        ("y = <A>{n && X}</A>", False),
        ("y = -X", False),
    ],
)
def test_in_condition__is_where_only_truth_matters(code: str, *, in_condition: bool) -> None:
    language, node = named(code, "X")
    assert language.in_condition(node) == in_condition


@pytest.mark.parametrize(
    ("kept", "place", "needs"),
    [
        ("a + b", "X * c", True),
        ("a * b", "X + c", False),
        ("a - b", "c - X", True),
        ("a ?? b", "X || c", True),
        ("a && b", "X || c", False),
        ("a || b", "!X", True),
        ("a ? b : c", "X ? d : e", True),
        ("a ? b : c", "d ? X : e", False),
        ("a ? b : c", "f(X)", False),
        ("a, b", "f(X)", True),
        ("a || b", "X.c", True),
        ("a.b", "X.c", False),
        ("a || b", "c[X]", False),
        ("a as B", "X.c", True),
        ("() => a", "X || b", True),
        ("() => a", "y = X", False),
        ("await a", "X.b", True),
        ("{ a: 1 }", "() => X", True),
        ("{ a: 1 }", "f(() => X.a)", True),
        ("{ a: 1 }", "y = X", False),
        ("a ** b", "X ** c", True),
        ("a ** b", "c ** X", False),
        ("(a || b)", "!X", False),
    ],
)
def test_needs_parentheses__is_what_would_bind_otherwise(kept: str, place: str, *, needs: bool) -> None:
    language, source = read(f"k = ({kept});\n{place};")
    nodes = list(descendants(source.tree.root_node))
    node = next(each for each in nodes if text(each) == kept)
    where = next(each for each in nodes if text(each) == "X")
    assert language.needs_parentheses(node, where) == needs


def chain(it: Language, node: Node) -> object:
    found = it.chain(node)
    return found and ([(text(arm.condition), text(arm.body)) for arm in found.arms], text(found.otherwise))


def switch(it: Language, node: Node) -> object:
    found = it.switch(node)
    code = (node.text or b"").decode()
    return found and (
        text(found.subject),
        [
            (
                [text(value) for value in case.values],
                code[case.body[0] - node.start_byte : case.body[1] - node.start_byte],
                case.falls_through,
            )
            for case in found.cases
        ],
    )


def loop(it: Language, node: Node) -> object:
    found = it.loop(node)
    return found and (text(found.condition), text(found.body))


def statement(it: Language, node: Node) -> object:
    return (node.type == "identifier" and (found := it.statement(node)) and text(found)) or None


@pytest.mark.parametrize(
    ("tell", "code", "expected"),
    [
        (chain, "if (a) b(); else if (c) { d() } else e();", [([("a", "b();"), ("c", "{ d() }")], "e();")]),
        (chain, "if (a) { if (b) {} }", [([("a", "{ if (b) {} }")], ""), ([("b", "{}")], "")]),
        (
            switch,
            "switch (a as T) { case 1: f(); break; case 2: case 3: { g(); break; } default: h(); }",
            [("a", [(["1"], "f();", False), (["2", "3"], "g();", False), ([], "h();", False)])],
        ),
        (
            switch,
            "switch (a) { case 1: if (b) break; return; case 2: for (;;) break; c(); case 3: throw d; }",
            [
                (
                    "a",
                    [
                        (["1"], "if (b) break; return;", True),
                        (["2"], "for (;;) break; c();", True),
                        (["3"], "throw d;", False),
                    ],
                )
            ],
        ),
        (loop, "while (a) b();", [("a", "b();")]),
        (loop, "do b(); while (a);", []),
        (statement, "((a)); b.c; d = e;", ["((a));"]),
    ],
)
def test_a_statement__is_read(tell: Tell, code: str, expected: list[object]) -> None:
    assert told(code, tell) == expected


@pytest.mark.parametrize(
    ("code", "jumps"),
    [
        ("return;", True),
        ("throw a;", True),
        ("if (a) return; else throw b;", True),
        ("if (a) return;", False),
        ("{ a(); return; }", True),
        ("try { return; } catch { throw a; }", True),
        ("try { return; } catch {}", False),
        ("try { a(); } finally { return; }", True),
        ("switch (a) { case 1: return; default: throw b; }", True),
        ("switch (a) { case 1: return; }", False),
        ("switch (a) { case 1: break; default: return; }", False),
        ("while (true) { return; }", False),
        ("a();", False),
    ],
)
def test_jumps__is_what_control_never_goes_past(code: str, *, jumps: bool) -> None:
    language, source = read(f"function f() {{ {code} }}")
    node = next(each for each in descendants(source.tree.root_node) if text(each) == code)
    assert language.jumps(node) == jumps


@pytest.mark.parametrize(
    ("code", "stays"),
    [
        ("function g() {}", True),
        ("type A = 1;", True),
        ("var a = 1;", True),
        ("for (var a of b) {}", True),
        ("const a = 1;", False),
        ("const a = function () { var b; };", False),
        ("a();", False),
    ],
)
def test_must_stay__is_what_is_hoisted(code: str, *, stays: bool) -> None:
    language, source = read(f"function f() {{ {code} }}")
    node = next(each for each in descendants(source.tree.root_node) if text(each) == code)
    assert language.must_stay(node) == stays
