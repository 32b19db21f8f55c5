"""Usage by application, exactly once, who asks for a flag, and sampled contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from flagtrail import storage as door
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.usage import MAX_COUNT, SampledContext, Usage, UsageClient, UsageCount, UsageReporter
from flagtrail.storage import CONTEXT_DAYS, MAX_SAMPLED, REPORT_SECONDS, ReportMark, Storage, UsageQuery

Opener = Callable[[], Storage]
NOON = 1_772_712_000.0  # 2026-03-05T12:00:00Z
DAY = 86_400.0


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
        "client": "flagtrail-python/1.0",
        "application": "shop/1.4.2",
    }
    return Usage(**{**row, **parts})  # type: ignore[arg-type]  # each test names only what it is about


def context(
    number: int = 0, *, time: str = "2026-03-05T12:00:00.000000Z", environment: str = "production"
) -> SampledContext:
    return SampledContext("default", environment, time, {"targetingKey": f"u{number}", "seats": number})


def numbers(found: list[SampledContext]) -> list[object]:
    return [each.context["seats"] for each in found]


def test_add_usage__another_application__is_another_row(storage: Storage) -> None:
    rows = [usage(application="shop/1.4.2"), usage(application="shop/1.5.0")]
    storage.add_usage(reversed(rows))

    assert storage.usage("default") == rows


def test_add_usage__the_same_report_again__adds_nothing(storage: Storage) -> None:
    first = storage.add_usage([usage(count=3)], report=ReportMark("r-1", NOON), contexts=[context()])
    again = storage.add_usage([usage(count=3)], report=ReportMark("r-1", NOON + 60), contexts=[context()])

    assert (first, again, [row.count for row in storage.usage("default")]) == (True, False, [3])
    assert len(storage.sampled_contexts("default", "production")) == 1


def test_add_usage__another_report__is_added(storage: Storage) -> None:
    for report in ("r-1", "r-2"):
        assert storage.add_usage([usage()], report=ReportMark(report, NOON))

    assert [row.count for row in storage.usage("default")] == [2]


def test_add_usage__a_report_that_is_too_old_to_be_known__is_added_again_and_known_again(storage: Storage) -> None:
    times = (NOON, NOON + REPORT_SECONDS - 1, NOON + REPORT_SECONDS, NOON + REPORT_SECONDS + 1)

    assert [storage.add_usage([usage()], report=ReportMark("r-1", time)) for time in times] == [
        True,
        False,
        True,
        False,
    ]


def test_add_usage__a_row_that_cannot_be_written__adds_nothing_and_forgets_the_report(reopen: Opener) -> None:
    storage = reopen()
    broken = usage(flag=None)
    with pytest.raises(Exception, match=r"(?i)not.null"):
        storage.add_usage([usage(), broken], report=ReportMark("r-1", NOON), contexts=[context()])

    assert (storage.usage("default"), storage.sampled_contexts("default", "production")) == ([], [])
    assert storage.add_usage([usage()], report=ReportMark("r-1", NOON))


def test_reopen__report__is_still_known(reopen: Opener) -> None:
    reopen().add_usage([usage()], report=ReportMark("r-1", NOON))

    assert reopen().add_usage([usage()], report=ReportMark("r-1", NOON)) is False


def test_add_usage__counts_beyond_what_json_can_tell__stay_at_the_largest(storage: Storage) -> None:
    storage.add_usage([usage(count=MAX_COUNT), usage(count=MAX_COUNT), usage(count=MAX_COUNT, variant="off")])
    storage.add_usage([usage(count=MAX_COUNT)])

    assert {row.count for row in storage.usage("default")} == {MAX_COUNT}
    assert {row.count for row in storage.usage_summary("default")} == {MAX_COUNT}
    assert {row.count for row in storage.usage_clients("default", "checkout")} == {MAX_COUNT}
    assert {row.count for row in storage.usage_counts(UsageQuery(project="default", flag="checkout"))} == {MAX_COUNT}


def test_usage_clients__of_a_flag__have_the_first_and_last_of_all_hours(storage: Storage) -> None:
    storage.add_usage([usage(hour="2026-03-05T12:00:00Z", last="2026-03-05T12:30:00Z", count=2)])
    storage.add_usage(
        [
            usage(hour="2026-03-04T10:00:00Z", last="2026-03-04T10:30:00Z", count=3, variant="off", rule=""),
            usage(application="shop/1.5.0"),
            usage(client="ofrep", application=""),
            usage(environment="dev"),
            usage(flag="search"),
            usage(project="other"),
        ]
    )
    noon = "2026-03-05T12:00:00Z"

    assert storage.usage_clients("default", "checkout") == [
        UsageClient("default", "dev", "checkout", "flagtrail-python/1.0", "shop/1.4.2", 1, noon, noon),
        UsageClient(
            "default",
            "production",
            "checkout",
            "flagtrail-python/1.0",
            "shop/1.4.2",
            5,
            "2026-03-04T10:00:00Z",
            "2026-03-05T12:30:00Z",
        ),
        UsageClient("default", "production", "checkout", "flagtrail-python/1.0", "shop/1.5.0", 1, noon, noon),
        UsageClient("default", "production", "checkout", "ofrep", "", 1, noon, noon),
    ]


def test_usage_reporters__of_a_project__have_the_first_and_last_of_all_flags(storage: Storage) -> None:
    storage.add_usage([usage(hour="2026-03-05T12:00:00Z", last="2026-03-05T12:30:00Z")])
    storage.add_usage(
        [
            usage(hour="2026-03-04T10:00:00Z", flag="search"),
            usage(hour="2026-03-05T12:00:00Z", application=""),
            usage(hour="2026-03-05T12:00:00Z", environment="dev"),
            usage(project="other"),
        ]
    )
    noon = "2026-03-05T12:00:00Z"

    assert storage.usage_reporters("default") == [
        UsageReporter("default", "dev", "flagtrail-python/1.0", "shop/1.4.2", noon, noon),
        UsageReporter("default", "production", "flagtrail-python/1.0", "", noon, noon),
        UsageReporter(
            "default",
            "production",
            "flagtrail-python/1.0",
            "shop/1.4.2",
            "2026-03-04T10:00:00Z",
            "2026-03-05T12:30:00Z",
        ),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        pytest.param(
            "hour",
            [
                UsageCount("dev", "2026-03-05T12:00:00Z", "on", 1),
                UsageCount("production", "2026-03-05T12:00:00Z", "off", 4),
                UsageCount("production", "2026-03-05T12:00:00Z", "on", 3),
                UsageCount("production", "2026-03-05T23:00:00Z", "on", 5),
                UsageCount("production", "2026-03-06T00:00:00Z", "on", 6),
            ],
            id="hour",
        ),
        pytest.param(
            "day",
            [
                UsageCount("dev", "2026-03-05T00:00:00Z", "on", 1),
                UsageCount("production", "2026-03-05T00:00:00Z", "off", 4),
                UsageCount("production", "2026-03-05T00:00:00Z", "on", 8),
                UsageCount("production", "2026-03-06T00:00:00Z", "on", 6),
            ],
            id="day",
        ),
    ],
)
def test_usage_counts__over_rules_clients_and_applications__are_added_up(
    storage: Storage, by: Literal["hour", "day"], expected: list[UsageCount]
) -> None:
    storage.add_usage(
        [
            usage(environment="dev"),
            usage(),
            usage(rule=""),
            usage(client="ofrep", application="", hour="2026-03-05T12:00:00.000000Z"),
            usage(variant="off", count=4),
            usage(hour="2026-03-05T23:00:00Z", count=5),
            usage(hour="2026-03-06T00:00:00Z", count=6),
            usage(flag="search"),
            usage(project="other"),
        ]
    )

    assert storage.usage_counts(UsageQuery(project="default", flag="checkout", by=by)) == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        pytest.param(None, None, ["11", "12", "13"], id="unbounded"),
        pytest.param("2026-03-05T12:00:00Z", None, ["12", "13"], id="since an hour"),
        pytest.param("2026-03-05T12:59:59.999999Z", None, ["12", "13"], id="since within an hour"),
        pytest.param(None, "2026-03-05T12:00:00Z", ["11"], id="until an hour"),
        pytest.param(None, "2026-03-05T12:00:00.000001Z", ["11", "12"], id="until just after"),
        pytest.param("2026-03-05T13:00:00+01:00", "2026-03-05T14:00:00+01:00", ["12"], id="with an offset"),
        pytest.param(None, "9999-12-31T23:59:59Z", ["11", "12", "13"], id="until the last hour there is"),
        pytest.param("9999-12-31T23:59:59Z", None, [], id="since the last hour there is"),
        pytest.param("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z", [], id="the first moment there is"),
    ],
)
def test_usage_counts__of_a_period__are_of_the_hours_that_begin_in_it(
    storage: Storage, since: str | None, until: str | None, expected: list[str]
) -> None:
    storage.add_usage(usage(hour=f"2026-03-05T{hour}:00:00.000000Z") for hour in (11, 12, 13))

    found = storage.usage_counts(UsageQuery(project="default", flag="checkout", since=since, until=until))

    assert [row.time[11:13] for row in found] == expected


def test_usage_counts__of_one_environment__leave_out_the_others(storage: Storage) -> None:
    storage.add_usage([usage(), usage(environment="dev")])

    found = storage.usage_counts(UsageQuery(project="default", flag="checkout", environment="dev"))
    assert [row.environment for row in found] == ["dev"]


@pytest.mark.parametrize("name", ["since", "until"])
def test_usage_counts__a_time_that_cannot_be_read__is_refused(storage: Storage, name: str) -> None:
    query = UsageQuery(project="default", flag="checkout")
    with pytest.raises(InvalidQuery):
        storage.usage_counts(UsageQuery(**{**{f: getattr(query, f) for f in query.__struct_fields__}, name: "12:00"}))


def test_sampled_contexts__come_newest_first_and_by_environment(storage: Storage) -> None:
    storage.add_usage([], contexts=[context(1), context(7, environment="dev"), context(2)])
    storage.add_usage([], contexts=[context(3)])

    assert numbers(storage.sampled_contexts("default", "production")) == [3, 2, 1]
    assert numbers(storage.sampled_contexts("default", "production", limit=2)) == [3, 2]
    assert storage.sampled_contexts("default", "dev") == [context(7, environment="dev")]
    assert storage.sampled_contexts("other", "production") == []


def test_sampled_contexts__beyond_the_most__take_the_place_of_the_oldest(storage: Storage) -> None:
    storage.add_usage([], contexts=[context(environment="dev"), *map(context, range(MAX_SAMPLED - 1))])
    storage.add_usage([], contexts=map(context, range(MAX_SAMPLED - 1, MAX_SAMPLED + 3)))

    found = numbers(storage.sampled_contexts("default", "production"))
    assert found == list(range(MAX_SAMPLED + 2, 2, -1))
    assert len(storage.sampled_contexts("default", "dev")) == 1


def test_delete_old_usage__contexts_and_reports_past_their_time__go_and_counts_stay(storage: Storage) -> None:
    storage.add_usage(
        [usage()],
        report=ReportMark("r-1", NOON - REPORT_SECONDS - 1),
        contexts=[context(1, time="2026-02-03T11:59:59.999999Z"), context(2, time="2026-02-03T12:00:00.000000Z")],
    )
    storage.add_usage([], report=ReportMark("r-2", NOON - REPORT_SECONDS + 1))

    assert (CONTEXT_DAYS, storage.delete_old_usage(NOON), storage.delete_old_usage(NOON)) == (30, 2, 0)
    assert numbers(storage.sampled_contexts("default", "production")) == [2]
    assert storage.usage("default") == [usage()]


def test_delete_old_usage__then_a_new_context__is_kept_in_order(storage: Storage) -> None:
    storage.add_usage([], contexts=[context(1, time="2026-01-01T00:00:00.000000Z"), context(2)])
    storage.delete_old_usage(NOON)
    storage.add_usage([], contexts=[context(3)])

    assert numbers(storage.sampled_contexts("default", "production")) == [3, 2]


def test_bounds__of_the_door__are_as_documented() -> None:
    assert (door.MAX_SAMPLED, door.CONTEXT_DAYS, door.REPORT_SECONDS) == (10_000, 30, DAY)
