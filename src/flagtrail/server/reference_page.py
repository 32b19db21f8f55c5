"""The API reference as one page of plain HTML, made from the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from flagtrail.server.problems import HTTP_STATUS

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
section { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding-top: .5rem; }
h2 { overflow-wrap: anywhere; font-size: 1.1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .2rem .5rem; }
p, td, li, code { overflow-wrap: anywhere; }
td code { overflow-wrap: break-word; }
@media (max-width: 40rem) {
  tr { display: block; padding: .3rem 0; }
  th { display: none; }
  td { display: inline-block; padding: 0 .6rem 0 0; max-width: 100%; overflow-wrap: anywhere; }
}
"""


def reference_page(document: dict[str, Any], nonce: str) -> str:
    """The page; `nonce` lets its one style element through the content security policy."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>Flagtrail API {escape(document['info']['version'])}</title>",
        f"<style nonce='{escape(nonce)}'>{_STYLE}</style>",
        f"<main><h1>Flagtrail API {escape(document['info']['version'])}</h1>",
        *(f"<p>{_prose(text)}</p>" for text in document["info"]["description"].split("\n\n")),
        "<p>For machines: <a href='/api/openapi.json'>OpenAPI 3.1</a>. <a href='#errors'>Errors</a></p>",
    ]
    for path, item in document["paths"].items():
        for method, operation in item.items():
            parts.extend(_operation(method, path, operation))
    parts.extend(_errors())
    for name, schema in sorted(document["components"]["schemas"].items()):
        parts.extend(_schema(name, schema))
    return "".join([*parts, "</main></html>"])


def _prose(text: str) -> str:
    """Text as HTML; what stands between backticks is code."""
    return re.sub(r"(`+)(.+?)\1", r"<code>\2</code>", escape(text), flags=re.DOTALL)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<section id='{escape(operation['operationId'])}'><h2><code>{method.upper()} {escape(path)}</code></h2>"
    yield f"<p>{_prose(operation.get('summary', ''))}. {_prose(operation.get('description', ''))}</p>"
    yield f"<p>Role: <code>{escape(operation['x-role'])}</code></p>"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "<table><tr><th>Parameter<th>In<th>Type<th></tr>"
        for parameter in parameters:
            name = f"<code>{escape(parameter['name'])}</code>"
            told = _prose(parameter.get("description") or "")
            yield f"<tr><td>{name}<td>{parameter['in']}<td>{_type(parameter['schema'])}<td>{told}</tr>"
        yield "</table>"
    for content in operation.get("requestBody", {}).get("content", {}).values():
        yield f"<p>Body: {_type(content['schema'])}</p>"
    for status, response in operation["responses"].items():
        types = [_type(content["schema"]) for content in response.get("content", {}).values()]
        yield f"<p>{escape(status)}: {', '.join(types) or _prose(response.get('description', ''))}</p>"
    yield "</section>"


def _errors() -> Iterator[str]:
    yield "<section id=errors><h2>Errors</h2><table><tr><th>Code<th>Status<th>Meaning<th>What to do</tr>"
    for error, status in sorted(HTTP_STATUS.items(), key=lambda item: item[0].code):
        title, remedy = _prose(error.title), _prose(error.remedy)
        yield f"<tr id='error-{error.code}'><td><code>{error.code}</code><td>{status}<td>{title}<td>{remedy}</tr>"
    yield "</table></section>"


def _schema(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"<section id='schema-{escape(name)}'><h2>{escape(name)}</h2><p>{_prose(schema.get('description') or '')}</p>"
    properties: dict[str, Any] = schema.get("properties", {})
    if properties:
        required = set(schema.get("required", ()))
        yield "<table><tr><th>Key<th>Type<th></tr>"
        for key, value in properties.items():
            needed = "required" if key in required else ""
            yield f"<tr><td><code>{escape(key)}</code><td>{_type(value)}<td>{needed}</tr>"
        yield "</table>"
    yield "</section>"


def _type(schema: dict[str, Any]) -> str:
    """A schema in one line; a named one as a link to its section."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f"<a href='#schema-{name}'>{name}</a>"
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return " or ".join(_type(part) for part in schema[word])
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "items" in schema and isinstance(schema["items"], dict):
        return f"list of {_type(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    kind = schema.get("type", "any")
    return escape(" or ".join(kind) if isinstance(kind, list) else str(kind))
