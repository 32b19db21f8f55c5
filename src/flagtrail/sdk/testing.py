"""Flags that a test decides: a provider and a client that serve them, and `pinned`, which gives them to all code.

They are the real provider and the real client, fed by the test instead of a
server: the same engine answers, and rules, segments and splits work as they do
in production. Beside answering they remember what was asked.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import msgspec
from openfeature import api
from openfeature.provider import Metadata
from openfeature.provider.no_op_provider import NoOpProvider

from flagtrail.engine.check import check
from flagtrail.model.context import Context
from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.resolution import ErrorCode, Reason, Resolution
from flagtrail.model.sync import RulesetData, SyncedFlag
from flagtrail.model.targeting import Targeting
from flagtrail.sdk.client import Client, Status
from flagtrail.sdk.definitions import (
    ENVIRONMENT,
    PROJECT,
    Definition,
    Flags,
    Segments,
    a_type,
    defined,
    of_same_type,
    segment,
)
from flagtrail.sdk.evaluator import copied
from flagtrail.sdk.options import Options
from flagtrail.sdk.provider import FlagtrailProvider, providers
from flagtrail.sdk.served import Held

__all__ = ["Definition", "Evaluated", "Flags", "InMemoryProvider", "PinnedClient", "Segments", "client", "pinned"]

_NOBODY: Context = {}
_PARKED = "flagtrail-pinned"


class Evaluated(msgspec.Struct, frozen=True):
    """One evaluation that took place: what was asked for, and the answer.

    `type` is the one that was asked for (None: of whatever type); `value` is
    None where `error` says why the caller got its default.
    """

    flag: str
    type: FlagType | None
    context: Context
    value: Json
    variant: str | None
    reason: Reason
    error: ErrorCode | None


class PinnedClient(Client):
    """A client that serves what a test says. Made by `client`."""

    def __init__(self, flags: Flags | None = None, *, segments: Segments | None = None) -> None:
        super().__init__(Options(usage=False))
        self.evaluated: list[Evaluated] = []
        self._flags: dict[str, Flag] = {}
        self._targetings: dict[str, Targeting] = {}
        self._segments = {key: segment(key, when) for key, when in (segments or {}).items()}
        self._versions = itertools.count()
        self._pin({**(flags or {})})

    def set(self, key: str, value: object) -> None:
        """Serve `value` (or a `Definition`) from now on. Raises TypeError where the flag has another type,
        ValueError where it could not be a flag.
        """
        self._pin({key: value})

    def pin(self, flags: Flags | None = None, /, **more: object) -> None:
        """`set` for several flags at once: all of them, or none."""
        self._pin({**(flags or {}), **more})

    def remove(self, key: str) -> None:
        """Serve the flag no more: whoever asks for it gets the default. Raises KeyError where it is not pinned."""
        flags, targetings = dict(self._flags), dict(self._targetings)
        if key not in flags:
            raise KeyError(f"{key!r} is not pinned{_meant(key, flags)}")
        del flags[key], targetings[key]
        self._replace(flags, targetings)

    @contextmanager
    def pinned(self, flags: Flags | None = None, /, **more: object) -> Iterator[None]:
        """`pin` for the length of a `with` block; then all flags are as they were before it."""
        before = self._flags, self._targetings
        self.pin(flags, **more)
        try:
            yield
        finally:
            self._replace(*before)

    def asked(self, key: str) -> list[Evaluated]:
        """The evaluations of one flag so far, oldest first."""
        return [one for one in self.evaluated if one.flag == key]

    def check(self, *, strict: bool = False) -> None:
        """Raise AssertionError where a flag was asked for as another type than it is pinned as: the code under
        test got its default, in silence. With `strict` also where it asked for a flag that is not pinned.
        """
        problems = (_problem(one, self._flags, strict=strict) for one in self.evaluated)
        told = dict.fromkeys(problem for problem in problems if problem)
        if told:
            raise AssertionError("\n".join(told))

    def _pin(self, flags: Flags) -> None:
        pinned, targetings = dict(self._flags), dict(self._targetings)
        for key, value in flags.items():
            flag, targetings[key] = defined(key, value)
            pinned[key] = of_same_type(self._flags.get(key), flag)
        self._replace(pinned, targetings)

    def _replace(self, flags: dict[str, Flag], targetings: dict[str, Targeting]) -> None:
        placed = {(key, ENVIRONMENT): targeting for key, targeting in targetings.items()}
        touched = [f"flags/{key}" for key in flags] + [f"flags/{key}/environments/{ENVIRONMENT}" for key in flags]
        defects = check(flags, placed, self._segments, [*touched, *(f"segments/{key}" for key in self._segments)])
        if defects:
            raise ValueError("; ".join(f"{defect.path} {defect.message}" for defect in defects))
        self._flags, self._targetings = flags, targetings
        version = next(self._versions)
        synced = {key: SyncedFlag(flag.type, flag.variants) for key, flag in flags.items() if not flag.archived}
        kept = {key: targeting for key, targeting in targetings.items() if key in synced}
        name = f"{version}-{version:016x}"
        self.served.replace(RulesetData(name, PROJECT, ENVIRONMENT, synced, kept, self._segments))

    # Every way to ask comes down to `answer`, which remembers.

    def get_boolean(self, key: str, default: bool, context: Context | None = _NOBODY) -> bool:
        """See Client."""
        value = self.resolve("boolean", key, context).value
        return default if value is None else value

    def get_string(self, key: str, default: str, context: Context | None = _NOBODY) -> str:
        """See Client."""
        value = self.resolve("string", key, context).value
        return default if value is None else value

    def get_integer(self, key: str, default: int, context: Context | None = _NOBODY) -> int:
        """See Client."""
        value = self.resolve("integer", key, context).value
        return default if value is None else value

    def get_float(self, key: str, default: float, context: Context | None = _NOBODY) -> float:
        """See Client."""
        value = self.resolve("float", key, context).value
        return default if value is None else value

    def evaluate_all(self, context: Context | None = _NOBODY) -> dict[str, Json]:
        """See Client; remembered as an evaluation of each flag."""
        found = {key: self.details(key, context) for key, flag in self._flags.items() if not flag.archived}
        return {key: copied(one.value) for key, one in found.items() if one.variant is not None}

    def answer(
        self, flag_type: FlagType | None, key: str, context: Context | None = _NOBODY
    ) -> tuple[Resolution, Held | None]:
        """See Client."""
        resolution, held = super().answer(flag_type, key, context)
        return self._remember(flag_type, key, context, resolution), held

    def _remember(self, flag_type: FlagType | None, key: str, context: Context | None, found: Resolution) -> Resolution:
        try:
            given = dict(context or {})
        except Exception:  # noqa: BLE001 - what cannot be read is an error of the evaluation, which is remembered
            given = {}
        value = copied(found.value)
        self.evaluated.append(Evaluated(str(key), flag_type, given, value, found.variant, found.reason, found.error))
        return found


def client(flags: Flags | None = None, *, segments: Segments | None = None) -> PinnedClient:
    """A client that serves these flags and no others; there is no server, and nothing is counted."""
    return PinnedClient(flags, segments=segments)


class InMemoryProvider(FlagtrailProvider):
    """A provider that serves the flags of a test: plain values, or definitions with rules.

    It emits CONFIGURATION_CHANGED when they change. See PinnedClient for what its methods raise.
    """

    def __init__(self, flags: Flags | None = None, *, segments: Segments | None = None) -> None:
        self._pins = PinnedClient(flags, segments=segments)
        super().__init__(client=self._pins)

    @property
    def client(self) -> PinnedClient:
        """The client that answers."""
        return self._pins

    def get_metadata(self) -> Metadata:
        """The provider's name."""
        return _METADATA

    @property
    def evaluated(self) -> list[Evaluated]:
        """Every evaluation so far, oldest first. It may be cleared."""
        return self._pins.evaluated

    def asked(self, key: str) -> list[Evaluated]:
        """The evaluations of one flag so far, oldest first."""
        return self._pins.asked(key)

    def set(self, key: str, value: object) -> None:
        """Serve `value` (or a `Definition`) from now on."""
        self._pins.set(key, value)

    def pin(self, flags: Flags | None = None, /, **more: object) -> None:
        """`set` for several flags at once: all of them, or none."""
        self._pins.pin(flags, **more)

    def remove(self, key: str) -> None:
        """Serve the flag no more: whoever asks for it gets the default."""
        self._pins.remove(key)

    @contextmanager
    def pinned(self, flags: Flags | None = None, /, **more: object) -> Iterator[None]:
        """`pin` for the length of a `with` block; then all flags are as they were before it."""
        with self._pins.pinned(flags, **more):
            yield

    def check(self, *, strict: bool = False) -> None:
        """Raise AssertionError where a flag was asked for as another type, or (`strict`) is not pinned."""
        self._pins.check(strict=strict)


