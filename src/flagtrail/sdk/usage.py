"""Counting in the process: tallies that compiled functions add to, drained by the reporter. No locks: evaluation
must never wait, and a fork must never find one held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeAlias

from flagtrail.engine.tally import Tally
from flagtrail.model.flag import Json
from flagtrail.model.resolution import Resolution
from flagtrail.model.usage import Count

Row: TypeAlias = tuple[str, str, str]
"""A flag, one of its variants (empty: there is no such flag), and the rule that served it (empty: none)."""
MAX_UNKNOWN = 1_000
"""Names of flags that there are not, of which a process reports how often it asked for them."""


Group: TypeAlias = dict[Hashable, "Tallied"]
"""Tallies that are used, and then retired, together."""
_NONE: Group = {}


class Tallied(Tally):
    """A tally of what is answered together: `rows` were each answered `n` times, of which `told` are reported."""

    __slots__ = ("held", "rows", "told", "values")

    def __init__(self, resolutions: Iterable[Resolution], held: object = None, rows: tuple[Row, ...] = ()) -> None:
        super().__init__()
        served = [one for one in resolutions if one.variant is not None]
        self.rows = rows or tuple([(one.flag, str(one.variant), one.rule or "") for one in served])
        self.values: Mapping[str, Json] = {one.flag: one.value for one in served}
        self.held = held  # so that its identity is not used again
        self.told = 0


class Tallies:
    """All tallies of one process.

    Evaluators add to `of` and to their `group`; `detach` and `retire` are for
    whoever swaps them, before and after; `drain` and `forget` for one reporter.
    What was retired is drained at least once more, with what was added to it
    meanwhile, and then dropped.
    """

    def __init__(self) -> None:
        self._of_flags: dict[str, Group] = {}
        self._unknown: Group = {}
        self._groups: dict[int, Group] = {id(self._unknown): self._unknown}
        self._retired: list[Group] = []
        self._retired_before: list[Group] = []
        self.learnt = 0
        """What evaluators chose to remember since the last drain, as they count it."""

    def of(self, resolution: Resolution) -> Tally:
        """The tally of one answer: the same for equal variants and rules of a flag, whoever asks."""
        row = (str(resolution.variant), resolution.rule or "")
        return self._of_flags.setdefault(resolution.flag, {}).setdefault(row, Tallied((resolution,)))

    def count(self, resolutions: Iterable[Resolution]) -> None:
        """Count answers one by one, but for errors."""
        for resolution in resolutions:
            if resolution.variant is not None:
                row = (resolution.variant, resolution.rule or "")
                (self._of_flags.get(resolution.flag, _NONE).get(row) or self.of(resolution)).n += 1

    def group(self) -> Group:
        """A new group of tallies, to be filled by its owner."""
        group: Group = {}
        self._groups[id(group)] = group
        return group

    def unknown(self, flag: str) -> None:
        """Count that a flag was asked for which the server does not know: it ought to hear of it."""
        group = self._unknown
        if flag in group or len(group) < MAX_UNKNOWN:
            group.setdefault(flag, Tallied((), rows=((flag, "", ""),))).n += 1

    def detach(self, flags: Iterable[str]) -> list[Group]:
        """These flags are about to be compiled anew, or are gone: `of` starts afresh for them.

        What they had is still drained, until it is retired.
        """
        groups = []
        for flag in flags:
            group = self._of_flags.get(flag)
            if group is not None:
                self._groups[id(group)] = group
                del self._of_flags[flag]
                groups.append(group)
        return groups

    def retire(self, groups: Iterable[Group]) -> None:
        """No call that starts from now on adds to these."""
        for group in groups:
            self._retired.append(group)
            self._groups.pop(id(group), None)

    def drain(self) -> list[Count]:
        """What was counted since the last drain, by flag, variant and rule."""
        self.learnt = 0
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

    def _all(self, *retired: list[Group]) -> Iterator[Tallied]:
        # Copied at once: another thread may be adding.
        for groups in (self._of_flags.values(), self._groups.values(), *retired):
            for group in list(groups):
                yield from list(group.values())
