"""Code references: taking in what a scan of source code found, and telling where a flag is named."""

from __future__ import annotations

from litestar import delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery, JSONBody

from flagtrail.app.references import FlagReferences, Forgotten, ReferenceSummary, Uploaded
from flagtrail.model.reference import Scan
from flagtrail.server.limits import MAX_SCAN_BODY
from flagtrail.server.rest.call import Caller


@put(
    "/projects/{project:str}/references",
    opt={"role": "editor"},
    sync_to_thread=True,
    summary="Upload a scan of source code",
    request_max_body_size=MAX_SCAN_BODY,
)
def upload(project: FromPath[str], data: JSONBody[Scan], call: Caller) -> Uploaded:
    """It takes the place of the scan of the same repository and branch, unless that one is newer. It is no decision.

    To send it again changes nothing. `flagtrail scan --upload` does this.
    """
    return call.app.references.upload(call.identity, project, data)


@get(
    "/projects/{project:str}/references",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Count code references",
)
def summary(project: FromPath[str], call: Caller) -> ReferenceSummary:
    """Per flag and kind, on default branches; and what code evaluates that is no flag."""
    return call.app.references.summary(project)


@get(
    "/projects/{project:str}/flags/{flag:str}/references",
    opt={"role": "viewer"},
    sync_to_thread=True,
    summary="Read a flag's code references",
)
def of_flag(project: FromPath[str], flag: FromPath[str], call: Caller) -> FlagReferences:
    """In the newest scan of each branch. No branches: nobody has looked, which is no evidence of anything."""
    return call.app.references.of_flag(project, flag)


@delete(
    "/projects/{project:str}/references",
    opt={"role": "editor"},
    status_code=200,
    sync_to_thread=True,
    summary="Forget a repository",
)
def forget(project: FromPath[str], repository: FromQuery[str], call: Caller) -> Forgotten:
    """All its scans: it is no more, or has another name now. It is no decision, like the upload."""
    return call.app.references.forget_repository(call.identity, project, repository)


ROUTES: list[HTTPRouteHandler] = [upload, summary, of_flag, forget]
