"""Taking in what applications tell of their use: by the server's clock, exactly once, and never without bounds."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import msgspec
import structlog

from flagtrail.app.clock import Clock, stamp
from flagtrail.model.document import is_key, is_variant_key
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import Flag, Json
from flagtrail.model.state import State
from flagtrail.model.usage import MAX_AGO_SECONDS, MAX_COUNT, SampledContext, Usage, UsageReport
from flagtrail.storage import ReportMark, Storage

log = structlog.get_logger()

MAX_NEW_NAMES = 1_000
"""Names that the server does not know, per environment and UTC day: flags, variants, rules; SDKs with applications."""
MAX_ROWS = 100_000
"""Different rows per environment and hour of the server's clock."""
MAX_CONTEXT_BYTES = 8_192
MAX_CLIENT, MAX_APPLICATION = 100, 200
FUTURE = timedelta(minutes=5)
"""How far ahead of the server's clock a reported time may be before it is not believed."""
OTHERS = "others"
"""The client that stands for all those beyond `MAX_NEW_NAMES`, and for who does not name itself."""
OWN = frozenset({"ofrep", "ofrep-bulk"})
"""The server's own surfaces, as it counts them."""


class Evaluated(msgspec.Struct, frozen=True):
    """So many evaluations of a variant by a rule at a moment, and who evaluated.

    `variant` is empty where the caller got its own default: the flag was not
    found, or could not be evaluated.
    """

    flag: str
    variant: str
    rule: str
    count: int
    at: datetime
    client: str
    application: str = ""


class Taken(msgspec.Struct, frozen=True):
    """What became of a report: whether it was `added` (not: it had come before), and how many evaluations were
    `dropped`, because they named what can be no flag or were beyond the bounds.
    """

    added: bool
    dropped: int = 0


class _Place:
    """What came of late from one environment: the day's new names, and the hour's rows (by hash)."""

    def __init__(self) -> None:
        self.day = self.hour = ""
        self.names: set[tuple[str, ...]] = set()
        self.rows: set[int] = set()
        self.told = False

    def move_to(self, now: str) -> None:
        """Forget the day and the hour that have passed."""
        day, hour = now[: len("2026-12-31")], now[: len("2026-12-31T23")]
        if day != self.day:
            self.day, self.names = day, set()
        if hour != self.hour:
            self.hour, self.rows, self.told = hour, set(), False

    def admit_name(self, *name: str) -> bool:
        """Whether a name that the server does not know may be kept."""
        if name not in self.names:
            if len(self.names) >= MAX_NEW_NAMES:
                return False
            self.names.add(name)
        return True

    def admit_row(self, key: tuple[str, ...]) -> bool:
        """Whether a row may be added to."""
        mark = hash(key)
        if mark not in self.rows:
            if len(self.rows) >= MAX_ROWS:
                return False
            self.rows.add(mark)
        return True


class UsageReports:
    """Adds what applications report to the storage at once. May be called from any thread.

    The bounds hold per process, so that nobody with a token can fill the database.
    """

    def __init__(self, storage: Storage, state: Callable[[], State], clock: Clock) -> None:
        self._storage = storage
        self._state = state
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[tuple[str, str], _Place] = {}
        self.taken: Counter[str] = Counter()
        """Since the start: reports that were `added` or `repeated`, `evaluations` that came so, those `dropped`."""

    def take(self, project: str, environment: str, report: UsageReport) -> Taken:
        """Add a report; one whose id came within a day adds nothing. Raises NotFound for an unknown environment.

        Its times are told by how long ago they were, so the application's clock does not matter.
        """
        now = self._clock()
        client = _reporter(report.sdk)
        application = _clean(report.application, MAX_APPLICATION)
        evaluated = [
            Evaluated(each.flag, each.variant, each.rule, each.count, at, client, application)
            for period in report.periods
            for at in [now - timedelta(seconds=period.ago)]
            for each in period.counts
        ]
        contexts = _contexts(project, environment, stamp(now), report.contexts)
        mark = hashlib.sha256(f"{project}/{environment}/{report.id}".encode()).hexdigest()
        return self._add(project, environment, evaluated, now, contexts, ReportMark(mark[:32], now.timestamp()))

    def take_events(self, project: str, environment: str, events: Iterable[Evaluated]) -> Taken:
        """Add evaluations that carry their own times; one that the server's clock makes incredible counts as now.

        Raises NotFound for an unknown environment. What is sent twice counts twice.
        """
        now = self._clock()
        oldest = now - timedelta(seconds=MAX_AGO_SECONDS)
        timed = [
            msgspec.structs.replace(
                each,
                at=min(each.at, now) if oldest <= each.at <= now + FUTURE else now,
                client=_reporter(each.client),
                application=_clean(each.application, MAX_APPLICATION),
            )
            for each in events
        ]
        return self._add(project, environment, timed, now, (), None)

    def variant_with(self, project: str, flag: str, value: Json) -> str:
        """The one variant of a flag that has the value, for reports that tell no variant; empty where none is.

        Some reporters write every value as a text of JSON: that is understood where no variant is that text.
        """
        known = self._state().flag(project, flag)
        variants = {} if known is None else known.variants
        for looked in (value, _read(value)):
            found = [key for key, held in variants.items() if _same(held, looked)]
            if found:
                return found[0] if len(found) == 1 else ""
        return ""

    def _add(
        self,
        project: str,
        environment: str,
        evaluated: Iterable[Evaluated],
        now: datetime,
        contexts: Iterable[SampledContext],
        mark: ReportMark | None,
    ) -> Taken:
        state = self._state()
        if state.environment(project, environment) is None:
            raise NotFound(f"there is no environment {environment!r} in project {project!r}", kind="environment")
        with self._lock:
            place = self._places.setdefault((project, environment), _Place())
            place.move_to(stamp(now))
            sorting = _Sorting(state, project, environment, place)
            for each in evaluated:
                sorting.add(each)
            tell = sorting.dropped and not place.told
            place.told = place.told or bool(tell)
        if tell:
            log.warning("usage.dropped", project=project, environment=environment, dropped=sorting.dropped)
        added = self._storage.add_usage(sorting.rows.values(), report=mark, contexts=contexts)
        with self._lock:
            self.taken["added" if added else "repeated"] += 1
            if added:
                self.taken["evaluations"] += sum(row.count for row in sorting.rows.values())
                self.taken["dropped"] += sorting.dropped
        return Taken(added, sorting.dropped if added else 0)


