"""The clean-up of one flag over all files: what names it is found, folded, and found again, until no more is.

A name that turns out to be the flag's answer (`is_new_ui()`) makes every file that holds it a file to fold; each round
begins with the files as they are, so that what is left alone is told once, with its line as it is now.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from flagtrail.codebase import aliases, declared, folding, kept, languages, namesakes, patterns, replaced, sites, told
from flagtrail.codebase.aliases import Known
from flagtrail.codebase.cleanup import Change, Plan, Refusal, Winner
from flagtrail.codebase.folding import Folded
from flagtrail.codebase.languages import Language
from flagtrail.codebase.naming import Alias, asked_of_another
from flagtrail.codebase.patterns import Pattern, Patterns
from flagtrail.codebase.references import modules
from flagtrail.codebase.repository import Repository
from flagtrail.codebase.rewrite import members as members_of
from flagtrail.codebase.rewrite import mocked, placeholders, texts
from flagtrail.codebase.rewrite.fallen import Fallen, fallen
from flagtrail.codebase.rewrite.importing import stem
from flagtrail.codebase.rewrite.listed import unlisted, unnamed
from flagtrail.codebase.rewrite.placeholders import Answer
from flagtrail.codebase.rewrite.removal import undocumented
from flagtrail.codebase.rewrite.seeds import Derived, Wanted
from flagtrail.codebase.source import Source

MOST_HOLDING = 100
"""A constant's name that stands in more files than that is taken for one that others have, too."""
MOST_ROUNDS = 8
"""How often a name may lead to another one: a wrapper of a wrapper of a wrapper."""


@dataclass(slots=True)
class Search:
    """The files, read once, and what is known of the flag so far."""

    repository: Repository
    flag: str
    answer: Answer
    patterns: Patterns
    own: tuple[Pattern, ...] = ()
    """Those of the patterns that are the repository's."""
    data: dict[str, bytes] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)
    aliases: tuple[Alias, ...] = ()
    ambiguous: frozenset[bytes] = frozenset()
    """Those of the aliases' names that something else is called, too, or that are given another value."""
    silenced: tuple[Derived, ...] = ()
    """What asked for the flag and is asked in a file no more, which a text of a test may name there."""
    answering: frozenset[str] = frozenset()
    """What answers the same for everybody now: the repository's own, whatever a pattern calls so as well."""
    sources: dict[str, Source] = field(default_factory=dict)
    held: dict[bytes, list[str]] = field(default_factory=dict)
    made: dict[str, tuple[Wanted, Folded]] = field(default_factory=dict)
    """How files were folded last, and for what."""

    @property
    def files(self) -> dict[str, bytes]:
        """All files as they are, but for what says how code names flags."""
        return {path: data for path, data in (self.data | self.others).items() if path != patterns.FILE}

    def source(self, path: str, language: Language) -> Source:
        """A file, parsed once."""
        if path not in self.sources:
            self.sources[path] = language.source(path, self.data[path])
        return self.sources[path]

    def opened(self, path: str) -> tuple[Source, Language]:
        """A file, with its language."""
        return self.source(path, _language(path)), _language(path)

    def holding(self, name: bytes) -> list[str]:
        """The files of known languages that hold a name as a whole word; looked for once."""
        if name not in self.held:
            word = re.compile(rb"(?<![\w$])" + re.escape(name) + rb"(?![\w$])")
            self.held[name] = [path for path, data in self.data.items() if name in data and word.search(data)]
        return self.held[name]

    def texts(self, name: bytes) -> Iterator[bytes]:
        """What the files hold that have a name in them."""
        return (self.data[each] for each in self.holding(name))

    def patches(self, name: bytes, *, but: str) -> bool:
        """Whether another file puts something else in a function's place: `module.name = other`, `Fake(name=other)`,
        `{name: other}`.
        """
        given = replaced.patched(name)
        return any(path != but and given.search(self.data[path]) for path in self.holding(name))

    def assigns(self, name: bytes, *, but: str) -> bool:
        """Whether another file assigns to what this one defines, or takes its address: `p.NewUI = x`, `&p.NewUI`."""
        given = replaced.assigned(name)
        return any(path != but and given.search(self.data[path]) for path in self.holding(name))

    def sets(self, name: bytes, *, but: str) -> bool:
        """Whether another file gives a value to what this one defines: `module.NAME = x`, `patch("module.NAME", x)`."""
        module = stem(but)
        given, unnamed = replaced.set_by_name(name), replaced.set_by_any_name(module)
        return any(path != but and given.search(self.data[path]) for path in self.holding(name)) or any(
            unnamed.search(self.data[path]) for path in self.holding(module)
        )

    def mocks_all(self, path: str) -> bool:
        """Whether a test puts what answers nothing in the place of a whole file: `jest.mock('./answer')`."""
        holding = (each for each in self.holding(stem(path)) if aliases.MOCKED_WHOLE.search(self.data[each]))
        return any(aliases.mocks_all(self.source(each, _language(each)), _language(each), path) for each in holding)

    def is_namesake(self, source: Source, language: Language, site: sites.Site) -> bool:
        """Whether what a preset takes for an evaluation asks no client, since the repository defines what is called."""
        name = source.text(site.call.name)
        if any(each.last.encode() == name for each in self.own):
            return False
        if site.pattern.key == sites.RECEIVER:
            return namesakes.is_of_another_class(source, language, site.key, self.texts)
        paths = (each for each in self.holding(name) if each != source.path)
        others = {each: namesakes.Other(self.data[each], partial(self.opened, each)) for each in paths}
        return namesakes.is_namesake(source, language, site.call, self.patterns, others)

    def declares(self, module: str, text: bytes) -> bool:
        """Whether a file, or a file of a folder, that is called so has some text in its code."""
        return any(text in data for path, data in self.data.items() if module in modules(path))


