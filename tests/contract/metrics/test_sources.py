"""What every source of watched metrics owes, whatever stands behind it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.prometheus import prometheus_program, running_prometheus

from flagtrail import metrics
from flagtrail.metrics import Setup, Source
from flagtrail.model.metric import Point, PointsQuery, Sample
from flagtrail.storage import load

NOON = 1_772_712_000_000  # 2026-03-05T12:00:00Z
MINUTE = 60_000
KINDS = [
    importlib.import_module(f"flagtrail.metrics.{info.name}").KIND
    for info in pkgutil.iter_modules(metrics.__path__)
    if not info.name.startswith("_")
]
VALUES = [("production", minute, float(minute)) for minute in range(30)] + [("staging", 5, 500.0)]
"""(environment, minute, value) of the metric `errors`."""


class Given(NamedTuple):
    """A source that has `VALUES`, and nothing of other metrics."""

    source: Source
    kind: str


@contextmanager
def pushed(values: Sequence[tuple[str, int, float]], _folder: Path) -> Iterator[Source]:
    storage = load("memory:")
    storage.add_samples(
        "default",
        [
            Sample("errors", NOON + minute * MINUTE + 30_000, value, environment)
            for environment, minute, value in values
        ],
    )
    (source,) = metrics.load(Setup(held=storage))
    yield source
    storage.close()


@contextmanager
def pulled(values: Sequence[tuple[str, int, float]], folder: Path) -> Iterator[Source]:
    if prometheus_program() is None:
        pytest.skip("needs Prometheus: make prometheus")
    samples = [
        (f'errors_ratio{{env="{environment}"}}', NOON / 1_000 + minute * 60 + 30, value)
        for environment, minute, value in values
    ]
    queries = {"errors": 'last_over_time(errors_ratio{env="$environment"}[$step])'}
    with running_prometheus(folder, samples) as prometheus:
        source, _ = metrics.load(Setup(held=load("memory:"), url=prometheus.url, queries=queries))
        yield source
        source.close()


MAKERS = {"pushed": pushed, "prometheus": pulled}


@pytest.fixture(scope="module", params=KINDS)
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Given]:
    with MAKERS[request.param](VALUES, tmp_path_factory.mktemp(request.param)) as source:
        yield Given(source, request.param)


def query(**parts: object) -> PointsQuery:
    asked = {
        "project": "default",
        "metric": "errors",
        "environment": "production",
        "since": NOON,
        "until": NOON + 3 * MINUTE,
        "step": MINUTE,
        **parts,
    }
    return PointsQuery(**asked)  # type: ignore[arg-type]  # each test names only what it is about


def test_metrics__of_a_project__name_their_source(given: Given) -> None:
    (metric,) = given.source.metrics("default")

    assert (metric.name, metric.source) == ("errors", given.kind)


def test_points__per_minute__are_each_in_their_own_bucket(given: Given) -> None:
    assert [(point.at, point.value) for point in given.source.points(query())] == [
        (NOON, 0.0),
        (NOON + MINUTE, 1.0),
        (NOON + 2 * MINUTE, 2.0),
    ]


def test_points__of_another_environment__are_its_own(given: Given) -> None:
    found = given.source.points(query(environment="staging", until=NOON + 30 * MINUTE))

    assert found == [Point(NOON + 5 * MINUTE, 500.0)]


def test_points__bounds_within_a_bucket__leave_out_what_began_before(given: Given) -> None:
    found = given.source.points(query(since=NOON + MINUTE, until=NOON + 2 * MINUTE))

    assert [point.at for point in found] == [NOON + MINUTE]


def test_points__of_a_time_without_samples__are_none(given: Given) -> None:
    assert given.source.points(query(since=NOON - 60 * MINUTE, until=NOON - 30 * MINUTE)) == []


def test_load__of_every_source__asks_the_pulled_one_first() -> None:
    setup = Setup(held=load("memory:"), url="http://localhost", queries={"errors": "up"})
    sources = metrics.load(setup)
    for source in sources:
        source.close()

    assert [type(source).__name__ for source in sources] == ["Prometheus", "Pushed"]
