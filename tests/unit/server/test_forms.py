"""What people type into forms, read as values that can also be written again."""

from __future__ import annotations

import pytest

from flagtrail.app.moments import FIRST_MOMENT, MOMENT, earlier
from flagtrail.model.errors import MalformedRequest
from flagtrail.model.flag import Json
from flagtrail.server.web.forms import read_context, read_json


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param('{"plan": "\\ud800"}', "surrogates not allowed", id="half a surrogate pair"),
        pytest.param('{"seats": 1e999}', "Out of range", id="a number beyond all numbers"),
        pytest.param('{"seats": NaN}', "no JSON value", id="no number"),
        pytest.param('{"a": ' + "[" * 20_000, "recursion", id="nested too deep"),
    ],
)
def test_read_json__of_what_cannot_be_written_again__is_refused(text: str, told: str) -> None:
    with pytest.raises(MalformedRequest, match=told):
        read_json(text, "the context")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("seats=3, plan=pro", {"seats": 3, "plan": "pro"}),
        ("seats=1e999", {"seats": "1e999"}),
        ('plan="\\ud800"', {"plan": '"\\ud800"'}),
        (f"plan={'[' * 20_000}", {"plan": "[" * 20_000}),
    ],
    ids=["values", "a number beyond all numbers", "half a surrogate pair", "nested too deep"],
)
def test_read_context__of_what_is_no_value__takes_it_as_text(text: str, expected: dict[str, Json]) -> None:
    assert read_context(text) == expected


def test_earlier__than_the_first_moment__is_the_first_moment() -> None:
    assert earlier("0001-01-01T00:00:00.000001Z", MOMENT * 5).startswith(FIRST_MOMENT.isoformat()[:19])
    assert earlier("2026-11-22T07:00:00.000000Z", MOMENT) == "2026-11-22T06:59:59.999999Z"
