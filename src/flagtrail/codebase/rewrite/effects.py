"""What loading a file does beside defining names: what does something is still loaded when no name of it is used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from tree_sitter import Node

from flagtrail.codebase.rewrite import conventions, loading, packages
from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported, leads_to, passed_on, stem
from flagtrail.codebase.rewrite.meanings import original_of
from flagtrail.codebase.rewrite.names import HOLDERS, Names
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Edit, Source, ancestors

MOST_FILES = 200
"""A file whose name stands in more files than that is loaded by one of them."""
DEEP = 10
"""How far a file that is loaded is followed to those that it loads."""
_HEAD = re.compile(rb"(?:package|import|from|using|export\s*\{\s*\}|(?:'|\")use (?:client|server|strict)|__all__)\b|#!")
_BOUND = re.compile(
    rb"(?:export\s+)?(?:async\s+)?(?:const|let|var|class|function|abstract|interface|type|enum|def)\b|export\s+default\b"
)
_OF_OTHERS = re.compile(rb"declare\s+(?:global|module)\b")
_PASSES_ON = re.compile(rb"export\s*(?:type\s*)?[*{]")
_REGISTERS = re.compile(
    rb"\.?\b(?:register|connect|subscribe|install|use|add|on|listen|mount|run|start|init|setup)\w*\s*\("
)
STYLES = re.compile(rb"""import\s+(?:\w+\s+from\s+)?['"]([^'"]+\.(?:css|scss|sass|less|svg|png))['"]""")
_TOLD = b"  # noqa: F401"
"""What tells that an import is there for what it does."""
_JAVASCRIPT = re.compile(rb"import\s+(?!type\b)[^'\"]*?from\s*(?=['\"])")
_Loads = tuple[Definition, bytes, bytes]
"""A name that goes, the import that loads what it was of, and the name that this one binds."""
_REQUIRED = re.compile(rb"(?:const|let|var)\s+[^=;]+=\s*(?=require\(['\"][^'\"]+['\"]\)\s*;?\Z)")


def still_loading(
    forest: Forest, path: str, after: Source, asking: frozenset[bytes] = frozenset()
) -> tuple[Source, frozenset[bytes]] | None:
    """A file before it loses the names that nothing uses, with imports without a name of what it must still load.

    `after` is the file without them, and `asking` are names of what asks for flags. None where the file loaded nothing
    alone that does something. With the names of imports that cannot do without one, as `import old` cannot.
    """
    now = forest.now(path)
    if conventions.is_test(path):
        return None
    if now.language.SHARES_FOLDER:
        return packages.still_loading(forest, now, after)
    left = Names(after, now.language)
    lost = set(imported(forest, path, now)) - set(imported(forest, path, left))
    lost |= set(imported(forest, path, now, at_once=True)) - set(imported(forest, path, left, at_once=True))
    acting = {
        target
        for target in lost
        if (_orphaned(forest, target, path) and _acts(forest, target, DEEP)) or _is_looked_up(forest, target, path)
    }
    gone = [each for each in now.definitions if each.origin and now.key(each) not in left.by_key]
    if now.language.PRIVATE_BY_CONVENTION:
        acting |= loading.missed(forest, now, gone, asking, lambda each: _begins(forest, forest.then(each)))
    kept = set(_loading(forest, now, acting, gone))
    data = now.source.data
    named = frozenset(
        name for edit, name in kept if edit.start < edit.end and edit.text.startswith(data[edit.start : edit.end])
    )
    return (now.source.edited(_apart({edit for edit, _ in kept})), named) if kept else None


def _apart(edits: set[Edit]) -> Iterator[Edit]:
    """Those of the edits that overlap none in front of them: a name that could not be taken out stays."""
    at = 0
    for edit in sorted(edits):
        if edit.start >= at:
            yield edit
            at = max(at, edit.end)


def _loading(
    forest: Forest, names: Names, acting: set[str], gone: Collection[Definition]
) -> Iterator[tuple[Edit, bytes]]:
    """The imports of a file that go, without a name of it, where they can do without; and the names."""
    path, language = names.source.path, names.language
    beside: dict[Node, list[_Loads]] = {}
    for definition in gone:
        original = original_of(names, definition).decode()
        statement = _statement(definition.name)
        if language.PRIVATE_BY_CONVENTION:
            module = _module_of(forest, path, definition.origin, original, acting)
            if module is not None:
                beside.setdefault(statement, []).append((definition, *module))
            continue
        ends = set(forest.named(language.modules(path, definition.origin, original)))
        for _ in sorted(ends & acting):
            text = _REQUIRED.sub(b"", _JAVASCRIPT.sub(b"import ", names.source.text(statement)))
            start, end = statement.start_byte, statement.end_byte
            if all(each in gone for each in names.definitions if start <= each.name.start_byte < end):
                yield Edit(start, end, text), names.called(definition)
            else:
                yield Edit(*definition.removal), names.called(definition)
                yield Edit(end, end, b"\n" + text), names.called(definition)
    for statement, found in beside.items():
        yield from _beside(names, statement, found)


def _module_of(forest: Forest, path: str, origin: str, name: str, acting: set[str]) -> tuple[bytes, bytes] | None:
    """See `_module`, of the module that an import of a name loads and that acts; else of a package that it is in."""
    modules = forest.language(path).modules
    itself = set(forest.named(modules(path, origin, "")))
    if acting & set(forest.named(modules(path, origin, name))) - itself:
        return _module(origin, name)
    while origin.strip("."):
        if acting & set(forest.named(modules(path, origin, ""))):
            return _module(origin, "")
        origin = origin.rpartition(".")[0]
    return None


def _module(origin: str, name: str) -> tuple[bytes, bytes]:
    """How a module of Python is imported for what it does, and the name that this binds; `name` is of a package."""
    module = origin.lstrip(".")
    parts = [part for part in (*module.split("."), name) if part]
    if module == origin:
        return b"import " + ".".join(parts).encode(), parts[0].encode()
    package = origin[: len(origin) - len(module)] + ".".join(parts[:-1])
    return f"from {package} import {parts[-1]}".encode(), parts[-1].encode()


def _statement(name: Node) -> Node:
    """The import that binds a name; else what stands around it at the top of the file."""
    statement = name
    for above in ancestors(name):
        if above.parent is None:
            break
        statement = above
        if above.type in ("import_from_statement", "import_statement"):
            break
    return statement


def _beside(names: Names, statement: Node, found: list[_Loads]) -> Iterator[tuple[Edit, bytes]]:
    """Imports of modules in the place of names of a statement, which stays for its others."""
    start, end = statement.start_byte, statement.end_byte
    first = names.source.text(statement).splitlines()[0].rstrip()
    marked = start + len(first) if first.endswith(b"(") else end
    lines: dict[bytes, None] = {}
    leaving: dict[Definition, None] = {}
    for definition, line, bound in found:
        if _is_taken(names, statement, definition, bound):
            yield Edit(*definition.removal, names.source.data[slice(*definition.removal)]), names.called(definition)
            yield Edit(marked, marked, _TOLD), names.called(definition)
            continue
        lines[line + _TOLD] = leaving[definition] = None
    indent = names.source.indent(start)
    text = (b"\n" + indent).join(lines)
    whole = len(leaving) == len(statement.children_by_field_name("name"))
    for definition in leaving:
        edits = [Edit(start, end, text)] if whole else [Edit(start, start, text + b"\n" + indent)]
        edits += [] if whole else [Edit(*definition.removal)]
        yield from ((edit, names.called(definition)) for edit in edits)


def _is_taken(names: Names, statement: Node, definition: Definition, bound: bytes) -> bool:
    """Whether the name that an import of a module would bind means something else in the file."""
    if any(_is_other(each, definition, bound) for each in names.by_name.get(bound, ())):
        return True
    outside = (
        each.stands == "read" and not statement.start_byte <= each.at < statement.end_byte
        for each in names.mentions(bound)
    )
    builtin = not names.by_name.get(bound) and any(outside)
    return builtin or _is_used_within(names, statement, definition, bound)


def _is_other(each: Definition, definition: Definition, bound: bytes) -> bool:
    """Whether a name means something else than the module, or the package that it is of, which would take its place."""
    return each.kind != "import" or (
        each.origin != definition.origin and each.origin.partition(".")[0].encode() != bound
    )


def _is_used_within(names: Names, statement: Node, definition: Definition, bound: bytes) -> bool:
    """Whether a function uses by a name what it would import by it from then on, and may not yet have where it does."""
    scope = definition.scope
    return scope is not None and any(
        scope.start_byte <= each.at < scope.end_byte and not statement.start_byte <= each.at < statement.end_byte
        for each in (names.mentions(bound) if scope.parent is not None else ())
    )


def _orphaned(forest: Forest, target: str, path: str) -> bool:
    """Whether nothing else loads a file."""
    if forest.gone(target):
        return False
    places = forest.search([stem(target)])[stem(target)]
    others = (
        leads_to(forest, other, positions, target, at_once=True)
        for other, positions in places.items()
        if other not in (path, target) and not conventions.is_test(other)
    )
    return len(places) <= MOST_FILES and not any(others)


def _is_looked_up(forest: Forest, target: str, path: str) -> bool:
    """Whether a file looks a module up in its package, and none but one imports it: `shop.old` after `import shop`."""
    if not forest.language(target).PRIVATE_BY_CONVENTION:
        return False
    package = target.removesuffix("/__init__.py").rpartition("/")[0]
    users = [each for each in forest.search([stem(target)])[stem(target)] if forest.akin(each, target)]
    member = re.compile(rb"\w\.%s\b(?!\s+import\b)" % re.escape(stem(target)))
    holding = (each for each in users if member.search(forest.data(each)))
    if not any(_looks_up(forest, forest.now(each), package, stem(target)) for each in holding):
        return False
    return not any(target in set(imported(forest, each, forest.now(each))) for each in users if each != path)


def _looks_up(forest: Forest, names: Names, package: str, module: bytes) -> bool:
    called = {package.rpartition("/")[2].encode()}
    for each in names.definitions:
        ends = names.language.modules(names.source.path, each.origin, original_of(names, each).decode())
        if each.kind == "import" and f"{package}/__init__.py" in set(forest.named(ends)):
            called.add(names.called(each))
    above = (each.node.parent for each in names.mentions(module) if each.stands == "member")
    members = (names.language.member(each) for each in above if each is not None)
    return any(each is not None and names.source.text(each[0]).rpartition(b".")[2] in called for each in members)


def _acts(forest: Forest, path: str, deep: int) -> bool:
    if acts_itself(forest, forest.then(path)):
        return True
    loaded = {*imported(forest, path, forest.then(path)), *passed_on(forest, path)} if deep else ()
    return any(_orphaned(forest, target, path) and _acts(forest, target, deep - 1) for target in loaded)


def defines_nothing(names: Names) -> bool:
    """Whether a file has nothing but what files begin with."""
    return all(_HEAD.match(names.source.text(node)) and _defines(names, node) for node in _statements(names))


def acts_itself(forest: Forest, names: Names) -> bool:
    """Whether loading a file does more than define names."""
    return _begins(forest, names) is not None


def _begins(forest: Forest, names: Names) -> int | None:
    """Where the first statement of a file stands that does more than define names."""
    acts, find = names.language.acts, forest.sources
    doing = (node for node in _statements(names) if not _defines(names, node) or acts(names.source, node, find))
    return next((node.start_byte for node in doing), None)


def declares_for_others(names: Names) -> bool:
    """Whether a file declares what others see without an import, as only a file that exports something may."""
    source = names.source
    return b"declare" in source.data and any(_OF_OTHERS.match(source.text(node)) for node in _statements(names))


def _statements(names: Names) -> Iterator[Node]:
    """What a file consists of, without comments and documentation."""
    for node in names.source.tree.root_node.named_children:
        text = names.source.text(node)
        if node.type not in names.language.COMMENTS and not text.startswith((b'"""', b"'''", b'r"""')):
            yield node


def _defines(names: Names, node: Node) -> bool:
    """Whether a statement of a module does nothing that others could notice once nobody imports it."""
    text = names.source.text(node)
    if _PASSES_ON.match(text):
        return True
    if _OF_OTHERS.match(text):
        return False
    found = list(_of(names, node))
    if _HEAD.match(text):
        loads = text.startswith(b"import") and not STYLES.match(text)
        return all(each.pure for each in found) and bool(found or not loads)
    if any(not each.pure and each.kind in HOLDERS for each in found):
        return names.language.tells_its_own(node)
    if found and all(each.pure for each in found if exported(each) or each.reach == "file"):
        return True
    return bool(found or _BOUND.match(text)) and not _REGISTERS.search(text.partition(b"=>")[0].partition(b"{")[0])


def _of(names: Names, node: Node) -> Iterator[Definition]:
    return (
        each
        for each in names.definitions
        if node.start_byte <= each.name.start_byte and each.name.end_byte <= node.end_byte
    )
