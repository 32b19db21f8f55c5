"""Reading what a question is about: times, instants of the past, and segments of contexts."""

from __future__ import annotations

import re
from datetime import timedelta

import msgspec

from flagtrail.app.ask import At, read_at
from flagtrail.app.clock import read_time
from flagtrail.model.document import MAX_INTEGER
from flagtrail.model.errors import Defect, InvalidDocument, InvalidQuery
from flagtrail.model.flag import Json

_MAX_SEQ_DIGITS = len(str(MAX_INTEGER)) - 1


def instant(text: str | None, parameter: str) -> str | None:
    """A time as the ledger writes it; raises InvalidQuery, naming the parameter, for what is none."""
    if text is None:
        return None
    try:
        return read_time(text)
    except (InvalidQuery, OverflowError):
        raise InvalidQuery(f"{parameter}: {text!r} is not a time", parameter=parameter) from None


def at(text: str | int | None) -> At | None:
    """An instant of the past: a time, or an entry's seq; None is now. Raises InvalidQuery."""
    told = None if text is None else str(text)
    if told is not None and told.strip().isdigit() and len(told.strip()) > _MAX_SEQ_DIGITS:
        raise InvalidQuery(f"at: {told!r} is beyond any entry", parameter="at")
    try:
        return read_at(told)
    except (InvalidQuery, OverflowError, ValueError):
        raise InvalidQuery(f"at: {told!r} is neither a time nor an entry's seq", parameter="at") from None


_SPAN = re.compile(r"([0-9]{1,6})\s*(m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}


def span(text: str, parameter: str) -> timedelta:
    """A length of time as people write it; raises InvalidQuery, naming the parameter, for what is none.

    >>> span("90min", "within"), span("2h", "within")
    (datetime.timedelta(seconds=5400), datetime.timedelta(seconds=7200))
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise InvalidQuery(f"{parameter}: {text!r} is no length of time such as 30min, 2h or 1d", parameter=parameter)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def require_context(context: dict[str, Json]) -> None:
    """Raise InvalidDocument for a context whose targeting key is no text."""
    if not isinstance(context.get("targetingKey", ""), str):
        raise InvalidDocument([Defect("/context/targetingKey", "must be a text")])


def read_where(text: str) -> dict[str, Json]:
    """`plan=enterprise,seats=25` as attributes; numbers, true, false and "quoted texts" are read as JSON.

    >>> read_where('plan=enterprise,seats=25,code="25"')
    {'plan': 'enterprise', 'seats': 25, 'code': '25'}
    """
    found: dict[str, Json] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        attribute, equals, value = part.partition("=")
        if not equals or not attribute.strip():
            raise InvalidQuery(f"where: {part!r} is not attribute=value", parameter="where")
        found[attribute.strip()] = _value(value.strip())
    return found


def _value(text: str) -> Json:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return value if isinstance(value, (str, int, float)) else text
