"""Samples of watched metrics: kept once, put together in buckets, and forgotten in time."""

from __future__ import annotations

from collections.abc import Callable

from flagtrail.model.metric import MetricSeries, Point, PointsQuery, Sample
from flagtrail.storage import Storage

Opener = Callable[[], Storage]
NOON = 1_772_712_000_000  # 2026-03-05T12:00:00Z, in milliseconds
MINUTE = 60_000
EU, US = (("region", "eu"),), (("region", "us"),)


def sample(minute: float = 0, value: float = 1.0, **parts: object) -> Sample:
    given = {"metric": "errors", "environment": "production", **parts}
    return Sample(at=NOON + int(minute * MINUTE), value=value, **given)  # type: ignore[arg-type]  # named by each test


def points(storage: Storage, **parts: object) -> list[Point]:
    asked = {
        "project": "default",
        "metric": "errors",
        "environment": "production",
        "since": NOON,
        "until": NOON + 60 * MINUTE,
        "step": MINUTE,
        **parts,
    }
    return storage.points(PointsQuery(**asked))  # type: ignore[arg-type]  # as above


def test_points__samples_of_one_bucket__are_their_mean(storage: Storage) -> None:
    storage.add_samples("default", [sample(0, 1.0), sample(0.5, 2.0), sample(1, 9.0)])

    assert points(storage) == [Point(NOON, 1.5, 2), Point(NOON + MINUTE, 9.0, 1)]


def test_points__bounds__are_half_open(storage: Storage) -> None:
    storage.add_samples("default", [sample(minute) for minute in range(4)])

    found = points(storage, since=NOON + MINUTE, until=NOON + 3 * MINUTE)
    assert [point.at for point in found] == [NOON + MINUTE, NOON + 2 * MINUTE]


def test_points__of_several_label_sets__are_put_together(storage: Storage) -> None:
    storage.add_samples("default", [sample(0, 1.0, labels=EU), sample(0, 3.0, labels=US)])

    assert points(storage) == [Point(NOON, 2.0, 2)]


def test_points__a_sample_without_an_environment__counts_for_every_one(storage: Storage) -> None:
    storage.add_samples("default", [sample(0, 1.0, environment=""), sample(1, 3.0, environment="staging")])

    assert points(storage) == [Point(NOON, 1.0)]
    assert points(storage, environment="staging") == [Point(NOON, 1.0), Point(NOON + MINUTE, 3.0)]


def test_points__of_another_project_or_metric__are_not_there(storage: Storage) -> None:
    storage.add_samples("default", [sample(metric="latency")])
    storage.add_samples("shop", [sample()])

    assert points(storage) == []


def test_add_samples__the_same_again__changes_nothing(storage: Storage) -> None:
    for _ in range(2):
        storage.add_samples("default", [sample(0, 5.0), sample(1, 6.0)])

    assert points(storage) == [Point(NOON, 5.0), Point(NOON + MINUTE, 6.0)]


def test_add_samples__another_value_of_the_same_moment__replaces_the_first(storage: Storage) -> None:
    storage.add_samples("default", [sample(0, 5.0)])
    storage.add_samples("default", [sample(0, 6.0), sample(0, 7.0)])

    assert points(storage) == [Point(NOON, 7.0)]


def test_add_samples__none__is_nothing(storage: Storage) -> None:
    storage.add_samples("default", [])

    assert storage.metric_series() == []


def test_metric_series__by_name__tell_their_first_and_last(storage: Storage) -> None:
    storage.add_samples("default", [sample(2), sample(0), sample(1, labels=EU), sample(0, environment="")])
    storage.add_samples("shop", [sample()])

    assert storage.metric_series("default") == [
        MetricSeries("default", "errors", "", (), NOON, NOON),
        MetricSeries("default", "errors", "production", (), NOON, NOON + 2 * MINUTE),
        MetricSeries("default", "errors", "production", EU, NOON + MINUTE, NOON + MINUTE),
    ]
    assert [each.project for each in storage.metric_series()] == ["default"] * 3 + ["shop"]


def test_samples__of_a_series__are_all_by_time(storage: Storage) -> None:
    storage.add_samples("default", [sample(2, 3.0, labels=EU), sample(0, 1.0, labels=EU), sample(1, 9.0)])
    (_, series) = storage.metric_series("default")

    assert storage.samples(series) == [sample(0, 1.0, labels=EU), sample(2, 3.0, labels=EU)]


def test_delete_old_samples__before_a_moment__keeps_that_moment_and_forgets_empty_series(storage: Storage) -> None:
    storage.add_samples("default", [*(sample(minute) for minute in range(4)), sample(0, metric="latency")])

    assert storage.delete_old_samples(NOON + 2 * MINUTE) == 3
    assert storage.metric_series() == [
        MetricSeries("default", "errors", "production", (), NOON + 2 * MINUTE, NOON + 3 * MINUTE)
    ]


def test_samples__after_it_was_opened_again__are_there(reopen: Opener) -> None:
    reopen().add_samples("default", [sample(0, 0.1, labels=EU)])

    assert points(reopen()) == [Point(NOON, 0.1)]
