"""Lists of flags, without the one that goes: `type Key = 'a' | 'new-ui'`, `['a', 'new-ui']`, `{ newUi: boolean }`.

An entry of a list is taken out only where nothing but such entries names the flag any more, in all files: somebody who
still names it would be refused by the type, or would miss the entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.members import bindings_around
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.rewrite.removal import Span, without
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source, ancestors

Entries = Mapping[Node, Definition]
Places = Callable[[Source, Language, Entries], Iterable[Node]]

_OF_FLAGS = re.compile(r"flag|feature|toggle|experiment|rollout|gate\b", re.IGNORECASE)
_MAY_HOLD_FLAGS = re.compile(
    r"flag|feature|toggle|experiment|rollout|gate|config|setting|option|env|props", re.IGNORECASE
)
"""What flags could be looked up in, by how it is called."""
_FILE_OF_FLAGS = re.compile(r"flag|toggle|experiment|rollout|gate\b|feature[^/]*$", re.IGNORECASE)
"""Many a product keeps all that it does in folders called `features`."""
_SET_TO = re.compile(rb"[\"'`]?\]?\s*:\s*([\w.]+)")
_BOUND = re.compile(r"\b(?:const|let|var)\s+([\w$]+)")
_ORDERED = frozenset({"array", "literal_value"})
_HOLDERS = _ORDERED | {"object", "pair", "keyed_element"}
_ASSERTS = re.compile(rb"assert|expect|should")


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The files without the entries, and by file the entries that must stay, since something else names the flag.

    `used` is where that is.
    """

    files: Mapping[str, Source]
    left: Mapping[str, tuple[Left, ...]]
    used: str = ""


def unlisted(
    files: Mapping[str, tuple[Source, Language]], key: str, members: Collection[bytes], value: object
) -> Unlisted:
    """The files that list the flag's key, or its name among `members`, without it; `value` is what it answers."""
    texts = _without(files, lambda source, language, _: sites.texts(source, language, key), value)
    made = texts.files
    now = {path: (made.get(path, source), language) for path, (source, language) in files.items()}
    others = _others(now, members)
    named = _without(
        now,
        lambda source, language, entries: (
            each for each in _named(source, language, entries, members) if (source.path, each.start_byte) not in others
        ),
        value,
        texts.used if key.encode() in members else "",
    )
    left = {
        path: tuple(each for each in found if now[path][0].data.startswith(key.encode(), each.at))
        for path, found in named.left.items()
    }
    if named.left:  # a list by texts may be the type of one by names
        made = {}
    return Unlisted({**made, **named.files}, {path: found for path, found in left.items() if found})


def unnamed(files: Mapping[str, tuple[Source, Language]], key: str, names: Collection[bytes]) -> dict[str, Source]:
    """The files that name the flag by a member that holds its key, without it: `Flag.NEW_UI` in lists and choices.

    Nothing where one of the places is neither an entry nor a part of one.
    """
    made: dict[str, Source] = {}
    for path, (source, language) in files.items():
        entries = entries_of(language.definitions(source))
        spans: list[Span] = []
        for place in (*sites.names(source, language, names), *sites.texts(source, language, key)):
            found = entry(source, entries, place)
            span = found.removal if found is not None else language.entry(source, place)
            if span is None and conventions.is_test(source.path):
                span = language.listing(place) or _asserted(source, language, place)
            if span is None and not any(start <= place.start_byte < end for start, end in spans):
                return {}
            spans += [span] if span is not None else []
        if spans:
            made[path] = without(source, language, spans)
            if made[path].defects > source.defects:
                return {}
    return made


def entries_of(definitions: Iterable[Definition]) -> dict[Node, Definition]:
    """The entries of a file's lists, by what names them."""
    return {each.name: each for each in definitions if each.kind == "member" and each.pure}


def entry(source: Source, entries: Entries, place: Node) -> Definition | None:
    """The entry that a place is the name of, where it is one of a list of flags."""
    found = entries.get(place)
    return found if found and _is_of_flags(source, place) else None


def _is_of_flags(source: Source, place: Node) -> bool:
    return bool(_FILE_OF_FLAGS.search(source.path) or _OF_FLAGS.search(_called(source, place)))


def _others(files: Mapping[str, tuple[Source, Language]], members: Collection[bytes]) -> set[tuple[str, int]]:
    """Where something else of a member's name is declared, and read: `limits.newUi`, not `flags.newUi`.

    Nothing where it is not declared that something else has this name.
    """
    declared, read = set(), set()
    for path, (source, language) in files.items():
        for node in sites.names(source, language, members):
            member = language.member(node.parent) if node.parent is not None else None
            if language.unlike_a_flag(node) and not _is_of_flags(source, node):
                declared.add((path, node.start_byte))
            elif member is not None and member[1] == node and not _may_hold_flags(source, language, member[0]):
                read.add((path, node.start_byte))
    return declared | read if declared else set()


