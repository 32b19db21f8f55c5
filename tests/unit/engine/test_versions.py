from __future__ import annotations

import itertools

import pytest

from flagtrail.engine.versions import MAX_CACHED, Versions, precedence

# Semantic Versioning 2.0.0, section 11, with its own examples, in ascending order.
ASCENDING = [
    "0.0.9",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "10.0.0",
]


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(ASCENDING)))
def test_precedence__examples_of_the_specification__are_in_order(lower: str, higher: str) -> None:
    before, after = precedence(lower), precedence(higher)
    assert before is not None
    assert after is not None
    assert before < after


def test_precedence__build_metadata__counts_for_nothing() -> None:
    assert precedence("1.0.0+a") == precedence("1.0.0+b.7")


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", " 1.2.3", "1.2.3\n", "1.2.x"),
        *("1.2.3-a..b", "٣.2.1"),
        pytest.param(f"1.2.3-{'a' * 256}", id="too long"),
        pytest.param(f"{'9' * 5000}.0.0", id="a number too long for Python"),
    ],
)
def test_precedence__no_version__is_none(text: str) -> None:
    assert precedence(text) is None


def test_versions__asked_twice__remembers() -> None:
    versions = Versions()
    assert versions["1.2.3"] is versions["1.2.3"]


@pytest.mark.parametrize("limit", ["0.0.0", "1.2.3", "9.9.9-rc.1"])
def test_versions__no_version__is_neither_below_nor_above_nor_equal(limit: str) -> None:
    place, bound = Versions()["x"], Versions()[limit]
    assert (place < bound, place > bound, place == bound, place <= bound, place >= bound) == (False,) * 5


def test_versions__no_version__is_not_remembered() -> None:
    versions = Versions()
    _ = versions["x"]
    assert len(versions) == 0


def test_versions__more_than_it_holds__forgets_and_goes_on() -> None:
    versions = Versions()
    places = [versions[f"1.0.{patch}"] for patch in range(MAX_CACHED + 1)]
    assert (len(versions), places[-1]) == (1, precedence(f"1.0.{MAX_CACHED}"))
