"""TypeScript's and JavaScript's names as they are read: roles, variables, functions, definitions and tests."""

from __future__ import annotations

import pytest
from tests.support.reading import named, read, text, told
from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.source import descendants


@pytest.mark.parametrize(
    ("code", "name", "role"),
    [
        ("x = flag;", "flag", "read"),
        ("flag = 1;", "flag", "write"),
        ("flag += 1;", "flag", "write"),
        ("flag++;", "flag", "write"),
        ("[flag] = a;", "flag", "write"),
        ("({ flag } = a);", "flag", "write"),
        ("for (flag of a) {}", "flag", "write"),
        ("const flag = 1;", "flag", "bind"),
        ("const { flag } = a;", "flag", "bind"),
        ("const { a: flag = 1 } = a;", "flag", "bind"),
        ("const { flag: a } = b;", "flag", "member"),
        ("const { a = flag } = b;", "flag", "read"),
        ("const [flag] = a;", "flag", "bind"),
        ("for (const flag of a) {}", "flag", "bind"),
        ("function flag() {}", "flag", "bind"),
        ("function f(flag: T) {}", "flag", "bind"),
        ("function f({ flag }: T) {}", "flag", "bind"),
        ("function f(a = flag) {}", "flag", "read"),
        ("(flag => 1);", "flag", "bind"),
        ("try {} catch (flag) {}", "flag", "bind"),
        ("import flag from 'a';", "flag", "bind"),
        ("import * as flag from 'a';", "flag", "bind"),
        ("import { flag } from 'a';", "flag", "bind"),
        ("import { flag as a } from 'a';", "flag", "member"),
        ("import { a as flag } from 'a';", "flag", "bind"),
        ("export { flag };", "flag", "read"),
        ("export { flag } from 'a';", "flag", "member"),
        ("export { a as flag };", "flag", "member"),
        ("x = { flag };", "flag", "shorthand"),
        ("x = { flag: 1 };", "flag", "member"),
        ("x = { flag() {} };", "flag", "member"),
        ("x.flag;", "flag", "member"),
        ("flag: for (;;) break flag;", "flag", "member"),
        ("x = <A flag={1} />;", "flag", "member"),
        ("x = <flag />;", "flag", "member"),
        ("x = <Flag />;", "Flag", "read"),
        ("type Flag = 1;", "Flag", "bind"),
        ("let x: Flag;", "Flag", "read"),
        ("let x: React.Flag;", "Flag", "member"),
        ("interface Flag { a: 1 }", "Flag", "bind"),
        ("enum E { Flag = 'a' }", "Flag", "bind"),
        ("class C { flag = 1 }", "flag", "bind"),
        ("class C { flag() {} }", "flag", "bind"),
        ("function f<Flag>() {}", "Flag", "bind"),
    ],
)
def test_role__is_what_a_name_stands_for(code: str, name: str, role: str) -> None:
    language, node = named(code, name)
    assert language.role(node) == role


def binding(it: Language, node: Node) -> object:
    code = node
    while code.parent is not None:
        code = code.parent
    found = [
        (text(each.name), text(each.value), each.scope.type, it.reach(each), text(code)[slice(*each.removal)])
        for each in it.bindings(node)
    ]
    return found or None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("export {}; const a = b;", ("a", "b", "program", "file", "const a = b;")),
        ("export const a = b;", ("a", "b", "program", "repository", "export const a = b;")),
        ("const a = b; export { a };", ("a", "b", "program", "repository", "const a = b;")),
        ("const a = b;", ("a", "b", "program", "repository", "const a = b;")),
        ("() => { const a = b; };", ("a", "b", "statement_block", "local", "const a = b;")),
        ("() => { if (c) { var a = b; } };", ("a", "b", "arrow_function", "local", "var a = b;")),
        ("(a) => { a = b; };", ("a", "b", "arrow_function", "local", "a = b;")),
        ("() => { let a; if (c) { a = b; } };", ("a", "b", "statement_block", "local", "a = b;")),
    ],
)
def test_bindings__tell_value_scope_and_reach(code: str, expected: object) -> None:
    assert expected in [each for group in told(code, binding) for each in group]  # type: ignore[attr-defined] # lists


