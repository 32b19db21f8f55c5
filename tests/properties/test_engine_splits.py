"""Laws of splits: weights are honoured, raising a percentage takes the flag from nobody, salts are independent."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flagtrail.engine.bucketing import STRATEGIES
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.flag import Flag, boolean_flag
from flagtrail.model.targeting import WHOLE, Serve, Share, Targeting

KEYS = [f"user-{number}" for number in range(100_000)]


def served(weights: dict[str, int], *, salt: str, bucketing: str = "murmur3", count: int = len(KEYS)) -> list[str]:
    """The variant that each of the first `count` keys gets."""
    split = Serve(split=tuple(Share(*share) for share in weights.items()), salt=salt, bucketing=bucketing)
    flag = Flag("f", "string", {name: name for name in weights})
    function = Ruleset({"f": flag}, {"f": Targeting("x", split, enabled=True)}, {}).flag_function("f")
    return [str(function({"targetingKey": key}).variant) for key in KEYS[:count]]


@pytest.mark.parametrize("bucketing", STRATEGIES)
@pytest.mark.parametrize(
    "weights",
    [
        pytest.param({"on": 25_000, "off": 75_000}, id="a quarter"),
        pytest.param({"on": 1, "off": 99_999}, id="the smallest share"),
        pytest.param({"a": 33_333, "b": 33_333, "c": 33_334}, id="thirds"),
        pytest.param({"a": 50_000, "none": 0, "b": 49_000, "c": 1000}, id="a share of nothing in between"),
    ],
)
def test_split__hundred_thousand_keys__weights_hold_within_four_sigma(weights: dict[str, int], bucketing: str) -> None:
    counted = Counter(served(weights, salt="weights", bucketing=bucketing))
    strayed = {}
    for variant, weight in weights.items():
        share = weight / WHOLE
        sigma = math.sqrt(len(KEYS) * share * (1 - share))
        strayed[variant] = abs(counted[variant] - len(KEYS) * share) > 4 * sigma
    assert strayed == dict.fromkeys(weights, False)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, WHOLE), st.integers(0, WHOLE), st.sampled_from(sorted(STRATEGIES)), st.text(max_size=5))
def test_split__percentage_raised__takes_the_winning_variant_from_nobody(
    one: int, other: int, bucketing: str, salt: str
) -> None:
    low, high = sorted((one, other))
    before = served({"on": low, "off": WHOLE - low}, salt=salt, bucketing=bucketing, count=300)
    after = served({"on": high, "off": WHOLE - high}, salt=salt, bucketing=bucketing, count=300)
    assert [key for key, was, now in zip(KEYS, before, after, strict=False) if (was, now) == ("on", "off")] == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=2, unique=True))
def test_split__two_salts__are_independent(salts: list[str]) -> None:
    quarter = {"on": 25_000, "off": 75_000}
    count = 20_000
    first, second = (served(quarter, salt=salt, count=count) for salt in salts)
    both = sum(pair == ("on", "on") for pair in zip(first, second, strict=True))
    sigma = math.sqrt(count * 0.0625 * (1 - 0.0625))
    # Six sigma: hundreds of pairs of salts are tried over the years, and none of them may fail by chance.
    assert abs(both - count * 0.0625) < 6 * sigma


@given(st.integers(0, 2**32 - 1), st.integers(0, WHOLE), st.sampled_from(sorted(STRATEGIES)))
def test_strategy__any_point_and_range__limit_and_within_agree(point: int, cumulative: int, bucketing: str) -> None:
    strategy = STRATEGIES[bucketing]
    point = min(point, 2**31) if bucketing == "flagd_v1" else point
    assert (point < strategy.limit(cumulative)) == strategy.within(point, cumulative)


@given(st.integers(0, WHOLE), st.sampled_from(sorted(STRATEGIES)), st.integers(-1, 0))
def test_strategy__points_at_an_edge__limit_and_within_agree(cumulative: int, bucketing: str, step: int) -> None:
    strategy = STRATEGIES[bucketing]
    edge = max(strategy.limit(cumulative) + step, 0)
    assert (edge < strategy.limit(cumulative)) == strategy.within(edge, cumulative)


@given(st.text(), st.text(), st.sampled_from(sorted(STRATEGIES)))
def test_strategy__any_unicode_key__has_a_bucket(salt: str, key: str, bucketing: str) -> None:
    strategy = STRATEGIES[bucketing]
    assert 0 <= strategy.bucket(strategy.point(salt, key)) < WHOLE


@given(st.integers(-(2**70), 2**70))
def test_split__integer_key__hashes_as_its_decimal_text(key: int) -> None:
    split = Serve(split=(Share("on", 50_000), Share("off", 50_000)))
    ruleset = Ruleset({"f": boolean_flag("f")}, {"f": Targeting("off", split, enabled=True)}, {})
    assert ruleset.evaluate("f", {"targetingKey": key}) == ruleset.evaluate("f", {"targetingKey": str(key)})
