"""Finding the entries that a question asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec

from flagtrail.storage import EntryQuery
from flagtrail.storage import _index as index
from flagtrail.storage._postgres import blocks
from flagtrail.storage._postgres.database import Connection, bounded

_FIRST_STEP, _STEP_GROWS, _LARGEST_STEP = 4, 4, 128
"""Blocks that are read at once: few at first, as most pages are full soon."""
_FIRST_LOOK, _LARGEST_LOOK = 256, 4096
"""Rows that are looked at at once."""
_LETTERS = 6
"""How many of a text's three letters are asked for: the rarest."""
_LOOK_PRICE = 2
"""Looking at a row costs about as much as reading so many sets."""
_FEW_TERMS = 16
_ENDS = "SELECT size, (SELECT coalesce(max(number) + 1, 0) FROM block) FROM ledger_head"
_BLOCKS = "SELECT number, oldest, newest FROM block WHERE number <= %s ORDER BY number DESC"
_OF_TERMS = "SELECT term, block, members FROM block_term WHERE term = ANY(%s) AND block = ANY(%s)"
_OF_PREFIX = "SELECT %s, block, members FROM block_term WHERE term >= %s AND term < %s AND block = ANY(%s)"
_RELATED = (
    "SELECT 'actor/' || id FROM actor WHERE strpos(words, %s) > 0"
    " UNION ALL SELECT 'subject/' || path FROM document WHERE strpos(words, %s) > 0"
)


class _Asked(msgspec.Struct, frozen=True):
    """What must hold of an entry. `related` are the terms of actors and documents among whose words the needle is."""

    conditions: tuple[index.Condition, ...]
    window: index.Window
    needle: str
    related: tuple[str, ...]


class _Left(msgspec.Struct):
    """What is left of a block: the set in question, those of it whose text is to be looked at, and whether the window
    is to be looked at.
    """

    number: int
    bits: int
    unsure: int
    partly: bool


def find(connection: Connection, query: EntryQuery) -> list[int]:
    """The seqs of the entries that match, newest first."""
    conditions = [_clean(condition) for condition in index.conditions(query)]
    window = index.window(query)
    if query.actor is not None:
        whole = index.whole(query.actor)
        actors = connection.execute("SELECT id FROM actor WHERE strpos(words, %s) > 0", (whole,)).fetchall()
        if not actors:
            return []
        conditions.insert(0, index.Condition(tuple(f"actor/{number}" for (number,) in actors)))
    needle = index.needle(query.text or "")
    related: tuple[str, ...] = ()
    if needle:
        related = tuple(term for (term,) in connection.execute(_RELATED, (needle, needle)))
    asked = _Asked(tuple(conditions), window, needle, related)
    ((size, number),) = connection.execute(_ENDS).fetchall()
    end = size if query.before is None else max(0, min(size, query.before))
    limit = bounded(max(query.limit, 0))
    found = chain(
        _newest(connection, asked, number * blocks.SIZE, end, limit),
        _older(connection, asked, min(end, number * blocks.SIZE)),
    )
    return list(islice(found, limit))


def _clean(condition: index.Condition) -> index.Condition:
    """Without NUL, which PostgreSQL takes in no text and no term holds: what has one finds nothing, as it should."""
    return index.Condition(
        tuple(term.replace("\0", index.BETWEEN) for term in condition.terms),
        condition.prefix.replace("\0", index.BETWEEN),
    )


def _newest(connection: Connection, asked: _Asked, low: int, end: int, limit: int) -> Iterator[int]:
    """Matching seqs after the last block, below `end`: each is looked at, by PostgreSQL."""
    if low >= end:
        return
    clauses, values = ["seq >= %s", "seq < %s"], list[object]([low, end])
    for condition in asked.conditions:
        clause, given = _holds(condition)
        clauses.append(clause)
        values += given
    clause, given = _looks(asked, text=True, window=True)
    sql = f"SELECT seq FROM entry_index WHERE {' AND '.join(clauses)}{clause} ORDER BY seq DESC LIMIT %s"  # noqa: S608 - the parts are our own text
    yield from (seq for (seq,) in connection.execute(sql.encode(), [*values, *given, limit]))


def _holds(condition: index.Condition) -> tuple[str, list[object]]:
    """SQL for a condition on the joined terms of a row, and its values."""
    if len(condition.terms) > _FEW_TERMS:
        return f"string_to_array(terms, '{index.BETWEEN}') && %s", [list(condition.terms)]
    marks = condition.marks()
    return f"({' OR '.join(['strpos(terms, %s) > 0'] * len(marks))})", list(marks)


def _looks(asked: _Asked, *, text: bool, window: bool) -> tuple[str, list[object]]:
    """SQL for what a row has to be looked at for, and its values."""
    clause, values = "", list[object]()
    if text and asked.needle and asked.related:
        related, terms = _holds(index.Condition(asked.related))
        clause, values = f" AND (strpos(words, %s) > 0 OR {related})", [asked.needle, *terms]
    elif text and asked.needle:
        clause, values = " AND strpos(words, %s) > 0", [asked.needle]
    if window and asked.window.since is not None:
        clause, values = f"{clause} AND effective >= %s", [*values, asked.window.since]
    if window and asked.window.until is not None:
        clause, values = f"{clause} AND effective < %s", [*values, asked.window.until]
    return clause, values


