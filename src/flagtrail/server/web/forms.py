"""What a browser sends: fields by name, and the small notations that people write into them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl

from flagtrail.model.errors import InvalidQuery, MalformedRequest
from flagtrail.model.flag import Json

MAX_FIELDS = 20_000


class Form:
    """Fields by name; one name may stand several times. Values keep the user's text, without NUL."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[str]] = {}
        for name, value in pairs:
            self._fields.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def get(self, name: str, default: str = "") -> str:
        """The first value, stripped; `default` where the field was not sent."""
        values = self._fields.get(name)
        return values[0].strip() if values else default

    def raw(self, name: str) -> str:
        """The first value as it was typed; empty where the field was not sent."""
        return (self._fields.get(name) or [""])[0]

    def optional(self, name: str) -> str | None:
        """The value, or None where it is empty."""
        return self.get(name) or None

    def all(self, name: str) -> list[str]:
        """Every value of the name, stripped."""
        return [value.strip() for value in self._fields.get(name, ())]

    def pairs(self) -> list[tuple[str, str]]:
        """Everything that was sent, in order of the names' first appearance."""
        return [(name, value) for name, values in self._fields.items() for value in values]

    def number(self, name: str) -> int | None:
        """A whole number, or None where the field is empty; raises InvalidQuery for anything else."""
        text = self.get(name)
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - what the ledger can count to
            raise InvalidQuery(f"{name} {text!r} is not a number", value=text)
        return int(text)


def read_form(body: bytes) -> Form:
    """An `application/x-www-form-urlencoded` body; raises MalformedRequest where it is none."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise MalformedRequest("the form cannot be read") from error
    return Form((name, value.replace("\r\n", "\n").replace("\x00", "")) for name, value in pairs)


def read_json(text: str, what: str) -> Json:
    """A JSON value; raises MalformedRequest with the line and column of the first mistake.

    A key that stands twice is a mistake: one of its values would be lost in silence. So is what Python reads and
    nobody can write: half of a surrogate pair, a number beyond all numbers.
    """
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except json.JSONDecodeError as error:
        raise MalformedRequest(f"{what} is not JSON: {error.msg}, line {error.lineno} column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"{what} is not JSON: {error}") from error
    return value


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice")
    return found


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON value")


def read_values(text: str) -> list[Json]:
    """Values separated by commas: numbers and booleans as such, all else (and whatever is quoted) as text.

    >>> read_values('enterprise, 3, true, "7"')
    ['enterprise', 3, True, '7']
    """
    found: list[Json] = []
    rest = text.strip()
    while rest:
        values, rest = _quoted_first(rest) if rest.startswith('"') else _plain_first(rest)
        found.extend(values)
    return found


def _quoted_first(text: str) -> tuple[list[Json], str]:
    """The text in quotes at the start and what follows its comma; as it stands where the quotes do not close so."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return _plain_first(text)
    after = text[end:].lstrip()
    return ([value], after[1:].lstrip()) if not after or after.startswith(",") else _plain_first(text)


def _plain_first(text: str) -> tuple[list[Json], str]:
    """What stands before the next comma, and what follows that; nothing where only white space does."""
    part, _, rest = text.partition(",")
    return [_bare(part.strip())] if part.strip() else [], rest.lstrip()


def _bare(text: str) -> Json:
    try:
        value = read_json(text, "the value")
    except MalformedRequest:
        return text
    return value if isinstance(value, (str, int, float)) else text


def write_values(values: Iterable[Json]) -> str:
    """The inverse of `read_values`.

    >>> write_values(["enterprise", 3, True, "7", "a, b"])
    'enterprise, 3, true, "7", "a, b"'
    """
    return ", ".join(value if isinstance(value, str) and _is_bare(value) else _quoted(value) for value in values)


def _is_bare(value: str) -> bool:
    return value == value.strip() and bool(value) and "," not in value and value[0] != '"' and _bare(value) is value


def _quoted(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_context(text: str) -> dict[str, Json]:
    """A context as people write it: a JSON object, or `attribute=value` separated by commas or lines.

    >>> read_context("targetingKey=u-1, plan=enterprise")
    {'targetingKey': 'u-1', 'plan': 'enterprise'}
    """
    if text.strip().startswith("{"):
        value = read_json(text, "the context")
        return dict(value)
    found: dict[str, Json] = {}
    for part in text.replace("\n", ",").split(","):
        if not part.strip():
            continue
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise InvalidQuery(f"{part.strip()!r} is not attribute=value", value=part.strip())
        found[name.strip()] = _bare(value.strip())
    return found


def write_context(context: Mapping[str, Json]) -> str:
    r"""The inverse of `read_context`: a line for each attribute, else indented JSON.

    >>> write_context({"targetingKey": "u-1", "seats": 25})
    'targetingKey=u-1\nseats=25'
    """
    lines = "\n".join(
        f"{name}={value if isinstance(value, str) else _quoted(value)}" for name, value in context.items()
    )
    try:
        plain = read_context(lines) == dict(context)
    except (InvalidQuery, MalformedRequest):
        plain = False
    return lines if plain else json.dumps(context, indent=2, ensure_ascii=False)


def read_list(text: str) -> list[str]:
    """Words separated by commas or white space, each once, in order."""
    return list(dict.fromkeys(text.replace(",", " ").split()))
