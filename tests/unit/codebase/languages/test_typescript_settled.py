"""What is left around an expression of TypeScript or JSX once the flag decided it."""

from __future__ import annotations

import pytest

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

PATTERNS = b"""
[[patterns]]
call = "Feature"
kind = "component"
key = "name"
[[patterns]]
call = "config.flags"
kind = "members"
case = "camel"
[[patterns]]
call = "values"
kind = "members"
[[patterns]]
call = "useToggle"
returns = "details"
field = "isOn"
yields = "enabled"
"""


def cleaned(code: str, *, value: object = True) -> str:
    files = Files({"a.tsx": code.encode(), ".flagtrail.toml": PATTERNS})
    made = plan(files, "new-ui", Winner("on", value))
    return next((change.after.decode() for change in made.changes if change.after is not None), code)


F = "flags.isEnabled('new-ui')"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"x = <p>{{{F} && <A />}}</p>;", "x = <p><A /></p>;"),
        (f"x = <p>{{!{F} && <A />}}</p>;", "x = <p></p>;"),
        (f"x = <p>{{{F} ? (<A />) : (<B />)}}</p>;", "x = <p><A /></p>;"),
        (f"x = <p>{{{F} ? a : b}}</p>;", "x = <p>{a}</p>;"),
        (f"x = <p>{{{F} ? 'New' : 'Old'}}</p>;", "x = <p>New</p>;"),
        (f"x = <p>{{{F} ? 'a < b' : 'Old'}}</p>;", "x = <p>{'a < b'}</p>;"),
        (f"x = <p>\n  Text\n  {{{F} ? 'new' : 'old'}}\n</p>;", "x = <p>\n  Text\n  {'new'}\n</p>;"),
        (f"x = <p>\n  a {{!{F} && <A />}}\n  <B />\n</p>;", "x = <p>\n  a {false}\n  <B />\n</p>;"),
        (f"x = <p>a {{!{F} && <A />}} b</p>;", "x = <p>a  b</p>;"),
        (
            f"x = <p>\n  {{{F} && (\n    <>\n      <A />\n      <B />\n    </>\n  )}}\n</p>;",
            "x = <p>\n  <A />\n  <B />\n</p>;",
        ),
        (
            f"x = <p>\n  {{{F} ? (\n    <A>\n      a\n    </A>\n  ) : null}}\n</p>;",
            "x = <p>\n  <A>\n    a\n  </A>\n</p>;",
        ),
        (f"x = <A on={{{F}}} b />;", "x = <A on b />;"),
        (f"x = <A on={{!{F}}} />;", "x = <A on={false} />;"),
        (f"x = <A b=\"c\" on={{{F} ? 'd' : e}} />;", 'x = <A b="c" on="d" />;'),
        (f"x = <A b='c' on={{{F} ? 'd' : e}} />;", "x = <A b='c' on='d' />;"),
        (f"x = <A {{...({F} ? {{ a: 1, b, c: true }} : {{}})}} />;", "x = <A a={1} b={b} c />;"),
        (f"x = <A b {{...(!{F} && {{ a }})}} />;", "x = <A b />;"),
        (f"x = [1, ...({F} ? [2, 3] : []), 4];", "x = [1, 2, 3, 4];"),
        (f"x = [1, ...({F} ? [] : [2]), 4];", "x = [1, 4];"),
        (f"x = [\n  1,\n  ...({F}\n    ? [\n        2,\n      ]\n    : []),\n];", "x = [\n  1,\n  2,\n];"),
        (f"f(...({F} ? [2] : []));", "f(2);"),
        (f"x = {{ a, ...({F} && {{ b: 1 }}) }};", "x = { a, b: 1 };"),
        (f"x = {{ a, ...(!{F} && {{ b: 1 }}), c }};", "x = { a, c };"),
        (f"x = {{ a: 0, ...({F} && {{ a: 1 }}) }};", "x = { a: 0, ...{ a: 1 } };"),
        (f"x = `a ${{{F} ? 'b' : 'c'}}`;", "x = `a b`;"),
        (f"x = `a${{{F} ? '' : 'c'}}`;", "x = `a`;"),
        (f"useEffect(() => f(), [a, {F}]);", "useEffect(() => f(), [a]);"),
        (f"useEffect(() => f(), [{F}]);", "useEffect(() => f(), []);"),
        (f"use(() => f(), [{F}]);", "use(() => f(), [true]);"),
        (f"x = ['a', !{F} && 'b'].filter(Boolean);", "x = ['a'].filter(Boolean);"),
        (f"x = clsx('a', !{F} && 'b');", "x = clsx('a');"),
        (f"x = a === b && {F};", "x = a === b;"),
        (f"x = n && {F} && <A />;", "x = n && <A />;"),
        (f"x = <p>{{isOpen && !{F} && <A />}}</p>;", "x = <p></p>;"),
        (f"x = <p>{{count && !{F} && <A />}}</p>;", "x = <p>{count && false && <A />}</p>;"),
        (f"() => {{\n  const n = m && {F};\n  if (n) f();\n}};", "() => {\n  const n = m;\n  if (n) f();\n};"),
        (f"() => {{\n  const n = m && {F};\n  f(n);\n}};", "() => {\n  const n = m && true;\n  f(n);\n};"),
        (f"() => {{\n  a();\n  n = {F} ? n : m;\n}};", "() => {\n  a();\n};"),
        (f"() => {{\n  a();\n  if (!{F}) return;\n  b();\n}};", "() => {\n  a();\n  b();\n};"),
        (f"x = n && {F};", "x = n && true;"),
        (f"const f = (n: boolean) => n && {F};", "const f = (n: boolean) => n;"),
        (f"const f = (n?: boolean) => n && {F};", "const f = (n?: boolean) => n && true;"),
        (f"const f = () => {{ const n = !m; return n && {F}; }};", "const f = () => { const n = !m; return n; };"),
        (f"const f = () => {{ let n = !m; return n && {F}; }};", "const f = () => { let n = !m; return n && true; };"),
    ],
)
def test_what_stood_around_the_flag__goes_where_it_means_nothing_any_more(before: str, after: str) -> None:
    assert cleaned(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = useFlags().newUi;", "x = true;"),
        ("x = useFlags(a).newUi;", "x = useFlags(a).newUi;"),
        ("x = useFlags().darkMode;", "x = useFlags().darkMode;"),
        ("() => {\n  const { newUi } = useFlags();\n  f(newUi);\n};", "() => {\n  f(true);\n};"),
        (
            "() => {\n  const { newUi: a = false, b } = useFlags();\n  f(a, b);\n};",
            "() => {\n  const { b } = useFlags();\n  f(true, b);\n};",
        ),
        (
            "() => { const { newUi, ...b } = useFlags(); f(newUi, b); };",
            "() => { const { newUi, ...b } = useFlags(); f(newUi, b); };",
        ),
        (
            "() => { const all = useFlags(); f(all.newUi, all.b); };",
            "() => { const all = useFlags(); f(true, all.b); };",
        ),
        (
            "() => { let all = useFlags(); all = g(); f(all.newUi); };",
            "() => { let all = useFlags(); all = g(); f(all.newUi); };",
        ),
        ("x = this.config.flags.newUi;", "x = true;"),
        ("x = featureFlags['new-ui'];", "x = true;"),
        (
            "const K = { N: 'new-ui', o: 'o' };\nx = [featureFlags[K.N], featureFlags[K.o], all[K.N]];",
            "const K = { N: 'new-ui', o: 'o' };\nx = [true, featureFlags[K.o], all[K.N]];",
        ),
        ("x = useToggle('new-ui').isOn;", "x = true;"),
        ("() => {\n  const { isOn } = useToggle('new-ui');\n  f(isOn);\n};", "() => {\n  f(true);\n};"),
        ("() => {\n  const { isOn: a } = useToggle('new-ui');\n  f(a);\n};", "() => {\n  f(true);\n};"),
        ("x = config?.flags?.newUi;", "x = true;"),
        ("x = make().config.flags.newUi;", "x = make().config.flags.newUi;"),
        ("x = other.flags.newUi;", "x = other.flags.newUi;"),
        ("x = useValues().values['new-ui'];", "x = useValues().values['new-ui'];"),
        ("x = a.values['new-ui'];", "x = true;"),
        ("function f({ newUi }) { return newUi; }", "function f({ newUi }) { return newUi; }"),
    ],
)
def test_a_member_of_what_answers_all_flags__is_the_flag(before: str, after: str) -> None:
    assert cleaned(before) == after


