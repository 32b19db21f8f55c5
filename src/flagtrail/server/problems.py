"""Problems: the one table that turns a refusal into an HTTP status, and its answer (RFC 9457)."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar.exceptions import HTTPException, ValidationException

from flagtrail.app import trace
from flagtrail.model import errors
from flagtrail.model.errors import FlagtrailError

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-Id"


class MethodNotAllowed(FlagtrailError):
    """The address exists, but not for this method."""

    code = "method_not_allowed"
    title = "This address does not take that method"
    remedy = "Use one of the methods that the Allow header names."


class UnsupportedMediaType(FlagtrailError):
    """The body is not of a type that the operation reads."""

    code = "unsupported_media_type"
    title = "The body's type is not read here"
    remedy = "Send JSON, with 'Content-Type: application/json'."


HTTP_STATUS: dict[type[FlagtrailError], int] = {
    errors.InvalidDocument: 422,
    errors.MalformedRequest: 400,
    errors.InvalidQuery: 400,
    errors.NotFound: 404,
    errors.AlreadyExists: 409,
    errors.VersionConflict: 409,
    errors.InUse: 409,
    errors.NotResendable: 409,
    errors.StageRefused: 409,
    errors.WhyRequired: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.TooLarge: 413,
    errors.TooManyRequests: 429,
    errors.BeforeRecord: 404,
    errors.HistoryOrder: 409,
    errors.StorageFailed: 503,
    errors.OutcomeUnknown: 503,
    errors.StorageCorrupt: 500,
    errors.LedgerBroken: 500,
    errors.SettingInvalid: 422,
    errors.SourceUnreadable: 422,
    errors.ServerUnreachable: 502,
    errors.ExtraMissing: 501,
    errors.MetricUnreadable: 502,
    errors.InternalError: 500,
    MethodNotAllowed: 405,
    UnsupportedMediaType: 415,
}
"""Every refusal's status. A class that is not here is a defect of ours, and told as one (500)."""

_STORAGE = (errors.StorageFailed, errors.StorageCorrupt)
_OURS = frozenset({"path", "database", "cause"})
"""Facts of a failed database that are for the log: where it lies, and what it said itself."""
_RESERVED = frozenset({"type", "title", "status", "detail", "code", "remedy", "instance", "request", "trace"})


class Problem(msgspec.Struct, frozen=True):
    """A refusal as HTTP tells it: its status, its headers, and the body's members."""

    status: int
    headers: dict[str, str]
    members: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The members as JSON."""
        return msgspec.json.encode(self.members, enc_hook=str)


def problem(error: FlagtrailError, request: str) -> Problem:
    """The problem of a refusal; `request` is the request's id, `trace` that of its trace, where there is one.

    The refusal's facts are members of their own, but for where the database lies: that is told to nobody outside.
    """
    status = HTTP_STATUS.get(type(error), 500)
    members: dict[str, Any] = {
        "type": f"/api/docs#error-{error.code}",
        "title": error.title,
        "status": status,
        "detail": _detail(error),
        "code": error.code,
        "remedy": error.remedy,
        "request": request,
        **({"trace": trace_id} if (trace_id := trace.ids().get("trace_id")) else {}),
    }
    ours = _OURS if isinstance(error, _STORAGE) else frozenset()
    facts = {name: value for name, value in error.facts.items() if name not in _RESERVED | ours and value is not None}
    return Problem(status, _headers(error), {**members, **facts})


def _detail(error: FlagtrailError) -> str:
    """What is told of it: of a database neither its address nor its own words, which may hold that and file names."""
    if not isinstance(error, _STORAGE):
        return error.detail
    detail = error.detail
    for fact in (f" ({error.facts.get('cause')})", *(f" {error.facts.get(name)}" for name in ("path", "database"))):
        detail = detail.replace(fact, "")
    return detail


def _headers(error: FlagtrailError) -> dict[str, str]:
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="flagtrail"'
    if isinstance(error, errors.TooManyRequests):
        headers["Retry-After"] = str(error.facts.get("retry_after", 60))
    if isinstance(error, errors.StorageFailed) and not isinstance(error, errors.OutcomeUnknown):
        headers["Retry-After"] = "5"
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = str(error.facts.get("allow", ""))
    return headers


def refusal(error: Exception, request: str) -> FlagtrailError:
    """Any exception as a refusal. An unforeseen one is logged under the request's id and told without its details."""
    if isinstance(error, FlagtrailError):
        if HTTP_STATUS.get(type(error), 500) >= 500:  # noqa: PLR2004 - the server's own failures
            log.error("request.failed", request=request, code=error.code, detail=error.detail)
        return error
    if isinstance(error, HTTPException) and error.status_code < 500:  # noqa: PLR2004 - as above
        return _framework_refusal(error)
    if isinstance(error, RecursionError):
        return errors.MalformedRequest("the body is nested too deeply")
    log.error("request.broke", request=request, exc_info=error)
    return errors.InternalError(f"an unforeseen error; the server's log tells it under {request}")


def _framework_refusal(error: HTTPException) -> FlagtrailError:
    match error.status_code:
        case 404:
            return errors.NotFound("nothing is served at this address")
        case 405:
            headers = {name.lower(): value for name, value in (error.headers or {}).items()}
            allow = headers.get("allow", "").replace("GET", "GET, HEAD")  # which the front answers as GET
            return MethodNotAllowed("this address does not take that method", allow=allow)
        case 413:
            return errors.TooLarge("the body is larger than this operation takes")
        case _:
            pass
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return _invalid_parameters(error.extra)
    return errors.MalformedRequest(str(error.detail))


def _invalid_parameters(extra: list[Any]) -> FlagtrailError:
    """Litestar's validation messages: of the query or the address (the body is read by `rest/body.py`)."""
    told = [item for item in extra if isinstance(item, dict)]
    detail = "; ".join(f"{item.get('key', 'body')}: {item.get('message', 'is wrong')}" for item in told)
    if any(item.get("source") == "body" or item.get("key") in {None, "data"} for item in told):
        return errors.MalformedRequest(detail or "a body is needed: a JSON object")
    return errors.InvalidQuery(detail or "a parameter is wrong")
