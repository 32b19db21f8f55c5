"""Documents: which struct each kind of subject holds, and reading one with all its defects.

Only what a document can tell about itself is judged here; what needs other
documents (an unknown variant, a cycle of prerequisites) is `engine/check.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

from flagtrail.model.access import Member, SigninFailures, Token
from flagtrail.model.environment import Environment, Policy, Project
from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.flag import Flag
from flagtrail.model.guard import Guard, guard_defects
from flagtrail.model.nudge import Nudge, nudge_defects
from flagtrail.model.segment import Segment
from flagtrail.model.stage import FlagStage, Snooze, snooze_defects, stage_defects
from flagtrail.model.subject import Kind, Subject
from flagtrail.model.subscription import Subscription
from flagtrail.model.subscription import defects as subscription_defects
from flagtrail.model.targeting import Targeting
from flagtrail.model.thresholds import Lifespan, Thresholds, days_defects, thresholds_defects

Document: TypeAlias = (
    Project
    | Environment
    | Flag
    | Targeting
    | Segment
    | Policy
    | Subscription
    | Member
    | Token
    | SigninFailures
    | Guard
    | Thresholds
    | Lifespan
    | Snooze
    | FlagStage
    | Nudge
)

STRUCTS: dict[Kind, type[Document]] = {
    "project": Project,
    "environment": Environment,
    "flag": Flag,
    "targeting": Targeting,
    "segment": Segment,
    "policy": Policy,
    "subscription": Subscription,
    "member": Member,
    "token": Token,
    "signin": SigninFailures,
    "guard": Guard,
    "thresholds": Thresholds,
    "lifespan": Lifespan,
    "snooze": Snooze,
    "stage": FlagStage,
    "nudge": Nudge,
}

KEY = re.compile(r"[A-Za-z0-9._-]{1,256}\Z")
MAX_DOCUMENT_BYTES = 1 << 20
MAX_DEPTH = 20
MAX_WHY_DEMANDED = 1_000
"""No policy may demand more characters than a reason can have."""
MAX_INTEGER = 2**53 - 1
"""RFC 8785 (section 3.2.2.3): larger integers have no interoperable canonical form."""


_write, _read = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def is_key(text: str) -> bool:
    """Whether `text` can name something: 1 to 256 of `[A-Za-z0-9._-]`, and not `.` or `..`, which paths swallow."""
    return KEY.match(text) is not None and text not in {".", ".."}


def is_variant_key(text: str) -> bool:
    """Whether `text` can name a variant: 1 to 256 printable characters, no white space at its ends.

    Wider than other keys: real flag files name variants `100%` or `très bien`, and a variant is part of no address.
    """
    return 1 <= len(text) <= 256 and text.isprintable() and text == text.strip()  # noqa: PLR2004 - as for keys


def encode(document: Document) -> Any:  # noqa: ANN401 - a JSON value
    """The document as plain JSON values: what an entry's `before` and `after` hold."""
    return _read(_write(document))  # `to_builtins` leaves tuples, which no JSON value is


def decode(subject: Subject, value: object) -> Document:
    """Read a document of the subject's kind from plain JSON values.

    Raises InvalidDocument with every structural defect: unknown keys, missing
    keys, wrong types, a key that is not the subject's own, limits exceeded.
    """
    struct = STRUCTS[subject.kind]
    defects = [] if _is_within_limits(value, 0) else list(_limits(value, "", 0))
    if not defects:
        try:
            document = msgspec.convert(value, struct)
        except msgspec.ValidationError:
            defects.extend(_structure(inspect.type_info(struct), value, ""))
        else:
            defects.extend(_own_key(subject, document))
            defects.extend(_own(document))
            if not defects:
                return document
    raise InvalidDocument(defects)


def _own(document: Document) -> Iterator[Defect]:
    """What the kinds' own rules say of a document."""
    match document:
        case Policy():
            if not 1 <= document.why_min_length <= MAX_WHY_DEMANDED:
                yield Defect("/why_min_length", f"must be from 1 to {MAX_WHY_DEMANDED}")
        case Subscription():
            yield from subscription_defects(document)
        case Guard():
            yield from guard_defects(document)
        case Thresholds():
            yield from thresholds_defects(document)
        case Lifespan():
            yield from days_defects(document)
        case Snooze():
            yield from snooze_defects(document)
        case Nudge():
            yield from nudge_defects(document)
        case FlagStage():
            yield from stage_defects(document)
        case _:
            return


