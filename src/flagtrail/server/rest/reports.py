"""Reports on a project: the dashboard, and evidence for an auditor."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

import msgspec
from litestar import MediaType, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery
from litestar.response import Stream

from flagtrail.app.answers import ComplianceReport, Dashboard, ReportKind, reports
from flagtrail.app.evidence import Asked
from flagtrail.server.identity import require_overseer
from flagtrail.server.rest.call import Caller, require_project
from flagtrail.server.rest.questions import instant, read_where

FILES = sorted(each.MEDIA_TYPE for each in reports.kinds().values())


@get("/projects/{project:str}/dashboard", opt={"role": "viewer"}, sync_to_thread=True, summary="Read the dashboard")
def dashboard(project: FromPath[str], call: Caller) -> Dashboard:
    """Totals, what is enabled where, what is stale, what changed, what is evaluated most."""
    require_project(call.app, project)
    return call.app.ask.dashboard(project)


@get(
    "/projects/{project:str}/reports/{kind:str}",
    opt={"role": "viewer", "files": ["application/json", *FILES]},
    sync_to_thread=True,
    summary="Report on a period, for an auditor",
)
def evidence(  # noqa: PLR0913 - each is a filter of the address
    project: FromPath[str],
    kind: FromPath[ReportKind],
    call: Caller,
    *,
    flag: FromQuery[str | None] = None,
    environment: FromQuery[str | None] = None,
    where: FromQuery[str | None] = None,
    since: FromQuery[str | None] = None,
    until: FromQuery[str | None] = None,
    sample: FromQuery[int | None] = None,
    format: FromQuery[Literal["json", "jsonl", "csv", "html", "pdf"]] = "json",  # noqa: A002 - the parameter's name
) -> Stream:
    """Every change recorded from `since` on and before `until`, what is missing from it, and the proof that it is all.

    `json` is the summary alone; the other formats hold the changes, too. `flag`, `environment` and `where` belong to
    the kind `flag`. The kind `access` is for administrators and auditors.
    """
    if kind == "access":
        require_overseer(call.identity)
    asked = Asked(
        kind=kind,
        project=project,
        flag=flag,
        environment=environment,
        where={} if where is None else read_where(where),
        since=instant(since, "since"),
        until=instant(until, "until"),
        sample=sample,
    )
    report = call.app.evidence.report(asked)
    if format == "json":
        return Stream(iter([msgspec.json.encode(report.summary)]), media_type=MediaType.JSON)
    return as_file(report, format)


def as_file(report: ComplianceReport, name: str) -> Stream:
    """The report in one of the formats, as it is made; what is refused is refused before the answer begins."""
    made = reports.load(name)
    pieces = made.render(report)
    first = next(pieces)
    headers = {"Content-Disposition": f'attachment; filename="{file_name(report, made.SUFFIX)}"'}
    return Stream(_all(first, pieces), media_type=made.MEDIA_TYPE, headers=headers)


def file_name(report: ComplianceReport, suffix: str) -> str:
    """What a report's file is called: kind, project, and the days of its period."""
    scope = report.summary.scope
    return f"{scope.kind}-{scope.project}-{scope.since[:10]}-{scope.until[:10]}.{suffix}"


def _all(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    return chain((first,), rest)


ROUTES: list[HTTPRouteHandler] = [dashboard, evidence]
