"""Every refusal as a page in the same design; who is not signed in is led to the sign-in page and back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from litestar import Response

from flagtrail.model.errors import Unauthenticated
from flagtrail.server import problems
from flagtrail.server.web.forms import Form
from flagtrail.server.web.page import View, WebRequest, security_headers

MACHINES = ("/api/", "/ofrep/", "/sdk/", "/ledger/")
"""Addresses that programs call: they are told as problem+json, as everywhere in the API."""


def error_page(request: WebRequest, error: Exception) -> Response[Any]:
    """Any exception of a page."""
    state = request.scope["state"]
    name = str(state.get("request_id", ""))
    refusal = problems.refusal(error, name)
    told = problems.problem(refusal, name)
    if request.url.path.startswith(MACHINES):
        return Response(told.body, status_code=told.status, headers=told.headers, media_type=problems.MEDIA_TYPE)
    page = View(request, Form(), app=request.app.state.flagtrail, signed=state.get("signed"))
    if isinstance(refusal, Unauthenticated):
        next_ = page.here if request.method == "GET" and page.path != "/" else ""
        return page.redirect("/login" + (f"?{urlencode({'next': next_})}" if next_ else ""))
    answer = page.render("error.html", status=told.status, error=refusal, request_id=name)
    kept = {key: value for key, value in told.headers.items() if key in {"Retry-After", "Allow"}}
    answer.headers.update({**security_headers(page.nonce), **kept})
    return answer
