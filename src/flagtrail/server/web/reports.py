"""The compliance report: asked for with a form, summed up on the page, and as a file for an auditor."""

from __future__ import annotations

import base64
import hashlib
import re

from litestar import Response
from litestar.params import FromPath

from flagtrail.app.answers import ComplianceReport, reports
from flagtrail.model.errors import FlagtrailError
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.rest.questions import instant
from flagtrail.server.web.forms import read_context
from flagtrail.server.web.page import Html, Page, security_headers, shows

ASKED = ("flag", "of", "where", "since", "until")
SHOWN = 200
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


@shows("/reports")
def report_form(page: Page) -> Html:
    """The form and, once it was sent, the report in short."""
    page.require_project()
    report: ComplianceReport | None = None
    refused: FlagtrailError | None = None
    if "since" in page.query:
        try:
            report = _report(page)
        except FlagtrailError as error:
            refused = error
    return page.render(
        "reports.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        asked={name: page.query.get(name) for name in ASKED},
        report=report,
        refused=refused,
        shown=SHOWN,
        flags=list(page.app.ask.state.flags(page.project)),
        kinds=reports.kinds(),
    )


def _report(page: Page) -> ComplianceReport:
    query = page.query
    where = query.get("where")
    return page.app.ask.compliance(
        page.project,
        flag=query.optional("flag"),
        environment=query.optional("of"),
        where=read_context(where) if where else None,
        since=instant(query.optional("since"), "since"),
        until=instant(query.optional("until"), "until"),
    )


@shows("/reports/compliance/{kind:str}")
def report_file(page: Page, kind: FromPath[str]) -> Response[bytes]:
    """The report as a file of one kind. Of its markup only its own style is allowed to take effect."""
    writer = reports.load(kind)
    content = writer.render(_report(page))
    headers = security_headers(page.nonce)
    hashes = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in (_STYLE.findall(content.decode()) if kind == "html" else ())
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    headers["Content-Security-Policy"] = f"default-src 'none'; style-src {allowed}; frame-ancestors 'none'"
    shown = "inline" if kind == "html" else "attachment"
    headers["Content-Disposition"] = f'{shown}; filename="compliance-{page.project}.{writer.SUFFIX}"'
    return Response(content, media_type=writer.MEDIA_TYPE, headers=headers)
