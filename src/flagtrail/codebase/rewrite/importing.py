"""Which files a file imports, and what else could lead to a file: a text with its path, a line of a configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from flagtrail.codebase.rewrite import conventions, texts
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.meanings import original_of
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import ancestors

_STAR = re.compile(
    rb"""export\s+(?:type\s+)?\*(?:\s+as\s+\w+)?\s+from\s*['"]([^'"]+)['"]|from\s+([\w.]+)\s+import\s+\*"""
)
_LOADED = re.compile(rb"""(?:\b(?:import|require)\s*\(|\bexport\s*\{\s*default\s*\}\s*from)\s*['"]([^'"]+)['"]""")
_MOCKED = re.compile(
    rb"""\b(?:jest|vi)\s*\.\s*(?:mock|unmock|doMock|dontMock|doUnmock)\s*\(\s*(?:import\s*\(\s*)?['"]([^'"]+)['"]"""
)
_LATE = re.compile(rb"""\bimport\s*\(\s*['"][^'"]+['"]""")
"""What is loaded when it is asked for."""
_PERHAPS = {"if_statement", "except_clause", "for_statement", "while_statement"}
_TEXT = re.compile(rb"""['"`]([^'"`\s]+)['"`]""")


def stem(path: str) -> bytes:
    """How imports call a file: by its name, or its folder's."""
    folder, _, name = path.rpartition("/")
    called = name.lstrip(".").partition(".")[0]
    return (folder.rpartition("/")[2] if folder and called in ("index", "__init__") else called).encode()


def imported(forest: Forest, path: str, names: Names, *, surely: bool = False, at_once: bool = False) -> Iterator[str]:
    """The files of the repository that a file imports; `surely` without those that another package may be meant by.

    `at_once` without those that are loaded when a function is called, or of which nothing but types is taken.
    """
    if names.language.SHARES_FOLDER:
        return
    imports = (each for each in names.definitions if each.origin and not (at_once and is_late(each)))
    meant = [(each.origin, original_of(names, each).decode()) for each in imports]
    data = _LATE.sub(b"", names.source.data) if at_once else names.source.data
    loaded = [(origin.decode(errors="replace"), "") for origin in _LOADED.findall(data)]
    for origin, name in (*meant, *loaded):
        foreign = surely and _may_be_foreign(origin)
        for target in forest.named(names.language.modules(path, origin, name)):
            if forest.of_path(target) is not None and not (foreign and not _beside(path, target, origin)):
                yield target


def is_late(definition: Definition) -> bool:
    """Whether an import is not sure to be made when its file is loaded."""
    around = list(takewhile(lambda each: each.parent is not None, ancestors(definition.name)))
    typed = any(child.type == "type" for each in around for child in each.children)
    return (
        typed
        or any(each.type in _PERHAPS for each in around)
        or (definition.scope is not None and definition.scope.parent is not None)
    )


def _may_be_foreign(origin: str) -> bool:
    """`json`, `@scope/package`: as likely a package as a file of this repository."""
    scope, _, rest = origin.partition("/")
    if not rest:
        return "." not in origin
    return scope.startswith("@") and scope != "@" and "/" not in rest


def _beside(path: str, target: str, origin: str) -> bool:
    """Whether a file stands where imports of another one begin: in its folder, in one around it, or in `src` there."""
    folder = target.rpartition("/")[0]
    if f"/{folder}".endswith(f"/{origin}"):
        folder = folder.removesuffix(origin).rstrip("/")
    folder = folder.removesuffix("src").rstrip("/")
    return f"{path}/".startswith(f"{folder}/" if folder else "")


def starred(forest: Forest, path: str, *, then: bool = False) -> Iterator[tuple[re.Match[bytes], set[str]]]:
    """Where a file takes or passes on all that others define, with those files; `then` before the clean-up."""
    language = forest.language(path)
    for match in _STAR.finditer(forest.files[path] if then else forest.data(path)):
        origin = next(group for group in match.groups() if group).decode(errors="replace")
        yield match, set(forest.named(language.modules(path, origin, "")))


def passed_on(forest: Forest, path: str) -> Iterator[str]:
    """The files of which a file passed on all that they define."""
    yield from (each for _, meant in starred(forest, path, then=True) for each in sorted(meant) if forest.of_path(each))


def leads_to(forest: Forest, other: str, places: Iterable[int], path: str, *, at_once: bool = False) -> bool:
    """Whether one of the places where a file's name stands in another one is an import of it, or could act as one.

    See `imported` for `at_once`.
    """
    if forest.of_path(other) is not None and not forest.akin(other, path):
        return False
    if forest.of_path(other) is not None and path in set(imported(forest, other, forest.now(other), at_once=at_once)):
        return True
    return in_texts(forest, other, _in_no_code(forest, other, places) if at_once else places, path)


def _in_no_code(forest: Forest, path: str, places: Iterable[int]) -> list[int]:
    """The places that are no names of a file's code, as `cart.total` has one, nor tell what is loaded late."""
    if forest.of_path(path) is None:
        return list(places)
    names, late = forest.now(path), [match.span() for match in _LATE.finditer(forest.data(path))]
    root, apart = names.source.tree.root_node, (at for at in places if not any(a <= at < b for a, b in late))
    inner = ((at, root.descendant_for_byte_range(at, at + 1)) for at in apart)
    return [at for at, node in inner if node is None or node.type not in names.language.NAMES]


def in_texts(forest: Forest, other: str, places: Iterable[int], path: str) -> bool:
    """Whether a file's name stands in a text that could lead to it, or in a file that is not parsed."""
    word = stem(path)
    if forest.of_path(other) is None:
        data = forest.data(other)
        return any(texts.in_file(other, data, at, word) for at in places)
    if conventions.is_test(path):
        file = path.rpartition("/")[2].rpartition(".")[0].encode()  # who names `cart` does not mean `cart.test`
        places = [at for at in places if forest.data(other).startswith(file, at)]
    spans = list(mocked(forest, other, path))
    outside = (at for at in places if not any(start <= at < end for start, end in spans))
    return forest.akin(other, path) and any(_text_leads(forest, forest.now(other), at, path) for at in outside)


def mocked(forest: Forest, test: str, path: str) -> Iterator[tuple[int, int]]:
    """The statements by which a test puts something in place of a file: `jest.mock('./old', () => ({..}))`."""
    known = conventions.is_test(test) and forest.of_path(test) is not None
    for match in _MOCKED.finditer(forest.data(test)) if known else ():
        names = forest.now(test)
        if path not in set(forest.named(names.language.modules(test, match.group(1).decode(errors="replace"), ""))):
            continue
        inner = names.source.tree.root_node.descendant_for_byte_range(*match.span(1))
        for place in ancestors(inner) if inner is not None else ():
            statement = names.language.statement(place) if place.start_byte == match.start() else None
            if statement is not None:
                yield statement.start_byte, statement.end_byte
                break


def _text_leads(forest: Forest, names: Names, at: int, path: str) -> bool:
    if any(each.kind == "import" and each.removal[0] <= at < each.removal[1] for each in names.definitions):
        return False
    if any(match.start() <= at < match.end() for match in _STAR.finditer(names.source.data)):
        return False
    if not names.in_text(at, stem(path), texts.in_path):
        return False
    source = names.source
    line = source.data[source.line_start(at) : source.line_end(at)]
    relative = [found.decode(errors="replace") for found in _TEXT.findall(line) if found.startswith(b".")]
    meant = {target for each in relative for target in forest.named(names.language.modules(source.path, each, ""))}
    return not meant or path in meant


def is_public(forest: Forest, path: str, places: Iterable[str]) -> bool:
    """Whether a file that a package shows to others passes on all that this file defines, directly or not."""
    around = [(each, path) for each in places]
    seen: set[str] = set()
    while around:
        other, target = around.pop()
        if other in seen or not forest.akin(other, target):
            continue
        if not any(target in meant for _, meant in starred(forest, other)):
            continue
        if conventions.is_found(other):
            return True
        seen.add(other)
        around += [(each, other) for each in forest.search([stem(other)])[stem(other)]]
    return False
