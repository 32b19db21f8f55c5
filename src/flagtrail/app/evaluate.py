"""The evaluation flow: one compiled ruleset per environment, swapped whole when its documents moved."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from operator import is_
from typing import TypeAlias

import msgspec

from flagtrail.app.usage import UsageCounter
from flagtrail.engine.ruleset import Ruleset
from flagtrail.model.context import Context
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import Flag
from flagtrail.model.resolution import Answers, Resolution
from flagtrail.model.segment import Segment
from flagtrail.model.state import Local, State, Versioned
from flagtrail.model.subject import Kind
from flagtrail.model.targeting import Targeting

_Document: TypeAlias = Flag | Targeting | Segment
_Marks: TypeAlias = Mapping[int, tuple[_Document, bytes]]
_Tables: TypeAlias = tuple[Mapping[Local, Versioned], ...]
_NOTHING: Mapping[Local, Versioned] = {}
_encode = msgspec.json.Encoder(order="sorted").encode


class Served(msgspec.Struct, frozen=True):
    """A ruleset and what names it.

    `size` is the ledger's just after the newest entry that touched the ruleset.
    `digest` is of the place, that size and every document: the same on every
    replica, and another in another installation.
    """

    ruleset: Ruleset
    size: int
    digest: bytes


class _Held(msgspec.Struct, frozen=True):
    """What is served, the state it was last found to hold for, and that state's tables that it is made of.

    `marks` are digests of documents by identity: the next ruleset need not read again what stayed.
    """

    served: Served
    state: State
    tables: _Tables
    marks: _Marks


class Evaluation:
    """Evaluates flags as they stand now; counts what it serves. Never touches the database."""

    def __init__(self, state: Callable[[], State], usage: UsageCounter) -> None:
        self._state = state
        self._usage = usage
        self._held: dict[tuple[str, str], _Held] = {}
        self._building = threading.Lock()

    def served(self, project: str, environment: str) -> Served:
        """The present ruleset of an environment; raises NotFound where there is no such environment.

        The same object for as long as no entry changes what it is made of, whatever else moves the ledger.
        """
        held = self._held.get((project, environment))
        if held is not None and held.state is self._state():
            return held.served
        with self._building:
            return self._present(self._state(), project, environment).served

    def standing(self, project: str, environment: str) -> tuple[Served, State]:
        """What `served` answers and a state that it is made of: taken together, so that the two never disagree."""
        with self._building:
            held = self._present(self._state(), project, environment)
            return held.served, held.state

    def _present(self, state: State, project: str, environment: str) -> _Held:
        if state.environment(project, environment) is None:
            self._held.pop((project, environment), None)
            raise NotFound(f"there is no environment {environment!r} in project {project!r}", kind="environment")
        before = self._held.get((project, environment))
        tables = _tables(state, project)
        if before is not None and all(map(is_, before.tables, tables)):
            held = msgspec.structs.replace(before, state=state)
        else:
            held = _made(state, project, environment, tables, before)
        self._held[project, environment] = held
        return held

    def evaluate(self, project: str, environment: str, flag: str, context: Context) -> Resolution:
        """One flag for one context, counted."""
        resolution = self.served(project, environment).ruleset.evaluate(flag, context)
        self._usage.count(project, environment, resolution, "ofrep")
        return resolution

    def evaluate_all(self, project: str, environment: str, context: Context) -> Answers:
        """Every flag that is not archived, for one context, counted as a bulk evaluation."""
        answers = self.served(project, environment).ruleset.answers(context)
        self.count_all(project, environment, answers)
        return answers

    def count_all(self, project: str, environment: str, answers: Answers) -> None:
        """Count answers that are given once more as a bulk evaluation."""
        self._usage.count_all(project, environment, answers, "ofrep-bulk")


def _tables(state: State, project: str) -> _Tables:
    """All that a ruleset of the project is made of; a table is replaced whenever a document of it changes."""
    kinds: tuple[Kind, ...] = ("flag", "segment", "targeting", "environment")
    return tuple([state.tables.get((kind, project), _NOTHING) for kind in kinds])


def _made(state: State, project: str, environment: str, tables: _Tables, before: _Held | None) -> _Held:
    flags, segments = state.flags(project), state.segments(project)
    targetings = state.targetings(project, environment)
    known: _Marks = {} if before is None else before.marks
    marks: dict[int, tuple[_Document, bytes]] = {}
    documents: Iterator[_Document] = chain(flags.values(), targetings.values(), segments.values())
    for document in documents:
        mark = known.get(id(document))
        marks[id(document)] = mark or (document, hashlib.blake2b(_encode(document), digest_size=16).digest())
    size = max(held.seq for held in _records(tables, environment)) + 1
    digest = hashlib.sha256(f"{project}/{environment}/{size}/".encode())
    for key, targeting in targetings.items():  # a flag names itself, a targeting does not
        digest.update(key.encode() + b"/" + marks[id(targeting)][1])
    digest.update(b"".join([marks[id(document)][1] for document in chain(flags.values(), segments.values())]))
    if before is not None and before.served.digest == digest.digest():
        return _Held(before.served, state, tables, before.marks)
    ruleset = Ruleset(flags, targetings, segments, previous=None if before is None else before.served.ruleset)
    return _Held(Served(ruleset, size, digest.digest()), state, tables, marks)


def _records(tables: _Tables, environment: str) -> Iterator[Versioned]:
    """The records that concern one environment, deleted documents too."""
    flags, segments, targetings, environments = (table.values() for table in tables)
    yield from chain(flags, segments)
    yield from (held for held in targetings if held.subject.environment == environment)
    yield from (held for held in environments if held.subject.name == environment)
