"""A database of each earlier schema opens with what it held."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flagtrail.model.usage import Usage, UsageClient, UsageSummary
from flagtrail.storage import Storage, load
from flagtrail.storage._sqlite import database

ROWS = (
    (
        "default",
        "checkout",
        "production",
        "2026-03-05T12:00:00.000000Z",
        "on",
        "r1",
        "ofrep",
        5,
        "2026-03-05T12:40:00Z",
    ),
    ("default", "checkout", "production", "2026-03-05T13:00:00.000000Z", "on", "", "ofrep", 2, "2026-03-05T13:10:00Z"),
    (
        "default",
        "checkout",
        "staging",
        "2026-03-05T12:00:00.000000Z",
        "off",
        "",
        "ofrep-bulk",
        1,
        "2026-03-05T12:01:00Z",
    ),
)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database as schema 1 made it, with usage in it."""
    path = tmp_path / "first.db"
    with monkeypatch.context() as patched:
        patched.setattr(database, "migrations", lambda of=database.migrations: {1: of()[1]})
        load(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(f"INSERT INTO usage_hour VALUES ({', '.join('?' * 9)})", ROWS)
        connection.execute(
            "INSERT INTO usage_summary VALUES"
            " ('default', 'production', 'checkout', 7, '2026-03-05T12:00:00.000000Z', '2026-03-05T13:10:00Z')"
        )
        connection.commit()
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    return path


def opened(path: Path) -> Storage:
    return load(f"sqlite:///{path}")


def test_open__a_database_of_schema_1__keeps_its_usage_without_an_application(first: Path) -> None:
    storage = opened(first)
    told = {
        (row.environment, row.hour[11:13], row.client, row.application, row.count) for row in storage.usage("default")
    }
    storage.close()

    assert told == {
        ("production", "12", "ofrep", "", 5),
        ("production", "13", "ofrep", "", 2),
        ("staging", "12", "ofrep-bulk", "", 1),
    }


def test_open__a_database_of_schema_1__knows_who_asked(first: Path) -> None:
    storage = opened(first)
    found, reporters = storage.usage_clients("default", "checkout"), storage.usage_reporters("default")
    storage.close()

    start = "2026-03-05T12:00:00.000000Z"
    assert found == [
        UsageClient("default", "production", "checkout", "ofrep", "", 7, start, "2026-03-05T13:10:00Z"),
        UsageClient("default", "staging", "checkout", "ofrep-bulk", "", 1, start, "2026-03-05T12:01:00Z"),
    ]
    assert [(each.environment, each.client, each.first, each.last) for each in reporters] == [
        ("production", "ofrep", start, "2026-03-05T13:10:00Z"),
        ("staging", "ofrep-bulk", start, "2026-03-05T12:01:00Z"),
    ]


def test_open__a_database_of_schema_1__goes_on_counting(first: Path) -> None:
    storage = opened(first)
    start, last = "2026-03-05T12:00:00.000000Z", "2026-03-05T12:50:00Z"
    storage.add_usage([Usage("default", "production", "checkout", "on", "r1", start, 3, last, "ofrep")])
    counts = [row.count for row in storage.usage("default") if row.rule == "r1"]
    summary = storage.usage_summary("default")
    storage.close()

    assert counts == [8]
    assert summary == [
        UsageSummary("default", "production", "checkout", 10, start, "2026-03-05T13:10:00Z"),
    ]