@pytest.mark.parametrize(
    ("before", "on", "off"),
    [
        ('x = <p><Feature name="new-ui"><A /></Feature></p>;', "x = <p><A /></p>;", "x = <p></p>;"),
        ('x = <Feature name="new-ui" fallback={<B />}><A /></Feature>;', "x = <A />;", "x = <B />;"),
        ('x = <Feature name="new-ui">a</Feature>;', None, "x = null;"),
        ('x = <p><Feature name="new-ui">a {b}</Feature></p>;', "x = <p>a {b}</p>;", "x = <p></p>;"),
        ('x = <Feature name="dark"><A /></Feature>;', None, None),
        (
            f"x = <p><Show condition={{{F}}} show={{<A />}} elseShow={{b}} /></p>;",
            "x = <p><A /></p>;",
            "x = <p>{b}</p>;",
        ),
        (f"x = <Show condition={{{F}}} show={{() => <A />}} />;", "x = <A />;", "x = null;"),
        (f"x = <Show condition={{{F}}} show={{a}} size={{1}} />;", "x = <Show condition show={a} size={1} />;", None),
    ],
)
def test_an_element_that_decides_what_is_shown__is_what_it_shows(before: str, on: str | None, off: str | None) -> None:
    without = before.replace(F, "false")
    assert (cleaned(before), cleaned(before, value=False)) == (on or before, off or without)


