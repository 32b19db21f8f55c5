"""One flag's life while it is written: who does what on which day, in whose words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from flagtrail.app.demo import words
from flagtrail.app.demo.calendar import DAYS, Calendar, Step
from flagtrail.app.demo.catalogue import TICKETS, Row
from flagtrail.app.demo.people import at_work
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition, Operator
from flagtrail.model.document import encode
from flagtrail.model.flag import Flag, FlagType, Json, Lifecycle, LifecycleKind
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.targeting import Rule, Serve

PROJECT = "default"
PRODUCTION, STAGING, DEVELOPMENT = "production", "staging", "development"
ON_OFF: dict[str, Json] = {"on": True, "off": False}


class Life:
    """Collects the steps of one flag, in order of time. Days are days of the story."""

    def __init__(self, row: Row, calendar: Calendar, seed: int) -> None:
        self.row = row
        self.calendar = calendar
        self.dice = Random(f"{seed}/{row.key}")  # noqa: S311 - a story needs no secrets
        self.steps: list[Step] = []
        self.percent = 0
        self._last = calendar.first
        self._author = ""
        self._project_ticket = ""

    @property
    def last_day(self) -> int:
        """The day of the latest step."""
        return self.calendar.day(self._last)

    def create(self, day: float, flag: Flag, why: Sequence[str] = words.CREATE, **targeting: Any) -> None:  # noqa: ANN401 - parts of a patch
        """Create the flag, enabled in development and on staging; `targeting` is patched into both."""
        at = self._moment(day)
        self._author = self.dice.choice(at_work(self.row.team, self.calendar.day(at))).key
        self._project_ticket = self._ticket(self.calendar.day(at))
        operations = [Operation(action="create", subject=flag_subject(PROJECT, flag.key), value=encode(flag))]
        operations += [self._patched(env, {"enabled": True, **targeting}) for env in (DEVELOPMENT, STAGING)]
        self._add(at, self._author, operations, self.words(why))

    def set(self, day: float, environment: str, why: Sequence[str] | str, **patch: Any) -> None:  # noqa: ANN401 - parts of a patch
        """Patch the targeting in one environment."""
        self._add(self._moment(day), self._someone(day), [self._patched(environment, patch)], self.words(why))

    def set_everywhere(self, day: float, why: Sequence[str] | str, **patch: Any) -> None:  # noqa: ANN401 - parts of a patch
        """Patch the targeting in every environment, all at once."""
        operations = [self._patched(environment, patch) for environment in (PRODUCTION, STAGING, DEVELOPMENT)]
        self._add(self._moment(day), self._someone(day), operations, self.words(why))

    def edit(self, day: float, why: Sequence[str] | str, **patch: Any) -> None:  # noqa: ANN401 - parts of a patch
        """Patch the flag itself."""
        subject = flag_subject(PROJECT, self.row.key)
        operation = Operation(action="patch", subject=subject, value=patch)
        self._add(self._moment(day), self._someone(day), [operation], self.words(why))

    def roll_out(self, day: float, percent: int, why: Sequence[str] | str, **patch: Any) -> None:  # noqa: ANN401 - parts of a patch
        """Set the percentage in production, together with what `patch` says."""
        subject = targeting_subject(PROJECT, self.row.key, PRODUCTION)
        operations = [self._patched(PRODUCTION, patch)] if patch else []
        operations.append(Operation(action="rollout", subject=subject, value={"percent": percent}))
        reason = self.words(why, before=self.percent, percent=percent)
        self.percent = percent
        self._add(self._moment(day), self._someone(day), operations, reason)

    def delete(self, day: float, why: Sequence[str]) -> None:
        """Delete the flag and its targetings."""
        operation = Operation(action="delete", subject=flag_subject(PROJECT, self.row.key))
        self._add(self._moment(day), self._someone(day), [operation], self.words(why))

    def at(self, moment: datetime, who: str, operations: Sequence[Operation], why: str, ticket: str = "") -> None:
        """A step at an exact moment by a named person, in exact words."""
        self._add(moment, who, list(operations), why, ticket)

    def everyday(self) -> None:
        """What goes on beside the plan between the first step and the last: tests, and order being kept."""
        first = self.calendar.day(self.steps[0].at) + 1
        days = self.last_day + 1 - first
        for number in range(min(4, days // 12)):
            at = self.calendar.working(first + self.dice.random() * (days - 3), self.dice)
            at = max(at, self.steps[0].at + timedelta(hours=1))
            if number == 0:
                self._edit_details(at)
            else:
                self._test(at, self.dice.choice((STAGING, DEVELOPMENT)))

    def _edit_details(self, at: datetime) -> None:
        """A tag, or a word more in the description."""
        value: dict[str, Json] = {"tags": sorted({*self.row.tags, self.dice.choice(words.TAGS)})}
        why = words.TAGGED
        if self.dice.random() < 0.4:  # noqa: PLR2004 - less often
            value = {"description": f"{self.row.description} See {self._ticket(self.calendar.day(at))}."}
            why = words.DETAILS
        edit = Operation(action="patch", subject=flag_subject(PROJECT, self.row.key), value=value)
        self._insert(at, edit, self.words(why))

    def _test(self, at: datetime, environment: str) -> None:
        """Off for an hour or a day, to see what the code does then; mostly by the pipeline."""
        automatic = self.dice.random() < 0.6  # noqa: PLR2004 - more often than not
        who = "token:ci" if automatic else self._someone(self.calendar.day(at))
        off, on = words.PIPELINE if automatic else self.dice.choice(words.TESTS)
        later = at + timedelta(seconds=self.dice.randint(300, 2_400) if automatic else self.dice.randint(900, 28_000))
        self._insert(at, self._patched(environment, {"enabled": False}), off, who)
        self._insert(later, self._patched(environment, {"enabled": True}), on, who)

    def _insert(self, at: datetime, operation: Operation, why: str, who: str | None = None) -> None:
        person = who or self._someone(self.calendar.day(at))
        self.steps.append(Step(at, person, Change(operations=(operation,), why=why)))

    def words(self, why: Sequence[str] | str, **facts: object) -> str:
        """One of the sentences, with this life's facts in it."""
        sentence = why if isinstance(why, str) else self.dice.choice(why)
        release = f"{self._last:%Y}.{self._last:%m}.{self.dice.randint(1, 4)}"
        known: dict[str, object] = {"ticket": self._project_ticket, "team": self.row.team, "release": release}
        known |= {"incident": 100 + self.last_day // 4, "gain": self.dice.randint(2, 9), "p": self.dice.randint(1, 4)}
        return sentence.format_map(known | facts)

    def _patched(self, environment: str, patch: dict[str, Json]) -> Operation:
        subject = targeting_subject(PROJECT, self.row.key, environment)
        return Operation(action="patch", subject=subject, value=encode_parts(patch))

    def _add(self, at: datetime, who: str, operations: list[Operation], why: str, ticket: str = "") -> None:
        self._last = max(at, self._last)
        ticket = ticket or (self._project_ticket if self._project_ticket in why or self.dice.random() < 0.5 else "")  # noqa: PLR2004 - half of them
        self.steps.append(Step(at, who, Change(operations=tuple(operations), why=why, ticket=ticket)))

    def _moment(self, day: float) -> datetime:
        """In the working hours of the day, and after everything before it."""
        at = self.calendar.working(day, self.dice)
        soonest = self._last + timedelta(seconds=self.dice.randint(240, 5400))
        return max(at, soonest)

    def _someone(self, day: float) -> str:
        """Mostly the author, while at work; else somebody of the team."""
        team = [person.key for person in at_work(self.row.team, min(int(day), DAYS))]
        return self._author if self._author in team and self.dice.random() < 0.65 else self.dice.choice(team)  # noqa: PLR2004 - two times of three

    def _ticket(self, day: int) -> str:
        """A number of the team's tracker as it stood then: about six tickets in ten days."""
        return f"{TICKETS[self.row.team]}-{40 + day * 53 // 100 + self.dice.randint(-6, 6)}"


def flag_of(
    row: Row,
    kind: LifecycleKind,
    type_: FlagType = "boolean",
    variants: dict[str, Json] | None = None,
    remove_by: str | None = None,
) -> Flag:
    """The flag that a row describes."""
    return Flag(
        key=row.key,
        type=type_,
        variants=variants or ON_OFF,
        description=row.description,
        owner=row.team,
        tags=row.tags,
        lifecycle=Lifecycle(kind, remove_by),
    )


def rule(id_: str, description: str, when: Condition, variant: str = "on") -> Rule:
    """A rule that serves one variant."""
    return Rule(id_, when, Serve(variant=variant), description)


def attribute(name: str, operator: Operator, *values: Json) -> Condition:
    """A test of one attribute."""
    return Condition(attribute=name, operator=operator, values=values)


def segment(key: str) -> Condition:
    """The named segment."""
    return Condition(segment=key)


def only(variant: str) -> dict[str, Json]:
    """A fallthrough's merge patch: one variant for everybody, whatever was served before."""
    return {"variant": variant, "split": None, "by": None, "salt": None, "bucketing": None}


def divided(*shares: tuple[str, int]) -> dict[str, Json]:
    """A fallthrough's merge patch: a split in per cent."""
    return {"variant": None, "split": [{"variant": variant, "weight": weight * 1000} for variant, weight in shares]}


def encode_parts(patch: dict[str, Json]) -> dict[str, Json]:
    """The patch as plain JSON: rules may stand in it as structs."""
    plain = dict(patch)
    if "rules" in plain:
        plain["rules"] = [encode(each) for each in plain["rules"]]
    return plain
