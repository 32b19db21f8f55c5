"""Many words looked for at once in the bytes of a file: Aho and Corasick's automaton, in one pass over them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MOST_IN_TABLE = 5_000
"""Words whose automaton is a table of all its steps: twice as fast, and as large as it is fast."""

_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-$")
"""What continues a word. A dot does not: `flags.new_ui` names `new_ui`, and `new-ui.` ends a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
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
        return self.look(data)[0]

    def look(self, data: bytes) -> tuple[list[Hit], list[Hit]]:
        """The same, and every place of a head before which no word goes on."""
        found = self._find.find_matches_as_indexes(data, overlapping=True)
        if not found:
            return [], []
        words, heads = [], []
        for index, start, end in found:
            if start and data[start - 1] in _WORD:
                continue
            if index >= len(self.words):
                heads.append(Hit(start, end, self._every[index]))
            elif end == len(data) or data[end] not in _WORD:
                words.append(Hit(start, end, self._every[index]))
        return list(_longest(words)), heads


def _longest(hits: list[Hit]) -> Iterator[Hit]:
    """Without those that are part of another one: `app.new-ui` is not `new-ui` too, where both are keys."""
    end = 0
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.end > end:
            yield hit
            end = hit.end
