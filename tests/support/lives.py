"""Random lives of an installation through the change flow, with what the live engine answered on the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from tests.support.installation import ADA, Clock, Shop, make, put

from flagtrail.app.evaluate import Evaluation
from flagtrail.app.usage import UsageCounter
from flagtrail.model.change import Operation
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.environment import Environment
from flagtrail.model.errors import FlagtrailError, NotFound
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.resolution import Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.subject import environment_subject, flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Prerequisite, Rule, Serve, Share, Targeting

PROJECT = "shop"
FLAGS = ("checkout", "pricing", "search", "theme")
ENVIRONMENTS = ("production", "preview")
CONTEXTS: tuple[Context, ...] = (
    *(
        {"targetingKey": f"u{number}", "plan": plan, "country": country}
        for number, (plan, country) in enumerate([("pro", "DE"), ("pro", "AT"), ("free", "DE"), ("team", "CH")] * 3)
    ),
    {"plan": "pro"},
    {},
)
MADE = 6
"""Entries of the first start: to take them back would be to delete the project."""

Answers = dict[str, Resolution] | None
"""What each flag answered; None where there was no such environment."""


class Moment(NamedTuple):
    """An instant, the ledger's newest seq then, and what the live engine answered: by environment, one per context."""

    time: str
    seq: int
    live: dict[str, list[Answers]]


def live(dice: random.Random, steps: int) -> tuple[Shop, list[Moment]]:
    """A shop after so many changes (some of which are refused), and what it answered after each."""
    shop = Shop().set_up()
    evaluation = Evaluation(lambda: shop.changes.state, UsageCounter(shop.storage, shop.clock))
    moments = []
    for _ in range(steps):
        with suppress(FlagtrailError):
            dice.choice(_CHANGES)(dice, shop)
        moments.append(Moment(_between(shop.clock), shop.changes.state.size - 1, dict(_answered(evaluation))))
        shop.clock.move(minutes=dice.randint(1, 600))
    return shop, moments


def _answered(evaluation: Evaluation) -> Iterator[tuple[str, list[Answers]]]:
    for environment in ENVIRONMENTS:
        try:
            ruleset = evaluation.served(PROJECT, environment).ruleset
        except NotFound:
            yield environment, [None] * len(CONTEXTS)
        else:
            yield environment, [ruleset.evaluate_all(context) for context in CONTEXTS]


def _between(clock: Clock) -> str:
    return clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _define(dice: random.Random, shop: Shop) -> None:
    key = dice.choice(FLAGS)
    sizes = {"off": dice.choice((0, 1)), "on": dice.choice((2, 3)), "half": 2.5}
    shop.apply(put(flag_subject(PROJECT, key), dice.choice([boolean_flag(key), Flag(key, "float", sizes)])))


def _target(dice: random.Random, shop: Shop) -> None:
    shop.apply(_targeting(dice))


def _together(dice: random.Random, shop: Shop) -> None:
    shop.apply(_targeting(dice), _segment(dice))


def _edit_segment(dice: random.Random, shop: Shop) -> None:
    shop.apply(_segment(dice))


def _switch(dice: random.Random, shop: Shop) -> None:
    subject = targeting_subject(PROJECT, dice.choice(FLAGS), dice.choice(ENVIRONMENTS))
    shop.patch(subject, {"enabled": dice.random() < 0.7})


def _archive(dice: random.Random, shop: Shop) -> None:
    shop.patch(flag_subject(PROJECT, dice.choice(FLAGS)), {"archived": dice.random() < 0.5})


def _delete(dice: random.Random, shop: Shop) -> None:
    key = dice.choice(FLAGS)
    subjects = [flag_subject(PROJECT, key), segment_subject(PROJECT, "beta"), environment_subject(PROJECT, "preview")]
    shop.apply(Operation(action="delete", subject=dice.choice(subjects)))


def _environment(dice: random.Random, shop: Shop) -> None:  # noqa: ARG001 - one of many
    shop.apply(put(environment_subject(PROJECT, "preview"), Environment("preview", "Preview")))


def _revert(dice: random.Random, shop: Shop) -> None:
    shop.changes.revert(ADA, dice.randrange(MADE, shop.changes.state.size + 1), why="taken back")


def _policy_free(dice: random.Random, shop: Shop) -> None:
    subject = targeting_subject(PROJECT, dice.choice(FLAGS), dice.choice(ENVIRONMENTS))
    rollout = Operation(action="rollout", subject=subject, value={"percent": dice.randrange(101), "variant": "on"})
    shop.changes.apply(ADA, make(rollout))


def _targeting(dice: random.Random) -> Operation:
    key = dice.choice(FLAGS)
    later = [flag for flag in FLAGS if flag > key]
    rules = tuple(
        Rule(f"r{number}", _condition(dice, later), _serve(dice, key)) for number in range(dice.randint(0, 2))
    )
    needs = (Prerequisite(dice.choice(later), ("on",)),) if later and dice.random() < 0.3 else ()
    document = Targeting("off", _serve(dice, key), dice.random() < 0.9, needs, rules)
    return put(targeting_subject(PROJECT, key, dice.choice(ENVIRONMENTS)), document)


def _segment(dice: random.Random) -> Operation:
    key = dice.choice(("beta", "inner"))
    when = _condition(dice, []) if key == "inner" or dice.random() < 0.5 else Condition(segment="inner")
    return put(segment_subject(PROJECT, key), Segment(key, when))


def _condition(dice: random.Random, flags: list[str]) -> Condition:
    forms: list[Condition] = [
        Condition(attribute="plan", operator="in", values=tuple(dice.sample(("pro", "free", "team"), 2))),
        Condition(attribute="country", operator="equals", values=(dice.choice(("DE", "AT")),)),
    ]
    if flags:
        forms += [Condition(segment=dice.choice(("beta", "inner")))] * 3
        forms += [Condition(not_=Condition(flag=dice.choice(flags), variants=("on",)))]
    return dice.choice(forms)


def _serve(dice: random.Random, salt: str) -> Serve:
    if dice.random() < 0.6:
        return Serve(variant=dice.choice(("on", "off")))
    weight = dice.randrange(1, 100_000)
    shares: tuple[Any, ...] = (Share("on", weight), Share("off", 100_000 - weight))
    return Serve(split=shares, by="targetingKey", salt=salt, bucketing="murmur3")


_CHANGES: tuple[Callable[[random.Random, Shop], None], ...] = (
    *(_target, _switch, _edit_segment, _define, _policy_free) * 3,
    *(_together, _environment) * 2,
    _archive,
    _delete,
    _revert,
)
