"""A flag's removal never alters what a program does: random programs, run before and after, for every outcome."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from types import GeneratorType

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.programs import FLAG, program

from flagtrail.codebase.cleanup import Winner
from flagtrail.codebase.plan import plan
from flagtrail.codebase.repository import Files

CONFIG = b"""
[[patterns]]
call = "flags.is_on"
yields = "enabled"

[[patterns]]
call = "flags.colour"
yields = "variant"
"""
OUTCOMES = [dict(zip("ab", outcomes, strict=True)) for outcomes in itertools.product((False, True), repeat=2)]
UNDEFINED = ("UnboundLocalError", "NameError")
"""What reading a variable without a value raises: a program that does so has no behaviour to keep."""


class Flags:
    def __init__(self, winner: Winner) -> None:
        self.winner = winner

    def is_on(self, key: str) -> object:
        assert key == FLAG
        return self.winner.value

    def colour(self, key: str) -> str:
        assert key == FLAG
        return self.winner.variant


@contextlib.contextmanager
def context() -> Iterator[None]:
    yield


async def ready(value: object) -> object:
    await asyncio.sleep(0)
    return value


async def several(*values: object) -> AsyncIterator[object]:
    for value in values:
        yield value


def run(text: str, winner: Winner, outcomes: Mapping[str, bool]) -> tuple[str, list[str]]:
    """What `subject` returns, yields or raises, and the trace that it leaves."""
    trace: list[str] = []

    def cond(name: str) -> bool:
        trace.append(name)
        return outcomes[name]

    def probe(value: object) -> object:
        trace.append(f"probe {value!r}")
        return value

    names = {"flags": Flags(winner), "cond": cond, "probe": probe, "trace": trace.append, "context": context}
    names |= {"ready": ready, "several": several, "wait": asyncio.run}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(text, "program", "exec"), names)  # noqa: S102 - a program of our own making
    try:
        made = names["subject"](0, None)  # type: ignore[operator] # the program defines it
        result = f"yields {list(itertools.islice(made, 50))}" if isinstance(made, GeneratorType) else f"returns {made}"
    except Exception as raised:  # noqa: BLE001 - whatever it raises is what it does
        result = f"raises {type(raised).__name__}"
    return result, trace


def removed(text: str, winner: Winner) -> str:
    made = plan(Files({"program.py": text.encode(), ".flagtrail.toml": CONFIG}), FLAG, winner)
    return next((change.after.decode() for change in made.changes if change.after is not None), text)


def is_valid(text: str) -> bool:
    """Whether it is a program: few of them are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(text, "program", "exec")
        except SyntaxError:
            return False
    return True


@pytest.mark.parametrize("winner", [Winner("blue", True), Winner("off", False)], ids=["on", "off"])
@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_a_program__without_the_flag__does_what_it_did(winner: Winner, seed: int) -> None:
    before = program(seed)
    assume(is_valid(before))
    after = removed(before, winner)

    for outcomes in OUTCOMES:
        was = run(before, winner, outcomes)
        assume(not was[0].endswith(UNDEFINED))
        assert run(after, winner, outcomes) == was, f"--- before\n{before}\n--- after\n{after}"
