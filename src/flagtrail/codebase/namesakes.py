"""Functions and objects of the repository itself that are called as a client's are by a preset, and ask no client.

`function isEnabled(name) { return name in plugins }` and `isEnabled('new-ui')`: what the argument names is no flag.
Nor is it in `new Row("new-ui").isEnabled()`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from tree_sitter import Node

from flagtrail.codebase import sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.naming import STANDS_FOR_FLAGS
from flagtrail.codebase.patterns import Patterns
from flagtrail.codebase.shapes import Call, Definition, Function
from flagtrail.codebase.sites import RECEIVER, Site
from flagtrail.codebase.source import Source, ancestors, descendants


@dataclass(frozen=True, slots=True)
class Other:
    """Another file of the repository that holds the name that is called, parsed when it is asked for."""

    data: bytes
    opened: Callable[[], tuple[Source, Language]]


Others = Mapping[str, Other]
"""By their paths."""
MOST_FILES = 60
"""A name that stands in more files than that is looked for only where an import of it leads."""

Found = tuple[Source, Language, Function]
_OF_FLAGS = re.compile(
    rb"flag|feature|toggle|experiment|gate|treatment|rollout|variant|switch|unleash|launch_?darkly|optimizely|statsig"
    rb"|posthog|growth_?book|config_?cat|remote_?config",
    re.IGNORECASE,
)
"""What a function speaks of that asks for flags in a way of its own: `return config.features[name]`."""
_TYPED = re.compile(
    rb"(?:bool\w*|double|float|int\w*|json|number|object|string)_?(?:details|evaluation|value)|variation", re.IGNORECASE
)
"""What only clients of flags have a function called like."""
_CLIENT = re.compile(rb"client|provider|sdk", re.IGNORECASE)
_FILE_OF_FLAGS = re.compile(
    r"flag|toggle|experiment|client|config|settings|sdk|provider|open_?feature|stub|fake|mock", re.IGNORECASE
)
_NAME = re.compile(rb"\w+")
_CLASS = re.compile(rb"\b(?:class|interface)\s+(\w+)")
_ITSELF = frozenset({b"this", b"self", b"cls"})
NEAR = 4
"""How far above its name a function begins."""


def is_namesake(source: Source, language: Language, call: Call, patterns: Patterns, others: Others) -> bool:
    """Whether a call is of a function that the repository defines, and that has nothing to do with flags."""
    name = source.text(call.name)
    apart = re.compile(rb"(?<![.\w$])%s(?![\w$])" % re.escape(name))
    asked = source.text(call.receiver) if call.receiver is not None else b""
    if _OF_FLAGS.search(asked) or _CLIENT.search(asked) or _TYPED.search(name):
        return False
    if call.receiver is not None:
        found = list(_functions(source, language, name, member=True)) if apart.search(source.data) else []
        if asked not in _ITSELF:
            found = [each for each in found if _is_of(source, language, asked, each[2])]
            found = found or list(_of_imported(source, language, asked, name, others))
    else:
        found = list(_functions(source, language, name, member=False))
        found = found or list(_imported(source, language, name, others))
    if call.receiver is None or asked in _ITSELF:
        found = found or list(_inherited(source, language, name, others))
    return bool(found) and not any(_asks(*each, name, patterns) for each in found)


def possible(source: Source, language: Language) -> Callable[[Source, Site], bool]:
    """Whether a file's call could be of a namesake: where another object is asked, only if the file has such a method,
    or imports the object.

    A clean-up adds none: the file as it was tells it for all its calls, once for each name.
    """

    @cache
    def has_method(name: bytes) -> bool:
        return any(True for _ in _functions(source, language, name, member=True))

    @cache
    def imports(name: bytes) -> bool:
        return any(each.origin and source.text(each.name) == name for each in language.definitions(source))

    def could_be(now: Source, site: Site) -> bool:
        asked, name = site.call.receiver, now.text(site.call.name)
        if site.pattern.key == RECEIVER or asked is None or now.text(asked) in _ITSELF:
            return True
        return has_method(name) or imports(now.text(asked))

    return could_be


def is_of_another_class(
    source: Source, language: Language, key: Node, texts: Callable[[bytes], Iterable[bytes]]
) -> bool:
    """Whether an object that is asked itself is made of a class that is not called as what has to do with flags is."""
    typed = language.NOMINAL or (language.FAMILY or language.NAME) == "typescript"
    return typed and any(not STANDS_FOR_FLAGS.search(made) for made in _made_of(source, language, key, texts))


def _made_of(
    source: Source, language: Language, key: Node, texts: Callable[[bytes], Iterable[bytes]]
) -> Iterator[bytes]:
    """The classes of an object, by what it is given where it is made, or by its own name."""
    made = language.construction(key) or language.call(key)
    if made is not None:
        yield source.text(made.name)
        return
    owner, _, name = source.text(key).rpartition(b".")
    constant = re.compile(rb"(?<![\w$])%s\b[^=;\n]*=\s*(?:new\s+)?([A-Z]\w*)(?:<[^()]*>)?\(" % re.escape(name))
    held = texts(name) if _NAME.fullmatch(name) else ()
    found = {match[1] for data in held for match in constant.finditer(data)}
    yield from found or {each for each in (owner.rpartition(b".")[2],) if each[:1].isupper()}


def _is_of(source: Source, language: Language, receiver: bytes, method: Function) -> bool:
    """Whether what a method is looked up in is declared in this file as the object, or of the class, that has it."""
    declared = [each for each in language.definitions(source) if source.text(each.name) == receiver]
    if len(declared) != 1 or declared[0].kind == "import":
        return False
    start, end = declared[0].removal
    words = re.findall(rb"[\w$]+", source.data[start:end])
    return _holds(declared[0], method.node) or any(each in words for each in _classes(source, language, method))


def _classes(source: Source, language: Language, method: Function) -> list[bytes]:
    """The names of the classes that a method stands in."""
    every = (each for each in language.definitions(source) if each.kind == "class")
    return [source.text(each.name) for each in every if _holds(each, method.node)]


def _holds(definition: Definition, node: Node) -> bool:
    return definition.removal[0] <= node.start_byte and node.end_byte <= definition.removal[1]


def _functions(source: Source, language: Language, name: bytes, *, member: bool) -> Iterator[Found]:
    for node in sites.names(source, language, {name}):
        for place, _ in zip(ancestors(node), range(NEAR), strict=False):
            function = language.function(place)
            if function is not None and function.name == node:
                if language.NOMINAL or language.is_member(function.node) == member:
                    yield source, language, function
                break


def _imported(source: Source, language: Language, name: bytes, others: Others) -> Iterator[Found]:
    """Those of the file that an import leads to; else those of any file, where an index passes them on."""
    meant = _meant(source, language, name, others)
    origins = (each.origin for each in language.definitions(source) if source.text(each.name) == name)
    found = [each for path in meant for each in _functions(*others[path].opened(), name, member=False)]
    near = bool(meant) or any(origin.startswith(".") for origin in origins)
    around = others if near and len(others) <= MOST_FILES else ()
    yield from found or (each for path in around for each in _functions(*others[path].opened(), name, member=False))


def _of_imported(source: Source, language: Language, asked: bytes, name: bytes, others: Others) -> Iterator[Found]:
    """Those of the object that an import leads to, by the name that it has there as well."""
    for path in _meant(source, language, asked, others):
        found = _functions(*others[path].opened(), name, member=True)
        yield from (each for each in found if _is_of(each[0], each[1], asked, each[2]))


def _meant(source: Source, language: Language, name: bytes, others: Others) -> list[str]:
    """The files that an import of a name leads to."""
    origins = [each.origin for each in language.definitions(source) if each.origin and source.text(each.name) == name]
    ends = [end for origin in origins for end in language.modules(source.path, origin, name.decode(errors="replace"))]
    return [path for path in others if any(f"/{path}".endswith(f"/{end.lstrip('/')}") for end in ends)]


def _inherited(source: Source, language: Language, name: bytes, others: Others) -> Iterator[Found]:
    """Those of the classes that a class of the file extends, and Kotlin's that belong to no class."""
    heritage = (source.text(each) for each in descendants(source.tree.root_node) if each.type in language.HERITAGE)
    above = {word for each in heritage for word in _NAME.findall(each)}
    apart = re.compile(rb"^(?:\w+\s+)*fun\s+%s\b" % re.escape(name), re.MULTILINE)
    for other in others.values() if language.HERITAGE else ():
        if above & {*_CLASS.findall(other.data)} or apart.search(other.data):
            yield from _functions(*other.opened(), name, member=True)


def _asks(source: Source, language: Language, function: Function, name: bytes, patterns: Patterns) -> bool:
    """Whether a function asks a client, or speaks of flags, or its class or file is called so."""
    classes = _classes(source, language, function)
    if any(map(_OF_FLAGS.search, (source.text(function.node), *classes))) or any(map(_CLIENT.search, classes)):
        return True
    if _FILE_OF_FLAGS.search(source.path):
        return True
    calls = (call for node in descendants(function.node) if (call := language.call(node)) is not None)
    return any(
        sites.is_called(source, call, pattern)
        for call in calls
        if source.text(call.name) != name or call.receiver is not None
        for pattern in patterns.called(source.text(call.name))
    )
