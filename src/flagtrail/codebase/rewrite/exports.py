"""Names whose last use anywhere went because of us: exported functions, constants, classes, members, and re-exports.

A name counts by its text, in all files. It falls only where its definition is the only one it can mean, a changed file
used it, and nothing is left that could: no code of a language that sees it, no text that names it, no file that is not
parsed. What falls in one file can be the last use of something in another, so it goes round until nothing falls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from flagtrail.codebase.rewrite import conventions, effects, meanings, tested, texts, wholes
from flagtrail.codebase.rewrite.dead import exported, swept
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.gathered import Gathered
from flagtrail.codebase.rewrite.importing import in_texts, is_public, mocked, passed_on, stem
from flagtrail.codebase.rewrite.lookups import Lookups
from flagtrail.codebase.rewrite.meanings import is_field, meant, original_of, package, stars, times_used, within
from flagtrail.codebase.rewrite.names import MEMBERS, Mention, Names
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.rewrite.registries import lists_flags, registering
from flagtrail.codebase.shapes import Definition
from flagtrail.codebase.source import Source

PASSING = frozenset({"import", "export"})
"""Definitions by which a file passes on what another one defines."""
MOST_ROUNDS = 50
MOST_FILES = 60
"""A name that stands in more files than that is used."""
FEW_FILES = 12
"""In so many files a name's definition is looked for, also where no import leads to it."""
Places = Mapping[str, tuple[int, ...]]


@dataclass(slots=True)
class _Use:
    """What still uses a name: code, tests alone, or something that may be a use, in words."""

    code: bool = False
    tests: list[str] = field(default_factory=list)
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class _Fall:
    """The files that define a name or pass it on, the one that defines it first; how; and what could still use it."""

    owners: list[str]
    definitions: dict[str, list[Definition]]
    use: _Use


