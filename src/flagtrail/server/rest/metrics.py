"""`/metrics`: what the app and the server counted, in Prometheus' format. See docs/reference/metrics.md."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

import flagtrail
from flagtrail.app.bootstrap import App
from flagtrail.app.follow import OUTCOMES
from flagtrail.app.health import Readiness
from flagtrail.app.meter import APPEND_SECONDS
from flagtrail.app.metrics import Facts
from flagtrail.app.settings import PUBLIC_METRICS
from flagtrail.server.identity import METRICS, Credentials, is_local, read_headers, require_overseer
from flagtrail.server.rest.health import look, waited
from flagtrail.server.traffic import Traffic

FACTS_SECONDS = 2.0
"""How long the database may take: a scrape waits ten seconds at most, and is wanted most when the database hangs."""


class Reading(msgspec.Struct, frozen=True):
    """What lies on the event loop, and what the database said; None where it said nothing in time."""

    streams: dict[tuple[str, str], int]
    answers: dict[tuple[str, str], int]
    health: Readiness
    facts: Facts | None


class Readings(Collector):
    """Makes metrics of one app's counters, when they are asked for: counting itself knows nothing of Prometheus."""

    def __init__(self, app: App, reading: Reading) -> None:
        self._app = app
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        """Every metric but the process's own."""
        yield from self._installation()
        yield from self._changes()
        yield from self._ledger()
        yield from self._bus()
        yield from self._followers()
        yield from self._alerts()
        yield from self._usage()
        yield from self._clients()

    def _installation(self) -> Iterator[Metric]:
        info = {
            "version": flagtrail.__version__,
            "python": platform.python_version(),
            "storage": urlsplit(self._app.settings.database).scheme,
        }
        yield _gauge("build_info", "Always 1: what runs here.", [(tuple(info.values()), 1)], tuple(info))
        up = int(self._reading.health.parts.database.status == "ok")
        yield _gauge("database_up", "1 where the database can be written and read, else 0.", [((), up)])

    def _changes(self) -> Iterator[Metric]:
        read = self._app.changes.meter.read()
        yield _counter("changes", "Changes that this process made.", [((), read.changes)])
        yield _counter("changes_failed", "Changes that the database did not take.", [((), read.failed)])
        yield _counter("entries", "Entries that this process appended.", [((), read.entries)])
        actions = [((action,), count) for action, count in read.actions.items()]
        yield _counter("actions", "Entries that this process appended, by what they did.", actions, ("action",))
        bounds = [*(repr(bound) for bound in APPEND_SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            "flagtrail_append_seconds",
            "Durable transactions that appended, from asking for the ledger's lock to the commit.",
            buckets=list(zip(bounds, read.within, strict=True)),
            sum_value=read.seconds,
        )

    def _ledger(self) -> Iterator[Metric]:
        yield _gauge("ledger_size", "Entries in the ledger, as this process serves it.", [((), self._size)])
        signed = self._app.signer.confirmed
        sizes = [((), signed.size)] if signed is not None else []
        times = [((), signed.at)] if signed is not None else []
        yield _gauge("checkpoint_size", "Entries that the newest signed checkpoint covers.", sizes)
        yield _gauge(
            "checkpoint_timestamp_seconds", "When the checkpoint was last found to cover the whole ledger.", times
        )

    @property
    def _size(self) -> int:
        return self._app.changes.state.size

    def _bus(self) -> Iterator[Metric]:
        bus, labels = self._app.watch.look(), ("bus",)
        connected, lagging = [((bus.kind,), int(bus.connected))], [((bus.kind,), int(bus.lagging))]
        yield _gauge("bus_connected", "1 where the bus between replicas stands, else 0.", connected, labels)
        yield _gauge("bus_lagging", "1 where it stands and changes of others are not heard by it.", lagging, labels)
        shares = [] if self._app.bus.shared is None else [((bus.kind,), int(bus.unshared is None))]
        yield _gauge("bus_shares", "1 where limits and copies of counts are shared by it, else 0.", shares, labels)
        since = [((bus.kind,), bus.since)]
        yield _gauge("bus_since_timestamp_seconds", "When the bus began to be as it is.", since, labels)

    def _followers(self) -> Iterator[Metric]:
        pulses = self._app.followers.pulses()
        alive = [((name,), int(pulse.alive)) for name, pulse in pulses.items()]
        failures = [((name,), pulse.failures) for name, pulse in pulses.items()]
        times = [((name,), pulse.succeeded) for name, pulse in pulses.items()]
        places = {} if self._reading.facts is None else self._reading.facts.places
        lags = [((name,), max(self._size - place, 0)) for name, place in places.items()]
        labels = ("follower",)
        yield _gauge("follower_up", "1 where the follower's thread runs.", alive, labels)
        yield _counter("follower_failures", "Steps that failed.", failures, labels)
        yield _gauge("follower_success_timestamp_seconds", "The last step that did not fail.", times, labels)
        yield _gauge("follower_lag_entries", "Entries that the follower has yet to look at.", lags, labels)

    def _alerts(self) -> Iterator[Metric]:
        attempts = self._app.followers.outcomes()
        rows = [((name, outcome), found.get(outcome, 0)) for name, found in attempts.items() for outcome in OUTCOMES]
        yield _counter("alert_attempts", "Attempts to deliver an alert, by outcome.", rows, ("channel", "outcome"))
        facts = self._reading.facts
        waiting = [] if facts is None else [((name,), count) for name, count in facts.waiting.items()]
        failing = [] if facts is None else [((name,), since) for name, since in facts.failing.items()]
        yield _gauge("alerts_waiting", "Alerts that are not settled, those of digests included.", waiting, ("channel",))
        help_ = "Since when each attempt fails; left out where none does."
        yield _gauge("alerts_failing_timestamp_seconds", help_, failing, ("channel",))

    def _usage(self) -> Iterator[Metric]:
        usage, taken = self._app.usage, dict(self._app.reports.taken)
        here = dict(usage.evaluated)
        labels = ("project", "environment", "client")
        yield _counter("evaluations", "Evaluations by this server, as of the last flush.", list(here.items()), labels)
        yield _counter("reported_evaluations", "Evaluations that SDKs reported.", [((), taken.get("evaluations", 0))])
        dropped = usage.dropped + taken.get("dropped", 0)
        yield _counter("usage_dropped", "Evaluations that were not counted: bounds were reached.", [((), dropped)])
        reports = [((outcome,), taken.get(outcome, 0)) for outcome in ("added", "repeated")]
        yield _counter("reports", "Reports of usage that were received.", reports, ("outcome",))
        recovered = [] if self._app.drain is None else [((), self._app.drain.recovered)]
        yield _counter("usage_recovered", "Evaluations that replicas counted which were killed then.", recovered)
        facts = self._reading.facts
        heard = [
            ((each.project, each.environment, state), count)
            for each in (() if facts is None else facts.sdks)
            for state, count in (("heard", each.heard), ("silent", each.silent))
        ]
        help_ = "SDKs by whether they reported within an hour; those silent for a week are left out."
        yield _gauge("sdks", help_, heard, ("project", "environment", "state"))

    def _clients(self) -> Iterator[Metric]:
        answers, streams = list(self._reading.answers.items()), list(self._reading.streams.items())
        yield _counter("requests", "Answers, by surface and class of status.", answers, ("surface", "status"))
        limited = [((limit.name,), limit.refused) for limit in self._app.limits.all]
        yield _counter("limited", "Requests that were refused because a limit was reached.", limited, ("limit",))
        yield _gauge("streams", "SDKs that hold a stream.", streams, ("project", "environment"))


Rows = Sequence[tuple[tuple[str, ...], float]]


def _counter(name: str, text: str, rows: Rows, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(CounterMetricFamily(f"flagtrail_{name}", text, labels=labels), rows)


def _gauge(name: str, text: str, rows: Rows, labels: tuple[str, ...] = ()) -> Metric:
    return _filled(GaugeMetricFamily(f"flagtrail_{name}", text, labels=labels), rows)


def _filled(family: CounterMetricFamily | GaugeMetricFamily, rows: Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, value)
    return family


async def require_reader_of_metrics(request: Request[Any, Any, Any]) -> None:
    """Raise Unauthenticated or Forbidden unless whoever asks may: this machine, the metrics' token, or an overseer.

    What is measured tells much of a company (names of projects, how often they change, when nobody is there).
    """
    app: App = request.app.state.flagtrail
    expected = app.settings.metrics_token
    headers = read_headers(request.scope)
    if expected == PUBLIC_METRICS or is_local(request.scope, headers):
        return
    scheme, _, shown = headers.get("authorization", "").partition(" ")
    if expected and scheme.lower() == "bearer" and secrets.compare_digest(shown.strip().encode(), expected.encode()):
        return
    credentials: Credentials = request.app.state.credentials
    require_overseer((await credentials.of(request.scope)).identity)


@get("/metrics", opt={"role": METRICS}, include_in_schema=False)
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Never fails because of the database: what only that knows is then left out."""
    await require_reader_of_metrics(request)
    app: App = request.app.state.flagtrail
    traffic: Traffic = request.app.state.traffic
    streams: Callable[[], dict[tuple[str, str], int]] = request.app.state.streams
    facts: Facts | None
    try:
        facts = await waited(app.metrics.look(), FACTS_SECONDS)
    except Exception:  # noqa: BLE001 - told by `flagtrail_database_up`; the health check logs what it was
        facts = None
    reading = Reading(streams(), dict(traffic.by_class()), await look(app), facts)
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    content = await run_sync(lambda: encode(_registry(app, reading)))
    return Response(content, headers={"Content-Type": media_type})


def _registry(app: App, reading: Reading) -> CollectorRegistry:
    """One scrape's own: what it reads is of one moment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Readings(app, reading))
    ProcessCollector(registry=registry)
    return registry


ROUTES: list[HTTPRouteHandler] = [metrics]
