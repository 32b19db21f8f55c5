"""Many words looked for at once in the bytes of a file: Aho and Corasick's automaton, in one pass over them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import msgspec

from flagtrail.codebase.batch import Batch

MOST_IN_TABLE = 5_000
"""Words whose automaton is a table of all its steps: twice as fast, and as large as it is fast."""

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$")
"""What continues a word. A dot does not: `flags.new_ui` names `new_ui`, and `new-ui.` ends a sentence."""


class Hit(msgspec.Struct, frozen=True, order=True):
    """Bytes [start, end) are `word`."""

    start: int
    end: int
    word: str


class Keys:
    """Words that are looked for where they stand alone; and `heads`, which may go on (`is_on(`)."""

    def __init__(self, words: Iterable[str], heads: Iterable[str] = ()) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        self.words = tuple(dict.fromkeys(filter(None, words)))
        self._every = (*self.words, *dict.fromkeys(heads))
        small = len(self._every) <= MOST_IN_TABLE
        kind = Implementation.DFA if small else Implementation.ContiguousNFA
        self._find = BytesAhoCorasick([word.encode() for word in self._every], implementation=kind)

    def hits(self, data: bytes) -> list[Hit]:
        """Every place of every word that stands alone, in order; of words at one place the longest."""
        return next((words for _, words, _ in self.look(Batch.of({"": data}))), [])

    def look(self, batch: Batch) -> Iterator[tuple[int, list[Hit], list[Hit]]]:
        """The same of several files, and every place of a head before which no word goes on, by the file's number.

        Files with neither are left out. They are looked at as one, which takes less time than one after the other.
        """
        data, starts = batch.data, batch.starts
        words: dict[int, list[Hit]] = {}
        heads: dict[int, list[Hit]] = {}
        for index, start, end in self._find.find_matches_as_indexes(data, overlapping=True):
            if start and data[start - 1] in _WORD:
                continue
            file = bisect_right(starts, start) - 1
            at = starts[file]
            if index >= len(self.words):
                heads.setdefault(file, []).append(Hit(start - at, end - at, self._every[index]))
            elif data[end] not in _WORD:
                words.setdefault(file, []).append(Hit(start - at, end - at, self._every[index]))
        for file in sorted(words.keys() | heads.keys()):
            yield file, list(_longest(words.get(file, []))), heads.get(file, [])


def _longest(hits: list[Hit]) -> Iterator[Hit]:
    """Without those that are part of another one: `app.new-ui` is not `new-ui` too, where both are keys."""
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end > end:
            yield hit
            end = hit.end