def plan(repository: Repository, flag: str, winner: Winner) -> Plan:
    """What removes the flag, and what is left alone. Raises SourceUnreadable for a defective `.flagtrail.toml`."""
    paths = list(repository.paths())
    config = patterns.config(repository.read(patterns.FILE).decode()) if patterns.FILE in paths else patterns.Config()
    search = Search(repository, flag, Answer(winner.variant, winner.value), config.every(), config.patterns)
    elsewhere = []
    key = re.compile(rb"(?<![\w$.-])" + re.escape(flag.encode()) + rb"(?![\w$-])")
    for path in paths:
        data = repository.read(path)
        if languages.of_path(path) is not None:
            search.data[path] = data
            continue
        search.others[path] = data
        if path != patterns.FILE and flag.encode() in data and key.search(data):
            elsewhere.append(f"{path} names the flag and is left as it is")
    folded = _rounds(search)
    fell = _fell(search, folded)
    refusals = tuple(_refusals(search, folded, fell))
    return Plan(flag, winner, _changes(search.files, fell), refusals, tuple(elsewhere))


def _rounds(search: Search) -> dict[str, Folded]:
    first = tuple(each for each in _aliases(search) if not _given_elsewhere(search, each))
    search.aliases = (*first, *dict.fromkeys(each for alias in first for each in _made_of(search, alias)))
    search.ambiguous = frozenset(each.name for each in search.aliases if _ambiguous(search, each))
    known: dict[tuple[bytes, str], Known] = {}
    folded: dict[str, Folded] = {}
    for _ in range(MOST_ROUNDS):
        folded = {path: _one(search, path, tuple(known.values())) for path in _named(search, known.values())}
        new = {
            (each.derived.name, each.path): each
            for path, file in folded.items()
            for each in aliases.derived(file.after, _language(path), search.flag)
            if (each.derived.name, each.path) not in known and _unique(search, each)
        }
        silenced = tuple(sorted({each for file in folded.values() for each in _silenced(search, file)}))
        if not new and silenced == search.silenced:
            break
        known |= new
        search.silenced = silenced
    search.answering = frozenset(each.derived.name.decode() for each in known.values())
    return folded


def _silenced(search: Search, file: Folded) -> Iterator[Derived]:
    language = _language(file.before.path)
    return aliases.silenced(file.before, file.after, language, search.answer, _wanted(search, file.before, language))


def _aliases(search: Search) -> tuple[Alias, ...]:
    """The names of what holds the key; of members of its own name, where it is written as a text nowhere."""
    holding = [(search.source(path, _language(path)), _language(path)) for path in search.holding(search.flag.encode())]
    if not any(True for source, language in holding for _ in sites.texts(source, language, search.flag)):
        found = [alias for each in holding for alias in aliases.members(*each, search.flag)]
        return tuple(each for each in found if not asked_of_another(each, (source.data for source, _ in holding)))
    return tuple(
        alias
        for source, language in holding
        for alias in aliases.aliases(source, language, search.flag, search.patterns.of(language.NAME))
    )


def _made_of(search: Search, alias: Alias) -> Iterator[Alias]:
    """What is made of a constant, where a type is told by its name, so that nothing else can be called so there."""
    paths = search.holding(alias.name)
    for path in paths if len(paths) <= MOST_HOLDING and _language(alias.path).NOMINAL else ():
        if _language(path).NOMINAL:
            language = _language(path)
            yield from aliases.made_of(
                search.source(path, language), language, alias, search.patterns.of(language.NAME)
            )


