"""flagd's targeting (JsonLogic that yields a variant) into rules and a fallthrough."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flagtrail.importers._flagd_logic import (
    ALWAYS,
    NEVER,
    Conditions,
    Unsupported,
    attribute_of,
    bounded,
    every,
    operation,
    test,
)
from flagtrail.model.condition import Condition
from flagtrail.model.context import TARGETING_KEY
from flagtrail.model.document import MAX_DEPTH, pointer
from flagtrail.model.flag import Json
from flagtrail.model.targeting import WHOLE, Rule, Serve, Share

MAX_BRANCHES = 1_000
MAX_BRANCH_DEPTH = 100
MAX_WEIGHTS = 2**31 - 1
"""flagd's own limit for the sum of a fractional's weights."""

TRUTHS = frozenset(
    {"==", "===", "!=", "!==", "<", "<=", ">", ">=", "in", "!", "!!", "starts_with", "ends_with", "sem_ver"}
)
"""Operations that yield true or false, whatever they are given."""

Branch = tuple[Condition, Serve]


class Logic(msgspec.Struct, frozen=True):
    """A flag's targeting, read: its rules, what is served where none holds, and what was not exact."""

    rules: tuple[Rule, ...]
    fallthrough: Serve
    notes: tuple[str, ...] = ()


