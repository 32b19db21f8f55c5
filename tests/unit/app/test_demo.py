"""The story of the demo: told the same way each time, and true to what it promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flagtrail.app.bootstrap import App
from flagtrail.app.demo.calendar import Calendar, Clock
from flagtrail.app.demo.catalogue import rows
from flagtrail.app.demo.make import ensure_demo, story, tell_demo
from flagtrail.app.demo.people import EVERYBODY, STAFF
from flagtrail.app.settings import Settings
from flagtrail.ledger.merkle import Frontier, leaf_hash
from flagtrail.model.entry import ACTIONS, Entry
from flagtrail.model.errors import AlreadyExists, SettingInvalid
from flagtrail.storage import EntryQuery

NOW = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
SEED = 7
EVE, NIGHT = "2026-11-21T00:00:00.000000Z", "2026-11-22T00:00:00.000000Z"


def told(now: datetime = NOW) -> App:
    clock = Clock(now)
    app = App(Settings(database="memory:"), clock=clock)
    tell_demo(app, clock, now=now, seed=SEED)
    return app


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    app = told()
    yield app
    app.close()


def all_entries(app: App) -> list[Entry]:
    return app.storage.entries_from(0, 100_000)


def test_story__same_seed_and_day__has_the_same_steps() -> None:
    tellings = [story(rows(), Calendar(NOW), SEED) for _ in range(2)]
    assert tellings[0] == tellings[1]


def test_story__another_seed__is_another_story() -> None:
    assert story(rows(), Calendar(NOW), SEED) != story(rows(), Calendar(NOW), SEED + 1)


def test_story__any_hour_of_the_day__lies_in_the_past() -> None:
    for hour in (0, 6, 7, 23):
        now = NOW.replace(hour=hour, minute=0)
        assert story(rows(), Calendar(now), SEED)[-1].at < now


@pytest.mark.slow
def test_demo__told_twice__has_the_same_entries_but_for_ids(app: App) -> None:
    def facts(entry: Entry) -> tuple[object, ...]:
        return (
            entry.time,
            entry.actor,
            entry.subject,
            entry.before,
            entry.after,
            entry.actions,
            entry.why,
            entry.ticket,
        )

    again = told()
    assert [facts(entry) for entry in all_entries(again)] == [facts(entry) for entry in all_entries(app)]


def test_demo__flags__are_two_hundred(app: App) -> None:
    assert len(app.changes.state.flags("default")) == 200


def test_demo__environments__are_three(app: App) -> None:
    assert list(app.changes.state.environments("default")) == ["production", "staging", "development"]


def test_demo__members__are_everybody_of_today_the_auditor_and_the_owner(app: App) -> None:
    members = {held.subject.name for held in app.changes.state.of_kind("member")}
    assert members == {person.key for person in EVERYBODY if person.left is None} | {"owner"}


def test_demo__staff__is_twenty_five() -> None:
    assert len(STAFF) == 25


def test_demo__stale_flags__are_eighty(app: App) -> None:
    verdicts = app.ask.stale("default").flags
    assert sum(verdict.stage == "stale" for verdict in verdicts) == 80


def test_demo__other_flags__are_active_by_every_rule(app: App) -> None:
    verdicts = app.ask.stale("default").flags
    assert sum(verdict.stage == "active" and not verdict.reasons for verdict in verdicts) == 120


def test_demo__stale_flags__have_the_reasons_of_their_lives(app: App) -> None:
    codes = {reason.code for verdict in app.ask.stale("default").flags for reason in verdict.reasons}
    planned = {"past_remove_by", "past_expected_lifetime"}
    assert codes == {"never_evaluated", "one_variant", "off_everywhere", "not_evaluated", *planned}


def test_demo__old_mobile_build__blocks_the_flag_that_it_alone_asks_for(app: App) -> None:
    blocked = {verdict.flag: verdict.blockers for verdict in app.ask.stale("default").flags if verdict.blockers}
    assert {flag: [each.named for each in found] for flag, found in blocked.items()} == {
        "mobile_ios15_support": [("northwind-ios/5.6.0",)]
    }


def test_demo__stages__were_written_down_when_they_were_reached_so_that_none_is_due(app: App) -> None:
    board = app.stages.board("default")
    assert [each.flag for each in board.flags if each.stage != each.recorded] == []
    counted = Counter(each.stage for each in board.flags)
    assert (counted["active"], counted["stale"] + counted["ready_to_remove"]) == (120, 80)
    assert counted["ready_to_remove"] > 0


def test_demo__times__never_run_backwards(app: App) -> None:
    times = [entry.time for entry in all_entries(app)]
    assert times == sorted(times)


def test_demo__first_and_last_entry__are_two_years_apart(app: App) -> None:
    entries = all_entries(app)
    assert (entries[0].time[:10], entries[-1].time[:10]) == ("2024-11-22", "2026-11-22")


def test_demo__actions__cover_all_that_people_do(app: App) -> None:
    seen = {action for entry in all_entries(app) for action in entry.actions}
    guards = {"guarded", "guard_breached", "guard_passed", "guard_unjudged"}
    leaving = {"snoozed", "unsnoozed", "thresholds_changed"}
    assert set(ACTIONS) - seen == {"type_changed", "policy_changed", *guards, *leaving}


def test_demo__actors__say_that_nobody_signed_in(app: App) -> None:
    assert {(entry.actor.auth, entry.source.via) for entry in all_entries(app)} == {
        ("none", "demo"),
        ("none", "system"),
    }


def test_new_pricing__who_turned_it_on__is_one_entry_with_a_reason(app: App) -> None:
    query = EntryQuery(project="default", flag="new_pricing", environment="production", action="enabled")
    found = [entry for entry in app.ask.log(query).entries if entry.subject.flag == "new_pricing"]
    assert [(entry.actor.name, entry.ticket) for entry in found] == [("Leila Haddad", "BILL-412")]


def test_new_pricing__killed__at_two_seventeen_by_who_was_on_call(app: App) -> None:
    query = EntryQuery(project="default", flag="new_pricing", environment="production", action="disabled")
    [entry] = [entry for entry in app.ask.log(query).entries if entry.subject.flag == "new_pricing"]
    assert (entry.time[:16], entry.actor.name) == ("2026-11-22T02:17", "Tomasz Wrona")


def test_new_pricing__segment_edit_of_the_evening__stands_in_its_history(app: App) -> None:
    query = EntryQuery(project="default", flag="new_pricing", since=EVE, until=NIGHT)
    [entry] = app.ask.log(query).entries
    assert (entry.subject.path, entry.actor.name) == ("projects/default/segments/early_access", "Jonas Albrecht")


def test_new_pricing__enterprise__had_it_from_the_go_live_to_the_kill(app: App) -> None:
    exposure = app.ask.exposure("default", "production", "new_pricing", {"plan": "enterprise"})
    on = [(part.start[:16], (part.end or "")[:16]) for part in exposure.intervals if part.answer.only_variant == "on"]
    assert (on[0][0], on[-1][1]) == ("2026-10-29T09:30", "2026-11-22T02:17")


def test_new_pricing__pro__got_it_for_everybody_in_the_evening(app: App) -> None:
    exposure = app.ask.exposure("default", "production", "new_pricing", {"plan": "pro"})
    on = [(part.start[:16], (part.end or "")[:16]) for part in exposure.intervals if part.answer.only_variant == "on"]
    assert on == [("2026-11-21T18:42", "2026-11-22T02:17")]


def test_demo__tree__verifies_from_the_leaves(app: App) -> None:
    frontier = Frontier(0, ())
    for leaf in app.storage.leaves(0, app.storage.head().size):
        frontier = frontier.append(leaf_hash(leaf))
    assert frontier.root() == app.storage.head().root


def test_tell_demo__installation_in_use__is_refused(app: App) -> None:
    with pytest.raises(AlreadyExists):
        tell_demo(app, Clock(NOW), now=NOW)


def test_ensure_demo__database_that_is_no_file__is_refused() -> None:
    with pytest.raises(SettingInvalid):
        ensure_demo(Settings(database="memory:"), now=NOW)


def test_ensure_demo__interrupted__leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ensure_demo(Settings(database=f"sqlite:///{tmp_path}/demo.db"), now=NOW, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_ensure_demo__second_start__keeps_what_is_there(tmp_path: Path) -> None:
    settings = Settings(database=f"sqlite:///{tmp_path}/demo.db")
    assert [ensure_demo(settings, now=NOW) for _ in range(2)] == [True, False]


def test_demo__clients__are_several_sdks_and_releases(app: App) -> None:
    flags = app.ask.state.flags("default")
    asked = [each for flag in flags for each in app.storage.usage_clients("default", flag)]
    sdks = {"ofrep-bulk", "flagtrail-python/0.0.9", "flagtrail-python/0.1.0", "opentelemetry-swift/2.1.0"}

    assert sdks <= {each.client for each in asked}
    assert len({each.application for each in asked if each.application.startswith("invoicing/")}) > 10


def test_demo__one_old_mobile_build__still_asks_where_no_other_does(app: App) -> None:
    asked = app.storage.usage_clients("default", "mobile_ios15_support")
    recently = {each.application for each in asked if each.environment == "production" and each.last > "2026-10"}
    assert recently == {"northwind-ios/5.6.0"}


def test_demo__a_deleted_flag__is_asked_for_by_an_old_build_to_this_day(app: App) -> None:
    assert {each.flag for each in app.ask.unknown_flags("default")} == {"mobile_login_v2"}
