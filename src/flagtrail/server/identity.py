"""Who asks, and whether the route is theirs: the guard in front of every route. Denies by default."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

import msgspec
from anyio.to_thread import run_sync
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from flagtrail.app.access import Session
from flagtrail.app.bootstrap import OWNER, App
from flagtrail.app.identity import Identity
from flagtrail.app.limits import network
from flagtrail.model.access import Role
from flagtrail.model.actor import Via
from flagtrail.model.errors import Forbidden, InvalidQuery, Unauthenticated

SESSION_COOKIE = "flagtrail_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PUBLIC = "public"
"""A route's role: no credential is asked for."""
SIGNED_IN = "signed_in"
"""A route's role: any identity; the handler itself checks what it may see."""
METRICS = "metrics"
"""A route's role: this machine, the metrics' own token, or an administrator or auditor; the handler itself checks."""
FormReader: TypeAlias = Callable[[], Awaitable[Mapping[str, Any]]]
_MAX_KNOWN_TOKENS = 10_000
_OWN_SITE = frozenset({"none", "same-origin"})
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Signed(msgspec.Struct, frozen=True):
    """An identity, and the session where a browser's cookie showed it."""

    identity: Identity
    session: Session | None = None


class Credentials:
    """Turns a request's credential into an identity. One per server."""

    def __init__(self, app: App, *, demo: bool = False) -> None:
        self._app = app
        self._demo = demo
        self.failures = app.limits.failures
        self._known: dict[tuple[str, Via], Identity] = {}
        self._known_for: tuple[object, int] = (None, 0)

    def known_token(self, secret: str, via: Via) -> Identity | None:
        """The identity of a token that was good within this second and this state of all tokens; never blocks."""
        present = (self._app.changes.state.tables.get(("token", "")), int(time.monotonic()))
        if present[0] is not self._known_for[0] or present[1] != self._known_for[1]:
            self._known = {}
            self._known_for = present
        return self._known.get((secret, via))

    async def by_token(self, secret: str, via: Via, address: str) -> Identity:
        """The identity behind a token. Raises Unauthenticated, or TooManyRequests after many failures.

        Only what failed counts, and a good token is not refused: guessing is slowed, not the many clients behind one
        address. After many failures the database is not asked any more for tokens that this process does not know:
        one that another replica made is then good within a second, when its entry has come.
        """
        known = self.known_token(secret, via)
        if known is not None:
            return known
        standing, address = self._known, network(address)
        try:
            look_up = not self.failures.reached(address)
            identity = await run_sync(lambda: self._app.access.by_token(secret, via=via, look_up=look_up))
        except Unauthenticated:
            self.failures.refuse(address)
            self.failures.count(address)
            raise
        if len(standing) < _MAX_KNOWN_TOKENS:
            standing[secret, via] = identity
        return identity

    async def of(self, scope: Any, form: FormReader | None = None) -> Signed:  # noqa: ANN401 - an ASGI scope
        """The identity of a request: its token, else its session, else (demo, on this machine alone) the owner.

        `form` reads the request's form, where a CSRF token may stand.
        """
        headers = read_headers(scope)
        address = client_address(scope)
        via = via_of(scope["path"], headers)
        authorization = headers.get("authorization")
        if authorization is not None:
            return Signed(await self.by_token(bearer(authorization), via, address))
        secret = session_secret(headers.get("cookie", ""))
        if secret is not None:
            signed = await run_sync(lambda: self._by_session(secret, via))
            if signed is not None:
                if scope["method"] not in SAFE_METHODS:
                    await _require_csrf(headers, form, cast("Session", signed.session))
                return signed
        if self._demo and is_local(scope, headers):
            return Signed(await run_sync(lambda: self._app.access.member_identity(OWNER, via=via)))
        raise Unauthenticated("this needs a credential")

    def _by_session(self, secret: str, via: Via) -> Signed | None:
        session = self._app.access.session(secret)
        return None if session is None else Signed(self._app.access.member_identity(session.member, via=via), session)


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Authenticate, and hold the route's role against the identity; a route that names no role is nobody's."""
    method = connection.scope.get("method", "")
    if method == "OPTIONS":
        return
    role = handler.opt.get("role")
    if role is None:
        raise Forbidden("this route names no role")
    if role not in {PUBLIC, METRICS}:
        credentials: Credentials = connection.app.state.credentials
        signed = await credentials.of(connection.scope, cast("Request[Any, Any, Any]", connection).form)
        connection.scope["state"]["signed"] = signed
        if role != SIGNED_IN:
            path = connection.path_params
            signed.identity.require(cast("Role", role), path.get("project"), path.get("environment"))
    _refuse_unknown_parameters(connection, handler)


def require_overseer(identity: Identity) -> None:
    """Raise Forbidden unless the identity may see what belongs to no project: an administrator or auditor of all."""
    if identity.scope != (None, None) or identity.role not in {"admin", "auditor"}:
        raise Forbidden("this needs the role admin or auditor in this installation", role="auditor")


def require_reader(identity: Identity) -> None:
    """Raise Forbidden for a token that only evaluates: it may stand in a browser for all to see."""
    if identity.evaluates_only:
        raise Forbidden("this token only evaluates", role="viewer")


def via_of(path: str, headers: Mapping[str, str]) -> Via:
    """The surface that a request came by, whatever its credential: the command line says so itself."""
    if headers.get("user-agent", "").startswith("flagtrail-cli"):
        return "cli"
    return "api" if path.startswith(("/api/", "/ofrep/", "/sdk/")) else "web"


def client_address(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """The peer's address; empty where the transport has none."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def session_secret(cookies: str) -> str | None:
    """What the session cookie holds, out of a Cookie header."""
    try:
        found = SimpleCookie(cookies).get(SESSION_COOKIE)
    except CookieError:
        return None
    return found.value if found is not None else None