class TargetingReader:
    """Reads the targeting of one flag; raises Unsupported for what has no equal here."""

    def __init__(
        self, key: str, variants: dict[str, Json], default: str, evaluators: dict[str, Json], conditions: Conditions
    ) -> None:
        self._key = key
        self._variants = variants
        self._default = default
        self._evaluators = evaluators
        self._conditions = conditions
        self._notes: list[str] = []

    def read(self, logic: Json, bucketing: str) -> Logic:
        """The rules and the fallthrough that serve what the logic yields."""
        self._bucketing = bucketing
        rules: list[Rule] = []
        for when, serve in self._branches(logic, "/targeting", 0):
            if when == ALWAYS:
                if serve != Serve(variant=self._default):
                    self._unreached(serve)
                return Logic(tuple(rules), serve, tuple(self._notes))
            if when != NEVER:
                rules.append(Rule(id=f"r{len(rules) + 1}", when=bounded(when, "/targeting"), serve=serve))
            if len(rules) > MAX_BRANCHES:
                raise Unsupported("/targeting", f"has more than {MAX_BRANCHES} branches")
        raise AssertionError("the last branch always holds")

    def _unreached(self, serve: Serve) -> None:
        if serve.variant is not None:
            self._notes.append(
                f"its targeting always decides, so its default variant {self._default!r} is never served"
            )

    def _branches(self, logic: Json, path: str, depth: int) -> Iterator[Branch]:
        """Guarded outcomes, of which the first whose guard holds counts; the last one's guard always holds."""
        self._conditions.spend(path, 0)
        if depth > MAX_BRANCH_DEPTH:
            raise Unsupported(path, f"is nested deeper than {MAX_BRANCH_DEPTH}")
        if logic is None or logic == {}:
            yield ALWAYS, Serve(variant=self._default)
        elif isinstance(logic, (bool, str)):
            yield ALWAYS, self._variant(logic, path)
        elif isinstance(logic, dict) and "if" in logic:
            yield from self._if(logic, path, depth)
        elif isinstance(logic, dict) and "fractional" in logic:
            yield from self._fractional(logic, path)
        elif isinstance(logic, dict) and "$ref" in logic:
            name = logic["$ref"]
            if name not in self._evaluators:
                raise Unsupported(path, f"refers to the evaluator {name!r}, which does not exist")
            yield from self._branches(self._evaluators[name], f"/$evaluators/{pointer(name)}", depth + 1)
        else:
            yield from self._truth(logic, path)

    def _variant(self, name: str | bool, path: str) -> Serve:
        """The text of a boolean is the name of a variant too."""
        variant = name if isinstance(name, str) else str(name).lower()
        if variant not in self._variants:
            raise Unsupported(path, f"yields {variant!r}, which is not a variant of the flag")
        return Serve(variant=variant)

    def _truth(self, logic: Json, path: str) -> Iterator[Branch]:
        """Logic that yields true or false, and with it the variant of that name."""
        if isinstance(logic, bool):
            yield ALWAYS, self._variant(logic, path)
            return
        if isinstance(logic, (int, float, list)):
            raise Unsupported(path, "yields something other than the name of a variant")
        if attribute_of(logic, path) is not None:
            raise Unsupported(path, "yields the variant that an attribute names")
        name, arguments, inner = operation(logic, path)
        if name in {"and", "or"} and not all(is_truth(part) for part in arguments):
            raise Unsupported(inner, "yields one of its arguments, not true or false")
        when = self._conditions.read(logic, path)
        yield when, self._variant(True, path)
        if when != ALWAYS:
            yield ALWAYS, self._variant(False, path)

    def _if(self, logic: Json, path: str, depth: int) -> Iterator[Branch]:
        _, arguments, path = operation(logic, path)
        if len(arguments) == 1:
            yield from self._truth_of_if(arguments[0], path)
            return
        for index in range(0, len(arguments) - 1, 2):
            guard = self._conditions.read(arguments[index], f"{path}/{index}")
            for when, serve in self._branches(arguments[index + 1], f"{path}/{index + 1}", depth + 1):
                yield every(guard, when), serve
        last = arguments[-1] if len(arguments) % 2 else None
        yield from self._branches(last, f"{path}/{len(arguments) - 1}", depth + 1)

    def _truth_of_if(self, logic: Json, path: str) -> Iterator[Branch]:
        """`if` with nothing but a test yields the test's own answer."""
        if isinstance(logic, dict) and "$ref" in logic:
            when = self._conditions.read(logic, f"{path}/0")
            yield when, self._variant(True, path)
            yield ALWAYS, self._variant(False, path)
        else:
            yield from self._truth(logic, f"{path}/0")

    def _fractional(self, logic: Json, path: str) -> Iterator[Branch]:
        _, arguments, path = operation(logic, path)
        by, salt, first = TARGETING_KEY, self._key, 0
        if arguments and (arguments[0] is None or not isinstance(arguments[0], list)):
            first = 1
            by, salt = self._bucketing_key(arguments[0], f"{path}/0")
        shares = [self._share(part, f"{path}/{first + index}") for index, part in enumerate(arguments[first:])]
        split = self._split(shares, path)
        if len(split) == 1:
            yield ALWAYS, Serve(variant=split[0].variant)
            return
        serve = Serve(split=split, by=by, salt=salt, bucketing=self._bucketing)
        if (by, salt) == (TARGETING_KEY, self._key) or (isinstance(arguments[0], dict) and "cat" in arguments[0]):
            yield ALWAYS, serve
            return
        # flagd falls back on the targeting key where the attribute to bucket by is absent.
        yield test(by, "exists"), serve
        yield ALWAYS, Serve(split=split, by=TARGETING_KEY, salt=self._key, bucketing=self._bucketing)

    def _bucketing_key(self, logic: Json, path: str) -> tuple[str, str]:
        """(attribute, salt): what is hashed is the salt followed by the attribute's value."""
        if logic is None:
            return TARGETING_KEY, self._key
        if (attribute := attribute_of(logic, path)) is not None:
            return attribute, ""
        if not isinstance(logic, dict) or "cat" not in logic:
            raise Unsupported(path, "the bucketing key is neither an attribute nor a concatenation that ends in one")
        _, parts, path = operation(logic, path)
        salt = "".join(self._text(part, f"{path}/{index}") for index, part in enumerate(parts[:-1]))
        attribute = attribute_of(parts[-1], f"{path}/{len(parts) - 1}") if parts else None
        if attribute is None:
            raise Unsupported(path, "the concatenation does not end in an attribute")
        return attribute, salt

    def _text(self, logic: Json, path: str) -> str:
        if isinstance(logic, str):
            return logic
        if logic in ({"var": "$flagd.flagKey"}, {"var": ["$flagd.flagKey"]}):
            return self._key
        raise Unsupported(
            path, "stands before the last part of the concatenation, where only texts and the flag's key can"
        )

    def _share(self, part: Json, path: str) -> tuple[str, int]:
        if not isinstance(part, list) or not 1 <= len(part) <= 2:  # noqa: PLR2004 - variant, weight
            raise Unsupported(path, "is no pair of a variant and a weight")
        if not isinstance(part[0], (str, bool, type(None))):
            raise Unsupported(f"{path}/0", "is not the name of a variant")
        variant = self._default if part[0] is None else self._variant(part[0], f"{path}/0").variant or ""
        weight = part[1] if len(part) > 1 else 1
        if isinstance(weight, dict):
            raise Unsupported(f"{path}/1", "computes the weight")
        if isinstance(weight, bool) or not isinstance(weight, int) or weight < 0:
            raise Unsupported(f"{path}/1", f"the weight {weight!r} is not a whole number from 0 on")
        return variant, weight

    def _split(self, shares: list[tuple[str, int]], path: str) -> tuple[Share, ...]:
        total = sum(weight for _, weight in shares)
        if not 0 < total <= MAX_WEIGHTS:
            raise Unsupported(path, f"the weights add up to {total}, which is not between 1 and {MAX_WEIGHTS}")
        weights = scaled([weight for _, weight in shares])
        if any(weight * WHOLE % total for _, weight in shares):
            self._notes.append(
                f"the weights at {path} are rounded to 1/100,000 each; fewer than {len(shares)} in 100,000"
                " targeting keys get another variant"
            )
        split: list[Share] = []
        for (variant, _), weight in zip(shares, weights, strict=True):
            if split and split[-1].variant == variant:
                split[-1] = Share(variant, split[-1].weight + weight)
            elif any(share.variant == variant for share in split) and weight:
                raise Unsupported(path, f"gives {variant!r} two ranges with others between them")
            elif weight:
                split.append(Share(variant, weight))
        return tuple(split)


def scaled(weights: list[int]) -> list[int]:
    """Relative weights in 1/100,000, summing to exactly 100,000: the largest remainders are rounded up.

    >>> scaled([1, 1, 1])
    [33334, 33333, 33333]
    """
    total = sum(weights)
    floors = [weight * WHOLE // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-(weights[index] * WHOLE % total), index))
    for index in by_remainder[: WHOLE - sum(floors)]:
        floors[index] += 1
    return floors


def is_truth(logic: Json, depth: int = 0) -> bool:
    """Whether logic yields true or false, rather than some value that counts as one of them."""
    if isinstance(logic, bool) or depth > MAX_DEPTH:  # what is too deep is refused where it is read
        return True
    if not isinstance(logic, dict) or len(logic) != 1:
        return False
    ((name, arguments),) = logic.items()
    if name in {"and", "or"}:
        return isinstance(arguments, list) and all(is_truth(part, depth + 1) for part in arguments)
    return name in TRUTHS
