"""What around an expression is superfluous once the flag decided it: braces of JSX, spreads, entries of a list.

`{<A />}` among children is `<A />`; `...[a]` in an array is `a`; `{false}` among children is nothing; a constant in the
dependencies of a hook is none.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from flagtrail.codebase.languages._javascript_elements import chosen, keeps_blanks, text_after, text_before
from flagtrail.codebase.languages._javascript_names import listed
from flagtrail.codebase.languages._javascript_places import needs_parentheses, of_literal
from flagtrail.codebase.languages._javascript_values import JSX, bare, constant, field, parts, text
from flagtrail.codebase.shapes import Scalar, Settled
from flagtrail.codebase.source import Edit, Source, descendants

Value = tuple[Scalar] | None

_HOOK = re.compile(rb"(?:\A|\.)use[A-Z]\w*\Z")
_JOINS_CLASSES = frozenset({b"classNames", b"classnames", b"clsx", b"cn", b"cx", b"twJoin", b"twMerge"})
_PLAIN = re.compile(r"[^\s{}<>&'\"\\](?:[^{}<>&'\"\\\n]*[^\s{}<>&'\"\\])?")
_OVER_LINES = frozenset({"arguments", "array", "pair", "variable_declarator"})
_EMPTY = re.compile(rb"\{\s+\}")
_NAME = re.compile(rb"[A-Za-z_$][\w$]*\Z")


def settled(source: Source, place: Node, kept: Node, value: Value) -> Settled | None:
    """What becomes of what stands around `place`, if anything does."""
    kept = bare(kept)
    while place.parent is not None and place.parent.type == "parenthesized_expression":
        place = place.parent
    around = place.parent
    if around is None:
        return None
    literal = constant(kept)
    decided = of_literal(place, kept, literal[0]) if literal is not None else None
    if decided is not None:
        return decided
    if around.type == "jsx_expression":
        return _in_braces(source, around, kept, value)
    if around.type == "spread_element":
        return _spread(source, around, kept, value)
    if around.type == "template_substitution":
        return _substituted(around, kept, value)
    if around.type == "call_expression" and field(around, "function") == place and value is None:
        return _called_alone(place, kept)
    if around.type == "assignment_expression" and text(field(around, "left") or around) == text(kept):
        return _assigned_to_itself(around, place)
    if value is not None:
        return _of_literal(source, around, place, value)
    return _shortened(source, around, kept) or _with_comments(source, around, place, kept)


def _shortened(source: Source, pair: Node, kept: Node) -> Settled | None:
    """`{ size: size }` is `{ size }`, in a file that writes it so."""
    named = pair.type == "pair" and kept.type == "identifier" and text(field(pair, "key") or pair) == text(kept)
    short = (
        named
        and text(kept) != b"__proto__"
        and any(each.type == "shorthand_property_identifier" for each in descendants(source.tree.root_node))
    )
    return Settled(pair.start_byte, pair.end_byte, text=text(kept)) if short else None


def _with_comments(source: Source, around: Node, place: Node, kept: Node) -> Settled | None:
    """What is kept, with the comments right in front of it: beside it, or where a line may end before it."""
    lines, before = [kept], kept.prev_sibling
    while before is not None and before.type == "comment":
        lines, before = [before, *lines], before.prev_sibling
    if len(lines) == 1 or needs_parentheses(kept, place):
        return None
    beside = lines[0].start_point.row == kept.start_point.row
    if not beside and around.type not in _OVER_LINES:
        return None
    if beside or _begins_a_line(source, lines[0]):
        return Settled(place.start_byte, place.end_byte, span=(lines[0].start_byte, kept.end_byte))
    if b"\n" in text(kept) or not _begins_a_line(source, place):
        return None
    joined = (b"\n" + source.indent(place.start_byte)).join(map(text, lines))
    return Settled(place.start_byte, place.end_byte, text=joined)


def _begins_a_line(source: Source, node: Node) -> bool:
    return not source.data[source.line_start(node.start_byte) : node.start_byte].strip()


def _of_literal(source: Source, around: Node, place: Node, value: tuple[Scalar]) -> Settled | None:
    """What becomes of what stands around an answer that nothing else folds."""
    if around.type == "array":
        return _entry(source, around, place, value)
    if around.type == "arguments" and not value[0]:
        return _class(around, place)
    return _first_of_one(around, place) if around.type == "variable_declarator" else None


def _first_of_one(declarator: Node, value: Node) -> Settled | None:
    """`const [enabled] = useFlag(..)`: a hook that answers a list, of which just the flag's answer is taken."""
    pattern = field(declarator, "name")
    names = parts(pattern) if pattern is not None and pattern.type == "array_pattern" else []
    if len(names) != 1 or names[0].type != "identifier" or field(declarator, "type") is not None:
        return None
    return Settled(declarator.start_byte, declarator.end_byte, text=text(names[0]) + b" = " + text(value))


