"""TypeScript and JavaScript, with JSX: `.ts .tsx .mts .cts`, and `.js .jsx .mjs .cjs` by JavaScript's own grammar.

Of 1,200 files of JavaScript as npm ships them, TypeScript's grammars could not read two and JavaScript's one; and
TypeScript's read `f(a < b, c > (d))` as a call with type arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import PurePosixPath
from typing import ClassVar, Literal

import tree_sitter_javascript
import tree_sitter_typescript
from tree_sitter import Language as Grammar
from tree_sitter import Node, Parser, Tree

from flagtrail.codebase.languages import _javascript_bindings as bindings_of
from flagtrail.codebase.languages import _javascript_definitions as definitions_of
from flagtrail.codebase.languages import _javascript_elements as elements
from flagtrail.codebase.languages import _javascript_fields as fields
from flagtrail.codebase.languages import _javascript_functions as functions
from flagtrail.codebase.languages import _javascript_names as names_of
from flagtrail.codebase.languages import _javascript_places as places
from flagtrail.codebase.languages import _javascript_promises as promises
from flagtrail.codebase.languages import _javascript_properties as properties_of
from flagtrail.codebase.languages import _javascript_settings as settings
from flagtrail.codebase.languages import _javascript_settled as settlements
from flagtrail.codebase.languages import _javascript_statements as statements
from flagtrail.codebase.languages import _javascript_values as values
from flagtrail.codebase.languages import _origins, _signatures
from flagtrail.codebase.languages._braces import Braces
from flagtrail.codebase.languages._javascript_loading import Loading
from flagtrail.codebase.languages._javascript_semicolons import separated
from flagtrail.codebase.languages._javascript_values import field, operator, parts, text, uncast
from flagtrail.codebase.languages._relations import Find
from flagtrail.codebase.shapes import (
    Argument,
    Binding,
    Call,
    Conditional,
    Definition,
    Equality,
    Function,
    Given,
    Role,
    Scalar,
    Settled,
    Signature,
    Stub,
    Taken,
    TakenApart,
    Texts,
)
from flagtrail.codebase.source import Source, ancestors, parsed

_TYPESCRIPT = (".ts", ".mts", ".cts")
_JAVASCRIPT = (".js", ".jsx", ".mjs", ".cjs")
_HEADS = frozenset({"do_statement", "if_statement", "switch_statement", "while_statement", "with_statement"})
_NO_BOOLEAN = names_of.VALUE


@cache
def _parser(suffix: str) -> Parser:
    if suffix in _JAVASCRIPT:
        return Parser(Grammar(tree_sitter_javascript.language()))
    if suffix in _TYPESCRIPT:
        return Parser(Grammar(tree_sitter_typescript.language_typescript()))
    return Parser(Grammar(tree_sitter_typescript.language_tsx()))


class TypeScript(Braces):
    """Both languages: what differs in the two grammars' trees is read here."""

    NAME: ClassVar[str] = "typescript"
    SUFFIXES: ClassVar[tuple[str, ...]] = (*_TYPESCRIPT, ".tsx", *_JAVASCRIPT)
    NAMES: ClassVar[frozenset[str]] = names_of.NAMES
    VERBATIM: ClassVar[frozenset[str]] = frozenset({"string", "template_string"})
    HERITAGE: ClassVar[frozenset[str]] = frozenset({"class_heritage"})
    BLOCKS: ClassVar[frozenset[str]] = frozenset({"program", "statement_block", "switch_case", "switch_default"})
    HEADS: ClassVar[frozenset[str]] = _HEADS

    def parse(self, data: bytes, path: str, old: Tree | None = None) -> Tree:
        """The tree, by the grammar that the suffix asks for."""
        return parsed(_parser(PurePosixPath(path).suffix), data, old)

    def source(self, path: str, data: bytes) -> Source:
        """A file, in which lines that no semicolon ends stay apart."""
        return Source.read(path, data, lambda data, old: self.parse(data, path, old), separated)

    def constant(self, node: Node) -> tuple[Scalar] | None:
        """What a literal denotes."""
        return values.constant(node)

    def inner(self, node: Node) -> Node | None:
        """What parentheses group; they stay where a comment stands in them."""
        return None if any(child.type == "comment" for child in node.named_children) else super().inner(node)

    def conditional(self, node: Node) -> Conditional | None:
        """`a ? b : c`."""
        if node.type != "ternary_expression":
            return None
        condition, then, otherwise = (field(node, name) for name in ("condition", "consequence", "alternative"))
        return Conditional(condition, then, otherwise) if condition and then and otherwise else None

    def equality(self, node: Node) -> Equality | None:
        """`===`, `!==`, and `==`, `!=` where no value would be converted; `['a', 'b'].includes(x)`."""
        if node.type == "call_expression":
            return self._included(node)
        sign = operator(node) if node.type == "binary_expression" else b""
        left, right = field(node, "left"), field(node, "right")
        if sign not in {b"===", b"!==", b"==", b"!="} or left is None or right is None:
            return None
        left, right = uncast(left), uncast(right)
        if sign in {b"==", b"!="} and (_converts(left, right) or _converts(right, left)):
            return None
        return Equality(sign[:1] == b"!", left, right, exact=len(sign) == len(b"==="))

    def _included(self, node: Node) -> Equality | None:
        call = self.call(node)
        if call is None or call.receiver is None or text(call.name) != b"includes" or len(call.arguments) != 1:
            return None
        listed = uncast(call.receiver)
        if listed.type != "array" or not all(values.constant(element) for element in parts(listed)):
            return None
        return Equality(negated=False, left=call.arguments[0].value, one_of=tuple(parts(listed)), exact=True)

    def fallback(self, node: Node) -> tuple[Node, Node] | None:
        """`left ?? right`."""
        if node.type != "binary_expression" or operator(node) != b"??":
            return None
        left, right = field(node, "left"), field(node, "right")
        return (left, right) if left and right else None

    def transparent(self, node: Node) -> Node | None:
        """`await x`, `x!`, `x as boolean`, `Boolean(x)`. What else a cast says stays said where it is read."""
        if node.type in {"await_expression", "non_null_expression"}:
            return next(iter(parts(node)), None)
        if node.type in values.CASTS:
            said = values.casts_to_boolean(node) or places.decides(node) or self.in_condition(node)
            return uncast(node) if said and text(uncast(node)) != _NO_BOOLEAN else None
        if node.type == "call_expression" and (called := field(node, "function")) and text(called) == b"Boolean":
            arguments = parts(field(node, "arguments") or node)
            return arguments[0] if len(arguments) == 1 and values.boolean(arguments[0]) else None
        return None

    def call(self, node: Node) -> Call | None:
        """`f(..)`, `a.f(..)`, `a?.f(..)`, `a.f?.(..)`, with type arguments or without."""
        if node.type in {"jsx_element", "jsx_self_closing_element"}:
            return elements.as_call(node)
        called, given = field(node, "function"), field(node, "arguments")
        if node.type != "call_expression" or called is None or given is None or given.type != "arguments":
            return None
        called = uncast(called)
        receiver, name = None, called
        if called.type == "member_expression":
            receiver, name = field(called, "object"), field(called, "property") or called
        if name.type not in self.NAMES:
            return None
        return Call(node, name, receiver, tuple(_argument(argument) for argument in parts(given)))

    promised = staticmethod(promises.is_used)

    def member(self, node: Node) -> tuple[Node, Node] | None:
        """`object.name` and `object['name']`."""
        found, name = field(node, "object"), field(node, "property") or field(node, "index")
        if node.type == "subscript_expression" and (name is None or name.type != "string"):
            return None
        if node.type not in {"member_expression", "subscript_expression"} or found is None or name is None:
            return None
        return found, name

    def lookup(self, node: Node) -> tuple[Node, Node] | None:
        """`object[key]`."""
        found, key = field(node, "object"), field(node, "index")
        return (found, key) if found is not None and key is not None else None

    def setting(self, name: Node) -> tuple[tuple[int, int], Node] | None:
        """An entry of an object that is called flags, or like it."""
        return settings.setting(name)

    def entry(self, source: Source, key: Node) -> tuple[int, int] | None:  # noqa: ARG002 - a key is enough
        """The same, for what is no constant of its own."""
        found = settings.setting(key)
        return found[0] if found is not None and values.constant(found[1]) is not None else None

    def unlike_a_flag(self, name: Node) -> bool:
        """`newUi(..) {..}`, `newUi: string`, `newUi: { .. }`."""
        return settings.unlike_a_flag(name)

    pure = staticmethod(values.pure)
    boolean = staticmethod(values.boolean)

    def settled(self, source: Source, place: Node, kept: Node, value: tuple[Scalar] | None) -> Settled | None:
        """Braces of JSX, spreads of literals, entries of a hook's dependencies; what only its truth is asked of."""
        found = values.constant(values.bare(kept)) if value is None else None
        if found is not None and self.in_condition(place):
            return Settled(place.start_byte, place.end_byte, text=b"__FF_T__" if found[0] else b"__FF_F__")
        compared = places.of_compared(place, kept, found[0], typed=_typed(place)) if found is not None else None
        return compared or settlements.settled(source, place, kept, value)

    def in_condition(self, node: Node) -> bool:
        """Whether only an expression's truth matters where it stands."""
        at = node
        while (parent := at.parent) is not None:
            if parent.type == "parenthesized_expression":
                if parent.parent is not None and parent.parent.type in _HEADS - {"switch_statement", "with_statement"}:
                    return True
            elif parent.type == "unary_expression":
                return operator(parent) == b"!"
            elif parent.type == "ternary_expression":
                if field(parent, "condition") == at:
                    return True
            elif parent.type == "for_statement":
                return field(parent, "condition") == at or (parent.children[0] != at and _condition_of(parent, at))
            elif parent.type == "arguments":
                return parent.parent is not None and text(field(parent.parent, "function") or parent) == b"Boolean"
            elif parent.type != "binary_expression" or operator(parent) not in {b"&&", b"||"}:
                return False
            at = parent
        return False

    def needs_parentheses(self, node: Node, place: Node) -> bool:
        """Whether `node` in place of `place` would bind otherwise."""
        return places.needs_parentheses(node, place)

    switch = staticmethod(statements.switch)
    loop = staticmethod(statements.loop)

    def statement(self, node: Node) -> Node | None:
        """The statement of an expression alone."""
        at = node
        while at.parent is not None and at.parent.type == "parenthesized_expression":
            at = at.parent
        return at.parent if at.parent is not None and at.parent.type == "expression_statement" else None

    jumps = staticmethod(statements.jumps)
    holder = staticmethod(statements.holder)
    prepares = staticmethod(statements.prepares)
    idle = staticmethod(statements.idle)
    must_stay = staticmethod(statements.must_stay)

    def scoped_names(self, body: Node) -> Iterable[Node]:
        """What a block declares but for `var`."""
        return functions.scoped_names(body)

    def role(self, node: Node) -> Role:
        """What a name stands for."""
        return names_of.role(node)

    def bindings(self, node: Node) -> Iterable[Binding]:
        """The variables that a statement binds or assigns to."""
        return bindings_of.bindings(node)

    def taken_apart(self, node: Node) -> Iterable[TakenApart]:
        """`const { a, b: c = 1 } = value`."""
        return bindings_of.taken_apart(node)

    def parted(self, value: Node) -> bool:
        """`const { a } = value`, `[...value]`, `for (const each of value)`."""
        return bindings_of.parted(value)

    def rendered(self, call: Call, *, truth: bool) -> Settled | None:
        """The children of an element, or what its attribute `fallback` holds."""
        return elements.rendered(call.node, truth=truth)

    means = staticmethod(names_of.means)

    def substituted(self, source: Source, read: Node, text: bytes) -> tuple[int, int, bytes]:
        """Nothing stands in the place of a name that is exported: `export { on }`."""
        exported = read.parent is not None and read.parent.type == "export_specifier"
        return (read.start_byte, read.start_byte, b"") if exported else super().substituted(source, read, text)

    def written(self, node: Node, value: Scalar) -> tuple[int, int, bytes]:
        """A text in the quotes of the file; where its type would be too narrow to be compared, as a wider one."""
        written = self.literal(value)
        if isinstance(value, bool) and _typed(node):
            if places.switched(node):
                written += b" as boolean"
            elif places.compared(node) or places.narrows(node):
                written = b"(" + written + b" as boolean)"
        elif isinstance(value, str):
            written = places.quoted(node, written, typed=_typed(node))
        return node.start_byte, node.end_byte, written

    def tidied(self, before: Source, after: Source) -> Source:
        """Without blanks in braces that became empty."""
        return settlements.tidied(before, after)

    def objection(self, before: Source, made: Source, at: int, texts: Texts) -> str:  # noqa: ARG002 - the door's
        """A `var` is known in its whole function, also where its branch is never taken; types are of variables."""
        objection = statements.lost_variable(before, made) or statements.typed_by(made)
        return objection or (statements.of_nothing(before, made) if _typed(made.tree.root_node) else "")

    def reach(self, binding: Binding) -> Literal["local", "file", "repository"]:
        """Who can name the variable: other files where it is exported."""
        return definitions_of.reach_of_variable(binding)

    def function(self, node: Node) -> Function | None:
        """A named function or method."""
        return functions.function(node)

    def is_member(self, function: Node) -> bool:
        """Whether it is a method, or a field of a class that holds a function."""
        return function.parent is not None and function.parent.type in {"class_body", "object"}

    def definitions(self, source: Source) -> Iterable[Definition]:
        """Every name that could be removed."""
        return definitions_of.definitions(source)

    looks_up = staticmethod(names_of.looks_up)

    def is_set(self, name: Node) -> bool:
        """`this.name = value`."""
        return fields.is_set(name)

    def unassigned(self, name: Node) -> tuple[int, int, bytes] | None:
        """Without `this.name = value`."""
        return fields.unset(name)

    def could_be(self, definition: Definition, name: Node) -> bool:
        """Whether a name that is looked up is `this.name`, or may be."""
        return definition.scope is None or fields.could_be(definition.scope, name)

    def signature(self, parameter: Node) -> Signature | None:
        """A function with a name; of a constructor it is the class."""
        return _signatures.signature(parameter, _signatures.JAVASCRIPT)

    def taken(self, source: Source) -> Iterable[Taken]:
        """`({ a, b }: Props) => ..`."""
        return properties_of.taken(source)

    def given(self, call: Call, place: int, key: bytes) -> Given | None:
        """`a={..}` of an element, `a: ..` of an object."""
        return properties_of.given(call, place, key)

    def acts(self, source: Source, statement: Node, find: Find) -> bool:
        """Whether what it calls does something."""
        return Loading(source, find).acts(statement)

    def closes(self, name: Node) -> bool:
        """`</Page>`."""
        return name.parent is not None and name.parent.type == "jsx_closing_element"

    def construction(self, node: Node) -> Call | None:
        """`new X(..)`."""
        made = _signatures.creation(node)
        return Call(node, made[0], None, tuple(_argument(each) for each in made[1])) if made is not None else None

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:  # noqa: ARG002 - by the module alone
        """`./old.ts`, `./old/index.ts` and the like of `./old`."""
        return _origins.of_javascript(path, origin)

    def test_case(self, node: Node) -> tuple[int, int] | None:
        """The test around a node."""
        return statements.test_case(node)

    helper = staticmethod(settings.helper)
    set_to = staticmethod(settings.set_to)
    is_title = staticmethod(statements.is_title)
    of_table = staticmethod(statements.of_table)

    def stub(self, node: Node) -> Stub | None:
        """What a mock is told to answer."""
        return statements.stub(node)


@cache
def _plain() -> int:
    """What the root of a tree is called by JavaScript's own grammar, which tells it from TypeScript's."""
    return _parser(".js").parse(b"").root_node.kind_id


def _typed(node: Node) -> bool:
    return [node, *ancestors(node)][-1].kind_id != _plain()


def _argument(node: Node) -> Argument:
    if node.type == "spread_element":
        return Argument(parts(node)[0], spread=True)
    return Argument(node)


def _condition_of(loop: Node, node: Node) -> bool:
    return loop.children_by_field_name("condition")[:1] == [node]


def _converts(left: Node, right: Node) -> bool:
    """Whether `left == right` could hold though they are of different types: all but null, booleans and plain texts."""
    if text(right) == _NO_BOOLEAN:
        return left.type != "string"
    found = values.constant(right)
    if found is None or found[0] is None or isinstance(found[0], bool):
        return False
    return not isinstance(found[0], str) or not found[0].strip() or found[0].strip()[0] in "0123456789+-.I"


LANGUAGE = TypeScript()
