"""How the project stands, at a glance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.analysis.histories import ENV, GERMAN, ON, History, P, at, targeting

from flagtrail.analysis.dashboard import Dashboard, Day, EnabledIn, Evaluations, dashboard
from flagtrail.analysis.staleness import lives_of, staleness
from flagtrail.model.environment import Environment
from flagtrail.model.state import fold
from flagtrail.model.subject import environment_subject, flag_subject
from flagtrail.model.usage import UsageSummary

NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


def found() -> Dashboard:
    history = History()
    history.put(environment_subject(P, "staging"), Environment("staging", position=1), "2025-01-01T00:00:00.000000Z")
    history.put(environment_subject(P, ENV), Environment(ENV, production=True), "2025-01-01T00:00:00.000000Z")
    for day, key in enumerate(("a", "b", "c"), start=1):
        history.flag(key, at(day), archived=key == "c")
        history.target(key, targeting(ON, enabled=key != "b"), at(day))
    history.segment("beta", GERMAN, at(31))
    history.define(None, "b", at(31))
    history.flag("b", at(31))
    history.put(flag_subject("other", "x"), None, at(31))
    usage = [
        UsageSummary(P, ENV, "a", 5, at(1), at(29)),
        UsageSummary(P, "staging", "a", 6, at(1), at(30)),
        UsageSummary(P, ENV, "b", 11, at(1), at(31)),
        UsageSummary(P, ENV, "c", 12, at(1), at(31)),
    ]
    state = fold(history.entries)
    stale = staleness(state, P, lives=lives_of(history.entries), usage=usage, now=NOW)
    recent = [entry for entry in history.entries if entry.effective >= at(2)]
    return dashboard(state, P, recent=recent, stale=stale, usage=usage, now=NOW)


def test_dashboard__totals__leave_archived_flags_out() -> None:
    shown = found()
    assert (shown.flags, shown.archived, shown.segments) == (2, 1, 1)
    assert (shown.stale, shown.potentially_stale) == (1, 0)


def test_dashboard__enabled__per_environment_in_their_order() -> None:
    assert found().enabled == (EnabledIn(ENV, True, 1, 2), EnabledIn("staging", False, 0, 2))


def test_dashboard__most_evaluated__added_up_over_environments() -> None:
    counted = (Evaluations("c", 12, at(31)), Evaluations("a", 11, at(30)), Evaluations("b", 11, at(31)))
    assert found().most_evaluated == counted


def test_dashboard__recent__newest_first_and_of_this_project() -> None:
    assert [row.seq for row in found().recent] == [10, 9, 8, 7, 6, 5, 4]


def test_dashboard__days__thirty_with_those_without_a_change() -> None:
    days = found().days
    assert [day for day in days if day.changes] == [Day("2026-01-02", 2), Day("2026-01-03", 2), Day("2026-01-31", 3)]
    assert (len(days), days[0].date) == (30, "2026-01-02")


def test_dashboard__many_changes__the_ten_newest_shown_and_all_named() -> None:
    history = History()
    for index in range(12):
        history.flag("a", at(31), description=str(index))
    state = fold(history.entries)
    stale = staleness(state, P, lives=lives_of(history.entries), usage=[], now=NOW + timedelta(days=1))
    shown = dashboard(state, P, recent=history.entries, stale=stale, usage=[], now=NOW)
    assert (len(shown.recent), len(shown.seqs)) == (10, 12)
