"""When alerts are due: at once, together, after quiet hours; also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flagtrail.changes.due import due
from flagtrail.model.subscription import WEEKDAYS, Digest, QuietHours, Subscription, minutes

BERLIN = "Europe/Berlin"
NIGHT = QuietHours("22:00", "07:00", zone=BERLIN)
WEEKEND = QuietHours("00:00", "00:00", ("sat", "sun"), BERLIN)
FRIDAY_NIGHT = QuietHours("18:00", "08:00", ("fri",), BERLIN)


def at(text: str) -> datetime:
    """A time of Berlin, as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)


def when(moment: str, *, digest: Digest = Digest(), quiet: QuietHours | None = None, critical: bool = False) -> str:  # noqa: B008 - frozen
    subscription = Subscription("s", digest=digest, quiet_hours=quiet)
    found = due(subscription, at(moment), critical=critical, zones=ZoneInfo)
    return f"{found.astimezone(ZoneInfo(BERLIN)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("digest", "moment", "expected"),
    [
        pytest.param(Digest(), "2026-11-23 10:20", "2026-11-23 10:20", id="one by one"),
        pytest.param(Digest("hourly"), "2026-11-23 10:20", "2026-11-23 11:00", id="hourly"),
        pytest.param(Digest("hourly"), "2026-11-23 11:00", "2026-11-23 12:00", id="hourly, on the hour"),
        pytest.param(Digest("daily", "09:00", BERLIN), "2026-11-23 08:59", "2026-11-23 09:00", id="daily, before"),
        pytest.param(Digest("daily", "09:00", BERLIN), "2026-11-23 09:00", "2026-11-24 09:00", id="daily, just then"),
        pytest.param(Digest("daily", "09:00", "UTC"), "2026-11-23 09:30", "2026-11-23 10:00", id="daily, elsewhere"),
        pytest.param(Digest("daily", "02:30", BERLIN), "2026-03-28 12:00", "2026-03-29 03:30", id="an hour left out"),
        pytest.param(Digest("daily", "02:30", BERLIN), "2026-10-24 12:00", "2026-10-25 02:30", id="an hour twice"),
    ],
)
def test_due__of_a_digest__is_its_next_time(digest: Digest, moment: str, expected: str) -> None:
    assert when(moment, digest=digest) == expected


@pytest.mark.parametrize(
    ("quiet", "moment", "expected"),
    [
        pytest.param(NIGHT, "2026-11-23 21:59", "2026-11-23 21:59", id="before"),
        pytest.param(NIGHT, "2026-11-23 22:00", "2026-11-24 07:00", id="at the beginning"),
        pytest.param(NIGHT, "2026-11-24 03:00", "2026-11-24 07:00", id="after midnight"),
        pytest.param(NIGHT, "2026-11-24 07:00", "2026-11-24 07:00", id="at the end"),
        pytest.param(NIGHT, "2026-03-28 23:00", "2026-03-29 07:00", id="a night of eight hours"),
        pytest.param(QuietHours("12:00", "13:00", zone=BERLIN), "2026-11-23 12:30", "2026-11-23 13:00", id="at noon"),
        pytest.param(WEEKEND, "2026-11-28 10:00", "2026-11-30 00:00", id="two days that follow each other"),
        pytest.param(WEEKEND, "2026-11-27 23:59", "2026-11-27 23:59", id="the evening before"),
        pytest.param(FRIDAY_NIGHT, "2026-11-28 03:00", "2026-11-28 08:00", id="a day's night ends on the next"),
        pytest.param(FRIDAY_NIGHT, "2026-11-27 03:00", "2026-11-27 03:00", id="the night before is not meant"),
    ],
)
def test_due__in_quiet_hours__is_their_end(quiet: QuietHours, moment: str, expected: str) -> None:
    assert when(moment, quiet=quiet) == expected


@pytest.mark.parametrize(("passes", "expected"), [(True, "2026-11-24 03:00"), (False, "2026-11-24 07:00")])
def test_due__of_what_is_critical__waits_where_it_is_told_to(passes: bool, expected: str) -> None:
    quiet = QuietHours("22:00", "07:00", zone=BERLIN, critical_passes=passes)

    assert when("2026-11-24 03:00", quiet=quiet, critical=True) == expected


def test_due__of_a_digest_in_quiet_hours__is_their_end() -> None:
    assert when("2026-11-23 23:30", digest=Digest("hourly"), quiet=NIGHT) == "2026-11-24 07:00"


TIMES = st.builds(lambda hours, rest: f"{hours:02d}:{rest:02d}", st.integers(0, 23), st.integers(0, 59))
ZONES = st.sampled_from(["UTC", BERLIN, "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"])
QUIET = st.builds(
    QuietHours, TIMES, TIMES, st.lists(st.sampled_from(WEEKDAYS), max_size=6, unique=True).map(tuple), ZONES
)
DIGESTS = st.builds(Digest, st.sampled_from(["immediate", "hourly", "daily"]), TIMES, ZONES)
MOMENTS = st.integers(0, 2 * 365 * 24 * 3_600).map(
    lambda after: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
)


@given(MOMENTS, DIGESTS, QUIET)
def test_due__whatever_is_asked__is_never_before_nor_in_quiet_hours_nor_far_away(
    moment: datetime, digest: Digest, quiet: QuietHours
) -> None:
    if quiet.from_ == quiet.to and not quiet.days:
        return
    found = due(Subscription("s", digest=digest, quiet_hours=quiet), moment, critical=False, zones=ZoneInfo)

    assert moment <= found <= moment + timedelta(days=10)
    assert due(Subscription("s", quiet_hours=quiet), found, critical=False, zones=ZoneInfo) == found


@given(MOMENTS, QUIET)
def test_due__outside_of_quiet_hours__is_at_once(moment: datetime, quiet: QuietHours) -> None:
    local = moment.astimezone(ZoneInfo(quiet.zone))
    clock = local.hour * 60 + local.minute
    begin, end = minutes(quiet.from_), minutes(quiet.to)
    quiet_now = begin <= clock < end if begin < end else (clock >= begin or clock < end)
    if (
        not quiet_now
        and not local.dst()
        and not (local + timedelta(days=1)).dst()
        and not (local - timedelta(days=1)).dst()
    ):
        assert due(Subscription("s", quiet_hours=quiet), moment, critical=False, zones=ZoneInfo) == moment
