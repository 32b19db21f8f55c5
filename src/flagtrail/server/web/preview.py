"""What the pages show of a preview: a matrix of variants before and after, where it is not too large to be read."""

from __future__ import annotations

import msgspec

from flagtrail.app.preview import (
    Estimate,
    FlagPreview,
    Served,
    Transition,
    about,
    breakdown_words,
    case_words,
    flag_words,
    value_words,
)

MAX_SIDE = 6
ERROR = "(error)"


class Row(msgspec.Struct, frozen=True):
    """The contexts that get one variant before: where they go, by the matrix's columns; None: nobody goes there."""

    before: str
    cells: tuple[Transition | None, ...]


class Matrix(msgspec.Struct, frozen=True):
    """Variants before (rows) and after (columns)."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def matrix(flag: FlagPreview) -> Matrix | None:
    """The flag's transitions as a matrix; None where it has too many variants for one."""
    found = {(each.before, each.after): each for each in flag.transitions}
    sides = [[each.variant for each in flag.served if held(each).count] for held in (_before, _after)]
    if max(map(len, sides)) > MAX_SIDE or flag.left_out:
        return None
    rows = tuple(Row(variant(one), tuple(found.get((one, other)) for other in sides[1])) for one in sides[0])
    return Matrix(tuple(map(variant, sides[1])), rows)


def variant(key: str | None) -> str:
    """A variant's key; `(error)` where the caller gets its own default."""
    return ERROR if key is None else key


def _before(served: Served) -> Estimate:
    return served.before


def _after(served: Served) -> Estimate:
    return served.after


__all__ = ["about", "breakdown_words", "case_words", "flag_words", "matrix", "value_words", "variant"]
