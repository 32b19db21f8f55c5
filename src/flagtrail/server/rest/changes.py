"""The change log: who changed what, when and why; taking a change back; its proof."""

from __future__ import annotations

from typing import Annotated

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from flagtrail.app.answers import EntryQuery
from flagtrail.model.entry import Action, Entry
from flagtrail.model.errors import NotFound
from flagtrail.model.subject import Kind
from flagtrail.server.identity import require_overseer
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Call,
    Caller,
    Changed,
    Cursor,
    EntryDetail,
    Limit,
    LogPage,
    Seq,
    changed,
    entry_detail,
    entry_view,
    require_project,
)
from flagtrail.server.rest.questions import instant

_ONE = "/projects/{project:str}/changes/{seq:int}"

Text = Annotated[str | None, QueryParameter(description="In why, ticket, actor or subject, without case.")]
Since = Annotated[str | None, QueryParameter(description="RFC 3339, to the microsecond; included.")]
Until = Annotated[str | None, QueryParameter(description="RFC 3339, to the microsecond; excluded.")]
Field = Annotated[str | None, QueryParameter(description="A changed path, or how it begins: `/fallthrough`.")]
Who = Annotated[str | None, QueryParameter(description="An actor's id, name or e-mail address.")]


@get("/projects/{project:str}/changes", opt={"role": "viewer"}, sync_to_thread=True, summary="Search the change log")
def list_changes(  # noqa: PLR0913 - each is a filter of the address
    project: FromPath[str],
    call: Caller,
    *,
    flag: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    segment: FromQuery[str | None] = None,
    kind: FromQuery[Kind | None] = None,
    actor: Who = None,
    action: FromQuery[Action | None] = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    field: Field = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> LogPage:
    """Newest first. With `flag`: that flag's history, with whatever changed what it gives."""
    require_project(call.app, project)
    query = EntryQuery(
        project=project,
        flag=flag,
        environment=environment,
        segment=segment,
        kind=kind,
        actor=actor,
        action=action,
        since=instant(since, "since"),
        until=instant(until, "until"),
        text=text,
        field=field,
        before=cursor,
        limit=limit,
    )
    return _page(call, query)


@get("/changes", opt={"role": "signed_in"}, sync_to_thread=True, summary="Search the change log of everything")
def list_all_changes(  # noqa: PLR0913 - each is a filter of the address
    call: Caller,
    *,
    kind: FromQuery[Kind | None] = None,
    actor: Who = None,
    action: FromQuery[Action | None] = None,
    since: Since = None,
    until: Until = None,
    text: Text = None,
    field: Field = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> LogPage:
    """Newest first, over all projects, members, tokens and failed sign-ins: for administrators and auditors."""
    require_overseer(call.identity)
    query = EntryQuery(
        kind=kind,
        actor=actor,
        action=action,
        since=instant(since, "since"),
        until=instant(until, "until"),
        text=text,
        field=field,
        before=cursor,
        limit=limit,
    )
    return _page(call, query)


def _page(call: Call, query: EntryQuery) -> LogPage:
    page = call.app.ask.log(query)
    return LogPage([entry_view(call.app, entry) for entry in page.entries], page.next)


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read an entry")
def read_change(project: FromPath[str], seq: Seq, call: Caller) -> EntryDetail:
    """One entry of the project."""
    return entry_detail(call.app, _entry(call, project, seq))


@get("/changes/{seq:int}", opt={"role": "signed_in"}, sync_to_thread=True, summary="Read any entry")
def read_any_change(seq: Seq, call: Caller) -> EntryDetail:
    """One entry, by its number alone; what belongs to no project needs an administrator or auditor."""
    entry = call.app.ask.entry(seq)
    if entry.subject.project is None:
        require_overseer(call.identity)
    else:
        call.identity.require("viewer", entry.subject.project)
    return entry_detail(call.app, entry)


@post(f"{_ONE}/revert", opt={"role": "editor"}, status_code=200, sync_to_thread=True, summary="Take a change back")
def revert(project: FromPath[str], seq: Seq, call: Caller, data: JSONBody[Why | None] = None) -> Changed:
    """With all that was changed together with it, as a new change; refused where somebody built on it since."""
    body = data or NO_WHY
    entry = _entry(call, project, seq)
    receipt = call.app.changes.revert(
        call.identity,
        seq,
        why=body.why,
        ticket=body.ticket,
        request=call.request,
        idempotency_key=call.idempotency_key,
    )
    return changed(call, receipt, entry.subject)


@get(
    f"{_ONE}/proof",
    opt={"role": "viewer"},
    sync_to_thread=True,
    media_type=MediaType.TEXT,
    summary="Prove that an entry stands in the ledger",
)
def proof(project: FromPath[str], seq: Seq, call: Caller) -> Response[str]:
    """An inclusion proof and a signed checkpoint, as C2SP tlog-proof."""
    _entry(call, project, seq)
    return Response(call.app.transfer.proof(seq), media_type="text/plain; charset=utf-8")


def _entry(call: Call, project: str, seq: int) -> Entry:
    entry = call.app.ask.entry(seq)
    if entry.subject.project != project:
        raise NotFound(f"entry {seq} is not of project {project!r}", kind="entry", key=str(seq))
    return entry


ROUTES: list[HTTPRouteHandler] = [list_changes, list_all_changes, read_change, read_any_change, revert, proof]
