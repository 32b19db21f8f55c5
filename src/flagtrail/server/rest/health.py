"""Whether the server lives, and whether it is ready: for whoever restarts it."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

import flagtrail
from flagtrail.app.bootstrap import App


class Health(msgspec.Struct, frozen=True):
    """`status` is `ok`."""

    status: str
    version: str


class Readiness(msgspec.Struct, frozen=True):
    """`size` is the ledger's, as the database has it now."""

    status: str
    size: int


@get("/healthz", opt={"role": "public"}, sync_to_thread=False, summary="Does the server live?")
def healthz() -> Health:
    """Answers without the database."""
    return Health("ok", flagtrail.__version__)


@get("/readyz", opt={"role": "public"}, sync_to_thread=True, summary="Is the server ready?")
def readyz(request: Request[Any, Any, Any]) -> Readiness:
    """Reads from the database; answers 503 where that fails."""
    app: App = request.app.state.flagtrail
    return Readiness("ok", app.storage.head().size)


ROUTES: list[HTTPRouteHandler] = [healthz, readyz]
