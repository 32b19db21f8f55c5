"""OTLP/HTTP logs, protobuf and JSON: which records tell of an evaluation of a flag, and what they tell.

Records are events as OpenTelemetry's semantic conventions for feature flags describe them
(https://opentelemetry.io/docs/specs/semconv/feature-flags/feature-flags-events/), also under the names that older
hooks send. In OTLP's JSON 64-bit numbers are texts and ids are hex; fields that are not known are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from flagtrail.app.usage_reports import Evaluated
from flagtrail.model.errors import MalformedRequest, TooLarge
from flagtrail.server.limits import refuse_deep

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

JSON, PROTOBUF = "application/json", "application/x-protobuf"
EVENTS = frozenset({"feature_flag.evaluation", "feature_flag"})
"""The event's name, and what it was until 2025."""
KEY = "feature_flag.key"
VARIANTS = ("feature_flag.result.variant", "feature_flag.variant", "feature_flag.evaluation.variant")
VALUES = ("feature_flag.result.value", "feature_flag.evaluation.value")
REASONS = ("feature_flag.result.reason", "feature_flag.evaluation.reason", "feature_flag.reason")
LANGUAGE, SDK, SDK_VERSION = "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"
UNKNOWN_CLIENT = "otlp"
MAX_RECORDS = 50_000
"""Log records of a request, and the resources and scopes that hold them: of real ones no body holds as many."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_NANOSECONDS = 2**64 - 1

Scalar: TypeAlias = str | bool | int | float | None
Attributes: TypeAlias = Mapping[str, Scalar]
VariantOf: TypeAlias = Callable[[str, Scalar], str]
"""The variant of a flag that has a value; empty where not exactly one has it."""


class Received(msgspec.Struct, frozen=True):
    """The evaluations that a request tells of, and how many of its records tell of none."""

    evaluated: list[Evaluated]
    rejected: int


class _Record(msgspec.Struct, frozen=True):
    """One log record, whichever way it was encoded. `time` is in nanoseconds since 1970, 0 where it is not told."""

    event: str
    attributes: Attributes
    value: Scalar
    time: int
    client: str
    application: str


def read(body: bytes, media_type: str, variant_of: VariantOf) -> Received:
    """What a request tells. Raises MalformedRequest where it is no ExportLogsServiceRequest, TooLarge."""
    records = _from_json(body) if media_type == JSON else _from_protobuf(body)
    evaluated: list[Evaluated] = []
    rejected = 0
    for record in records:
        told = _evaluated(record, variant_of)
        if told is None:
            rejected += 1
        else:
            evaluated.append(told)
    return Received(evaluated, rejected)


def _evaluated(record: _Record, variant_of: VariantOf) -> Evaluated | None:
    attributes = record.attributes
    flag = attributes.get(KEY)
    if (record.event or attributes.get("event.name")) not in EVENTS or not isinstance(flag, str):
        return None
    variant = _first(attributes, VARIANTS)
    if variant is None:
        value = _first(attributes, VALUES)
        variant = variant_of(flag, record.value if value is None else value)
    if str(_first(attributes, REASONS)).lower() == "error":
        variant = ""  # the caller got its own default
    at = _EPOCH + timedelta(microseconds=record.time // 1_000)
    return Evaluated(flag, str(variant), "", 1, at, record.client, record.application)


def _first(attributes: Attributes, names: Iterable[str]) -> Scalar:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)


def _client(resource: Attributes, scope: str, scope_version: str) -> str:
    """The SDK, as it names itself in the resource; else the instrumentation scope."""
    if resource.get(SDK):
        name = "-".join(str(resource[part]) for part in (SDK, LANGUAGE) if resource.get(part))
        return _versioned(name, resource.get(SDK_VERSION))
    return _versioned(scope, scope_version) if scope else UNKNOWN_CLIENT


def _application(resource: Attributes) -> str:
    name = resource.get("service.name")
    return _versioned(str(name), resource.get("service.version")) if name else ""


def _versioned(name: str, version: Scalar) -> str:
    return f"{name}/{version}" if version else name


def _refuse_many(records: int) -> None:
    if records > MAX_RECORDS:
        raise TooLarge(f"a request has at most {MAX_RECORDS} log records")


# Protobuf


def _from_protobuf(body: bytes) -> Iterator[_Record]:
    # Imported at the first such request: a server that gets none need not pay for it.
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedRequest(f"the body is no ExportLogsServiceRequest: {error}") from error
    _refuse_many(len(request.resource_logs))
    _refuse_many(sum(1 + len(each.scope_logs) for each in request.resource_logs))
    _refuse_many(sum(len(each.log_records) for of_resource in request.resource_logs for each in of_resource.scope_logs))
    for of_resource in request.resource_logs:
        resource = _attributes(of_resource.resource.attributes)
        application = _application(resource)
        for of_scope in of_resource.scope_logs:
            client = _client(resource, of_scope.scope.name, of_scope.scope.version)
            for record in of_scope.log_records:
                yield _Record(
                    record.event_name,
                    _attributes(record.attributes),
                    _value_in(_attributes(record.body.kvlist_value.values)),
                    record.time_unix_nano or record.observed_time_unix_nano,
                    client,
                    application,
                )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _scalar(pair.value) for pair in pairs}


def _scalar(value: AnyValue) -> Scalar:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case _:
            return None


def _value_in(body: Attributes) -> Scalar:
    """Where older hooks put the value of a flag that has no variant."""
    return body.get("value")


# JSON


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    kvlist_value: _Values | None = None

    def scalar(self) -> Scalar:
        if isinstance(self.int_value, str):
            return _integer(self.int_value)
        found = (self.string_value, self.bool_value, self.int_value, self.double_value)
        return next((each for each in found if each is not None), None)


class _Pair(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _Values(msgspec.Struct):
    values: list[_Pair] | None = None


class _Log(msgspec.Struct, rename="camel"):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    event_name: str | None = None
    attributes: list[_Pair] | None = None
    body: _Value | None = None

    @property
    def time(self) -> int:
        return _integer(self.time_unix_nano) or _integer(self.observed_time_unix_nano)


class _Scope(msgspec.Struct):
    name: str | None = None
    version: str | None = None


class _OfScope(msgspec.Struct, rename="camel"):
    scope: _Scope | None = None
    log_records: list[_Log] | None = None


class _Resource(msgspec.Struct):
    attributes: list[_Pair] | None = None


class _OfResource(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_logs: list[_OfScope] | None = None


class _Request(msgspec.Struct, rename="camel"):
    resource_logs: list[_OfResource] | None = None


_decode = msgspec.json.Decoder(_Request).decode


def _from_json(body: bytes) -> Iterator[_Record]:
    refuse_deep(body)
    try:
        request = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequest(f"the body is no ExportLogsServiceRequest: {error}") from error
    _refuse_many(sum(1 + len(each.scope_logs or ()) for each in request.resource_logs or ()))
    scopes = [each for of_resource in request.resource_logs or () for each in of_resource.scope_logs or ()]
    _refuse_many(sum(len(each.log_records or ()) for each in scopes))
    for of_resource in request.resource_logs or ():
        resource = _pairs(None if of_resource.resource is None else of_resource.resource.attributes)
        application = _application(resource)
        for of_scope in of_resource.scope_logs or ():
            scope = of_scope.scope or _Scope()
            client = _client(resource, scope.name or "", scope.version or "")
            for log in of_scope.log_records or ():
                held = None if log.body is None else log.body.kvlist_value
                value = _value_in(_pairs(None if held is None else held.values))
                yield _Record(log.event_name or "", _pairs(log.attributes), value, log.time, client, application)


def _pairs(pairs: list[_Pair] | None) -> Attributes:
    return {pair.key: None if pair.value is None else pair.value.scalar() for pair in pairs or ()}


def _integer(told: str | int | None) -> int:
    """A number that JSON tells as a text; 0 where it is none that OTLP could mean."""
    try:
        number = int(told or 0)
    except ValueError:
        return 0
    return number if abs(number) <= _MAX_NANOSECONDS else 0


# Answers


def answered(rejected: int, why: str, media_type: str) -> bytes:
    """An ExportLogsServiceResponse; empty where nothing was rejected."""
    if media_type == JSON:
        told = {"rejectedLogRecords": str(rejected), "errorMessage": why}
        return msgspec.json.encode({"partialSuccess": told} if rejected else {})
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
        ExportLogsPartialSuccess,
        ExportLogsServiceResponse,
    )

    partial = ExportLogsPartialSuccess(rejected_log_records=rejected, error_message=why) if rejected else None
    return ExportLogsServiceResponse(partial_success=partial).SerializeToString()


def refused(why: str, media_type: str) -> bytes:
    """A google.rpc.Status with a message alone, as OTLP wants failures told: field 2, a text."""
    if media_type == JSON:
        return msgspec.json.encode({"message": why})
    text = why.encode()
    size, length = len(text), bytearray()
    while size >= 0x80:  # noqa: PLR2004 - a varint's seven bits
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x12" + bytes(length) + text
