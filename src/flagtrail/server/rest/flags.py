"""Flags: the definitions that all environments of a project share."""

from __future__ import annotations

from typing import Literal

import msgspec
from anyio.to_thread import run_sync
from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from flagtrail.app.ask import Ask
from flagtrail.model.change import Operation
from flagtrail.model.flag import Flag, Json, LifecycleKind
from flagtrail.model.reference import Commit, with_commit
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.targeting import default_targeting
from flagtrail.server.operations import restoring
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Caller,
    Changed,
    DocumentView,
    Limit,
    change,
    document_view,
    require_project,
    seen_version,
    with_etag,
)
from flagtrail.server.rest.documents import key_of

_ALL = "/projects/{project:str}/flags"
_ONE = "/projects/{project:str}/flags/{flag:str}"


class NewFlag(Why, frozen=True, kw_only=True):
    """A flag's whole document and, where it is to be served from the start, its targetings by environment."""

    flag: Json
    targeting: dict[str, Json] = msgspec.field(default_factory=dict)


class WholeFlag(Why, frozen=True, kw_only=True):
    """A flag's whole document."""

    flag: Json


class FlagPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a flag."""

    patch: Json


class ServedIn(msgspec.Struct, frozen=True):
    """How a flag is served in one environment, in short. `serve` tells what no rule decides, in words."""

    enabled: bool
    serve: str
    rules: int
    version: int


class FlagItem(msgspec.Struct, frozen=True):
    """A flag in a list: its document, and how each environment serves it."""

    flag: Flag
    version: int
    effective: str
    environments: dict[str, ServedIn]


class FlagPage(msgspec.Struct, frozen=True):
    """Flags by key; `next` is the cursor of the page after, null on the last."""

    items: list[FlagItem]
    next: str | None


@get(_ALL, opt={"role": "viewer"}, sync_to_thread=True, summary="List flags")
def list_flags(  # noqa: PLR0913 - each is a filter of the address
    project: FromPath[str],
    call: Caller,
    *,
    search: FromQuery[str | None] = None,
    tag: FromQuery[str | None] = None,
    owner: FromQuery[str | None] = None,
    kind: FromQuery[LifecycleKind | None] = None,
    archived: FromQuery[Literal["true", "false", "any"]] = "false",
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> FlagPage:
    """By key. `search` looks into key, description, owner and tags, without case.

    Archived flags are left out unless asked for.
    """
    require_project(call.app, project)
    state = call.app.ask.state
    found = [
        flag
        for flag in state.flags(project).values()
        if (cursor is None or flag.key > cursor)
        and (search is None or _mentions(flag, search.casefold()))
        and (tag is None or tag in flag.tags)
        and (owner is None or flag.owner == owner)
        and (kind is None or flag.lifecycle.kind == kind)
        and (archived == "any" or flag.archived == (archived == "true"))
    ]
    page = [_item(call.app.ask, state, project, flag) for flag in found[:limit]]
    return FlagPage(page, page[-1].flag.key if len(found) > limit else None)


def _mentions(flag: Flag, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (flag.key, flag.description, flag.owner, *flag.tags))


def _item(ask: Ask, state: State, project: str, flag: Flag) -> FlagItem:
    environments = {}
    for environment in state.environments(project):
        held = state.held(targeting_subject(project, flag.key, environment))
        targeting = state.targeting(project, flag.key, environment) or default_targeting(flag)
        words = ask.serving(targeting.fallthrough) if targeting.enabled else targeting.off_variant
        environments[environment] = ServedIn(
            targeting.enabled, words, len(targeting.rules), 0 if held is None else held.version
        )
    view = document_view(state, flag_subject(project, flag.key))
    return FlagItem(flag, view.version, view.effective, environments)


@post(_ALL, opt={"role": "editor"}, summary="Make a flag")
async def create_flag(project: FromPath[str], data: JSONBody[NewFlag], call: Caller) -> Changed:
    """Disabled everywhere, but for the environments whose targeting is sent along: all in one change."""
    key = key_of(data.flag)
    subject = flag_subject(project, key)
    operations = [Operation(action="create", subject=subject, value=data.flag, version=seen_version(call, data))]
    for environment, targeting in data.targeting.items():
        address = targeting_subject(project, key, environment)
        operations.append(Operation(action="create", subject=address, value=targeting))
    return await change(call, operations, data, about=subject)


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read a flag")
def read_flag(project: FromPath[str], flag: FromPath[str], call: Caller) -> Response[DocumentView]:
    """The document and its version."""
    return with_etag(document_view(call.app.ask.state, flag_subject(project, flag)))


@put(_ONE, opt={"role": "editor"}, summary="Set a flag")
async def put_flag(project: FromPath[str], flag: FromPath[str], data: JSONBody[WholeFlag], call: Caller) -> Changed:
    """The whole document; made where there is none."""
    subject = flag_subject(project, flag)
    operation = Operation(action="put", subject=subject, value=data.flag, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@patch(_ONE, opt={"role": "editor"}, summary="Edit a flag")
async def edit_flag(project: FromPath[str], flag: FromPath[str], data: JSONBody[FlagPatch], call: Caller) -> Changed:
    """By merge patch."""
    subject = flag_subject(project, flag)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete(_ONE, opt={"role": "editor"}, status_code=200, summary="Delete a flag")
async def delete_flag(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """With its targetings; refused while another flag or a segment names it. The ledger keeps its history."""
    body, subject = data or NO_WHY, flag_subject(project, flag)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


class Archive(Why, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a flag is archived, and the commit that removed it from source code."""

    commit: Commit | None = None


@post(f"{_ONE}/archive", opt={"role": "editor"}, status_code=200, summary="Archive a flag")
async def archive_flag(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Archive | None] = None
) -> Changed:
    """It is no longer served; its history stays. The commit stands in the entry's reason."""
    given, subject = data or Archive(), flag_subject(project, flag)
    body = msgspec.structs.replace(given, why=with_commit(given.why, given.commit or ""))
    operation = Operation(action="patch", subject=subject, value={"archived": True}, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


@post(f"{_ONE}/restore", opt={"role": "editor"}, status_code=200, summary="Restore a flag")
async def restore_flag(
    project: FromPath[str], flag: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """Unarchives it or, where it was deleted, makes it anew with the targetings it had."""
    body = data or NO_WHY
    operations = await run_sync(restoring, call.app.ask, project, flag)
    first = msgspec.structs.replace(operations[0], version=seen_version(call, body))
    return await change(call, [first, *operations[1:]], body, about=flag_subject(project, flag))


ROUTES: list[HTTPRouteHandler] = [
    list_flags,
    create_flag,
    read_flag,
    put_flag,
    edit_flag,
    delete_flag,
    archive_flag,
    restore_flag,
]
