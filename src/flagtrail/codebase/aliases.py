"""Names that stand for a flag: constants that hold its key, and functions and variables that hold its answer.

A name found in one file is looked for in the others. There it means the flag where it is imported, or qualified
by what it is a member of, or where the language shares names within a folder; a name that could as well be
another's is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from tree_sitter import Node

from flagtrail.codebase import heirs, sites
from flagtrail.codebase.languages import Language
from flagtrail.codebase.naming import Alias, naming, spelled
from flagtrail.codebase.patterns import Patterns
from flagtrail.codebase.rewrite import placeholders as named
from flagtrail.codebase.rewrite import seeds
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.seeds import Derived, Wanted
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source

MOST_HEAD = 300
"""Bytes in front of a key in which the declaration begins whose value is made of it."""
_TEXT_OF = re.compile(
    rb"(?:\bString\s+\w+|\bva[lr]\s+\w+\s*:\s*String\??)\s*=\s*(?:new\s+)?[\w.]+\(\s*\Z"
    rb"|\bval\s+\w+\s*=\s*(?:\w+\.)*(?:format|join|plus|prefixed|suffixed|concat\w*)\(\s*\Z"
)
MOCKED_WHOLE = re.compile(
    rb"""\b(?:jest|vi)\s*\.\s*(?:do)?[mM]ock\s*\(\s*(?:import\s*\(\s*)?['"]([^'"]+)['"]\s*\)?\s*,?\s*\)"""
)
_WHOLE = rb"import\s+(?:type\s+)?%s\s*(?:,\s*[{*]|from\b)|(?<![\w$])%s\s*=\s*(?:await\s+)?(?:require|import)\b"
"""What a module of JavaScript exports by default, or all of it, under a name that the importing file gives it."""
_ITSELF = frozenset({b"self", b"cls", b"super()"})
_OF_FOLDERS = frozenset({"__init__", "index"})
"""Files that are the module of their folder."""


@dataclass(frozen=True, slots=True)
class Known:
    """A derived name with the file that defines it. `local`: nobody outside that file can use it.

    `of` is the class of a method that must stay, and is known just where that class, or one that extends it, asks it.
    """

    derived: Derived
    path: str
    local: bool
    member: bool
    of: bytes = b""


def aliases(source: Source, language: Language, key: str, patterns: Patterns) -> Iterator[Alias]:
    """The names that this file gives to the key."""
    literals = list(sites.texts(source, language, key))
    if not literals:
        return
    definitions = list(language.definitions(source))
    for literal in literals:
        site = sites.site(source, language, literal, patterns)
        registers = site is not None and site.pattern.kind == "definition"
        asks = site is not None and site.pattern.kind == "call"
        alias = naming(source, definitions, literal, registers=registers) if not asks else None
        if alias is not None and (registers or not _is_other_text(source, language, literal)):
            yield alias


def members(source: Source, language: Language, key: str) -> Iterator[Alias]:
    """The members of enumerations of flags that are called as the key, which then need not be written as a text."""
    yield from spelled(source, list(language.definitions(source)), key) if language.NOMINAL else ()


def made_of(source: Source, language: Language, alias: Alias, patterns: Patterns) -> Iterator[Alias]:
    """The names that this file gives to what is made of a constant which holds the key: `Setting.of(NEW_UI, false)`."""
    if not _means(source, language, alias):
        return
    definitions = list(language.definitions(source))
    for node in sites.names(source, language, {alias.name}):
        key = sites.whole(language, node)
        named = naming(source, definitions, key) if language.role(node) != "bind" else None
        site = sites.site(source, language, key, patterns)
        asks = site is not None and site.pattern.kind != "definition"
        if named is not None and named.name != alias.name and not asks and not _is_other_text(source, language, key):
            yield named


def _is_other_text(source: Source, language: Language, key: Node) -> bool:
    """Whether a text is made of the key, which is another key then: `String NEWEST = versioned(NEW_UI, 2)`."""
    return language.NOMINAL and _TEXT_OF.search(source.data[: key.start_byte][-MOST_HEAD:]) is not None


def aliases_in(
    source: Source, language: Language, found: Iterable[Alias], ambiguous: Collection[bytes] = ()
) -> frozenset[bytes]:
    """Those names that mean the key in this file; of an `ambiguous` one, where no use could mean something else."""
    known = list(found)
    own = {
        alias.name
        for alias in known
        if _means(source, language, alias) and (alias.name not in ambiguous or _surely(source, language, alias))
    }
    apart = (alias for alias in known if not alias.container and not alias.local)
    return frozenset(own.union(*(_renamed(source, language, alias.name, alias.path) for alias in apart)))


def _renamed(source: Source, language: Language, name: bytes, path: str) -> Iterator[bytes]:
    """What a file calls a name that it imports from another one as something else: `FAST as Quick`."""
    if name not in source.data or b" as " not in source.data:
        return
    renamed = re.compile(rb"(?<![\w$])" + re.escape(name) + rb"\s+as\s+([A-Za-z_$][\w$]*)")
    for each in language.definitions(source):
        match = renamed.search(source.data, *each.removal) if each.kind == "import" and each.origin else None
        if match is None or match.group(1) != source.text(each.name) or match.group(1) == name:
            continue
        if _leads(source, language, each.origin, name, path) and not given(source, language, match.group(1)):
            yield match.group(1)


def _surely(source: Source, language: Language, alias: Alias) -> bool:
    """Whether a name that is given more than one value can mean just this one wherever it stands in the file."""
    nodes = _standing(source, language, alias.name, alias.path)
    imports = [
        each for each in language.definitions(source) if each.kind == "import" and source.text(each.name) == alias.name
    ]
    taken = {each.name.id for each in imports}
    given = sum(language.role(node) in ("bind", "write") and node.id not in taken for node in nodes)
    if given > (alias.path == source.path) or len(imports) > 1:
        return False
    if any(not _leads(source, language, each.origin, alias.name, alias.path) for each in imports):
        return False
    owners = {alias.container} if alias.container else _modules(source, language, alias.path)
    members = (language.member(node.parent) for node in nodes if node.parent is not None)
    return all(
        source.text(member[0]).rpartition(b".")[2] in {each.rpartition(b".")[2] for each in owners}
        and _is_of_package(source, language, source.text(member[0]), alias.path)
        for node, member in zip(nodes, members, strict=False)
        if member is not None and member[1] == node
    )


def _is_of_package(source: Source, language: Language, owner: bytes, path: str) -> bool:
    """Whether a class, as a file calls it, can be one of another file: `K`, `Outer.K`, `shop.flags.K`."""
    first = owner.partition(b".")[0]
    if not language.NOMINAL or path == source.path:
        return True
    return language.may_name(source, path, first) or owner in _modules(source, language, path)


def _leads(source: Source, language: Language, origin: str, name: bytes, path: str) -> bool:
    ends = language.modules(source.path, origin, name.decode("utf-8", "replace"))
    return any(f"/{path}" == end if end.startswith("/") else f"/{path}".endswith(f"/{end}") for end in ends)


def mocks_all(source: Source, language: Language, path: str) -> bool:
    """Whether a test has all functions of another file answer nothing."""
    origins = (origin.decode("utf-8", "replace") for origin in MOCKED_WHOLE.findall(source.data))
    return any(_leads(source, language, origin, b"", path) for origin in origins)


def _means(source: Source, language: Language, alias: Alias) -> bool:
    if alias.name not in source.data:
        return False
    if alias.path == source.path:
        return True
    if alias.local:
        return False
    if alias.container and alias.container in source.data:
        taken = imported(source, language, alias.container)
        return not taken or language.may_name(source, alias.path, alias.container)
    if _is_imported(source, language, alias.name, alias.path) or _shares(source.path, alias.path, language):
        return True
    return _qualified(source, language, alias.name, alias.path)


def imported(source: Source, language: Language, name: bytes) -> bool:
    """Whether a file imports a name."""
    return any(each.kind == "import" and source.text(each.name) == name for each in language.definitions(source))


def _is_imported(source: Source, language: Language, name: bytes, path: str) -> bool:
    """Whether a file imports a name that can be one of another file, and is nothing else that it calls so."""
    found = [each for each in language.definitions(source) if each.kind == "import" and source.text(each.name) == name]
    itself = bool(found) and all(_is_itself(source, language, each, path) for each in found)
    return itself and language.may_name(source, path, name)


def _is_itself(source: Source, language: Language, definition: Definition, path: str) -> bool:
    name = source.text(definition.name)
    start, end = source.line_start(definition.name.start_byte), source.line_end(definition.name.end_byte)
    renamed = re.search(rb"([\w$*]+)(?:\s+as\s+|\s*:\s*)%s(?![\w$])" % re.escape(name), source.data[start:end])
    if renamed is not None and renamed[1] not in (name, b"default"):
        return False
    whole = renamed is not None and renamed[1] == b"default"
    if whole or re.search(_WHOLE % ((re.escape(name),) * 2), source.data[start:end]):
        return _leads(source, language, definition.origin, name, path)
    return (
        next(iter(language.modules(source.path, definition.origin, name.decode("utf-8", "replace"))), None) is not None
    )


def _qualified(source: Source, language: Language, name: bytes, path: str) -> bool:
    """Whether every use of a name here is one of the module or folder that defines it: `features.NewUI`."""
    modules = _modules(source, language, path)
    found = _standing(source, language, name, path) if modules else []
    members = (language.member(node.parent) for node in found if node.parent is not None)
    return bool(found) and all(member is not None and source.text(member[0]) in modules for member in members)


def _standing(source: Source, language: Language, name: bytes, path: str) -> list[Node]:
    """Where a name stands that another file may define, and is no field's."""
    apart = not _shares(source.path, path, language)
    return [node for node in sites.names(source, language, {name}) if not language.is_field(node, apart=apart)]


