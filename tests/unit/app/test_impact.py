"""Gathering what is known around a change: windows, earlier days, counts, other changes, stored predictions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
import pytest

from flagtrail.app.bootstrap import App
from flagtrail.app.clock import stamp
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.model.change import Change, Operation
from flagtrail.model.errors import InvalidQuery, NotFound
from flagtrail.model.metric import Sample
from flagtrail.model.preview import PREVIEWS, PredictedShift, StoredPreview, preview_key
from flagtrail.model.subject import Subject, flag_subject, targeting_subject
from flagtrail.model.usage import Usage
from flagtrail.storage import Cell

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
P, ENV = "default", "production"
TARGETING = targeting_subject(P, "f", ENV)


class World:
    """An app with one flag that was rolled out at noon, and a clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOON - timedelta(days=40)
        self.app = App(Settings(database="memory:"), clock=lambda: self.now)
        self.app.first_start()
        flag = {"key": "f", "type": "boolean", "variants": {"on": True, "off": False}}
        self.change("create", flag_subject(P, "f"), flag)
        self.change("patch", TARGETING, {"enabled": True, "fallthrough": {"variant": "off"}})
        self.now = NOON
        self.seq = self.change("rollout", TARGETING, {"percent": 25.0})

    def change(self, action: str, subject: Subject, value: object) -> int:
        operation = Operation(action=action, subject=subject, value=value)  # type: ignore[arg-type]  # one of the actions
        return self.app.changes.apply(SYSTEM_IDENTITY, Change(operations=(operation,), why="a test")).entries[0].seq

    def samples(self, metric: str, *, jump: float, days: int = 15, environment: str = ENV) -> None:
        dice = Random(metric)
        self.app.storage.add_samples(
            P,
            [
                Sample(
                    metric,
                    int((NOON - timedelta(days=ago) + timedelta(minutes=minute)).timestamp()) * 1_000,
                    10 + dice.gauss(0, 1) + (jump if not ago and minute >= 0 else 0),
                    environment,
                )
                for ago in range(days + 1)
                for minute in range(-120, 120)
            ],
        )

    def counted(self, hours: int, **counts: int) -> None:
        hour = stamp((NOON + timedelta(hours=hours)).replace(minute=0, second=0, microsecond=0))
        self.app.storage.add_usage(
            [Usage(P, ENV, "f", variant, "", hour, count, hour) for variant, count in counts.items()]
        )


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    made.now = NOON + timedelta(hours=30)
    yield made
    made.app.close()


def test_impact__of_a_jump__is_seen_and_what_is_calm_is_not(world: World) -> None:
    world.samples("errors", jump=3.0)
    world.samples("calm", jump=0.0)
    found = world.app.impacts.impact(P, world.seq)

    assert [(each.metric, each.verdict) for each in found.metrics] == [
        ("calm", "no_clear_change"),
        ("errors", "rose"),
    ]
    assert (found.since, found.at, found.until) == (
        "2026-03-04T11:30:00.000000Z",
        stamp(NOON),
        "2026-03-04T13:30:00.000000Z",
    )


def test_impact__of_named_metrics__looks_at_those_alone(world: World) -> None:
    world.samples("errors", jump=3.0)
    world.samples("calm", jump=0.0)

    assert [each.metric for each in world.app.impacts.impact(P, world.seq, metrics=["calm", "calm"]).metrics] == [
        "calm"
    ]


def test_impact__in_another_environment__asks_its_metrics(world: World) -> None:
    world.samples("errors", jump=3.0)
    found = world.app.impacts.impact(P, world.seq, environment="staging")

    assert (found.environment, found.flags, found.metrics[0].verdict) == ("staging", (), "not_enough_data")


def test_impact__with_the_flag_changed_again__ends_there(world: World) -> None:
    world.samples("errors", jump=3.0)
    world.now = NOON + timedelta(minutes=20)
    again = world.change("rollout", TARGETING, {"percent": 0.0})
    world.now = NOON + timedelta(hours=30)
    found = world.app.impacts.impact(P, world.seq)

    assert (found.until, found.ended_by, found.meanwhile) == ("2026-03-04T12:50:00.000000Z", again, ())
    assert world.app.impacts.impact(P, again).meanwhile == (world.seq,)


def test_impact__while_it_is_young__ends_now(world: World) -> None:
    world.now = NOON + timedelta(minutes=7)
    found = world.app.impacts.impact(P, world.seq)

    assert (found.until, found.ended_by) == ("2026-03-04T12:37:00.000000Z", None)


