"""Stale flags: which could go, where each stands on its way out, and what people say of it."""

from __future__ import annotations

from typing import Annotated

from anyio.to_thread import run_sync
from litestar import Response, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from flagtrail.app.answers import Board, ProjectHealth, StaleReport
from flagtrail.app.stages import Decided
from flagtrail.model.change import Operation
from flagtrail.model.flag import Json
from flagtrail.model.nudge import Nudge
from flagtrail.model.subject import Subject, lifespan_subject, nudge_subject, snooze_subject, thresholds_subject
from flagtrail.model.thresholds import BUILT_IN, Lifespan
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Call,
    Caller,
    Changed,
    DocumentView,
    change,
    document_view,
    require_flag,
    require_project,
    seen_version,
    with_etag,
)

MONTHS, MOST_MONTHS = 12, 120
_PROJECT = "/projects/{project:str}"
_FLAG = f"{_PROJECT}/flags/{{flag:str}}"


class NewSnooze(Why, frozen=True, kw_only=True):
    """Until which day (ISO 8601, UTC; at most a year ahead), and who answers for it; `why` is the snooze's reason."""

    until: str
    owner: str = ""


class NewStage(Why, frozen=True, kw_only=True):
    """`ready_to_remove`, with the `variant` to keep where the evidence names none; or `code_removed`, by a `commit`."""

    stage: Decided
    variant: str | None = None
    commit: str = ""


class NewThresholds(Why, frozen=True, kw_only=True):
    """A project's whole new thresholds."""

    thresholds: Json


class NewLifespan(Why, frozen=True, kw_only=True):
    """A flag's own days, whole."""

    lifespan: Json


class NewNudge(Why, frozen=True, kw_only=True):
    """A project's whole new nudge."""

    nudge: Json


@get(f"{_PROJECT}/stale", opt={"role": "viewer"}, sync_to_thread=True, summary="Which flags could go?")
def stale(project: FromPath[str], call: Caller) -> StaleReport:
    """Each with its evidence, how sure that is, and what blocks its removal."""
    return call.app.ask.stale(project)


@get(f"{_PROJECT}/stale/stages", opt={"role": "viewer"}, sync_to_thread=True, summary="Where does each flag stand?")
def stages(project: FromPath[str], call: Caller) -> Board:
    """The stage of every flag on its way out."""
    return call.app.stages.board(project)


@get(f"{_PROJECT}/stale/health", opt={"role": "viewer"}, sync_to_thread=True, summary="How do its flags fare?")
def health(
    project: FromPath[str], call: Caller, months: Annotated[int, QueryParameter(ge=1, le=MOST_MONTHS)] = MONTHS
) -> ProjectHealth:
    """By month: how many are stale, how old they are, how many came and went."""
    return call.app.stages.health(project, months=months)


@put(f"{_FLAG}/snooze", opt={"role": "editor"}, summary="Snooze a flag")
async def snooze(project: FromPath[str], flag: FromPath[str], data: JSONBody[NewSnooze], call: Caller) -> Changed:
    """Leave it in peace up to a day. It ends by itself."""
    operation = call.app.stages.snoozed(
        project,
        flag,
        until=data.until,
        owner=data.owner,
        reason=data.why,
        identity=call.identity,
        version=seen_version(call, data),
    )
    return await change(call, [operation], data, about=operation.subject)


@delete(f"{_FLAG}/snooze", opt={"role": "editor"}, status_code=200, summary="End a snooze")
async def unsnooze(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """Before its day."""
    return await _delete(call, snooze_subject(project, flag), data)


async def _delete(call: Call, subject: Subject, data: Why | None) -> Changed:
    """Delete a document of a flag's way out."""
    body = data or NO_WHY
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


@put(f"{_FLAG}/stage", opt={"role": "editor"}, summary="Move a flag to a stage")
async def put_stage(project: FromPath[str], flag: FromPath[str], data: JSONBody[NewStage], call: Caller) -> Changed:
    """Say that it may go, or that its code is gone. The other stages follow from the evidence."""
    version = seen_version(call, data)
    # In a thread: the evidence is the database's to tell.
    operation = await run_sync(
        lambda: call.app.stages.decided(
            project, flag, data.stage, variant=data.variant, commit=data.commit, version=version
        )
    )
    return await change(call, [operation], data, about=operation.subject)


@delete(f"{_FLAG}/stage", opt={"role": "editor"}, status_code=200, summary="Take a stage back")
async def withdraw(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """The flag stands where its evidence leads again."""
    body = data or NO_WHY
    version = seen_version(call, body)
    operation = await run_sync(lambda: call.app.stages.withdrawn(project, flag, version=version))
    return await change(call, [operation], body, about=operation.subject)


@get(f"{_PROJECT}/thresholds", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the thresholds")
def read_thresholds(project: FromPath[str], call: Caller) -> Response[DocumentView]:
    """After how many days what makes a flag stale; as Flagtrail comes, as version 0, where nothing was set."""
    require_project(call.app, project)
    return with_etag(document_view(call.app.ask.state, thresholds_subject(project), BUILT_IN))


@put(f"{_PROJECT}/thresholds", opt={"role": "editor"}, summary="Set the thresholds")
async def put_thresholds(project: FromPath[str], data: JSONBody[NewThresholds], call: Caller) -> Changed:
    """The whole document."""
    subject = thresholds_subject(project)
    operation = Operation(action="put", subject=subject, value=data.thresholds, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@get(f"{_FLAG}/lifespan", opt={"role": "viewer"}, sync_to_thread=True, summary="Read a flag's own days")
def read_lifespan(project: FromPath[str], flag: FromPath[str], call: Caller) -> Response[DocumentView]:
    """What it has of its own; the rest is its kind's, and the project's. Version 0: nothing was set."""
    require_flag(call.app, project, flag)
    return with_etag(document_view(call.app.ask.state, lifespan_subject(project, flag), Lifespan()))


@put(f"{_FLAG}/lifespan", opt={"role": "editor"}, summary="Set a flag's own days")
async def put_lifespan(
    project: FromPath[str], flag: FromPath[str], data: JSONBody[NewLifespan], call: Caller
) -> Changed:
    """The whole document; `{"permanent": true}` keeps it from being stale by its age or by what it serves."""
    subject = lifespan_subject(project, flag)
    operation = Operation(action="put", subject=subject, value=data.lifespan, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete(f"{_FLAG}/lifespan", opt={"role": "editor"}, status_code=200, summary="Forget a flag's own days")
async def delete_lifespan(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """It is judged as its kind is."""
    return await _delete(call, lifespan_subject(project, flag), data)


@get(f"{_PROJECT}/nudge", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the nudge")
def read_nudge(project: FromPath[str], call: Caller) -> Response[DocumentView]:
    """When and where owners are reminded of their stale flags; disabled, as version 0, where nothing was set."""
    require_project(call.app, project)
    return with_etag(document_view(call.app.ask.state, nudge_subject(project), Nudge(enabled=False)))


@put(f"{_PROJECT}/nudge", opt={"role": "editor"}, summary="Set the nudge")
async def put_nudge(project: FromPath[str], data: JSONBody[NewNudge], call: Caller) -> Changed:
    """The whole document."""
    subject = nudge_subject(project)
    operation = Operation(action="put", subject=subject, value=data.nudge, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


ROUTES: list[HTTPRouteHandler] = [
    stale,
    stages,
    health,
    snooze,
    unsnooze,
    put_stage,
    withdraw,
    read_thresholds,
    put_thresholds,
    read_lifespan,
    put_lifespan,
    delete_lifespan,
    read_nudge,
    put_nudge,
]
