from __future__ import annotations

from collections.abc import Callable

import pytest

from flagtrail.model.errors import InvalidQuery
from flagtrail.model.usage import Usage, UsageSummary
from flagtrail.storage import Cell, Storage

Opener = Callable[[], Storage]


def usage(**parts: object) -> Usage:
    hour = str(parts.get("hour", "2026-03-05T12:00:00Z"))
    row = {
        "project": "default",
        "environment": "production",
        "flag": "checkout",
        "variant": "on",
        "rule": "r1",
        "hour": hour,
        "count": 1,
        "last": hour,
    }
    return Usage(**{**row, **parts})  # type: ignore[arg-type]  # each test names only what it is about


def test_cell__written__is_read_back(storage: Storage) -> None:
    storage.put_cell("session", Cell("a", b"\x00\xff"))

    assert storage.cell("session", "a") == b"\x00\xff"


def test_cell__never_written__is_none(storage: Storage) -> None:
    assert storage.cell("session", "a") is None


def test_cell__written_again__is_replaced_whole(storage: Storage) -> None:
    storage.put_cell("session", Cell("a", b"1", 5.5))
    storage.put_cell("session", Cell("a", b"2"))

    assert storage.cells("session") == [Cell("a", b"2")]


def test_cells__of_several_collections__are_kept_apart_and_come_by_key(storage: Storage) -> None:
    for collection, key in (("x", "b"), ("y", "b"), ("x", "a"), ("x", "B")):
        storage.put_cell(collection, Cell(key, collection.encode()))

    assert [cell.key for cell in storage.cells("x")] == ["B", "a", "b"]


@pytest.mark.parametrize(
    ("start", "limit", "expected"),
    [("", 2, ["a", "b"]), ("b", None, ["b", "c"]), ("bb", 1, ["c"]), ("d", 5, []), ("", 0, [])],
)
def test_cells__from_a_key_on__are_at_most_as_many_as_wanted(
    storage: Storage, start: str, limit: int | None, expected: list[str]
) -> None:
    for collection, key in (("x", "c"), ("y", "b"), ("x", "a"), ("x", "b")):
        storage.put_cell(collection, Cell(key, b""))

    assert [cell.key for cell in storage.cells("x", start=start, limit=limit)] == expected


def test_delete_cell__present_or_not__is_gone(storage: Storage) -> None:
    storage.put_cell("session", Cell("a", b"1"))

    storage.delete_cell("session", "a")
    storage.delete_cell("session", "a")

    assert storage.cells("session") == []


def test_delete_expired_cells__some_expired__only_those_go(storage: Storage) -> None:
    for key, expires in (("never", None), ("past", 99.999), ("now", 100.0), ("later", 100.5)):
        storage.put_cell("session", Cell(key, b"", expires))

    gone = storage.delete_expired_cells(100.0)

    assert (gone, [cell.key for cell in storage.cells("session")]) == (1, ["later", "never", "now"])


def test_cell__expired__is_there_until_it_is_removed(storage: Storage) -> None:
    storage.put_cell("session", Cell("a", b"1", 0.0))

    assert storage.cell("session", "a") == b"1"


def test_add_usage__the_same_hour__adds_up_and_keeps_the_newer_last(storage: Storage) -> None:
    storage.add_usage([usage(count=2, last="2026-03-05T12:10:00Z")])
    storage.add_usage([usage(count=3, last="2026-03-05T12:05:00Z"), usage(count=4, last="2026-03-05T12:20:00Z")])

    assert storage.usage("default") == [usage(count=9, last="2026-03-05T12:20:00Z")]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"environment": "staging"}, id="environment"),
        pytest.param({"flag": "search"}, id="flag"),
        pytest.param({"variant": "off"}, id="variant"),
        pytest.param({"rule": ""}, id="rule"),
        pytest.param({"hour": "2026-03-05T13:00:00Z"}, id="hour"),
        pytest.param({"client": "python/1.0"}, id="client"),
    ],
)
def test_add_usage__another_key__is_another_row(storage: Storage, parts: dict[str, object]) -> None:
    storage.add_usage([usage(), usage(**parts)])

    assert sorted(row.count for row in storage.usage("default")) == [1, 1]


def test_usage__rows__come_by_flag_environment_and_hour(storage: Storage) -> None:
    rows = [
        usage(flag="a", environment="production", hour="2026-03-05T13:00:00Z"),
        usage(flag="a", environment="staging", hour="2026-03-05T11:00:00Z"),
        usage(flag="a", environment="staging", hour="2026-03-05T12:00:00Z"),
        usage(flag="b", environment="production", hour="2026-03-05T10:00:00Z"),
    ]
    storage.add_usage([*reversed(rows), usage(project="other")])

    assert storage.usage("default") == rows


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        pytest.param("2026-03-05T12:00:00Z", ["12", "13"], id="at an hour"),
        pytest.param("2026-03-05T12:59:59.999999Z", ["12", "13"], id="within an hour"),
        pytest.param("2026-03-05T14:00:00+01:00", ["13"], id="with an offset"),
        pytest.param("2026-03-05T14:00:00Z", [], id="after all"),
    ],
)
def test_usage__since__begins_with_its_hour(storage: Storage, since: str, expected: list[str]) -> None:
    storage.add_usage(usage(hour=f"2026-03-05T{hour}:00:00Z") for hour in (11, 12, 13))

    found = storage.usage("default", flag="checkout", since=since)

    assert [row.hour[11:13] for row in found] == expected


def test_usage__of_one_flag__leaves_out_the_others(storage: Storage) -> None:
    storage.add_usage([usage(), usage(flag="search")])

    assert [row.flag for row in storage.usage("default", flag="search")] == ["search"]


def test_usage__a_time_that_cannot_be_read__is_refused(storage: Storage) -> None:
    with pytest.raises(InvalidQuery):
        storage.usage("default", since="12:00")


def test_usage_summary__many_hours__is_one_row_for_each_place(storage: Storage) -> None:
    storage.add_usage(
        [
            usage(hour="2026-03-05T12:00:00Z", last="2026-03-05T12:30:00Z", count=2),
            usage(hour="2026-03-05T10:00:00Z", last="2026-03-05T10:30:00Z", count=3, variant="off"),
            usage(environment="dev", hour="2026-03-06T10:00:00Z"),
            usage(project="other"),
        ]
    )
    storage.add_usage([usage(hour="2026-03-05T11:00:00Z", last="2026-03-05T11:30:00Z", count=4, client="python/1.0")])

    assert storage.usage_summary("default") == [
        UsageSummary("default", "dev", "checkout", 1, "2026-03-06T10:00:00Z", "2026-03-06T10:00:00Z"),
        UsageSummary("default", "production", "checkout", 9, "2026-03-05T10:00:00Z", "2026-03-05T12:30:00Z"),
    ]


def test_reopen__usage__is_there_again(reopen: Opener) -> None:
    reopen().add_usage([usage(count=5)])

    assert reopen().usage("default") == [usage(count=5)]