_METADATA = Metadata("flagtrail-in-memory")


# Pins for all code of the process.

_pins: list[PinnedClient] = []


@contextmanager
def pinned(
    flags: Flags | None = None, /, *, segments: Segments | None = None, **more: object
) -> Iterator[InMemoryProvider]:
    """Serve these flags to all code of this process for the length of a `with` block.

    OpenFeature's default provider is replaced, and every Flagtrail client
    answers with them, also one behind a provider of a domain and one made
    within the block; clients do not reach for their servers meanwhile. Blocks
    may be nested: the innermost alone counts. Afterwards all is as it was; a
    default provider that was set within the outermost block stays.
    """
    provider = InMemoryProvider({**(flags or {}), **more}, segments=segments)
    domain = f"{_PARKED}-{len(_pins)}"
    before = api.get_client().provider
    waiting = [one for one in providers() if one.client.status != "READY"]
    if not _pins:
        _redirect()
    _pins.append(provider.client)
    # In a domain of its own it stays in use, so that it is neither shut down now nor initialised again later.
    api.set_provider(before, domain)
    api.set_provider_and_wait(provider)
    _tell(waiting)
    try:
        yield provider
    finally:
        _pins.remove(provider.client)
        if not _pins:
            _restore()
        _tell(waiting)
        if api.get_client().provider is provider:
            api.set_provider(before)
        api.set_provider_and_wait(NoOpProvider(), domain)


