"""Units of work that wait for the one thread that commits them, for the stores that have one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from flagtrail.model.errors import FlagtrailError, OutcomeUnknown, StorageFailed

_MOST_AT_ONCE = 256
"""Units of work in one commit: bounds how much one failing commit takes with it."""


class Job:
    """A unit of work on its way to the writer. `done` is called, on the writer's thread, once its outcome is known."""

    def __init__(self, work: Any, done: Callable[[], object]) -> None:  # noqa: ANN401 - whatever the store runs
        self.work = work
        self.done = done
        self.result: Any = None
        self.error: BaseException | None = None

    def outcome(self) -> Any:  # noqa: ANN401 - what the work returns
        """The result; raises the error as it is."""
        error, self.error = self.error, None
        if error is None:
            return self.result
        try:
            raise error
        finally:
            del error  # else it would hold, through its traceback, itself


class Refused(Exception):
    """What units of work add together cannot be written, and none of it was."""

    def __init__(self, error: FlagtrailError) -> None:
        super().__init__(error.detail)
        self.error = error


def undone(jobs: Sequence[Job], error: Exception) -> None:
    """Let all of them fail by this error, which undid what they share.

    A unit that was refused fails by it, too: its refusal may rest on what one before it added, which never came to be.
    Where nobody can say what came to be, nothing of it did all the same, and its refusal is the better word.
    """
    for job in jobs:
        if job.error is None or not isinstance(error, OutcomeUnknown):
            job.error = error


class WriterThread:
    """One thread that takes all units of work that wait and has them committed together.

    `commit` sets each job's result or error. Where it raises Refused nothing tells whose fault that is: the units are
    then run and committed one by one. This lets the waiting go on afterwards. `idle` is called after each commit, on
    the same thread.
    """

    def __init__(self, name: str, commit: Callable[[Sequence[Job]], None], idle: Callable[[], None]) -> None:
        self._name = name
        self._commit = commit
        self._idle = idle
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="flagtrail-writer", daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:  # noqa: ANN401 - whatever the store knows how to run, and what that returns
        """Wait until the work is durable; an exception of the work is raised as it is."""
        waiting = threading.Lock()  # a bare one, which costs a third of a future
        waiting.acquire()
        job = self.submit(work, waiting.release)
        waiting.acquire()
        return job.outcome()

    def submit(self, work: Any, done: Callable[[], object]) -> Job:  # noqa: ANN401 - whatever the store knows how to run
        """Queue the work. `done` is quick and raises nothing: others wait for this thread."""
        self.refuse_within()
        job = Job(work, done)
        with self._closing:
            if self._closed:
                raise StorageFailed(f"the database {self._name} is closed")
            self._queue.put(job)
        return job

    def refuse_within(self) -> None:
        """Raise RuntimeError where a unit of work is what asks."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a unit of work cannot start another one: it would wait for itself")

    def close(self) -> bool:
        """Finish what is queued and stop; False where that was done before."""
        with self._closing:
            if self._closed:
                return False
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        return True

    def _run(self) -> None:
        open_ = True
        while open_:
            jobs, open_ = self._take()
            if jobs:
                self._settle(jobs)
                for job in jobs:
                    job.done()
            self._idle()

    def _settle(self, jobs: Sequence[Job]) -> None:
        try:
            self._commit(jobs)
        except Refused as refused:
            if len(jobs) == 1:
                jobs[0].error = refused.error
                return
            for job in jobs:
                job.error = None
                self._settle([job])

    def _take(self) -> tuple[list[Job], bool]:
        """All jobs that wait, at least one, and whether more may come."""
        first = self._queue.get()
        if first is None:
            return [], False
        jobs = [first]
        while len(jobs) < _MOST_AT_ONCE:
            try:
                job = self._queue.get_nowait()
            except Empty:
                break
            if job is None:
                return jobs, False
            jobs.append(job)
        return jobs, True
