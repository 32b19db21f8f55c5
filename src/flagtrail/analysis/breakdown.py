"""Which contexts a change reaches, by the values of an attribute; and which attribute tells them apart best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias

import msgspec

from flagtrail.analysis.estimate import Estimate, estimate
from flagtrail.engine.attributes import EXACT, plain, read
from flagtrail.model.context import TARGETING_KEY, Context
from flagtrail.model.flag import Json

MAX_ROWS = 10
MAX_ATTRIBUTES = 50
"""Attributes that are looked at when none was named: the most frequent ones."""
MAX_VALUES = 50
"""An attribute with more values than these identifies contexts rather than telling groups of them apart."""
LEAST_EXPLAINED = 0.1

_Marked: TypeAlias = tuple[type, Json]


class Row(msgspec.Struct, frozen=True):
    """The contexts with one value of the attribute (null: without it), and how many of them get another value."""

    value: Json
    contexts: int
    changed: Estimate


class Breakdown(msgspec.Struct, frozen=True):
    """Rows by one attribute, the most frequent values first; `others` adds up the `left_out` values beyond them."""

    attribute: str
    rows: tuple[Row, ...]
    others: Row | None = None
    left_out: int = 0


class Columns:
    """The values of attributes over the same contexts, each read once for all the flags that are broken down by it."""

    def __init__(self, contexts: Sequence[Context], by: Collection[str] = ()) -> None:
        """`by` are the attributes that were asked for; without any, the telling one of those there are is chosen."""
        self._contexts = contexts
        self._chosen = not by
        names = by or _frequent(contexts)
        columns = {name: [_mark(read(context, name)) for context in contexts] for name in names}
        totals = {name: Counter(column) for name, column in columns.items()}
        if self._chosen:
            columns = {name: column for name, column in columns.items() if 1 < len(totals[name]) <= MAX_VALUES}
        self._columns, self._totals = columns, totals

    def breakdowns(self, changed: Sequence[int]) -> tuple[Breakdown, ...]:
        """By each attribute that was asked for, or by the telling one, if one is; `changed` are places of contexts."""
        if not self._chosen:
            return tuple([self._by(name, self._count(name, changed)) for name in self._columns])
        whole = len(self._contexts)
        if not 0 < len(changed) < whole:
            return ()
        counts = {name: self._count(name, changed) for name in self._columns}
        told = {name: _explained(self._totals[name], counts[name], whole, len(changed)) for name in counts}
        best = max(told, key=told.__getitem__, default=None)
        return () if best is None or told[best] < LEAST_EXPLAINED else (self._by(best, counts[best]),)

    def _count(self, name: str, changed: Sequence[int]) -> Counter[_Marked]:
        return Counter(map(self._columns[name].__getitem__, changed))

    def _by(self, name: str, counts: Counter[_Marked]) -> Breakdown:
        values = sorted(self._totals[name].items(), key=lambda item: (-item[1], str(item[0][1])))
        rows = tuple([_row(mark[1], contexts, counts[mark]) for mark, contexts in values[:MAX_ROWS]])
        rest = values[MAX_ROWS:]
        if not rest:
            return Breakdown(name, rows)
        others = _row(None, sum(total for _, total in rest), sum(counts[mark] for mark, _ in rest))
        return Breakdown(name, rows, others, len(rest))


def _row(value: Json, contexts: int, changed: int) -> Row:
    return Row(value, contexts, estimate(changed, contexts))


def _frequent(contexts: Iterable[Context]) -> list[str]:
    found = Counter(name for context in contexts for name in context if name != TARGETING_KEY)
    return [name for name, _ in found.most_common(MAX_ATTRIBUTES)]


def _mark(value: object) -> _Marked:
    """A value that can be counted: Python takes `1` for `true`, and cannot hash a list."""
    value = plain(value)
    if value is None or type(value) in EXACT:
        return type(value), value
    return list, msgspec.json.encode(value, enc_hook=repr).decode()


def _explained(totals: Counter[_Marked], counts: Counter[_Marked], whole: int, changed: int) -> float:
    """The part of the variance of "gets another value" between the values: adjusted R squared, so that an attribute
    does not win by having many values.
    """
    groups = len(totals)
    if whole <= groups:
        return 0.0
    mean = changed / whole
    between = sum(total * (counts[mark] / total - mean) ** 2 for mark, total in totals.items())
    squared = between / (whole * mean * (1 - mean))
    return 1 - (1 - squared) * (whole - 1) / (whole - groups)
