"""Java: what the compiler refuses of exceptions: above all a `catch` of a checked one that nothing can throw any more.

What a method throws is known of those that the repository declares, and of some of Java's own. Of others it is taken
that what replaced each other throws the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase.languages._java_statements import jumps, named, text
from flagtrail.codebase.shapes import Texts
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
_ANY = frozenset({b"Exception", b"Throwable"})
_OF_JAVA: Mapping[bytes, frozenset[bytes]] = {
    method: frozenset({kind} if kind else ())
    for kind, methods in {
        b"IOException": b"read readLine readAllBytes readAllLines readString write writeString newBufferedReader "
        b"newBufferedWriter newInputStream newOutputStream createFile createDirectory createDirectories createTempFile "
        b"deleteIfExists openStream openConnection getInputStream getOutputStream close flush skip transferTo "
        b"FileReader FileWriter FileInputStream FileOutputStream",
        b"InterruptedException": b"sleep await acquire invokeAll",
        b"SQLException": b"executeQuery executeUpdate prepareStatement createStatement getConnection",
        b"ClassNotFoundException": b"forName loadClass",
        b"": b"trace debug info warn error println printf print add addAll put contains containsKey isEmpty size "
        b"length equals hashCode toString format valueOf",
    }.items()
    for method in methods.split()
}
"""What methods and constructors of Java's own throw, by their names."""
_QUIET = frozenset({b"StringReader", b"Scanner", b"Stream", b"PrintWriter", b"PrintStream"})
"""What throws nothing when it is closed."""
_Throws = Callable[[bytes], frozenset[bytes] | None]


def objection(before: Source, made: Source, at: int, texts: Texts) -> str:
    """Why the compiler might refuse what an edit at a byte made of a `try`; empty if it would not."""
    inner = made.tree.root_node.descendant_for_byte_range(at, at)
    for new in (inner, *ancestors(inner)) if inner is not None else ():
        if _is_initializer(new) and any(jumps(each) for each in named(named(new)[-1] if new.type != "block" else new)):
            return "an initializer would always throw, which the compiler refuses"
        if new.type in _TRIES:
            old = _same(before, new)
            caught = [name for name in _caught(new) if not _is_unchecked(name)]
            dead = _no_more(caught, old, new, _throwing(made.tree.root_node, texts)) if old and caught else None
            if dead is not None:
                return f"{dead.decode()} might not be thrown any more, which the compiler refuses"
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


def _no_more(caught: Iterable[bytes], old: Node, new: Node, throws: _Throws) -> bytes | None:
    """One of the exceptions that are caught, which nothing that a `try` does any more might throw."""
    was, left = Counter(_thrown(old)), Counter(_thrown(new))
    still, lost = [throws(each) for each in left], [throws(each) for each in was - left]
    for kind in caught:
        may = any(each != frozenset() for each in lost)
        surely = any(each is not None and kind in each for each in lost)
        thrown = any(each is not None and each & {kind, *_ANY} for each in still)
        if may and not thrown and (surely or all(each == frozenset() for each in still)):
            return kind
    return None


def _thrown(node: Node) -> Iterator[bytes]:
    """The names of all that a `try` calls, makes, closes or throws; `throw` and a type for the last."""
    body, resources = node.child_by_field_name("body"), node.child_by_field_name("resources")
    for part in (body, resources):
        for each in descendants(part) if part is not None else ():
            name = each.child_by_field_name({"method_invocation": "name"}.get(each.type, "type"))
            if each.type in ("method_invocation", "object_creation_expression") and name is not None:
                yield text(name)
            elif each.type == "resource" and name is not None and text(name) not in _QUIET:
                yield b"close"
            elif each.type == "throw_statement":
                made = named(each)[0].child_by_field_name("type")
                yield b"throw " + (text(made) if made is not None else b"")


def _throwing(root: Node, texts: Texts) -> _Throws:
    """What each method and constructor, or `throw`, throws that the compiler asks for; None where it is not known."""
    own: dict[bytes, frozenset[bytes]] = {}
    for node in descendants(root):
        name = node.child_by_field_name("name")
        if node.type in ("method_declaration", "constructor_declaration") and name is not None:
            kinds = (each for child in node.children if child.type == "throws" for each in named(child))
            own[text(name)] = own.get(text(name), frozenset()) | {text(kind) for kind in kinds}

    def throws(name: bytes) -> frozenset[bytes] | None:
        if name in own:
            return own[name]
        if name.startswith(b"throw "):
            kind = name.removeprefix(b"throw ")
            return frozenset(() if _is_unchecked(kind) else {kind}) if kind else None
        declared = re.compile(_DECLARED % re.escape(name))
        found = [set(re.findall(rb"\w+", each[1] or b"")) for data in texts(name) for each in declared.finditer(data)]
        return frozenset().union(*found) if found else _OF_JAVA.get(name)

    return throws


_DECLARED = (
    rb"[\w>\]](?<!\bnew)(?<!\breturn)(?<!\bthrow)(?<!\belse)\s+%s\s*"
    rb"\((?:[^()]|\([^()]*\))*\)\s*(?:throws\s([\w\s.,]+))?[{;]"
)
"""A method or constructor with what it throws."""
