"""Which log records tell of an evaluation, and what: the same in protobuf and in JSON."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from openfeature.evaluation_context import EvaluationContext
from openfeature.flag_evaluation import FlagEvaluationDetails, FlagType, Reason
from openfeature.hook import HookContext
from openfeature.provider import Metadata
from openfeature.telemetry import create_evaluation_event
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from tests.support import otlp as build

from flagtrail.app.usage_reports import Evaluated
from flagtrail.model.errors import MalformedRequest, TooLarge
from flagtrail.server import otlp

AT = datetime(2026, 3, 5, 12, 0, 0, 123456, tzinfo=UTC)
NANOSECONDS = int(AT.timestamp()) * 10**9 + 123_456_789
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = {"feature_flag.key": "checkout"}
ENCODINGS = [otlp.JSON, otlp.PROTOBUF]


def encoded(message: ExportLogsServiceRequest, media_type: str) -> bytes:
    if media_type == otlp.JSON:
        return msgspec.json.encode(build.as_json(message))
    return message.SerializeToString()


def variant_of(flag: str, value: object) -> str:
    return {("checkout", True): "on", ("checkout", "blue"): "b"}.get((flag, value), "")


def read(message: ExportLogsServiceRequest, media_type: str) -> otlp.Received:
    return otlp.read(encoded(message, media_type), media_type, variant_of)


@pytest.mark.parametrize("media_type", ENCODINGS)
def test_read__an_event__tells_all_there_is(media_type: str) -> None:
    attributes = {
        **KEY,
        "feature_flag.result.variant": "on",
        "feature_flag.result.reason": "split",
        "feature_flag.provider.name": "ofrep",
        "feature_flag.set.id": "shop",
        "feature_flag.context.id": "u1",
    }
    received = read(build.request(build.record(attributes, time=NANOSECONDS)), media_type)

    assert received.rejected == 0
    assert received.evaluated == [Evaluated("checkout", "on", "", 1, AT, "opentelemetry-go/1.38.0", "shop/1.4.2")]


VARIANTS: list[tuple[str, dict[str, Any], Any, str]] = [
    ("today's name", {"feature_flag.result.variant": "on"}, None, "on"),
    ("the name of 2024", {"feature_flag.variant": "on"}, None, "on"),
    ("the name in between", {"feature_flag.evaluation.variant": "on"}, None, "on"),
    ("a value", {"feature_flag.result.value": True}, None, "on"),
    ("a value as text", {"feature_flag.result.value": "blue"}, None, "b"),
    ("a value that no variant has", {"feature_flag.result.value": 7}, None, ""),
    ("a fractional value", {"feature_flag.result.value": 0.5}, None, ""),
    ("a value in the body", {}, {"value": True}, "on"),
    ("neither", {}, None, ""),
    ("nothing in the body", {}, "text", ""),
    ("an empty attribute", {"feature_flag.result.variant": None, "feature_flag.variant": "off"}, None, "off"),
    ("an error", {"feature_flag.result.value": True, "feature_flag.result.reason": "error"}, None, ""),
    ("an error by its old name", {"feature_flag.variant": "on", "feature_flag.evaluation.reason": "ERROR"}, None, ""),
]


@pytest.mark.parametrize("media_type", ENCODINGS)
@pytest.mark.parametrize(("attributes", "body", "variant"), [pytest.param(*case[1:], id=case[0]) for case in VARIANTS])
def test_read__a_variant__is_found_by_every_name_it_has(
    attributes: dict[str, Any], body: object, variant: str, media_type: str
) -> None:
    received = read(build.request(build.record({**KEY, **attributes}, body=body)), media_type)

    assert [each.variant for each in received.evaluated] == [variant]


@pytest.mark.parametrize("media_type", ENCODINGS)
@pytest.mark.parametrize(
    ("event", "attributes", "counted"),
    [
        pytest.param("feature_flag.evaluation", KEY, True, id="the event"),
        pytest.param("", {**KEY, "event.name": "feature_flag.evaluation"}, True, id="named by an attribute"),
        pytest.param("feature_flag", KEY, True, id="its name until 2025"),
        pytest.param("", {**KEY, "event.name": "feature_flag"}, True, id="both"),
        pytest.param("", KEY, False, id="no event"),
        pytest.param("exception", KEY, False, id="another event"),
        pytest.param("feature_flag.evaluation", {}, False, id="no key"),
        pytest.param("feature_flag.evaluation", {"feature_flag.key": 7}, False, id="a key that is no text"),
    ],
)
def test_read__records__are_counted_where_they_are_evaluations(
    event: str, attributes: dict[str, Any], counted: bool, media_type: str
) -> None:
    received = read(build.request(build.record(attributes, event=event)), media_type)

    assert (len(received.evaluated), received.rejected) == ((1, 0) if counted else (0, 1))


@pytest.mark.parametrize("media_type", ENCODINGS)
@pytest.mark.parametrize(
    ("resource", "scope", "client", "application"),
    [
        pytest.param({}, "", "otlp", "", id="nothing"),
        pytest.param({}, "hooks", "hooks/0.3.0", "", id="a scope alone"),
        pytest.param({"service.name": "shop"}, "", "otlp", "shop", id="no version"),
        pytest.param({"service.version": "1"}, "", "otlp", "", id="a version of nothing"),
        pytest.param({"telemetry.sdk.name": "opentelemetry"}, "hooks", "opentelemetry", "", id="an SDK's name alone"),
    ],
)
def test_read__who_asks__is_told_by_the_resource(
    resource: dict[str, Any], scope: str, client: str, application: str, media_type: str
) -> None:
    message = build.request(build.record(KEY), resource=resource, scope=scope)
    (each,) = read(message, media_type).evaluated

    assert (each.client, each.application, each.at) == (client, application, EPOCH)


def json_read(*records: object) -> otlp.Received:
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}
    return otlp.read(msgspec.json.encode(body), otlp.JSON, variant_of)


KEYED = [{"key": "feature_flag.key", "value": {"stringValue": "checkout"}}]


@pytest.mark.parametrize(
    ("time", "at"),
    [
        pytest.param({"timeUnixNano": "1000000000"}, EPOCH + timedelta(seconds=1), id="a text"),
        pytest.param({"timeUnixNano": 1_000_000_000}, EPOCH + timedelta(seconds=1), id="a number"),
        pytest.param({"observedTimeUnixNano": "1000000000"}, EPOCH + timedelta(seconds=1), id="observed alone"),
        pytest.param(
            {"timeUnixNano": "0", "observedTimeUnixNano": "1000000000"}, EPOCH + timedelta(seconds=1), id="zero is none"
        ),
        pytest.param({"timeUnixNano": "soon"}, EPOCH, id="no number"),
        pytest.param({"timeUnixNano": "9" * 400}, EPOCH, id="beyond all time"),
        pytest.param({"timeUnixNano": "9" * 5_000}, EPOCH, id="beyond what is read as a number"),
        pytest.param(
            {"timeUnixNano": str(2**64 - 1)}, EPOCH + timedelta(microseconds=(2**64 - 1) // 1_000), id="the last"
        ),
        pytest.param({"timeUnixNano": None}, EPOCH, id="null"),
    ],
)
def test_read__a_time_in_json__is_nanoseconds(time: dict[str, Any], at: datetime) -> None:
    received = json_read({"eventName": build.EVENT, "attributes": KEYED, **time})

    assert [each.at for each in received.evaluated] == [at]


def test_read__json_with_what_nobody_knows_yet__ignores_it() -> None:
    more = [
        {"key": "x", "value": {"arrayValue": {"values": []}, "newValue": 1}},
        {"key": "y"},
        {"key": "z", "value": None},
    ]
    received = json_read(
        {"eventName": build.EVENT, "attributes": [*KEYED, *more], "flags": 1, "droppedAttributesCount": 0, "new": {}},
        {},
    )

    assert (len(received.evaluated), received.rejected) == (1, 1)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="empty"),
        pytest.param(b'{"resourceLogs": null}', id="null"),
        pytest.param(b'{"resourceLogs": [{}, {"scopeLogs": [{}]}, {"resource": {}, "scopeLogs": []}]}', id="holes"),
    ],
)
def test_read__json_without_records__tells_nothing(body: bytes) -> None:
    assert otlp.read(body, otlp.JSON, variant_of) == otlp.Received([], 0)


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        pytest.param(b"", otlp.JSON, id="nothing as JSON"),
        pytest.param(b"[]", otlp.JSON, id="another shape"),
        pytest.param(b'{"resourceLogs": [{"scopeLogs": 1}]}', otlp.JSON, id="another type"),
        pytest.param(b'{"resourceLogs": [{"scopeLogs": [{"scope": {"name": "\xff"}}]}]}', otlp.JSON, id="no UTF-8"),
        pytest.param(b'{"a":' * 200 + b"1" + b"}" * 200, otlp.JSON, id="too deep"),
        pytest.param(b"{}", otlp.PROTOBUF, id="JSON as protobuf"),
        pytest.param(b"\x0a\xff", otlp.PROTOBUF, id="cut off"),
    ],
)
def test_read__what_is_no_request__is_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(MalformedRequest):
        otlp.read(body, media_type, variant_of)


@pytest.mark.parametrize("media_type", ENCODINGS)
def test_read__more_records_than_a_request_may_have__is_refused(media_type: str) -> None:
    message = build.request(*[LogRecord()] * (otlp.MAX_RECORDS + 1))

    with pytest.raises(TooLarge):
        read(message, media_type)


@pytest.mark.parametrize("media_type", ENCODINGS)
@pytest.mark.parametrize("scopes", [0, 1])
def test_read__more_that_holds_no_records_than_a_request_may_have__is_refused(media_type: str, scopes: int) -> None:
    message = ExportLogsServiceRequest()
    for _ in range(otlp.MAX_RECORDS // (1 + scopes) + 1):
        resource = message.resource_logs.add()
        for _ in range(scopes):
            resource.scope_logs.add()

    with pytest.raises(TooLarge):
        read(message, media_type)


@pytest.mark.parametrize("media_type", ENCODINGS)
def test_read__the_event_of_the_python_sdk__is_counted(media_type: str) -> None:
    context = HookContext(
        flag_key="checkout",
        flag_type=FlagType.BOOLEAN,
        default_value=False,
        evaluation_context=EvaluationContext("u1"),
        provider_metadata=Metadata("ofrep"),
    )
    told = [
        create_evaluation_event(context, FlagEvaluationDetails("checkout", True, variant="on", reason=Reason.SPLIT)),
        create_evaluation_event(context, FlagEvaluationDetails("checkout", True, reason=Reason.STATIC)),
        create_evaluation_event(context, FlagEvaluationDetails("checkout", True, reason=Reason.ERROR)),
    ]
    records = [
        build.record({str(k): v for k, v in each.attributes.items()}, event=each.name, body=dict(each.body))
        for each in told
    ]

    assert [each.variant for each in read(build.request(*records), media_type).evaluated] == ["on", "on", ""]


@pytest.mark.parametrize(
    ("rejected", "expected"),
    [
        pytest.param(0, {}, id="none rejected"),
        pytest.param(3, {"partialSuccess": {"rejectedLogRecords": "3", "errorMessage": "why"}}, id="some rejected"),
    ],
)
def test_answered__in_json__is_empty_where_nothing_was_rejected(rejected: int, expected: object) -> None:
    assert msgspec.json.decode(otlp.answered(rejected, "why", otlp.JSON)) == expected


def test_answered__in_protobuf__is_read_by_the_official_messages() -> None:
    none = ExportLogsServiceResponse.FromString(otlp.answered(0, "why", otlp.PROTOBUF))
    some = ExportLogsServiceResponse.FromString(otlp.answered(3, "why", otlp.PROTOBUF))

    assert none.HasField("partial_success") is False
    assert (some.partial_success.rejected_log_records, some.partial_success.error_message) == (3, "why")


@pytest.mark.parametrize("why", [pytest.param("no", id="short"), pytest.param("é" * 300, id="of several bytes")])
def test_refused__is_a_status_with_a_message(why: str) -> None:
    # ExportLogsPartialSuccess has a text as its field 2, as google.rpc.Status has.
    read = type(ExportLogsServiceResponse().partial_success).FromString(otlp.refused(why, otlp.PROTOBUF))

    assert (read.error_message, msgspec.json.decode(otlp.refused(why, otlp.JSON))) == (why, {"message": why})


def test_server__before_the_first_such_request__has_not_loaded_protobuf() -> None:
    script = "import sys, flagtrail.server.asgi; print('google.protobuf' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
