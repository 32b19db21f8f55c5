"""Packages whose imports must stay, or cannot.

Go's that do something when they are loaded, `func init()`: their last import stays, without a name. The JVM's of
which nothing is left, whose `import shop.old.*` is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Edit, Source

_ACTS = re.compile(
    rb"^func init\(\)"
    rb"|^var (?:\((?:\n(?!\)).*)*?\n[ \t]*)?\w[\w, ]* .*\b(?:[Rr]egister\w*|(?:flag|promauto|expvar)\.\w+)\(",
    re.MULTILINE,
)
"""What registers something: a function, an option of the command line, a number that is watched."""
_UNNAMED = re.compile(rb'^[ \t]*(?:import[ \t]+)?_[ \t]+"([^"\n]+)"', re.MULTILINE)
"""What is imported only to be loaded: `_ "github.com/lib/pq"`."""
DEEP = 10
"""How far a package that is loaded is followed to those that it loads."""


def still_loading(forest: Forest, now: Names, after: Source) -> tuple[Source, frozenset[bytes]] | None:
    """A file before it loses the names that nothing uses, with `_` for those of packages that it must still load."""
    kept = {each.origin for each in _imports(Names(after, now.language))}
    lost = [each for each in _imports(now) if each.origin not in kept]
    path = now.source.path
    edits = [
        Edit(*_spec(now, each), b'_ "' + each.origin.encode() + b'"')
        for each in lost
        if _acts(forest, path, each.origin, DEEP) and _is_last(forest, path, each.origin)
    ]
    return (now.source.edited(edits), frozenset()) if edits else None


def _imports(names: Names) -> Iterator[Definition]:
    quoted = (each for each in names.definitions if each.kind == "import")
    return (each for each in quoted if b'"' in names.source.data[each.name.start_byte : each.removal[1]])


def _spec(names: Names, definition: Definition) -> tuple[int, int]:
    """The bytes of an import, its name included."""
    path = b'"' + definition.origin.encode() + b'"'
    at = names.source.data.index(path, definition.name.start_byte)
    return definition.name.start_byte, at + len(path)


def _is_last(forest: Forest, path: str, origin: str) -> bool:
    """Whether nothing else that is built loads a package."""
    quoted = b'"' + origin.encode() + b'"'
    return forest.data(path).count(quoted) == 1 and not any(
        quoted in forest.data(other) and not conventions.is_test(other)
        for other in forest.files
        if other != path and forest.of_path(other) is not None and forest.akin(other, path)
    )


def _acts(forest: Forest, path: str, origin: str, deep: int) -> bool:
    """Whether a package does something when it is loaded, or one that it alone loads."""
    language = forest.language(path)
    files = [each for each in forest.named(language.modules(path, origin, "")) if not conventions.is_test(each)]
    if any(_ACTS.search(forest.data(each)) for each in files):
        return True
    alone = [
        (each, found) for each in files if deep for found in _loaded(forest, each) if _is_last(forest, each, found)
    ]
    return any(_acts(forest, each, found, deep - 1) or _is_foreign(forest, each, found) for each, found in alone)


def _loaded(forest: Forest, path: str) -> set[str]:
    """The packages that a file imports, also without a name."""
    unnamed = (found.decode() for found in _UNNAMED.findall(forest.data(path)))
    return {*(each.origin for each in _imports(forest.now(path))), *unnamed}


def _is_foreign(forest: Forest, path: str, origin: str) -> bool:
    """Whether a package of another module is imported only for what it does: `_ "github.com/lib/pq"`."""
    known = forest.named(forest.language(path).modules(path, origin, ""))
    return origin.encode() in _UNNAMED.findall(forest.data(path)) and not any(True for _ in known)


def unpacked(forest: Forest, gone: Iterable[str]) -> None:
    """Takes out what imports all of a package of the JVM, where its last file is among those that went."""
    nominal = [path for path in gone if forest.of_path(path) is not None and forest.language(path).NOMINAL]
    for package in {found[1] for path in nominal if (found := _PACKAGE.search(forest.files[path]))}:
        texts = {path: data for path in forest.files if package in (data := forest.data(path))}
        declared = {path for path in texts if (found := _PACKAGE.search(texts[path])) and found[1] == package}
        stays = {conventions.is_test(path) for path in declared}
        starred = re.compile(rb"^[ \t]*import\s+%s\.\*[ \t]*;?[ \t]*(?:\r?\n|$)" % re.escape(package), re.MULTILINE)
        for path, data in texts.items() if False not in stays else ():
            source = (
                forest.now(path).source if forest.of_path(path) and not stays & {conventions.is_test(path)} else None
            )
            if source is not None and (found := starred.search(data)):
                forest.put(path, source.edited([Edit(*found.span())]))


_PACKAGE = re.compile(rb"^\s*package\s+([\w.]+)", re.MULTILINE)
