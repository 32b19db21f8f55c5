"""The API's description: OpenAPI 3.1 out of the routes themselves, and a page that needs no script to read it."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, MediaType, Request, Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig

import flagtrail
from flagtrail.model.document import STRUCTS
from flagtrail.model.subject import Kind
from flagtrail.server import openapi_ofrep, openapi_reports, openapi_sync
from flagtrail.server.identity import PUBLIC
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.reference_page import reference_page

_DESCRIPTION = """Everything that the pages and the command line do, they do through this API.

A mutation's body is the new document or a JSON Merge Patch (RFC 7396) with `why` and, where there is one, `ticket`.
Name the version that you have seen in `If-Match` (or `version`): a document that moved is refused with 409 and the
difference. `Idempotency-Key` makes repeating a change safe for a day. Every change leaves exactly one entry per
document in the ledger; one that alters nothing says `"changed": false`. Errors are problem+json (RFC 9457) with a
stable `code` and a `remedy`. Lists are pages: send `next` back as `cursor`. The actor is the credential's, always."""

_DOCUMENTS: tuple[Kind, ...] = (
    *("flag", "targeting", "segment", "environment", "policy", "subscription", "member", "token"),
)
_SCHEMAS = "#/components/schemas/"
_UNSAFE = {"post", "put", "patch", "delete"}


def describe(api: Router, ungated: list[HTTPRouteHandler]) -> dict[str, Any]:
    """The OpenAPI document of the API's routes."""
    config = OpenAPIConfig(
        title="Flagtrail", version=flagtrail.__version__, description=_DESCRIPTION, use_handler_docstrings=True
    )
    schema: dict[str, Any] = Litestar([api, *ungated], openapi_config=config).openapi_schema.to_schema()
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    _, documents = msgspec.json.schema_components(
        [STRUCTS[kind] for kind in STRUCTS], ref_template=f"{_SCHEMAS}{{name}}"
    )
    for name, struct in documents.items():
        schemas.setdefault(name, struct)
    schemas |= {"Problem": _problem_schema(), **openapi_ofrep.SCHEMAS, **openapi_sync.schemas(_SCHEMAS)}
    schemas |= openapi_reports.schemas(_SCHEMAS)
    schema["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "session": {"type": "apiKey", "in": "cookie", "name": "flagtrail_session"},
    }
    _name_documents(schemas, _bodies(schema["paths"]))
    options = _options(api)
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            _complete(operation, method, options.get((path, method), {"role": PUBLIC}))
    schema["paths"] |= openapi_ofrep.paths() | openapi_sync.paths() | openapi_reports.paths()
    return schema


def _problem_schema() -> dict[str, Any]:
    texts = {name: {"type": "string"} for name in ("type", "title", "detail", "remedy", "request")}
    codes = sorted(error.code for error in HTTP_STATUS)
    return {
        "type": "object",
        "description": "A refusal (RFC 9457). Its facts are members of their own: `defects`, `diff`, `expected`, ...",
        "required": ["type", "title", "status", "detail", "code", "remedy", "request"],
        "properties": {**texts, "status": {"type": "integer"}, "code": {"type": "string", "enum": codes}},
    }


def _bodies(paths: dict[str, Any]) -> set[str]:
    """The names of the schemas that bodies have."""
    found: set[str] = set()
    for item in paths.values():
        for operation in item.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                forms = content["schema"].get("oneOf", [content["schema"]])
                found.update(form["$ref"].rsplit("/", 1)[-1] for form in forms if "$ref" in form)
    return found


def _name_documents(schemas: dict[str, Any], bodies: set[str]) -> None:
    """A body's document is any JSON to the framework (its defects are told all at once): name what it must be."""
    for name in bodies:
        properties = schemas[name].get("properties", {})
        for kind in _DOCUMENTS:
            if kind in properties:
                named = {"$ref": _SCHEMAS + STRUCTS[kind].__name__}
                many = properties[kind].get("type") == "object" and "additionalProperties" in properties[kind]
                properties[kind] = {"type": "object", "additionalProperties": named} if many else named
        if "patch" in properties:
            properties["patch"] = {"type": "object", "description": "A JSON Merge Patch (RFC 7396) of the document."}


def _options(api: Router) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for route in api.routes:
        for handler in getattr(route, "route_handlers", ()):
            for method in handler.http_methods:
                found[getattr(route, "path_format", route.path), method.lower()] = handler.opt
    return found


def _complete(operation: dict[str, Any], method: str, options: dict[str, Any]) -> None:
    """What the framework does not know: the problems, the credential, files' types, and the headers of changes."""
    role, responses = options["role"], operation["responses"]
    if "files" in options:
        responses["200"]["content"] = {media_type: {"schema": {}} for media_type in options["files"]}
    for status in [status for status in responses if status >= "400"]:
        del responses[status]
    content = {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
    responses["default"] = {"description": "A refusal, with its code and what to do about it.", "content": content}
    operation["security"] = [] if role == PUBLIC else [{"token": []}, {"session": []}]
    operation["x-role"] = role
    if method in _UNSAFE and role != PUBLIC:
        described = {"If-Match": "The version seen.", "Idempotency-Key": "Makes repeating the change safe for a day."}
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
            for name, text in described.items()
        )


@cache
def _described(api: Router) -> dict[str, Any]:
    from flagtrail.server.rest import UNGATED

    return describe(api, UNGATED)


@get("/api/openapi.json", opt={"role": "public"}, sync_to_thread=True, include_in_schema=False)
def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The document."""
    content = msgspec.json.encode(_described(request.app.state.api))
    return Response(content, media_type=MediaType.JSON, headers={"Cache-Control": "no-cache"})


@get("/api/docs", opt={"role": "public"}, sync_to_thread=True, include_in_schema=False)
def reference(request: Request[Any, Any, Any]) -> Response[str]:
    """The document as a page: nothing is loaded from anywhere."""
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'"
    page = reference_page(_described(request.app.state.api), nonce)
    return Response(page, media_type=MediaType.HTML, headers={"Content-Security-Policy": policy})


ROUTES: list[HTTPRouteHandler] = [openapi_json, reference]
