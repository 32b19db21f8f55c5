"""What an entry is found by, in one place, so that every store finds the same.

An entry has *terms* (exact: its flag, its actor, its actions ...) and *words*
(one folded text to look for substrings in). A question becomes conditions on
terms, a needle for the words, and a window of effective time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec
import orjson

from flagtrail.ledger.seal import unseal
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Touch
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.subject import Subject
from flagtrail.storage import CONTEXT_DAYS, Disclosure, EntryQuery, Record

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = 3_600_000_000
NEVER = "~"
"""Sorts after every time."""
_WORD = re.compile(r"\w+")
BETWEEN = "\x1f"
"""Stands around every text among the words, so that no substring reaches from one text into the next."""
_SHORT = "\x1e"
"""Stands around the words of one or two characters, which are too short to be found as substrings."""
_UNSAFE = str.maketrans(dict.fromkeys("\x00\x1e\x1f", " "))
SHORTEST_SUBSTRING = 3


def instant(text: str, name: str = "time") -> int:
    """Microseconds since 1970 of an RFC 3339 time; raises InvalidQuery naming the parameter `name`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - refused below, like every time without an offset
    if at.tzinfo is None:
        raise InvalidQuery(f"{name} {text!r} is not an RFC 3339 time with its offset", parameter=name)
    return (at - _EPOCH) // _MICROSECOND


def span(since: str | None, until: str | None) -> tuple[int, int]:
    """Both bounds of effective time, inclusive: of a question that sets none, all that a store can hold."""
    first = -(1 << 63) if since is None else instant(since, "since")
    return first, (1 << 63) - 1 if until is None else instant(until, "until")


def hour_from(text: str) -> str:
    """What the hour that a time lies in, and none before, is not less than: `2026-03-05T12`."""
    return _hour(instant(text, "since"))


def hour_until(text: str) -> str:
    """What hours that begin before a time, and no others, are less than."""
    try:
        return _hour(instant(text, "until") + _HOUR - 1)
    except OverflowError:
        return NEVER


def _hour(microseconds: int) -> str:
    at = _EPOCH + microseconds * _MICROSECOND
    return f"{at.year:04d}-{at:%m-%dT%H}"


