"""Constants that hold a flag's key: the names that a file's definitions give to a literal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

import msgspec
from tree_sitter import Node

from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source

COMMON = frozenset(
    name.encode()
    for name in (
        *("code", "default", "description", "feature", "featureName", "feature_name", "flag", "flagKey", "flag_key"),
        *("flagName", "flag_name", "id", "identifier", "key", "label", "name", "slug", "title", "type", "value"),
    )
)
"""What objects and classes that stand for a flag call its key: names that stand everywhere, not only there."""

_VALUE = re.compile(rb"[\s:=(?\w.<>\[\]|&]*")
"""What may stand between a constant's name and the literal that it holds: a type, a conversion, `=`."""
_REGISTERED = re.compile(rb"(?:[\s:=(?\w.<>\[\]|&]|\)\.)*")
"""The same where a call registers it: `registry().register("new-ui", ..)`."""

_TAIL = re.compile(rb"[\s)]*(?:as\s+\w+)?[\s;,)]*(?:(?://|#)[^\n]*\s*)?")
"""And what after it: more than one literal is no constant."""
_MADE = re.compile(rb"[\s:=\w.<>]*=\s*(?:new\s+)?[\w.]+\(\s*")
"""What stands there where the literal is the first argument of what makes the value."""


_OF_MEMBER = re.compile(rb"\s*(?::\s*[\w.<>?]+\s*)?\(\s*(?:(?i:\w*key|\w*name|id|flag)\s*=\s*)?")
"""What stands between an enumeration's member, or an object, and the key that it is made with, also by its name."""
_IN_BODY = re.compile(rb"[^{}]*\{[^{}]*(?i:key|name|id|flag)\w*\s*(?::[^={}]*)?=\s*")
"""What may stand between an object's name and the key that a property of it has."""


STANDS_FOR_FLAGS = re.compile(
    rb"(?i)flag|feature|toggle|switch|gate|experiment|setting|property|option|capabilit|rollout|release|variant|beta"
)
"""What classes and functions are called that have to do with flags."""
_LISTS_FLAGS = re.compile(rb"(?i)flag|feature|toggle|switch|gate|experiment|rollout")
"""What enumerations of flags are called; one of settings, or of options, holds what users choose."""
_OWN_ANSWER = re.compile(rb"\b(?:boolean|fun|val)\s+(?:isActive|isEnabled|isOn)\b")
_TELLS_ITSELF = re.compile(rb"\bthis\b(?!\s*\.)|\bname\b")
_ASKER = re.compile(
    rb"(?i)flag|feature|toggl|experiment|rollout|gate|switch|client|manager|unleash|config|service|^this$"
)
_ASKED_OF = rb"([\w.()]+)\s*\.\s*(?:is|has)[A-Z]\w*\(\s*(?:\w+\.)*%s\.%s\s*[,)]"
"""`phone.hasFeature(PhoneFeature.NFC)`."""


class Alias(msgspec.Struct, frozen=True):
    """A constant, enum member or entry that holds the key. `container` is what it is a member of, empty if nothing."""

    name: bytes
    path: str
    container: bytes
    local: bool


def naming(
    source: Source, definitions: Collection[Definition], literal: Node, *, registers: bool = False
) -> Alias | None:
    """The name that one of the file's definitions gives to a literal, or to what a call `registers` by it."""
    holder = _holder(source, definitions, literal, registers=registers)
    if holder is None:
        return None
    container = _container(definitions, holder)
    return Alias(
        source.text(holder.name),
        source.path,
        (container and source.text(container.name)) or b"",
        holder.reach != "repository",
    )


def spelled(source: Source, definitions: Collection[Definition], key: str) -> Iterator[Alias]:
    """The members of enumerations of flags that are the key by their own name: `enum class Feature { NEW_UI }`.

    None of an enumeration that answers by what it holds itself.
    """
    for each in definitions:
        container = _container(definitions, each) if each.kind == "member" else None
        if container is None or source.text(each.name) != key.encode():
            continue
        whole = source.data[slice(*container.removal)]
        tells = _TELLS_ITSELF.search(whole) or not _OWN_ANSWER.search(whole)
        if tells and _LISTS_FLAGS.search(source.text(container.name)):
            yield Alias(source.text(each.name), source.path, source.text(container.name), local=False)


def asked_of_another(alias: Alias, texts: Iterable[bytes]) -> bool:
    """Whether something that has nothing to do with flags is asked for a member: `phone.hasFeature(..)`."""
    form = re.compile(_ASKED_OF % (re.escape(alias.container), re.escape(alias.name)))
    return any(not _ASKER.search(found) for text in texts for found in form.findall(text))


def holds(source: Source, definitions: Iterable[Definition], literal: Node) -> bool:
    """Whether a literal is the value of a constant."""
    return _holder(source, definitions, literal) is not None


def _holder(
    source: Source, definitions: Iterable[Definition], literal: Node, *, registers: bool = False
) -> Definition | None:
    """The smallest definition whose value is just this literal, or a call that `registers` the flag with more."""
    around = [
        each
        for each in definitions
        if each.kind in ("constant", "variable", "member", "field")
        and each.removal[0] <= literal.start_byte
        and literal.end_byte <= each.removal[1]
        and each.name.end_byte <= literal.start_byte
        and (_is_value(source, each, literal, registers=registers) or _is_in_body(source, each, literal))
    ]
    return min(around, key=lambda each: each.removal[1] - each.removal[0], default=None)


def _is_value(source: Source, definition: Definition, literal: Node, *, registers: bool) -> bool:
    form = _REGISTERED if registers else _VALUE
    if not form.fullmatch(source.data[definition.name.end_byte : literal.start_byte]):
        return False
    if registers or _is_first_argument(source, definition, literal):
        return True
    return _TAIL.fullmatch(source.data[literal.end_byte : definition.removal[1]]) is not None


def _is_in_body(source: Source, definition: Definition, literal: Node) -> bool:
    """`data object NewUi : Flag() { override val key = "new-ui" }`."""
    between = source.data[definition.name.end_byte : literal.start_byte]
    return definition.kind == "member" and _IN_BODY.fullmatch(between) is not None


def _is_first_argument(source: Source, definition: Definition, literal: Node) -> bool:
    """`NEW_UI("new-ui", true)`, `var NewUI = Register("new-ui", true)`: what is made of the key and more."""
    between = source.data[definition.name.end_byte : literal.start_byte]
    if definition.kind == "member":
        return _OF_MEMBER.fullmatch(between) is not None
    return definition.reach != "local" and _MADE.fullmatch(between) is not None


def _container(definitions: Iterable[Definition], inner: Definition) -> Definition | None:
    around = [
        each
        for each in definitions
        if each.kind in ("constant", "variable", "class")
        and each.name != inner.name
        and each.removal[0] <= inner.removal[0]
        and inner.removal[1] <= each.removal[1]
    ]
    return min(around, key=lambda each: each.removal[1] - each.removal[0], default=None)
