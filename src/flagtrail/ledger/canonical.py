"""Canonical bytes: RFC 8785 for values, and the narrower profile in which leaves are written.

Inside the profile (ASCII keys, no floats, integers within +-(2^53-1)) sorted
orjson output is RFC 8785 output, at a thirtieth of the price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import orjson
import rfc8785

from flagtrail.ledger.leaf import MAX_INTEGER
from flagtrail.ledger.leaf import commitment as commitment  # noqa: PLC0414 - re-exported: one door to canonical bytes

_TOO_DEEP = "the value is nested too deeply to have a canonical form"
_PROFILE_KEY = re.compile(r"[a-z_]{1,24}").fullmatch


def canonical(value: object) -> bytes:
    """The RFC 8785 bytes of a JSON value; it may hold floats.

    Raises ValueError for what has no canonical form: NaN, integers beyond
    2^53-1, lone surrogates, keys that are no text, types that JSON does not know.
    """
    try:
        if _is_plain(value, str.isascii):
            return _sorted_bytes(value)
        return rfc8785.dumps(value)  # type: ignore[arg-type]  # it judges the type itself
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error


def profile_bytes(value: object) -> bytes:
    """The canonical bytes of a value inside the leaf profile.

    Raises ValueError for keys other than `[a-z_]{1,24}`, floats, integers
    beyond 2^53-1 and lone surrogates: outside the profile encoders differ.
    """
    try:
        if _is_plain(value, _PROFILE_KEY):
            return _sorted_bytes(value)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    raise ValueError(
        "outside the leaf profile: keys are [a-z_]{1,24}, numbers are integers within 2^53-1, no other types"
    )


def form_bytes(content: Mapping[str, object]) -> bytes:
    """The canonical bytes of a leaf's content in which `leaf.defect` found nothing: its form lies inside the profile.

    Raises ValueError for lone surrogates, of which the form says nothing.
    """
    return _sorted_bytes(content)


def _sorted_bytes(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:  # a lone surrogate, or nesting deeper than 254
        raise ValueError(f"the value has no canonical form: {error}") from error


def _is_plain(value: object, is_key: Callable[[str], object]) -> bool:
    """Whether every encoder writes this value alike. Exact types only: a subclass may encode as anything."""
    form = type(value)
    if form is str or form is bool or value is None:
        return True
    if form is int:
        return -MAX_INTEGER <= value <= MAX_INTEGER  # type: ignore[operator]
    # Plain loops: `all` over a generator costs twice as much, and this runs for each value of each change.
    if form is dict:
        for key, part in value.items():  # type: ignore[attr-defined]
            if type(key) is not str or not is_key(key) or not (type(part) is str or _is_plain(part, is_key)):
                return False
        return True
    if form is list or form is tuple:
        for part in value:  # type: ignore[attr-defined]  # noqa: SIM110 - see above
            if not (type(part) is str or _is_plain(part, is_key)):
                return False
        return True
    return False
