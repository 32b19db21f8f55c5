"""What applications report: stamped by the server's clock, added once, and never without bounds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.support.documents import attribute_test
from tests.support.installation import CHECKOUT, LIVE, Shop, patch

from flagtrail.app import usage_reports
from flagtrail.app.usage_reports import OTHERS, Evaluated, Taken, UsageReports
from flagtrail.model.errors import NotFound, StorageFailed
from flagtrail.model.flag import Json
from flagtrail.model.usage import MAX_AGO_SECONDS, MAX_COUNT, Count, Period, UsageReport

NOW = datetime(2026, 3, 5, 12, 0, 30, tzinfo=UTC)
ID = "0123456789abcdef"


def world() -> tuple[Shop, UsageReports]:
    shop = Shop().set_up()
    shop.clock.now = NOW - timedelta(milliseconds=5)
    rule = {"id": "r1", "when": attribute_test("plan", "in", "pro"), "serve": {"variant": "on"}}
    shop.apply(patch(LIVE, {"rules": [rule]}))
    shop.clock.now = NOW - timedelta(milliseconds=1)
    return shop, UsageReports(shop.storage, lambda: shop.changes.state, shop.clock)


def report(*periods: tuple[float, list[Count]], name: str = ID, **parts: object) -> UsageReport:
    given = {"sdk": "flagtrail-python/0.1.0", "application": "shop/1.4.2", **parts}
    return UsageReport(name, periods=tuple(Period(ago, tuple(counts)) for ago, counts in periods), **given)  # type: ignore[arg-type]  # a dict of several kinds


def on(count: int = 1, flag: str = "checkout", variant: str = "on", rule: str = "") -> Count:
    return Count(flag, variant, rule, count)


def rows(shop: Shop) -> list[tuple[str, str, str, str, int]]:
    return [(row.flag, row.variant, row.rule, row.hour[11:16], row.count) for row in shop.storage.usage("shop")]


def test_take__periods__are_stamped_by_how_long_ago_they_were() -> None:
    shop, reports = world()
    reports.take("shop", "production", report((0, [on(5)]), (29, [on(2)]), (31, [on(3)]), (7_200, [on(4)])))

    told = {(row.hour, row.last, row.count) for row in shop.storage.usage("shop")}
    assert told == {
        ("2026-03-05T12:00:00.000000Z", "2026-03-05T12:00:30.000000Z", 7),
        ("2026-03-05T11:00:00.000000Z", "2026-03-05T11:59:59.000000Z", 3),
        ("2026-03-05T10:00:00.000000Z", "2026-03-05T10:00:30.000000Z", 4),
    }


def test_take__names_who_asked() -> None:
    shop, reports = world()
    reports.take("shop", "production", report((0, [on()]), sdk=" flagtrail\x00-go/2\n", application="shop\u202e/1 "))

    (row,) = shop.storage.usage("shop")
    assert (row.client, row.application) == ("flagtrail-go/2", "shop/1")


@pytest.mark.parametrize("name", ["ofrep", " ofrep-bulk ", "\x00"])
def test_take__who_names_itself_the_server_or_not_at_all__is_one_of_the_others(name: str) -> None:
    shop, reports = world()
    reports.take("shop", "production", report((0, [on()]), sdk=name))

    assert [row.client for row in shop.storage.usage("shop")] == [OTHERS]


def test_take__the_same_report_again__adds_nothing() -> None:
    shop, reports = world()
    taken = [reports.take("shop", "production", report((0, [on(5)]))) for _ in range(2)]

    assert taken == [Taken(added=True), Taken(added=False)]
    assert [row[4] for row in rows(shop)] == [5]


def test_take__the_same_id_from_another_environment__is_another_report() -> None:
    shop, reports = world()
    for environment in ("production", "staging"):
        assert reports.take("shop", environment, report((0, [on()]))).added

    assert {row.environment for row in shop.storage.usage("shop")} == {"production", "staging"}


def test_take__a_report_that_could_not_be_written__is_taken_when_it_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, reports = world()

    def failing(*_: object, **__: object) -> None:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(shop.storage, "add_usage", failing)
        with pytest.raises(StorageFailed):
            reports.take("shop", "production", report((0, [on()])))

    assert reports.take("shop", "production", report((0, [on()]))) == Taken(added=True)


def test_take__for_an_environment_that_is_not_there__is_not_found() -> None:
    _, reports = world()
    with pytest.raises(NotFound):
        reports.take("shop", "mars", report((0, [on()])))


@pytest.mark.parametrize(
    ("count", "kept"),
    [
        pytest.param(on(rule="r1"), ("checkout", "on", "r1"), id="a rule that there is"),
        pytest.param(on(rule="r0"), ("checkout", "on", "r0"), id="a rule of before"),
        pytest.param(on(rule="no rule"), ("checkout", "on", ""), id="what can be no rule"),
        pytest.param(on(variant=""), ("checkout", "", ""), id="the caller's default"),
        pytest.param(on(variant="très bien"), ("checkout", "très bien", ""), id="a variant of before"),
        pytest.param(on(flag="no_such", variant=""), ("no_such", "", ""), id="a flag that nobody made"),
        pytest.param(on(flag="no_such", variant="on"), ("no_such", "on", ""), id="a flag of before"),
        pytest.param(on(flag="no such"), None, id="what can be no flag"),
        pytest.param(on(flag="x" * 257), None, id="too long a key"),
        pytest.param(on(variant="x" * 257), None, id="too long a variant"),
        pytest.param(on(variant="a\nb"), None, id="what can be no variant"),
        pytest.param(on(flag=""), None, id="no key"),
    ],
)
def test_take__what_the_server_does_not_know__is_counted_as_far_as_it_could_be(
    count: Count, kept: tuple[str, str, str] | None
) -> None:
    shop, reports = world()
    taken = reports.take("shop", "production", report((0, [count])))

    assert [row[:3] for row in rows(shop)] == ([] if kept is None else [kept])
    assert taken == Taken(added=True, dropped=0 if kept is not None else 1)


def test_take__more_unknown_flags_than_a_day_allows__drops_them_until_the_next_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop, reports = world()
    monkeypatch.setattr(usage_reports, "MAX_NEW_NAMES", 3)  # one for who reports
    unknown = [on(flag=f"made_up_{number}", variant="") for number in range(5)]
    first = reports.take("shop", "production", report((0, [*unknown, on()]), name=ID + "1"))
    again = reports.take("shop", "production", report((0, unknown), name=ID + "2"))
    shop.clock.move(days=1)
    tomorrow = reports.take("shop", "production", report((0, unknown[3:]), name=ID + "3"))

    assert [taken.dropped for taken in (first, again, tomorrow)] == [3, 3, 0]
    assert {row[0] for row in rows(shop)} == {"checkout", "made_up_0", "made_up_1", "made_up_3", "made_up_4"}


def test_take__more_applications_than_a_day_allows__are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, reports = world()
    monkeypatch.setattr(usage_reports, "MAX_NEW_NAMES", 2)
    for number in range(5):
        reports.take("shop", "production", report((0, [on()]), name=f"{ID}{number}", application=f"shop/{number}"))

    told = [(row.client, row.application, row.count) for row in shop.storage.usage("shop")]
    assert told == [
        ("flagtrail-python/0.1.0", "shop/0", 1),
        ("flagtrail-python/0.1.0", "shop/1", 1),
        (OTHERS, "", 3),
    ]


def test_take__more_rows_than_an_hour_allows__drops_new_ones_only(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, reports = world()
    monkeypatch.setattr(usage_reports, "MAX_ROWS", 2)
    periods = [(3_600.0 * back, [on()]) for back in range(4)]
    taken = [reports.take("shop", "production", report(*periods, name=ID + name)) for name in "ab"]
    shop.clock.move(hours=1)
    later = reports.take("shop", "production", report(*periods[:2], name=ID + "c"))

    assert ([each.dropped for each in taken], later.dropped) == ([2, 2], 0)


def test_take__counts_of_one_row__stay_at_the_largest() -> None:
    shop, reports = world()
    reports.take("shop", "production", report((0, [on(MAX_COUNT), on(MAX_COUNT)])))

    assert [row[4] for row in rows(shop)] == [MAX_COUNT]


def test_take__contexts__are_kept_as_far_as_they_can_be_used() -> None:
    shop, reports = world()
    contexts: tuple[dict[str, object], ...] = (
        {"targetingKey": "u1", "plan": "pro"},
        {"targetingKey": 1},
        {"plan": "x" * 8_192},
        {},
        {"seats": 2**80},
    )
    reports.take("shop", "production", report(contexts=contexts))

    found = shop.storage.sampled_contexts("shop", "production")
    assert [each.context for each in found] == [{"seats": 2**80}, {}, {"targetingKey": "u1", "plan": "pro"}]
    assert {each.time[:19] for each in found} == {"2026-03-05T12:00:30"}


@pytest.mark.parametrize(
    ("ago", "hour"),
    [
        pytest.param(timedelta(hours=2), "10:00", id="a while ago"),
        pytest.param(timedelta(seconds=MAX_AGO_SECONDS - 60), "12:00", id="a week ago"),
        pytest.param(timedelta(seconds=MAX_AGO_SECONDS + 60), "12:00", id="over a week ago: counts as now"),
        pytest.param(timedelta(minutes=-4), "12:00", id="a little ahead"),
        pytest.param(timedelta(days=-400), "12:00", id="far ahead: counts as now"),
    ],
)
def test_take_events__a_time__is_believed_within_a_window_of_the_servers(ago: timedelta, hour: str) -> None:
    shop, reports = world()
    reports.take_events("shop", "production", [Evaluated("checkout", "on", "", 2, NOW - ago, "otel/1", "shop/1")])

    (row,) = shop.storage.usage("shop")
    assert (row.hour[11:16], row.count, row.last <= "2026-03-05T12:00:30.000000Z") == (hour, 2, True)


@pytest.mark.parametrize(
    ("value", "variant"),
    [
        pytest.param(True, "on", id="a value"),
        pytest.param(False, "off", id="another"),
        pytest.param("true", "on", id="a text of JSON"),
        pytest.param("yes", "", id="no value of it"),
        pytest.param(1, "", id="a number is no boolean"),
        pytest.param("\ud800", "", id="no Unicode"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_variant_with__a_value__is_the_one_variant_that_has_it(value: Json, variant: str) -> None:
    _, reports = world()

    assert reports.variant_with("shop", "checkout", value) == variant


def test_variant_with__a_value_that_two_variants_have__is_neither() -> None:
    shop, reports = world()
    shop.apply(patch(CHECKOUT, {"variants": {"also": True}}))

    assert (
        reports.variant_with("shop", "checkout", value=True),
        reports.variant_with("shop", "no_such", value=True),
    ) == ("", "")


def test_take_events__sent_twice__count_twice() -> None:
    shop, reports = world()
    for _ in range(2):
        reports.take_events("shop", "production", [Evaluated("checkout", "on", "", 2, NOW, "", "")])

    assert [(row.client, row.count) for row in shop.storage.usage("shop")] == [(OTHERS, 4)]
