"""Tests of what fell: the cases that use it go, and a file of which no case is left."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from flagtrail.codebase.rewrite import conventions
from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported, leads_to, stem
from flagtrail.codebase.rewrite.names import MEMBERS, Names
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.source import Source, descendants

Spans = set[tuple[int, int]]
Lost = Mapping[str, set[bytes]]

_ACTS = re.compile(rb"^func (?:init|TestMain)\(", re.MULTILINE)
"""What a file does for the others of its package before they run."""
_HEAD_ENDS = re.compile(rb"\{|:\s*\n")
_DECORATED = re.compile(rb"\A\s*@.*^\s*(?=(?:async )?def )", re.DOTALL | re.MULTILINE)
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
    if not spans or any(_tests_more(forest, names, each, name, owner, lost) for each in spans):
        return None  # without one others may take the name from here
    return without(names.source, names.language, spans)


def _tests_more(forest: Forest, names: Names, case: tuple[int, int], name: bytes, owner: str, lost: Lost) -> bool:
    """Whether a case is of something that stays: it calls that, and nothing says that it is of the name.

    Its head says it, `func TestOldPrice(` or `it('adds the old price', () => {`, or its file is called after the
    owner's. In such a file a case is not of the name that says what else it is of: `func TestPrice(`.
    """
    written = _HEAD_ENDS.split(names.source.data[slice(*case)], maxsplit=1)[0]
    head, own, path = _joined(written), _joined(name), names.source.path
    if own in _joined(_DECORATED.sub(b"", written)):
        return False
    inside = [node for node in descendants(names.source.tree.root_node) if case[0] <= node.start_byte < case[1]]
    if conventions.subject(path).lower() == conventions.subject(owner).lower():
        used = {names.source.text(node) for node in inside if node.type in names.language.NAMES}
        said = {each for each in used if _joined(each) in head}
        return _stays(forest, path, said, owner, lost)
    calls = (call for node in inside if (call := names.language.call(node)) is not None)
    return _stays(forest, path, {names.source.text(call.name) for call in calls}, owner, lost)


def _joined(name: bytes) -> bytes:
    return _JOINTS.sub(b"", name).lower()


def _stays(forest: Forest, test: str, called: set[bytes], owner: str, lost: Lost) -> bool:
    """Whether one of some names is a function that stays, beside the owner or the test."""
    folders = {each.rpartition("/")[0] for each in (owner, test)}
    return any(
        path.rpartition("/")[0] in folders
        and forest.akin(path, owner)
        and not conventions.is_test(path)
        and word not in lost.get(path, ())
        and any(
            each.kind in ("function", "member") and exported(each) for each in forest.now(path).by_name.get(word, ())
        )
        for word, places in forest.search(called).items()
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
    """Whether other files may use what stands in a file of tests, as those of a package do without an import."""
    names = forest.now(path)
    if conventions.is_found(path) or _ACTS.search(names.source.data):
        return True
    places = forest.search([stem(path)])[stem(path)]
    if any(leads_to(forest, other, found, path) for other, found in places.items() if other != path):
        return True
    own = {names.called(each) for each in names.definitions if exported(each) and each.kind not in ("import", *MEMBERS)}
    return any(_has(forest, other, name, path) for name, found in forest.search(own).items() for other in found)


def _has(forest: Forest, other: str, name: bytes, path: str) -> bool:
    """Whether another file uses a name of a file that it need not import, or that it does import."""
    if other == path or forest.of_path(other) is None or not forest.akin(other, path):
        return False
    names = forest.now(other)
    if not any(each.stands != "member" for each in names.mentions(name)):
        return False
    return not names.by_name.get(name) or path in set(imported(forest, other, names))


def is_of(forest: Forest, test: str, owner: str, lost: Iterable[bytes]) -> bool:
    """Whether a file of tests is named after a file of which nothing is left but what is lost."""
    now = forest.now(owner)
    rest = {now.called(each) for each in now.definitions if exported(each) and each.kind != "parameter"} - set(lost)
    stem = owner.rpartition("/")[2].partition(".")[0]
    return conventions.subject(test).lower() == stem.lower() and not rest


def _imports(names: Names, at: int) -> Iterable[bool]:
    return (each.kind == "import" for each in names.definitions if each.removal[0] <= at < each.removal[1])
