"""Names that a clean-up left without what they name: a check that knows nothing of how the clean-up was made.

Within a file: a name that is used and not bound there, and was not so before. Between files: a name that nothing
in the repository defines any more, and that another file of the language still reads or imports; an import from
a file that is gone. Whatever was undefined before is nobody's fault.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from flagtrail.codebase import languages
from flagtrail.codebase.cleanup import Change
from flagtrail.codebase.languages import Language
from flagtrail.codebase.repository import Repository
from flagtrail.codebase.source import Source, descendants

_USES = frozenset({"read", "write", "shorthand"})
_BUILT_IN = frozenset(b"true false null nil None True False undefined run int int64 float64 string bool error".split())
"""What a clean-up may write that no file binds: literals, Go's conversions, Kotlin's block with a scope of its own."""
_CONSTANT = re.compile(rb"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
"""What is so spelled is that constant also where it is looked up in something else (`keys.NEW_UI`)."""


@dataclass(frozen=True, slots=True, order=True)
class Undefined:
    """A place that names what is not there any more."""

    path: str
    line: int
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of one file: where each is used, and which are bound, by whatever; imports with their origin."""

    used: dict[bytes, int]
    members: dict[bytes, int]
    bound: frozenset[bytes]
    defined: frozenset[bytes]
    imports: tuple[tuple[bytes, str, int], ...]


def undefined(repository: Repository, changes: Iterable[Change]) -> list[Undefined]:
    """What the files of a repository, before and after these changes, show to be undefined now and was defined."""
    made = {change.path: change for change in changes if languages.of_path(change.path) is not None}
    found: set[Undefined] = set()
    lost: dict[str, dict[bytes, str]] = {}
    for path, change in made.items():
        language = _language(path)
        before = _names(language.source(path, change.before), language)
        after = _names(language.source(path, change.after), language) if change.after is not None else None
        if after is not None:
            found.update(_free(path, before, after))
        gone = before.defined - (after.defined if after is not None else frozenset())
        lost.setdefault(language.NAME, {}).update(dict.fromkeys(gone, path))
    deleted = [path for path, change in made.items() if change.after is None]
    if deleted or any(lost.values()):
        found.update(_elsewhere(repository, made, lost, deleted))
    return sorted(found)


def _free(path: str, before: _Names, after: _Names) -> Iterator[Undefined]:
    for name, line in after.used.items():
        new = name not in before.used and name not in _BUILT_IN
        if name not in after.bound and (name in before.bound or new):
            yield Undefined(path, line, name.decode(errors="replace"), "is used and not bound here any more")


def _elsewhere(
    repository: Repository, made: dict[str, Change], lost: dict[str, dict[bytes, str]], deleted: list[str]
) -> Iterator[Undefined]:
    """What other files, or the changed ones, still want of what is gone."""
    stems = {_stem(path).encode() for path in deleted}
    wanted = {language: _words({*names, *stems}) for language, names in lost.items()}
    files: list[tuple[str, _Names]] = []
    for path in repository.paths():
        language = languages.of_path(path)
        if language is None or language.NAME not in wanted:
            continue
        data = made[path].after if path in made else repository.read(path)
        if data is not None and wanted[language.NAME].search(data):
            files.append((path, _names(language.source(path, data), language)))
    defined: dict[str, set[bytes]] = {}
    for path, names in files:
        defined.setdefault(_language(path).NAME, set()).update(names.defined)
    for path, names in files:
        language = _language(path)
        missing = lost[language.NAME].keys() - defined[language.NAME]
        yield from _missing(path, names, {name: lost[language.NAME][name] for name in missing})
        for name, origin, line in names.imports:
            for gone in deleted:
                if _leads(origin, name.decode(errors="replace"), path, gone):
                    yield Undefined(
                        path, line, name.decode(errors="replace"), f"is imported from {gone}, which is gone"
                    )


def _missing(path: str, names: _Names, missing: dict[bytes, str]) -> Iterator[Undefined]:
    imported = {name: line for name, origin, line in names.imports if origin}
    for name, source in missing.items():
        if source == path:
            continue  # told of the file itself
        line = imported.get(name)
        if line is None and name not in names.bound:
            line = names.used.get(name) or (names.members.get(name) if _CONSTANT.fullmatch(name) else None)
        if line is not None:
            yield Undefined(path, line, name.decode(errors="replace"), f"was defined in {source}, and nowhere any more")


def _names(source: Source, language: Language) -> _Names:
    used: dict[bytes, int] = {}
    members: dict[bytes, int] = {}
    bound: set[bytes] = set()
    for node in descendants(source.tree.root_node):
        if node.type in language.NAMES and not node.child_count:
            role, text = language.role(node), source.text(node)
            if role in _USES:
                used.setdefault(text, node.start_point.row + 1)
            elif role == "bind":
                bound.add(text)
            else:
                members.setdefault(text, node.start_point.row + 1)
    definitions = list(language.definitions(source))
    imports = [each for each in definitions if each.kind == "import"]
    defined = {source.text(each.name) for each in definitions if each.reach == "repository" and each.kind != "import"}
    bound |= {source.text(each.name) for each in definitions} | {each.spelled.encode() for each in imports}
    return _Names(
        used,
        members,
        frozenset(bound),
        frozenset(defined),
        tuple((source.text(each.name), each.origin, each.name.start_point.row + 1) for each in imports),
    )


def _words(names: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(rb"(?<!\w)(?:" + b"|".join(map(re.escape, sorted(names))) + rb")(?!\w)")


def _leads(origin: str, name: str, importer: str, gone: str) -> bool:
    """Whether an import of `name` from `origin` in one file leads to a file that is gone."""
    stem = gone.rpartition(".")[0]
    module = posixpath.dirname(stem) if _stem(gone) in {"index", "__init__"} else stem
    if origin.startswith(("./", "../")):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(importer), origin))
        return target in {gone, stem, module}
    if origin.startswith("."):
        up = len(origin) - len(origin.lstrip("."))
        folder = PurePosixPath(importer).parents[min(up, len(PurePosixPath(importer).parents)) - 1]
        parts = [part for part in origin.lstrip(".").split(".") if part]
        return module in {posixpath.join(folder, *parts), posixpath.join(folder, *parts, name)}
    dotted = module.replace("/", ".")
    return any(origin and (dotted == one or dotted.endswith(f".{one}")) for one in (origin, f"{origin}.{name}"))


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _language(path: str) -> Language:
    language = languages.of_path(path)
    assert language is not None  # noqa: S101 - only files of a known language are looked at
    return language