def _called_alone(place: Node, kept: Node) -> Settled | None:
    """`(flag ? a.b : c)()` calls without `this`, which `a.b()` does not."""
    if kept.type not in {"member_expression", "subscript_expression"}:
        return None
    return Settled(place.start_byte, place.end_byte, text=b"(0, " + text(kept) + b")")


def _assigned_to_itself(assignment: Node, place: Node) -> Settled | None:
    """`x = x;`"""
    whole = assignment.parent
    plain = field(assignment, "right") == place and whole is not None and whole.type == "expression_statement"
    name = field(assignment, "left")
    if not plain or whole is None or name is None or name.type != "identifier":
        return None
    return Settled(whole.start_byte, whole.end_byte)


def tidied(before: Source, after: Source) -> Source:
    """Without blanks in braces that became empty: `function f({ }) {}`."""
    edits = [
        Edit(found.start(), found.end(), b"{}")
        for found in _EMPTY.finditer(after.data)
        if found[0] not in before.data and _is_emptied(after, found.start())
    ]
    return after.edited(edits) if edits else after


def _is_emptied(source: Source, at: int) -> bool:
    node = source.tree.root_node.descendant_for_byte_range(at, at + 1)
    braces = node.parent if node is not None else None
    return braces is not None and braces.start_byte == at and braces.type in {"object", "object_pattern"}


def _in_braces(source: Source, braces: Node, kept: Node, value: Value) -> Settled | None:
    outer = braces.parent
    if outer is None:
        return None
    if outer.type in JSX:
        return _child(source, braces, kept, value)
    if outer.type != "jsx_attribute":
        return None
    instead = chosen(outer, truth=bool(value[0])) if value is not None else None
    if instead is not None:
        return instead
    if value == (True,):
        return Settled(parts(outer)[0].end_byte, outer.end_byte, text=b"") if _blank_after(source, outer) else None
    found = _said(kept, value)
    if found is None or re.search(r"[\"'\\&\n{}]", found):
        return None
    return Settled(braces.start_byte, braces.end_byte, text=_quote(source) + found.encode() + _quote(source))


def _said(kept: Node, value: Value) -> str | None:
    """The text that is kept, where it is one."""
    found = value if value is not None else constant(kept) if kept.type == "string" else None
    return found[0] if found is not None and isinstance(found[0], str) else None


def _blank_after(source: Source, attribute: Node) -> bool:
    """Whether cutting the end of an attribute leaves it apart from what follows."""
    return source.data[attribute.end_byte : attribute.end_byte + 1] in (b" ", b"\n", b"\r", b"\t", b">", b"/")


def _quote(source: Source) -> bytes:
    """The quotes of this file's attributes."""
    double, single = len(re.findall(rb'\w="', source.data)), len(re.findall(rb"\w='", source.data))
    return b"'" if single > double else b'"'


