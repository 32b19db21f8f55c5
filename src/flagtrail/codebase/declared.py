"""Where a flag is declared: its entry in a list of flags, the call that registers it.

They go when nothing else names the flag. While something still asks for it, it must stay declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tree_sitter import Node

from flagtrail.codebase import naming, sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite import listed, seeds
from flagtrail.codebase.rewrite.members import spellings
from flagtrail.codebase.rewrite.removal import Span, without
from flagtrail.codebase.rewrite.seeds import Wanted
from flagtrail.codebase.rewrite.texts import in_file
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source


def declarations(
    source: Source,
    language: Language,
    wanted: Wanted,
    value: object,
    texts: Iterable[bytes],
    others: Mapping[str, bytes],
) -> list[Span] | None:
    """The bytes that declare the flag in a file; None where it is named there for another purpose, too.

    `value` is what the flag answers, `texts` those of the files that name it; `others` are files of no known language.
    """
    found: list[Span] = []
    definitions = list(language.definitions(source))
    entries = listed.entries_of(definitions)
    members = [each for each in spellings(wanted.patterns, wanted.key) if not _is_named(each, others)]
    named = sites.names(source, language, members)
    given = [(at.start_byte, at.end_byte) for node in named if (at := language.gives_member(source, node)) is not None]
    for node in _named(source, language, wanted, definitions):
        if any(start <= node.start_byte < end for start, end in given):
            continue
        key = sites.whole(language, node)
        site = sites.site(source, language, key, wanted.patterns)
        if site is not None and site.pattern.kind == "definition":
            statement = language.statement(site.call.node)
            found += [] if statement is None else [(statement.start_byte, statement.end_byte)]
            continue
        entry = listed.entry(source, entries, key)
        span = language.entry(source, key) if entry is None else entry.removal
        if site is not None or span is None or listed.must_stay(source, language, key, value, texts):
            return None
        found.append(span)
    return [*found, *given]


def _is_named(name: bytes, others: Mapping[str, bytes]) -> bool:
    """Whether a template, or a file of settings, names a member."""
    word = re.compile(rb"(?<![\w$])%s(?![\w$])" % re.escape(name))
    return any(in_file(path, data, each.start(), name) for path, data in others.items() for each in word.finditer(data))


def unused(source: Source, language: Language, wanted: Wanted, texts: Iterable[bytes]) -> Iterator[Span]:
    """The handles of the flag that nothing asks: no other of these files names them, and this one just once."""
    definitions = list(language.definitions(source))
    for node in sites.texts(source, language, wanted.key):
        site = sites.site(source, language, node, wanted.patterns)
        around = [each for each in definitions if each.removal[0] <= node.start_byte < each.removal[1]]
        if site is None or site.pattern.kind != "definition" or [each.reach for each in around] != ["repository"]:
            continue
        name = source.text(around[0].name)
        word = re.compile(rb"(?<![\w$])%s(?![\w$])" % re.escape(name))
        named = list(sites.names(source, language, {name}))
        if len(named) == 1 and sum(word.search(text) is not None for text in texts) == 1:
            yield around[0].removal


def undeclared(source: Source, language: Language, spans: list[Span]) -> Source:
    """The file without what declares the flag; as it was where that cannot be taken out."""
    made = without(source, language, spans) if spans else source
    return made if made.defects <= source.defects else source


def _named(source: Source, language: Language, wanted: Wanted, definitions: list[Definition]) -> Iterator[Node]:
    """What names the flag, but for the constants that hold its key: they go when nothing uses them, as handles do."""
    for node in seeds.places(source, language, wanted):
        literal = language.constant(node) is not None
        if not (naming.holds(source, definitions, node) if literal else language.role(node) == "bind"):
            yield node
