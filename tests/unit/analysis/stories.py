"""Random histories in which everything happens that can alter an answer, for properties of analysis."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.unit.analysis.histories import ENTERPRISE, ENV, GERMAN, OFF, ON, History, P, at, rule, split, targeting

from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.entry import Entry
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Targeting

FLAGS = ("f", "g", "h")
SEGMENTS = ("beta", "inner")
CONTEXTS: tuple[Context, ...] = (
    {"targetingKey": "u1", "country": "DE", "plan": "enterprise"},
    {"targetingKey": "u2", "country": "AT", "plan": "free"},
    {"targetingKey": "u3", "country": "DE", "plan": "free"},
    {"plan": "enterprise"},
)


def story(dice: random.Random, most: int = 14) -> list[Entry]:
    """Entries as the ledger learned them: several at one instant, and some that tell of earlier days."""
    history, day = History(), 1
    history.flag("f", at(1))
    for _ in range(dice.randint(2, most)):
        day += dice.choice((0, 0, 1, 1, 1, 2))
        occurred = at(dice.randint(1, day)) if dice.random() < 0.15 else None
        dice.choice(_EVENTS)(dice, history, at(day), occurred)
    return history.entries


def _definition(dice: random.Random, history: History, time: str, occurred: str | None) -> None:
    key = dice.choice(FLAGS)
    flag = None if dice.random() < 0.2 else boolean_flag(key, archived=dice.random() < 0.2, owner=dice.choice("ab"))
    history.put(flag_subject(P, key), flag, time, occurred_at=occurred)


def _targeting(dice: random.Random, history: History, time: str, occurred: str | None) -> None:
    key = dice.choice(FLAGS)
    environment = ENV if dice.random() < 0.9 else "staging"
    history.put(targeting_subject(P, key, environment), _served(dice, key), time, occurred_at=occurred)


def _segment(dice: random.Random, history: History, time: str, occurred: str | None) -> None:
    key = dice.choice(SEGMENTS)
    nested = [Condition(segment="inner")] * 2 if key == "beta" else []
    other = [Condition(flag="h", variants=("on",))] if key == "inner" else []
    when = dice.choice([GERMAN, ENTERPRISE, *nested, *other])
    segment = None if dice.random() < 0.15 else Segment(key, when, dice.choice("ab"))
    history.put(segment_subject(P, key), segment, time, occurred_at=occurred)


def _served(dice: random.Random, key: str) -> Targeting | None:
    if dice.random() < 0.1:
        return None
    conditions = [GERMAN, ENTERPRISE, Condition(segment="beta"), Condition(not_=Condition(segment="inner"))]
    later = [flag for flag in FLAGS if flag > key]
    conditions += [Condition(flag=flag, variants=("on",)) for flag in later]
    serves = [ON, OFF, split(key, on=30_000, off=70_000)]
    rules = [rule(dice.choice(conditions), dice.choice(serves), f"r{n}") for n in range(dice.randint(0, 2))]
    needs = [dice.choice(later)] if later and dice.random() < 0.4 else []
    return targeting(dice.choice(serves), *rules, enabled=dice.random() < 0.85, needs=needs)


_EVENTS: tuple[Callable[[random.Random, History, str, str | None], None], ...] = (
    _definition,
    _targeting,
    _targeting,
    _targeting,
    _segment,
    _segment,
)
