"""Targetings: how one flag is served in one environment."""

from __future__ import annotations

from litestar import Response, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.model.change import Operation
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import Json
from flagtrail.model.subject import targeting_subject
from flagtrail.model.targeting import default_targeting
from flagtrail.server.rest.call import (
    Call,
    Caller,
    Changed,
    DocumentView,
    change,
    document_view,
    seen_version,
    with_etag,
)
from flagtrail.server.rest.guards import Guarded, guarding

NO_GUARD = Guarded()
_ONE = "/projects/{project:str}/flags/{flag:str}/environments/{environment:str}"


class WholeTargeting(Guarded, frozen=True, kw_only=True):
    """A targeting's whole document."""

    targeting: Json


class TargetingPatch(Guarded, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a targeting."""

    patch: Json


class Rollout(Guarded, frozen=True, kw_only=True):
    """The share (in per cent, steps of 0.001) that the winning variant gets; `variant` null: the one it has now."""

    percent: float
    variant: str | None = None


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read a targeting")
def read_targeting(
    project: FromPath[str], flag: FromPath[str], environment: FromPath[str], call: Caller
) -> Response[DocumentView]:
    """The document and its version; the default one, as version 0, where nobody has written one yet."""
    state = call.app.ask.state
    known = state.flag(project, flag)
    if known is None:
        raise NotFound(f"there is no flag {flag!r}", kind="flag", key=flag)
    if state.environment(project, environment) is None:
        raise NotFound(f"there is no environment {environment!r}", kind="environment", key=environment)
    subject = targeting_subject(project, flag, environment)
    return with_etag(document_view(state, subject, default_targeting(known)))


@put(_ONE, opt={"role": "editor"}, summary="Set a targeting")
async def put_targeting(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    data: JSONBody[WholeTargeting],
    call: Caller,
) -> Changed:
    """The whole document."""
    subject = targeting_subject(project, flag, environment)
    operation = Operation(action="put", subject=subject, value=data.targeting, version=seen_version(call, data))
    return await change(call, [operation, *await guarding(call, subject, data)], data, about=subject)


@patch(_ONE, opt={"role": "editor"}, summary="Edit a targeting")
async def edit_targeting(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    data: JSONBody[TargetingPatch],
    call: Caller,
) -> Changed:
    """By merge patch."""
    subject = targeting_subject(project, flag, environment)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation, *await guarding(call, subject, data)], data, about=subject)


@post(f"{_ONE}/enable", opt={"role": "editor"}, status_code=200, summary="Enable a flag")
async def enable(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    call: Caller,
    data: JSONBody[Guarded | None] = None,
) -> Changed:
    """Serve its rules and fallthrough in this environment."""
    return await _switch(call, (project, flag, environment), data or NO_GUARD, enabled=True)


@post(f"{_ONE}/disable", opt={"role": "editor"}, status_code=200, summary="Disable a flag")
async def disable(
    project: FromPath[str],
    flag: FromPath[str],
    environment: FromPath[str],
    call: Caller,
    data: JSONBody[Guarded | None] = None,
) -> Changed:
    """Serve its off variant to everybody in this environment."""
    return await _switch(call, (project, flag, environment), data or NO_GUARD, enabled=False)


async def _switch(call: Call, address: tuple[str, str, str], body: Guarded, *, enabled: bool) -> Changed:
    subject = targeting_subject(*address)
    operation = Operation(action="patch", subject=subject, value={"enabled": enabled}, version=seen_version(call, body))
    return await change(call, [operation, *await guarding(call, subject, body)], body, about=subject)


@post(f"{_ONE}/rollout", opt={"role": "editor"}, status_code=200, summary="Set one percentage")
async def set_rollout(
    project: FromPath[str], flag: FromPath[str], environment: FromPath[str], data: JSONBody[Rollout], call: Caller
) -> Changed:
    """Raising it takes the flag from nobody who had it."""
    subject = targeting_subject(project, flag, environment)
    value = {"percent": data.percent, "variant": data.variant}
    operation = Operation(action="rollout", subject=subject, value=value, version=seen_version(call, data))
    return await change(call, [operation, *await guarding(call, subject, data)], data, about=subject)


ROUTES: list[HTTPRouteHandler] = [read_targeting, put_targeting, edit_targeting, enable, disable, set_rollout]