_ASKING = (
    "get_boolean", "get_string", "get_integer", "get_float", "get_object",
    "evaluate_all", "details", "resolve", "answer",
)  # fmt: skip
_ORIGINAL: dict[str, Any] = {name: getattr(Client, name) for name in (*_ASKING, "start")} | {"status": Client.status}


def _tell(waiting: list[FlagtrailProvider]) -> None:
    """Providers that have no ruleset of their own: while flags are pinned the SDK must ask them all the same."""
    for provider in waiting:
        provider.tell_status()


def _redirect() -> None:
    for name in _ASKING:
        setattr(Client, name, _redirected(name))
    setattr(Client, "start", _started)  # noqa: B010 - a method is replaced on purpose
    setattr(Client, "status", property(_status))  # noqa: B010 - as above


def _restore() -> None:
    for name, original in _ORIGINAL.items():
        setattr(Client, name, original)


def _redirected(name: str) -> Callable[..., Any]:
    original = _ORIGINAL[name]

    def ask(self: Client, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the method's
        if isinstance(self, PinnedClient) or not _pins:
            return original(self, *arguments, **named)
        return getattr(_pins[-1], name)(*arguments, **named)

    return ask


def _started(self: Client, wait: float | None = 0.0) -> bool:
    return cast("bool", _ORIGINAL["start"](self, wait)) if isinstance(self, PinnedClient) else True


def _status(self: Client) -> Status:
    return cast("Status", _ORIGINAL["status"].fget(self)) if isinstance(self, PinnedClient) else "READY"


def _problem(asked: Evaluated, flags: Mapping[str, Flag], *, strict: bool) -> str:
    """What is wrong with an evaluation; empty where it is nothing that a test should hear of."""
    flag = flags.get(asked.flag)
    if strict and asked.error == ErrorCode.FLAG_NOT_FOUND:
        return f"{asked.flag!r} was asked for, and is not pinned{_meant(asked.flag, flags)}"
    if asked.error == ErrorCode.TYPE_MISMATCH and flag is not None and asked.type is not None:
        return f"{asked.flag!r} is pinned as {a_type(flag.type)}, and was asked for as {a_type(asked.type)}"
    return ""


def _meant(key: str, flags: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, flags, 1)
    return f"; did you mean {close[0]!r}?" if close else ""
