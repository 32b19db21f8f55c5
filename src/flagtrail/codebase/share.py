"""Work shared with a second process: a copy of this one, which has in memory what this one has."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Pair(Generic[Question, Answer]):
    """Does two pieces of work at a time, where there is a second process; else one after the other."""

    def __init__(self, work: Callable[[Question], Answer], to: IO[bytes] | None, back: IO[bytes] | None) -> None:
        self._work = work
        self._to, self._back = to, back

    def both(self, mine: Question, theirs: Question) -> tuple[Answer, Answer]:
        """What the work makes of each. Where the second process is lost, this one does its piece."""
        if self._to is None or self._back is None:
            return self._work(mine), self._work(theirs)
        try:
            _send(self._to, theirs)
        except OSError:
            self._to = None
            return self.both(mine, theirs)
        first = self._work(mine)
        try:
            return first, pickle.load(self._back)  # noqa: S301 - from a copy of ourselves
        except (EOFError, pickle.UnpicklingError):
            self._to = None
            return first, self._work(theirs)


@contextmanager
def pair(work: Callable[[Question], Answer], *, alone: bool) -> Iterator[Pair[Question, Answer]]:
    """A second process for some work, unless `alone`; it is gone afterwards.

    There is none where this one has other threads: what they hold at that moment a copy would wait for, for ever.
    """
    if alone or threading.active_count() > 1 or not can_fork():
        yield Pair(work, None, None)
        return
    questions, to = os.pipe()
    back, answers = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(to)
        os.close(back)
        _serve(work, questions, answers)
    os.close(questions)
    os.close(answers)
    try:
        with os.fdopen(back, "rb") as told, os.fdopen(to, "wb") as asked:
            yield Pair(work, asked, told)
    except BrokenPipeError:
        pass  # what was not yet sent to a process that is gone
    finally:
        os.waitpid(child, 0)  # with both pipes closed: it would wait for ever to tell what nobody reads


def _serve(work: Callable[[Question], Answer], questions: int, answers: int) -> None:
    """Never returns, and runs none of what this process was to do at its end."""
    status = 1
    try:
        with os.fdopen(questions, "rb") as asked, os.fdopen(answers, "wb") as told:
            while True:
                try:
                    question = pickle.load(asked)  # noqa: S301 - from the process that this one is a copy of
                except EOFError:
                    break
                _send(told, work(question))
        status = 0
    finally:
        os._exit(status)


def _send(pipe: IO[bytes], value: object) -> None:
    pickle.dump(value, pipe, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def can_fork() -> bool:
    """Whether a second process can be had, and would have a processor of its own."""
    return sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1
