"""The stages that the story's flags came to, as Flagtrail itself would have written them down at the time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

import msgspec

from flagtrail.app.demo.calendar import Calendar, Step
from flagtrail.app.demo.life import PRODUCTION, PROJECT, Life
from flagtrail.app.demo.usage import Served, silent_from
from flagtrail.changes.leaving_words import stage_words
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import EXPECTED_LIFETIME_DAYS, LifecycleKind
from flagtrail.model.stage import FlagStage, Stage
from flagtrail.model.subject import stage_subject

KINDS: dict[str, LifecycleKind] = {"decided": "experiment", "leftover": "operational"}
EVERYBODY = {"launched", "decided", "overdue"}
OFF = {"abandoned", "leftover"}
UNUSED = {"silent", "forgotten"}
LOOKED = timedelta(minutes=37)
"""How long after something came to hold the next look at it was."""
AGREED = 0.12
"""The part of launched flags that a team agreed to remove, and then did not get to."""


class Evidence(msgspec.Struct, frozen=True):
    """From when on a flag could go, and why."""

    since: datetime
    codes: tuple[str, ...]
    told: str
    variant: str | None = None


def going(life: Life, calendar: Calendar, seed: int) -> Iterator[Step]:
    """The moves of a flag that was left behind; of any other none."""
    found = _evidence(life, calendar, seed)
    if found is None:
        return
    days = EXPECTED_LIFETIME_DAYS[KINDS.get(life.row.life, "release")] or 0
    old = life.steps[0].at + timedelta(days=days)
    planned = "past_expected_lifetime"
    if old < found.since:
        kind = KINDS.get(life.row.life, "release")
        told = f"{planned}: {days} days old; a flag of the kind {kind} is expected to live {days}"
        yield _move(life, old + LOOKED, FlagStage("potentially_stale", (planned,)), told)
        found = msgspec.structs.replace(found, codes=(*found.codes, planned))
    stale = FlagStage("stale", found.codes, found.variant)
    yield _move(life, found.since + LOOKED, stale, f"{found.codes[0]}: {found.told}")
    agreed = calendar.day(found.since) + life.dice.randint(9, 40)
    if life.row.life == "launched" and life.dice.random() < AGREED and agreed < calendar.day(calendar.now):
        ready = FlagStage("ready_to_remove", found.codes, found.variant)
        operation = Operation(action="put", subject=stage_subject(PROJECT, life.row.key), value=encode(ready))
        why = life.words("{ticket}: agreed, the code goes with the next clean-up")
        yield Step(calendar.working(agreed, life.dice), life.steps[0].who, Change(operations=(operation,), why=why))


def _evidence(life: Life, calendar: Calendar, seed: int) -> Evidence | None:
    """What makes the flag stale in the end."""
    configured = _configured(life)
    unchanged = configured + timedelta(days=30)
    kind = life.row.life
    if kind == "never":
        told = "never evaluated in 30 days in which production, staging, development reported usage"
        return Evidence(life.steps[0].at + timedelta(days=30), ("never_evaluated",), told)
    if kind in OFF:
        told = "disabled in production, staging, development; configuration unchanged for 30 days"
        return Evidence(unchanged, ("off_everywhere",), told, "off")
    if kind in EVERYBODY or (kind == "silent" and life.percent == 100):  # noqa: PLR2004 - everybody
        variant = _kept(life)
        told = f"{variant} for everybody in production; configuration unchanged for 30 days"
        return Evidence(unchanged, ("one_variant",), told, variant)
    if kind in UNUSED:
        dice = Random(f"{seed}/usage/{life.row.key}")  # noqa: S311 - as usage.py does
        dice.random()
        silent = silent_from([Served(_configured(life, PRODUCTION), None)], calendar, dice)
        return Evidence(silent + timedelta(days=60), ("not_evaluated",), "last evaluated 60 days ago")
    return None


def _configured(life: Life, environment: str | None = None) -> datetime:
    """When the flag's targeting was last changed, in one environment or any."""
    return max(
        step.at
        for step in life.steps
        for operation in step.change.operations
        if operation.subject.kind == "targeting" and environment in {None, operation.subject.environment}
    )


def _kept(life: Life) -> str:
    """The variant that everybody gets in the end."""
    fallthroughs = [
        operation.value["fallthrough"]
        for step in sorted(life.steps, key=lambda step: step.at)
        for operation in step.change.operations
        if operation.action == "patch" and "fallthrough" in operation.value
    ]
    return "on" if life.row.life != "decided" else str(fallthroughs[-1]["variant"])


def _move(life: Life, at: datetime, document: FlagStage, told: str) -> Step:
    stage: Stage = document.stage
    operation = Operation(action="put", subject=stage_subject(PROJECT, life.row.key), value=encode(document))
    return Step(at, "system", Change(operations=(operation,), why=f"{stage_words(stage)}: {told}"))