def _may_hold_flags(source: Source, language: Language, node: Node) -> bool:
    """Whether flags could be looked up in an object: by its name, or by what is bound to it, which must be known."""
    if node.type in language.NAMES:
        values = [source.text(each.value) for each in bindings_around(source, language, node)]
        return not values or any(
            _MAY_HOLD_FLAGS.search(each.decode("utf-8", "replace")) for each in [*values, source.text(node)]
        )
    member = language.member(node)
    name = source.text(member[1] if member is not None else node).decode("utf-8", "replace")
    return name != "this" and (member is None or bool(_MAY_HOLD_FLAGS.search(name)))


def _asserted(source: Source, language: Language, place: Node) -> Span | None:
    """The statement of a test that asserts something of the flag's member itself; the test, where it does nothing else.

    `assertEquals("new-ui", Flag.NEW_UI.key)`, `assertThat(Flag.NEW_UI.isStable()).isTrue()`.
    """
    asserts, inner, name = False, place, source.text(place)
    for above in ancestors(place):
        call, statement = language.call(above), language.statement(above)
        if call is not None:
            if not all(each.value == inner or language.pure(each.value) for each in call.arguments):
                return None
            asserts, inner = asserts or _ASSERTS.match(source.text(call.name)) is not None, call.node
        if statement is not None:
            beside = statement.parent.named_children if statement.parent is not None else []
            alone = all(name in source.text(each) for each in beside if each.type not in language.COMMENTS)
            test = language.test_case(place) if alone else None
            return (test or (statement.start_byte, statement.end_byte)) if asserts else None
    return None


def _without(files: Mapping[str, tuple[Source, Language]], places: Places, value: object, used: str = "") -> Unlisted:
    """Without these entries; or all of them left where one of the places is no entry."""
    found: dict[str, dict[int, Span]] = {}
    texts = [source.data for source, _ in files.values()]
    for path, (source, language) in files.items():
        entries = entries_of(language.definitions(source))
        for place in places(source, language, entries):
            known = entry(source, entries, place)
            span = known.removal if known is not None else language.entry(source, place)
            if span is not None:
                found.setdefault(path, {})[place.start_byte] = span
            if span is None or must_stay(source, language, place, value, texts):
                used = used or f"{path}, line {source.line(place.start_byte)}"
    if used:
        why = f"the flag is listed here, and named in {used} as well"
        left = {path: tuple(Left(at, "still_used", why) for at in each) for path, each in found.items()}
        return Unlisted({}, left, used)
    return Unlisted({path: without(*files[path], each.values()) for path, each in found.items()}, {})


def must_stay(source: Source, language: Language, place: Node, value: object, texts: Iterable[bytes]) -> bool:
    """Whether an entry cannot be taken out: a test needs it to be another value, or the places in its list count."""
    return _is_lost(source, language, place, value) or _is_counted(source, place, texts)


def _is_lost(source: Source, language: Language, place: Node, value: object) -> bool:
    """Whether a single test sets the flag to something else than what it answers."""
    if not isinstance(value, bool) or not conventions.is_test(source.path) or language.test_case(place) is None:
        return False
    told = _SET_TO.match(source.data, place.end_byte)
    return told is not None and told.group(1) != language.literal(value)


def _is_counted(source: Source, place: Node, texts: Iterable[bytes]) -> bool:
    """Whether a file asks for the place of something in a list, or how many there are: `KEYS[1]`, `[a, b] = KEYS`."""
    holder = next((each for each in ancestors(place) if each.type in _HOLDERS), None)
    name = _BOUND.search(_called(source, place)) if holder is not None and holder.type in _ORDERED else None
    if name is None:
        return False
    word = re.escape(name.group(1).encode())
    asks = rb"\blen\(%s\b|\b%s(?:\.(?:indexOf\(|length\b|at\()|\[-?\d)|\]\s*=\s*(?:\w+\.)*%s\b" % (word, word, word)
    return any(re.search(asks, each) for each in texts)


def _named(source: Source, language: Language, entries: Entries, members: Collection[bytes]) -> Iterator[Node]:
    """Where a member's name stands, but for variables of that name."""
    for node in sites.names(source, language, members):
        if node in entries or language.role(node) == "member":
            yield node


def _called(source: Source, place: Node) -> str:
    """What is written from the beginning of the statement around a place to the end of that line."""
    top = place
    for above in ancestors(place):
        if above.parent is None:
            break
        top = above
    return source.data[top.start_byte : source.line_end(top.start_byte)].decode("utf-8", "replace")
