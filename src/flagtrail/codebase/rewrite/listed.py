"""Lists of flags, without the one that goes: `type Key = 'a' | 'new-ui'`, `['a', 'new-ui']`, `{ newUi: boolean }`.

An entry of a list is taken out only where nothing but such entries names the flag any more, in all files: somebody who
still names it would be refused by the type, or would miss the entry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source, ancestors

Entries = Mapping[Node, Definition]
Places = Callable[[Source, Language, Entries], Iterable[Node]]

_OF_FLAGS = re.compile(r"flag|feature|toggle|experiment|rollout|gate\b", re.IGNORECASE)


def unlisted(files: Mapping[str, tuple[Source, Language]], key: str, members: Collection[bytes]) -> dict[str, Source]:
    """The files that list the flag's key, or its name among `members`, without it."""
    made = _without(files, lambda source, language, _: sites.texts(source, language, key))
    now = {path: (made.get(path, source), language) for path, (source, language) in files.items()}
    return made | _without(now, lambda source, language, entries: _named(source, language, entries, members))


def entries_of(definitions: Iterable[Definition]) -> dict[Node, Definition]:
    """The entries of a file's lists, by what names them."""
    return {each.name: each for each in definitions if each.kind == "member" and each.pure}


def entry(source: Source, entries: Entries, place: Node) -> Definition | None:
    """The entry that a place is the name of, where it is one of a list of flags."""
    found = entries.get(place)
    return found if found and (_OF_FLAGS.search(source.path) or _OF_FLAGS.search(_called(source, place))) else None


def _without(files: Mapping[str, tuple[Source, Language]], places: Places) -> dict[str, Source]:
    """Without these entries; nothing where one of the places is no entry."""
    made: dict[str, Source] = {}
    for path, (source, language) in files.items():
        entries = entries_of(language.definitions(source))
        spans = []
        for place in places(source, language, entries):
            found = entry(source, entries, place)
            span = found.removal if found is not None else language.entry(source, place)
            if span is None:
                return {}
            spans.append(span)
        if spans:
            made[path] = without(source, language, spans)
    return made


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
