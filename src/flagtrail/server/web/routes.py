"""Every page of the web UI, as one list that `server/asgi.py` registers."""

from __future__ import annotations

import mimetypes
from functools import cache
from urllib.parse import urlencode

from litestar import Response, Router, get
from litestar.di import Provide
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Redirect

from flagtrail.model.errors import NotFound
from flagtrail.server.identity import PUBLIC
from flagtrail.server.problems import MethodNotAllowed
from flagtrail.server.web import (
    account,
    admin,
    alerts,
    changes,
    dashboard,
    evaluate,
    flag,
    flag_edit,
    flags,
    guards,
    impact,
    investigate,
    reports,
    segments,
    stale,
    stale_board,
    stale_health,
    stale_settings,
    subscriptions,
    suspects,
    targeting_edit,
)
from flagtrail.server.web.errors import error_page
from flagtrail.server.web.page import YEAR, provide_form, provide_page
from flagtrail.server.web.templates import STATIC

PAGES = (
    account,
    dashboard,
    flags,
    flag,
    flag_edit,
    targeting_edit,
    changes,
    guards,
    impact,
    stale,
    stale_board,
    stale_health,
    stale_settings,
    evaluate,
    investigate,
    suspects,
    segments,
    reports,
    alerts,
    subscriptions,
    admin,
)


@cache
def _static_files() -> dict[str, tuple[bytes, str]]:
    """The static files with their types, read once."""
    found = [path for path in STATIC.iterdir() if path.is_file()]
    return {path.name: (path.read_bytes(), mimetypes.guess_type(path.name)[0] or "text/plain") for path in found}


@get("/static/{name:str}", opt={"role": PUBLIC, "any_query": True}, include_in_schema=False, sync_to_thread=False)
def static(name: FromPath[str]) -> Response[bytes]:
    """A file of the design. Its address changes with its content, so browsers keep it for a year."""
    content, type_ = _static_files().get(name, (b"", ""))
    if not type_:
        raise NotFound(f"there is no file {name!r}", kind="file", key=name)
    headers = {"Cache-Control": f"public, max-age={YEAR}, immutable"}
    return Response(content, media_type=type_, headers=headers)


@get("/login/{token:str}", opt={"role": PUBLIC}, include_in_schema=False, sync_to_thread=False)
def login_link(token: FromPath[str]) -> Redirect:
    """The other way to write a login link."""
    return Redirect("/login?" + urlencode({"token": token}), headers={"Cache-Control": "no-store"})


@get("/{rest:path}", opt={"role": PUBLIC, "any_query": True}, include_in_schema=False, sync_to_thread=False)
def nothing_here(rest: FromPath[str]) -> Response[str]:
    """Whatever no other route serves."""
    raise NotFound(f"nothing is served at {rest}")


def only_a_form() -> Response[str]:
    """An address that takes a form alone, opened as a page: after a reload, or from a history."""
    raise MethodNotAllowed("this address takes a form only; go back to the page that holds it", allow="POST")


def _form_only(handlers: list[HTTPRouteHandler]) -> HTTPRouteHandler:
    """What answers GET where a form goes and no page is."""
    paths: dict[str, set[str]] = {"GET": set(), "POST": set()}
    for handler in handlers:
        for method in handler.http_methods:
            paths.setdefault(str(method), set()).update(handler.paths)
    made = get(sorted(paths["POST"] - paths["GET"]), opt={"role": PUBLIC, "any_query": True}, sync_to_thread=False)
    return made(only_a_form)


def _handlers() -> list[HTTPRouteHandler]:
    """Every route handler of every page module; a page is registered because it exists."""
    found = [value for module in PAGES for value in vars(module).values() if isinstance(value, HTTPRouteHandler)]
    return list(dict.fromkeys(found))


route_handlers: list[Router] = [
    Router(
        "/",
        route_handlers=[*_handlers(), _form_only(_handlers()), static, login_link, nothing_here],
        dependencies={"form": Provide(provide_form), "page": Provide(provide_page, sync_to_thread=True)},
        exception_handlers={Exception: error_page},
        include_in_schema=False,
    )
]
