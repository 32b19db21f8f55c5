"""Metrics that are pulled from a Prometheus, or whatever answers its `query_range` (Thanos, Mimir, VictoriaMetrics)."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from string import Template
from typing import Annotated

import httpx2
import msgspec

from flagtrail.metrics import Setup
from flagtrail.model.errors import MetricUnreadable
from flagtrail.model.metric import Metric, Point, PointsQuery

KIND = "prometheus"
ORDER = 0

SECONDS = 5.0
"""For each of connecting, sending and waiting for the next bytes."""
DEADLINE_SECONDS = 15.0
"""For a whole answer."""
REST_SECONDS = 5.0
"""How long a server that did not answer is not asked again: one question is many requests."""
MAX_BYTES = 8 << 20
MAX_SERIES = 100


class _Series(msgspec.Struct, frozen=True):
    """One time series of an answer: (Unix seconds, value as text)."""

    values: tuple[tuple[float, str], ...]


class _Data(msgspec.Struct, frozen=True, rename={"kind": "resultType"}):
    kind: str
    result: msgspec.Raw


class _Answer(msgspec.Struct, frozen=True):
    status: str
    data: _Data | None = None
    error: Annotated[str, msgspec.Meta(max_length=MAX_BYTES)] = ""


class Prometheus:
    """See `flagtrail.metrics.Source`. `queries` are the operator's own, for every project alike."""

    def __init__(
        self,
        url: str,
        queries: Mapping[str, str],
        *,
        token: str = "",
        transport: httpx2.BaseTransport | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._address = f"{url.rstrip('/')}/api/v1/query_range"
        self._queries = queries
        self._client = httpx2.Client(
            transport=transport, headers=headers, timeout=SECONDS, trust_env=False, follow_redirects=False
        )
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._resting_until = -math.inf

    def metrics(self, project: str) -> list[Metric]:
        """What the operator named; Prometheus itself is not asked."""
        del project
        return [Metric(name, KIND, about=query) for name, query in sorted(self._queries.items())]

    def points(self, query: PointsQuery) -> list[Point]:
        """Each bucket as the expression is at its end, so that `rate(x[$step])` covers just the bucket."""
        first = query.since // query.step * query.step
        last = -(-query.until // query.step) * query.step
        expression = Template(self._queries[query.metric]).safe_substitute(
            environment=query.environment, project=query.project, step=f"{max(query.step // 1_000, 1)}s"
        )
        form = {
            "query": expression,
            "start": f"{(first + query.step) / 1_000:.3f}",
            "end": f"{last / 1_000:.3f}",
            "step": f"{query.step / 1_000:.3f}",
        }
        found: dict[int, list[float]] = {}
        for at, value in _values(self._ask(form)):
            found.setdefault(round(at * 1_000) - query.step, []).append(value)
        return [
            Point(at, math.fsum(values) / len(values), len(values))
            for at, values in sorted(found.items())
            if query.since <= at < query.until
        ]

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _ask(self, form: Mapping[str, str]) -> bytes:
        with self._lock:
            if self._monotonic() < self._resting_until:
                raise MetricUnreadable("Prometheus did not answer a moment ago, and is asked again soon")
        with self._failing():
            begun, content = self._monotonic(), b""
            with self._client.stream("POST", self._address, data=form) as response:
                status = response.status_code
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_BYTES:
                        raise MetricUnreadable(f"Prometheus answers more than {MAX_BYTES >> 20} MiB")
                    if self._monotonic() - begun > DEADLINE_SECONDS:
                        raise httpx2.ReadTimeout("the answer takes too long")
        if not (httpx2.codes.is_success(status) or httpx2.codes.is_client_error(status)) or status in {401, 403, 404}:
            raise MetricUnreadable(f"Prometheus answers {status}")
        return content

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Tells what went wrong without the address, which may hold a password; then the server is left alone."""
        told = ""
        try:
            yield
        except httpx2.TimeoutException:
            told = f"Prometheus does not answer within {SECONDS:.0f} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            told = f"Prometheus cannot be reached ({type(error).__name__})"
        if told:
            with self._lock:
                self._resting_until = self._monotonic() + REST_SECONDS
            raise MetricUnreadable(told)


def _values(content: bytes) -> Iterator[tuple[float, float]]:
    """(time, value) of every series; raises MetricUnreadable for what is no matrix, or too many series."""
    try:
        answer = msgspec.json.decode(content, type=_Answer)
        if answer.status != "success" or answer.data is None:
            raise MetricUnreadable(f"Prometheus refuses the query: {answer.error[:300] or 'it does not say why'}")
        if answer.data.kind != "matrix":
            raise MetricUnreadable(f"the query answers a {answer.data.kind[:20]}, not a series")
        series = msgspec.json.decode(answer.data.result, type=tuple[_Series, ...])
        numbers = [(at, float(value)) for each in series for at, value in each.values]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MetricUnreadable("what answers is no Prometheus: the answer cannot be read") from error
    if len(series) > MAX_SERIES:
        raise MetricUnreadable(f"the query answers {len(series):,} series; aggregate it, with sum or avg")
    yield from ((at, value) for at, value in numbers if math.isfinite(value))


def open_source(setup: Setup) -> Prometheus | None:
    """Where the operator named one."""
    if not setup.url or not setup.queries:
        return None
    return Prometheus(setup.url, setup.queries, token=setup.token, transport=setup.transport)
