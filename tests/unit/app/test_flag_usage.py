"""How a flag is used: the period that is meant, who asks, and what is asked for that is no flag."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.support.installation import ADA, CHECKOUT

from flagtrail.app.bootstrap import App
from flagtrail.app.projects import project_operations
from flagtrail.app.settings import Settings
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.environment import Project
from flagtrail.model.errors import InvalidQuery, NotFound
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject
from flagtrail.model.usage import Span, Usage, UsageCount

NOW = datetime(2026, 3, 5, 12, 34, 56, tzinfo=UTC)


def row(hour: str, *, flag: str = "checkout", environment: str = "production", count: int = 1) -> Usage:
    at = f"{hour}:00:00.000000Z"
    return Usage("shop", environment, flag, "on", "", at, count, at, "flagtrail-python/1", "shop/1")


@pytest.fixture
def app() -> App:
    made = App(Settings(database="memory:"), clock=lambda: NOW)
    operations = [
        *project_operations(Project("shop")),
        Operation(action="put", subject=CHECKOUT, value=encode(boolean_flag("checkout"))),
    ]
    made.changes.apply(ADA, Change(operations=tuple(operations), why="a test"))
    made.storage.add_usage(
        [
            row("2026-03-05T12", count=5),
            row("2026-03-05T12", environment="staging"),
            row("2026-02-26T12", count=4),
            row("2026-02-26T11", count=3),
            row("2025-03-05T12", count=2),
        ]
    )
    return made


def hours(counts: tuple[UsageCount, ...]) -> list[tuple[str, int]]:
    return [(each.time[:13], each.count) for each in counts]


@pytest.mark.parametrize(
    ("since", "until", "by", "expected", "chosen"),
    [
        pytest.param(None, None, None, [("2026-02-26T12", 4), ("2026-03-05T12", 5)], "hour", id="the last seven days"),
        pytest.param(None, None, "day", [("2026-02-26T00", 4), ("2026-03-05T00", 5)], "day", id="by the day"),
        pytest.param(
            "2026-02-26", "2026-02-27", None, [("2026-02-26T11", 3), ("2026-02-26T12", 4)], "hour", id="a day"
        ),
        pytest.param("2026-02-01", "2026-02-27", None, [("2026-02-26T00", 7)], "day", id="over a week is by the day"),
        pytest.param(None, "2026-02-26T12:00:00Z", None, [("2026-02-26T11", 3)], "hour", id="the week before"),
        pytest.param(
            "2025-01-01",
            None,
            "day",
            [("2025-03-05T00", 2), ("2026-02-26T00", 7), ("2026-03-05T00", 5)],
            "day",
            id="a year",
        ),
    ],
)
def test_usage__of_a_period__counts_what_lies_in_it(
    app: App, since: str | None, until: str | None, by: Span | None, expected: list[tuple[str, int]], chosen: str
) -> None:
    found = app.ask.usage("shop", "checkout", environment="production", since=since, until=until, by=by)

    assert (hours(found.counts), found.by) == (expected, chosen)


def test_usage__whatever_the_period__sums_up_all_and_names_who_ever_asked(app: App) -> None:
    found = app.ask.usage("shop", "checkout", since="2026-03-05", environment="production")

    assert [(each.environment, each.count) for each in found.summary] == [("production", 14)]
    assert [(each.application, each.first[:13], each.last[:13]) for each in found.clients] == [
        ("shop/1", "2025-03-05T12", "2026-03-05T12")
    ]


def test_usage__of_all_environments__names_each(app: App) -> None:
    found = app.ask.usage("shop", "checkout")
    told = [{each.environment for each in part} for part in (found.summary, found.counts, found.clients)]

    assert told == [{"production", "staging"}] * 3


@pytest.mark.parametrize(
    ("since", "until", "by"),
    [
        pytest.param("2026-03-05", "2026-03-05", None, id="empty"),
        pytest.param("2026-03-06", "2026-03-05", None, id="inverted"),
        pytest.param("2024-01-01", None, "hour", id="too many hours"),
        pytest.param(None, "0001-01-01", None, id="the first moment there is"),
    ],
)
def test_usage__of_a_period_that_cannot_be__is_refused(
    app: App, since: str | None, until: str | None, by: Span | None
) -> None:
    with pytest.raises(InvalidQuery):
        app.ask.usage("shop", "checkout", since=since, until=until, by=by)


@pytest.mark.parametrize(
    ("project", "flag", "environment"),
    [
        pytest.param("mars", "checkout", None, id="project"),
        pytest.param("shop", "no_such", None, id="flag"),
        pytest.param("shop", "checkout", "mars", id="environment"),
    ],
)
def test_usage__of_what_never_was__is_not_found(app: App, project: str, flag: str, environment: str | None) -> None:
    with pytest.raises(NotFound):
        app.ask.usage(project, flag, environment=environment)


def test_usage__of_what_is_only_asked_for__is_told(app: App) -> None:
    app.storage.add_usage([row("2026-03-05T10", flag="no_such")])

    assert hours(app.ask.usage("shop", "no_such").counts) == [("2026-03-05T10", 1)]


def test_usage__of_a_flag_that_nobody_asked_for__is_empty(app: App) -> None:
    operation = Operation(action="put", subject=flag_subject("shop", "quiet"), value=encode(boolean_flag("quiet")))
    app.changes.apply(ADA, Change(operations=(operation,), why="a test"))
    found = app.ask.usage("shop", "quiet")

    assert (found.summary, found.counts, found.clients) == ((), (), ())


def test_unknown_flags__are_those_that_are_asked_for_and_not_there__newest_first(app: App) -> None:
    app.storage.add_usage([row("2026-03-05T10", flag="older"), row("2026-03-05T11", flag="newer")])

    assert [each.flag for each in app.ask.unknown_flags("shop")] == ["newer", "older"]


def test_unknown_flags__of_a_deleted_flag__are_told_where_it_was_asked_for_since(app: App) -> None:
    for key in ("quiet", "loud"):
        for action in ("create", "delete"):
            operation = Operation(
                action=action,
                subject=flag_subject("shop", key),
                value=encode(boolean_flag(key)) if action == "create" else None,
            )
            app.changes.apply(ADA, Change(operations=(operation,), why="a test"))
    app.storage.add_usage([row("2026-03-05T12", flag="quiet"), row("2026-03-05T13", flag="loud")])

    assert [each.flag for each in app.ask.unknown_flags("shop")] == ["loud"]


def test_unknown_flags__of_a_project_that_is_not_there__is_not_found(app: App) -> None:
    with pytest.raises(NotFound):
        app.ask.unknown_flags("mars")


def test_dashboard__most_evaluated__are_flags_that_there_are(app: App) -> None:
    app.storage.add_usage([row("2026-03-05T10", flag="no_such", count=10**9)])

    assert [each.flag for each in app.ask.dashboard("shop").most_evaluated] == ["checkout"]
