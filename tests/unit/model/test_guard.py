"""Guards as documents: limits as people write them, and every defect by its path."""

from __future__ import annotations

from typing import Any

import pytest

from flagtrail.model.document import decode, encode
from flagtrail.model.errors import InvalidDocument, InvalidQuery
from flagtrail.model.guard import Guard, Limit, plain, read_limit
from flagtrail.model.subject import guard_subject

SUBJECT = guard_subject("shop", "f", "production")
LIMIT: dict[str, Any] = {"metric": "errors", "above": 0.02}


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("errors>2%", Limit("errors", above=0.02)),
        ("errors > 0.02", Limit("errors", above=0.02)),
        (" orders_per_minute<10 ", Limit("orders_per_minute", below=10.0)),
        ("balance<-5", Limit("balance", below=-5.0)),
        ("a.b-c>.5%", Limit("a.b-c", above=0.005)),
    ],
)
def test_read_limit__as_people_write_it__is_a_limit(text: str, limit: Limit) -> None:
    assert read_limit(text) == limit


@pytest.mark.parametrize("text", ["", "errors", "errors>", ">2", "errors=2", "errors>>2", "errors>2kg", "a b>2"])
def test_read_limit__of_anything_else__is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery, match="is no limit"):
        read_limit(text)


@pytest.mark.parametrize(
    ("limit", "mean", "passed"),
    [
        (Limit("m", above=2.0), 2.0, False),
        (Limit("m", above=2.0), 2.1, True),
        (Limit("m", below=2.0), 2.0, False),
        (Limit("m", below=2.0), 1.9, True),
    ],
)
def test_limit__at_its_edge__is_not_passed(limit: Limit, mean: float, passed: bool) -> None:
    assert limit.passed_by(mean) is passed


def test_guard__in_words__says_what_it_does_and_what_came_of_it() -> None:
    limits = (Limit("errors", above=0.02), Limit("orders", below=10))

    assert Guard(limits, 30).words == (
        "guarded for 30 min: takes the change back if errors above 0.02 or orders below 10 (mean of 5 min)",
    )
    assert Guard(limits[:1], 30, over=1, action="alert").words == (
        "guarded for 30 min: tells of it if errors above 0.02 (mean of 1 min)",
    )
    assert Guard(limits, 30, state="passed", outcome="errors was at most 0.01").words == (
        "guard passed: errors was at most 0.01",
    )


def test_guard__read_and_written__is_the_same() -> None:
    guard = Guard((Limit("errors", above=0.02),), 30)
    assert decode(SUBJECT, encode(guard)) == guard


@pytest.mark.parametrize(
    ("parts", "paths"),
    [
        pytest.param({"limits": []}, ["/limits"], id="no limit"),
        pytest.param({"limits": [LIMIT] * 6}, ["/limits"], id="six limits"),
        pytest.param({"limits": [{"metric": "a b", "above": 1}]}, ["/limits/0/metric"], id="no name"),
        pytest.param({"limits": [{"metric": "a"}]}, ["/limits/0"], id="no number"),
        pytest.param({"limits": [LIMIT, {"metric": "a", "above": 1, "below": 2}]}, ["/limits/1"], id="both"),
        pytest.param({"limits": [{"metric": "a", "above": float("inf")}]}, ["/limits/0"], id="infinite"),
        pytest.param({"minutes": 4}, ["/minutes"], id="too short"),
        pytest.param({"minutes": 1_441, "over": 0}, ["/minutes"], id="too long"),
        pytest.param({"over": 0}, ["/over"], id="no time"),
        pytest.param({"over": 31}, ["/over"], id="longer than the guard"),
        pytest.param({"minutes": 600, "over": 61}, ["/over"], id="over an hour"),
    ],
)
def test_guard__with_defects__is_refused_with_their_paths(parts: dict[str, object], paths: list[str]) -> None:
    with pytest.raises(InvalidDocument) as refused:
        decode(SUBJECT, {"limits": [LIMIT], "minutes": 30, **parts})

    assert [defect.path for defect in refused.value.defects] == paths


@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (1e-9, "0.000000001"), (1e9, "1000000000"), (100.0, "100")])
def test_plain__of_any_size__has_no_exponent(value: float, shown: str) -> None:
    assert plain(value) == shown
