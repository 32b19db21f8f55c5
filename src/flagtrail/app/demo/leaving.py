"""The lives of flags that could go, in all the ways in which flags are left behind, and of those that did go."""

from __future__ import annotations

from collections.abc import Callable

from flagtrail.app.demo import words
from flagtrail.app.demo.calendar import DAYS
from flagtrail.app.demo.lasting import equal_parts, experiment_variants
from flagtrail.app.demo.life import (
    PRODUCTION,
    STAGING,
    Life,
    attribute,
    divided,
    flag_of,
    only,
    rule,
    segment,
)

STEPS = (5, 10, 25, 50, 100)


def _raised_to(life: Life, day: float, highest: int, pace: float) -> float:
    """Raise the percentage step by step, with a setback now and then; the day of the last step."""
    setback = life.dice.random() < 0.3  # noqa: PLR2004 - three of ten
    for percent in STEPS:
        if percent > highest:
            break
        first = percent == STEPS[0]
        reasons = words.LAUNCH if first else words.FULL if percent == STEPS[-1] else words.RAISE
        life.roll_out(day, percent, reasons, **({"enabled": True} if first else {}))
        if percent == 25 and setback:  # noqa: PLR2004 - in the middle
            life.roll_out(day + pace / 3, 0, words.ROLLBACK)
            life.roll_out(day + pace, 10, words.AGAIN)
            day += pace
        day += life.dice.uniform(pace / 2, pace)
    return day


def _started(life: Life, latest: int) -> float:
    """Create a release and try it before customers see it; the day on which it may go out."""
    born = life.dice.randint(30, latest)
    planned = life.dice.random() < 0.4  # noqa: PLR2004 - some teams write down when it should go
    remove_by = f"{life.calendar.moment(born + 60):%Y-%m-%d}" if planned else None
    life.create(born, flag_of(life.row, "release", remove_by=remove_by))
    return born + life.dice.randint(4, 14)


def launched(life: Life) -> None:
    """Everybody has it, and has had it for long; the code still asks."""
    _raised_to(life, _started(life, 560), 100, life.dice.uniform(3, 11))
    if life.dice.random() < 0.4:  # noqa: PLR2004 - some
        life.set(life.last_day + 1, STAGING, words.TEST, fallthrough=only("on"))


def decided(life: Life) -> None:
    """An experiment that was won; the winner goes to everybody."""
    born = life.dice.randint(60, 600)
    variants = experiment_variants(life)
    life.create(born, flag_of(life.row, "experiment", "string", variants), off_variant="control")
    parts = divided(*equal_parts(list(variants)))
    life.set(born + 4, PRODUCTION, words.EXPERIMENT, enabled=True, off_variant="control", fallthrough=parts)
    winner = life.dice.choice(list(variants))
    reason = life.words(words.DECIDED, winner=winner)
    life.set_everywhere(born + life.dice.randint(25, 45), reason, fallthrough=only(winner))


def forgotten(life: Life) -> None:
    """Stopped half-way when the team turned to something else; its code is gone, its percentage stands."""
    _raised_to(life, _started(life, 560), life.dice.choice((25, 50)), life.dice.uniform(3, 9))


def overdue(life: Life) -> None:
    """Meant to be gone by a date that has passed; on for everybody, to be on the safe side."""
    born = life.dice.randint(90, 480)
    promised = f"{life.calendar.moment(born + 90):%Y-%m-%d}"
    life.create(born, flag_of(life.row, "release", remove_by=promised))
    accounts = life.dice.sample(("acme", "dunmore", "gantry", "ironbark", "halcyon"), 2)
    late = [rule("late", "customers who still need it", attribute("account", "in", *accounts))]
    life.set(born + 8, PRODUCTION, words.PLAN, enabled=True, rules=late, fallthrough=only("off"))
    reason = "{ticket}: for everybody until the date of removal; the list of accounts grew too long"
    life.set(born + life.dice.randint(20, 60), PRODUCTION, reason, rules=[], fallthrough=only("on"))
    put_off = f"{life.calendar.moment(DAYS - life.dice.randint(12, 120)):%Y-%m-%d}"
    life.edit(born + 88, "{ticket}: not yet, put off for the last time", lifecycle={"remove_by": put_off})


def silent(life: Life) -> None:
    """Nobody asks any more: the code was removed, the flag was not."""
    day = _started(life, 420)
    if life.dice.random() < 0.5:  # noqa: PLR2004 - half
        _raised_to(life, day, 100, life.dice.uniform(2, 6))
    else:
        eu = [rule("eu", "customers in the EU", segment("eu"))]
        life.set(day, PRODUCTION, words.PLAN, enabled=True, rules=eu, fallthrough=only("off"))


def never(life: Life) -> None:
    """Created for something that was never built."""
    born = life.dice.randint(100, 640)
    life.create(born, flag_of(life.row, "release"))
    if life.dice.random() < 0.4:  # noqa: PLR2004 - some
        employees = [rule("employees", "ourselves first", segment("employees"))]
        life.set(born + 9, PRODUCTION, words.OURSELVES, enabled=True, rules=employees, fallthrough=only("off"))


def abandoned(life: Life) -> None:
    """Turned off after a bad start, and never spoken of again."""
    day = _raised_to(life, _started(life, 540), 25, life.dice.uniform(3, 8))
    life.set(day + 1, PRODUCTION, words.ROLLBACK, enabled=False)
    life.set_everywhere(day + 3, "{ticket}: will not be built", enabled=False)


def leftover(life: Life) -> None:
    """Meant for days, turned off after them, there for months."""
    born = life.dice.randint(500, 650)
    life.create(born, flag_of(life.row, "operational"), words.OPERATIONS)
    life.roll_out(born + 1, life.dice.choice((5, 20, 50)), words.OPERATIONS, enabled=True)
    life.set_everywhere(born + life.dice.randint(4, 12), "{ticket}: found what we looked for, off", enabled=False)


def removed(life: Life) -> None:
    """Launched, taken out of the code, archived and at last deleted, as it should be."""
    _raised_to(life, _started(life, 420), 100, life.dice.uniform(3, 8))
    day = life.last_day + life.dice.randint(20, 60)
    life.edit(day, words.ARCHIVE, archived=True)
    if life.dice.random() < 0.3:  # noqa: PLR2004 - three of ten
        life.edit(day + 1, "the mobile app of last month still reads it", archived=False)
        day += 40
        life.edit(day, words.ARCHIVE, archived=True)
    life.delete(min(day + 32, DAYS - 7), words.DELETE)


LIVES: dict[str, Callable[[Life], None]] = {
    "launched": launched,
    "decided": decided,
    "forgotten": forgotten,
    "overdue": overdue,
    "silent": silent,
    "never": never,
    "abandoned": abandoned,
    "leftover": leftover,
    "removed": removed,
}
