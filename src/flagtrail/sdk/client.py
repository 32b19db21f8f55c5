"""The client: typed evaluation in process, always at once, never raising; started, forked and closed as a whole."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeAlias, Unpack

import msgspec

from flagtrail.engine import resolutions
from flagtrail.model.context import Context
from flagtrail.model.document import is_key
from flagtrail.model.flag import Flag, FlagType, Json
from flagtrail.model.resolution import ErrorCode, Reason, Resolution
from flagtrail.sdk.evaluator import Evaluator, Values, copied
from flagtrail.sdk.events import Event, EventKind, Handler
from flagtrail.sdk.options import Chosen, Options, from_environment
from flagtrail.sdk.sample import Sampler
from flagtrail.sdk.served import Held, Served
from flagtrail.sdk.usage import Tallies

if TYPE_CHECKING:
    from flagtrail.sdk.workers import Workers

log = logging.getLogger("flagtrail.sdk")

Status: TypeAlias = Literal["NOT_READY", "READY", "STALE", "ERROR", "FATAL"]
MAX_TOLD = 1_000
_NOBODY: Context = {}


class Client:
    """Evaluates the flags of one environment. Make one per process and keep it; any thread may use it.

    `start` fetches the ruleset and keeps it in step; until there is one every
    call gives its default. A context is one flat mapping, as in OFREP:
    `{"targetingKey": "user-1", "plan": "pro"}`. Options are given as a whole or as
    keywords; URL, token and application come from the environment where they are left out.
    """

    def __init__(self, options: Options | None = None, **chosen: Unpack[Chosen]) -> None:
        if options is not None and chosen:
            raise ValueError(f"either options as a whole or one by one; not both them and {', '.join(sorted(chosen))}")
        self.options = from_environment(**chosen) if options is None else options
        self._handlers: list[Handler] = []
        self._told: set[tuple[str, str]] = set()
        self._workers: Workers | None = None
        self._closed = False
        counts = self.options.usage
        self._tallies = Tallies() if counts else None
        samples = counts and self.options.sample_contexts > 0
        self._sampler = Sampler(self.options) if samples else None
        self.served = Served(
            self._emit,
            self._install,
            stale_after=self.options.stale_after,
            tallies=self._tallies,
            offer=None if self._sampler is None else self._sampler.offer,
        )
        self._ready = threading.Event()
        self._life = threading.RLock()
        self._telling: int | None = None
        """The thread that calls handlers just now."""
        self._booleans: Values = {}
        self._strings: Values = {}
        self._integers: Values = {}
        self._floats: Values = {}
        if self.options.url:  # where a thread imports while its process forks, the module stays locked in the child
            import_module("flagtrail.sdk.workers")
        _clients.add(self)

    # What is evaluated. The tables are replaced whole; a flag that is in one is there, and of that type.

    def get_boolean(self, key: str, default: bool, context: Context | None = _NOBODY) -> bool:
        """The value of a boolean flag; `default` where it has none for the context. Never raises."""
        try:
            value: bool | None = self._booleans[key](context)  # type: ignore[arg-type] # None raises, as it may
        except Exception:  # noqa: BLE001 - whatever a context or a key is, the application goes on
            value = self.resolve("boolean", key, context).value
        return default if value is None else value

    def get_string(self, key: str, default: str, context: Context | None = _NOBODY) -> str:
        """The value of a string flag; `default` where it has none for the context. Never raises."""
        try:
            value: str | None = self._strings[key](context)  # type: ignore[arg-type] # as above
        except Exception:  # noqa: BLE001 - as above
            value = self.resolve("string", key, context).value
        return default if value is None else value

    def get_integer(self, key: str, default: int, context: Context | None = _NOBODY) -> int:
        """The value of an integer flag; `default` where it has none for the context. Never raises."""
        try:
            value: int | None = self._integers[key](context)  # type: ignore[arg-type] # as above
        except Exception:  # noqa: BLE001 - as above
            value = self.resolve("integer", key, context).value
        return default if value is None else value

    def get_float(self, key: str, default: float, context: Context | None = _NOBODY) -> float:
        """The value of a float flag; `default` where it has none for the context. Never raises."""
        try:
            value: float | None = self._floats[key](context)  # type: ignore[arg-type] # as above
        except Exception:  # noqa: BLE001 - as above
            value = self.resolve("float", key, context).value
        return default if value is None else value

    def get_object(self, key: str, default: Json, context: Context | None = _NOBODY) -> Json:
        """A copy of the value of an object flag; `default` where it has none for the context. Never raises."""
        value = self.resolve("object", key, context).value
        return default if value is None else copied(value)

    def evaluate_all(self, context: Context | None = _NOBODY) -> dict[str, Json]:
        """The value of every flag that has one for the context, by key. Never raises."""
        held = self.served.held
        return {} if held is None else held.evaluator.evaluate_all(_NOBODY if context is None else context)

    def details(self, key: str, context: Context | None = _NOBODY) -> Resolution:
        """A flag of whatever type: its value, variant, reason and rule, or why it has none. Never raises."""
        return self.answer(None, key, context)[0]

    def resolve(self, flag_type: FlagType, key: str, context: Context | None = _NOBODY) -> Resolution:
        """A flag that must be of this type: its value, variant, reason and rule, or why it has none. Never raises.

        The reason is STALE while the server has been away too long. A value is shared: do not alter it.
        """
        return self.answer(flag_type, key, context)[0]

    def answer(
        self, flag_type: FlagType | None, key: str, context: Context | None = _NOBODY
    ) -> tuple[Resolution, Held | None]:
        """As `resolve`, with the very ruleset that it was found in: another one may come at any moment."""
        held = self.served.held
        try:
            of_type = flag_type is None or held.flags[key].type == flag_type  # type: ignore[union-attr] # None raises, as it may
            table = held.evaluator.resolutions if of_type else {}  # type: ignore[union-attr] # as above
            resolution = table[key](_NOBODY if context is None else context)
        except Exception as error:  # noqa: BLE001 - as above
            resolution = self._failed(flag_type, key, error)
        if self.served.stale and resolution.error is None:
            resolution = msgspec.structs.replace(resolution, reason=Reason.STALE)
        return resolution, held

    def _failed(self, flag_type: FlagType | None, key: object, error: Exception) -> Resolution:
        name = key if isinstance(key, str) else ""
        flag = self._flag(key)
        if self.served.held is None:
            failed = resolutions.refused(name, ErrorCode.PROVIDER_NOT_READY, "there is no ruleset yet")
        elif flag is None:
            failed = resolutions.not_found(key)
            if self._tallies is not None and is_key(name):
                self._tallies.unknown(name)
        elif flag_type not in {None, flag.type}:
            told = f"the flag is of type {flag.type}, and is asked for as {flag_type}"
            failed = resolutions.refused(name, ErrorCode.TYPE_MISMATCH, told)
        else:
            return resolutions.context_unreadable(name, type(error).__name__)
        self._tell_once(name, str(failed.error), str(failed.message))
        return failed

    def _flag(self, key: object) -> Flag | None:
        held = self.served.held
        return held.flags.get(key) if held is not None and isinstance(key, str) else None

    def _tell_once(self, key: str, code: str, message: str) -> None:
        told = (key[:256], code)
        if code != ErrorCode.PROVIDER_NOT_READY and told not in self._told and len(self._told) < MAX_TOLD:
            self._told.add(told)
            log.warning("flag %r: %s (%s); the default is used", key[:256], message, code)

    # How it stands, and who is told.

    @property
    def status(self) -> Status:
        """As a provider's status in the OpenFeature specification (section 1.7)."""
        served = self.served
        if served.held is not None:
            return "STALE" if served.stale else "READY"
        if served.fatal:
            return "FATAL"
        return "ERROR" if served.failing else "NOT_READY"

    def on(self, handler: Handler) -> None:
        """Call `handler` with each event from now on, from the client's own thread: it must not take long."""
        self._handlers.append(handler)

    def off(self, handler: Handler) -> None:
        """Call `handler` no more."""
        if handler in self._handlers:
            self._handlers.remove(handler)

    def _emit(self, event: Event) -> None:
        self._log(event)
        before, self._telling = self._telling, threading.get_ident()
        try:
            for handler in tuple(self._handlers):
                self._tell(handler, event)
        finally:
            self._telling = before
        if event.fatal:
            self._ready.set()  # whoever waits in `start` need not go on: the token is asked for again in minutes

    def _tell(self, handler: Handler, event: Event) -> None:
        try:
            handler(event)
        except BaseException as error:
            # SystemExit and its like would end the thread that follows the server. In the main thread they are meant.
            if not isinstance(error, Exception) and threading.current_thread() is threading.main_thread():
                raise
            log.exception("a handler of %s failed", event.kind)

    def _log(self, event: Event) -> None:
        """Tell how it stands when that changes. Errors are logged where they come from."""
        held = self.served.held
        if event.kind == EventKind.STALE:
            log.warning("the flags that are served may be old: %s", event.message)
        elif event.kind == EventKind.READY and held is not None:
            data = held.data
            log.info("following %s/%s: %d flags, ruleset %s", data.project, data.environment, len(held.flags), data.id)

    def _install(self, evaluator: Evaluator) -> None:
        values = evaluator.values
        self._booleans, self._strings = values["boolean"], values["string"]
        self._integers, self._floats = values["integer"], values["float"]
        self._ready.set()

    # Its life.

    def start(self, wait: float | None = 0.0) -> bool:
        """Begin to fetch, follow and report; whether there is a ruleset after at most `wait` seconds (None: for ever).

        A client without a URL is offline: it serves what it is given. Starting again does nothing. Nothing is waited
        for within a handler, since what it would wait for is told by the thread that it holds, and once it is closed.
        """
        with self._life:
            starts = self._workers is None and not self._closed and bool(self.options.url)
            if starts:
                atexit.register(self.close)
                self._workers = self._made_workers()
            workers = self._workers
        if starts and workers is not None:
            workers.start()
        if workers is not None and self._telling != threading.get_ident():
            self._ready.wait(wait)
        if self.served.held is None and not self.options.url:
            log.warning("no URL is given (FLAGTRAIL_URL): the client is offline, and every call gives its default")
        return self.served.held is not None

    def close(self) -> None:
        """Report what was counted (two seconds at most) and stop. Evaluation goes on with what is held."""
        with self._life:
            self._closed = True
            workers, self._workers = self._workers, None
        self._ready.set()  # whoever waits in `start` need not go on
        if workers is not None:
            atexit.unregister(self.close)
            workers.stop()

    def __enter__(self) -> Self:
        """Start, waiting for the first ruleset as long as one request may take."""
        self.start(self.options.timeout)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def _made_workers(self) -> Workers:
        from flagtrail.sdk.workers import Workers

        return Workers(self.options, self.served, self._tallies, self._sampler)

    def after_fork(self) -> None:
        """In a child process: threads did not come along, and what the parent counted the parent reports."""
        self._ready = threading.Event()
        self._life = threading.RLock()
        self._telling = None
        held = self.served.held
        if held is not None:  # the parent may have been about to install it
            self._install(held.evaluator)
        if self._tallies is not None:
            self._tallies.forget()
        if self._workers is not None:
            self._workers = self._made_workers()
            self._workers.start()


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _after_fork() -> None:
    for client in tuple(_clients):
        client.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
