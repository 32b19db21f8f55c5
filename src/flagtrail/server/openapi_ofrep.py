"""OFREP's two operations, described for OpenAPI as Flagtrail answers them: the framework does not know them."""

from __future__ import annotations

from typing import Any

from flagtrail.model.resolution import ErrorCode, Reason
from flagtrail.server.identity import SIGNED_IN
from flagtrail.server.ofrep import BULK, SINGLE

_SCHEMAS = "#/components/schemas/"
_TEXT: dict[str, Any] = {"type": "string"}
_CODE: dict[str, Any] = {"type": "string", "enum": [str(code) for code in ErrorCode]}

SCHEMAS: dict[str, dict[str, Any]] = {
    "OfrepRequest": {
        "type": "object",
        "description": "What to evaluate for. Splits need a `targetingKey` in the context.",
        "required": ["context"],
        "properties": {"context": {"type": "object", "properties": {"targetingKey": _TEXT}}},
    },
    "OfrepSuccess": {
        "type": "object",
        "description": "What the context gets of one flag; `metadata.rule` names the rule that decided.",
        "required": ["key", "value", "reason", "variant", "metadata"],
        "properties": {
            "key": _TEXT,
            "value": {"description": "Of the flag's type."},
            "reason": {"type": "string", "enum": [str(reason) for reason in Reason]},
            "variant": {"type": ["string", "null"]},
            "metadata": {"type": "object", "properties": {"rule": _TEXT}},
        },
    },
    "OfrepFailure": {
        "type": "object",
        "description": "Why one flag could not be evaluated.",
        "required": ["key", "errorCode", "errorDetails"],
        "properties": {"key": _TEXT, "errorCode": _CODE, "errorDetails": _TEXT},
    },
    "OfrepBulk": {
        "type": "object",
        "description": "Every flag that is not archived; `metadata.size` is the ledger's after their newest entry.",
        "required": ["flags", "metadata"],
        "properties": {
            "flags": {
                "type": "array",
                "items": {"anyOf": [{"$ref": f"{_SCHEMAS}OfrepSuccess"}, {"$ref": f"{_SCHEMAS}OfrepFailure"}]},
            },
            "metadata": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}},
        },
    },
    "OfrepBulkFailure": {
        "type": "object",
        "description": "Why nothing could be evaluated.",
        "required": ["errorCode", "errorDetails"],
        "properties": {"errorCode": _CODE, "errorDetails": _TEXT},
    },
}

_PLACE = "Needed where the credential is of no single environment; else it may only repeat the token's own."
_UNREADABLE = (
    "`PARSE_ERROR`: no JSON, or no environment was named; `INVALID_CONTEXT`: no context, or a bad targetingKey"
)
_REFUSED = {
    "401": "No credential, or one that is wrong, expired or revoked.",
    "403": "The credential does not evaluate there.",
    "413": "The body is over 1 MiB.",
    "429": "Too many wrong credentials from one address; `Retry-After` says for how long.",
}


def paths() -> dict[str, dict[str, Any]]:
    """The path items of the single and the bulk evaluation."""
    return {f"{SINGLE}{{key}}": {"post": _single()}, BULK: {"post": _bulk()}}


def _single() -> dict[str, Any]:
    single = _operation(
        "EvaluateFlag",
        "Evaluate one flag (OFREP)",
        "Counted as usage. With a `client` or `server` token, which decides project and environment.",
        "OfrepFailure",
    )
    single["parameters"].insert(0, _parameter("key", "path", "The flag's key."))
    single["responses"] |= {
        "200": _response("The flag's value for the context.", "OfrepSuccess"),
        "400": _response(
            f"{_UNREADABLE}; `TARGETING_KEY_MISSING`: a split without a key; `GENERAL`: the flag cannot be evaluated.",
            "OfrepFailure",
        ),
        "404": _response("`FLAG_NOT_FOUND`: no such flag, or no such environment.", "OfrepFailure"),
    }
    return single


def _bulk() -> dict[str, Any]:
    bulk = _operation(
        "EvaluateFlags",
        "Evaluate all flags (OFREP)",
        "Counted as usage, also where the answer is 304. A flag that fails stands among the others with its error.",
        "OfrepBulkFailure",
    )
    bulk["parameters"].append(_parameter("If-None-Match", "header", "The ETag of the answer that the client has."))
    etag = {"ETag": {"description": "Of the environment's documents and the context.", "schema": _TEXT}}
    bulk["responses"] |= {
        "200": {**_response("All flags.", "OfrepBulk"), "headers": etag},
        "304": {"description": "The client has this very answer.", "headers": etag},
        "400": _response(f"{_UNREADABLE}.", "OfrepBulkFailure"),
        "404": _response("`GENERAL`: there is no such environment.", "OfrepBulkFailure"),
    }
    return bulk


def _operation(name: str, summary: str, description: str, failure: str) -> dict[str, Any]:
    refused = {status: _response(told, failure) for status, told in _REFUSED.items()}
    return {
        "operationId": name,
        "summary": summary,
        "description": description,
        "parameters": [_parameter(place, "query", _PLACE) for place in ("project", "environment")],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}OfrepRequest"}}},
        },
        "responses": {**refused, "default": _response("A failure of the server.", failure)},
        "security": [{"token": []}, {"apiKey": []}, {"session": []}],
        "x-role": SIGNED_IN,
    }


def _parameter(name: str, where: str, told: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": told, "schema": _TEXT}


def _response(told: str, schema: str) -> dict[str, Any]:
    return {
        "description": told,
        "content": {"application/json": {"schema": {"$ref": f"{_SCHEMAS}{schema}"}}},
    }
