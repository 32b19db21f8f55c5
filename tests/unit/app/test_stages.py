"""A flag's way out, from the day it becomes stale to its archive: on every store, moved by evidence and by people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.installation import ADA, make, patch, put
from tests.support.ledgers import stores, url_in

from flagtrail.analysis.stages import Standing
from flagtrail.app.bootstrap import App
from flagtrail.app.settings import Settings
from flagtrail.app.stages import FIRST_SECONDS, MOVE_SECONDS, StageFollower
from flagtrail.model.change import Operation
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Project
from flagtrail.model.errors import InvalidDocument, NotFound, StageRefused, StorageFailed
from flagtrail.model.flag import boolean_flag
from flagtrail.model.reference import CodeReference, Removal, Scan
from flagtrail.model.subject import (
    flag_subject,
    lifespan_subject,
    project_subject,
    snooze_subject,
    targeting_subject,
)
from flagtrail.model.thresholds import Lifespan
from flagtrail.storage import EntryQuery

P, FLAG = "default", "new_pricing"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ON = {"enabled": True, "fallthrough": {"variant": "on"}}


def follow(app: App) -> list[float | None]:
    """Two steps of a follower: when it starts, and when it is time."""
    times = iter([0.0, 0.0, FIRST_SECONDS, FIRST_SECONDS])
    follower = StageFollower(app.stages, app.changes, app.leases.lease("stages"), monotonic=lambda: next(times))
    return [follower.step(), follower.step()]


class World:
    """Two replicas, and a flag that is on for everybody since `START`; time passes as a test says."""

    def __init__(self, url: str, replicas: int = 1) -> None:
        self.now = START
        settings = Settings(database=url, key_file="" if url.startswith("memory") else "key")
        self.apps = [App(settings, clock=lambda: self.now) for _ in range(replicas)]
        self.app = self.apps[0]
        self.app.first_start()
        self.change(put(flag_subject(P, FLAG), boolean_flag(FLAG, owner="billing")))
        self.change(patch(targeting_subject(P, FLAG, "production"), ON))
        for app in self.apps:
            app.changes.catch_up()
            app.leases.tend()

    def change(self, *operations: Operation) -> tuple[Entry, ...]:
        return self.app.changes.apply(ADA, make(*operations)).entries

    def after(self, days: float) -> World:
        """That many days after the start, every replica having looked at the evidence once."""
        self.now = START + timedelta(days=days)
        for app in self.apps:
            app.changes.catch_up()
            follow(app)
        self.app.changes.catch_up()
        return self

    def scan(self, *lines: int, removed: bool = False) -> None:
        removals = {FLAG: Removal("c0ffee1", self.now.isoformat())} if removed else {}
        found = tuple(CodeReference(FLAG, "cart.py", line, "evaluation") for line in lines)
        scan = Scan(
            repository="shop",
            branch="main",
            commit="c0ffee0",
            at=self.now.isoformat(),
            keys=(FLAG,),
            references=found,
            default=True,
            removals=removals,
        )
        self.app.references.upload(ADA, P, scan)

    def standing(self) -> Standing:
        (found,) = self.app.stages.board(P).flags
        return found

    def decide(self, stage: Any = "ready_to_remove", **more: Any) -> tuple[Entry, ...]:  # noqa: ANN401
        return self.change(self.app.stages.decided(P, FLAG, stage, **more))

    def snooze(self, until: str, owner: str = "", reason: str = "the mobile release is late") -> tuple[Entry, ...]:
        return self.change(self.app.stages.snoozed(P, FLAG, until=until, owner=owner, reason=reason, identity=ADA))

    def moves(self) -> list[tuple[str, str, str]]:
        """Every entry of the stage, oldest first: by whom, to which stage, and why."""
        found = self.app.storage.entries(EntryQuery(project=P, flag=FLAG, kind="stage"))
        return [(each.actor.kind, each.after["stage"], each.why) for each in reversed(found)]

    def close(self) -> None:
        for app in self.apps:
            app.close()


@pytest.fixture
def world() -> Iterator[World]:
    made = World("memory:")
    yield made
    made.close()


@pytest.fixture(params=[scheme for scheme, _ in stores()])
def stored(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.chdir(tmp_path)
    url = url_in(request.param, tmp_path)
    made = World(url, replicas=1 if url.startswith("memory") else 2)
    yield made
    made.close()


def test_stages__from_active_to_archived__each_move_is_one_entry(stored: World) -> None:
    stored.after(1).scan(3)
    stored.after(29).after(30).after(31)
    stored.decide()
    stored.after(33)
    stored.scan(removed=True)
    stored.after(34).after(35)
    stored.change(patch(flag_subject(P, FLAG), {"archived": True}))
    stored.after(36).after(37)

    stale = "one_variant: on for everybody in production; configuration unchanged for 30 days"
    gone = f"no reference is left in shop, scanned {START + timedelta(days=33):%Y-%m-%d}"
    assert stored.moves() == [
        ("system", "stale", f"stale: {stale}"),
        ("person", "ready_to_remove", "because"),
        ("system", "code_removed", f"code removed: {gone}"),
        ("system", "archived", "archived: the flag was archived"),
    ]
    assert (stored.standing().stage, stored.standing().variant) == ("archived", "on")


def test_stages__flag_that_is_active__has_no_entry_and_no_document(stored: World) -> None:
    assert stored.after(29).moves() == []
    assert stored.app.changes.state.stage(P, FLAG) is None


def test_stages__evidence_that_goes__moves_it_back(world: World) -> None:
    world.after(31)
    world.change(patch(targeting_subject(P, FLAG, "production"), {"fallthrough": {"variant": "off"}}))
    assert world.after(32).moves()[-1] == ("system", "active", "active: no reason holds any more")


def test_stages__restored_after_its_archive__begins_anew(world: World) -> None:
    world.after(31)
    world.change(patch(flag_subject(P, FLAG), {"archived": True}))
    world.after(32)
    world.change(patch(flag_subject(P, FLAG), {"archived": False}))
    assert [stage for _, stage, _ in world.after(33).moves()] == ["stale", "archived", "active"]


def test_follower__waits_a_minute_after_its_start_and_then_an_hour(world: World) -> None:
    assert follow(world.app) == [FIRST_SECONDS, MOVE_SECONDS]


def test_follower__without_the_lease__writes_nothing(world: World) -> None:
    world.now = START + timedelta(days=31)
    world.app.leases.stop()
    follow(world.app)
    assert world.moves() == []


def test_follower__a_person_moves_it_just_now__leaves_it_to_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.now = START + timedelta(days=31)
    board = world.app.stages.board

    def late(project: str) -> object:
        found = board(project)
        monkeypatch.undo()
        world.decide()
        return found

    monkeypatch.setattr(world.app.stages, "board", late)
    follow(world.app)
    assert [(kind, stage) for kind, stage, _ in world.moves()] == [("person", "ready_to_remove")]


# What people decide


def test_decided__ready_to_remove__stands_beside_the_evidence(world: World) -> None:
    (entry,) = world.after(31).decide(variant="on")
    assert entry.after == {"stage": "ready_to_remove", "reasons": ["one_variant"], "variant": "on", "commit": ""}
    assert [stage for _, stage, _ in world.after(60).moves()] == ["stale", "ready_to_remove"]


def test_decided__code_removed__links_the_commit(world: World) -> None:
    (entry,) = world.after(31).decide("code_removed", commit=" https://git.example.org/c/c0ffee ")
    assert (entry.after["stage"], entry.after["commit"]) == ("code_removed", "https://git.example.org/c/c0ffee")
    assert world.after(40).standing().stage == "code_removed"


def test_decided__on_a_flag_that_nothing_speaks_against__is_refused(world: World) -> None:
    with pytest.raises(StageRefused, match="no reason speaks for the removal of new_pricing"):
        world.after(3).decide()


def test_decided__while_another_flag_needs_it__is_refused_with_what_blocks_it(world: World) -> None:
    world.change(
        put(flag_subject(P, "bundles"), boolean_flag("bundles")),
        patch(
            targeting_subject(P, "bundles", "production"),
            {**ON, "prerequisites": [{"flag": FLAG, "variants": ["on"]}]},
        ),
    )
    world.after(31)
    with pytest.raises(StageRefused, match="bundles in production needs it") as refused:
        world.decide()
    assert [each["code"] for each in refused.value.facts["blockers"]] == ["dependents"]  # type: ignore[attr-defined]


def test_decided__flag_that_serves_several_variants__needs_the_one_to_keep(world: World) -> None:
    world.change(patch(flag_subject(P, FLAG), {"lifecycle": {"remove_by": "2026-03-02"}}))
    world.change(Operation(action="rollout", subject=targeting_subject(P, FLAG, "production"), value={"percent": 50}))
    world.after(3)
    with pytest.raises(StageRefused, match="name the one to keep"):
        world.decide()
    assert world.decide(variant="off")[0].after["variant"] == "off"


@pytest.mark.parametrize(
    ("stage", "more", "message"),
    [
        pytest.param("ready_to_remove", {"variant": "maybe"}, "is none of the flag's: off, on", id="no such variant"),
        pytest.param("code_removed", {}, "which commit removed the code", id="no commit"),
    ],
)
def test_decided__what_cannot_be__is_refused(world: World, stage: str, more: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidDocument, match=message):
        world.after(31).decide(stage, **more)


@pytest.mark.parametrize("archived_at", [3, 31])
def test_decided__archived_flag__is_refused(world: World, archived_at: int) -> None:
    world.after(archived_at)
    world.change(patch(flag_subject(P, FLAG), {"archived": True}))
    with pytest.raises(StageRefused, match="is archived"):
        world.decide()


def test_decided__flag_that_is_not__is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.app.stages.decided(P, "nope", "ready_to_remove")


def test_withdrawn__takes_back_what_a_person_decided(world: World) -> None:
    world.after(31).decide()
    (entry,) = world.change(world.app.stages.withdrawn(P, FLAG))
    assert (entry.after["stage"], world.after(32).standing().stage) == ("stale", "stale")


def test_withdrawn__where_nobody_decided_anything__is_refused(world: World) -> None:
    with pytest.raises(StageRefused, match="new_pricing is stale: nobody decided that"):
        world.after(31).app.stages.withdrawn(P, FLAG)


# Snooze, and thresholds of its own


def test_snooze__stops_moves_and_ends_by_itself(stored: World) -> None:
    stored.after(20)
    (entry,) = stored.snooze("2026-04-10")
    assert (entry.actions, entry.after["owner"]) == (("snoozed",), "billing")
    assert stored.after(35).moves() == []
    snoozed = stored.standing().verdict
    assert snoozed is not None
    assert snoozed.snoozed is not None
    assert [stage for _, stage, _ in stored.after(40).moves()] == ["stale"]


def test_unsnooze__lets_it_move_again(world: World) -> None:
    world.after(20).snooze("2026-12-31", owner="Ada")
    (entry,) = world.change(Operation(action="delete", subject=snooze_subject(P, FLAG)))
    assert (entry.actions, [stage for _, stage, _ in world.after(31).moves()]) == (("unsnoozed",), ["stale"])


@pytest.mark.parametrize("until", ["2026-03-01", "2025-01-01", "2027-03-03"])
def test_snooze__until_a_day_that_is_over_or_too_far__is_refused(world: World, until: str) -> None:
    with pytest.raises(InvalidDocument, match="must be from tomorrow to 2027-03-02"):
        world.snooze(until)


@pytest.mark.parametrize(("until", "reason"), [("soon", "late"), ("2026-04-01", " ")])
def test_snooze__without_a_day_or_a_reason__is_refused(world: World, until: str, reason: str) -> None:
    with pytest.raises(InvalidDocument):
        world.snooze(until, reason=reason)


def test_snooze__flag_of_nobody__is_answered_for_by_who_asks(world: World) -> None:
    world.change(patch(flag_subject(P, FLAG), {"owner": ""}))
    assert world.snooze("2026-04-01")[0].after["owner"] == "ada"


def test_snooze__flag_that_is_not__is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        world.app.stages.snoozed(P, "nope", until="2026-04-01", owner="", reason="x", identity=ADA)


def test_lifespan__permanent__is_never_stale_by_what_it_serves(stored: World) -> None:
    stored.change(put(lifespan_subject(P, FLAG), Lifespan(permanent=True)))
    assert stored.after(300).moves() == []


def test_flag__deleted__takes_all_that_stands_beside_it(world: World) -> None:
    world.after(31).snooze("2026-12-31")
    world.change(put(lifespan_subject(P, FLAG), Lifespan(one_variant=9)))
    entries = world.change(Operation(action="delete", subject=flag_subject(P, FLAG)))
    assert [entry.subject.kind for entry in entries] == ["targeting", "lifespan", "snooze", "stage", "flag"]
    assert world.app.stages.board(P).flags == ()


# What must not be concluded


def other_scan(world: World, *keys: str, repository: str = "app") -> None:
    at = world.now.isoformat()
    scan = Scan(repository=repository, branch="main", commit="c0ffee0", at=at, keys=keys, references=(), default=True)
    world.app.references.upload(ADA, P, scan)


def test_stages__another_repository_was_not_looked_at_for_it__conclude_nothing_of_the_code(stored: World) -> None:
    stored.after(1).scan(3)
    other_scan(stored)
    stored.after(2).scan()
    assert stored.after(3).moves() == []
    other_scan(stored, FLAG)
    assert [stage for _, stage, _ in stored.after(4).moves()] == ["code_removed"]


def test_stages__scans_of_very_many_repositories__are_told_within_bounds(world: World) -> None:
    world.after(1).scan(3)
    for number in range(150):
        other_scan(world, FLAG, repository=f"{'a-very-long-name-' * 5}{number}")
    world.after(2).scan()
    ((_, stage, why),) = world.after(3).moves()
    assert (stage, "and 141 more" in why, len(why) < 1_500) == ("code_removed", True, True)


def test_follower__one_project_fails__holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.app.changes.apply(ADA, make(put(project_subject("aaa"), Project("aaa"))))
    world.now = START + timedelta(days=31)
    move = world.app.stages.move

    def failing(project: str, **more: Any) -> int:  # noqa: ANN401
        if project == "aaa":
            raise StorageFailed("no")
        return move(project, **more)

    monkeypatch.setattr(world.app.stages, "move", failing)
    with pytest.raises(StorageFailed):
        follow(world.app)
    assert [stage for _, stage, _ in world.moves()] == ["stale"]
