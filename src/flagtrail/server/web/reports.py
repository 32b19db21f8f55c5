"""Reports for auditors: asked for with a form, told in short on the page, and as files."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain
from typing import Final, get_args

import msgspec
from litestar import Response
from litestar.params import FromPath
from litestar.response import Stream

from flagtrail.app.answers import ComplianceReport, ReportKind, Summary, reports
from flagtrail.app.evidence import Asked
from flagtrail.model.errors import FlagtrailError, InvalidQuery
from flagtrail.server.identity import require_overseer
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.rest.questions import instant
from flagtrail.server.rest.reports import as_file
from flagtrail.server.web.forms import read_context
from flagtrail.server.web.page import Html, Page, security_headers, shows

ASKED = ("kind", "flag", "of", "where", "since", "until")
NAMES: Final[dict[ReportKind, tuple[str, str]]] = {
    "soc2": ("SOC 2", "What the period shows for CC6.1, CC7.2 and CC8.1."),
    "iso27001": ("ISO/IEC 27001", "What the period shows for A.5.3, A.8.15 and A.8.32."),
    "pci": ("PCI DSS", "What the period shows for 6.5 and 10.2 to 10.5."),
    "flag": ("One flag", "Its changes, and when it was on for some contexts."),
    "access": ("Access", "Who can change production, and how that came to be."),
}
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


class Preset(msgspec.Struct, frozen=True):
    """A period that people often ask for: its name, and its days (the last one is not in it)."""

    name: str
    since: str
    until: str


@shows("/reports")
def report_form(page: Page) -> Html:
    """The form and, once it was sent, the report in short."""
    page.require_project()
    summary: Summary | None = None
    refused: FlagtrailError | None = None
    if "since" in page.query:
        try:
            summary = _report(page, _kind(page.query.get("kind"))).summary
        except FlagtrailError as error:
            refused = error
    return page.render(
        "reports.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        asked={name: page.query.get(name) for name in ASKED},
        summary=summary,
        refused=refused,
        flags=list(page.app.ask.state.flags(page.project)),
        kinds={kind: told for kind, told in NAMES.items() if kind != "access" or page.oversees},
        formats=sorted(reports.kinds(), key=lambda name: name != "html"),
        presets=presets(page),
    )


def presets(page: Page) -> tuple[Preset, ...]:
    """The last month, quarter and year that are over, and the present month so far."""
    today = page.app.clock().date()
    month = today.replace(day=1)
    quarter = month.replace(month=month.month - (month.month - 1) % 3)
    year = month.replace(month=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    before_quarter = quarter - timedelta(days=1)
    last_quarter = before_quarter.replace(day=1, month=before_quarter.month - 2)
    last_year = year.replace(year=year.year - 1)
    return (
        Preset("last month", str(last_month), str(month)),
        Preset("last quarter", str(last_quarter), str(quarter)),
        Preset("last year", str(last_year), str(year)),
        Preset("this month so far", str(month), ""),
    )


def _kind(text: str) -> ReportKind:
    known: tuple[ReportKind, ...] = get_args(ReportKind)
    found = next((kind for kind in known if kind == (text or "soc2")), None)
    if found is None:
        raise InvalidQuery(f"there is no report of the kind {text!r}; known are {', '.join(known)}", parameter="kind")
    return found


def _report(page: Page, kind: ReportKind) -> ComplianceReport:
    if kind == "access":
        require_overseer(page.who)
    query = page.query
    where = query.get("where")
    return page.app.evidence.report(
        Asked(
            kind=kind,
            project=page.project,
            flag=query.optional("flag"),
            environment=query.optional("of"),
            where=read_context(where) if where else {},
            since=instant(query.optional("since"), "since"),
            until=instant(query.optional("until"), "until"),
        )
    )


@shows("/reports/{kind:str}/{format:str}")
def report_file(page: Page, kind: FromPath[str], format: FromPath[str]) -> Response[bytes] | Stream:  # noqa: A002 - the path's own name
    """The report as a file. Of a page's markup only its own style is allowed to take effect."""
    report = _report(page, _kind(kind))
    if format == "html":
        return _shown(page, report)
    answer = as_file(report, format)
    answer.headers.update(_sealed(page, "'none'"))
    return answer


def _shown(page: Page, report: ComplianceReport) -> Stream:
    """The page that is read in the browser, its style allowed by its hash: it stands within the first piece."""
    made = reports.load("html")
    pieces = made.render(report)
    first = next(pieces)
    style = b"".join(_STYLE.findall(first))
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    return Stream(_all(first, pieces), media_type=made.MEDIA_TYPE, headers=_sealed(page, f"'sha256-{digest}'"))


def _sealed(page: Page, style: str) -> dict[str, str]:
    policy = f"default-src 'none'; style-src {style}; frame-ancestors 'none'"
    return {**security_headers(page.nonce), "Content-Security-Policy": policy}


def _all(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    return chain((first,), rest)
