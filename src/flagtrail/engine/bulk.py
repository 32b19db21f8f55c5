"""Bulk evaluation: all flags of an environment for one context.

Flags that read the same attributes are decided together. What their rules
decide is the same for every context whose attributes are of the same classes
(`engine/classes.py`), so it is decided once and remembered; only splits that
are reached then are drawn for each context.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import itemgetter, methodcaller
from typing import Any, TypeAlias

import msgspec
from mmh3 import mmh3_32_uintdigest as point

from flagtrail.engine.attributes import reader
from flagtrail.engine.classes import Classifier
from flagtrail.engine.compile import Decider, FlagFunction
from flagtrail.engine.splits import Split
from flagtrail.model.condition import Condition
from flagtrail.model.context import Context
from flagtrail.model.resolution import Answers, Resolution, Settled

MAX_ANSWERS = 400_000
"""Resolutions in all outcomes that a group remembers; an outcome has one for each of its flags."""
MAX_FOURS = 4096
MAX_GROUPS = 32
MAX_ATTRIBUTES = 8
MIN_FLAGS = 3
"""Fewer are faster asked one by one than classified."""

_Half: TypeAlias = tuple[int, int, Resolution, Resolution]
"""A native split of two shares: its seed, the first share's end, and what is served below that and above."""
_Below: TypeAlias = tuple[bool, bool, bool, bool]


class Decided(msgspec.Struct, frozen=True):
    """A flag for bulk evaluation.

    `decide` gives its resolution, or the split that its rules lead to, and reads
    of the context what `conditions` test and no more; `conditions` are None where
    it reads more than that: another flag's split.
    """

    key: str
    decide: Decider
    conditions: tuple[Condition, ...] | None


class _Combinations(dict[_Below, Settled]):
    """What up to four halves give together: answers that are told and counted as one."""

    __slots__ = ("_halves",)

    def __init__(self, halves: Sequence[_Half]) -> None:
        self._halves = tuple(halves)

    def __missing__(self, below: _Below) -> Settled:
        settled = Settled(
            tuple([half[2] if is_below else half[3] for half, is_below in zip(self._halves, below, strict=False)])
        )
        self[below] = settled
        return settled


_Four: TypeAlias = tuple[int, int, int, int, int, int, int, int, _Combinations]


_NEVER_BELOW = (0, 0)


class _Draw(msgspec.Struct, frozen=True):
    """The reached splits by one attribute: `every` one, and the same as halves (most in fours) and `others`."""

    read: Callable[[Context], Any]
    fours: tuple[_Four, ...]
    halves: tuple[_Half, ...]
    others: tuple[Split, ...]
    every: tuple[Split, ...]


class _Outcome(msgspec.Struct, frozen=True):
    settled: tuple[Settled, ...]
    draws: tuple[_Draw, ...]