def test_impact__of_counts__takes_whole_hours_on_either_side(world: World) -> None:
    world.counted(-2, off=1_000)
    world.counted(0, off=500, on=500)
    world.counted(1, on=250, off=750)
    (flag,) = world.app.impacts.impact(P, world.seq).flags

    assert (flag.observed.before, flag.observed.after) == ({"off": 1.0}, {"off": 0.75, "on": 0.25})
    assert flag.words[1].endswith("That is as predicted.")


def test_impact__with_the_flag_changed_again__counts_no_further(world: World) -> None:
    world.counted(-1, off=1_000)
    world.counted(1, on=1_000)
    world.counted(2, off=1_000)
    world.now = NOON + timedelta(hours=2)
    world.change("rollout", TARGETING, {"percent": 0.0})
    world.now = NOON + timedelta(hours=30)
    (flag,) = world.app.impacts.impact(P, world.seq).flags

    assert flag.observed.after == {"on": 1.0}


def test_impact__with_a_stored_prediction__goes_by_it(world: World) -> None:
    shift = PredictedShift(
        flag="f", environment=ENV, before={"off": 1.0}, after={"on": 0.3, "off": 0.7}, changed=0.3, basis="sample"
    )
    stored = StoredPreview(seq=world.seq, count=1, time=stamp(NOON), flags=(shift,))
    world.app.storage.put_cell(PREVIEWS, Cell(preview_key(world.seq), msgspec.json.encode(stored)))
    (flag,) = world.app.impacts.impact(P, world.seq).flags

    assert flag.predicted == shift


def test_impact__of_the_first_entries__has_nothing_before(world: World) -> None:
    found = world.app.impacts.impact(P, 1)

    assert (found.flags, found.metrics, found.words) == (
        (),
        (),
        "No metric is watched here. It altered nothing that a flag serves there.",
    )


@pytest.mark.parametrize("minutes", [4, 1_441])
def test_impact__of_an_impossible_window__is_refused(world: World, minutes: int) -> None:
    with pytest.raises(InvalidQuery, match="a window has 5 to"):
        world.app.impacts.impact(P, world.seq, minutes=minutes)


def test_impact__of_too_many_metrics__asks_for_those_that_matter(world: World) -> None:
    at = int(NOON.timestamp()) * 1_000
    world.app.storage.add_samples(P, [Sample(f"m{number}", at, 1.0) for number in range(21)])

    with pytest.raises(InvalidQuery, match="name those that matter"):
        world.app.impacts.impact(P, world.seq)


def test_impact__of_an_unknown_metric__is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="there is no metric 'nothing'"):
        world.app.impacts.impact(P, world.seq, metrics=["nothing"])


def test_samples__older_than_they_are_kept__are_forgotten(world: World) -> None:
    world.samples("errors", jump=0.0)
    world.now = NOON + timedelta(days=40, minutes=1)

    assert world.app.watched.forget() > 0
    assert world.app.storage.metric_series(P)[0].first >= int((NOON + timedelta(minutes=1)).timestamp()) * 1_000


def test_anomaly__ranks_the_change_with_which_the_metric_jumped_before_one_that_altered_as_many(world: World) -> None:
    world.samples("errors", jump=3.0)
    world.now = NOON + timedelta(minutes=90)
    other = {"key": "g", "type": "boolean", "variants": {"on": True, "off": False}}
    world.change("create", flag_subject(P, "g"), other)
    later = world.change("patch", targeting_subject(P, "g", ENV), {"enabled": True, "fallthrough": {"variant": "on"}})
    world.now = NOON + timedelta(hours=30)
    at = stamp(NOON + timedelta(hours=2))
    found = world.app.anomalies.anomaly(P, ENV, "errors", at, within=timedelta(hours=12), minutes=30)

    assert [each.suspect.cause.seq for each in found.ranked] == [world.seq, later]
    assert (found.ranked[0].metric.verdict, found.ranked[1].metric.verdict) == ("rose", "no_clear_change")
    assert found.noticed.metric == "errors"


@pytest.mark.parametrize(
    ("metric", "minutes", "refusal"),
    [pytest.param("nothing", 60, NotFound, id="metric"), pytest.param("errors", 1, InvalidQuery, id="window")],
)
def test_anomaly__of_what_is_not_there__is_refused(
    world: World, metric: str, minutes: int, refusal: type[Exception]
) -> None:
    world.samples("errors", jump=3.0)
    with pytest.raises(refusal):
        world.app.anomalies.anomaly(P, ENV, metric, stamp(NOON), within=timedelta(hours=2), minutes=minutes)
