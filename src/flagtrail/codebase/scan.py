"""Where a repository names flags: all keys at once, then the names that its code gives to them.

```
read      every file once                                   look      at their bytes: which could name a flag at all?
parse     the pieces around: what is each place?            again     for constants and wrappers that were found
```
"""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property

import msgspec

from flagtrail.codebase import languages, patterns, places, renamed
from flagtrail.codebase.batch import Batch
from flagtrail.codebase.keys import Hit, Keys
from flagtrail.codebase.languages import Language
from flagtrail.codebase.patterns import Config, Pattern, Patterns
from flagtrail.codebase.references import Found, Nickname, Reading, modules
from flagtrail.codebase.repository import Repository
from flagtrail.codebase.share import pair
from flagtrail.codebase.window import windowed
from flagtrail.model.reference import CodeReference

LEAST_SHARED = 1_500
"""Files: fewer are looked at sooner than a second process is there."""
NOBODYS = "wrappers"
"""The preset of no vendor: of its names those count by which a known flag is asked for, and no others."""
MAX_KEPT_BYTES = 256 << 20
"""Of the files that are looked at again, so many stay in memory in each process; others are read again."""
MOST_HINTS = 200
"""Unknown keys for which the nearest known one is looked for."""

_LITERAL = rb"[\"'`]([A-Za-z0-9._-]{1,256})[\"'`]"
_AT_ONCE = re.compile(rb"\s*(?:(?:flag_?[kK]ey|key|name|feature)\s*[=:]\s*)?" + _LITERAL)
_LATER = re.compile(rb"[^\"'`\n]{0,200}[,=:]\s*" + _LITERAL)
Tick = Callable[[int], None]
"""Told how many files were read."""


class Unknown(msgspec.Struct, frozen=True):
    """A key that code asks for and that is no known one; `near` is the known one it is most like, empty if none."""

    flag: str
    near: str
    references: tuple[CodeReference, ...]


class Result(msgspec.Struct, frozen=True):
    """What a scan found. `references` are of known keys, by path and line; `doubtful` counts, by preset, calls for
    unknown keys in repositories that ask for no known one by that preset: most likely they are no flags. `skipped`
    counts files that could not be read, by the reason.
    """

    keys: tuple[str, ...]
    references: tuple[CodeReference, ...]
    unknown: tuple[Unknown, ...] = ()
    doubtful: dict[str, int] = msgspec.field(default_factory=dict)
    files: int = 0
    skipped: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def unreferenced(self) -> tuple[str, ...]:
        """The keys that no place names."""
        named = {each.flag for each in self.references}
        return tuple(key for key in self.keys if key not in named)


def scan(repository: Repository, keys: Iterable[str], config: Config, tick: Tick | None = None) -> Result:
    """Every place that names one of the keys, and evaluations of others. Raises SourceUnreadable for a bad preset."""
    search = _Search(repository, tuple(dict.fromkeys(keys)), config, tick)
    listing = repository.listing()
    languages.load()  # while git lists
    paths = search.divided(listing())
    with _without_collecting(), pair(search.part, alone=len(paths) < LEAST_SHARED) as both:
        first = both.both(_First(0), _First(1))
        names = sorted((name for part in first for file in part.found for name in file.nicknames), key=_place)
        second = both.both(_Second(0, names), _Second(1, names)) if names else ()
    skipped: Counter[str] = Counter()
    for part in first:
        skipped.update(part.skipped)
    found = [file for part in (*first, *second) for file in part.found]
    return search.result(found, len(paths) - skipped.total(), skipped)


def _place(name: Nickname) -> str:
    return name.alias.path


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Without looks for cycles, of which trees and references have none: they take a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class _First(msgspec.Struct, frozen=True):
    """To look at the files of one half."""

    half: int


class _Second(msgspec.Struct, frozen=True):
    """To look for names in the files of one half."""

    half: int
    names: list[Nickname]


class _Part(msgspec.Struct, frozen=True):
    """What came of it, and how many files could not be read."""

    found: list[Found]
    skipped: Counter[str] = msgspec.field(default_factory=Counter)


