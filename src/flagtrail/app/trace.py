"""Spans of OpenTelemetry, where the environment names an endpoint for them; else `span` does nothing at all.

A span holds what the log holds: names of operations, numbers, ids; nothing that a person sent. What takes long within a
request (a change, a question to the database) is a span of its own; what happens in the background is one where
something is done, and none where nothing was due.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import structlog

import flagtrail
from flagtrail.model.errors import FlagtrailError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

log = structlog.get_logger()

Value: TypeAlias = str | int | float | bool
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
TOLD_SECONDS = 60.0
STOP_SECONDS = 3.0
"""How long what was not sent yet may take at the end."""


class Span(Protocol):
    """What a block that is traced may say of itself."""

    def set(self, **attributes: Value) -> None:
        """Add attributes; their names get the prefix `flagtrail.`."""


class _Nothing:
    """A span where nothing is traced."""

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to end."""

    def set(self, **_: Value) -> None:
        """There is nobody to tell."""


_NOTHING = _Nothing()


class _Recorded:
    """A span that is sent, if it was sampled."""

    def __init__(self, span: OtelSpan) -> None:
        self.span = span

    def set(self, **attributes: Value) -> None:
        self.span.set_attributes({f"flagtrail.{name}": value for name, value in attributes.items()})

    def end(self) -> None:
        self.span.end()


class Tracing:
    """Makes spans by OpenTelemetry's SDK; only loaded where it is used."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()
        self._tracer = provider.get_tracer("flagtrail", flagtrail.__version__)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value]) -> Iterator[Span]:
        """A span within the present one; an error that ends it is named by its code, without its words."""
        told = {f"flagtrail.{key}": value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(
            name, attributes=told, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield _Recorded(span)
            except Exception as error:
                self.fail(span, error.code if isinstance(error, FlagtrailError) else type(error).__name__)
                raise

    def begun(self, name: str) -> _Recorded:
        """A span within the present one of what goes on elsewhere: whoever is told of its end has to `end` it."""
        return _Recorded(self._tracer.start_span(name))

    @contextmanager
    def request(self, method: str, carrier: Mapping[str, str]) -> Iterator[OtelSpan]:
        """A span of a request, within the trace that its `traceparent` names, if it does."""
        with self._tracer.start_as_current_span(
            method,
            context=self._propagator.extract(carrier),
            kind=self._trace.SpanKind.SERVER,
            attributes={"http.request.method": method},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def fail(self, span: OtelSpan, kind: str) -> None:
        """Mark a span as failed by an error of this kind."""
        span.set_attribute("error.type", kind)
        span.set_status(self._trace.StatusCode.ERROR)

    def ids(self) -> dict[str, str]:
        """The present trace and span, as logs name them; empty outside of any."""
        context = self._trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def within(self) -> bool:
        """Whether the present block is in a span that is recorded."""
        return self._trace.get_current_span().is_recording()

    def stop(self) -> None:
        """Send what is left, as far as that can be done within `STOP_SECONDS`."""
        stopping = threading.Thread(target=self._provider.shutdown, name="trace-stop", daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)


class _Seldom(logging.Filter):
    """Lets one line pass in `TOLD_SECONDS`: a collector that is away would else be told of every few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to tell it; tries that go on never are, and their words hold the collector's address."""
        now = time.monotonic()
        if record.levelno < logging.ERROR or now < self._next:
            return False
        self._next = now + TOLD_SECONDS
        return True


class _Present:
    """What traces in this process, if anything does."""

    tracing: Tracing | None = None


def present() -> Tracing | None:
    """What traces in this process; None where nothing does."""
    return _Present.tracing


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """A span around a block: free where nothing is traced, but for this call."""
    tracing = _Present.tracing
    return _NOTHING if tracing is None else tracing.span(name, attributes)


def ids() -> dict[str, str]:
    """`trace_id` and `span_id` of the present span; empty where there is none."""
    tracing = _Present.tracing
    return {} if tracing is None else tracing.ids()


def in_log(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the present trace to a line of the log (a processor of structlog)."""
    event.update(ids())
    return event


def start(environ: Mapping[str, str]) -> bool:
    """Begin to trace where the environment names an endpoint; whether it does.

    What keeps it from that is logged, and no reason not to serve: platforms set these variables for whatever runs.
    """
    if not any(environ.get(name) for name in ENDPOINTS) or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    protocol = next((environ[name] for name in PROTOCOLS if environ.get(name)), "http/protobuf")
    if protocol != "http/protobuf":
        log.warning("trace.off", why=f"spans are sent by http/protobuf, not by {protocol}: set {PROTOCOLS[0]}")
        return False
    try:
        _Present.tracing = Tracing(_provider(environ))
    except ModuleNotFoundError as error:
        why = f"{error.name} is not installed: it comes with the extra [otel], pip install 'flagtrail[otel]'"
        log.warning("trace.off", why=why, extra="otel")
        return False
    except ValueError as error:  # a variable of OpenTelemetry that cannot be read
        log.warning("trace.off", why=str(error))
        return False
    log.info("trace.on")
    return True


def stop() -> None:
    """Trace no more; what is left is sent."""
    tracing, _Present.tracing = _Present.tracing, None
    if tracing is not None:
        tracing.stop()


def _provider(environ: Mapping[str, str]) -> TracerProvider:
    """As the standard variables say: sampler, batches, headers, resource. The service is `flagtrail` unless named."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = {"service.version": flagtrail.__version__, **({} if named else {"service.name": "flagtrail"})}
    exporting = logging.getLogger(OTLPSpanExporter.__module__)
    for earlier in [each for each in exporting.filters if isinstance(each, _Seldom)]:
        exporting.removeFilter(earlier)
    exporting.addFilter(_Seldom())
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