def _child(source: Source, braces: Node, kept: Node, value: Value) -> Settled | None:
    """A child of an element. Blanks beside it that only the braces kept from being dropped must not be dropped now."""
    value = value if value is not None else constant(kept)
    if value is not None and (value[0] is None or isinstance(value[0], bool)):
        return None if keeps_blanks(braces) else _without(braces)
    if kept.type in JSX:
        alone = _sole_of_fragment(braces)
        if alone is not None:
            return Settled(alone.start_byte, alone.end_byte, span=(kept.start_byte, kept.end_byte))
        return Settled(braces.start_byte, braces.end_byte, span=_without_fragment(source, braces, kept))
    found = _said(kept, value)
    if found is None or not _PLAIN.fullmatch(found) or _beside_text(braces):
        return None
    return Settled(braces.start_byte, braces.end_byte, text=found.encode())


def _without(braces: Node) -> Settled:
    """Without a child; and without the fragment around it, if one element is left in it."""
    fragment = braces.parent
    rest = [each for each in _shown(fragment) if each != braces] if fragment is not None and _plain(fragment) else []
    if fragment is not None and len(rest) == 1 and rest[0].type in JSX:
        return Settled(fragment.start_byte, fragment.end_byte, span=(rest[0].start_byte, rest[0].end_byte))
    return Settled(braces.start_byte, braces.end_byte)


def _sole_of_fragment(braces: Node) -> Node | None:
    """The fragment that holds nothing else."""
    fragment = braces.parent
    return fragment if fragment is not None and _plain(fragment) and _shown(fragment) == [braces] else None


def _plain(element: Node) -> bool:
    """Whether an element is `<>..</>`."""
    opening = field(element, "open_tag")
    return element.type == "jsx_element" and opening is not None and field(opening, "name") is None


def _shown(element: Node) -> list[Node]:
    """The children of an element, without blanks between lines."""
    return [
        child
        for child in element.named_children
        if child.type not in {"jsx_opening_element", "jsx_closing_element", "comment"}
        and not (child.type == "jsx_text" and not text(child).strip() and b"\n" in text(child))
    ]


def _without_fragment(source: Source, braces: Node, element: Node) -> tuple[int, int]:
    """The children of `<>..</>`, which need no fragment among other children; the element itself where it is none."""
    opening, closing = field(element, "open_tag"), field(element, "close_tag")
    if element.type != "jsx_element" or opening is None or closing is None or field(opening, "name") is not None:
        return element.start_byte, element.end_byte
    inside = source.data[opening.end_byte : closing.start_byte]
    head, tail = inside[: len(inside) - len(inside.lstrip())], inside[len(inside.rstrip()) :]
    if not inside.strip() or b"\n" not in head or b"\n" not in tail or _beside_text(braces):
        return element.start_byte, element.end_byte
    return opening.end_byte + len(head), closing.start_byte - len(tail)


def _beside_text(braces: Node) -> bool:
    """Whether text stands beside a child on another line, where a line's end would become a blank."""
    before, after = text_before(braces), text_after(braces)
    return (bool(before.strip()) and b"\n" in before[len(before.rstrip()) :]) or (
        bool(after.strip()) and b"\n" in after[: len(after) - len(after.lstrip())]
    )


def _spread(source: Source, spread: Node, kept: Node, value: Value) -> Settled | None:
    around = spread.parent
    if around is None:
        return None
    if around.type == "jsx_expression":
        return _spread_attributes(source, around, kept, value)
    nothing = value is not None and not isinstance(value[0], str)
    if around.type == "object" and nothing:
        return Settled(*listed(spread))
    if kept.type == "array" and around.type in {"array", "arguments"}:
        return _inlined(source, spread, kept)
    if kept.type == "object" and around.type == "object" and not _repeats(around, kept):
        return _inlined(source, spread, kept)
    return None


def _inlined(source: Source, spread: Node, kept: Node) -> Settled:
    """The elements of a literal in place of its spread."""
    if not parts(kept):
        return Settled(*listed(spread))
    inside = source.data[kept.start_byte + 1 : kept.end_byte - 1]
    start = kept.start_byte + 1 + len(inside) - len(inside.lstrip())
    inside = inside.rstrip()
    end = kept.start_byte + 1 + len(inside.removesuffix(b",").rstrip())
    return Settled(spread.start_byte, spread.end_byte, span=(start, end))


