"""A flag's removal never alters what a program does: random programs, run before and after, for every outcome."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from types import GeneratorType
from typing import TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.support.loading import loadable
from tests.support.modules import tree
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
WINNERS = pytest.mark.parametrize("winner", [Winner("blue", True), Winner("off", False)], ids=["on", "off"])
UNDEFINED = ("UnboundLocalError", "NameError")
"""What reading a variable without a value raises: a program that does so has no behaviour to keep."""


T = TypeVar("T")


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


def run(files: Mapping[str, str], winner: Winner, outcomes: Mapping[str, bool]) -> tuple[str, list[str], list[str]]:
    """What `main.subject` returns, yields or raises, the trace that it leaves, and what was done by loading modules.

    Of the latter the order hangs on which of them is loaded first, which may be another one after an import went.
    """
    trace: list[str] = []
    loaded: list[str] = []

    def note(text: str) -> None:
        (loaded if texts.loading else trace).append(text)

    def cond(name: str) -> bool:
        note(name)
        return outcomes[name]

    def probe(value: object) -> object:
        note(f"probe {value!r}")
        return value

    def keep(what: T) -> T:
        note(f"keep {getattr(what, '__name__', what)}")
        return what

    names = {"flags": Flags(winner), "cond": cond, "probe": probe, "trace": note, "context": context, "keep": keep}
    names |= {"ready": ready, "several": several, "wait": asyncio.run}
    with warnings.catch_warnings(), loadable(files, names) as texts:
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            made = importlib.import_module("main").subject(0, None)
            result = f"yields {list(itertools.islice(made, 50))}" if isinstance(made, GeneratorType) else f"is {made}"
        except Exception as raised:  # noqa: BLE001 - whatever it raises is what it does
            result = f"raises {type(raised).__name__}"
    return result, trace, sorted(loaded)


def removed(files: Mapping[str, str], winner: Winner) -> dict[str, str]:
    before = Files({path: text.encode() for path, text in files.items()} | {".flagtrail.toml": CONFIG})
    after = dict(files)
    for change in plan(before, FLAG, winner).changes:
        del after[change.path]
        if change.after is not None:
            after[change.path] = change.after.decode()
    return after


def told(files: Mapping[str, str]) -> str:
    return "\n".join(f"--- {path}\n{text}" for path, text in files.items())


def is_valid(text: str) -> bool:
    """Whether it is a program: few of them are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(text, "program", "exec")
        except SyntaxError:
            return False
    return True


def check(before: Mapping[str, str], winner: Winner) -> None:
    after = removed(before, winner)
    for outcomes in OUTCOMES:
        was = run(before, winner, outcomes)
        assume(not was[0].endswith(UNDEFINED))
        assert run(after, winner, outcomes) == was, f"before\n{told(before)}\nafter\n{told(after)}"


@WINNERS
@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=30)
def test_a_program__without_the_flag__does_what_it_did(winner: Winner, seed: int) -> None:
    text = program(seed)
    assume(is_valid(text))
    check({"main.py": f"from world import *\n\n\n{text}"}, winner)


@WINNERS
@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=8)
def test_a_program_of_several_modules__without_the_flag__does_what_it_did(winner: Winner, seed: int) -> None:
    check(tree(seed), winner)
