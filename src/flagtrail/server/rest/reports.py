"""Reports on a project: what is stale, the dashboard, and compliance for an auditor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from litestar import MediaType, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from flagtrail.app.answers import ComplianceReport, Dashboard, StaleReport, reports
from flagtrail.server.rest.call import Caller, require_project
from flagtrail.server.rest.questions import instant, read_where

_CHUNK = 1 << 16


@get("/projects/{project:str}/stale", opt={"role": "viewer"}, sync_to_thread=True, summary="Which flags could go?")
def stale(project: FromPath[str], call: Caller) -> StaleReport:
    """Each with its evidence."""
    return call.app.ask.stale(project)


@get("/projects/{project:str}/dashboard", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the dashboard")
def dashboard(project: FromPath[str], call: Caller) -> Dashboard:
    """Totals, what is enabled where, what is stale, what changed, what is evaluated most."""
    require_project(call.app, project)
    return call.app.ask.dashboard(project)


@get(
    "/projects/{project:str}/reports/compliance",
    opt={"role": "viewer", "files": ["application/json", "text/html", "text/csv"]},
    sync_to_thread=True,
    summary="Report on a period: timeline, states, authorisations",
)
def compliance(  # noqa: PLR0913 - each is a filter of the address
    project: FromPath[str],
    call: Caller,
    *,
    flag: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    where: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    format: FromQuery[Literal["json", "html", "csv"]] = "json",  # noqa: A002 - the parameter's name
) -> Stream:
    """For one flag or all, and for a segment of contexts where `where` is set."""
    require_project(call.app, project)
    report: ComplianceReport = call.app.ask.compliance(
        project,
        flag=flag,
        environment=environment,
        where=None if where is None else read_where(where),
        since=instant(since, "since"),
        until=instant(until, "until"),
    )
    if format == "json":
        return Stream(_chunks(msgspec.json.encode(report)), media_type=MediaType.JSON)
    writer = reports.load(format)
    return Stream(_chunks(writer.render(report)), media_type=writer.MEDIA_TYPE)


def _chunks(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _CHUNK):
        yield content[start : start + _CHUNK]


ROUTES: list[HTTPRouteHandler] = [stale, dashboard, compliance]
