"""Whether the server lives, and whether it is ready: for whoever restarts it."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

import flagtrail
from flagtrail.app.bootstrap import App
from flagtrail.app.health import Readiness

T = TypeVar("T")

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


async def waited(found: Future[T], seconds: float) -> T:
    """What a look finds, if it does within so long. Raises TimeoutError, and whatever the look raises."""
    return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(found)), seconds)


async def look(app: App) -> Readiness:
    """Look at the installation; it takes `PATIENCE_SECONDS` at most."""
    found: int | Exception
    try:
        found = await waited(app.health.look(), PATIENCE_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
        found = error
    return app.health.judge(found)


@get("/readyz", opt={"role": "public"}, summary="Is the server ready?")
async def readyz(request: Request[Any, Any, Any]) -> Response[Readiness]:
    """Writes to the database and reads from it; answers 503, with what is wrong, where changes cannot be made."""
    readiness = await look(request.app.state.flagtrail)
    return Response(readiness, status_code=503 if readiness.status == "failing" else 200)


ROUTES: list[HTTPRouteHandler] = [healthz, readyz]
