"""OpenTelemetry traces, as a collector receives them: what is told, what is not, and that nothing waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.support.documents import boolean_flag, enabled
from tests.support.faults import until
from tests.support.receiver import Receiver, receiving
from tests.support.server import RunningServer, running_server

import flagtrail

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
UNSAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
FLAGS = "/api/v1/projects/default/flags"
EVALUATE = "/ofrep/v1/evaluate/flags/nothing?project=default&environment=production"
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"


class Collector:
    """What was sent to a receiver, as spans."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        receiver.status = 200
        self.url = receiver.url.rpartition("/services")[0]

    def requests(self) -> list[ExportTraceServiceRequest]:
        return [ExportTraceServiceRequest.FromString(request.body) for request in self.receiver.received]

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Span]:
        """The spans of this name; waits until there is one."""
        found = until(lambda: any(span.name == name for span in self.spans()))
        assert found, sorted({span.name for span in self.spans()})
        return [span for span in self.spans() if span.name == name]


def told(span: Span) -> dict[str, Any]:
    """A span's attributes."""
    return {each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value") for each in span.attributes}


@contextmanager
def collecting(**variables: str) -> Iterator[Collector]:
    """A collector to which servers that are started meanwhile send, as soon as may be."""
    with receiving() as receiver, pytest.MonkeyPatch.context() as patched:
        found = Collector(receiver)
        usual = {"OTEL_EXPORTER_OTLP_ENDPOINT": found.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
        for name, value in {**usual, **variables}.items():
            patched.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def server(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    del collector
    with running_server(tmp_path_factory.mktemp("traced")) as running:
        yield running


@pytest.fixture
def admin(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


def make_flag(admin: httpx2.Client, key: str, **headers: str) -> httpx2.Response:
    body = {"flag": boolean_flag(key), "targeting": {"production": enabled()}, "why": "ada@example.com asked"}
    made = admin.post(FLAGS, json=body, headers=headers)
    assert made.status_code == 201
    return made


def test_a_change__is_a_trace_of_its_request_its_append_and_its_wait_for_the_head(
    collector: Collector, admin: httpx2.Client
) -> None:
    made = make_flag(admin, "first", **SAMPLED)
    name = made.headers["x-request-id"]
    posted = collector.named("POST /api/v1/projects/{project}/flags")
    (request,) = [span for span in posted if told(span)["flagtrail.request"] == name]
    (change,) = [span for span in collector.named("change") if span.parent_span_id == request.span_id]
    writes = [span for span in collector.named("storage.write") if span.parent_span_id == change.span_id]

    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    assert told(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 201,
        "http.route": "/api/v1/projects/{project}/flags",
        "flagtrail.request": name,
    }
    assert change.trace_id == request.trace_id
    assert told(change)["flagtrail.entries"] == len(made.json()["entries"])
    assert [set(told(write)) for write in writes] == [{"flagtrail.wait_ms", "flagtrail.work_ms"}]


def test_a_question__is_a_span_of_what_asked_it(collector: Collector, admin: httpx2.Client) -> None:
    admin.get("/api/v1/changes", headers=SAMPLED)
    requests = {span.span_id for span in collector.named("GET /api/v1/changes") if span.trace_id.hex() == TRACE}

    assert [span for span in collector.named("storage.entries") if span.parent_span_id in requests]


def test_the_log_and_a_problem__name_the_trace(
    collector: Collector, server: RunningServer, admin: httpx2.Client
) -> None:
    problem = admin.get(f"{FLAGS}/nothing", headers=SAMPLED).json()
    collector.named("GET /api/v1/projects/{project}/flags/{flag}")
    lines = [msgspec.json.decode(line) for line in server.log.read_bytes().splitlines()]
    (line,) = [line for line in lines if line.get("request") == problem["request"]]

    assert (problem["code"], problem["trace"], line["trace_id"], len(line["span_id"])) == (
        "not_found",
        TRACE,
        TRACE,
        16,
    )


def test_a_trace__holds_nothing_that_a_person_sent(collector: Collector, admin: httpx2.Client) -> None:
    make_flag(admin, "switch")
    admin.get("/api/v1/changes?grep=ada@example.com&flag=switch", headers={"User-Agent": "ada@example.com"})
    admin.get("/login/a-secret-of-a-link")
    collector.named("GET /api/v1/changes")
    collector.named("GET /login/{token}")
    sent = b"".join(request.body for request in collector.receiver.received)

    assert [word for word in (b"ada@example.com", b"a-secret-of-a-link", b"switch", b"ft_admin") if word in sent] == []


@pytest.mark.parametrize(("headers", "expected"), [(SAMPLED, 1), (UNSAMPLED, 0), ({}, 0)])
def test_an_evaluation__is_traced_where_its_caller_is(
    collector: Collector, admin: httpx2.Client, headers: dict[str, str], expected: int
) -> None:
    collector.receiver.received.clear()
    admin.get("/readyz")
    assert admin.post(EVALUATE, json={"context": {}}, headers=headers).status_code == 404
    admin.get("/api/v1/me", headers=SAMPLED)
    collector.named("GET /api/v1/me")
    names = [span.name for span in collector.spans()]

    assert names.count("POST /ofrep/v1/evaluate/flags/{key}") == expected
    assert [name for name in names if "readyz" in name] == []


def test_a_request_that_the_database_fails__is_a_span_that_failed(
    collector: Collector, server: RunningServer, admin: httpx2.Client
) -> None:
    aside = server.database.with_suffix(".aside")
    server.database.rename(aside)
    answer = admin.post("/api/v1/projects", json={"key": "late", "why": "a test"})
    aside.rename(server.database)
    (request,) = collector.named("POST /api/v1/projects")
    change = next(span for span in collector.named("change") if span.trace_id == request.trace_id)

    assert (answer.status_code, answer.json()["trace"]) == (503, request.trace_id.hex())
    assert (request.status.code, told(request)["error.type"]) == (2, "503")
    assert (change.status.code, told(change)["error.type"], list(change.events)) == (2, "storage_failed", [])


def test_a_checkpoint_and_an_alert__are_traces_of_their_own(tmp_path: Path) -> None:
    with collecting(OTEL_SERVICE_NAME="flags") as collector, receiving() as hook:
        serving = running_server(tmp_path, webhook_url=hook.url, webhook_secret=SECRET, alert_private_targets="true")
        with serving as server, server.client() as admin:
            flag = {**boolean_flag("payments"), "tags": ["critical"]}
            assert until(lambda: b"alerts-webhook" in server.log.read_bytes())
            admin.post(FLAGS, json={"flag": flag, "targeting": {"production": enabled()}, "why": "a test"})
            alert, *_ = collector.named("alert.deliver")
            sizes = [told(span)["flagtrail.size"] for span in collector.named("checkpoint.sign")]
    resource = collector.requests()[0].resource_spans[0].resource
    services = {each.key: each.value.string_value for each in resource.attributes}

    assert (told(alert)["flagtrail.channel"], told(alert)["flagtrail.attempt"]) == ("alerts-webhook", 1)
    assert alert.parent_span_id == b""
    assert sizes == sorted(sizes)
    assert (services["service.name"], services["service.version"]) == ("flags", flagtrail.__version__)


def test_what_was_not_sent_yet__is_sent_at_the_end(tmp_path: Path) -> None:
    with collecting(OTEL_BSP_SCHEDULE_DELAY="3600000") as collector:
        with running_server(tmp_path) as server, server.client() as admin:
            make_flag(admin, "last")
            before = len(collector.receiver.received)
        names = {span.name for span in collector.spans()}

    assert (before, "POST /api/v1/projects/{project}/flags" in names) == (0, True)


@pytest.mark.slow
def test_a_collector_that_hangs__delays_neither_requests_nor_the_end(tmp_path: Path) -> None:
    with (
        collecting(OTEL_BSP_MAX_EXPORT_BATCH_SIZE="1") as collector,
        running_server(tmp_path) as server,
        server.client() as admin,
    ):
        collector.receiver.conduct = "hang"
        assert until(lambda: collector.receiver.received)
        began = time.monotonic()
        for _ in range(20):
            admin.get("/api/v1/me")
        asked = time.monotonic() - began
        server.stop()
        stopped = time.monotonic() - began

    assert (asked < 60.0, stopped < 60.0) == (True, True)
