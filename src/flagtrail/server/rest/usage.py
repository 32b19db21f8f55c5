"""How flags are used, and what is asked for that is no flag."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from flagtrail.model.usage import FlagUsage, Span, UsageSummary
from flagtrail.server.rest.call import Caller
from flagtrail.server.rest.questions import instant


class UnknownFlags(msgspec.Struct, frozen=True):
    """What applications ask for that is no flag, or none any more; the newest first."""

    items: list[UsageSummary]
    next: None = None


@get(
    "/projects/{project:str}/flags/{flag:str}/usage",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read a flag's usage",
)
def flag_usage(
    project: FromPath[str],
    flag: FromPath[str],
    call: Caller,
    *,
    environment: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    by: FromQuery[Span | None] = None,
) -> FlagUsage:
    """Per environment: how often in all, by hour or day and variant in a period (the last seven days), and who asked.

    Without `by`, by the hour up to eight days and by the day beyond. Also of what is no flag but is asked for.
    """
    period = {"since": instant(since, "since"), "until": instant(until, "until")}
    return call.app.ask.usage(project, flag, environment=environment, by=by, **period)


@get(
    "/projects/{project:str}/unknown-flags",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read what is asked for and is no flag",
)
def unknown_flags(project: FromPath[str], call: Caller) -> UnknownFlags:
    """As applications reported it: code that asks for it gets its own default, always."""
    return UnknownFlags(call.app.ask.unknown_flags(project))


ROUTES: list[HTTPRouteHandler] = [flag_usage, unknown_flags]
