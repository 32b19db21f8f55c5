from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from flagtrail.sdk.ending import Ending


class Finalizer:
    """As multiprocessing's: called when a worker ends, unless it was cancelled."""

    def __init__(self, act: Callable[[], object], exitpriority: int) -> None:
        self.act = act
        self.exitpriority = exitpriority

    def cancel(self) -> None:
        self.act = int


class Util:
    """The part of `multiprocessing.util` that is used."""

    def __init__(self) -> None:
        self.finalizers: list[Finalizer] = []
        self.after_fork: list[Callable[[], object]] = []

    def register_after_fork(self, what: Ending, act: Callable[[Ending], object]) -> None:
        self.after_fork.append(lambda: act(what))

    def Finalize(self, _: None, act: Callable[[], object], exitpriority: int) -> Finalizer:  # noqa: N802 - its name
        self.finalizers.append(Finalizer(act, exitpriority))
        return self.finalizers[-1]

    def begin_worker(self) -> None:
        self.finalizers.clear()
        for act in self.after_fork:
            act()

    def end_worker(self) -> None:
        for finalizer in self.finalizers:
            finalizer.act()


@pytest.fixture
def util(monkeypatch: pytest.MonkeyPatch) -> Util:
    util = Util()
    monkeypatch.setitem(sys.modules, "multiprocessing.util", util)
    return util


def test_ending__worker_ends__is_called(util: Util) -> None:
    called: list[int] = []
    ending = Ending(lambda: called.append(1))
    util.end_worker()
    ending.cancel()
    assert called == [1]


def test_ending__made_before_the_worker_begins__is_called_all_the_same(util: Util) -> None:
    called: list[int] = []
    ending = Ending(lambda: called.append(1))
    util.begin_worker()
    util.end_worker()
    ending.cancel()
    assert called == [1]


def test_ending__cancelled__is_not_called(util: Util) -> None:
    called: list[int] = []
    Ending(lambda: called.append(1)).cancel()
    util.end_worker()
    assert called == []


def test_ending__no_multiprocessing__asks_the_interpreter_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "multiprocessing.util", raising=False)
    registered: list[object] = []
    monkeypatch.setattr("atexit.register", registered.append)
    monkeypatch.setattr("atexit.unregister", registered.remove)
    ending = Ending(print)
    before = list(registered)
    ending.cancel()
    assert (before, registered) == ([print], [])