def _ambiguous(search: Search, alias: Alias) -> bool:
    paths = search.holding(alias.name)
    if len(paths) > MOST_HOLDING:
        return True
    holding = [(search.source(path, _language(path)), _language(path)) for path in paths]
    meanings = sum(aliases.given(source, language, alias.name) for source, language in holding)
    keys = sum(sites.keyed(source, language, alias.name) for source, language in holding if alias.container)
    return any(source.unread for source, _ in holding) or max(meanings, keys) > 1


def _given_elsewhere(search: Search, alias: Alias) -> bool:
    """Whether another file, or a test, gives a constant of the key another value."""
    language = _language(alias.path)
    if language.NOMINAL:
        given = re.compile(rb"\." + re.escape(alias.name) + rb"\s*=(?!=)")
        return any(given.search(search.data[path]) for path in search.holding(alias.name))
    return language.PRIVATE_BY_CONVENTION and search.patches(alias.name, but=alias.path)


def _named(search: Search, known: Iterable[Known]) -> list[str]:
    members = members_of.spellings(search.patterns, search.flag)
    names = {
        search.flag.encode(),
        *members,
        *(alias.name for alias in search.aliases),
        *(each.derived.name for each in known),
        *(each.name for each in search.silenced),
    }
    return sorted({path for name in names for path in search.holding(name)})


def _one(search: Search, path: str, known: tuple[Known, ...]) -> Folded:
    source, language = search.opened(path)
    silenced = (*(each.derived for each in known if each.derived.function), *search.silenced)
    could_be = namesakes.possible(source, language)
    wanted = replace(
        _wanted(search, source, language),
        derived=aliases.derived_in(source, language, known),
        mocks=tuple(each for each in silenced if mocked.is_named(source, language, each.name, each.module)),
    )
    if path in search.made and search.made[path][0] == wanted:
        return search.made[path][1]
    answer = replace(
        search.answer,
        patterns=wanted.patterns,
        elsewhere=lambda name: any(other != path for other in search.holding(name)),
        set_elsewhere=lambda name: language.PRIVATE_BY_CONVENTION and search.sets(name, but=path),
        declares=search.declares,
        texts=search.texts,
        is_namesake=lambda now, site: could_be(now, site) and search.is_namesake(now, language, site),
    )
    search.made[path] = wanted, folding.folded(source, language, answer, wanted)
    return search.made[path][1]


def _wanted(search: Search, source: Source, language: Language) -> Wanted:
    named = aliases.aliases_in(source, language, search.aliases, search.ambiguous)
    return Wanted(search.flag, search.patterns.of(language.NAME), named)


def _undeclared(search: Search, folded: dict[str, Folded], written: dict[str, Source]) -> dict[str, Source]:
    """The files without what declares the flag, where nothing that names it is left in any of them."""
    if any(file.seeded or file.stuck for file in folded.values()):
        return written
    spans, texts = {}, [source.data for source in written.values()]
    asked = any(source.data != search.data[path] for path, source in written.items())
    for path, source in written.items():
        language = _language(path)
        wanted = _wanted(search, search.source(path, language), language)
        found = declared.declarations(source, language, wanted, search.answer.value, texts, search.others)
        if found is None:
            return written
        every = [*texts, *search.others.values()]
        spans[path] = found if asked else [*found, *declared.unused(source, language, wanted, every)]
    return {path: declared.undeclared(source, _language(path), spans[path]) for path, source in written.items()}


def _unique(search: Search, known: Known) -> bool:
    """Whether nothing else in the repository has this name, so that a use of it must be a use of this."""
    name = known.derived.name
    given = search.patches if known.derived.function else search.sets
    by_hand = known.derived.function or _language(known.path).PRIVATE_BY_CONVENTION
    if by_hand and given(name, but=known.path):
        return False
    if not known.derived.function and search.assigns(name, but=known.path):
        return False
    inside = known.local and not (known.member and _language(known.path).PRIVATE_BY_CONVENTION)
    paths = [known.path] if inside else search.holding(name)
    holding = [(search.source(path, _language(path)), _language(path)) for path in paths]
    if any(source.unread for source, _ in holding) or texts.evaluated(search.data[known.path], module=True):
        return False
    if sum(aliases.given(source, language, name) for source, language in holding) > 1:
        return False
    if known.member and any(aliases.replaces(source, language, name) for source, language in holding):
        return False
    if known.derived.function and search.mocks_all(known.path):
        return False
    if aliases.is_called_so(name, search.data[known.path], [source.data for source, _ in holding]):
        return False
    answer = search.answer.meaning(known.derived.placeholder)
    return not known.derived.function or all(mocked.all_go(*each, answer, name) for each in holding)


