"""Java: what a file declares and could do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from tree_sitter import Node

from flagtrail.codebase.languages._java_names import (
    METHODS,
    TYPES,
    annotated_with,
    documented,
    is_imported_name,
    modifiers,
    one_of,
    overrides,
    scope_of,
)
from flagtrail.codebase.languages._java_statements import named, text
from flagtrail.codebase.languages._jvm import CONTEXTS, GETTER, PROVIDERS
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source, descendants


def definitions(source: Source) -> Iterator[Definition]:
    """Every name that a file binds and that could be removed."""
    for node in descendants(source.tree.root_node):
        if node.type == "import_declaration":
            yield from _imported(node)
        elif node.type in ("local_variable_declaration", "field_declaration"):
            yield from _variables(node)
        elif node.type in METHODS or node.type in TYPES:
            yield from _declaration(node)
        elif node.type == "enum_constant":
            yield from _enum_constant(node)
        elif node.type in ("formal_parameter", "spread_parameter"):
            yield from _parameter(node)


def _imported(node: Node) -> Iterator[Definition]:
    path = named(node)[0]
    name = path.child_by_field_name("name")
    if name is None or not is_imported_name(name):
        return
    static = any(child.type == "static" for child in node.children)
    scope = path.child_by_field_name("scope")
    origin = text(scope if static and scope is not None else path).decode()
    yield Definition("import", name, (node.start_byte, node.end_byte), "file", origin=origin)


def _variables(statement: Node) -> Iterator[Definition]:
    declarators = statement.children_by_field_name("declarator")
    words = modifiers(statement)
    local = statement.type == "local_variable_declaration"
    if not local and _is_in_generated_constructor(statement, words):
        return
    constant = not local and ({b"static", b"final"} <= words or _in_interface(statement))
    for index, declarator in enumerate(declarators):
        name, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
        if name is None:
            continue
        removal = one_of(declarators, index, statement)
        if len(declarators) == 1 and not local:
            removal = documented(statement)
        yield Definition(
            "variable" if local else "constant" if constant else "field",
            name,
            removal,
            "local" if local else "file" if b"private" in words else "repository",
            pure=(value is None or is_plain(value)) and not annotated_with(statement),
            scope=scope_of(statement) if local else None,
        )


def _is_in_generated_constructor(field: Node, words: frozenset[bytes]) -> bool:
    """Whether Lombok makes a constructor that takes the field: without it, every `new` of the class would be wrong."""
    owner = field.parent.parent if field.parent is not None else None
    return owner is not None and b"static" not in words and bool(annotated_with(owner) & _CONSTRUCTED)


_CONSTRUCTED = frozenset(b"RequiredArgsConstructor AllArgsConstructor Data Value Builder SuperBuilder".split())


def is_plain(node: Node) -> bool:
    """Whether a value is made of names and literals, or by what only makes a value: taking it out drops nothing."""
    context = _is_of_context(node)
    doing = (each for each in descendants(node) if each.type in _DOING and not _only_makes(each))
    return all(context and (_is_of_context(each) or _is_getter(each)) for each in doing)


def _is_of_context(node: Node) -> bool:
    """Whether a call or `new` makes what an evaluation is given: `LDContext.builder(user.getId()).build()`."""
    while (owner := node.child_by_field_name("object")) is not None and node.type == "method_invocation":
        node = owner
    made = node.child_by_field_name("type") if node.type == "object_creation_expression" else node
    return made is not None and text(made) in CONTEXTS


def _is_getter(node: Node) -> bool:
    name, arguments = node.child_by_field_name("name"), node.child_by_field_name("arguments")
    reads = node.type == "method_invocation" and arguments is not None and not named(arguments)
    return reads and name is not None and GETTER.fullmatch(text(name)) is not None


def _only_makes(node: Node) -> bool:
    """Whether a call or `new` makes a value and does nothing else."""
    if node.type == "object_creation_expression":
        kind = node.child_by_field_name("type")
        bare = not any(child.type == "class_body" for child in node.children)
        return bare and kind is not None and text(kind).split(b"<")[0] in _MADE
    owner, name = node.child_by_field_name("object"), node.child_by_field_name("name")
    return (
        node.type == "method_invocation"
        and owner is not None
        and name is not None
        and (text(owner) + b"." + text(name) in _MAKERS)
    )


_DOING = frozenset({"method_invocation", "object_creation_expression", "assignment_expression", "update_expression"})
_MADE = frozenset(
    b"ArrayList HashMap HashSet LinkedHashMap LinkedHashSet TreeMap TreeSet ConcurrentHashMap Object "
    b"AtomicBoolean AtomicInteger AtomicLong AtomicReference StringBuilder ReentrantLock".split()
)
_MAKERS = frozenset(
    b"List.of Set.of Map.of Arrays.asList Collections.emptyList Collections.emptyMap Collections.emptySet "
    b"Pattern.compile Duration.ofSeconds Duration.ofMinutes Duration.ofHours Duration.ofDays "
    b"Duration.ofMillis Optional.empty Optional.of BigDecimal.valueOf Integer.valueOf Long.valueOf "
    b"Boolean.valueOf String.valueOf LoggerFactory.getLogger Logger.getLogger".split()
)
"""What makes a value and does nothing else."""


def _in_interface(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "interface_body"


def _declaration(node: Node) -> Iterator[Definition]:
    name = node.child_by_field_name("name")
    if name is None or node.type in ("constructor_declaration", "compact_constructor_declaration"):
        return
    words = modifiers(node)
    if node.type == "method_declaration":
        if overrides(node, words) or annotated_with(node) or text(name) == b"main":
            return
        yield Definition("function", name, documented(node), "file" if b"private" in words else "repository")
        return
    local = node.parent is not None and node.parent.type == "block"
    reach: Literal["local", "file", "repository"] = (
        "local" if local else "file" if b"private" in words else "repository"
    )
    yield Definition("class", name, documented(node), reach, pure=not annotated_with(node))


def _enum_constant(node: Node) -> Iterator[Definition]:
    name, body = node.child_by_field_name("name"), node.parent
    if name is None or body is None or body.parent is None:
        return
    constants = [child for child in body.named_children if child.type == "enum_constant"]
    if len(constants) < 2:  # noqa: PLR2004 - an enum without constants is no use to anybody
        return
    start, end = documented(node)
    index = constants.index(node)
    if index + 1 < len(constants):
        comma = node.next_sibling
        end = comma.end_byte if comma is not None and comma.type == "," else end
    elif node.next_sibling is None or node.next_sibling.type != ",":
        start = constants[index - 1].end_byte
    private = b"private" in modifiers(body.parent)
    yield Definition("member", name, (start, end), "file" if private else "repository")


def _parameter(node: Node) -> Iterator[Definition]:
    owner = node.parent.parent if node.parent is not None else None
    name = node.child_by_field_name("name")
    if (
        owner is None
        or node.parent is None
        or name is None
        or owner.type not in ("method_declaration", "constructor_declaration")
    ):
        return
    words = modifiers(owner)
    if owner.type == "method_declaration" and overrides(owner, words) and not _is_provider(owner):
        return
    parameters = named(node.parent)
    index = parameters.index(node)
    alone = len(parameters) == 1
    removal = (node.start_byte, node.end_byte) if alone else one_of(parameters, index, node)
    yield Definition("parameter", name, removal, "file" if b"private" in words else "repository", scope=owner)


def _is_provider(method: Node) -> bool:
    """Whether a container calls a method with whatever it asks for, and no supertype demands it."""
    owner = method.parent.parent if method.parent is not None else None
    bare = owner is not None and not any(owner.child_by_field_name(each) for each in ("superclass", "interfaces"))
    return bare and bool(annotated_with(method) & PROVIDERS) and b"Override" not in annotated_with(method)
