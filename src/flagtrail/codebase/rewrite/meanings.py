"""What a name in one file means in another one, by what the file imports, names, and shares a package with."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tree_sitter import Node

from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import ancestors

_STARRED = re.compile(rb"import\s*\*|import\s[\w.\s]+\.\*|import\s+\.\s")
_ROOT = re.compile(r"^(?:.*/)?src/\w+/(?:java|kotlin)/")


def meant(forest: Forest, user: str, name: bytes, found: Iterable[str]) -> bool:
    """Whether a user could mean what one of the files found defines by a name, without an import that leads there."""
    then, language = forest.then(user), forest.language(user)
    own = then.by_name.get(name, ())
    if any(each.kind != "import" and not exported(each) for each in own):
        return False
    packages = {each.origin.rpartition(".")[0] for each in own if each.kind == "import"} - {""}
    stands = {mention.stands for mention in then.mentions(name)}
    for path in found:
        if declared(forest.data(path)) in packages:
            return True
        if "member" in stands and _in_sight(forest, then, path, name):
            return True
        near = language.SHARES_FOLDER and (package(path) == package(user) or stars(then))
        if "read" in stands and near:
            return True
    return False


def _in_sight(forest: Forest, user: Names, path: str, name: bytes) -> bool:
    """Whether what a user looked up could be what a file defines: of a class it names, or of a module it imports."""
    now = forest.now(path)
    around = {now.called(each) for found in now.by_name.get(name, ()) for each in now.around[found]}
    if path == user.source.path:
        return any(each.stands == "member" and not _of_import(each.node) for each in user.mentions(name))
    if around & user.words.keys():
        return True
    origins = {each.origin for each in user.definitions if each.origin}
    modules = user.language.modules
    return any(path in set(forest.named(modules(user.source.path, origin, ""))) for origin in origins)


def _of_import(node: Node) -> bool:
    """Whether a name is a part of a module's, which is never what the importing file itself defines."""
    return any("import" in above.type for above in ancestors(node))


def original_of(names: Names, definition: Definition) -> bytes:
    """What an imported name is called where it is defined."""
    called = names.called(definition)
    text = names.source.data[slice(*definition.removal)]
    found = re.search(rb"([\w$]+)\s+as\s+" + re.escape(called), text)
    return found.group(1) if found else called


def package(path: str) -> str:
    """The folder, of which source roots (`src/main/java`, `src/test/kotlin`) are no part."""
    folder = path.rpartition("/")[0]
    return _ROOT.sub("", folder + "/")


def declared(data: bytes) -> str:
    """The package that a file says it is of, where its folder need not tell."""
    found = re.search(rb"^package\s+([\w.]+)", data, re.MULTILINE)
    return found.group(1).decode() if found else ""


def stars(names: Names) -> bool:
    """Whether a file imports names without telling which."""
    return bool(_STARRED.search(names.source.data))
