"""`POST /otlp/v1/logs`: real OTLP, as an OpenTelemetry SDK or collector sends it, to a real server."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from tests.support import otlp as build
from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer

Json = Any
PATH = "/otlp/v1/logs"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
VARIANT = {"feature_flag.key": "switch", "feature_flag.result.variant": "on", "feature_flag.result.reason": "static"}
VALUE = {"feature_flag.key": "switch", "feature_flag.result.value": False}


@pytest.fixture
def project(admin: httpx2.Client, project: str) -> str:
    """The test's own project, with one flag."""
    body = {"flag": boolean_flag("switch"), "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 201
    return project


@pytest.fixture
def client(server: RunningServer, admin: httpx2.Client, project: str) -> Iterator[httpx2.Client]:
    document = {"key": f"otlp-{project}", "kind": "server", "project": project, "environment": "production"}
    answer = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"})
    with server.client(answer.json()["secret"]) as made:
        yield made


def body_of(message: ExportLogsServiceRequest, media_type: str) -> bytes:
    return msgspec.json.encode(build.as_json(message)) if media_type == JSON else message.SerializeToString()


def counts(admin: httpx2.Client, project: str) -> Json:
    told = admin.get(f"/api/v1/projects/{project}/flags/switch/usage").json()
    return {(row["variant"], row["count"]) for row in told["counts"]}, [
        (row["client"], row["application"]) for row in told["clients"]
    ]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("media_type", [JSON, PROTOBUF], ids=["json", "protobuf"])
def test_events__of_an_exporter__are_counted_by_variant_and_client(
    admin: httpx2.Client, client: httpx2.Client, project: str, media_type: str, *, packed: bool
) -> None:
    now = time.time_ns()
    records = [build.record(attributes, time=now) for attributes in (VARIANT, VARIANT, VALUE)]
    body = body_of(build.request(*records), media_type)
    headers = {"Content-Type": media_type, **({"Content-Encoding": "gzip"} if packed else {})}
    answer = client.post(PATH, content=gzip.compress(body) if packed else body, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.content == (b"{}" if media_type == JSON else b"")
    assert counts(admin, project) == ({("on", 2), ("off", 1)}, [("opentelemetry-go/1.38.0", "shop/1.4.2")])


def test_other_records__are_rejected_and_the_events_counted(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    message = build.request(build.record(VARIANT), build.record({}, event="", body="GET /"), build.record({}))
    as_json = client.post(PATH, json=build.as_json(message))
    as_protobuf = client.post(PATH, content=message.SerializeToString(), headers={"Content-Type": PROTOBUF})
    read = ExportLogsServiceResponse.FromString(as_protobuf.content)

    assert as_json.json()["partialSuccess"]["rejectedLogRecords"] == "2"
    assert (read.partial_success.rejected_log_records, as_protobuf.status_code) == (2, 200)
    assert counts(admin, project)[0] == {("on", 2)}


def test_a_time__that_cannot_be__counts_as_now(admin: httpx2.Client, client: httpx2.Client, project: str) -> None:
    for moment in (1, time.time_ns() + 10**18):
        client.post(PATH, json=build.as_json(build.request(build.record(VARIANT, time=moment))))

    assert counts(admin, project)[0] == {("on", 2)}


@pytest.mark.parametrize(
    ("media_type", "body", "status"),
    [
        pytest.param(JSON, b"[", 400, id="no JSON"),
        pytest.param(PROTOBUF, b"\xff", 400, id="no protobuf"),
        pytest.param("text/plain", b"{}", 415, id="another type"),
        pytest.param(PROTOBUF, b"\x00" * ((4 << 20) + 1), 413, id="too large"),
    ],
)
def test_a_refusal__is_a_status_in_the_requests_encoding(
    client: httpx2.Client, media_type: str, body: bytes, status: int
) -> None:
    answer = client.post(PATH, content=body, headers={"Content-Type": media_type})
    protobuf = media_type == PROTOBUF
    message = (
        ExportLogsPartialSuccess.FromString(answer.content).error_message  # whose text is field 2, as a Status's is
        if protobuf
        else answer.json()["message"]
    )

    assert (answer.status_code, answer.headers["content-type"]) == (status, PROTOBUF if protobuf else JSON)
    assert message


def test_a_bomb__is_refused(client: httpx2.Client) -> None:
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
    answer = client.post(PATH, content=gzip.compress(bytes(40 << 20)), headers=headers)

    assert answer.status_code == 413


def test_without_a_token__is_401(server: RunningServer) -> None:
    with server.client("") as nobody:
        answer = nobody.post(PATH, json={})

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="flagtrail"')


def test_an_administrators_token__is_403(admin: httpx2.Client) -> None:
    assert admin.post(PATH, json={}).status_code == 403


def test_the_example_of_the_documentation__is_counted_as_it_says(
    admin: httpx2.Client, client: httpx2.Client, project: str
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "opentelemetry.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    answer = client.post(PATH, content=example, headers={"Content-Type": JSON})
    told = admin.get(f"/api/v1/projects/{project}/flags/new_pricing/usage").json()

    assert (answer.status_code, answer.json()) == (200, {})
    assert [(row["client"], row["application"], row["count"]) for row in told["clients"]] == [
        ("opentelemetry-webjs/2.2.0", "shop/1.4.2", 1)
    ]
