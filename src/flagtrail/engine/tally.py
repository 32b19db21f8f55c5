"""Counting what is answered: a compiled function adds one to a tally by itself, which costs it 10 to 20 ns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from flagtrail.model.resolution import Resolution


class Tally:
    """How often a variant of a flag was answered by a rule, since the tally was made. `n` only ever grows.

    Adding loses nothing among threads under the GIL, which is not handed over
    within a statement without a call; a free-threaded build may lose some.
    """

    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


TallyOf: TypeAlias = Callable[[Resolution], Tally]
"""The tally of an answer; asked once for each answer that a function can give, when it is compiled."""
