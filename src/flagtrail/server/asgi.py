"""The ASGI application: OFREP and SDK sync by raw handlers in front, all else by Litestar; and serving it."""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib.util
import itertools
import logging
import secrets
import socket
import sys
import threading
import time
from collections.abc import Awaitable
from typing import Any, TextIO, cast

import structlog
import uvicorn
from anyio.to_thread import run_sync
from litestar import Litestar, Request, Response, Router
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from flagtrail.app import trace
from flagtrail.app.bootstrap import App
from flagtrail.model.errors import SettingInvalid
from flagtrail.server import openapi, problems, raw, reports_asgi, sync_asgi
from flagtrail.server.connections import Connection, Server, behind_proxy
from flagtrail.server.identity import Credentials, guard
from flagtrail.server.limits import MAX_BODY
from flagtrail.server.ofrep_asgi import EvaluationFront
from flagtrail.server.reports_asgi import ReportFront
from flagtrail.server.rest import ROUTES, UNGATED
from flagtrail.server.rest.body import StrictRequest
from flagtrail.server.rest.call import provide_call
from flagtrail.server.rest_asgi import ChangeFront
from flagtrail.server.sync_asgi import SyncFront
from flagtrail.server.tracing import traced
from flagtrail.server.traffic import Traffic, surface

log = structlog.get_logger()

API = "/api/v1"
EVALUATION = "/ofrep/"


class Front:
    """What every request passes first: it gets its id, a hot path its own handler, the answer its headers."""

    def __init__(self, app: App, litestar: ASGIApp, credentials: Credentials, traffic: Traffic) -> None:
        self.app = app
        self._litestar = litestar
        self._traffic = traffic
        self._evaluation = EvaluationFront(app, credentials, traffic)
        self._sync = SyncFront(app, credentials)
        self._reports = ReportFront(app, credentials)
        self._prefix = f"r_{secrets.token_hex(6)}"
        self._numbers = itertools.count(1)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """One request, or the server's start and stop. No coroutine of its own: an evaluation would notice it."""
        if scope["type"] != ScopeType.HTTP:
            return self._litestar(scope, receive, send)
        request = f"{self._prefix}{next(self._numbers):06x}"
        path = scope["path"]
        if path.startswith(EVALUATION):
            return self._evaluation(scope, receive, send, request)
        if path in sync_asgi.PATHS:
            return self._sync(scope, receive, self._traffic.counted("sync", send), request)
        if path in reports_asgi.PATHS:
            return self._reports(scope, receive, self._traffic.counted("reports", send), request)
        return self._framework(scope, receive, send, request)

    def streams(self) -> dict[tuple[str, str], int]:
        """How many SDKs hold a stream, by (project, environment); called on the event loop."""
        return self._sync.clients()

    def stop_streams(self) -> None:
        """End what would last for ever; called on the event loop when the server is told to stop."""
        self._sync.stop()

    async def _framework(self, scope: Any, receive: Receive, send: Send, request: str) -> None:  # noqa: ANN401 - ASGI's
        scope.setdefault("state", {})["request_id"] = request
        method = scope["method"]
        if method == "HEAD":  # asks for what GET would say, without the body (RFC 9110, section 9.3.2)
            scope = {**scope, "method": "GET"}
        started = time.perf_counter()
        status = 0

        async def finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = raw.completed(message["headers"], request)
            elif method == "HEAD" and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        try:
            await self._litestar(scope, receive, finished)
        except Exception as error:
            if status:
                log.exception("request.broke_off", request=request)
                raise
            await raw.send_problem(finished, error, request)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            address = scope.get("path_template") or "-"  # the template: a path may hold a login link's secret
            if status:
                self._traffic.count(surface(scope), status)
            log.info("request.done", request=request, method=method, path=address, status=status, ms=milliseconds)


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Any exception of a route as problem+json."""
    name = request.scope["state"].get("request_id", "")
    problem = problems.problem(problems.refusal(error, name), name)
    return Response(problem.body, status_code=problem.status, headers=problem.headers, media_type=problems.MEDIA_TYPE)


def create(app: App, *, demo: bool = False, pages: bool = True) -> Front:
    """The ASGI application of one installation. With `demo`, visitors from this machine are its owner; without
    `pages` it has no web UI, and half of its routes to build.

    Its start (ASGI lifespan) starts the followers; its stop closes the app.
    """
    credentials = Credentials(app, demo=demo)
    traffic = Traffic()

    async def start() -> None:
        app.start()

    async def stop() -> None:
        try:
            await run_sync(app.close)
        finally:
            await run_sync(trace.stop)

    api = Router(API, route_handlers=[*ROUTES], dependencies={"call": Provide(provide_call)})
    litestar = Litestar(
        [
            api,
            *UNGATED,
            *openapi.ROUTES,
            *(_pages() if pages else ()),
        ],
        state=State({"flagtrail": app, "credentials": credentials, "demo": demo, "api": api, "traffic": traffic}),
        guards=[guard],
        request_class=StrictRequest,
        request_max_body_size=MAX_BODY,
        exception_handlers={Exception: answer_problem},
        openapi_config=None,
        on_startup=[start],
        on_shutdown=[stop],
        logging_config=None,
    )
    front = Front(app, ChangeFront(app, credentials, litestar), credentials, traffic)
    litestar.state.streams = front.streams
    return front


def _pages() -> list[Any]:
    """The web UI's routes, where it is installed."""
    if importlib.util.find_spec("flagtrail.server.web.routes") is None:
        return []
    routes = importlib.import_module("flagtrail.server.web.routes")
    return list(routes.route_handlers)


