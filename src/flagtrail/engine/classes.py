"""Sorting an attribute's values into classes: within one, every condition on the attribute gives the same answer.

So what a flag decides by its rules is known from the classes alone, for all
contexts that share them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable
from operator import methodcaller
from typing import Any

from flagtrail.engine import matchers
from flagtrail.engine.attributes import reader
from flagtrail.engine.matchers import Matcher
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context

MAX_REMEMBERED = 1024
MAX_REMEMBERED_LENGTH = 256
_EQUALITIES = frozenset({"equals", "in", "not_equals", "not_in"})
_ORDERS = frozenset({"gt", "gte", "lt", "lte"})
_PRESENCE = frozenset({"exists", "not_exists"})


class Classifier:
    """The class of one attribute's value, for some conditions on it.

    Two values of one class are alike to every condition; two of different
    classes may be alike, too. Lists of texts are one look-up and limits one
    bisection, however many conditions name them. Raises what reading or
    comparing the value raises.
    """

    __slots__ = ("_any", "_limits", "_numbers", "_read", "_remembered", "_texts", "_with_texts")

    def __init__(self, attribute: str, conditions: Iterable[Condition]) -> None:
        self._read = reader(attribute) if "." in attribute else methodcaller("get", attribute)
        self._any: list[Matcher] = []
        self._texts: list[Matcher] = []
        self._numbers: list[Matcher] = []
        self._remembered: dict[str, Hashable] = {}
        limits: set[float] = set()
        listed: dict[str, list[int]] = {}
        for index, condition in enumerate(_distinct(conditions)):
            matcher = matchers.matcher(condition)
            self._any.append(matcher)
            if condition.operator in _ORDERS:  # no text is beyond a limit
                limit = matchers.bound(condition)
                limits.update(() if limit is None else (limit,))
                continue
            known = matchers.equality(condition) if condition.operator in _EQUALITIES else None
            if known is not None and known.texts_only:  # to it all numbers are alike
                for text in known.texts:
                    listed.setdefault(text, []).append(index)
                continue
            self._texts.append(matcher)
            self._numbers.append(matcher)
        self._limits = sorted(limits)
        places: dict[tuple[int, ...], int] = {}
        self._with_texts = {
            text: places.setdefault(tuple(indexes), len(places) + 1) for text, indexes in listed.items()
        }

    def __call__(self, context: Context) -> Hashable:
        """The class of the attribute's value in the context."""
        value: Any = self._read(context)
        if value is None:
            return None
        kind = type(value)
        if kind is str:
            return self._of_text(value) if self._texts else self._with_texts.get(value, 0)
        if (kind is int or kind is float) and value == value:  # noqa: PLR0124 - only NaN differs from itself
            # Both halves grow with the value, so their sum tells every pair apart.
            place = bisect_left(self._limits, value) + bisect_right(self._limits, value)
            return ("number", place, *[matcher(value) for matcher in self._numbers]) if self._numbers else -1 - place
        return tuple([matcher(value) for matcher in self._any])

    def _of_text(self, text: str) -> Hashable:
        known = self._remembered.get(text)
        if known is None:
            known = ("text", self._with_texts.get(text, 0), *[matcher(text) for matcher in self._texts])
            if len(text) <= MAX_REMEMBERED_LENGTH:
                if len(self._remembered) >= MAX_REMEMBERED:
                    self._remembered.clear()
                self._remembered[text] = known
        return known


def _distinct(conditions: Iterable[Condition]) -> list[Condition]:
    """Each test once; values are told apart by type, because `1`, `1.0` and `True` are equal to Python."""
    found = {
        (
            condition.operator,
            condition.case_sensitive,
            tuple([(type(value), value) for value in condition.values or ()]),
        ): (condition)
        for condition in conditions
        if condition.operator not in _PRESENCE  # whether there is a value is told apart in any case
    }
    return list(found.values())
