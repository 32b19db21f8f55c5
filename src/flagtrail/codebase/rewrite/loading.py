"""In which order modules of Python are loaded, and which imports of names that go must stay because of it.

That another file loads a module, too, says nothing: a program may begin with this one alone, and what registers itself
first is often asked first. So an import of what does something goes only where the file itself still loads that, and
nothing that does something comes in between; or where it is of what asks for flags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import is_late, starred
from flagtrail.codebase.rewrite.meanings import original_of, within
from flagtrail.codebase.rewrite.names import WORD, Names
from flagtrail.codebase.shapes import Definition

MOST_LOADED = 200
"""So many modules are followed that a file loads; where there are more, it is not told what becomes of their order."""
Acts = Callable[[str], int | None]
"""Where a module first does something; None where it only defines."""
_Import = tuple[Definition | None, list[str], int]
"""What an import binds, none where it takes all; what it loads, in that order; and where it stands."""


def missed(forest: Forest, now: Names, gone: Collection[Definition], asking: frozenset[bytes], acts: Acts) -> set[str]:
    """The modules that the imports of names that go must still load; `asking` are names of what asks for flags."""
    path, acts = now.source.path, cache(acts)
    imports = list(_imports(forest, now))
    asked = {modules[-1] for each, modules, _ in imports if each in gone and each and _asks(forest, each, path, asking)}
    going = [index for index, (each, modules, _) in enumerate(imports) if each in gone and modules[-1] not in asked]
    own = set(_chain(forest, path))
    if not any(True for index in going for _ in _run(forest, imports[index][1], set(own), acts)):
        return set()
    found: set[str] = set()
    was, stays = set(own), set(own)
    for index, (definition, modules, _) in enumerate(imports):
        if definition not in gone:
            list(_run(forest, modules, stays, acts))
        elif index in going:
            later = [module for each, chain, _ in imports[index + 1 :] if each not in gone for module in chain]
            lost = _lost(forest, modules, later, set(was), set(stays), acts)
            found |= {lost} - {""}
            list(_run(forest, [lost], stays, acts))
        list(_run(forest, modules, was, acts))
    return found if len(was) <= MOST_LOADED else set()


def _lost(forest: Forest, modules: list[str], later: list[str], was: set[str], stays: set[str], acts: Acts) -> str:
    """The last of an import's modules that does something which, without it, comes after something else, or never."""
    doing = _run(forest, later, stays, acts)
    lost = ""
    for module in modules:
        new = list(_run(forest, [module], was, acts))
        if new and (lost or any(next(doing, "") != each for each in new)):
            lost = module
    return lost


def _asks(forest: Forest, definition: Definition, path: str, asking: frozenset[bytes]) -> bool:
    """Whether a file used a name for nothing but to ask for flags: `flags.is_enabled(..)`, `client().variation(..)`."""
    then = forest.then(path)
    name = then.called(definition)
    asks = re.compile(re.escape(name) + rb"(?:\s*\.\s*\w+|\([^()]*\))*")
    imports = [each for each in then.by_name.get(name, ()) if each.kind == "import"]
    uses = [each.at for each in then.mentions(name) if not any(within(each.at, one) for one in imports)]
    asked = (asks.match(then.source.data, at) for at in uses)
    return bool(uses) and all(found and not asking.isdisjoint(WORD.findall(found.group())) for found in asked)


def _imports(forest: Forest, names: Names) -> Iterator[_Import]:
    """What a file loads at once, in the order of its text."""
    path, language = names.source.path, names.language
    found: list[tuple[int, Definition | None, Iterable[str]]] = []
    for each in names.definitions:
        if each.kind == "import" and each.origin and not is_late(each):
            ends = language.modules(path, each.origin, original_of(names, each).decode())
            found.append((each.name.start_byte, each, forest.named(ends)))
    found += [(match.start(), None, sorted(meant)) for match, meant in starred(forest, path)]
    for at, definition, files in sorted(found, key=lambda each: each[0]):
        modules = list(dict.fromkeys(module for file in files for module in _chain(forest, file)))
        if modules:
            yield definition, modules, at


def _chain(forest: Forest, path: str) -> list[str]:
    """A module, behind the packages that it is in."""
    chain = [path]
    folder = path.removesuffix("/__init__.py").rpartition("/")[0]
    while folder and (package := f"{folder}/__init__.py") in forest.files:
        chain.insert(0, package)
        folder = folder.rpartition("/")[0]
    return chain


def _run(forest: Forest, paths: Iterable[str], ran: set[str], acts: Acts) -> Iterator[str]:
    """The modules that do something when these are loaded, in that order, but for those that `ran`, which come to hold
    all that are loaded. A module that does something before one of its imports comes before that, too.
    """
    for path in paths:
        if path in ran or len(ran) > MOST_LOADED or forest.gone(path) or forest.of_path(path) is None:
            continue
        ran.add(path)
        begins, told = acts(path), False
        for _, modules, at in _imports(forest, forest.now(path)):
            if begins is not None and begins < at and not told:
                told = True
                yield path
            yield from _run(forest, modules, ran, acts)
        if begins is not None:
            yield path