class _StandardError(logging.Handler):
    """Writes to standard error, whichever stream that is just now.

    A line that cannot be written (the log's disk is full) is lost, and no request fails because of it. Threads take
    turns, whichever library they log by, so that no line is torn by another one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._turn = threading.RLock()  # what is collected as garbage within a write may log, too

    def emit(self, record: logging.LogRecord) -> None:
        self.write(f"{self.format(record)}\n")

    def write(self, text: str) -> None:
        """As a stream does."""
        with contextlib.suppress(OSError), self._turn:
            sys.stderr.write(text)

    def flush(self) -> None:
        """As a stream does."""
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str) -> None:
    """One line of JSON per event on standard error, from `level` on; raises SettingInvalid for an unknown level.

    What libraries tell by `logging` comes in the same form: the HTTP server's from `level` on, the others' from
    warnings on, since an HTTP client's chatter holds the addresses of webhooks, which are secrets.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise SettingInvalid(f"{level!r} is no log level", setting="FLAGTRAIL_LOG_LEVEL")
    told: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        *([trace.in_log] if trace.present() is not None else []),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = _StandardError()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, *told, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: structlog.WriteLogger(cast("TextIO", handler)),
        cache_logger_on_first_use=False,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *told],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    for earlier in [each for each in root.handlers if isinstance(each, _StandardError)]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(number)


def serve(app: App, host: str, port: int, *, demo: bool = False) -> None:
    """Serve until told to stop (SIGINT, SIGTERM). Raises SettingInvalid where the address cannot be had."""
    configure_logging(app.settings.log_level)
    listening = bind(host, port)
    front = create(app, demo=demo)
    config = uvicorn.Config(
        cast("Any", behind_proxy(traced(cast("Any", front)))),
        interface="asgi3",
        proxy_headers=False,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        http=Connection,
        loop="uvloop" if importlib.util.find_spec("uvloop") else "asyncio",
        ws="none",
        timeout_graceful_shutdown=10,
    )
    log.info("server.started", url=f"http://{host}:{port}")
    # What stands at the start stays: looking through all of it for garbage would stop every request for 50 ms.
    gc.collect()
    gc.freeze()
    with listening:
        Server(config, front.stop_streams).run(sockets=[listening])


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to the address; raises SettingInvalid, naming the setting, where that fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        # A name that nobody knows, or an address of another machine: no port of it can be had.
        name = (
            "HOST"
            if isinstance(error, socket.gaierror) or getattr(error, "errno", None) == errno.EADDRNOTAVAIL
            else "PORT"
        )
        remedy = f"choose another with --{name.lower()} or FLAGTRAIL_{name}"
        told = f"cannot listen on {host}:{port}: {reason}; {remedy}"
        raise SettingInvalid(told, setting=f"FLAGTRAIL_{name}") from error
    return listening