class _Group:
    """Flags that are decided by some of the attributes, whose classes `signature` picks out."""

    __slots__ = ("_deciders", "_fours", "outcomes", "signature")

    def __init__(self, deciders: Sequence[Decider], places: Sequence[int]) -> None:
        self._deciders = deciders
        self.signature: Callable[[list[Hashable]], Hashable] = itemgetter(*places) if places else lambda _classes: None
        self.outcomes: dict[Hashable, _Outcome] = {}
        self._fours: dict[tuple[int, ...], _Four] = {}

    def decided(self, signature: Hashable, context: Context) -> _Outcome:
        """What all contexts of this signature get, found with the first of them."""
        found = [decide(context) for decide in self._deciders]
        settled = tuple([one for one in found if isinstance(one, Resolution)])
        splits: dict[str, list[tuple[int, Split]]] = {}
        for place, one in enumerate(found):
            if isinstance(one, Split):
                splits.setdefault(one.by, []).append((place, one))
        outcome = _Outcome(
            (Settled(settled),) if settled else (), tuple([self._draw(*item) for item in splits.items()])
        )
        if len(self.outcomes) * len(self._deciders) >= MAX_ANSWERS:
            self.outcomes.clear()
        self.outcomes[signature] = outcome
        return outcome

    def _draw(self, by: str, splits: list[tuple[int, Split]]) -> _Draw:
        # Flags keep their four whatever else is reached: so what four of them give is seldom seen for the first time.
        native: dict[int, list[Split]] = {}
        for place, split in splits:
            if split.native_hash is not None and len(split.ranges) == 1:
                native.setdefault(place // 4, []).append(split)
        every = [split for _, split in splits]
        return _Draw(
            read=reader(by) if "." in by else methodcaller("get", by),
            fours=tuple([self._four(four) for four in native.values() if len(four) > 1]),
            halves=tuple([_half(*four) for four in native.values() if len(four) == 1]),
            others=tuple([split for split in every if split.native_hash is None or len(split.ranges) > 1]),
            every=tuple(every),
        )

    def _four(self, splits: list[Split]) -> _Four:
        """Two to four halves as one; the same object whatever else is reached with them."""
        name = tuple(map(id, splits))  # the deciders hold them
        four = self._fours.get(name)
        if four is None:
            halves = list(map(_half, splits))
            one, two, three, last = [half[:2] for half in halves] + [_NEVER_BELOW] * (4 - len(halves))
            four = (*one, *two, *three, *last, _Combinations(halves))
            if len(self._fours) >= MAX_FOURS:
                self._fours.clear()
            self._fours[name] = four
        return four


def _half(split: Split) -> _Half:
    return (split.seed, *split.ranges[0], split.last)


class Bulk:
    """All flags of a ruleset, prepared. Only what it remembers ever changes, and that is bounded."""

    __slots__ = ("_alone", "_classifiers", "_groups")

    def __init__(self, flags: Iterable[Decided], function_of: Callable[[str], FlagFunction]) -> None:
        groups, alone = _grouped(flags)
        attributes = sorted(frozenset().union(*groups))
        conditions: dict[str, list[Condition]] = {attribute: [] for attribute in attributes}
        for held in groups.values():
            for flag in held:
                for condition in flag.conditions or ():
                    conditions[str(condition.attribute)].append(condition)
        self._classifiers = [Classifier(attribute, conditions[attribute]) for attribute in attributes]
        self._groups = [
            _Group([flag.decide for flag in held], [attributes.index(attribute) for attribute in sorted(group)])
            for group, held in groups.items()
        ]
        self._alone = [function_of(flag.key) for flag in alone]

    def answers(self, context: Context) -> Answers:
        """Every flag's resolution. Raises what reading the context raises."""
        classes = [classify(context) for classify in self._classifiers]
        drawn = [function(context) for function in self._alone]
        settled: list[Settled] = []
        for group in self._groups:
            signature = group.signature(classes)
            outcome = group.outcomes.get(signature) or group.decided(signature, context)
            settled += outcome.settled
            for draw in outcome.draws:
                value = draw.read(context)
                if type(value) is str:
                    key = value.encode()
                    settled += _combined(key, draw.fours)
                    drawn += _below_or_above(key, draw.halves)
                    drawn += [split.answer(value) for split in draw.others]
                else:
                    drawn += [split.answer(value) for split in draw.every]
        return Answers(tuple(settled), tuple(drawn))


def _combined(key: bytes, fours: tuple[_Four, ...]) -> list[Settled]:
    return [
        combinations[point(key, a) < to_a, point(key, b) < to_b, point(key, c) < to_c, point(key, d) < to_d]
        for a, to_a, b, to_b, c, to_c, d, to_d, combinations in fours
    ]


def _below_or_above(key: bytes, halves: tuple[_Half, ...]) -> list[Resolution]:
    return [below if point(key, seed) < limit else above for seed, limit, below, above in halves]


def _grouped(flags: Iterable[Decided]) -> tuple[dict[frozenset[str], list[Decided]], list[Decided]]:
    """Flags by the attributes that decide them together, and those that are asked one by one.

    A flag joins those that read all of its attributes and more: that adds no
    class to theirs.
    """
    alone: list[Decided] = []
    by_attributes: dict[frozenset[str], list[Decided]] = {}
    for flag in flags:
        if flag.conditions is None:
            alone.append(flag)
        else:
            by_attributes.setdefault(frozenset(str(one.attribute) for one in flag.conditions), []).append(flag)
    groups: dict[frozenset[str], list[Decided]] = {}
    for attributes in sorted(by_attributes, key=lambda names: (-len(names), sorted(names))):
        found = by_attributes[attributes]
        hosts = [group for group in groups if attributes and attributes <= group]
        if hosts:
            groups[min(hosts, key=len)] += found
        elif not attributes or (len(groups) < MAX_GROUPS and len(attributes) <= MAX_ATTRIBUTES):
            groups[attributes] = found
        else:
            alone += found
    for attributes in [attributes for attributes, found in groups.items() if attributes and len(found) < MIN_FLAGS]:
        alone += groups.pop(attributes)
    return groups, alone
