"""What the handlers in front of the framework share: headers, problems, ETags, the place a request is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote

from litestar.types import Send

from flagtrail.app.identity import Identity
from flagtrail.model.errors import Forbidden, MalformedRequest
from flagtrail.server import problems

Headers = list[tuple[bytes, bytes]]

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"cache-control", b"no-store"),
)
"""On every answer that does not say otherwise itself; there are no CORS headers, so no other site reads anything."""
_NO_GZIP = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


def completed(headers: Iterable[tuple[bytes, bytes]], request: str) -> Headers:
    """The answer's headers, the request's id, and each security header that it lacks."""
    given = list(headers)
    present = {name.lower() for name, _ in given}
    given.append((b"x-request-id", request.encode()))
    given.extend(pair for pair in SECURITY if pair[0] not in present)
    return given


async def send_problem(send: Send, error: Exception, request: str) -> None:
    """Answer with whatever it is as problem+json (RFC 9457)."""
    problem = problems.problem(problems.refusal(error, request), request)
    headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
    headers.append((b"content-length", str(len(problem.body)).encode()))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.body, "more_body": False})


def place(identity: Identity, query: bytes) -> tuple[str, str]:
    """The project and environment that a request is about: the token's own, else named in the query.

    Raises Forbidden where a token of one place is asked about another, MalformedRequest where nothing names the place.
    What the identity may do there is asked elsewhere.
    """
    project, environment = identity.scope
    if project is None or environment is None:
        named = dict(parse_qsl(query.decode("latin-1")))
        project = project or unquote(named.get("project", "default"))
        environment = environment or unquote(named.get("environment", ""))
        if not environment:
            raise MalformedRequest("this credential is of no single environment: add ?environment=")
    elif query and not _agrees(query, project, environment):
        raise Forbidden(f"this token is good for {project}/{environment} alone")
    return project, environment


def _agrees(query: bytes, project: str, environment: str) -> bool:
    named = dict(parse_qsl(query.decode("latin-1")))
    return named.get("project", project) == project and named.get("environment", environment) == environment


def names(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names the ETag (RFC 9110, section 13.1.2; compared weakly)."""
    if if_none_match == etag:
        return True
    return any(part.strip().removeprefix("W/") in {etag, "*"} for part in if_none_match.split(","))


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether Accept-Encoding names gzip (RFC 9110, section 12.5.3).

    >>> accepts_gzip("br, gzip;q=0.5"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    for part in accept_encoding.lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() == "gzip":
            return not _NO_GZIP.fullmatch(quality)
    return False