def read_headers(scope: Any) -> dict[str, str]:  # noqa: ANN401 - an ASGI scope
    """The request's headers by lower-case name; of a repeated one, the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def is_local(scope: Any, headers: Mapping[str, str]) -> bool:  # noqa: ANN401 - an ASGI scope
    """Whether a request comes from this machine, to this machine, for a page of this machine.

    The Host and the Origin are looked at too: a page elsewhere, also on
    another port, can make a browser call 127.0.0.1, by name (DNS rebinding) or
    by form. Following a link from elsewhere is fine: it alters nothing.
    """
    if not _is_loopback(client_address(scope)) or not _is_loopback_host(headers.get("host", "")):
        return False
    if any(name in headers for name in _FORWARDED):
        return False
    if scope["method"] not in SAFE_METHODS and headers.get("sec-fetch-site", "none") not in _OWN_SITE:
        return False
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers["host"]


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _is_loopback_host(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    return name == "localhost" or (name is not None and _is_loopback(name))


def bearer(authorization: str) -> str:
    """The token in an Authorization header; raises Unauthenticated for one of another scheme."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise Unauthenticated("the Authorization header must be 'Bearer' and a token")
    return secret.strip()


async def _require_csrf(headers: Mapping[str, str], form: FormReader | None, session: Session) -> None:
    """A browser sends its cookie by itself, so what alters something must also show the session's CSRF token."""
    shown: object = headers.get(CSRF_HEADER)
    sent = headers.get("content-type", "")
    if shown is None and form is not None and sent.startswith(("application/x-www-form-urlencoded", "multipart/form-")):
        shown = (await form()).get(CSRF_FIELD)
    if not isinstance(shown, str) or not secrets.compare_digest(shown.encode(), session.csrf.encode()):
        raise Forbidden("the form's CSRF token is missing or of another session: load the page again")


def _refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A typo in a filter must not answer a wider question. A route whose `opt` has `any_query` judges it itself."""
    if handler.opt.get("any_query") or not connection.scope["query_string"]:
        return
    known = _parameters(handler) - connection.path_params.keys()
    unknown = sorted(set(connection.query_params.keys()) - known)
    if unknown:
        told = ", ".join(sorted(known)) or "none"
        raise InvalidQuery(f"{unknown[0]!r} is not a parameter of this address; known are {told}", parameter=unknown[0])


@cache
def _parameters(handler: BaseRouteHandler) -> frozenset[str]:
    """The names by which a handler's parameters stand in an address."""
    fields = handler.parsed_fn_signature.parameters.items()
    named = {getattr(field.kwarg_definition, "name", None) or name for name, field in fields}
    return frozenset(named - {"call", "request", "data"})
