"""All files of a repository before the clean-up and as they are now, with what stands where in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ahocorasick_rs import BytesAhoCorasick

from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.names import Names
from flagtrail.codebase.source import Source

OfPath = Callable[[str], Language | None]
MOST_FILES = 250
"""A word that stands in more files than that is not looked for in further ones."""
FEW_WORDS = 12
Places = Mapping[str, tuple[int, ...]]
"""Where a word stands: by path, the bytes that it begins at."""


@dataclass(slots=True)
class Forest:
    """The files. Every one is parsed at most once as it was, and once for each time that it is changed."""

    files: Mapping[str, bytes]
    of_path: OfPath
    changed: dict[str, Source | None] = field(default_factory=dict)
    _then: dict[str, Names] = field(default_factory=dict)
    _now: dict[str, Names] = field(default_factory=dict)
    _found: dict[bytes, dict[str, tuple[int, ...]]] = field(default_factory=dict)
    _by_file_name: dict[str, list[str]] = field(default_factory=dict)
    _named: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def put(self, path: str, source: Source | None) -> None:
        """What a file is from now on; None where it goes."""
        self.changed[path] = source
        self._now.pop(path, None)

    def data(self, path: str) -> bytes:
        """A file's bytes as they are now; none where it is gone."""
        if path in self.changed:
            source = self.changed[path]
            return b"" if source is None else source.data
        return self.files.get(path, b"")

    def language(self, path: str) -> Language:
        """The language of a file that has one."""
        language = self.of_path(path)
        assert language is not None  # noqa: S101 - asked only of such
        return language

    def akin(self, path: str, other: str) -> bool:
        """Whether code of one file can name what the other one defines."""
        one, two = self.of_path(path), self.of_path(other)
        if one is None or two is None:
            return False
        return (one.FAMILY or one.NAME) == (two.FAMILY or two.NAME)

    def then(self, path: str) -> Names:
        """A file's names before the clean-up."""
        if path not in self._then:
            language = self.language(path)
            self._then[path] = Names(language.source(path, self.files[path]), language)
        return self._then[path]

    def now(self, path: str) -> Names:
        """A file's names as they are now."""
        source = self.changed.get(path)
        if source is None:
            return self.then(path)
        if path not in self._now:
            self._now[path] = Names(source, self.language(path))
        return self._now[path]

    def parsed(self) -> list[str]:
        """The changed files of a known language, also those that are gone."""
        return [path for path in sorted(self.changed) if self.of_path(path) is not None]

    def gone(self, path: str) -> bool:
        """Whether a file was taken away."""
        return path in self.changed and self.changed[path] is None

    def search(self, words: Iterable[bytes]) -> dict[bytes, dict[str, tuple[int, ...]]]:
        """Where each of these words stands as a whole word, in all files as they are now.

        Of a word that stands in more than MOST_FILES files, so many are told and no more.
        """
        asked = set(words)
        new = asked - self._found.keys()
        if new:
            self._found |= _found(self.files, new)
        return {word: self._as_it_is(word) for word in asked}

    def _as_it_is(self, word: bytes) -> dict[str, tuple[int, ...]]:
        places = {path: found for path, found in self._found[word].items() if path not in self.changed}
        for path in self.changed:
            found = tuple(_places(self.data(path), word))
            if found:
                places[path] = found
        return places

    def named(self, ends: Iterable[str]) -> Iterator[str]:
        """The files whose paths end so; see `Language.modules`."""
        for end in ends:
            if end not in self._named:
                self._named[end] = tuple(self._ending(end))
            yield from self._named[end]

    def sources(self, path: str, origin: str) -> tuple[Source, ...]:
        """The files, as they were, that an import of a file can mean by its text."""
        ends = self.language(path).modules(path, origin, "")
        return tuple(self.then(each).source for each in self.named(ends) if self.akin(each, path))

    def _ending(self, end: str) -> Iterator[str]:
        if end.endswith("/*"):
            yield from (path for path in self.files if _in_folder(path, end[:-2]))
        elif end.startswith("/"):
            if end[1:] in self.files:
                yield end[1:]
        else:
            yield from (path for path in self._called(PurePosixPath(end).name) if f"/{path}".endswith(f"/{end}"))

    def _called(self, name: str) -> list[str]:
        if not self._by_file_name:
            for path in self.files:
                self._by_file_name.setdefault(path.rpartition("/")[2], []).append(path)
        return self._by_file_name.get(name, [])


def _in_folder(path: str, folder: str) -> bool:
    around = path.rpartition("/")[0]
    return around == folder[1:] if folder.startswith("/") else f"/{around}".endswith(f"/{folder}")


def _found(files: Mapping[str, bytes], words: set[bytes]) -> dict[bytes, dict[str, tuple[int, ...]]]:
    """Where words stand. A few are looked for one by one, which is quicker than all at once."""
    found: dict[bytes, dict[str, tuple[int, ...]]] = {word: {} for word in words}
    sought = sorted(words)
    automaton = _automaton(sought)
    for path, data in files.items():
        here = (word for word in sought if word in data) if automaton is None else _hits(automaton, sought, data)
        full = False
        for word in here:
            places = tuple(_places(data, word))
            if places:
                found[word][path] = places
            full |= len(found[word]) > MOST_FILES
        if full:
            sought = [word for word in sought if len(found[word]) <= MOST_FILES]
            automaton = _automaton(sought)
    return found


def _automaton(words: list[bytes]) -> BytesAhoCorasick | None:
    return BytesAhoCorasick(words) if len(words) > FEW_WORDS else None


def _hits(automaton: BytesAhoCorasick, words: list[bytes], data: bytes) -> set[bytes]:
    return {words[index] for index, _, _ in automaton.find_matches_as_indexes(data, overlapping=True)}


def _places(data: bytes, word: bytes) -> Iterator[int]:
    at = data.find(word)
    while at >= 0:
        end = at + len(word)
        if not _joins(data[at - 1 : at]) and not _joins(data[end : end + 1]):
            yield at
        at = data.find(word, end)


def _joins(byte: bytes) -> bool:
    """Whether a byte belongs to a word. A dollar does in some languages, and in others it stands before one."""
    return byte.isalnum() or byte == b"_" or byte > b"\x7f"
