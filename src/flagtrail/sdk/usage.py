"""Counting in the process: tallies that compiled functions add to, drained by the reporter. No locks: evaluation
must never wait, and a fork must never find one held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from flagtrail.engine.tally import Tally
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution
from flagtrail.model.usage import Count

Row: TypeAlias = tuple[str, str, str]
"""A flag, one of its variants, and the rule that served it (empty: none)."""


class Tallied(Tally):
    """A tally of what is answered together: `rows` were each answered `n` times, of which `told` are reported."""

    __slots__ = ("held", "rows", "told", "values")

    def __init__(self, resolutions: Iterable[Resolution], held: object = None) -> None:
        super().__init__()
        served = [one for one in resolutions if one.variant is not None]
        self.rows: tuple[Row, ...] = tuple([(one.flag, str(one.variant), one.rule or "") for one in served])
        self.values: Mapping[str, Json] = {one.flag: one.value for one in served}
        self.held = held  # so that its identity is not used again
        self.told = 0


class Tallies:
    """All tallies of one process.

    `of`, `together` and `retire` are for evaluators, `drain` and `forget` for
    one reporter. A tally that was retired is drained at least once more.
    """

    def __init__(self) -> None:
        self._of_flags: dict[str, dict[tuple[str, str], Tallied]] = {}
        self._together: list[Tallied] = []
        self._retired: list[Tallied] = []
        self._retired_before: list[Tallied] = []

    def of(self, resolution: Resolution) -> Tally:
        """The tally of one answer: the same for equal variants and rules of a flag, whoever asks."""
        row = (str(resolution.variant), resolution.rule or "")
        return self._of_flags.setdefault(resolution.flag, {}).setdefault(row, Tallied((resolution,)))

    def together(self, resolutions: Iterable[Resolution], held: object) -> Tallied:
        """A new tally of answers that are given together."""
        tallied = Tallied(resolutions, held)
        self._together.append(tallied)
        return tallied

    def retire(self, flags: Iterable[str]) -> None:
        """These flags are about to be compiled anew, or are gone: their tallies are drained to the end and dropped.

        So are all tallies of answers that were given together.
        """
        for flag in flags:
            self._retired.extend(self._of_flags.pop(flag, {}).values())
        self.retire_together()

    def retire_together(self) -> None:
        """Whoever asked for tallies of answers given together has dropped them."""
        together, self._together = self._together, []
        self._retired.extend(together)

    def drain(self) -> list[Count]:
        """What was counted since the last drain, by flag, variant and rule."""
        retired, self._retired = self._retired, []
        counts: Counter[Row] = Counter()
        for tallied in self._all(self._retired_before, retired):
            new = tallied.n - tallied.told
            if new:
                tallied.told += new
                for row in tallied.rows:
                    counts[row] += new
        self._retired_before = retired
        return [Count(*row, count) for row, count in counts.items()]

    def forget(self) -> None:
        """Nothing counted so far is for this process to report: its parent does (a fork)."""
        for tallied in self._all(self._retired_before, self._retired):
            tallied.told = tallied.n

    def _all(self, *retired: list[Tallied]) -> Iterator[Tallied]:
        # Copied at once: another thread may be adding.
        for of_flag in list(self._of_flags.values()):
            yield from list(of_flag.values())
        for tallied in (self._together, *retired):
            yield from list(tallied)
