"""Whole files that fell: of which nothing is left, or that nothing imports any more; with tests that test only such.

A file goes only where loading it does nothing but define names, nothing else can find it, and no text names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flagtrail.codebase.rewrite import conventions, effects
from flagtrail.codebase.rewrite.dead import exported
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.gathered import Gathered
from flagtrail.codebase.rewrite.importing import imported, is_public, leads_to, mocked, passed_on, starred, stem
from flagtrail.codebase.rewrite.packages import unpacked
from flagtrail.codebase.rewrite.registries import lists_flags
from flagtrail.codebase.rewrite.removal import without
from flagtrail.codebase.source import Edit

MOST_FILES = 200
"""A module whose name stands in more files than that is imported."""


@dataclass(slots=True)
class Modules:
    """The files that fall, round by round."""

    forest: Forest
    key: bytes
    gathered: Gathered
    spared: frozenset[bytes] = frozenset()

    def round(self) -> bool:
        """One round: whether another file went."""
        hollow = [path for path in self._touched() if self._hollow(path)]
        left = [path for path in self._lost_an_importer() if path not in hollow and self._is_plain(path)]
        candidates = [path for path in (*hollow, *left) if not self.gathered.holds(path)]
        if not candidates:
            return False
        fallen = self._fallen(candidates)
        for path in fallen:
            self.forest.put(path, None)
        unpacked(self.forest, fallen)
        return bool(fallen)

    def _touched(self) -> list[str]:
        return [path for path, source in self.forest.changed.items() if source is not None]

    # ---------------------------------------------------------------- which could go
    def _hollow(self, path: str) -> bool:
        """Whether a file defines nothing any more, and did before."""
        if path.endswith("__init__.py"):
            return False
        now = self.forest.now(path)
        return effects.defines_nothing(now) and not effects.defines_nothing(self.forest.then(path))

    def _lost_an_importer(self) -> list[str]:
        """Files that a changed file imported and imports no more."""
        found: dict[str, None] = {}
        for path in self.forest.parsed():
            now = set(imported(self.forest, path, self.forest.now(path))) if not self.forest.gone(path) else set()
            passed = passed_on(self.forest, path) if self.forest.gone(path) else ()
            for target in (*imported(self.forest, path, self.forest.then(path), surely=True), *passed):
                of_tests = conventions.is_test(path) and not conventions.is_test(target)
                if target not in now and not self.forest.gone(target) and target != path and not of_tests:
                    found[target] = None
        return list(found)

    def _is_plain(self, path: str) -> bool:
        """Whether loading a file does nothing but define names."""
        if conventions.is_found(path) or conventions.is_test(path) or path.endswith("__init__.py"):
            return False
        if conventions.is_generated(self.forest.data(path)):
            return False
        names = self.forest.now(path)
        if self.spared & names.by_name.keys() and any(
            exported(each) and names.called(each) in self.spared for each in names.definitions
        ):
            return False
        if any(lists_flags(self.forest, self.key, path, each) for each in names.definitions if exported(each)):
            return False
        return not effects.acts_itself(self.forest, names)

    # ---------------------------------------------------------------- which do
    def _fallen(self, candidates: list[str]) -> list[str]:
        """Those of them that nothing is left to import, with the tests of them alone."""
        places = self.forest.search({stem(path) for path in candidates})
        going = dict.fromkeys(candidates)
        tests: dict[str, None] = {}
        while True:
            tests = {}
            kept = set()
            for path in going:
                users = self._users(path, places[stem(path)], {*going, *tests})
                if users is None:
                    kept.add(path)
                    continue
                tests |= dict.fromkeys(users)
            if not kept:
                break
            going = {path: None for path in going if path not in kept}
        snapshots = [each for path in tests if (each := conventions.snapshot(path)) in self.forest.files]
        for path in going:
            self._unstar(path, places[stem(path)])
            self._unmock(path, places[stem(path)])
        styles = [each for path in going for each in self._styles(path)]
        return [*going, *tests, *snapshots, *styles]

    def _users(self, path: str, places: dict[str, tuple[int, ...]], going: set[str]) -> list[str] | None:
        """The tests that go with a file; None where something else names it."""
        if len(places) > MOST_FILES or is_public(self.forest, path, places) or self._is_passed_on(path, going):
            return None
        tests = []
        for other, positions in places.items():
            if other == path or other in going or not leads_to(self.forest, other, positions, path):
                continue
            if not conventions.is_test(other) or self._holds_key(path) or not self._tests_only(other, {path, *going}):
                return None
            tests.append(other)
        return tests

    def _is_passed_on(self, path: str, going: Iterable[str]) -> bool:
        """Whether another file names what it has of this one by `import *`, or by one that passes all of it on."""
        passing = self._passing(path)
        now = self.forest.now(path)
        names = {now.called(each) for each in now.definitions if exported(each) or each.origin}
        for name, places in self.forest.search(names if len(passing) > 1 else ()).items():
            for other in places:
                if other == path or other in going or self.forest.gone(other) or not self.forest.akin(other, path):
                    continue
                stands = {each.stands for each in self.forest.now(other).mentions(name)}
                named = stands - {"bind"} if other in passing else stands
                if named and (other in passing or passing & set(imported(self.forest, other, self.forest.now(other)))):
                    return True
        return False

    def _passing(self, path: str) -> set[str]:
        """A file, and those that pass on all that it defines."""
        passing, work = {path}, [path]
        while work:
            target = work.pop()
            for other in self.forest.search([stem(target)])[stem(target)]:
                if other in passing or self.forest.gone(other) or not self.forest.akin(other, target):
                    continue
                if any(target in meant for _, meant in starred(self.forest, other)):
                    passing.add(other)
                    work.append(other)
        return passing

    def _holds_key(self, path: str) -> bool:
        return self.key in self.forest.data(path)

    def _tests_only(self, test: str, going: set[str]) -> bool:
        """Whether a test is of what goes, by its name or by all that it imports of this repository."""
        found = imported(self.forest, test, self.forest.now(test))
        tried = [each for each in found if not conventions.is_test(each)]
        named = conventions.subject(test).lower() in {stem(each).decode().lower() for each in going}
        return named or (bool(tried) and all(each in going for each in tried))

    def _unstar(self, path: str, places: Iterable[str]) -> None:
        """Without `export * from` and `import *` of a file that goes."""
        for other in places:
            if self.forest.gone(other) or not self.forest.akin(other, path):
                continue
            source = self.forest.now(other).source
            edits = [
                Edit(source.line_start(match.start()), source.line_end(match.end() - 1))
                for match, meant in starred(self.forest, other)
                if path in meant
            ]
            if edits:
                self.forest.put(other, source.edited(edits))

    def _unmock(self, path: str, places: Iterable[str]) -> None:
        """Without what tests of something else put in place of a file that goes."""
        for other in places:
            if self.forest.gone(other) or not self.forest.akin(other, path):
                continue
            spans = list(mocked(self.forest, other, path))
            if spans:
                source = self.forest.now(other).source
                self.forest.put(other, without(source, self.forest.language(other), spans))

    def _styles(self, path: str) -> Iterator[str]:
        """What a file that goes imported for its looks, and nothing else names."""
        for match in effects.STYLES.finditer(self.forest.files[path]):
            origin = match.group(1).decode(errors="replace")
            for target in self.forest.named(self.forest.language(path).modules(path, origin, "")):
                name = target.rpartition("/")[2].encode()
                if not any(name in self.forest.data(other) for other in self.forest.files if other != path):
                    yield target
