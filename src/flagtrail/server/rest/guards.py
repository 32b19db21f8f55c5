"""Guards: what watches over a change, listed and called off; they are set by the change itself."""

from __future__ import annotations

import msgspec
from anyio.to_thread import run_sync
from litestar import delete, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from flagtrail.app.guards import GuardPart, GuardView
from flagtrail.model.change import Operation
from flagtrail.model.subject import Subject, guard_subject
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import Call, Caller, Changed, change, seen_version


class Guarded(Why, frozen=True, kw_only=True):
    """A change that may be guarded: metrics with limits, and what is done when one is passed."""

    guard: GuardPart | None = None


class GuardList(msgspec.Struct, frozen=True):
    """Guards, those that watch first."""

    items: list[GuardView]
    next: None = None


async def guarding(call: Call, targeting: Subject, body: Guarded) -> list[Operation]:
    """The operation that sets the guard of a change of a targeting, where its body asks for one."""
    part = body.guard
    if part is None:
        return []
    place = (targeting.project or "", targeting.flag or "", targeting.environment or "")
    # In a thread: which metrics there are is the database's to say.
    return [await run_sync(lambda: call.app.guards.operation(*place, part))]


@get("/projects/{project:str}/guards", opt={"role": "viewer"}, sync_to_thread=True, summary="List guards")
def list_guards(project: FromPath[str], call: Caller, flag: FromQuery[str | None] = None) -> GuardList:
    """The newest of each flag and environment: what it watches, what the metrics read now, or what came of it."""
    return GuardList(call.app.guards.guards(project, flag=flag))


@delete(
    "/projects/{project:str}/flags/{flag:str}/environments/{environment:str}/guard",
    opt={"role": "editor"},
    status_code=200,
    summary="Call a guard off",
)
async def call_off(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    call: Caller,
    data: JSONBody[Why | None] = None,
) -> Changed:
    """The change stays, and is watched no longer."""
    body = data or NO_WHY
    subject = guard_subject(project, flag, environment)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


ROUTES: list[HTTPRouteHandler] = [list_guards, call_off]
