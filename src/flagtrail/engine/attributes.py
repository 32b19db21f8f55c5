"""Reading attributes out of an evaluation context, and what the types of their values are.

Types are those of JSON. They never coerce: a number never equals a text, and a
boolean is no number, although Python's `True == 1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flagtrail.model.context import Context

LISTS = (list, tuple, set, frozenset)
"""What counts as a list: applications hand over tuples and sets as well as JSON's lists."""

EXACT = frozenset({str, int, float, bool})
"""Types whose comparisons and hashes are Python's own and cannot be overridden."""


def read(context: Context, attribute: str) -> object:
    """The attribute's value, or None where it is absent (missing, or null).

    A key with exactly this name wins. Otherwise a dotted name is a path into
    nested objects; a list on the way stands for all of its elements, and the
    answer is then the list of what they hold.
    """
    value: object = context.get(attribute)
    if value is None and "." in attribute:
        return _follow(context, attribute.split("."))
    return value


def reader(attribute: str) -> Callable[[Context], object]:
    """`read` for a dotted attribute, with its path split once."""
    path = attribute.split(".")

    def read_path(context: Context) -> object:
        value: object = context.get(attribute)
        return _follow(context, path) if value is None else value

    return read_path


def _follow(value: object, path: list[str]) -> object:
    for index, part in enumerate(path):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, LISTS):
            found = [held for held in (_follow(element, path[index:]) for element in value) if held is not None]
            return found or None
        else:
            return None
    return value


def plain(value: object) -> object:
    """A text, number or boolean as Python's own type, anything else unchanged.

    Subclasses may override comparison and hashing (a `StrEnum` hashes its name,
    not its text), so they are stripped before anything compares them.
    """
    if type(value) in EXACT:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return value


def is_number(value: object) -> bool:
    """Whether it is a number; a boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def integer(value: object) -> int | None:
    """The value of an integer, also where JSON wrote it as `4.0`; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None