class _Half:
    """Half of the files, by the name of their language (empty for none); read once while there is room for them."""

    def __init__(self, repository: Repository, paths: list[str]) -> None:
        self._repository = repository
        self._paths: dict[str, list[str]] = {}
        for path in paths:
            language = _language(path)
            self._paths.setdefault(language.NAME if language is not None else "", []).append(path)
        self._kept: dict[str, list[Batch]] = {}
        self._room = MAX_KEPT_BYTES

    @property
    def languages(self) -> list[str]:
        """Those of its files."""
        return list(self._paths)

    def batches(self, spoken: str, skip: Callable[[str], None] = lambda _: None) -> Iterator[Batch]:
        """The files of one language; what cannot be read is told to `skip` the first time."""
        if spoken in self._kept:
            yield from self._kept[spoken]
            return
        kept: list[Batch] = []
        for batch in self._repository.batches(self._paths.get(spoken, ()), skip):
            self._room -= len(batch.data)
            if self._room >= 0 and spoken:
                kept.append(batch)
            yield batch
        if self._room >= 0 and spoken:
            self._kept[spoken] = kept


class _Search:
    """One scan: the files that could matter, and what is looked for in them."""

    def __init__(self, repository: Repository, keys: tuple[str, ...], config: Config, tick: Tick | None) -> None:
        self._repository = repository
        self._config = config
        self._tick = tick
        self._every = config.every()
        self._members = frozenset(f"{each.call}(" for each in self._every if each.kind == "members")
        self._asking = _asking(self._every)
        self._keys = Keys(keys, [*self._asking, *self._members])
        self._known = frozenset(keys)
        self._halves: tuple[_Half, ...] = ()

    @cached_property
    def _spelled(self) -> dict[bytes, str]:
        """Every key as a member is spelled: asked for by few repositories."""
        return {each.spelled(key).encode(): key for each in self._every.members for key in self._keys.words}

    def divided(self, paths: list[str]) -> list[str]:
        """Take these files, of which each process does half."""
        self._halves = (_Half(self._repository, paths[::2]), _Half(self._repository, paths[1::2]))
        return paths

    @cached_property
    def _of_language(self) -> dict[str, Patterns]:
        return {name: self._every.of(name) for name in languages.names()}

    def part(self, wanted: _First | _Second) -> _Part:
        """Do one part of the work."""
        half = self._halves[wanted.half]
        return self._first(half) if isinstance(wanted, _First) else self._second(half, wanted.names)

    def _first(self, half: _Half) -> _Part:
        """Look at every file; parse what could name a flag."""
        part = _Part([])
        looked = 0
        for spoken in half.languages:
            for batch in half.batches(spoken, lambda why: part.skipped.update((why,))):
                part.found.extend(self._told(batch, *each) for each in self._keys.look(batch))
                looked += 2 * len(batch.paths)
                if self._tick is not None:
                    self._tick(looked)
        return part

    def _second(self, half: _Half, names: list[Nickname]) -> _Part:
        """Look for the names that were found, in the files of their languages."""
        by_language: dict[str, dict[str, list[Nickname]]] = {}
        for name in names:
            language = _language(name.alias.path)
            by_word = by_language.setdefault(language.NAME if language is not None else "", {})
            by_word.setdefault(name.alias.name.decode("utf-8", "replace"), []).append(name)
        part = _Part([])
        for spoken, by_word in by_language.items():
            words = Keys(by_word)
            for batch in half.batches(spoken):
                part.found.extend(self._again(batch, file, hits, by_word) for file, hits, _ in words.look(batch))
        return part

    def _again(self, batch: Batch, number: int, hits: list[Hit], by_word: dict[str, list[Nickname]]) -> Found:
        path, data = batch.paths[number], batch.file(number)
        meant = {
            word: [each for each in by_word[word] if _may_mean(each, path, data)] for word in {hit.word for hit in hits}
        }
        hits = [*hits, *_renamed(data, hits)]
        reading = self._reading(path, data, [hit.start for hit in hits]) if any(meant.values()) else None
        if reading is None:
            return Found()
        reading.nicknames(meant, hits)
        return reading.found

    def result(self, found: list[Found], files: int, skipped: Counter[str]) -> Result:
        """All that was found, in order."""
        references = {
            (each.path, each.line, each.column, each.flag): each for file in found for each in reversed(file.references)
        }
        used = self._used({pattern for file in found for pattern in file.asked_by})
        unknown: dict[str, list[CodeReference]] = {}
        doubtful: Counter[str] = Counter()
        for reference, pattern in (each for file in found for each in file.unknown):
            if used is None or pattern in used:
                unknown.setdefault(reference.flag, []).append(reference)
            elif (preset := _preset(pattern)) != NOBODYS:
                doubtful[preset] += 1
        return Result(
            self._keys.words,
            tuple(references[at] for at in sorted(references)),
            tuple(self._unknown(unknown)),
            dict(doubtful),
            files,
            dict(sorted(skipped.items())),
        )

    # ---------------------------------------------------------------- one file
    def _told(self, batch: Batch, number: int, hits: list[Hit], heads: list[Hit]) -> Found:
        path, data = batch.paths[number], batch.file(number)
        spoken = _language(path) is not None
        asked = list(self._other(data, heads)) if spoken else []
        members = spoken and any(head.word in self._members for head in heads)
        places = None if members else [hit.start for hit in (*hits, *asked)]
        reading = self._reading(path, data, places) if hits or asked or members else None
        if reading is None:
            return self._unparsed(path, data, hits)
        reading.keys(hits)
        reading.asked(asked)
        if members:
            reading.members(self._spelled)
        return reading.found

    def _reading(self, path: str, data: bytes, places: list[int] | None) -> Reading | None:
        """A file, parsed where these bytes are, or all of it; None for another language, or what is no UTF-8."""
        language = _language(path)
        if language is None or not _is_utf8(data):
            return None
        own = self._of_language[language.NAME]
        part = windowed(data, places, language) if places is not None else None
        if part is not None:
            source = language.source(path, part[0])
            if not source.tree.root_node.has_error:
                return Reading(source, language, own, (data, part[1]))
        return Reading(language.source(path, data), language, own, (data, 0))

    def _unparsed(self, path: str, data: bytes, hits: list[Hit]) -> Found:
        kinds = ((hit, places.kind_in(path, data, hit, self._every)) for hit in hits)
        return Found(
            [places.reference(hit.word, kind, path, data, hit.start) for hit, kind in kinds if kind is not None]
        )

    def _other(self, data: bytes, heads: list[Hit]) -> Iterator[Hit]:
        """Literals of other keys where a flag could be asked for."""
        for head in heads:
            for expression in self._asking.get(head.word, ()):
                match = expression.match(data, head.end)
                key = match.group(1).decode("ascii") if match is not None else ""
                if match is not None and key not in self._known:
                    yield Hit(match.start(1), match.end(1), key)
                    break

    # ---------------------------------------------------------------- unknown keys
    def _used(self, asked_by: set[Pattern]) -> set[Pattern] | None:
        """The patterns by which this repository asks for flags, as far as is known; None: all of them count."""
        if self._config.presets is not None:
            return None
        used = set(self._config.patterns)
        for name in patterns.presets():
            of_preset = set(patterns.preset(name))
            if of_preset & asked_by:
                used |= of_preset & asked_by if name == NOBODYS else of_preset
        return used

    def _unknown(self, found: dict[str, list[CodeReference]]) -> Iterator[Unknown]:
        from difflib import get_close_matches

        for number, flag in enumerate(sorted(found)):
            references = sorted(found[flag], key=lambda each: (each.path, each.line, each.column))
            near = get_close_matches(flag, self._keys.words, n=1, cutoff=0.75) if number < MOST_HINTS else []
            yield Unknown(flag, near[0] if near else "", tuple(references))


