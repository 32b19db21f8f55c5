"""How Python's syntax tree is read as shapes: cases as data, one table a shape."""

from __future__ import annotations

import pytest
from tests.support.python_code import every, node_of, python, source_of, written
from tree_sitter import Node

from flagtrail.codebase.languages import of_path
from flagtrail.codebase.shapes import Scalar, Settled
from flagtrail.codebase.source import Source, descendants


def call_of(source: Source, node: Node, text: str) -> Node | None:
    return node if node.type == "call" and written(source, node) == text else None


def edited(source: Source, settled: Settled) -> str:
    text = source.data[slice(*settled.span)] if settled.span is not None else settled.text
    return (source.data[: settled.start] + text + source.data[settled.end :]).decode()


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
        ("a['k'].b[c:1]", True),
        ("a[f()]", False),
        ("(dict(), tuple())", True),
        ("list(a)", False),
        ("request.headers.get('k', a)", True),
        ("client.get('k')", False),
        ("f().data.get('k')", False),
        ("data.get(f())", False),
        ("str(a)", True),
        ("int(a)", False),
        ("a.b.lower().startswith('k')", True),
        ("a.b.startswith('k')", True),
        ("timezone.now() - timedelta(days=7)", True),
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
def test_switch__with_patterns_that_do_more_than_compare__has_values_that_are_no_constants(pattern: str) -> None:
    [switch] = every(source_of(f"match a:\n    case {pattern}:\n        b()\n"), python().switch)

    assert [python().constant(value) for value in switch.cases[0].values] == [None]
    assert not switch.cases[0].default


def test_switch__has_the_comments_of_a_case_but_not_those_of_its_head() -> None:
    source = source_of("match a:\n    case 1:  # head\n        # lead\n        b()\n")
    [switch] = every(source, python().switch)

    assert source.data[slice(*switch.cases[0].body)] == b"# lead\n        b()"


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
    ("text", "plain"),
    [
        ("def f():\n    if a:\n        yield 1\n", 0),
        ("def f():\n    def g():\n        yield 1\n    return g\n", 1),
        ("def f():\n    z = lambda: (yield)\n", 1),
        ("async def f():\n    z = yield 1\ndef g():\n    'yield'\n", 1),
        ("def f(): pass\n", 1),
    ],
)
def test_plain_functions__are_those_without_a_yield_of_their_own(text: str, plain: int) -> None:
    assert len(python().plain_functions(source_of(text))) == plain


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("def f():\n    X\n    return\n", True),
        ("def f():\n    X\n    return None\n", False),
        ("def f():\n    if X:\n        return\n", False),
        ("for a in X:\n    b()\n    continue\n", True),
        ("while X:\n    continue\n    b()\n", False),
        ("while X:\n    break\n", False),
    ],
)
def test_idle__is_a_jump_to_where_control_goes_anyway(text: str, idle: bool) -> None:
    source = source_of(text)

    assert any(python().idle(node) for node in descendants(source.tree.root_node)) is idle


@pytest.mark.parametrize(
    ("text", "value", "left"),
    [
        ("assert X, a\nb()\n", True, "\nb()\n"),
        ("if b:\n    assert X\n", True, "if b:\n    pass\n"),
        ("z = [i for i in a if X]\n", True, "z = [i for i in a]\n"),
        ("match a:\n    case 1 if X: pass\n", True, "match a:\n    case 1: pass\n"),
        ("assert X\n", False, None),
        ("assert a, X\n", True, None),
        ("if X: pass\n", True, None),
        ("z = [a, *X]\n", None, None),
    ],
)
def test_settled__is_what_does_nothing_around_a_condition_that_holds(
    text: str, value: Scalar, left: str | None
) -> None:
    source = source_of(text)
    node = node_of(source, "X")
    found = python().settled(source, node, node, (value,))

    assert (None if found is None else edited(source, found)) == left


def test_settled__of_a_list_that_is_unpacked__is_its_elements() -> None:
    source = source_of("z = [a, *(([b, c]) if X else [])]\n")
    [choice] = every(source, python().conditional)
    assert choice.then is not None
    place, kept = choice.condition.parent, python().inner(choice.then)
    assert place is not None
    assert place.parent is not None
    assert kept is not None

    found = python().settled(source, place.parent, kept, None)
    assert found is not None
    assert edited(source, found) == "z = [a, b, c]\n"


@pytest.mark.parametrize(
    ("text", "boolean"),
    [
        ("a == b", True),
        ("a < b", True),
        ("a in b", True),
        ("not a", True),
        ("(not a)", True),
        ("isinstance(a, b) and a != b", True),
        ("True", True),
        ("a and not b", False),
        ("a", False),
        ("f(a)", False),
        ("a + b", False),
    ],
)
def test_boolean__tells_what_is_true_or_false_and_nothing_else(text: str, boolean: bool) -> None:
    node = source_of(f"z = {text}").tree.root_node.named_children[0].named_children[0].named_children[1]

    assert python().boolean(node) is boolean


@pytest.mark.parametrize(
    ("text", "removed", "body"),
    [
        ("@X()\ndef f(): pass\n", "@X()", ""),
        ("with X():\n    a()\n", "X()", "a()"),
        ("with X(), b():\n    a()\n", "X(), ", ""),
        ("with b(), X():\n    a()\n", ", X()", ""),
        ("with (\n    X(),\n    b(),\n):\n    a()\n", "X(),\n    ", ""),
    ],
)
def test_wrapping__tells_what_goes_and_what_stays(text: str, removed: str, body: str) -> None:
    source = source_of(text)
    [found] = [python().wrapping(call) for call in every(source, lambda node: call_of(source, node, "X()"))]
    assert found is not None
    assert source.data[slice(*found.removal)].decode() == removed
    assert written(source, found.body) == body


@pytest.mark.parametrize("text", ["with X() as a:\n    b()\n", "X()\n", "@a(X())\ndef f(): pass\n"])
def test_wrapping__of_what_is_used_otherwise__is_none(text: str) -> None:
    source = source_of(text)

    assert [python().wrapping(call) for call in every(source, lambda node: call_of(source, node, "X()"))] == [None]


@pytest.mark.parametrize(
    ("text", "value", "left"),
    [
        ("z = X", "blue", 'z = "blue"'),
        ("a = 'b'; z = X", "blue", "a = 'b'; z = 'blue'"),
        ("a = 'b'; z = X", "it's", "a = 'b'; z = \"it's\""),
        ("z = f'{X} a'", "blue", "z = f'blue a'"),
        ("z = f'{X}'", "it's", "z = f'it\\'s'"),
        ('z = f"{X}"', 'a"{b}\n', 'z = f"a\\"{{b}}\\n"'),
        ('z = f"{X!r}"', "blue", "z = f\"{'blue'!r}\""),
        ("z = f'{X:>3}'", "blue", "z = f'{\"blue\":>3}'"),
        ("z = X", True, "z = True"),
        ("z = f'{X}'", 3, "z = f'{3}'"),
    ],
)
def test_written__is_a_text_in_the_files_quotes_and_a_part_of_an_f_string(text: str, value: Scalar, left: str) -> None:
    source = source_of(text)
    start, end, put = python().written(node_of(source, "X"), value)

    assert (source.data[:start] + put + source.data[end:]).decode() == left
