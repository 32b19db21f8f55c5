"""Tests of what fell: the cases that use it go, and a file of which no case is left."""

from __future__ import annotations

from collections.abc import Iterable

from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import leads_to, stem
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.source import Source, descendants

Spans = set[tuple[int, int]]


def without_cases(forest: Forest, path: str, name: bytes, *, of_class: bool) -> Source | None:
    """A file of tests without the cases that use a name; None where something else in it uses the name, too.

    What is `of_class` is looked up in something: a variable of a test that is called so, too, is none of it.
    """
    names = forest.now(path)
    spans: Spans = set()
    for mention in names.mentions(name):
        if mention.stands == "bind" or any(_imports(names, mention.at)):
            continue
        if of_class and mention.stands != "member":
            if names.language.PRIVATE_BY_CONVENTION:
                continue
            return None
        case = names.language.test_case(mention.node)
        if case is None:
            return None
        spans.add(case)
    if not spans:  # others may take the name from here
        return None
    return without(names.source, names.language, spans)


def is_empty(names: Names) -> bool:
    """Whether a file of tests has no case."""
    language = names.language
    return not any(language.test_case(node) for node in descendants(names.source.tree.root_node) if node.is_named)


def is_shared(forest: Forest, path: str) -> bool:
    """Whether other files may use what stands in a file of tests."""
    places = forest.search([stem(path)])[stem(path)]
    others = (leads_to(forest, other, found, path) for other, found in places.items() if other != path)
    return conventions.is_found(path) or any(others)


def is_of(forest: Forest, test: str, owner: str, lost: Iterable[bytes]) -> bool:
    """Whether a file of tests is named after a file of which nothing is left but what is lost."""
    now = forest.now(owner)
    rest = {now.called(each) for each in now.definitions if exported(each) and each.kind != "parameter"} - set(lost)
    stem = owner.rpartition("/")[2].partition(".")[0]
    return conventions.subject(test).lower() == stem.lower() and not rest


def _imports(names: Names, at: int) -> Iterable[bool]:
    return (each.kind == "import" for each in names.definitions if each.removal[0] <= at < each.removal[1])