class _Sorting:
    """Makes rows of what was evaluated in one environment, as far as the bounds allow."""

    def __init__(self, state: State, project: str, environment: str, place: _Place) -> None:
        self._state, self._project, self._environment, self._place = state, project, environment, place
        self._known: dict[str, tuple[Flag | None, frozenset[str]]] = {}
        self._times: dict[datetime, tuple[str, str]] = {}
        self.rows: dict[tuple[str, ...], Usage] = {}
        self.dropped = 0

    def _stamps(self, at: datetime) -> tuple[str, str]:
        """The hour and the second of a moment; most evaluations of a report share theirs."""
        found = self._times.get(at)
        if found is None:
            hour = stamp(at.replace(minute=0, second=0, microsecond=0))
            found = self._times[at] = (hour, stamp(at.replace(microsecond=0)))
        return found

    def add(self, each: Evaluated) -> None:
        rule = self._named(each)
        hour, last = self._stamps(each.at)
        client, application = each.client, each.application
        if not self._place.admit_name("client", client, application):
            client, application = OTHERS, ""
        key = (each.flag, each.variant, rule or "", hour, client, application)
        if rule is None or not self._place.admit_row(key):
            self.dropped += each.count
            return
        held = self.rows.get(key)
        count = each.count if held is None else min(held.count + each.count, MAX_COUNT)
        self.rows[key] = Usage(
            self._project,
            self._environment,
            each.flag,
            each.variant,
            rule or "",
            hour,
            count,
            last if held is None else max(held.last, last),
            client,
            application,
        )

    def _named(self, each: Evaluated) -> str | None:
        """The rule to count under (none, where it is one too many), or None where flag or variant cannot be counted.

        A flag that the server does not know is worth knowing of: the code asks for it.
        """
        flag, rules = self._look_up(each.flag)
        admit = self._place.admit_name
        if flag is None and not (is_key(each.flag) and admit("flag", each.flag)):
            return None
        known = not each.variant or (flag is not None and each.variant in flag.variants)
        if not known and not (is_variant_key(each.variant) and admit("variant", each.flag, each.variant)):
            return None
        if not each.rule or each.rule in rules:
            return each.rule
        return each.rule if is_key(each.rule) and admit("rule", each.flag, each.rule) else ""

    def _look_up(self, key: str) -> tuple[Flag | None, frozenset[str]]:
        found = self._known.get(key)
        if found is None:
            targeting = self._state.targeting(self._project, key, self._environment)
            rules = frozenset(rule.id for rule in targeting.rules) if targeting is not None else frozenset[str]()
            found = self._known[key] = (self._state.flag(self._project, key), rules)
        return found


def _contexts(
    project: str, environment: str, now: str, contexts: Iterable[dict[str, Json]]
) -> Iterator[SampledContext]:
    """Contexts that evaluating could be asked for, and that are not too large."""
    for context in contexts:
        if isinstance(context.get("targetingKey", ""), str) and len(msgspec.json.encode(context)) <= MAX_CONTEXT_BYTES:
            yield SampledContext(project, environment, now, context)


def _read(value: Json) -> Json:
    """What a text says as JSON; whatever else it is, the value itself."""
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def _same(value: Json, other: Json) -> bool:
    """Equal in JSON's eyes, for which true is no number."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _reporter(name: str) -> str:
    """Who reports, as it names itself; not as one of the server's own surfaces, whose counts nobody else may add to."""
    told = _clean(name, MAX_CLIENT)
    return OTHERS if told in OWN else told or OTHERS


def _clean(text: str, most: int) -> str:
    """A name as it may stand in a table: printable, without white space at its ends, and not too long."""
    return "".join(filter(str.isprintable, text)).strip()[:most]
