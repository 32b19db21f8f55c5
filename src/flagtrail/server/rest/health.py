"""Whether the server lives, and whether it is ready: for whoever restarts it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

import flagtrail
from flagtrail.app.bootstrap import App
from flagtrail.app.health import Readiness

PATIENCE_SECONDS = 2.0
"""How long the database may take to answer; less than probes commonly wait."""


class Alive(msgspec.Struct, frozen=True):
    """`status` is `ok`."""

    status: str
    version: str


@get("/healthz", opt={"role": "public"}, sync_to_thread=False, summary="Does the server live?")
def healthz() -> Alive:
    """Answers without the database."""
    return Alive("ok", flagtrail.__version__)


@get("/readyz", opt={"role": "public"}, summary="Is the server ready?")
async def readyz(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """Writes to the database and reads from it; answers 503, with what is wrong, where changes cannot be made."""
    app: App = request.app.state.flagtrail
    found: int | Exception
    try:
        looking = asyncio.wrap_future(app.health.look())
        found = await asyncio.wait_for(asyncio.shield(looking), PATIENCE_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
        found = error
    readiness = app.health.judge(found)
    return Response(readiness, status_code=503 if readiness.status == "failing" else 200)


ROUTES: list[HTTPRouteHandler] = [healthz, readyz]
