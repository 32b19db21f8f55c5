"""Tests of what fell: the cases that use it go, and a file of which no case is left."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import leads_to, stem
from flagtrail.codebase.rewrite.names import MEMBERS, Names
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.source import Source, descendants

Spans = set[tuple[int, int]]
Lost = Mapping[str, set[bytes]]

_HEAD_ENDS = re.compile(rb"\{|:\s*\n")
_JOINTS = re.compile(rb"[\W_]+")


def without_cases(forest: Forest, path: str, name: bytes, owner: str, lost: Lost, *, of_class: bool) -> Source | None:
    """A file of tests without the cases of a name of `owner`; None where something else in it uses the name, too, as
    a case does that tests something else, of which `lost` tells nothing, and takes the name for a step to it.

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
    named = conventions.subject(path).lower() == conventions.subject(owner).lower()
    others = [] if named else [span for span in spans if not _is_called_after(names, span, name)]
    if not spans or _tests_more(forest, names, others, owner, lost):  # without one others may take the name from here
        return None
    return without(names.source, names.language, spans)


def _is_called_after(names: Names, case: tuple[int, int], name: bytes) -> bool:
    """Whether a case says in its head what it is of: `func TestOldPrice(`, `it('adds the old price', () => {`."""
    head = _HEAD_ENDS.split(names.source.data[slice(*case)], maxsplit=1)[0]
    return _JOINTS.sub(b"", name).lower() in _JOINTS.sub(b"", head).lower()


def _tests_more(forest: Forest, names: Names, cases: Iterable[tuple[int, int]], owner: str, lost: Lost) -> bool:
    """Whether one of the cases calls a function beside the owner that stays."""
    calls = {
        names.source.text(call.name)
        for case in cases
        for node in descendants(names.source.tree.root_node)
        if case[0] <= node.start_byte < case[1] and (call := names.language.call(node)) is not None
    }
    folder = owner.rpartition("/")[0]
    return any(
        path.rpartition("/")[0] == folder
        and forest.akin(path, owner)
        and not conventions.is_test(path)
        and called not in lost.get(path, ())
        and any(
            each.kind in ("function", "member") and exported(each) for each in forest.now(path).by_name.get(called, ())
        )
        for called, places in forest.search(calls).items()
        for path in places
    )


def is_for_others(forest: Forest, owner: str, name: bytes, users: Collection[str]) -> bool:
    """Whether what tests alone used may be there for others: it is the product's, or a method of a helper of tests."""
    if not all(map(conventions.is_test, users)):
        return False
    methods = owner not in users and any(each.kind in MEMBERS for each in forest.now(owner).by_name.get(name, ()))
    return methods or not conventions.is_test(owner)


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
