"""SDK sync's two operations, described for OpenAPI: the framework does not know them."""

from __future__ import annotations

from typing import Any

import msgspec

from flagtrail.model.sync import DELTA_EVENT, HEARTBEAT_SECONDS, RULESET_EVENT, RulesetData, RulesetDelta
from flagtrail.server.identity import SIGNED_IN
from flagtrail.server.sync_asgi import RULESET, STREAM

_TEXT: dict[str, Any] = {"type": "string"}
_SCHEMAS = "#/components/schemas/"
_PLACE = "Needed where the credential is of no single environment; else it may only repeat the token's own."
_REFUSED = {
    "400": "The credential is of no single environment, and none was named.",
    "401": "No token, or one that is wrong, expired or revoked.",
    "403": "A `client` token, or one of another environment.",
    "404": "There is no such environment.",
    "405": "It is only read.",
}
_FAILURES = "Too many wrong credentials from one address"
_WAIT = "`Retry-After` says for how long."


def schemas(prefix: str) -> dict[str, Any]:
    """The schemas of a ruleset and a delta, with all that they are made of."""
    _, found = msgspec.json.schema_components([RulesetData, RulesetDelta], ref_template=f"{prefix}{{name}}")
    return found


def paths() -> dict[str, dict[str, Any]]:
    """The path items of the ruleset and the stream."""
    return {RULESET: {"get": _ruleset()}, STREAM: {"get": _stream()}}


def _ruleset() -> dict[str, Any]:
    ruleset = _operation(
        "SyncRuleset",
        "Read a ruleset (SDK)",
        "All that decides in one environment, for evaluating in process. With a `server` token.",
        {**_REFUSED, "429": f"{_FAILURES}; {_WAIT}"},
    )
    ruleset["parameters"].append(_parameter("If-None-Match", "header", "The ETag of the ruleset that the client has."))
    etag = {"ETag": {"description": "The ruleset's id, in quotes.", "schema": _TEXT}}
    content = {"application/json": {"schema": {"$ref": f"{_SCHEMAS}RulesetData"}}}
    ruleset["responses"] |= {
        "200": {"description": "The ruleset.", "content": content, "headers": etag},
        "304": {"description": "The client has this very ruleset.", "headers": etag},
    }
    return ruleset


def _stream() -> dict[str, Any]:
    stream = _operation(
        "SyncStream",
        "Follow a ruleset (SDK)",
        f"Server-sent events: `{DELTA_EVENT}` holds a `RulesetDelta` from what the client was last sent (or holds: "
        f"`Last-Event-ID`) to the present ruleset, `{RULESET_EVENT}` a whole `RulesetData`; an event's id is the "
        f"ruleset's. A comment is sent at least every {HEARTBEAT_SECONDS:g} seconds. With gzip, each event is a "
        "member of its own.",
        {**_REFUSED, "429": f"{_FAILURES}, or the server holds as many streams as it, or the token, may; {_WAIT}"},
    )
    stream["parameters"].append(_parameter("Last-Event-ID", "header", "The id of the ruleset that the client has."))
    stream["responses"]["200"] = {
        "description": "The stream. It ends when the token is not good any more or the environment ends.",
        "content": {"text/event-stream": {"schema": _TEXT}},
    }
    return stream


def _operation(name: str, summary: str, description: str, refused: dict[str, str]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": [_parameter(place, "query", _PLACE) for place in ("project", "environment")],
        "responses": {
            **{status: _problem(told) for status, told in refused.items()},
            "default": _problem("A failure of the server."),
        },
        "security": [{"token": []}, {"apiKey": []}],
        "x-role": SIGNED_IN,
    }


def _parameter(name: str, where: str, told: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": False, "description": told, "schema": _TEXT}


def _problem(told: str) -> dict[str, Any]:
    return {
        "description": told,
        "content": {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}},
    }
