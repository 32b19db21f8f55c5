"""Lists of flags: what names other flags beside the one that goes is not dead because of us."""

from __future__ import annotations

import re
from collections.abc import Collection

from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.shapes import Definition

_TEXT = re.compile(rb"""["'`]([\w.:/-]+)["'`]""")
_VALUED = frozenset({"constant", "variable", "member", "class", "field"})


def lists_flags(forest: Forest, key: bytes, path: str, definition: Definition) -> bool:
    """Whether a definition holds another text, in a file where one holds the flag's key, or members beside it."""
    if definition.kind not in _VALUED or key not in forest.then(path).source.data:
        return False
    then, start, end = forest.then(path), *definition.removal
    if definition.kind == "class" and any(each.kind == "member" for each in then.by_name.get(key, ())):
        return any(each.kind == "member" and start <= each.removal[0] < end for each in forest.now(path).definitions)
    held = _texts(forest.now(path), definition) - {key}
    return bool(held) and any(key in _texts(then, each) for each in then.definitions if each.kind in _VALUED)


def _texts(names: Names, definition: Definition) -> set[bytes]:
    found = _TEXT.finditer(names.source.data, *definition.removal)
    return {each[1] for each in found if names.in_text(each.start(1), each[1], lambda *_: True)}


def registering(names: Names, key: bytes, makers: Collection[bytes]) -> frozenset[bytes]:
    """The names of a file that are given what makes the flag known: `NEW_UI = register("new-ui")`, `register(KEY)`."""
    if not makers or key not in names.source.data:
        return frozenset()
    data, made = names.source.data, re.compile(rb"\b(?:%s)\([\s\w.,]*\Z" % b"|".join(map(re.escape, makers)))
    written = [match.start() for match in re.finditer(rb"[\"'`]%s[\"'`]" % re.escape(key), data)]
    held = re.findall(rb"\b(\w+)\s*=\s*[\"'`]%s[\"'`]" % re.escape(key), data)
    keys = [*written, *(node.start_byte for node in names.language.composed(names.source, key.decode()))]
    keys += [at for name in held for at in names.words.get(name, ())]
    found = [each for each in names.definitions if each.kind in _VALUED]
    return frozenset(
        names.called(each)
        for each in found
        for at in keys
        if each.removal[0] <= at < each.removal[1] and made.search(data[each.removal[0] : at])
    )