def _older(connection: Connection, asked: _Asked, end: int) -> Iterator[int]:
    """Matching seqs within blocks, below `end`."""
    if end <= 0:
        return
    wanted = [
        (number, not (asked.window.holds(oldest) and asked.window.holds(newest)))
        for number, oldest, newest in connection.execute(_BLOCKS, ((end - 1) // blocks.SIZE,))
        if not asked.window.misses(oldest, newest)
    ]
    letters = _rarest(connection, asked.needle, [number for number, _ in wanted[:1]])
    step, at = _FIRST_STEP, 0
    while at < len(wanted):
        left = [
            _Left(
                number, blocks.EVERY if end >= (number + 1) * blocks.SIZE else (1 << end % blocks.SIZE) - 1, 0, partly
            )
            for number, partly in wanted[at : at + step]
        ]
        left = _narrowed(connection, asked, left)
        if asked.needle:
            left = _with_text(connection, asked, letters, left)
        yield from _looked_at(connection, asked, left)
        at, step = at + step, min(step * _STEP_GROWS, _LARGEST_STEP)


def _narrowed(connection: Connection, asked: _Asked, left: list[_Left]) -> list[_Left]:
    """What the conditions leave of blocks; those of which nothing is left are gone."""
    for condition in asked.conditions:
        sets = _sets(connection, condition, [each.number for each in left])
        for each in left:
            each.bits &= sets.get(each.number, 0)
        left = [each for each in left if each.bits]
    return left


def _sets(connection: Connection, condition: index.Condition, numbers: list[int]) -> dict[int, int]:
    """The sets of one condition, by block."""
    found: dict[int, int] = {}
    if condition.terms:
        rows = connection.execute(_OF_TERMS, (list(condition.terms), numbers), binary=True)
    else:
        prefix = condition.prefix
        rows = connection.execute(_OF_PREFIX, (prefix, prefix, prefix + "\U0010ffff", numbers), binary=True)
    for _, number, members in rows:
        found[number] = found.get(number, 0) | blocks.unpack(members)
    return found


def _rarest(connection: Connection, needle: str, newest: list[int]) -> list[str]:
    """The terms of the needle's three letters that are rarest in the newest block that is asked for."""
    terms = [blocks.text_term(letters) for letters in blocks.trigrams(needle)]
    if len(terms) <= _LETTERS or not newest:
        return terms
    counts = dict.fromkeys(terms, 0)
    for term, _, members in connection.execute(_OF_TERMS, (terms, newest), binary=True):
        counts[term] = blocks.unpack(members).bit_count()
    return sorted(terms, key=lambda term: counts[term])[:_LETTERS]


def _with_text(connection: Connection, asked: _Asked, letters: Sequence[str], left: list[_Left]) -> list[_Left]:
    """What the text leaves of blocks, and of that what is to be looked at."""
    numbers = [each.number for each in left]
    rows = sum(each.bits.bit_count() for each in left)
    if rows * _LOOK_PRICE <= (len(letters) + len(asked.related)) * len(left):
        for each in left:
            each.unsure = each.bits
        return left
    related = _sets(connection, index.Condition(asked.related), numbers) if asked.related else {}
    found: dict[str, dict[int, int]] = {term: {} for term in letters}
    for term, number, members in connection.execute(_OF_TERMS, (list(letters), numbers), binary=True):
        found[term][number] = blocks.unpack(members)
    for each in left:
        each.unsure = each.bits & ~related.get(each.number, 0)
        for term in letters:
            each.unsure &= found[term].get(each.number, 0)
        each.bits = (each.bits & related.get(each.number, 0)) | each.unsure
    return [each for each in left if each.bits]


def _looked_at(connection: Connection, asked: _Asked, left: Sequence[_Left]) -> Iterator[int]:
    """The seqs of what is left, newest first, when all that is unsure was looked at."""
    waiting: list[tuple[int, bool, bool]] = []
    many = _FIRST_LOOK
    for each in left:
        low = each.number * blocks.SIZE
        for offset in blocks.offsets(each.bits):
            waiting.append((low + offset, bool(each.unsure >> offset & 1), each.partly))
            if len(waiting) >= many:
                yield from _sure(connection, asked, waiting)
                waiting, many = [], min(many * 2, _LARGEST_LOOK)
    yield from _sure(connection, asked, waiting)


def _sure(connection: Connection, asked: _Asked, waiting: Sequence[tuple[int, bool, bool]]) -> list[int]:
    """Those that hold: each is a seq, whether its text is unsure, and whether its time is."""
    held: set[int] = {seq for seq, text, window in waiting if not text and not window}
    for text, window in ((True, False), (False, True), (True, True)):
        seqs = [seq for seq, unsure, partly in waiting if (unsure, partly) == (text, window)]
        if seqs:
            clause, values = _looks(asked, text=text, window=window)
            rows = connection.execute(
                f"SELECT seq FROM entry_index WHERE seq = ANY(%s){clause}".encode(),  # noqa: S608 - the parts are our own text
                [seqs, *values],
            )
            held.update(seq for (seq,) in rows)
    return [seq for seq, _, _ in waiting if seq in held]
