"""Where a repository names flags: all keys at once, then the names that its code gives to them.

```
read      every file once                                   sieve     the bytes of each: could it name a flag at all?
parse     only those: what is each place?                   again     for constants and wrappers that were found
```
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches

import re2

from flagtrail.codebase import languages, patterns, places
from flagtrail.codebase.keys import Hit, Keys
from flagtrail.codebase.patterns import Config, Pattern, Patterns
from flagtrail.codebase.references import Found, Nickname, Reading
from flagtrail.codebase.repository import Repository
from flagtrail.codebase.share import shared
from flagtrail.model.reference import CodeReference

MOST_HINTS = 200
"""Unknown keys for which the nearest known one is looked for."""

_KEY = r"[A-Za-z0-9._-]{1,256}"
Tick = Callable[[int], None]
"""Told how many files were read."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A key that code asks for and that is no known one; `near` is the known one it is most like, empty if none."""

    flag: str
    near: str
    references: tuple[CodeReference, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What a scan found. `references` are of known keys, by path and line; `doubtful` counts, by preset, calls for
    unknown keys in repositories that ask for no known one by that preset: most likely they are no flags.
    """

    keys: tuple[str, ...]
    references: tuple[CodeReference, ...]
    unknown: tuple[Unknown, ...] = ()
    doubtful: dict[str, int] = field(default_factory=dict)
    files: int = 0

    @property
    def unreferenced(self) -> tuple[str, ...]:
        """The keys that no place names."""
        named = {each.flag for each in self.references}
        return tuple(key for key in self.keys if key not in named)


def scan(repository: Repository, keys: Iterable[str], config: Config, tick: Tick | None = None) -> Result:
    """Every place that names one of the keys, and evaluations of others. Raises SourceUnreadable for a bad preset."""
    search = _Search(repository, tuple(dict.fromkeys(keys)), config)
    found = search.first(tick)
    found += search.second([name for each in found for name in each.nicknames])
    return search.result(found)


class _Search:
    """One scan: the files that could matter, and what is looked for in them."""

    def __init__(self, repository: Repository, keys: tuple[str, ...], config: Config) -> None:
        self._repository = repository
        self._config = config
        self._every = config.every()
        self._asking = _asking(self._every)
        self._members = sorted({each.call for each in self._every if each.kind == "members"})
        also = [*self._asking, *(rf"\b{re.escape(call)}\s*\(" for call in self._members)]
        self._keys = Keys(keys, also)
        self._known = frozenset(keys)
        self._asked = [re2.compile(each.encode()) for each in self._asking]
        self._spelled = {each.spelled(key).encode(): key for each in self._every.members for key in keys}
        self._of_language = {name: self._every.of(name) for name in languages.names()}
        self._paths: list[str] = []

    def first(self, tick: Tick | None) -> list[Found]:
        """Look at every file; parse what could name a flag."""
        worth: list[tuple[str, int]] = []
        for path in self._repository.paths():
            data = self._repository.read(path)
            self._paths.append(path)
            if self._keys.may_be_in(data):
                worth.append((path, len(data)))
            if tick is not None and not len(self._paths) % 500:
                tick(len(self._paths))
        return shared(self._told, worth)

    def second(self, names: list[Nickname]) -> list[Found]:
        """Look for the names that were found, in the files where they can be used."""
        abroad = [name for name in names if not name.alias.local]
        if not abroad:
            return []
        words = Keys(name.alias.name.decode("utf-8", "replace") for name in abroad)
        by_word: dict[str, list[Nickname]] = {}
        for name in abroad:
            by_word.setdefault(name.alias.name.decode("utf-8", "replace"), []).append(name)

        def again(path: str) -> Found:
            data = self._repository.read(path)
            reading = self._reading(path, data)
            if reading is None:
                return Found()
            seen = {hit.word for hit in words.hits(data)}
            reading.nicknames(name for word in seen for name in by_word[word] if name.alias.path != path)
            return Found(reading.found.references, [], reading.found.asked_by)

        worth = []
        for path in self._paths:
            if languages.of_path(path) is not None:
                data = self._repository.read(path)
                if words.may_be_in(data):
                    worth.append((path, len(data)))
        return shared(again, worth)

    def result(self, found: list[Found]) -> Result:
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
            else:
                doubtful[_preset(pattern)] += 1
        return Result(
            self._keys.words,
            tuple(references[at] for at in sorted(references)),
            tuple(self._unknown(unknown)),
            dict(doubtful),
            len(self._paths),
        )

    # ---------------------------------------------------------------- one file
    def _told(self, path: str) -> Found:
        data = self._repository.read(path)
        hits = self._keys.hits(data)
        language = languages.of_path(path)
        asked = list(self._other(data)) if language is not None else []
        members = any(call.encode() in data for call in self._members)
        reading = self._reading(path, data) if hits or asked or members else None
        if reading is None:
            return self._unparsed(path, data, hits)
        reading.keys(hits)
        reading.asked(asked)
        if members:
            reading.members(self._spelled)
        return reading.found

    def _reading(self, path: str, data: bytes) -> Reading | None:
        """A file, parsed; None where its language cannot be read, or it is no UTF-8."""
        language = languages.of_path(path)
        if language is None or not _is_utf8(data):
            return None
        return Reading(language.source(path, data), language, self._of_language[language.NAME])

    def _unparsed(self, path: str, data: bytes, hits: list[Hit]) -> Found:
        kinds = ((hit, places.kind_in(path, data, hit, self._every)) for hit in hits)
        return Found(
            [places.reference(hit.word, kind, path, data, hit.start) for hit, kind in kinds if kind is not None]
        )

    def _other(self, data: bytes) -> Iterator[Hit]:
        """Literals of other keys where a flag could be asked for."""
        for expression in self._asked:
            for match in expression.finditer(data):
                key = match.group(1).decode("ascii")
                if key not in self._known:
                    yield Hit(match.start(1), match.end(1), key)

    # ---------------------------------------------------------------- unknown keys
    def _used(self, asked_by: set[Pattern]) -> set[Pattern] | None:
        """The patterns by which this repository asks for flags, as far as is known; None: all of them count."""
        if self._config.presets is not None:
            return None
        used = set(self._config.patterns)
        for name in patterns.presets():
            of_preset = set(patterns.preset(name))
            if of_preset & asked_by:
                used |= of_preset
        return used

    def _unknown(self, found: dict[str, list[CodeReference]]) -> Iterator[Unknown]:
        for number, flag in enumerate(sorted(found)):
            near = get_close_matches(flag, self._keys.words, n=1, cutoff=0.75) if number < MOST_HINTS else []
            yield Unknown(flag, near[0] if near else "", tuple(found[flag]))


def _asking(every: Patterns) -> list[str]:
    """Expressions for calls that could ask for a flag by a literal, which is their first group."""
    by_place: dict[bool, set[str]] = {}
    for pattern in every:
        if pattern.kind == "call" and not pattern.within:
            by_place.setdefault(pattern.key == 0, set()).add(re.escape(pattern.last))
    before = {True: rf"(?:{_NAMED}\s*[=:]\s*)?", False: r"[^\"'`\n]*[,=:]\s*"}
    return [
        rf"(?:{'|'.join(sorted(names))})\(\s*{before[first]}[\"'`]({_KEY})[\"'`]" for first, names in by_place.items()
    ]


_NAMED = r"(?:flag_?[kK]ey|key|name|feature)"


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _preset(pattern: Pattern) -> str:
    return next(name for name in patterns.presets() if pattern in patterns.preset(name))
