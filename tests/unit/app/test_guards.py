"""Guards at work: breached once, in one unit of work; ended when it is time; never forced, never silent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.support.ledgers import stores, url_in

from flagtrail.app.bootstrap import App
from flagtrail.app.guards import CHECK_SECONDS, IDLE_SECONDS, GuardFollower, GuardPart, GuardView
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.settings import Settings
from flagtrail.metrics import Source
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import FlagtrailError, InvalidDocument, MetricUnreadable, NotFound, StorageFailed
from flagtrail.model.guard import GuardAction, Limit
from flagtrail.model.metric import Metric, Point, PointsQuery, Sample
from flagtrail.model.subject import flag_subject, guard_subject, policy_subject, targeting_subject
from flagtrail.model.targeting import Targeting

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
P, ENV = "default", "production"
TARGETING, GUARD = targeting_subject(P, "f", ENV), guard_subject(P, "f", ENV)
FINE, BAD = 0.01, 0.05


class World:
    """Replicas on one database, and the time that a test sets."""

    def __init__(self, url: str, replicas: int = 1) -> None:
        self.now = NOON - timedelta(hours=1)
        settings = Settings(database=url, key_file="" if url.startswith("memory") else "key")
        self.apps = [App(settings, clock=lambda: self.now) for _ in range(replicas)]
        self.app = self.apps[0]
        self.app.first_start()
        flag = {"key": "f", "type": "boolean", "variants": {"on": True, "off": False}}
        self.change(Operation(action="create", subject=flag_subject(P, "f"), value=flag))
        self.patch({"enabled": True, "fallthrough": {"variant": "off"}})
        self.push(-30, [FINE])
        self.now = NOON
        for app in self.apps:
            app.leases.tend()

    def change(self, *operations: Operation) -> tuple[Entry, ...]:
        return self.app.changes.apply(SYSTEM_IDENTITY, Change(operations=operations, why="a test")).entries

    def patch(self, value: object) -> tuple[Entry, ...]:
        return self.change(Operation(action="patch", subject=TARGETING, value=value))

    def roll_out(
        self, percent: float = 50.0, *, action: GuardAction = "revert", minutes: int = 30
    ) -> tuple[Entry, ...]:
        """A guarded rollout."""
        part = GuardPart((Limit("errors", above=0.02),), minutes, action=action)
        guard = self.app.guards.operation(P, "f", ENV, part)
        return self.change(Operation(action="rollout", subject=TARGETING, value={"percent": percent}), guard)

    def push(self, minute: float, values: Sequence[float]) -> None:
        """One sample a minute, from a minute after noon on."""
        at = int(NOON.timestamp() * 1_000) + int(minute * 60_000)
        samples = [Sample("errors", at + place * 60_000, value, ENV) for place, value in enumerate(values)]
        self.app.storage.add_samples(P, samples)

    def after(self, minutes: float, replica: int = 0) -> float | None:
        """Let time pass, and the follower look once."""
        self.now = NOON + timedelta(minutes=minutes)
        app = self.apps[replica]
        app.changes.catch_up()
        return GuardFollower(app.guards, app.leases.lease("guards")).step()

    def percent(self) -> float:
        targeting = self.app.changes.catch_up().get(TARGETING)
        assert isinstance(targeting, Targeting)
        split = targeting.fallthrough.split or ()
        return sum(share.weight for share in split if share.variant == "on") / 1_000

    def guard(self) -> GuardView:
        (found,) = self.app.guards.guards(P)
        return found

    def close(self) -> None:
        for app in self.apps:
            app.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World("memory:")
    yield made
    made.close()


@pytest.fixture(params=[scheme for scheme, durable in stores() if durable])
def replicas(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    made = World(url_in(request.param, tmp_path), replicas=2)
    yield made
    made.close()


def test_guard__of_a_rollout__watches_and_tells_what_it_reads(world: World) -> None:
    change, guard = world.roll_out()
    world.push(0.5, [FINE] * 6)

    assert world.after(6) == CHECK_SECONDS
    view = world.guard()
    assert (view.guard.state, view.seq, view.lacking) == ("watching", guard.seq, "")
    assert [round(reading.mean or 0, 9) for reading in view.readings] == [FINE]
    assert (view.since, view.until) == (change.time, "2026-03-04T12:30:00.000000Z")


def test_guard__breached__takes_the_change_back_in_one_group_by_the_system(world: World) -> None:
    first, set_by = world.roll_out()
    world.push(0.5, [BAD] * 6)
    world.after(6)

    back, breach = world.app.storage.entries_from(set_by.seq + 1, 10)
    assert (back.subject, breach.subject, back.group.id) == (TARGETING, GUARD, breach.group.id)
    assert (back.actor.kind, back.reverts, breach.actions) == ("system", first.seq, ("guard_breached",))
    assert back.why == (
        f"guard of entry {set_by.seq}: errors was 0.05, above 0.02 (mean of 5 min until 2026-03-04T12:02:00Z);"
        " taken back"
    )
    assert (world.percent(), world.guard().guard.state) == (0.0, "breached")


def test_guard__breached_where_long_reasons_are_demanded__takes_the_change_back(world: World) -> None:
    world.roll_out()
    policy = {"why_required": "production", "why_min_length": 1_000}
    world.change(Operation(action="put", subject=policy_subject(P), value=policy))
    world.push(0.5, [BAD] * 6)
    world.after(6)
    assert (world.percent(), world.guard().guard.state) == (0.0, "breached")


def test_guard__breached__ends_with_it_and_is_not_looked_at_again(world: World) -> None:
    world.roll_out()
    world.push(0.5, [BAD] * 6)
    world.after(6)
    size = world.app.changes.state.size

    assert world.after(7) == IDLE_SECONDS
    assert world.app.changes.state.size == size


def test_guard__that_only_alerts__leaves_the_change(world: World) -> None:
    _, set_by = world.roll_out(action="alert")
    world.push(0.5, [BAD] * 6)
    world.after(6)

    (breach,) = world.app.storage.entries_from(set_by.seq + 1, 10)
    assert (breach.actions, breach.reverts, world.percent()) == (("guard_breached",), None, 50.0)
    assert world.guard().guard.outcome.startswith("errors was 0.05, above 0.02")


def test_guard__at_its_end_without_a_breach__is_passed_by_an_entry_of_its_own(world: World) -> None:
    _, set_by = world.roll_out()
    world.push(0.5, [FINE] * 30)
    world.after(30)

    (passed,) = world.app.storage.entries_from(set_by.seq + 1, 10)
    assert (passed.actions, passed.actor.kind) == (("guard_passed",), "system")
    assert (world.percent(), world.guard().guard.outcome) == (50.0, "errors was at most 0.01, for 30 min")


def test_guard__without_samples__says_so_and_ends_unjudged_after_waiting_for_late_ones(world: World) -> None:
    world.roll_out()
    world.push(0.5, [FINE] * 10)

    world.after(20)
    assert "too few samples" in world.guard().lacking
    assert world.after(31) == CHECK_SECONDS
    assert world.guard().guard.state == "watching"
    world.after(32)
    assert (world.guard().guard.state, world.percent()) == ("unjudged", 50.0)


def test_guard__with_samples_that_come_late__is_judged_by_them(world: World) -> None:
    world.roll_out()
    world.after(31)
    world.push(0.5, [FINE] * 10 + [BAD] * 20)
    world.after(31.5)

    assert (world.guard().guard.state, world.percent()) == ("breached", 0.0)


def test_guard__when_somebody_built_on_the_change__is_not_forced_and_says_so(world: World) -> None:
    world.roll_out()
    (built,) = world.change(Operation(action="rollout", subject=TARGETING, value={"percent": 75.0}))
    world.push(0.5, [BAD] * 6)
    world.after(6)

    (breach,) = world.app.storage.entries_from(built.seq + 1, 10)
    assert (breach.actions, world.percent()) == (("guard_breached",), 75.0)
    assert "; not taken back: " in world.guard().guard.outcome
    assert "was changed since entry" in world.guard().guard.outcome


def test_guard__with_another_part_of_the_targeting_changed_since__takes_back_its_own_part_alone(world: World) -> None:
    world.roll_out()
    world.patch({"rules": [{"id": "r", "when": {"attribute": "a", "operator": "exists"}, "serve": {"variant": "on"}}]})
    world.push(0.5, [BAD] * 6)
    world.after(6)

    targeting = world.app.changes.state.get(TARGETING)
    assert isinstance(targeting, Targeting)
    assert (world.percent(), len(targeting.rules)) == (0.0, 1)


def test_guard__taken_back_by_hand__ends_with_the_change(world: World) -> None:
    first, _ = world.roll_out()
    receipt = world.app.changes.revert(SYSTEM_IDENTITY, first.seq, why="by hand")

    assert [entry.subject for entry in receipt.entries] == [GUARD, TARGETING]
    assert (world.app.guards.guards(P), world.after(1)) == ([], IDLE_SECONDS)


def test_guard__passed__stands_in_the_way_of_no_revert(world: World) -> None:
    first, _ = world.roll_out()
    world.push(0.5, [FINE] * 30)
    world.after(30)
    receipt = world.app.changes.revert(SYSTEM_IDENTITY, first.seq, why="by hand")

    assert [entry.subject for entry in receipt.entries] == [TARGETING]


def test_guard__of_the_next_step__takes_the_place_of_the_first(world: World) -> None:
    world.roll_out(25.0)
    world.now = NOON + timedelta(minutes=10)
    _, again = world.roll_out(50.0)
    world.push(0.5, [BAD] * 9)
    world.push(10.5, [FINE] * 6)

    world.after(16)
    assert (world.guard().seq, world.guard().guard.state, world.guard().guard.version) == (again.seq, "watching", 3)


def test_guard__called_off__is_gone(world: World) -> None:
    world.roll_out()
    world.change(Operation(action="delete", subject=GUARD))
    world.push(0.5, [BAD] * 6)

    assert world.after(6) == IDLE_SECONDS
    assert world.percent() == 50.0


def test_guard__of_a_metric_that_nobody_has__is_refused_with_its_place(world: World) -> None:
    part = GuardPart((Limit("errors", above=1.0), Limit("nothing", above=1.0)), 30)
    with pytest.raises(InvalidDocument) as refused:
        world.app.guards.operation(P, "f", ENV, part)

    assert refused.value.defects[0].path == "flags/f/environments/production/guard#/limits/1/metric"


def test_guards__of_an_unknown_project__are_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.app.guards.guards("moon")


def test_guards__of_one_flag__are_its_own(world: World) -> None:
    world.roll_out()

    assert [view.flag for view in world.app.guards.guards(P, flag="f")] == ["f"]
    assert world.app.guards.guards(P, flag="other") == []


class Failing(Source):
    """A source that has the metric and cannot be read."""

    def metrics(self, project: str) -> list[Metric]:
        assert project == P
        return [Metric("errors", "failing")]

    def points(self, query: PointsQuery) -> list[Point]:
        assert query.metric == "errors"
        raise MetricUnreadable("Prometheus does not answer within 5 s")

    def close(self) -> None:
        pass


def test_guard__whose_source_fails__is_neither_breached_nor_passed_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.roll_out()
    world.push(0.5, [BAD] * 30)
    monkeypatch.setattr(world.app.watched, "_sources", [Failing()])

    world.after(10)
    assert world.guard().lacking.endswith("errors: Prometheus does not answer within 5 s")
    world.after(33)
    assert (world.guard().guard.state, world.percent()) == ("unjudged", 50.0)


def test_guards__near_at_hand__wait_for_no_other_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.roll_out()
    world.push(0.5, [FINE] * 6)
    world.now = NOON + timedelta(minutes=6)
    (pushed,) = world.app.guards.guards(P, near=True)
    monkeypatch.setattr(world.app.watched, "_sources", [Failing()])
    (pulled,) = world.app.guards.guards(P, near=True)

    assert ([len(view.readings) for view in (pushed, pulled)], pulled.lacking) == ([1, 0], "")


def test_guard__while_the_database_fails__is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.roll_out()
    world.push(0.5, [BAD] * 6)

    def fails(*_: object, **__: object) -> None:
        raise StorageFailed("full")

    with monkeypatch.context() as broken:
        broken.setattr(world.app.storage, "write", fails)
        with pytest.raises(FlagtrailError, match="full"):
            world.after(6)
    assert world.percent() == 50.0

    world.after(7)
    assert world.percent() == 0.0


def between(world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen between the judgement and the unit of work, once."""
    apply_all = world.app.changes.apply_all
    happened: list[object] = []

    def applied(*parts: object, **options: object) -> object:
        if not happened:
            happened.append(act())
        return apply_all(*parts, **options)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(world.app.changes, "apply_all", applied)