def _modules(source: Source, language: Language, path: str) -> set[bytes]:
    """What a file calls the module that another file is, or the folder where files of one are a module together.

    Where a type is told by its name alone, a file is called by the class that it is named after.
    """
    where = PurePosixPath(path)
    if language.NOMINAL:
        parts = where.with_suffix("").parts
        whole = {".".join(parts[at:]).encode() for at in range(len(parts) - 1)}
        of_file = where.stem.encode()
        return whole | {of_file} if language.may_name(source, path, of_file) else whole
    imports = [each for each in language.definitions(source) if each.kind == "import"]
    if language.SHARES_FOLDER:
        folder = where.parent
        return {
            each.spelled.encode()
            for each in imports
            if folder.name and each.spelled and f"/{each.origin}".endswith(f"/{folder.name}")
        }
    called = where.parent.name if where.stem in _OF_FOLDERS else where.stem
    names = {source.text(each.name): re.split(r"[./]", each.origin) for each in imports}
    whole = {each.origin.encode() for each in imports if each.origin.endswith(f".{called}")}
    return whole | {name for name, parts in names.items() if called in (parts[-1], name.decode("utf-8", "replace"))}


def _shares(path: str, other: str, language: Language) -> bool:
    return language.SHARES_FOLDER and PurePosixPath(path).parent == PurePosixPath(other).parent


