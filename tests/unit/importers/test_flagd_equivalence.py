"""An imported flag serves what flagd served: generated targeting, evaluated by flagd's rules and by our engine.

The rules here are written anew from flagd's documentation and its published
behaviour: it walks the JsonLogic itself and shares nothing with the importer.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import mmh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flagtrail.engine.check import check
from flagtrail.engine.ruleset import Ruleset
from flagtrail.importers import Options, load_format
from flagtrail.importers._flagd_targeting import scaled
from flagtrail.model.errors import Defect

KEY = "checkout"
VARIANTS = {"a": "va", "b": "vb", "c": "vc", "true": "vt", "false": "vf"}
Json = Any


def _truthy(value: Json) -> bool:
    return bool(value) or value == {}


def _equal(one: Json, other: Json) -> bool:
    if one is None or other is None:
        return False
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    texts = [str(side) if isinstance(side, str) else f"{side:g}" for side in (one, other)]
    return texts[0] == texts[1]


def _compare(sign: str, one: Json, other: Json) -> bool:
    if not all(isinstance(side, (int, float)) and not isinstance(side, bool) for side in (one, other)):
        return False
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[sign])


def _version(text: Json) -> tuple[int, ...] | None:
    parts = text.split(".") if isinstance(text, str) else []
    return tuple(map(int, parts)) if len(parts) == 3 and all(part.isdigit() for part in parts) else None


def _sem_ver(one: Json, sign: str, other: str) -> bool:
    left, right = _version(one), _version(other)
    if left is None or right is None:
        return False
    return bool(
        {
            "=": left == right,
            "!=": left != right,
            "<": left < right,
            "<=": left <= right,
            ">": left > right,
            ">=": left >= right,
            "^": left[0] == right[0],
            "~": left[:2] == right[:2],
        }[sign]
    )


def _contains(needle: Json, hay: Json) -> bool:
    if isinstance(hay, str):
        return isinstance(needle, str) and needle in hay
    return isinstance(hay, list) and any(_equal(needle, value) for value in hay)


OPERATIONS: dict[str, Callable[..., Json]] = {
    "and": lambda *values: all(map(_truthy, values)),
    "or": lambda *values: any(map(_truthy, values)),
    "!": lambda value: not _truthy(value),
    "==": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "in": _contains,
    "starts_with": lambda text, affix: isinstance(text, str) and text.startswith(affix),
    "ends_with": lambda text, affix: isinstance(text, str) and text.endswith(affix),
    "sem_ver": _sem_ver,
    "cat": lambda *values: "".join(values),
}


def _if(arguments: list[Json], context: dict[str, Json]) -> Json:
    for index in range(0, len(arguments) - 1, 2):
        if _truthy(_apply(arguments[index], context)):
            return _apply(arguments[index + 1], context)
    return _apply(arguments[-1], context) if len(arguments) % 2 else None


def _apply(logic: Json, context: dict[str, Json]) -> Json:
    """What JsonLogic yields, by flagd's server."""
    if isinstance(logic, list):
        return [_apply(part, context) for part in logic]
    if not isinstance(logic, dict):
        return logic
    ((name, arguments),) = logic.items()
    if name == "var":
        return KEY if arguments == "$flagd.flagKey" else context.get(arguments)
    if name == "if":
        return _if(arguments, context)
    values = [_apply(part, context) for part in arguments]
    if name == "fractional":
        return _fractional(values, context)
    if name[0] in "<>":
        return all(_compare(name, one, other) for one, other in itertools.pairwise(values))
    return OPERATIONS[name](*values)


def _fractional(values: list[Json], context: dict[str, Json]) -> Json:
    """The second generation: unsigned murmur3 scaled to the sum of the weights."""
    by = KEY + context["targetingKey"]
    if not isinstance(values[0], list):
        by, values = (values[0] if values[0] is not None else by), values[1:]
    total = sum(weight for _, weight in values)
    place = mmh3.hash(by.encode(), 0, signed=False) * total >> 32
    for variant, weight in values:
        place -= weight
        if place < 0:
            return variant
    raise AssertionError("the weights cover every place")


TEXTS = st.sampled_from(["", "x", "xy", "yx", "ada@example.com", "1.2.3", "1.10.0", "2.0.0", "5", "7"])
NUMBERS = st.sampled_from([-1, 0, 1, 5, 7, 2.5])
LITERALS = st.one_of(TEXTS, NUMBERS, st.booleans())
VARS = st.sampled_from([{"var": name} for name in ("plan", "email", "age", "beta", "version")])
VERSION_SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "^", "~"])
TESTS = st.one_of(
    st.tuples(st.sampled_from(["==", "!="]), st.tuples(VARS, LITERALS)),
    st.tuples(st.sampled_from(["==", "!="]), st.tuples(LITERALS, VARS)),
    st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.tuples(VARS, NUMBERS)),
    st.tuples(st.sampled_from(["<", "<=", ">", ">="]), st.tuples(NUMBERS, VARS)),
    st.tuples(st.sampled_from(["<", "<="]), st.tuples(NUMBERS, VARS, NUMBERS)),
    st.tuples(st.just("in"), st.tuples(VARS, st.lists(TEXTS, max_size=3))),
    st.tuples(st.just("in"), st.tuples(TEXTS, VARS)),
    st.tuples(st.sampled_from(["starts_with", "ends_with"]), st.tuples(VARS, TEXTS)),
    st.tuples(
        st.just("sem_ver"), st.tuples(VARS, VERSION_SIGNS, st.sampled_from(["1.2.3", "1.10.0", "2.0.0", "1.2.9"]))
    ),
).map(lambda test: {test[0]: list(test[1])})
CONDITIONS = st.recursive(
    st.one_of(TESTS, VARS, st.booleans()),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda op: {op[0]: op[1]}
        ),
        inner.map(lambda part: {"!": [part]}),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: {"if": parts}),
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["a", "b", "c"])
SHARES = st.tuples(
    st.permutations(["a", "b", "c", "true"]),
    st.sampled_from([[1, 1], [1, 3], [25, 25, 50], [0, 5], [100_000], [7, 1, 0, 12]]),
).map(lambda parts: [[name, weight] for name, weight in zip(parts[0], parts[1], strict=False)])