def test_guard__with_a_harmless_change_just_in_between__is_tried_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.roll_out()
    world.push(0.5, [BAD] * 6)
    between(world, monkeypatch, lambda: world.patch({"off_variant": "on"}))
    world.after(6)

    assert (world.percent(), world.guard().guard.state) == (0.0, "breached")


def test_guard__called_off_just_in_between__does_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.roll_out()
    world.push(0.5, [BAD] * 6)
    between(world, monkeypatch, lambda: world.change(Operation(action="delete", subject=GUARD)))
    world.after(6)

    assert (world.percent(), world.app.guards.guards(P)) == (50.0, [])


def test_guard__that_only_alerts_and_is_set_again_just_in_between__is_looked_at_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.roll_out(action="alert")
    world.push(0.5, [BAD] * 6)
    between(world, monkeypatch, lambda: world.roll_out(60.0, action="alert"))

    assert world.after(6) == CHECK_SECONDS
    assert world.guard().guard.state == "watching"


def test_guard__on_two_replicas__is_ended_by_the_one_that_holds_the_lease(replicas: World) -> None:
    replicas.roll_out()
    replicas.push(0.5, [BAD] * 6)

    assert replicas.after(6, replica=1) is None
    assert replicas.percent() == 50.0
    replicas.after(6, replica=0)
    assert replicas.percent() == 0.0


