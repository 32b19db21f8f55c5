"""The two operations that take reports of usage, described for OpenAPI: the framework does not know them."""

from __future__ import annotations

from typing import Any

import msgspec

from flagtrail.app.usage_reports import Taken
from flagtrail.model.usage import UsageReport
from flagtrail.server.otlp import JSON, PROTOBUF
from flagtrail.server.reports_asgi import LOGS, MAX_BODY, ROLE, USAGE

_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"application/problem+json": {"schema": {"$ref": f"{_SCHEMAS}Problem"}}}
_STATUS = {JSON: {"schema": {"$ref": f"{_SCHEMAS}OtlpStatus"}}, PROTOBUF: {"schema": {}}}
_REFUSED = {
    "400": "The body cannot be read.",
    "401": "No token, or one that is wrong, expired or revoked.",
    "403": "A credential that is no `server` or `client` token, or one of another environment.",
    "404": "There is no such environment any more.",
    "413": f"The body is over {MAX_BODY >> 20} MiB, also inflated, or holds too many records.",
    "415": "The body's type or encoding is not read here.",
    "429": "Too many wrong credentials from one address, or reports by one token; `Retry-After` says for how long.",
}


def schemas(prefix: str) -> dict[str, Any]:
    """The schemas of a report, of what became of it, and of OTLP's answers as JSON."""
    _, found = msgspec.json.schema_components([UsageReport, Taken], ref_template=f"{prefix}{{name}}")
    text = {"type": "string"}
    partial = {"type": "object", "properties": {"rejectedLogRecords": text, "errorMessage": text}}
    return {
        **found,
        "OtlpAnswer": {
            "type": "object",
            "description": "An ExportLogsServiceResponse; empty where every record was counted.",
            "properties": {"partialSuccess": partial},
        },
        "OtlpStatus": {
            "type": "object",
            "description": "A google.rpc.Status: what was refused, and what to do about it.",
            "properties": {"message": text},
        },
    }


def paths() -> dict[str, dict[str, Any]]:
    """The path items."""
    return {USAGE: {"post": _usage()}, LOGS: {"post": _logs()}}


def _usage() -> dict[str, Any]:
    refused = {**_REFUSED, "422": "The JSON is no report; the defect says where."}
    taken = {
        "description": "Taken, and written down. A report that came before adds nothing: `added` is false.",
        "content": {JSON: {"schema": {"$ref": f"{_SCHEMAS}Taken"}}},
    }
    return {
        "operationId": "ReportUsage",
        "summary": "Report what was evaluated (SDKs)",
        "description": "Adds up a report once, however often it is sent within a day. Counts are stamped with the"
        " server's clock minus `ago`. Flags, variants and rules that the server does not know are counted, too, within"
        " bounds; what is beyond them is told as `dropped`.",
        "requestBody": _body({JSON: {"schema": {"$ref": f"{_SCHEMAS}UsageReport"}}}),
        "responses": {"202": taken, **_responses(refused, _PROBLEM)},
        **_ACCESS,
    }


def _logs() -> dict[str, Any]:
    answer = {JSON: {"schema": {"$ref": f"{_SCHEMAS}OtlpAnswer"}}, PROTOBUF: {"schema": {}}}
    return {
        "operationId": "ReportLogs",
        "summary": "Report evaluations as OpenTelemetry log records (OTLP/HTTP)",
        "description": "Counts `feature_flag.evaluation` events; all other records are told as rejected. What is sent"
        " twice counts twice.",
        "requestBody": _body({JSON: {"schema": {"type": "object"}}, PROTOBUF: {"schema": {}}}),
        "responses": {
            "200": {"description": "An ExportLogsServiceResponse, encoded as the request was.", "content": answer},
            **_responses(_REFUSED, _STATUS),
        },
        **_ACCESS,
    }


_ACCESS: dict[str, Any] = {"security": [{"token": []}, {"apiKey": []}], "x-role": ROLE}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "description": "May be gzip, said in `Content-Encoding`.", "content": content}


def _responses(refused: dict[str, str], content: dict[str, Any]) -> dict[str, Any]:
    found = {status: {"description": told, "content": content} for status, told in refused.items()}
    return {**found, "default": {"description": "A failure of the server.", "content": content}}
