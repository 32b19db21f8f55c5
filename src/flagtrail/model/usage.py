"""Usage: how often what was served."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """Evaluations of one flag, variant and rule in one environment within one hour.

    `hour` is its start and `last` the newest evaluation seen (RFC 3339, UTC, to
    the second); `client` names who reported (`ofrep`, or an SDK with its version).
    """

    project: str
    environment: str
    flag: str
    variant: str
    rule: str
    hour: str
    count: int
    last: str
    client: str = "ofrep"


class UsageSummary(msgspec.Struct, frozen=True):
    """All evaluations ever seen of one flag in one environment: their number, the first and the newest.

    `first` and `last` are RFC 3339, UTC, to the second (`first` to the hour).
    """

    project: str
    environment: str
    flag: str
    count: int
    first: str
    last: str
