"""OTLP log requests as OpenTelemetry's exporters build them: the official protobuf messages, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

EVENT = "feature_flag.evaluation"
RESOURCE: dict[str, Any] = {
    "service.name": "shop",
    "service.version": "1.4.2",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.language": "go",
    "telemetry.sdk.version": "1.38.0",
}
TRACE = bytes.fromhex("5b8efff798038103d269b633813fc60c")
SPAN = bytes.fromhex("eee19b7ec3c1b174")


def any_value(value: Any) -> AnyValue:  # noqa: ANN401 - whatever JSON holds
    """A value as OTLP carries it."""
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=pairs(value)))
        case _:
            return AnyValue()


def pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes as OTLP carries them."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def record(attributes: Mapping[str, Any], *, event: str = EVENT, time: int = 0, body: Any = None) -> LogRecord:  # noqa: ANN401 - whatever JSON holds
    """A log record of a trace; `time` is in nanoseconds since 1970."""
    return LogRecord(
        event_name=event,
        attributes=pairs(attributes),
        time_unix_nano=time,
        observed_time_unix_nano=time,
        body=None if body is None else any_value(body),
        trace_id=TRACE,
        span_id=SPAN,
    )


def request(
    *records: LogRecord, resource: Mapping[str, Any] | None = None, scope: str = "openfeature", version: str = "0.3.0"
) -> ExportLogsServiceRequest:
    """One export of records of one resource and scope."""
    given = RESOURCE if resource is None else resource
    of_scope = ScopeLogs(scope=InstrumentationScope(name=scope, version=version), log_records=records)
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=Resource(attributes=pairs(given)), scope_logs=[of_scope])]
    )


def as_json(message: ExportLogsServiceRequest) -> dict[str, Any]:
    """The request in OTLP's JSON: camel case, 64-bit integers as texts, ids as hex."""
    return {"resourceLogs": [_of_resource(each) for each in message.resource_logs]}


def _of_resource(logs: ResourceLogs) -> dict[str, Any]:
    scopes = [
        {
            "scope": {"name": each.scope.name, "version": each.scope.version},
            "logRecords": [_log(one) for one in each.log_records],
        }
        for each in logs.scope_logs
    ]
    return {"resource": {"attributes": _json_pairs(logs.resource.attributes)}, "scopeLogs": scopes}


def _log(one: LogRecord) -> dict[str, Any]:
    told: dict[str, Any] = {
        "timeUnixNano": str(one.time_unix_nano),
        "observedTimeUnixNano": str(one.observed_time_unix_nano),
        "severityNumber": 9,
        "attributes": _json_pairs(one.attributes),
        "traceId": one.trace_id.hex(),
        "spanId": one.span_id.hex(),
        "eventName": one.event_name,
    }
    return {**told, "body": _json(one.body)} if one.HasField("body") else told


def _json_pairs(attributes: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a repeated field
    return [{"key": pair.key, "value": _json(pair.value)} for pair in attributes]


def _json(value: AnyValue) -> dict[str, Any]:
    match value.WhichOneof("value"):
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "string_value":
            return {"stringValue": value.string_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "double_value":
            return {"doubleValue": value.double_value}
        case "kvlist_value":
            return {"kvlistValue": {"values": _json_pairs(value.kvlist_value.values)}}
        case _:
            return {}
