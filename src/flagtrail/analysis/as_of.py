"""How did it stand at a moment of the past, and what did a context get then?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from flagtrail.analysis.exposure import concerns
from flagtrail.analysis.replay import Replay
from flagtrail.analysis.world import World, in_order, world
from flagtrail.changes.diff import same
from flagtrail.engine.interpret import interpret
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.errors import BeforeRecord
from flagtrail.model.resolution import Resolution
from flagtrail.model.state import State, Versioned, fold, held_after


class At(msgspec.Struct, frozen=True):
    """A moment: a time (a stamp; one in the future is the present), or right after the entry `seq`.

    A time asks what held then, as far as is known today, so it goes by the
    effective time of entries; a seq asks what the ledger said then. Neither is now.
    """

    time: str | None = None
    seq: int | None = None


class Evaluated(msgspec.Struct, frozen=True):
    """What a context got. `because` is the seq of the entry that made the answer this one; `seqs` are the entries
    that made the documents so that it rests on.
    """

    resolution: Resolution
    because: int
    seqs: tuple[int, ...]


def until(entries: Iterable[Entry], at: At) -> list[Entry]:
    """The entries that count at this moment, in the order in which they count."""
    if at.seq is not None:
        last = at.seq
        return sorted((entry for entry in entries if entry.seq <= last), key=lambda entry: entry.seq)
    return in_order(entry for entry in entries if at.time is None or entry.effective <= at.time)


def state_at(entries: Iterable[Entry], at: At) -> State:
    """Every document as it stood. Raises BeforeRecord where nothing is known of that moment."""
    counted = until(entries, at)
    if not counted:
        raise _before_record(at)
    return fold(counted)


def evaluate_at(
    entries: Iterable[Entry], project: str, environment: str, flag: str, context: Context, at: At
) -> Evaluated:
    """What the context got from the flag, and which entry made it so.

    `entries` are those of the flag and all it depends on (see
    `analysis/dependencies.py`). Raises BeforeRecord before the first of them.
    """
    counted = [entry for entry in until(entries, at) if concerns(entry, project, environment)]
    if not counted:
        raise _before_record(at)
    read = world(fold(counted), project, environment, flag)
    resolution = _resolve(read, flag, context)
    because = _made_by(counted, resolution, (project, environment, flag), context)
    return Evaluated(resolution, because, tuple(sorted(read.seqs)))


def made_by(
    entries: Iterable[Entry], project: str, environment: str, context: Context, at: At, since: str | None = None
) -> dict[str, int]:
    """By flag, the entry from which on the context got what it got at that moment, as far as one from `since` on did.

    `entries` are those of the project: how every document stood just before `since`, and all from then on.
    """
    replay = Replay(project, environment)
    answers: dict[str, Resolution] = {}
    found: dict[str, int] = {}
    for entry in until(entries, at):
        then = replay.interpreter(context)
        reached = replay.apply(entry)
        if since is not None and entry.effective < since:
            continue
        now = replay.interpreter(context)
        for flag in reached:
            before = answers.get(flag) or then.explain(flag).resolution
            answers[flag] = now.explain(flag).resolution
            if not alike(before, answers[flag]):
                found[flag] = entry.seq
    return found


def alike(one: Resolution, other: Resolution) -> bool:
    """Whether two answers are the same: variant, value and error."""
    return (one.variant, one.error) == (other.variant, other.error) and same(one.value, other.value)


def _resolve(read: World, flag: str, context: Context) -> Resolution:
    return interpret(read.flags, read.targetings, read.segments, flag, context).resolution


def _made_by(counted: Sequence[Entry], resolution: Resolution, where: tuple[str, str, str], context: Context) -> int:
    """The entry from which on the context got this variant and value: entries are taken back, newest first, until it
    would have got another.
    """
    state = fold(counted)
    before: dict[int, Entry] = {}
    newest: dict[str, Entry] = {}
    for entry in counted:
        path = entry.subject.path
        if path in newest:
            before[entry.seq] = newest[path]
        newest[path] = entry
    for entry in reversed(counted):
        older = before.get(entry.seq)
        held = Versioned(entry.subject, None, 0, entry.seq, entry.effective) if older is None else held_after(older)
        state = state.having((held,), size=state.size)
        was = _resolve(world(state, *where), where[2], context)
        if not alike(was, resolution):
            return entry.seq
    return counted[0].seq


def _before_record(at: At) -> BeforeRecord:
    when = at.time if at.seq is None else f"entry {at.seq}"
    return BeforeRecord(f"nothing is known of the time before {when}", at=when)
