"""Where code names a flag, and whether that is an evaluation: shared by the scan and the clean-up."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec
from tree_sitter import Node

from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Pattern, Patterns
from flagtrail.codebase.shapes import Argument, Call
from flagtrail.codebase.source import Source, ancestors

FAR = 12
"""How far above a key the call begins whose argument it is (texts, conversions, lists of arguments)."""


class Site(msgspec.Struct, frozen=True):
    """A call that names a flag as `pattern` says; `key` is the node that does."""

    call: Call
    pattern: Pattern
    key: Node


def texts(source: Source, language: Language, key: str, span: tuple[int, int] | None = None) -> Iterator[Node]:
    """The literals that denote just this key, in the order of the file; then what is put together to be the same.

    Of a span, those that hold it there. What a test is called names no flag.
    """
    wanted = key.encode()
    for at in _each(source.data, wanted, span):
        node = source.tree.root_node.descendant_for_byte_range(at, at + len(wanted))
        for place in (node, *_few(node)):
            if place is not None and language.constant(place) == (key,):
                if not language.is_title(place):
                    yield place
                break
    yield from language.composed(source, key, span)


def _each(data: bytes, word: bytes, span: tuple[int, int] | None) -> Iterator[int]:
    """Where bytes stand, within some others."""
    at, end = (0, len(data)) if span is None else span
    while word and (at := data.find(word, at, end)) >= 0:
        yield at
        at += len(word)


def _few(node: Node | None) -> Iterator[Node]:
    if node is not None:
        for place, _ in zip(ancestors(node), range(2), strict=False):
            yield place


def names(
    source: Source, language: Language, wanted: Collection[bytes], span: tuple[int, int] | None = None
) -> list[Node]:
    """The nodes of these names, whatever their role, in the order of the file; those in some bytes."""
    found = (
        node
        for name in wanted
        for at in _each(source.data, name, span)
        for node in _spanning(source.tree.root_node, at, at + len(name))
        if node.type in language.NAMES
    )
    return sorted(found, key=lambda node: node.start_byte)


def keyed(source: Source, language: Language, name: bytes) -> int:
    """How often a name is a key of an object: of another one it means something else."""
    nodes = names(source, language, {name})
    above = (node.parent for node in nodes if node.type == "property_identifier")
    return sum(each is not None and each.type == "pair" for each in above)


def _spanning(root: Node, start: int, end: int) -> list[Node]:
    """The nodes of just these bytes, the outermost first."""
    found: list[Node] = []
    node = root.descendant_for_byte_range(start, end)
    while node is not None and (node.start_byte, node.end_byte) == (start, end):
        found.insert(0, node)
        node = node.parent
    return found


def whole(language: Language, node: Node) -> Node:
    """The expression that a name is the last part of: `Flags.NEW_UI` of `NEW_UI`; with what asks it for its key.

    And with what converts it: `string(NewUI)` of Go.
    """
    while (parent := node.parent) is not None:
        converted = parent.parent
        if converted is not None and language.call(converted) and language.transparent(converted) == node:
            node = converted
            continue
        member = language.member(parent)
        if member is None or (member[1] != node and member[1].text not in ACCESSORS):
            return node
        asked, node = member[0] == node, parent
        call = language.call(node) or (language.call(node.parent) if node.parent is not None else None)
        if asked and call is not None and call.name == member[1]:
            if call.arguments:
                return member[0]
            node = call.node
    return node


ACCESSORS = frozenset(
    {b"key", b"getKey", b"id", b"getId", b"value", b"getValue", b"flagKey", b"getFlagKey", b"keyName", b"getKeyName"}
    | {b"flagName", b"getFlagName", b"featureName", b"getFeatureName", b"featureKey", b"getFeatureKey", b"rawValue"}
    | {b"String", b"Key", b"Name"}
)
"""Members of an enumeration's member that answer the key which it was made with."""


def site(source: Source, language: Language, key: Node, patterns: Patterns) -> Site | None:
    """The call whose argument the key is, where one of the patterns says that this names a flag."""
    for place, _ in zip(ancestors(key), range(FAR), strict=False):
        call = language.call(place)
        if call is None:
            if place.type in language.BLOCKS:
                return None
            continue
        for pattern in patterns.called(source.text(call.name)):
            asked = _handle(language, call, key) if pattern.key == RECEIVER else key
            if is_called(source, call, pattern) and _is_key(call, pattern, asked):
                return Site(call, pattern, asked)
        if not any(argument.value == key for argument in call.arguments):
            continue
        return None
    return None


def _handle(language: Language, call: Call, key: Node) -> Node:
    """The object that stands for a flag, where it is made right where it is asked: `new Flag("new-ui").isEnabled()`."""
    made = language.construction(call.receiver) if call.receiver is not None else None
    alone = made is not None and [each.value for each in made.arguments] == [key]
    return made.node if made is not None and alone else key


def is_called(source: Source, call: Call, pattern: Pattern) -> bool:
    """Whether a call is of what the pattern names, with as many arguments as it has."""
    wanted, _, last = pattern.call.rpartition(".")
    if source.text(call.name) != last.encode() or not pattern.takes(len(call.arguments)):
        return False
    receiver = source.text(call.receiver).decode("utf-8", "replace") if wanted and call.receiver is not None else ""
    return receiver == wanted or receiver.endswith(f".{wanted}")


def argument(call: Call, which: int | str | None) -> Argument | None:
    """An argument by its position (-1 is the last) or name."""
    if isinstance(which, int):
        plain = call.arguments if which < 0 else call.arguments[: which + 1]
        there = -len(plain) <= which < len(plain)
        return plain[which] if there and not any(each.spread for each in plain) else None
    return next((each for each in call.arguments if which is not None and each.name == which), None)


def _is_key(call: Call, pattern: Pattern, key: Node) -> bool:
    if pattern.key == RECEIVER:
        return call.receiver is not None and call.receiver == key
    if pattern.kind == "combinations" or pattern.key == ANY:
        return any(each.value == key for each in call.arguments)
    found = argument(call, pattern.key)
    if isinstance(pattern.key, int) and (found is None or found.name is not None):
        found = next((each for each in call.arguments if each.name in KEY_NAMES), found)
    if found is None:
        return False
    return _holds(found.value, key) if pattern.within else found.value == key


def _holds(outer: Node, inner: Node) -> bool:
    return outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


RECEIVER = "receiver"
"""What a pattern says for a key that is what the evaluation is called on."""
ANY = "any"
"""What a pattern says for a call that is given flags one behind the other."""
KEY_NAMES = ("flag_key", "flagKey", "key", "feature", "feature_name", "featureName", "name", "flag", "flag_name")
"""What SDKs call the key where it is passed by name."""