def test_guard__when_the_holder_is_gone__is_ended_by_the_other_once(replicas: World) -> None:
    _, set_by = replicas.roll_out()
    replicas.push(0.5, [BAD] * 6)
    replicas.apps[0].leases.stop()
    replicas.apps[1].leases.tend()
    for replica in (1, 0, 1):
        replicas.after(6, replica=replica)

    entries = replicas.app.storage.entries_from(set_by.seq + 1, 10)
    assert [entry.subject for entry in entries] == [TARGETING, GUARD]


def test_guard__by_a_replica_that_lost_its_lease_unawares__is_fenced_off(replicas: World) -> None:
    replicas.roll_out()
    replicas.push(0.5, [BAD] * 6)
    holder = replicas.apps[0].leases
    fences = dict(holder._fences)
    holder.stop()
    replicas.apps[1].leases.tend()
    holder._fences, holder._until = fences, float("inf")

    assert replicas.after(6, replica=0) is None
    assert replicas.percent() == 50.0
    holder._fences = {}


def test_guard__survives_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{tmp_path / 'flags.db'}"
    world = World(url)
    world.roll_out()
    world.push(0.5, [BAD] * 6)
    world.close()
    world.apps = [App(Settings(database=url, key_file="key"), clock=lambda: world.now)]
    world.app = world.apps[0]
    world.app.leases.tend()
    world.after(45)

    assert (world.percent(), world.guard().guard.state) == (0.0, "breached")
    assert encode(world.guard().guard)
    world.close()