def _own_key(subject: Subject, document: Document) -> Iterator[Defect]:
    key = getattr(document, "key", None)
    if key is not None and key != subject.name:
        yield Defect("/key", f"is {key!r}, but the address says {subject.name!r}")
    if not is_key(subject.name):
        yield Defect("/key", f"{subject.name!r} is not a key: 1 to 256 of the characters A-Z a-z 0-9 . _ -")


def _is_within_limits(value: object, depth: int) -> bool:
    """Whether `_limits` would find nothing: it names places, at ten times the price. In doubt, false."""
    if isinstance(value, str):
        return value.isascii()
    if isinstance(value, int):
        return -MAX_INTEGER <= value <= MAX_INTEGER
    if depth > MAX_DEPTH:
        return False
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    for part in parts:  # noqa: SIM110 - `all` over a generator costs twice as much, for each part of each change
        if not _is_within_limits(part, depth + 1):
            return False
    return True


def _limits(value: object, path: str, depth: int) -> Iterator[Defect]:
    """Depth, integers beyond the canonical range, strings that are not Unicode, and (at the root) the size."""
    if depth > MAX_DEPTH * 3:  # a condition of depth 20 nests an object, a list and an object each
        yield Defect(path, f"is nested deeper than {MAX_DEPTH}")
        return
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _limits(part, f"{path}/{pointer(str(key))}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from _limits(part, f"{path}/{index}", depth + 1)
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        yield Defect(path, f"{value} is beyond 2^53-1, which JSON cannot carry exactly")
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            yield Defect(path, "is not valid Unicode (a lone surrogate)")


def pointer(key: str) -> str:
    """One key as a JSON Pointer token (RFC 6901, section 3)."""
    return key.replace("~", "~0").replace("/", "~1")


def _structure(info: inspect.Type, value: object, path: str) -> Iterator[Defect]:
    """All structural defects of `value` against `info`, where msgspec itself stops at the first."""
    match info:
        case inspect.StructType():
            yield from _struct(info, value, path)
        case inspect.UnionType():
            yield from _union(info, value, path)
        case inspect.VarTupleType() if isinstance(value, (list, tuple)):
            for index, part in enumerate(value):
                yield from _structure(info.item_type, part, f"{path}/{index}")
        case inspect.DictType() if isinstance(value, dict):
            for key, part in value.items():
                yield from _structure(info.value_type, part, f"{path}/{pointer(key)}")
        case _:
            yield from _leaf(info, value, path)


def _struct(info: inspect.StructType, value: object, path: str) -> Iterator[Defect]:
    if not isinstance(value, dict):
        yield Defect(path, f"is {_called(value)}, an object is needed")
        return
    fields = {field.encode_name: field for field in info.fields}
    for key in sorted(value.keys() - fields.keys()):
        known = ", ".join(sorted(fields))
        yield Defect(f"{path}/{pointer(key)}", f"is not a known key; known are {known}")
    for name, field in fields.items():
        if name in value:
            yield from _structure(field.type, value[name], f"{path}/{name}")
        elif field.required:
            yield Defect(f"{path}/{name}", "is missing")


def _union(info: inspect.UnionType, value: object, path: str) -> Iterator[Defect]:
    """Unions here are `X | None` or a union of scalars: judge by the one part of the value's own form."""
    if value is None and info.includes_none:
        return
    forms = [part for part in info.types if not isinstance(part, inspect.NoneType)]
    if len(forms) == 1:
        yield from _structure(forms[0], value, path)
    elif not isinstance(value, (str, int, float)):
        yield Defect(path, f"is {_called(value)}, a text, number or boolean is needed")


def _leaf(info: inspect.Type, value: object, path: str) -> Iterator[Defect]:
    needed: dict[type[inspect.Type], tuple[type, str]] = {
        inspect.StrType: (str, "a text"),
        inspect.BoolType: (bool, "a boolean"),
        inspect.IntType: (int, "an integer"),
        inspect.VarTupleType: (list, "a list"),
        inspect.DictType: (dict, "an object"),
    }
    if isinstance(info, inspect.LiteralType):
        if value not in info.values:
            known = ", ".join(str(known) for known in info.values)
            yield Defect(path, f"is {value!r}; it must be one of {known}")
        return
    for kind, (type_, name) in needed.items():
        if isinstance(info, kind) and (not isinstance(value, type_) or (type_ is int and isinstance(value, bool))):
            yield Defect(path, f"is {_called(value)}, {name} is needed")


def _called(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a text", list: "a list", dict: "an object"}
    return "null" if value is None else names.get(type(value), type(value).__name__)
