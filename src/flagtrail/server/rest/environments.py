"""Environments: where a project runs."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.model.change import Operation
from flagtrail.model.flag import Json
from flagtrail.model.subject import environment_subject
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Caller,
    Changed,
    DocumentPage,
    DocumentView,
    change,
    document_view,
    require_project,
    seen_version,
    with_etag,
)
from flagtrail.server.rest.documents import key_of

_ALL = "/projects/{project:str}/environments"
_ONE = "/projects/{project:str}/environments/{environment:str}"


class NewEnvironment(Why, frozen=True, kw_only=True):
    """An environment's whole document."""

    environment: Json


class EnvironmentPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of an environment."""

    patch: Json


@get(_ALL, opt={"role": "viewer"}, sync_to_thread=True, summary="List the environments")
def list_environments(project: FromPath[str], call: Caller) -> DocumentPage:
    """In their order."""
    require_project(call.app, project)
    state = call.app.ask.state
    return DocumentPage(
        [document_view(state, environment_subject(project, key)) for key in state.environments(project)]
    )


@post(_ALL, opt={"role": "admin"}, summary="Make an environment")
async def create_environment(project: FromPath[str], data: JSONBody[NewEnvironment], call: Caller) -> Changed:
    """Refused where the key exists."""
    subject = environment_subject(project, key_of(data.environment))
    operation = Operation(action="create", subject=subject, value=data.environment, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read an environment")
def read_environment(project: FromPath[str], environment: FromPath[str], call: Caller) -> Response[DocumentView]:
    """The document and its version."""
    return with_etag(document_view(call.app.ask.state, environment_subject(project, environment)))


@put(_ONE, opt={"role": "admin"}, summary="Set an environment")
async def put_environment(
    project: FromPath[str], environment: FromPath[str], data: JSONBody[NewEnvironment], call: Caller
) -> Changed:
    """The whole document; made where there is none."""
    subject = environment_subject(project, environment)
    operation = Operation(action="put", subject=subject, value=data.environment, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@patch(_ONE, opt={"role": "admin"}, summary="Edit an environment")
async def edit_environment(
    project: FromPath[str], environment: FromPath[str], data: JSONBody[EnvironmentPatch], call: Caller
) -> Changed:
    """By merge patch."""
    subject = environment_subject(project, environment)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete(_ONE, opt={"role": "admin"}, status_code=200, summary="Delete an environment")
async def delete_environment(
    project: FromPath[str], environment: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """With the targetings in it."""
    body, subject = data or NO_WHY, environment_subject(project, environment)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


ROUTES: list[HTTPRouteHandler] = [
    list_environments,
    create_environment,
    read_environment,
    put_environment,
    edit_environment,
    delete_environment,
]