def derived(source: Source, language: Language, key: str) -> Iterator[Known]:
    """The functions and variables of this folded file that are the flag's answer and nothing else."""
    return (known for known in answering(source, language) if may_be_put(known, key))


def may_be_put(known: Known, key: str) -> bool:
    """Whether what is called so elsewhere can be this."""
    return known.local or bool(known.of) or not known.member or names_the_flag(known.derived.name, key)


def answering(source: Source, language: Language) -> Iterator[Known]:
    """The functions and variables of this folded file that are its answer."""
    for node in named.found(source, language):
        yield from _of(source, language, node)


def _of(source: Source, language: Language, node: Node) -> Iterator[Known]:
    at = node.parent
    for _ in range(6):
        if at is None:
            return
        function = language.function(at)
        if function is not None:
            own = heirs.asking_itself(source, language, function) if function.overrides else b""
            if function.result == node and bool(own) >= function.overrides and source.text(node) != named.DETAILS:
                head = source.data[function.node.start_byte : function.body.start_byte].split()
                name = Derived(
                    source.text(function.name),
                    source.text(node),
                    function=True,
                    asynchronous=b"async" in head,
                    accessor=function.accessor,
                    looked_up_in=_ITSELF if own else None,
                    faultless=function.faultless,
                )
                local = function.private and not own
                yield Known(name, source.path, local, language.is_member(function.node), own)
            return
        for binding in language.bindings(at):
            if binding.value == node and language.reach(binding) == "repository":
                elsewhere = language.NOMINAL and not _is_of_its_file(source, language, binding.name)
                within = frozenset[bytes]() if elsewhere else None
                name = Derived(source.text(binding.name), source.text(node), function=False, looked_up_in=within)
                yield Known(name, source.path, local=False, member=False)
                return
        at = at.parent


def _is_of_its_file(source: Source, language: Language, name: Node) -> bool:
    """Whether what declares a constant is the class that its file is named after, and none within that or beside it."""
    around = (each for each in language.definitions(source) if each.kind == "class")
    holders = {source.text(each.name) for each in around if each.removal[0] <= name.start_byte < each.removal[1]}
    return holders == {PurePosixPath(source.path).stem.encode()}


