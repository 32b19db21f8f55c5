"""Whether spans are made: off unless an endpoint is named, told clearly where they cannot be, and free where off."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from flagtrail.app import trace
from flagtrail.app.trace_storage import UNTRACED, watched
from flagtrail.model.errors import NotFound
from flagtrail.storage import Storage, load

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    yield
    trace.stop()


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        pytest.param({}, None, id="no endpoint"),
        pytest.param({**ENDPOINT, "OTEL_SDK_DISABLED": "true"}, None, id="disabled"),
        pytest.param({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, None, id="exported nowhere"),
        pytest.param({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "not by grpc", id="another protocol"),
        pytest.param({**ENDPOINT, "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "max_queue_size", id="what cannot be read"),
    ],
)
def test_start__where_spans_are_not_wanted_or_cannot_be__says_why_and_makes_none(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], why: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with capture_logs() as lines:
        started = trace.start(variables)

    assert (started, trace.present(), trace.ids()) == (False, None, {})
    assert [why is not None and why in line["why"] for line in lines] == [True] * (why is not None)


def test_start__without_the_extra__says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with capture_logs() as lines:
        started = trace.start(ENDPOINT)

    assert (started, [(line["event"], line["extra"]) for line in lines]) == (False, [("trace.off", "otel")])
    assert "pip install 'flagtrail[otel]'" in lines[0]["why"]


def test_span__where_nothing_is_traced__is_nothing_and_lets_errors_pass() -> None:
    def work() -> None:
        with trace.span("x", a=1) as span:
            span.set(b=2)
            raise NotFound("no")

    with pytest.raises(NotFound):
        work()
    assert trace.in_log(None, "info", {"event": "e"}) == {"event": "e"}


def test_span__where_spans_are_made__names_its_trace_within_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    assert trace.start(ENDPOINT)
    with trace.span("x"):
        line = trace.in_log(None, "info", {"event": "e"})

    assert (set(line), trace.ids()) == ({"event", "trace_id", "span_id"}, {})


def test_what_is_sent__to_a_collector_that_is_away__is_told_of_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    assert trace.start(ENDPOINT)
    exporting = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    now = time.monotonic()
    for seconds in (0, 1, 59, 61, 62):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: now + seconds)
        exporting.warning("again, to http://user:password@collector")
        exporting.error("at %s", seconds)
    monkeypatch.undo()

    assert [record.getMessage() for record in caplog.records] == ["at 0", "at 61"]


def test_watched__where_nothing_is_traced__is_the_store_itself() -> None:
    storage = load("memory://")

    assert watched(storage) is storage


def test_calls_that_are_no_span__are_calls_of_a_store() -> None:
    assert {name for name in UNTRACED if not hasattr(Storage, name)} == set()


OFF = """
import sys
from flagtrail.app import trace
from flagtrail.app.bootstrap import App
from flagtrail.app.settings import Settings
from flagtrail.server.asgi import create
trace.start({})
app = App(Settings(database="memory://"))
create(app)
app.close()
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
"""


def test_tracing__where_no_endpoint_is_named__loads_nothing_of_opentelemetry() -> None:
    done = subprocess.run([sys.executable, "-c", OFF], capture_output=True, check=True)

    assert done.stdout.strip() == b"[]"