def oldest_context(now: float) -> str:
    """The stamp before which sampled contexts are too old."""
    return (_EPOCH + timedelta(seconds=now) - timedelta(days=CONTEXT_DAYS)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def folded(text: str) -> str:
    """The text as it is compared: without case, without our separators, and always valid Unicode."""
    return text.encode(errors="backslashreplace").decode().translate(_UNSAFE).casefold()


def words(texts: Iterable[str]) -> str:
    """One text to look for needles in: every folded text between separators, then the short words."""
    whole = [folded(text) for text in texts if text]
    short = {word for text in whole for word in _WORD.findall(text) if len(word) < SHORTEST_SUBSTRING}
    marked = "".join(f"{_SHORT}{word}{_SHORT}" for word in sorted(short))
    return BETWEEN + "".join(text + BETWEEN for text in whole) + marked


def needle(text: str) -> str:
    """What to look for among words: a substring, or a whole word where it is shorter than three characters."""
    looked = folded(text).strip()
    if not looked:
        return ""
    return looked if len(looked) >= SHORTEST_SUBSTRING else f"{_SHORT}{looked}{_SHORT}"


def whole(text: str) -> str:
    """What to look for among words where one of the texts has to equal `text`."""
    return f"{BETWEEN}{folded(text)}{BETWEEN}"


def entry_words(entry: Entry) -> str:
    """The words of the entry itself: ticket and why."""
    return words((entry.ticket, entry.why))


@lru_cache(maxsize=1024)  # an append pays for it each time, and actors are few
def actor_words(actor: Actor) -> str:
    """Everything an actor is known by. An import is also known by the author it acts for."""
    author = actor.for_
    names = (actor.id, actor.name, actor.email)
    return words(names if author is None else (*names, author.name, author.email))


def subject_words(subject: Subject) -> str:
    """The parts of an address as people write them: `default/new_pricing/production`."""
    return words(["/".join(filter(None, (subject.project, subject.flag, subject.environment, subject.key)))])


def subject_term(path: str) -> str:
    """The term of the entry's own document."""
    return f"subject/{path}"


def entry_terms(entry: Entry, touches: Iterable[Touch]) -> set[str]:
    """Every term of an entry but its actor's, which each store numbers as it likes."""
    subject = entry.subject
    terms = {f"kind/{subject.kind}", subject_term(subject.path)}
    terms.update(f"action/{action}" for action in entry.actions)
    for path in entry.paths:
        clean = path.translate(_UNSAFE)
        terms.add(f"path/{clean}")
        # A key at the top is asked for most: one term for it saves reading those of everything below.
        terms.add(f"top/{_top(clean)}")
    terms.update(f"flag/{touch.flag}/{touch.project}/{touch.environment}" for touch in touches)
    if subject.project is not None:
        terms.add(f"project/{subject.project}")
    if subject.environment is not None:
        terms.add(f"environment/{subject.environment}")
    if subject.flag is not None:
        terms.add(f"flag/{subject.flag}/{subject.project}/{subject.environment or ''}")
    if subject.kind == "segment":
        terms.add(f"segment/{subject.key}/{subject.project}")
    return terms


def touches(terms: str, subject: Subject) -> tuple[Touch, ...]:
    """The flags that an entry of a subject touched, told from its joined terms."""
    own = f"flag/{subject.flag}/{subject.project}/{subject.environment or ''}"
    found = (term.split("/") for term in parted(terms) if term.startswith("flag/") and term != own)
    return tuple(sorted(Touch(project, flag, environment) for _, flag, project, environment in found))


def _top(path: str) -> str:
    return "/".join(path.split("/", 2)[:2])


def joined(terms: Iterable[str]) -> str:
    """An entry's terms as one text, in which conditions look for theirs."""
    return BETWEEN + BETWEEN.join(terms) + BETWEEN


def parted(terms: str) -> list[str]:
    """The terms of a joined text."""
    return terms.split(BETWEEN)


def as_json(values: Sequence[str] | Sequence[int]) -> str:
    """A list as one value that SQL can unfold."""
    return orjson.dumps(list(values)).decode()


def record(leaf: bytes, leaf_hash: bytes, disclosures: Sequence[Disclosure], terms: str) -> Record:
    """A record from its rows, as it was appended."""
    entry = unseal(leaf, {each.name: each.value for each in disclosures})
    return Record(entry, leaf, leaf_hash, tuple(disclosures), touches(terms, entry.subject))


class Condition(msgspec.Struct, frozen=True):
    """Holds for an entry that has one of the terms, or, with none named, a term that starts with `prefix`."""

    terms: tuple[str, ...] = ()
    prefix: str = ""

    def marks(self) -> tuple[str, ...]:
        """Texts of which one has to occur in the joined terms of an entry."""
        return tuple(joined((term,)) for term in self.terms) if self.terms else (BETWEEN + self.prefix,)


def hold(marks: Iterable[tuple[str, ...]], terms: str) -> bool:
    """Whether conditions, given as their marks, all hold for an entry with these joined terms."""
    return all(any(mark in terms for mark in alternatives) for alternatives in marks)


class Window(msgspec.Struct, frozen=True):
    """Half-open bounds of effective time, in microseconds since 1970; None is unbounded."""

    since: int | None = None
    until: int | None = None

    def holds(self, effective: int) -> bool:
        """Whether a time lies within."""
        return (self.since is None or effective >= self.since) and (self.until is None or effective < self.until)

    def misses(self, oldest: int, newest: int) -> bool:
        """Whether nothing between two times, both included, can lie within."""
        return (self.since is not None and newest < self.since) or (self.until is not None and oldest >= self.until)


def window(query: EntryQuery) -> Window:
    """The bounds that a question sets; raises InvalidQuery for a time that cannot be read."""
    return Window(
        None if query.since is None else instant(query.since, "since"),
        None if query.until is None else instant(query.until, "until"),
    )


def conditions(query: EntryQuery) -> list[Condition]:
    """What must hold of an entry's terms, the narrowest first; `actor`, `text` and the window are apart.

    Raises InvalidQuery for a flag without its project and for texts that are not Unicode.
    """
    for name in ("project", "flag", "environment", "segment", "kind", "actor", "action", "field"):
        value: str | None = getattr(query, name)
        if value is not None and folded(value) != value.translate(_UNSAFE).casefold():
            raise InvalidQuery(f"{name} is not valid Unicode", parameter=name)
    return list(_conditions(query))


def _conditions(query: EntryQuery) -> Iterator[Condition]:
    if query.flag is not None:
        if query.project is None:
            raise InvalidQuery("a flag's history needs the project too", parameter="project")
        touched = f"flag/{query.flag}/{query.project}/"
        if query.environment is None:
            yield Condition(prefix=touched)
        else:
            yield Condition((touched + query.environment, touched))
    if query.segment is not None:
        term = f"segment/{query.segment}/"
        yield Condition(prefix=term) if query.project is None else Condition((term + query.project,))
    if query.field is not None:
        field = query.field.translate(_UNSAFE)
        yield Condition(prefix=f"top/{field}" if field == _top(field) else f"path/{field}")
    if query.action is not None:
        yield Condition((f"action/{query.action}",))
    if query.kind is not None:
        yield Condition((f"kind/{query.kind}",))
    if query.environment is not None and query.flag is None:
        yield Condition((f"environment/{query.environment}",))
    if query.project is not None and query.flag is None:
        yield Condition((f"project/{query.project}",))