@pytest.mark.parametrize(
    ("code", "rest"),
    [
        ("const a = b, c = d;", ["const c = d;", "const a = b;"]),
        ("const a = b, c = d, e = f;", ["const c = d, e = f;", "const a = b, e = f;", "const a = b, c = d;"]),
    ],
)
def test_bindings__one_of_several__goes_alone(code: str, rest: list[str]) -> None:
    language, source = read(f"export {{}}; {code}")
    found = [each for node in descendants(source.tree.root_node) for each in language.bindings(node)]
    whole = source.data.decode()
    assert [(whole[: each.removal[0]] + whole[each.removal[1] :]).partition("; ")[2] for each in found] == rest


def function(it: Language, node: Node) -> object:
    found = it.function(node)
    return found and (
        text(found.name),
        text(found.result),
        [text(each) for each in found.parameters],
        found.private,
        found.overrides,
        it.is_member(found.node),
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("export function f(a, { b }) { return c; }", ("f", "c", ["a", "b"], False, False, False)),
        ("export const f = a => c;", ("f", "c", ["a"], False, False, False)),
        ("const f = async () => (c); export {};", ("f", "c", [], True, False, False)),
        ("const f = function () { return c; }; export {};", ("f", "c", [], True, False, False)),
        ("function f() { a(); return c; }", ("f", "", [], True, False, False)),
        ("function* f() { return c; }", ("f", "", [], True, False, False)),
        ("class A { f() { return c; } }", ("f", "c", [], False, False, True)),
        ("class A { private f() { return c; } }", ("f", "c", [], True, False, True)),
        ("class A { #f = () => c; }", ("#f", "c", [], True, False, True)),
        ("class A extends B { f() { return c; } }", ("f", "c", [], False, True, True)),
        ("class A implements B { private f() { return c; } }", ("f", "c", [], True, False, True)),
        ("x = { f() { return c; } };", ("f", "c", [], False, False, True)),
    ],
)
def test_function__tells_its_result_and_who_can_call_it(code: str, expected: object) -> None:
    assert told(code, function) == [expected]


def without(code: str, path: str = "a.tsx") -> dict[str, tuple[str, str, str, bool]]:
    """What is left of the file without each name, with the name's kind, reach and purity."""
    language, source = read(code, path)
    return {
        text(each.name): (
            (source.data[: each.removal[0]] + each.remainder + source.data[each.removal[1] :]).decode(),
            each.kind,
            each.reach,
            each.pure,
        )
        for each in language.definitions(source)
    }


