"""A flag's history, exposure and rollout history."""

from __future__ import annotations

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from flagtrail.app.answers import EntryQuery, Exposure, RolloutHistory
from flagtrail.model.errors import NotFound
from flagtrail.model.subject import flag_subject
from flagtrail.server.rest.call import Call, Caller, Cursor, Limit, LogPage, entry_view, require_project
from flagtrail.server.rest.questions import instant, read_where

_FLAG = "/projects/{project:str}/flags/{flag:str}"
_TARGETING = "/projects/{project:str}/flags/{flag:str}/environments/{environment:str}"


@get(f"{_FLAG}/history", opt={"role": "viewer"}, sync_to_thread=True, summary="Read a flag's history")
def flag_history(
    project: FromPath[str],
    flag: FromPath[str],
    call: Caller,
    environment: FromQuery[str | None] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> LogPage:
    """Newest first: its own documents', and every entry that changed what it gives (a segment's edit, say)."""
    return _history(call, EntryQuery(project=project, flag=flag, environment=environment, before=cursor, limit=limit))


@get(f"{_TARGETING}/history", opt={"role": "viewer"}, sync_to_thread=True, summary="Read a targeting's history")
def targeting_history(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    call: Caller,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> LogPage:
    """The flag's history as far as it concerns this environment, newest first."""
    return _history(call, EntryQuery(project=project, flag=flag, environment=environment, before=cursor, limit=limit))


def _history(call: Call, query: EntryQuery) -> LogPage:
    _require_flag(call, query.project or "", query.flag or "")
    page = call.app.ask.log(query)
    return LogPage([entry_view(call.app, entry) for entry in page.entries], page.next)


def _require_flag(call: Call, project: str, flag: str) -> None:
    """Raise NotFound where there never was such a flag; a deleted one still has its history."""
    require_project(call.app, project)
    if call.app.ask.state.held(flag_subject(project, flag)) is None:
        raise NotFound(f"there never was a flag {flag!r}", kind="flag", key=flag)


@get(f"{_TARGETING}/exposure", opt={"role": "viewer"}, sync_to_thread=True, summary="When was it on, and for whom?")
def exposure(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    call: Caller,
    where: FromQuery[str] = "",
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
) -> Exposure:
    """The share of each variant over time for the contexts that `where` describes, as half-open intervals.

    `where` is `plan=enterprise,country=DE`; what is left out is unknown, not absent.
    """
    context = read_where(where)
    return call.app.ask.exposure(
        project, environment, flag, context, since=instant(since, "since"), until=instant(until, "until")
    )


@get(f"{_TARGETING}/rollout-history", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the shares over time")
def rollout_history(
    project: FromPath[str], flag: FromPath[str], environment: FromPath[str], call: Caller
) -> RolloutHistory:
    """The shares per variant, with who and why at each step."""
    return call.app.ask.rollout(project, environment, flag)


ROUTES: list[HTTPRouteHandler] = [flag_history, targeting_history, exposure, rollout_history]
