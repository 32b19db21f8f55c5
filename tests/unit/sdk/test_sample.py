from __future__ import annotations

import math
import random
import sys
import threading
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from flagtrail.model.flag import Json
from flagtrail.sdk.options import Options
from flagtrail.sdk.sample import MAX_CONTEXT_BYTES, Sampler, hashed


class Plan(StrEnum):
    PRO = "pro"


def of(*attributes: str, size: int = 1, hash_key: bool = False) -> Sampler:
    options = Options(sample_contexts=size, sample_attributes=attributes, hash_targeting_key=hash_key)
    return Sampler(options, random.Random(7).random)


def sampled(context: Mapping[str, Json], *attributes: str, hash_key: bool = False) -> Mapping[str, Json]:
    """What one context leaves in a sample."""
    drawn = of(*attributes, hash_key=hash_key)
    drawn.offer(context)
    return drawn.take()[0]


@pytest.mark.parametrize(
    ("context", "attributes", "expected"),
    [
        pytest.param({"plan": "pro", "email": "a@b.c"}, ["plan"], {"plan": "pro"}, id="others never leave"),
        pytest.param({"plan": "pro"}, ["country"], {}, id="absent"),
        pytest.param({"plan": None}, ["plan"], {}, id="null is absent"),
        pytest.param({"a": {"b": {"c": 1}}}, ["a.b.c"], {"a.b.c": 1}, id="a path, under its own name"),
        pytest.param({"a": [{"b": 1}, {"b": 2}]}, ["a.b"], {"a.b": [1, 2]}, id="a path through a list"),
        pytest.param({"a": {"b": 1}}, ["a"], {}, id="an object never leaves"),
        pytest.param({"a": [1, "x", True, 0.5]}, ["a"], {"a": [1, "x", True, 0.5]}, id="a list of scalars"),
        pytest.param({"a": ("x",)}, ["a"], {"a": ["x"]}, id="a tuple"),
        pytest.param({"a": frozenset({"x"})}, ["a"], {"a": ["x"]}, id="a set"),
        pytest.param({"a": [[1]]}, ["a"], {}, id="a list in a list"),
        pytest.param({"a": [1, {"b": 1}]}, ["a"], {}, id="a list with an object"),
        pytest.param({"a": []}, ["a"], {"a": []}, id="an empty list"),
        pytest.param({"a": ["x"] * 100}, ["a"], {"a": ["x"] * 100}, id="the longest list"),
        pytest.param({"a": ["x"] * 101}, ["a"], {}, id="too long a list"),
        pytest.param({"a": "x" * 256}, ["a"], {"a": "x" * 256}, id="the longest text"),
        pytest.param({"a": "x" * 257}, ["a"], {}, id="too long a text"),
        pytest.param({"a": "é"}, ["a"], {"a": "é"}, id="a text beyond ASCII"),
        pytest.param({"a": "\ud800"}, ["a"], {}, id="half a character"),
        pytest.param({"a": math.nan}, ["a"], {}, id="no number"),
        pytest.param({"a": -math.inf}, ["a"], {}, id="no end"),
        pytest.param({"a": 2**53}, ["a"], {"a": 2**53}, id="the largest number"),
        pytest.param({"a": 2**53 + 1}, ["a"], {}, id="too large a number"),
        pytest.param({"a": False}, ["a"], {"a": False}, id="a boolean"),
        pytest.param({"a": Plan.PRO}, ["a"], {"a": "pro"}, id="a member of an enum"),
        pytest.param({"a": object()}, ["a"], {}, id="an object of the application"),
        pytest.param({"a": b"x"}, ["a"], {}, id="bytes"),
        pytest.param({"targetingKey": "u1"}, ["plan"], {}, id="the key is an attribute like any other"),
        pytest.param({"targetingKey": "u1"}, ["targetingKey"], {"targetingKey": "u1"}, id="the key where allowed"),
    ],
)
def test_sample__context__leaves_what_is_allowed_and_fits(
    context: Mapping[str, Json], attributes: list[str], expected: Mapping[str, Json]
) -> None:
    assert sampled(context, *attributes) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        pytest.param("u1", {"targetingKey": hashed("u1")}, id="text"),
        pytest.param("x" * 10_000, {"targetingKey": hashed("x" * 10_000)}, id="longer than a text may be"),
        pytest.param("\ud800", {"targetingKey": hashed("\ud800")}, id="half a character"),
        pytest.param(Plan.PRO, {"targetingKey": hashed("pro")}, id="a member of an enum"),
        pytest.param(7, {}, id="no text"),
        pytest.param(["u1"], {}, id="a list"),
    ],
)
def test_sample__hashed_targeting_key__leaves_as_a_hash_or_not(key: object, expected: Mapping[str, Json]) -> None:
    assert sampled({"targetingKey": key}, "targetingKey", hash_key=True) == expected


