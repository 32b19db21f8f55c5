"""Usage: how often what was served."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from flagtrail.model.flag import Json

MAX_COUNT = 2**53
MAX_AGO_SECONDS = 7 * 86_400
MAX_COUNTS = 20_000
"""Counts of one period in one report."""
Span: TypeAlias = Literal["hour", "day"]
"""What counts of usage are added up by."""
MAX_PERIODS = 200
MAX_CONTEXTS = 1_000


class Usage(msgspec.Struct, frozen=True):
    """Evaluations of one flag, variant and rule in one environment within one hour.

    `hour` is its start and `last` the newest evaluation seen (RFC 3339, UTC, to
    the second); `client` names who reported (`ofrep`, or an SDK with its
    version: `flagtrail-python/0.1.0`), `application` for which application, as
    that names itself and its version (`shop/1.4.2`; empty: it does not).
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
    application: str = ""


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


class UsageClient(msgspec.Struct, frozen=True):
    """Who asked for one flag in one environment: an SDK and an application, how often, first and last.

    `first` and `last` as in `UsageSummary`; `client` and `application` as in `Usage`.
    """

    project: str
    environment: str
    flag: str
    client: str
    application: str
    count: int
    first: str
    last: str


class UsageReporter(msgspec.Struct, frozen=True):
    """Who reported usage of any flag in an environment, first and last; `client` and `application` as in `Usage`."""

    project: str
    environment: str
    client: str
    application: str
    first: str
    last: str


class UsageCount(msgspec.Struct, frozen=True):
    """How often one variant of a flag was served within an hour or a day that begins at `time`."""

    environment: str
    time: str
    variant: str
    count: int


class FlagUsage(msgspec.Struct, frozen=True):
    """How one flag is used: in all, by hour or day (UTC) within a period, and by whom.

    `since` and `until` (stamps) bound `counts` alone: hours that begin at or
    after the hour of `since` and before `until`. No counts do not mean that
    nobody uses the flag: only what is evaluated or reported here is counted.
    """

    project: str
    flag: str
    since: str
    until: str
    by: Span
    summary: tuple[UsageSummary, ...]
    counts: tuple[UsageCount, ...]
    clients: tuple[UsageClient, ...]


class SampledContext(msgspec.Struct, frozen=True):
    """An evaluation context as an application reported it; `time` is when it came (a stamp)."""

    project: str
    environment: str
    time: str
    context: dict[str, Json]


class Count(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often one variant of a flag was served by one rule (empty: none) within a period."""

    flag: str
    variant: str
    rule: str
    count: Annotated[int, msgspec.Meta(ge=1, le=MAX_COUNT)]


class Period(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts of one stretch of time, whose end is `ago` seconds before the report is sent.

    Told by how long ago it was, since an application's clock may be wrong by any amount.
    """

    ago: Annotated[float, msgspec.Meta(ge=0, le=MAX_AGO_SECONDS)]
    counts: Annotated[tuple[Count, ...], msgspec.Meta(max_length=MAX_COUNTS)]


class UsageReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one process evaluated since its last report.

    `id` is the report's own: one that is sent again is added up once.
    `contexts` are sampled evaluation contexts, as the application allowed them.
    """

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9-]{16,64}\Z")]
    sdk: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    periods: Annotated[tuple[Period, ...], msgspec.Meta(max_length=MAX_PERIODS)]
    application: Annotated[str, msgspec.Meta(max_length=200)] = ""
    contexts: Annotated[tuple[dict[str, Json], ...], msgspec.Meta(max_length=MAX_CONTEXTS)] = ()