@dataclass(slots=True)
class Exports:
    """The names that fall, round by round."""

    forest: Forest
    key: bytes
    lookups: Lookups
    gathered: Gathered
    spared: frozenset[bytes] = frozenset()
    registers: frozenset[bytes] = frozenset()
    asking: frozenset[bytes] = frozenset()
    lost: dict[str, set[bytes]] = field(default_factory=dict)
    left: dict[str, tuple[Left, ...]] = field(default_factory=dict)
    kept: dict[tuple[str, bytes], Left] = field(default_factory=dict)
    looked: dict[str, bytes] = field(default_factory=dict)
    users: dict[bytes, set[str]] = field(default_factory=dict)

    def swept(self, paths: Iterable[str]) -> None:
        """Files without the names that are dead in them, with what is known of other files."""
        for path in paths:
            if self.forest.gone(path):
                continue
            lost = self.lost.get(path, set())
            then, now = self.forest.then(path), self.forest.now(path)
            known = registering(now, self.key, self.registers)
            found = self.lookups.may_find
            source, left = swept(then, now, exported, frozenset(lost), known, found)
            loading = effects.still_loading(self.forest, path, source, self.asking)
            if loading is not None:
                loads, named = loading
                kept = partial(_kept, now, named)
                loaded = Names(loads, now.language)
                source, left = swept(then, loaded, kept, frozenset(lost) - named, known, found)
            self.left[path] = left
            if source.data != self.forest.files[path]:
                self.forest.put(path, source)

    def round(self) -> bool:
        """One round: whether another name fell."""
        vanished = self._vanished()
        places = self.forest.search(vanished)
        unused: dict[bytes, _Fall] = {}
        for name, users in vanished.items():
            if 0 < len(places[name]) <= MOST_FILES:
                fall = self._fall(name, users, places[name])
                if fall is not None:
                    unused[name] = fall
        self._of_named_files(unused)
        dirty: set[str] = set()
        for name, fall in unused.items():
            dirty |= self._fallen(name, fall)
        self.swept(sorted(dirty))
        return bool(dirty)

    def told(self, path: str) -> tuple[Left, ...]:
        """What stays in a file though nothing is sure to use it, by its place in the file as it is now."""
        kept = [
            replace(left, at=defined[0].name.start_byte)
            for (where, name), left in self.kept.items()
            if where == path and name not in self.lost.get(path, ()) and (defined := self._defined(path, name))
        ]
        return (*self.left.get(path, ()), *kept)

    def _of_named_files(self, unused: dict[bytes, _Fall]) -> None:
        """What a package shows to others stays, and so does what would leave nothing of a file that a text names."""
        files = {fall.owners[0] for fall in unused.values()}
        places = self.forest.search({stem(path) for path in files})
        public = {path for path in files if is_public(self.forest, path, places[stem(path)])}
        named = {
            path: other
            for path in files - public
            if self._rest(path) <= unused.keys() and not effects.acts_itself(self.forest, self.forest.now(path))
            for other, positions in places[stem(path)].items()
            if other != path and in_texts(self.forest, other, positions, path)
        }
        for name, fall in list(unused.items()):
            if fall.owners[0] in public:
                del unused[name]
            elif fall.owners[0] in named:
                fall.use.doubt = f"is all of a file that {named[fall.owners[0]]} names"

    def _rest(self, path: str) -> set[bytes]:
        """The names of a file that other files could still use."""
        now = self.forest.now(path)
        exports = {now.called(each) for each in now.definitions if exported(each) and each.kind != "parameter"}
        return exports - self.lost.get(path, set())

    # ---------------------------------------------------------------- what could have fallen
    def _vanished(self) -> dict[bytes, list[str]]:
        """The names that changed files used and use no more, with those files."""
        found: dict[bytes, list[str]] = {}
        for path in self.forest.parsed():
            data = self.forest.data(path)
            if self.looked.get(path) == data:
                continue
            self.looked[path] = data
            then = self.forest.then(path)
            now = self.forest.now(path) if not self.forest.gone(path) else None
            for name, positions in then.words.items():
                if now is not None and len(now.words.get(name, ())) >= len(positions):
                    continue
                named = now is not None and not all(
                    now.language.is_field(each.node, apart=True) for each in now.mentions(name)
                )
                defined = now is not None and any(map(exported, now.by_name.get(name, ())))
                if (defined or not named) and then.is_used(name):
                    found.setdefault(name, []).append(path)
        for name, users in found.items():
            self.users.setdefault(name, set()).update(users)
        return found

    def _fall(self, name: bytes, users: list[str], places: Places) -> _Fall | None:
        """A name that code other than tests uses no more."""
        owners = self._owners(name, users, places)
        if owners and tested.is_for_others(self.forest, owners[0], name, self.users[name]):
            return None
        definitions = {path: self._defined(path, name) for path in owners}
        use = self._use(name, owners, definitions, places) if owners else None
        if use is None or use.code or any(self._is_found(*each) for each in definitions.items()):
            return None
        return _Fall(owners, definitions, use)

    def _is_found(self, path: str, definitions: Iterable[Definition]) -> bool:
        """Whether something may come upon it, or need it, that does not name it."""
        now = self.forest.now(path)
        if self.gathered.holds(path) or effects.declares_for_others(now):
            return True
        return any(self.lookups.may_find(now, each) for each in definitions)

    def _fallen(self, name: bytes, fall: _Fall) -> set[str]:
        """The files from which a name goes."""
        doubt, tests = fall.use.doubt, fall.use.tests
        if not doubt and tests and (self._is_key(fall.definitions) or not self._tests_go(tests, fall.owners[0], name)):
            doubt = f"is used by {tests[0]}, a test, and by nothing else"
        for path in fall.owners:
            if doubt:
                first = fall.definitions[path][0]
                self.kept[path, name] = Left(first.name.start_byte, "still_used", f"{name.decode()} {doubt}")
            else:
                self.lost.setdefault(path, set()).add(name)
        return set() if doubt else {*fall.owners, *tests}

    def _is_key(self, definitions: Mapping[str, list[Definition]]) -> bool:
        """Whether the name stands for the flag's key: what a test does with it is about the flag, and not about it."""
        return any(
            self.key in self.forest.now(path).source.data[slice(*each.removal)]
            for path, found in definitions.items()
            for each in found
            if each.kind in ("constant", "variable", "member", "field")
        )

    def _tests_go(self, paths: list[str], owner: str, name: bytes) -> bool:
        """Whether the tests of a name could be taken out, which they then are."""
        lost, now = {**self.lost, owner: {name, *self.lost.get(owner, ())}}, self.forest.now(owner)
        of_class = any(each.kind in MEMBERS or now.in_class(each) for each in self._defined(owner, name))
        made: dict[str, Source | None] = {}
        for path in paths:
            if tested.is_of(self.forest, path, owner, lost[owner]) and not tested.is_shared(self.forest, path):
                made[path] = None
                continue
            left = tested.without_cases(self.forest, path, name, owner, lost, of_class=of_class)
            if left is None:
                return False
            empty = tested.is_empty(Names(left, self.forest.language(path))) and not tested.is_shared(self.forest, path)
            made[path] = None if empty else left
        for path, source in made.items():
            self.forest.put(path, source)
        return True

    def _defined(self, path: str, name: bytes) -> list[Definition]:
        return [
            each for each in self.forest.now(path).by_name.get(name, ()) if exported(each) and each.kind != "parameter"
        ]

    def _owners(self, name: bytes, users: list[str], places: Places) -> list[str]:
        """The one file that defines what the name meant to its users, and those that passed it on to them."""
        linked = {path for user in users for path in self.linked(user, name)}
        near = [path for path in places if any(self.forest.akin(path, user) for user in users)]
        if len(near) > FEW_FILES:
            near = [path for path in near if path in linked]
        found = {path: defined for path in near if (defined := self._defined(path, name))}
        sources = [path for path, defined in found.items() if any(each.kind not in PASSING for each in defined)]
        passing = [path for path in found if path not in sources and path in linked]
        if len(sources) > 1:
            sources = [path for path in sources if path in linked]
        if len(sources) > 1 or any(conventions.is_found(path) for path in passing):
            return []
        owners = [*sources, *passing]
        if any(conventions.is_generated(self.forest.data(path)) for path in owners):
            return []
        used = linked & set(owners) or any(meant(self.forest, user, name, sources) for user in users)
        return owners if used else []

    def linked(self, user: str, name: bytes) -> Iterator[str]:
        """The files that an import of the name led to, from one to the next; the user's own where it defines it."""
        if self._used_its_own(user, name):
            yield user
        work, seen = [(user, name)], {user}
        while work:
            path, called = work.pop()
            for target, original in self._imported(path, called):
                if target not in seen:
                    seen.add(target)
                    yield target
                    work.append((target, original))

    def _used_its_own(self, path: str, name: bytes) -> bool:
        """Whether a file used a name that it defines itself, and less now; `legacy.total` is no use of its `total`."""
        then = self.forest.then(path)
        own = self._own(then, name)
        if not own:
            return False
        now = None if self.forest.gone(path) else self.forest.now(path)
        return now is None or times_used(now, name, now, self._own(now, name)) < times_used(then, name, then, own)

    @staticmethod
    def _own(names: Names, name: bytes) -> list[Definition]:
        """What a file defines by a name, and shows to others."""
        return [
            each for each in names.by_name.get(name, ()) if exported(each) and each.kind not in (*PASSING, "parameter")
        ]

    def _imported(self, path: str, name: bytes) -> Iterator[tuple[str, bytes]]:
        """The files that an import of a name means, and what the name is called there."""
        if self.forest.of_path(path) is None:
            return
        then, language = self.forest.then(path), self.forest.language(path)
        for definition in then.by_name.get(name, ()):
            if definition.kind == "import":
                original = original_of(then, definition)
                for target in self.forest.named(language.modules(path, definition.origin, original.decode())):
                    yield target, original
                    if self.forest.of_path(target) is not None:
                        yield from ((each, original) for each in passed_on(self.forest, target))

    # ---------------------------------------------------------------- what still uses it
    def _use(self, name: bytes, owners: list[str], definitions: Mapping[str, list[Definition]], places: Places) -> _Use:
        of_class = any(
            each.kind in MEMBERS or self.forest.now(path).in_class(each)
            for path, found in definitions.items()
            for each in found
        )
        use = _Use()
        use.code = name in self.spared or any(self._stays(path, each) for path in owners for each in definitions[path])
        for path, positions in places.items():
            spans = (span for each in definitions.get(path, ()) for span in each.spans)
            own = [*spans, *mocked(self.forest, path, owners[0])]
            outside = [at for at in positions if not any(start <= at < end for start, end in own)]
            if use.code or not outside:
                continue
            if self.forest.of_path(path) is None:
                data = self.forest.data(path)
                if any(texts.in_file(path, data, at, name) for at in outside):
                    use.doubt = f"stands in {path} as well"
            elif self.forest.akin(path, owners[0]):
                self._use_in(use, path, name, outside, owners, definitions, of_class=of_class)
        return use

    def _use_in(
        self,
        use: _Use,
        path: str,
        name: bytes,
        places: list[int],
        owners: list[str],
        definitions: Mapping[str, list[Definition]],
        *,
        of_class: bool,
    ) -> None:
        names = self.forest.now(path)
        mentions = {mention.at: mention for mention in names.mentions(name)}
        if path in definitions:
            used = any(each.at in places for definition in definitions[path] for each in names.uses(definition))
        else:
            found = (mentions[at] for at in places if at in mentions)
            used = any(self._uses(names, mention, name, owners, of_class=of_class) for mention in found)
        if used and conventions.is_test(path) and not conventions.is_test(owners[0]):
            use.tests.append(path)
        elif used:
            use.code = True
        held = all(self._holder(owner, each) for owner, found in definitions.items() for each in found)
        reads = texts.component if (of_class and not held) or names.language.NAMES_IN_TEXTS else texts.looked_up
        for at in places if of_class or names.language.FOUND_BY_TEXTS else ():
            labels = at not in mentions and texts.labels(self.forest.files[path], names.source.data, at, name)
            if at not in mentions and not labels and (names.in_text(at, name, reads) or names.by_text(at, name)):
                use.doubt = f"stands in a text in {path}, line {names.source.line(at)}"

    def _uses(self, names: Names, mention: Mention, name: bytes, owners: list[str], *, of_class: bool) -> bool:
        """Whether a name in another file means what the owners define."""
        path, language = names.source.path, names.language
        around = [each for each in names.definitions if each.kind == "import" and within(mention.at, each)]
        if around:
            return any(self._imports(path, each, name, owners) for each in around)
        if of_class or mention.stands == "text":
            variable = mention.stands == "read" or (mention.stands == "bind" and conventions.is_test(path))
            return not (language.PRIVATE_BY_CONVENTION and variable)
        if mention.stands == "bind":
            return False
        if mention.stands == "member":
            near = language.SHARES_FOLDER or len(owners) > 1 or any(stem(each) in names.words for each in owners)
            return near and not is_field(names, mention, owners[0])
        if language.SHARES_FOLDER:
            told, own = (meanings.declared(self.forest.data(each)) for each in (path, owners[0]))
            return package(path) == package(owners[0]) or stars(names) or (language.NOMINAL and told == own)
        return not any(each.stands == "bind" for each in names.mentions(name)) or stars(names)

    def _imports(self, path: str, definition: Definition, name: bytes, owners: list[str]) -> bool:
        language = self.forest.language(path)
        meant = set(self.forest.named(language.modules(path, definition.origin, name.decode())))
        return (
            not meant or any(owner in meant for owner in owners) or not any(self._holds(each, name) for each in meant)
        )

    def _holds(self, path: str, name: bytes) -> bool:
        return self.forest.of_path(path) is not None and bool(self._defined(path, name))

    def _stays(self, path: str, definition: Definition) -> bool:
        """Whether it belongs to something that must stay as a whole: a list of flags, or what is read as a whole."""
        if definition.kind == "member" and self._whole(path, definition):
            return True
        names = self.forest.now(path)
        if names.called(definition) in registering(names, self.key, self.registers):
            return False
        return lists_flags(self.forest, self.key, path, definition)

    def _holder(self, path: str, member: Definition) -> Definition | None:
        """The constant or enum that a member is looked up in."""
        names = self.forest.now(path)
        kinds = ("constant", "variable", "class") if member.kind == "member" else ()
        around = [each for each in names.definitions if each.kind in kinds and within(member.removal[0], each)]
        return around[-1] if around else None

    def _whole(self, path: str, member: Definition) -> bool:
        """Whether what holds a member is used as a whole, so that any of its members may be."""
        holder = self._holder(path, member)
        if holder is None:
            return False
        name = self.forest.now(path).called(holder)
        places = self.forest.search([name])[name]
        taken = wholes.enumerated if holder.kind == "class" else wholes.taken
        used = (taken(self.forest.now(each), name) for each in places if self.forest.akin(each, path))
        return len(places) > MOST_FILES or any(used)


def _kept(now: Names, named: frozenset[bytes], definition: Definition) -> bool:
    return exported(definition) or (bool(definition.origin) and now.called(definition) in named)