def test_hashed__known_key__is_the_start_of_its_sha_256() -> None:
    assert hashed("abc") == "ba7816bf8f01cfea"


@pytest.mark.parametrize(
    ("text", "fit"),
    [
        pytest.param("x" * 247, 8, id="exactly"),
        pytest.param("x" * 248, 7, id="one byte less room"),
        pytest.param("é" * 247, 4, id="bytes, not characters"),
    ],
)
def test_sample__many_long_attributes__leave_as_many_as_fit(text: str, fit: int) -> None:
    names = [f"a{index}" for index in range(10)]
    found = sampled(dict.fromkeys(names, text), *names)
    assert list(found) == names[:fit]


def test_sample__as_large_as_it_may_be__has_no_more_bytes_than_a_report_has_room_for() -> None:
    names = [f"a{index}" for index in range(10)]
    assert 2_000 < len(msgspec.json.encode(sampled(dict.fromkeys(names, "x" * 247), *names))) <= MAX_CONTEXT_BYTES


def test_sample__attribute_allowed_twice__leaves_once() -> None:
    assert sampled({"plan": "pro"}, "plan", "plan") == {"plan": "pro"}


class Hostile(Mapping[str, Any]):
    """A context that raises whenever it is read."""

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - as Mapping has it
        raise LookupError(key)

    def get(self, key: str, default: object = None) -> Any:  # noqa: ANN401 - as Mapping has it
        raise ZeroDivisionError(key, default)

    def __iter__(self) -> Iterator[str]:
        raise OSError

    def __len__(self) -> int:
        raise OSError


def test_offer__context_that_raises__is_passed_over() -> None:
    drawn = of("plan")
    drawn.offer(Hostile())
    drawn.offer({"plan": "pro"})
    assert drawn.take() == ({"plan": "pro"},)


def test_offer__another_thread_is_being_taken__goes_without_and_does_not_wait() -> None:
    drawn = of("plan")
    with drawn._busy:
        drawn.offer({"plan": "pro"})
    assert drawn.take() == ()


def test_offer__another_thread_was_faster__goes_without() -> None:
    drawn = of("n", size=1)

    class Slow(dict[str, int]):
        def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as dict has it
            for n in range(100):
                drawn.offer({"n": n})
            return super().get(name, default)

    drawn.offer(Slow(n=-1))
    assert drawn.take() != ({"n": -1},)


def test_offer__context_altered_later__the_sample_is_what_it_was() -> None:
    drawn = of("plans")
    context = {"plans": ["pro"]}
    drawn.offer(context)
    context["plans"].append("free")
    assert drawn.take() == ({"plans": ["pro"]},)


def test_take__fewer_offered_than_asked_for__answers_all() -> None:
    drawn = of("n", size=5)
    for n in range(3):
        drawn.offer({"n": n})
    assert drawn.take() == ({"n": 0}, {"n": 1}, {"n": 2})


def test_take__many_offered__answers_as_many_as_asked_for() -> None:
    drawn = of("n", size=5)
    for n in range(10_000):
        drawn.offer({"n": n})
    assert len(drawn.take()) == 5


def test_take__twice__starts_anew() -> None:
    drawn = of("n", size=2)
    for n in range(100):
        drawn.offer({"n": n})
    drawn.take()
    drawn.offer({"n": 100})
    assert drawn.take() == ({"n": 100},)


@pytest.mark.parametrize("thrown", [pytest.param(0.0, id="nought"), pytest.param(1 - 2**-53, id="almost one")])
def test_sampler__dice_at_their_ends__still_samples(thrown: float) -> None:
    drawn = Sampler(Options(sample_contexts=1_000, sample_attributes=("n",)), lambda: thrown)
    for n in range(10_000):
        drawn.offer({"n": n})
    assert len(drawn.take()) == 1_000


def test_sampler__no_contexts_wanted__takes_none() -> None:
    drawn = of("n", size=0)
    drawn.offer({"n": 1})
    assert drawn.take() == ()


def test_forget__another_thread_was_being_taken__draws_anew() -> None:
    drawn = of("n", size=2)
    drawn.offer({"n": 1})
    drawn._busy.acquire()
    drawn.forget()
    drawn.offer({"n": 2})
    assert drawn.take() == ({"n": 2},)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns a hundred times as often as they usually do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(before / 100)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_offer__from_many_threads__every_thread_is_in_the_sample_and_none_raises() -> None:
    drawn = Sampler(Options(sample_contexts=1_000, sample_attributes=("thread",)))

    def offer(thread: int) -> None:
        for _ in range(20_000):
            drawn.offer({"thread": thread})

    threads = [threading.Thread(target=offer, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {context["thread"] for context in drawn.take()} == set(range(8))