def test_a_promise_that_is_kept__is_left_alone_where_only_a_later_line_awaits_one() -> None:
    later = f"async () => [await {F}, p.then(a)];"
    assert cleaned(f"const p = {F};\n{later}") == f"const p = {F};\n{later.replace(F, 'true')}".replace("await ", "")


def test_a_private_method_that_a_test_spies_on__stays() -> None:
    page = f"class Page {{ shown() {{ return {F} ? 1 : this.old(); }} private old() {{ return 2; }} }}".encode()
    spying = b"it('a', () => { jest.spyOn(page as any, 'old').mockReturnValue(1); });"
    made = plan(Files({"page.ts": page, "page.test.ts": spying}), "new-ui", Winner("on", value=True))
    shown = page.replace(f"{F} ? 1 : this.old()".encode(), b"1")
    assert [(change.path, change.after) for change in made.changes] == [("page.ts", shown)]


def test_a_variable_whose_type_is_asked_for__stays_with_the_answer_in_it() -> None:
    code = f"function f() {{ const on = {F}; let off: typeof on = !on; return typeof on; }}"
    assert cleaned(code) == code.replace(F, "true")


@pytest.mark.parametrize("hook", ["useLDClient", "useGrowthBook", "usePostHog", "useFlagMap", "useContext"])
def test_a_hook_that_only_looks_something_up__goes_with_the_last_use_of_what_it_answers(hook: str) -> None:
    code = f"const A = () => {{\n  const held = {hook}();\n  return {F} ? 1 : held;\n}};\n"

    assert cleaned(code) == "const A = () => {\n  return 1;\n};\n"
    assert cleaned(code.replace(hook, "useProbe")) == "const A = () => {\n  useProbe();\n  return 1;\n};\n"


@pytest.mark.parametrize(
    "element",
    [
        '<PostHogFeature flag="new-ui" match="blue"><New /></PostHogFeature>',
        '<PostHogFeature flag="new-ui">{(payload) => <New on={payload} />}</PostHogFeature>',
        '<PostHogFeature flag="new-ui" {...others}><New /></PostHogFeature>',
        '{xs.map((x) => <Feature key={x} name="new-ui" fallback={<Old />}><New /></Feature>)}',
        '<Feature name="new-ui" show={<New />} />',
        '<>one\n<Feature name="new-ui">text</Feature>\ntwo</>',
        '<i /> <Feature name="new-ui">\ntext\n</Feature> two',
    ],
)
def test_an_element__that_asks_for_another_value_or_in_whose_place_another_would_be_shown__stays(element: str) -> None:
    code = f"const x = <p>{element}</p>;\n"

    assert cleaned(code) == code


@pytest.mark.parametrize(
    "origin",
    [
        "import { useLocation } from './hooks';\n",
        "import useLocation from '@/hooks/location';\n",
        "const useLocation = () => watch();\n",
        "const { useLocation } = require('./hooks');\n",
    ],
)
def test_a_hook_of_the_repository__that_is_called_like_a_known_one__is_still_called(origin: str) -> None:
    code = f"{origin}const A = () => {{\n  const at = useLocation();\n  return {F} ? 1 : at;\n}};\n"

    assert "  useLocation();\n" in cleaned(code)
    assert "  useSyncFlags();\n" in cleaned(code.replace("useLocation", "useSyncFlags"))


def test_a_function__whose_parameter_does_something_where_it_is_left_out__is_no_look() -> None:
    code = f"const x = rows.some((row, at = next()) => row.on) && {F};\n"

    assert "next()" in cleaned(code, value=False)


@pytest.mark.parametrize(
    "element",
    [
        '<PostHogFeature flag="new-ui"><New /></PostHogFeature>',
        '<Feature name="new-ui" instead={Old}><New /></Feature>',
    ],
)
def test_an_element__that_may_show_something_where_the_flag_is_off__stays(element: str) -> None:
    code = f"const x = <p>{element}</p>;\n"

    assert cleaned(code, value=False) == code


def test_a_child__that_parts_two_texts__stays() -> None:
    code = f"const x = (\n  <p>\n    one\n    {{{F} && <New />}}\n    two\n  </p>\n);\n"

    assert cleaned(code, value=False) == code.replace(f"{F} && <New />", "false")


@pytest.mark.parametrize(
    "statement",
    [
        "config.flags['newUi'] = true;",
        "[config.flags.newUi] = on;",
        "({ on: config.flags.newUi } = given);",
        "for (config.flags.newUi of all) {}",
        "(config.flags.newUi as any) = true;",
    ],
)
def test_a_member__that_is_given_a_value__stays_with_what_reads_it(statement: str) -> None:
    code = f"{statement}\nconst {{ newUi }} = config.flags;\nuse(newUi);\n"

    assert cleaned(code) == code
