"""What did each flag serve before a period, and at its end?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from flagtrail.analysis.shares import answer
from flagtrail.analysis.world import world
from flagtrail.model.flag import Json
from flagtrail.model.state import State


class Standing(msgspec.Struct, frozen=True):
    """What a flag served in one environment before the period, and at its end, in words."""

    flag: str
    environment: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether it serves otherwise than before."""
        return self.before != self.after


def standings(
    before: State,
    after: State,
    project: str,
    *,
    flags: Sequence[str],
    environments: Sequence[str],
    where: Mapping[str, Json],
) -> Iterator[Standing]:
    """For each flag and environment, to contexts known to be `where`."""
    for flag in flags:
        for key in environments:
            was, becomes = (answer(world(state, project, key, flag), flag, where).words for state in (before, after))
            yield Standing(flag, key, was, becomes)