def _renamed(data: bytes, hits: list[Hit]) -> Iterator[Hit]:
    """The uses of the names that a file's imports give to others."""
    for name, word in {(renamed.local(data, hit.start, hit.end), hit.word) for hit in hits}:
        if name is not None:
            for use in re.finditer(rb"(?<![\w$])" + re.escape(name) + rb"(?![\w$])", data):
                yield Hit(use.start(), use.end(), word)


def _language(path: str) -> Language | None:
    return _of_suffix(path[path.rfind(".") :])


@cache
def _of_suffix(suffix: str) -> Language | None:
    return languages.of_path(f"a{suffix}")


def _may_mean(name: Nickname, path: str, data: bytes) -> bool:
    """Whether a name could mean the flag in a file, before it is parsed.

    A name that is a plain word (`encoding`) stands in many files: it counts where its module or holder is named too.
    """
    alias = name.alias
    if alias.local or alias.path == path:
        return alias.path == path
    if not places.is_plain(alias.name.decode("utf-8", "replace")):
        return True
    return any(each and each in data for each in (alias.container, *(each.encode() for each in modules(alias.path))))


def _asking(every: Patterns) -> dict[str, list[re.Pattern[bytes]]]:
    """What follows a call (`is_on(`) that asks for a flag by a literal, which is the first group."""
    found: dict[str, list[re.Pattern[bytes]]] = {}
    for pattern in every:
        if pattern.kind == "call" and not pattern.within and pattern.key != "receiver":
            expressions = found.setdefault(f"{pattern.call}(", [])
            if (one := _AT_ONCE if pattern.key == 0 else _LATER) not in expressions:
                expressions.append(one)
    return found


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _preset(pattern: Pattern) -> str:
    return next(name for name in patterns.presets() if pattern in patterns.preset(name))
