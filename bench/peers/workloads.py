"""The flags and contexts that every engine is given, and the answers that it must give before it is timed.

Flags are described apart from any product; each adapter says them in its product's own configuration document.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from bench.peers import Engine

Attributes: TypeAlias = Mapping[str, str]
"""A context: `user_id`, `plan`, `country`, `app_version`, `email`."""
SIGMAS = 4
PERCENT = 25
CONTEXTS = 1000
USERS = 1000
SEED = 7


@dataclass(frozen=True, slots=True)
class Test:
    """One test of an attribute: it is one of the values, or is at least the only one as a semantic version."""

    attribute: str
    operator: Literal["in", "version_gte"]
    values: tuple[str, ...]

    def holds(self, attributes: Attributes) -> bool:
        """Whether it holds: the reference that engines are checked against."""
        value = attributes[self.attribute]
        if self.operator == "in":
            return value in self.values
        return _version(value) >= _version(self.values[0])


@dataclass(frozen=True, slots=True)
class Spec:
    """A boolean flag: off, or true by the first rule whose tests all hold, else true for `percent` of the users."""

    key: str
    on: bool = True
    rules: tuple[tuple[Test, ...], ...] = ()
    percent: int = 100

    def decided(self, attributes: Attributes) -> bool | None:
        """The one right answer; None where each engine draws by a hash of its own."""
        if not self.on:
            return False
        if any(all(test.holds(attributes) for test in rule) for rule in self.rules):
            return True
        return None if 0 < self.percent < 100 else self.percent == 100


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


THREE_RULES = (
    (Test("plan", "in", ("enterprise", "pro")),),
    (Test("country", "in", ("DE",)), Test("app_version", "version_gte", ("3.2.0",))),
)
"""Two of the three rules of workload B; the third is the rollout to 25 %."""


def flags(count: int = 200) -> list[Spec]:
    """Half plain (one in five off), three in ten with three rules, one in five with ten long lists of users."""
    dice = random.Random(SEED)
    users = [attributes["user_id"] for attributes in contexts(USERS)]
    made = []
    for number in range(count):
        key = f"flag-{number:04}"
        if number < count * 5 // 10:
            made.append(Spec(key, on=number % 5 != 0))
        elif number < count * 8 // 10:
            made.append(Spec(key, rules=THREE_RULES, percent=PERCENT))
        else:
            made.append(Spec(key, rules=_lists(number, dice.sample(users, 100)), percent=0))
    return made


def _lists(number: int, members: Sequence[str]) -> tuple[tuple[Test, ...], ...]:
    """Nine rules that hold for nobody who asks, and one that holds for one user in ten."""
    strangers = [[f"stranger-{number}-{rule}-{one}" for one in range(100)] for rule in range(9)]
    return tuple((Test("user_id", "in", tuple(users)),) for users in [*strangers, members])


def chosen(specs: Sequence[Spec]) -> tuple[Spec, Spec, Spec]:
    """The flags of A and B, and one that is off: the first of each kind."""
    plain = next(spec for spec in specs if spec.on and not spec.rules)
    ruled = next(spec for spec in specs if spec.rules == THREE_RULES)
    off = next(spec for spec in specs if not spec.on)
    return plain, ruled, off


def contexts(count: int = CONTEXTS) -> list[dict[str, str]]:
    dice = random.Random(SEED)
    return [
        {
            "user_id": f"user-{dice.randrange(10**9)}",
            "plan": dice.choices(["free", "basic", "pro", "enterprise"], [55, 25, 15, 5])[0],
            "country": dice.choice(["DE", "US", "FR", "GB", "JP"]),
            "app_version": f"{dice.randrange(2, 5)}.{dice.randrange(6)}.{dice.randrange(4)}",
            "email": f"user{dice.randrange(10**6)}@example.com",
        }
        for _ in range(count)
    ]


def wrong(engine: Engine, specs: Sequence[Spec], asked: Sequence[Attributes]) -> str | None:
    """What the engine answers wrongly, in words; None where all is right."""
    made = [engine.context(attributes) for attributes in asked]
    for spec in chosen(specs):
        found = wrong_answers(spec, asked, engine.booleans(spec.key, made))
        if found is not None:
            return found
    for attributes, context in islice(zip(asked, made, strict=True), 20):
        answers = engine.values(engine.every(context))
        for spec in specs:
            right, answer = spec.decided(attributes), answers.get(spec.key, False)
            (alone,) = engine.booleans(spec.key, [context])
            if answer is not alone or (right is not None and answer is not right):
                return f"{spec.key} of all: {answer!r}, alone: {alone!r}, right: {right}"
    return None


def wrong_answers(spec: Spec, asked: Sequence[Attributes], answers: Sequence[object]) -> str | None:
    """As `wrong`, for one flag: fixed answers exactly, the share of the others within four sigma."""
    right = [spec.decided(attributes) for attributes in asked]
    for attributes, expected, answer in zip(asked, right, answers, strict=True):
        if not isinstance(answer, bool) or (expected is not None and answer is not expected):
            return f"{spec.key}: {answer!r} for {dict(attributes)}, right: {expected}"
    drawn = [answer for answer, expected in zip(answers, right, strict=True) if expected is None]
    share = spec.percent / 100
    sigma = (share * (1 - share) * len(drawn)) ** 0.5
    if abs(sum(answer is True for answer in drawn) - share * len(drawn)) > SIGMAS * sigma:
        return f"{spec.key}: {sum(answer is True for answer in drawn)} of {len(drawn)} drawn, {share:.0%} is right"
    return None
