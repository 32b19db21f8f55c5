"""Roots of any part of a large tree, with the leaf hashes fetched as they are needed.

Of each whole block one root is kept; below that the hashes are fetched again. So the proofs of a
tree of a million leaves need about 70 KB, and each costs one block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from flagtrail.ledger.merkle import EMPTY_FRONTIER, Frontier, consistency_parts, inclusion_parts, perfect_root, widths

BLOCK = 1_024
"""Leaves of a block: a power of two."""
_AT_ONCE = 16 * BLOCK

Fetch = Callable[[int, int], Sequence[bytes]]
"""The leaf hashes of [low, high), in order."""


class Subtrees:
    """The tree over the first `size` leaf hashes. Raises ValueError where `fetch` gives fewer than it is asked for."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        self.size = size
        self._fetch = fetch
        self._held: tuple[int, Sequence[bytes]] = (-1, ())
        self._blocks: list[bytes] = []
        whole = size - size % BLOCK
        for low, high in pairwise([*range(0, whole, _AT_ONCE), whole]):
            hashes = self._fetched(low, high)
            self._blocks.extend(
                perfect_root(list(hashes[start : start + BLOCK])) for start in range(0, len(hashes), BLOCK)
            )

    def frontier(self, size: int) -> Frontier:
        """The frontier of the first `size` leaves."""
        frontier, position = EMPTY_FRONTIER, 0
        for width in widths(0, size):
            frontier = frontier.append_subtree(self._perfect(position, width), width)
            position += width
        return frontier

    def roots(self, low: int, high: int) -> list[bytes]:
        """The roots of the perfect subtrees that [low, high) is made of, from left to right (`merkle.widths`)."""
        found, position = [], low
        for width in widths(low, high):
            found.append(self._perfect(position, width))
            position += width
        return found

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf at `index` is in the tree of the first `size` leaves (`merkle.inclusion_proof`)."""
        return [self._root(low, high) for low, high in inclusion_parts(index, size)]

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The proof that the tree of `size` leaves extends that of `old_size` (`merkle.consistency_proof`)."""
        return [self._root(low, high) for low, high in consistency_parts(old_size, size)]

    def _root(self, low: int, high: int) -> bytes:
        """The root over [low, high), a part into which RFC 9162 divides the tree: `low` is a multiple of its width."""
        frontier, position = EMPTY_FRONTIER, low
        for width in widths(0, high - low):
            frontier = frontier.append_subtree(self._perfect(position, width), width)
            position += width
        return frontier.root()

    def _perfect(self, low: int, width: int) -> bytes:
        if width >= BLOCK:
            return perfect_root(self._blocks[low // BLOCK : (low + width) // BLOCK])
        number, offset = divmod(low, BLOCK)
        if self._held[0] != number:
            start = number * BLOCK
            self._held = (number, self._fetched(start, min(start + BLOCK, self.size)))
        return perfect_root(list(self._held[1][offset : offset + width]))

    def _fetched(self, low: int, high: int) -> Sequence[bytes]:
        hashes = self._fetch(low, high)
        if len(hashes) != high - low:
            raise ValueError(f"{len(hashes)} leaf hashes came where [{low}, {high}) were asked for")
        return hashes
