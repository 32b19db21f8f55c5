"""Imports: foreign history, read by the command line beside its source, becomes entries."""

from __future__ import annotations

from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.app.answers import ImportedVersion
from flagtrail.app.transfer import Imported
from flagtrail.server.limits import MAX_IMPORT_BODY
from flagtrail.server.rest.body import Why
from flagtrail.server.rest.call import Caller


class ImportRequest(Why, frozen=True, kw_only=True):
    """Versions of a flag set, oldest first, as an importer read them. `source` names where they came from."""

    environment: str
    source: str
    versions: tuple[ImportedVersion, ...]
    dry_run: bool = False


@post(
    "/projects/{project:str}/import",
    opt={"role": "admin"},
    status_code=200,
    sync_to_thread=True,
    request_max_body_size=MAX_IMPORT_BODY,
    summary="Import a history",
)
def import_versions(project: FromPath[str], data: JSONBody[ImportRequest], call: Caller) -> Imported:
    """All of it or nothing; versions that came from the same source before are skipped."""
    return call.app.transfer.bring_in(
        call.identity,
        data.versions,
        source=data.source,
        project=project,
        environment=data.environment,
        dry_run=data.dry_run,
    )


ROUTES: list[HTTPRouteHandler] = [import_versions]
