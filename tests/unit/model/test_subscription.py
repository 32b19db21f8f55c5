from __future__ import annotations

import pytest

from flagtrail.model.document import decode, encode
from flagtrail.model.errors import InvalidDocument
from flagtrail.model.subject import subscription_subject
from flagtrail.model.subscription import CRITICAL_SUBSCRIPTION, Subscription, zones

Json = object
NIGHT = {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}


def read(**parts: Json) -> Subscription:
    document = decode(subscription_subject("shop", "s"), {"key": "s", **parts})
    assert isinstance(document, Subscription)
    return document


def test_decode__of_what_was_encoded__is_the_same() -> None:
    found = read(channels=["slack"], filter={"tags": ["critical"], "actions": ["enabled"]}, quiet_hours=NIGHT)

    assert decode(subscription_subject("shop", "s"), encode(found)) == found


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        pytest.param({"filter": {"tag": ["x"]}}, "/filter/tag", id="an unknown part"),
        pytest.param({"filter": {"actions": ["switched"]}}, "/filter/actions/0", id="an unknown action"),
        pytest.param({"filter": {"kinds": ["member"]}}, "/filter/kinds/0", id="a kind of no project"),
        pytest.param({"filter": {"tags": [""]}}, "/filter/tags/0", id="an empty value"),
        pytest.param({"channels": ["a\nb"]}, "/channels/0", id="an unprintable value"),
        pytest.param({"filter": {"flags": ["f"] * 101}}, "/filter/flags", id="too many values"),
        pytest.param({"digest": {"every": "weekly"}}, "/digest/every", id="an unknown digest"),
        pytest.param({"digest": {"every": "daily", "at": "9:00"}}, "/digest/at", id="no time"),
        pytest.param({"digest": {"every": "daily", "at": "24:00"}}, "/digest/at", id="a time after midnight"),
        pytest.param({"quiet_hours": {**NIGHT, "from": "late"}}, "/quiet_hours/from", id="no beginning"),
        pytest.param({"quiet_hours": {**NIGHT, "to": "07:60"}}, "/quiet_hours/to", id="no end"),
        pytest.param({"quiet_hours": {"from": "22:00"}}, "/quiet_hours/to", id="an end that is missing"),
        pytest.param({"quiet_hours": {**NIGHT, "days": ["monday"]}}, "/quiet_hours/days/0", id="an unknown day"),
        pytest.param({"quiet_hours": {"from": "08:00", "to": "08:00"}}, "/quiet_hours", id="no end ever"),
    ],
)
def test_decode__of_what_cannot_be_meant__is_refused_with_its_place(parts: dict[str, Json], expected: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read(**parts)

    assert [defect.path for defect in refused.value.defects] == [expected]


def test_decode__of_several_defects__tells_all() -> None:
    with pytest.raises(InvalidDocument) as refused:
        read(digest={"every": "daily", "at": "x"}, quiet_hours={"from": "x", "to": "y"})

    assert len(refused.value.defects) == 3


def test_decode__of_whole_days_that_are_not_all__is_taken() -> None:
    weekend = {"from": "00:00", "to": "00:00", "days": ["sat", "sun"]}

    assert read(quiet_hours=weekend).quiet_hours is not None


def test_zones__are_told_with_their_places() -> None:
    quiet = read(quiet_hours=NIGHT)

    assert (dict(zones(quiet)), dict(zones(CRITICAL_SUBSCRIPTION))) == (
        {"/digest/zone": "UTC", "/quiet_hours/zone": "Europe/Berlin"},
        {"/digest/zone": "UTC"},
    )