def _repeats(around: Node, kept: Node) -> bool:
    """Whether a key would stand twice in one literal, which TypeScript refuses."""
    mine, others = _keys(kept), _keys(around)
    return mine is None or others is None or bool(mine & others)


def _keys(literal: Node) -> set[bytes] | None:
    found = set()
    for element in parts(literal):
        if element.type == "spread_element":
            continue
        key = field(element, "key") or field(element, "name") or element
        if key.type == "computed_property_name":
            return None
        found.add(text(key).strip(b"'\""))
    return found


def _spread_attributes(source: Source, braces: Node, kept: Node, value: Value) -> Settled | None:
    """`{...{ a: 1, b }}` in a tag is `a={1} b={b}`."""
    before = braces.prev_sibling
    nothing = (value is not None and not isinstance(value[0], str)) or (kept.type == "object" and not parts(kept))
    if nothing and before is not None:
        return Settled(before.end_byte, braces.end_byte)
    if kept.type != "object":
        return None
    attributes = [_attribute(source, element) for element in parts(kept)]
    if any(not attribute for attribute in attributes):
        return None
    return Settled(braces.start_byte, braces.end_byte, text=b" ".join(attributes))


def _attribute(source: Source, element: Node) -> bytes:
    if element.type == "shorthand_property_identifier":
        return text(element) + b"={" + text(element) + b"}"
    if element.type == "spread_element":
        return b"{" + text(element) + b"}"
    key, value = field(element, "key"), field(element, "value")
    if element.type != "pair" or key is None or value is None or not _NAME.match(text(key)) or b"\n" in text(value):
        return b""
    if value.type == "string" and _PLAIN.fullmatch(text(value)[1:-1].decode()):
        return text(key) + b"=" + _quote(source) + text(value)[1:-1] + _quote(source)
    return text(key) + (b"" if value.type == "true" else b"={" + text(value) + b"}")


def _substituted(substitution: Node, kept: Node, value: Value) -> Settled | None:
    """`${'a'}` in a template is `a`."""
    found = _said(kept, value)
    if found is None or re.search(r"[`\\$]", found):
        return None
    if not found:
        return Settled(substitution.start_byte, substitution.end_byte, span=(kept.start_byte, kept.start_byte))
    return Settled(substitution.start_byte, substitution.end_byte, text=found.encode())


def _entry(source: Source, array: Node, place: Node, value: tuple[Scalar]) -> Settled | None:
    """A constant among the dependencies of a hook, or a false one that `.filter(Boolean)` drops."""
    around = array.parent
    if around is None:
        return None
    called = around.parent and field(around.parent, "function")
    if around.type == "arguments" and called is not None and _HOOK.search(text(called)):
        first, last = parts(around)[0], parts(around)[-1]
        if last == array and first != array and first.type in {"arrow_function", "function_expression", "identifier"}:
            return Settled(*_within(source, place))
    filters = around.type == "member_expression" and text(field(around, "property") or around) == b"filter"
    call = around.parent
    arguments = field(call, "arguments") if filters and call is not None else None
    if arguments is not None and text(arguments) == b"(Boolean)" and not value[0]:
        return Settled(*_within(source, place))
    return None


def _class(arguments: Node, place: Node) -> Settled | None:
    """A false argument of what joins the names of classes."""
    call = arguments.parent
    called = call and field(call, "function")
    if called is None or text(called) not in _JOINS_CLASSES or len(parts(arguments)) == 1:
        return None
    return Settled(*listed(place))


def _within(source: Source, place: Node) -> tuple[int, int]:
    """The bytes of an entry, and of the comma that stands alone behind it."""
    start, end = listed(place)
    alone = place.parent is not None and len(parts(place.parent)) == 1
    rest = source.data[end : source.line_end(end)]
    return start, end + (len(rest) - len(rest.lstrip(b", "))) if alone and rest[:1] == b"," else end