def silenced(before: Source, after: Source, language: Language, answer: Answer, wanted: Wanted) -> Iterator[Derived]:
    """What a file asked for the flag with, and nothing else: what a test has it answer there says nothing any more."""
    if not language.NAMES_IN_TEXTS or after.data == before.data:
        return
    for callee, answered in dict.fromkeys(seeds.asked(before, language, answer, wanted)):
        root = callee.partition(b".")[0]
        left = sites.names(after, language, {root})
        if root.decode().isidentifier() and not any(language.role(node) != "bind" for node in left):
            yield Derived(callee, answered, function=True, module=before.path)


def is_called_so(name: bytes, own: bytes, others: Iterable[bytes]) -> bool:
    """Whether something else gets the name, in an `export { slow as isNew }` or as what its file exports by default."""
    word, found = re.escape(name), list(others)
    renamed = re.compile(rb"(?<![\w$])(?!(?:default|%s)\b)[\w$]+\s+as\s+%s\s*[,}]" % (word, word))
    taken = re.compile(rb"\bimport\s+%s[ \t]*(?:,\s*[{*]|from\b)" % word)
    default = re.compile(rb"\bdefault\s+(?:async\s+)?(?:function\b)?[\s*]*%s\b|\b%s\s+as\s+default\b" % (word, word))
    return any(map(renamed.search, found)) or (any(map(taken.search, found)) and not default.search(own))


def derived_in(source: Source, language: Language, found: Iterable[Known]) -> tuple[Derived, ...]:
    """Those that mean the flag's answer in this file."""
    return tuple(
        replace(derived, looked_up_in=frozenset(_modules(source, language, known.path)))
        if _is_free(known, language) or _is_constant(known, language)
        else derived
        for known in found
        for derived in _usable(source, language, known)
    )


def _is_constant(known: Known, language: Language) -> bool:
    """Whether it is a constant that is looked up in nothing but its class."""
    return language.NOMINAL and not known.derived.function and known.derived.looked_up_in is None


def _is_free(known: Known, language: Language) -> bool:
    """Whether it is a function that is looked up in nothing but its module."""
    return known.derived.function and not known.member and language.PRIVATE_BY_CONVENTION


def _usable(source: Source, language: Language, known: Known) -> Iterator[Derived]:
    derived = known.derived
    if derived.name not in source.data:
        return
    if known.path == source.path:
        if derived.function:
            yield derived
        return
    if known.local or (known.of and not heirs.alone_ask(source, language, derived.name, known.of)):
        return
    if (
        known.member
        or _is_imported(source, language, derived.name, known.path)
        or _shares(source.path, known.path, language)
    ):
        yield derived
    elif _qualified(source, language, derived.name, known.path) or (language.NOMINAL and not derived.function):
        yield derived if derived.function else replace(derived, accessor=True)
    if not known.member:
        for name in _renamed(source, language, derived.name, known.path):
            yield replace(derived, name=name)


def replaces(source: Source, language: Language, name: bytes) -> bool:
    """Whether a file may put something else in a method's place: `self.is_new = other`, a class that imports one."""
    if language.NOMINAL:
        return False
    form = rb"(?<![\w.])(?:self|cls|this)\.%s\s*(?::[^=\n]+)?=(?![=>])" % re.escape(name)
    passed_on = language.PRIVATE_BY_CONVENTION and imported(source, language, name)
    return passed_on or re.search(form, source.data) is not None


def given(source: Source, language: Language, name: bytes) -> int:
    """How often a file gives a name a meaning or a value."""
    nodes = sites.names(source, language, {name})
    return sum(language.role(node) in ("bind", "write") and not _is_import(source, language, node) for node in nodes)


def defined(source: Source, language: Language, name: bytes) -> int:
    """How often a file defines a function or variable of this name."""
    return sum(
        language.role(node) == "bind" and not _is_import(source, language, node)
        for node in sites.names(source, language, {name})
    )


def _is_import(source: Source, language: Language, node: Node) -> bool:
    return any(each.kind == "import" and each.name == node for each in language.definitions(source))


def names_the_flag(name: bytes, key: str) -> bool:
    """Whether a name tells which flag it answers: others of this name could answer something else."""
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    return plain in re.sub(r"[^a-z0-9]", "", name.decode("utf-8", "replace").lower())