def _fell(search: Search, folded: dict[str, Folded]) -> Fallen:
    """What the files become: folded, without what declares the flag, what fell dead with it, and what lists it."""
    written = {path: placeholders.written(file.after, _language(path), search.answer) for path, file in folded.items()}
    written = _undeclared(search, folded, written)
    changed = {path: after for path, after in written.items() if after.data != search.data[path]}
    spared = {each.last for each in search.patterns} - search.answering
    registers = {each.last for each in search.patterns if each.kind == "definition"}
    fell = fallen(search.files, changed, languages.of_path, search.flag, spared, registers, search.answering)
    fell = Fallen({path: _tidied(search, path, after) for path, after in fell.files.items()}, fell.left)
    return _unlisted(search, fell)


def _changes(files: Mapping[str, bytes], fell: Fallen) -> tuple[Change, ...]:
    return tuple(
        Change(path, files[path], None if after is None else after.data)
        for path, after in sorted(fell.files.items())
        if after is None or after.data != files[path]
    )


def _refusals(search: Search, folded: dict[str, Folded], fell: Fallen) -> list[Refusal]:
    """What was left alone, by path and line of the files as they were; of two reasons for a line the better one."""
    found = {
        each
        for path, left in fell.left.items()
        for each in told.of_left(search.source(path, _language(path)), fell.files.get(path), left)
    }
    known = {(each.path, each.line) for each in found}
    for path, file in folded.items():
        after = fell.files.get(path, file.before)
        if after is not None:
            also = told.of_file(file, _language(path), search.flag, after)
            found.update(each for each in also if each.why != "unclassified" or (each.path, each.line) not in known)
    return sorted(found.union(_kept(search, folded, fell)))


def _kept(search: Search, folded: dict[str, Folded], fell: Fallen) -> Iterator[Refusal]:
    """What answers the same for everybody now and is asked all the same."""

    def holding(name: bytes) -> list[tuple[Source, Language]]:
        now = ((fell.files.get(path, search.source(path, _language(path))), path) for path in search.holding(name))
        return [(source, _language(path)) for source, path in now if source is not None]

    found = (each for path, file in folded.items() for each in aliases.answering(file.after, _language(path)))
    untried = [each for each in found if not (aliases.may_be_put(each, search.flag) and _unique(search, each))]
    for each, why, detail in kept.kept(untried, holding, search.answer, search.flag):
        language = _language(each.path)
        line = kept.bound(search.source(each.path, language), language, each.derived.name)
        yield Refusal(each.path, line or 1, why, detail)


def _unlisted(search: Search, fell: Fallen) -> Fallen:
    """With files that list flags, without this one, where something else changed and nothing else names it."""
    if not fell.files:
        return fell
    names = members_of.spellings(search.patterns, search.flag)
    found = unlisted(_now(search, fell, names), search.flag, names, search.answer.value)
    left = {path: (*fell.left.get(path, ()), *found.left.get(path, ())) for path in {*fell.left, *found.left}}
    return Fallen({**fell.files, **found.files}, left) if found.files else _unnamed(search, Fallen(fell.files, left))


def _unnamed(search: Search, fell: Fallen) -> Fallen:
    names = frozenset(each.name for each in search.aliases if each.container and not each.local)
    files = _now(search, fell, names)
    nominal = names and all(language.NOMINAL for _, language in files.values())
    found = unnamed(files, search.flag, names) if nominal else {}
    if not found:
        return fell
    gone = tuple(f"{name.decode()} " for name in names)
    left = {path: tuple(each for each in told if not each.detail.startswith(gone)) for path, told in fell.left.items()}
    return Fallen({**fell.files, **found}, left)


def _now(search: Search, fell: Fallen, names: frozenset[bytes]) -> dict[str, tuple[Source, Language]]:
    """The files that name the flag, as they are now."""
    paths = sorted({path for name in (search.flag.encode(), *names) for path in search.holding(name)})
    now = {path: (fell.files.get(path, search.source(path, _language(path))), _language(path)) for path in paths}
    return {path: (source, language) for path, (source, language) in now.items() if source is not None}


def _tidied(search: Search, path: str, after: Source | None) -> Source | None:
    language = languages.of_path(path)
    if after is None or language is None:
        return after
    before = search.source(path, language)
    return language.tidied(before, undocumented(before, after, language))


def _language(path: str) -> Language:
    language = languages.of_path(path)
    assert language is not None  # noqa: S101 - only files of a known language are looked at
    return language
