"""Drawing a sample of entries that nobody could choose and that anybody can draw again. Standard library only.

The seed is made of what is known only once the period is over: the root at its end.
"""

from __future__ import annotations

from hashlib import sha256
from heapq import heappush, heappushpop


def seeded_with(kind: str, since: str, until: str, root: str) -> str:
    """The text that a report's seed is the SHA-256 of. `root` is that of the period's end, in base64."""
    return f"flagtrail/sample/v1\n{kind}\n{since}\n{until}\n{root}\n"


class Draw:
    """Takes a sample while the population passes by; nothing is kept but what is in it.

    Each entry has the rank SHA-256(seed || seq as 8 bytes, big-endian); those with the lowest ranks are taken.
    """

    def __init__(self, seeded_with: str, asked: int) -> None:
        self.seeded_with = seeded_with
        self.seed = sha256(seeded_with.encode()).digest()
        self.asked = asked
        self.population = 0
        self._taken: list[tuple[int, int]] = []

    def offer(self, seq: int) -> None:
        """One of the population passes by."""
        self.population += 1
        rank = int.from_bytes(sha256(self.seed + seq.to_bytes(8, "big")).digest(), "big")
        if len(self._taken) < self.asked:
            heappush(self._taken, (-rank, seq))
        elif self.asked:
            heappushpop(self._taken, (-rank, seq))

    def taken(self) -> tuple[int, ...]:
        """The sample's seqs, sorted."""
        return tuple(sorted(seq for _, seq in self._taken))
