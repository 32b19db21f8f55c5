"""Projects and their policies."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.app.projects import project_operations
from flagtrail.model.change import Operation
from flagtrail.model.environment import Policy, Project
from flagtrail.model.flag import Json
from flagtrail.model.subject import policy_subject, project_subject
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


class NewProject(Why, frozen=True, kw_only=True):
    """A project to be made, with the three environments that most teams have."""

    key: str
    name: str = ""
    description: str = ""


class ProjectPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a project."""

    patch: Json


class NewPolicy(Why, frozen=True, kw_only=True):
    """A project's whole new policy."""

    policy: Json


@get("/projects", opt={"role": "signed_in"}, sync_to_thread=True, summary="List the projects one may see")
def list_projects(call: Caller) -> DocumentPage:
    """By key. What the caller may not see is left out."""
    state = call.app.ask.state
    keys = [key for key in state.projects() if call.identity.may("viewer", key)]
    return DocumentPage([document_view(state, project_subject(key)) for key in keys])


@post("/projects", opt={"role": "admin"}, summary="Make a project")
async def create_project(data: JSONBody[NewProject], call: Caller) -> Changed:
    """With a policy and the environments production, staging and development, all in one change."""
    operations = project_operations(Project(data.key, data.name, data.description))
    return await change(call, operations, data, about=project_subject(data.key))


@get("/projects/{project:str}", opt={"role": "viewer"}, sync_to_thread=True, summary="Read a project")
def read_project(project: FromPath[str], call: Caller) -> Response[DocumentView]:
    """The document and its version."""
    return with_etag(document_view(call.app.ask.state, project_subject(project)))


@patch("/projects/{project:str}", opt={"role": "admin"}, summary="Edit a project")
async def edit_project(project: FromPath[str], data: JSONBody[ProjectPatch], call: Caller) -> Changed:
    """By merge patch."""
    subject = project_subject(project)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete("/projects/{project:str}", opt={"role": "admin"}, status_code=200, summary="Delete a project")
async def delete_project(project: FromPath[str], call: Caller, data: JSONBody[Why | None] = None) -> Changed:
    """With everything in it; the ledger keeps its history."""
    body, subject = data or NO_WHY, project_subject(project)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


@get("/projects/{project:str}/policy", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the policy")
def read_policy(project: FromPath[str], call: Caller) -> Response[DocumentView]:
    """What the project demands of a change; the default one, as version 0, where none was set."""
    require_project(call.app, project)
    return with_etag(document_view(call.app.ask.state, policy_subject(project), Policy()))


@put("/projects/{project:str}/policy", opt={"role": "admin"}, summary="Set the policy")
async def put_policy(project: FromPath[str], data: JSONBody[NewPolicy], call: Caller) -> Changed:
    """The whole document."""
    subject = policy_subject(project)
    operation = Operation(action="put", subject=subject, value=data.policy, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


ROUTES: list[HTTPRouteHandler] = [
    list_projects,
    create_project,
    read_project,
    edit_project,
    delete_project,
    read_policy,
    put_policy,
]