BUCKETING_KEYS: list[list[Json]] = [
    [],
    [{"var": "email"}],
    [{"var": "targetingKey"}],
    [{"cat": [{"var": "$flagd.flagKey"}, "-s-", {"var": "targetingKey"}]}],
]
FRACTIONALS = st.tuples(st.sampled_from(BUCKETING_KEYS), SHARES).map(
    lambda parts: {"fractional": [*parts[0], *parts[1]]}
)
TARGETING = st.recursive(
    st.one_of(NAMES, st.none(), FRACTIONALS, TESTS),
    lambda inner: st.one_of(
        st.tuples(CONDITIONS, inner, inner).map(lambda parts: {"if": list(parts)}),
        st.tuples(CONDITIONS, inner).map(lambda parts: {"if": list(parts)}),
        st.tuples(CONDITIONS, inner, CONDITIONS, inner).map(lambda parts: {"if": list(parts)}),
    ),
    max_leaves=5,
)
CONTEXTS = st.fixed_dictionaries(
    {"targetingKey": st.text("abc0", min_size=1, max_size=8)},
    optional={
        "plan": LITERALS,
        "email": st.sampled_from(["ada@example.com", "x", "yx"]),
        "age": st.one_of(NUMBERS, TEXTS),
        "beta": st.one_of(st.booleans(), NUMBERS),
        "version": st.one_of(TEXTS, NUMBERS),
    },
)


def _imported(targeting: Json, options: Options) -> Ruleset:
    definition = {"state": "ENABLED", "variants": VARIANTS, "defaultVariant": "c", "targeting": targeting}
    found = load_format("flagd").parse(json.dumps({"flags": {KEY: definition}}).encode(), options)
    flags = {key: flag for key, (flag, _) in found.flags.items()}
    return Ruleset(flags, {key: targeting for key, (_, targeting) in found.flags.items()}, found.segments)


def _defects(ruleset: Ruleset) -> list[Defect]:
    targetings = {(key, "e"): targeting for key, targeting in ruleset.targetings.items()}
    touched = [f"flags/{KEY}", f"flags/{KEY}/environments/e"]
    return check(ruleset.flags, targetings, ruleset.segments, touched)


def _served(result: Json) -> str:
    """The variant that flagd makes of the logic's result."""
    if result is None:
        return "c"
    return str(result).lower() if isinstance(result, bool) else str(result)


@settings(max_examples=400, deadline=None)
@given(targeting=TARGETING, contexts=st.lists(CONTEXTS, min_size=1, max_size=8))
def test_imported__any_targeting__serves_what_flagd_served(targeting: Json, contexts: list[dict[str, Json]]) -> None:
    ruleset = _imported(targeting, Options(strict=True))
    expected = [_served(_apply(targeting, context)) for context in contexts]
    assert [ruleset.evaluate(KEY, context).variant for context in contexts] == expected


@settings(max_examples=200, deadline=None)
@given(targeting=TARGETING)
def test_imported__any_targeting__has_no_defects(targeting: Json) -> None:
    assert _defects(_imported(targeting, Options())) == []


@pytest.mark.parametrize("weights", [[1, 1], [25, 25, 25, 25], [10, 90], [1, 999]], ids=str)
def test_imported__first_generation__keeps_everybodys_variant(weights: list[int]) -> None:
    shares = [[name, weight] for name, weight in zip(VARIANTS, weights, strict=False)]
    ruleset = _imported({"fractional": shares}, Options(bucketing="flagd_v1"))
    total = sum(weights)

    def first_generation(key: str) -> str:
        percent = abs(mmh3.hash((KEY + key).encode())) / (2**31 - 1) * 100
        end = 0.0
        for name, weight in zip(VARIANTS, weights, strict=False):
            end += 100 * weight / total
            if percent < end:
                return name
        raise AssertionError("the weights cover every place")

    keys = [f"user-{number}" for number in range(2000)]
    served = [ruleset.evaluate(KEY, {"targetingKey": key}).variant for key in keys]
    assert served == [first_generation(key) for key in keys]


@given(weights=st.lists(st.integers(0, 2**31), min_size=1, max_size=30).filter(any))
def test_scaled__any_weights__sum_to_the_whole(weights: list[int]) -> None:
    assert sum(scaled(weights)) == 100_000


@given(weights=st.lists(st.integers(0, 2**31), min_size=1, max_size=30).filter(any))
def test_scaled__any_weights__are_off_by_less_than_one(weights: list[int]) -> None:
    total = sum(weights)
    assert [
        weight
        for weight, part in zip(weights, scaled(weights), strict=True)
        if abs(part * total - weight * 100_000) >= total
    ] == []