@pytest.mark.parametrize(
    ("code", "name", "rest", "kind", "reach", "pure"),
    [
        ("import a from 'b';", "a", "", "import", "file", True),
        ("import a, { c } from 'b';", "a", "import { c } from 'b';", "import", "file", True),
        ("import a, { c } from 'b';", "c", "import a from 'b';", "import", "file", True),
        ("import { a, b as c, d } from 'e';", "c", "import { a, d } from 'e';", "import", "file", True),
        ("import { a, b } from 'e';", "a", "import { b } from 'e';", "import", "file", True),
        ("import { a, b } from 'e';", "b", "import { a } from 'e';", "import", "file", True),
        ("import {\n  a,\n  b,\n} from 'e';", "b", "import {\n  a,\n} from 'e';", "import", "file", True),
        ("import * as a from 'b';", "a", "", "import", "file", True),
        ("import a = require('b');", "a", "", "import", "file", True),
        ("export const a = 1;", "a", "", "constant", "repository", True),
        ("export {}; /** Why. */\nconst a = f();", "a", "export {}; /** Why. */\n", "constant", "file", False),
        ("export {};\n\n/** Why. */\nconst a = 1;", "a", "export {};\n\n", "constant", "file", True),
        (
            "export {};\n// two\nconst a = 1;\nconst b = 2;",
            "a",
            "export {};\n// two\n\nconst b = 2;",
            "constant",
            "file",
            True,
        ),
        ("() => { const a = useMemo(() => f(), []); };", "a", "() => {  };", "variable", "local", True),
        ("() => { const { a } = b; };", "a", "() => {  };", "variable", "local", True),
        ("() => { const { a, b: c = 1 } = d; };", "c", "() => { const { a } = d; };", "variable", "local", True),
        (
            "function f(a: number): void;\nfunction f(a: any) {} export {};",
            "f",
            " export {};",
            "function",
            "file",
            True,
        ),
        ("export class A {}", "A", "", "class", "repository", True),
        ("interface A { b: 1 }\nexport {};", "A", "\nexport {};", "class", "file", True),
        ("export enum E { A = 'a', B = 'b' }", "A", "export enum E { B = 'b' }", "member", "repository", True),
        ("class C { private a = 1; b() {} }", "a", "class C {  b() {} }", "field", "file", True),
        ("class C { #a() {} }", "#a", "class C {  }", "function", "file", True),
        ("export const F = { a: 'a', b: 'b' };", "a", "export const F = { b: 'b' };", "member", "repository", True),
        (
            "export const K = ['a', 'b'] as const;",
            "'b'",
            "export const K = ['a'] as const;",
            "member",
            "repository",
            True,
        ),
        ("type K = 'a' | 'b' | 'c';", "'a'", "type K = 'b' | 'c';", "member", "repository", True),
        ("type K = 'a' | 'b' | 'c';", "'b'", "type K = 'a' | 'c';", "member", "repository", True),
        ("type K =\n  | 'a'\n  | 'b';", "'b'", "type K =\n  | 'a';", "member", "repository", True),
        ("interface A { b: 1; c: 2 }", "b", "interface A { c: 2 }", "member", "repository", True),
        ("function f({ a, b }: T) {}", "b", "function f({ a }: T) {}", "variable", "local", True),
        ("function f(a, b = g()) {}", "b", "function f(a) {}", "parameter", "local", False),
    ],
)
def test_a_definition__goes_with_all_that_belongs_to_it(
    code: str, name: str, rest: str, kind: str, reach: str, *, pure: bool
) -> None:
    assert without(code)[name] == (rest, kind, reach, pure)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("import 'a';", "a"),
        ("const { a, ...b } = c;", "a"),
        ("const [a, b] = c;", "a"),
        ("export default function f() {}", "f"),
        ("class C { a() {} }", "a"),
        ("@Decorated() class C {}", "C"),
        ("f({ a: 1 });", "a"),
        ("f(['a']);", "'a'"),
        ("type K = 'a';", "'a'"),
        ("for (const a of b) {}", "a"),
    ],
)
def test_a_name__whose_removal_could_mean_more__is_no_definition(code: str, name: str) -> None:
    assert name not in without(code)


def test_a_script_without_imports__shares_its_names_with_other_scripts() -> None:
    assert without("function f() {}", "a.js")["f"][2] == "repository"
    assert without("const a = require('a');\nfunction f() {}", "a.js")["f"][2] == "file"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("when(c.isEnabled('k')).thenReturn(true);", ("when(c.isEnabled('k')).thenReturn(true);", "true")),
        ("when(useFlag).calledWith('k').mockReturnValue(false);", None),
        ("expect(c.isEnabled('k')).toBe(true);", None),
        ("const a = c.isEnabled('k');", None),
    ],
)
def test_stub__is_what_a_mock_is_told(code: str, expected: object) -> None:
    language, source = read(code)
    node = (
        next(
            each
            for each in descendants(source.tree.root_node)
            if (c := language.call(each)) and text(c.name) == "isEnabled"
        )
        if "isEnabled" in code
        else source.tree.root_node
    )
    found = language.stub(node)
    assert (found and (text(found.statement), text(found.value))) == expected


@pytest.mark.parametrize("head", ["it('a', () => {", "test.only('a', async () => {", "it.each([1])('a', (n) => {"])
def test_test_case__is_the_whole_test(head: str) -> None:
    code = f"describe('all', () => {{ {head} X(); }}); }});"
    language, node = named(code, "X")
    span = language.test_case(node)
    assert span is not None
    assert code[slice(*span)] == f"{head} X(); }});"


def test_test_case__outside_of_a_test__is_none() -> None:
    language, node = named("describe('all', () => { beforeEach(() => { X(); }); });", "X")
    assert language.test_case(node) is None
