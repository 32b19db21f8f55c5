"""Java: what the compiler refuses of exceptions: above all a `catch` of a checked one that nothing can throw any more.

What a method throws is known of those in the same file alone. Of others it is taken that what replaced each other
throws the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase.languages._java_statements import jumps, named, text
from flagtrail.codebase.source import Source, ancestors, descendants

_TRIES = frozenset({"try_statement", "try_with_resources_statement"})
_UNCHECKED = (b"RuntimeException", b"Error", b"Throwable", b"OutOfBoundsException", b"StatusException")
_KNOWN = frozenset(
    b"Exception IllegalArgumentException IllegalStateException NullPointerException "
    b"UnsupportedOperationException NumberFormatException ClassCastException ArithmeticException "
    b"NoSuchElementException ConcurrentModificationException DateTimeException DateTimeParseException "
    b"SecurityException UncheckedIOException CompletionException CancellationException "
    b"RejectedExecutionException DataAccessException RestClientException HttpClientErrorException "
    b"HttpServerErrorException JsonSyntaxException FeignException".split()
)
_OFTEN_CHECKED = frozenset({b"ExecutionException", b"ReflectiveOperationException"})


def objection(before: Source, made: Source, at: int) -> str:
    """Why the compiler might refuse what an edit at a byte made of a `try`; empty if it would not."""
    inner = made.tree.root_node.descendant_for_byte_range(at, at)
    for new in (inner, *ancestors(inner)) if inner is not None else ():
        if _is_initializer(new) and any(jumps(each) for each in named(named(new)[-1] if new.type != "block" else new)):
            return "an initializer would always throw, which the compiler refuses"
        if new.type in _TRIES:
            old = _same(before, new)
            caught = [name for name in _caught(new) if not _is_unchecked(name)]
            if old is not None and caught and not _may_throw(made, old, new):
                return f"{caught[0].decode()} might not be thrown any more, which the compiler refuses"
    return ""


def _is_initializer(node: Node) -> bool:
    """`static { .. }` of a class, or `{ .. }`."""
    block = node.type == "block" and node.parent is not None and node.parent.type == "class_body"
    return block or node.type == "static_initializer"


def _same(before: Source, new: Node) -> Node | None:
    inner = before.tree.root_node.descendant_for_byte_range(new.start_byte, new.start_byte)
    line = (inner, *ancestors(inner)) if inner is not None else ()
    return next((node for node in line if node.type == new.type and node.start_byte == new.start_byte), None)


def _caught(node: Node) -> Iterator[bytes]:
    for clause in node.children:
        if clause.type == "catch_clause":
            kinds = [each for each in descendants(clause.children[2]) if each.type == "catch_type"]
            yield from (text(kind).rsplit(b".", 1)[-1] for each in kinds for kind in named(each))


def _is_unchecked(name: bytes) -> bool:
    return name in _KNOWN or (name.endswith(_UNCHECKED) and name not in _OFTEN_CHECKED)


def _may_throw(made: Source, old: Node, new: Node) -> bool:
    throws = _throwing(made.tree.root_node)
    was, left = Counter(_thrown(old)), Counter(_thrown(new))
    lost = was - left
    if not lost or any(throws.get(each) for each in left) or all(throws.get(each) is False for each in lost):
        return True
    return not any(throws.get(each) for each in lost) and any(throws.get(each) is None for each in left)


def _thrown(node: Node) -> Iterator[bytes]:
    """The names of all that a `try` calls, makes or throws; `throw` for the last."""
    body, resources = node.child_by_field_name("body"), node.child_by_field_name("resources")
    for part in (body, resources):
        for each in descendants(part) if part is not None else ():
            name = each.child_by_field_name({"method_invocation": "name"}.get(each.type, "type"))
            if each.type in ("method_invocation", "object_creation_expression") and name is not None:
                yield text(name)
            elif each.type == "throw_statement":
                yield b"throw"


def _throwing(root: Node) -> Mapping[bytes, bool]:
    """For each method and constructor of the file, whether it declares that it throws."""
    found: dict[bytes, bool] = {b"throw": True}
    for node in descendants(root):
        name = node.child_by_field_name("name")
        if node.type in ("method_declaration", "constructor_declaration") and name is not None:
            throws = any(child.type == "throws" for child in node.children)
            found[text(name)] = found.get(text(name), False) or throws
    return found
