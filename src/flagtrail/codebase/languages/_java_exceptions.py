"""Java: what the compiler refuses of exceptions: above all a `catch` of a checked one that nothing can throw any more.

What a method throws is known of those that the repository declares, and of some of Java's own. Where several are
called so, each may be meant: what went may throw what any of them does, what is left surely throws only what all do.
Of others it is taken that what replaced each other throws the same.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

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
        b"InterruptedException": b"sleep await acquire invokeAll put take get join",
        b"SQLException": b"executeQuery executeUpdate prepareStatement createStatement getConnection",
        b"ClassNotFoundException": b"forName loadClass",
        b"": b"trace debug info warn error println printf print add addAll contains containsKey isEmpty size "
        b"length equals hashCode toString format valueOf",
    }.items()
    for method in methods.split()
}
"""What methods and constructors of Java's own throw, by their names."""
_OF_SOME = frozenset(
    b"read write close flush skip getInputStream getOutputStream await acquire getConnection put take get join".split()
)
"""Methods of Java's own that throw in some classes, and in others do not: `write` of a StringWriter."""
_FILES = re.compile(rb"(?:\w*Reader|\w*(?:Input|Output)Stream|(?:Buffered|File|OutputStream)Writer)")
_QUIET = frozenset({b"StringReader", b"Scanner", b"Stream", b"PrintWriter", b"PrintStream"})
"""What throws nothing when it is closed."""


class _Deed(NamedTuple):
    """What a `try` calls, makes, closes or throws: by its name, of its own class where no other object is named."""

    name: bytes
    kind: Literal["own", "other", "close", "throw"] = "other"


class _Throws(NamedTuple):
    """What may come of a deed that the compiler asks for, and what surely does; None where it is not known."""

    perhaps: frozenset[bytes] | None
    surely: frozenset[bytes] | None


_Throwing = Callable[[_Deed], _Throws]


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


def _no_more(caught: list[bytes], old: Node, new: Node, throws: _Throwing) -> bytes | None:
    """One of the exceptions that are caught, which nothing that a `try` does any more might throw."""
    lost = [throws(each).perhaps for each in Counter(_done(old)) - Counter(_done(new))]
    for kind in caught:
        still = [throws(each) for each in _done(new, kind)]
        others = (frozenset(caught) | {b"InterruptedException"}) - {kind}  # which extends none but Exception
        may = any(each != frozenset() for each in lost)
        known = any(each is not None and each - others for each in lost)
        thrown = any(each.surely is not None and each.surely & {kind, *_ANY} for each in still)
        if may and not thrown and (known or all(each.perhaps == frozenset() for each in still)):
            return kind
    return None


def _done(node: Node, kind: bytes = b"") -> Iterator[_Deed]:
    """All that a `try` does; of a kind of exceptions what no `try` within it catches."""
    for field in ("body", "resources"):
        part = node.child_by_field_name(field)
        yield from _done_in(part, kind) if part is not None else ()


def _done_in(node: Node, kind: bytes) -> Iterator[_Deed]:
    if node.type in _LATER:
        return
    inner = kind and node.type in _TRIES and not {kind, *_ANY}.isdisjoint(_caught(node))
    deed = _deed(node)
    if deed is not None:
        yield deed
    for child in node.children:
        if not inner or child.type in ("catch_clause", "finally_clause"):
            yield from _done_in(child, kind)


def _deed(node: Node) -> _Deed | None:
    name = node.child_by_field_name({"method_invocation": "name"}.get(node.type, "type"))
    if node.type == "method_invocation" and name is not None:
        receiver = node.child_by_field_name("object")
        return _Deed(text(name), "own" if receiver is None or receiver.type == "this" else "other")
    if node.type == "object_creation_expression" and name is not None:
        return _Deed(text(name).partition(b"<")[0].rsplit(b".", 1)[-1])
    if node.type == "resource" and name is not None:
        kind = text(name).partition(b"<")[0]
        return _Deed(kind, "close") if kind not in _QUIET else None
    if node.type == "throw_statement":
        made = named(node)[0].child_by_field_name("type")
        return _Deed(text(made).rsplit(b".", 1)[-1] if made is not None else b"", "throw")
    return None


def _throwing(root: Node, texts: Texts) -> _Throwing:
    """What each deed throws that the compiler asks for."""
    own: dict[bytes, list[frozenset[bytes]]] = {}
    for node in descendants(root):
        name = node.child_by_field_name("name")
        if node.type in ("method_declaration", "constructor_declaration") and name is not None:
            clauses = (text(child) for child in node.children if child.type == "throws")
            own.setdefault(text(name), []).append(_kinds(b" ".join(clauses).removeprefix(b"throws")))

    def throws(deed: _Deed) -> _Throws:
        name, kind = deed
        if kind == "throw":
            thrown = _kinds(name) if name else None
            return _Throws(thrown, thrown)
        if kind == "close":
            closed = frozenset({b"IOException"}) if _FILES.fullmatch(name) else None
            return _Throws(closed, closed)
        found = list(own.get(name, ()))
        if kind == "other" or not found:
            declared = re.compile(_DECLARED % re.escape(name))
            found += [_kinds(each[1] or b"") for data in texts(name) for each in declared.finditer(data)]
        if found:
            return _Throws(frozenset().union(*found), frozenset.intersection(*found))
        known = _OF_JAVA.get(name)
        return _Throws(known, known if name not in _OF_SOME else None)

    return throws


def _kinds(clause: bytes) -> frozenset[bytes]:
    """The exceptions of a list that the compiler asks for, without the packages and classes that they are of."""
    found = (each.rsplit(b".", 1)[-1] for each in re.findall(rb"[\w.]+", clause))
    return frozenset(each for each in found if not _is_unchecked(each) or each in _ANY)


_LATER = frozenset({"lambda_expression", "class_body"})
"""What is done when something else calls it, if ever."""
_DECLARED = (
    rb"[\w>\]](?<!\bnew)(?<!\breturn)(?<!\bthrow)(?<!\belse)\s+%s\s*"
    rb"\((?:[^()]|\([^()]*\))*\)\s*(?:throws\s([\w\s.,]+))?[{;]"
)
"""A method or constructor with what it throws."""
