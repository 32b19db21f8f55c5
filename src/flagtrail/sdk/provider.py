"""The provider for OpenFeature's Python SDK: the client's answers and events in the specification's terms.

What a call costs beside the client's own evaluation is one mapping for the
context and one for the answer: metadata is made once for each rule, and no
hook of the provider's own is ever run.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar, Unpack

from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent, ProviderEventDetails
from openfeature.exception import ErrorCode, ProviderFatalError, ProviderNotReadyError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType, Reason
from openfeature.provider import AbstractProvider, FeatureProvider, Metadata

from flagtrail.model import resolution as model
from flagtrail.model.flag import FlagType
from flagtrail.sdk.client import Client
from flagtrail.sdk.evaluator import copied
from flagtrail.sdk.events import Event, EventKind
from flagtrail.sdk.mapping import Metadatas, flat
from flagtrail.sdk.options import Chosen

V = TypeVar("V")

NAME = "flagtrail"
WAIT_SECONDS = 5.0
CACHED_WAIT_SECONDS = 1.0
"""`initialize` waits no longer for the server where a ruleset of an earlier run is served meanwhile."""

_ERRORS = {code: ErrorCode(code.value) for code in model.ErrorCode}
_REASONS = {reason: Reason(reason.value) for reason in model.Reason}
_EVENTS = {
    EventKind.READY: ProviderEvent.PROVIDER_READY,
    EventKind.STALE: ProviderEvent.PROVIDER_STALE,
    EventKind.ERROR: ProviderEvent.PROVIDER_ERROR,
    EventKind.CONFIGURATION_CHANGED: ProviderEvent.PROVIDER_CONFIGURATION_CHANGED,
}
_OF_INITIALIZE = (ProviderEvent.PROVIDER_READY, ProviderEvent.PROVIDER_ERROR)


class FlagtrailProvider(AbstractProvider):
    """Evaluates Flagtrail's flags in process for OpenFeature.

    With keywords it makes a client of its own, which it starts and closes;
    options that are left out come from the environment (`FLAGTRAIL_URL`,
    `FLAGTRAIL_TOKEN`, ...). A `client` that is given is started where it was
    not, and stays whoever made it's to close.

    `wait` is how many seconds `initialize` waits for a ruleset. Where none came
    it raises, as the specification wants (2.4.2.1); the provider goes on trying
    and turns READY by event, and evaluations give their defaults until then.
    """

    def __init__(self, *, client: Client | None = None, wait: float = WAIT_SECONDS, **options: Unpack[Chosen]) -> None:
        if client is not None and options:
            raise ValueError(f"a client has options of its own; not both it and {', '.join(sorted(options))}")
        self._owns_client = client is None
        self._client = Client(**options) if client is None else client
        self._wait = wait
        self._known = Metadatas(None)
        self._lifecycle = threading.RLock()
        self._heard = threading.Event()
        self._initializing = False
        self._attached = False
        self._gone = False
        """Whether it was shut down since the SDK last took it up."""
        self._why = ""
        _providers.add(self)

    @property
    def client(self) -> Client:
        """The client that answers: for `evaluate_all`, and for calls that need none of OpenFeature's features."""
        return self._client

    # Its life (OpenFeature, sections 1.7, 2.4 and 2.5).

    def attach(self, on_emit: Callable[[FeatureProvider, ProviderEvent, ProviderEventDetails], None]) -> None:
        """Take the SDK's function for events: it is about to initialise this provider."""
        super().attach(on_emit)
        self._attached, self._gone = True, False

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002 - the protocol's
        """Start, and wait for a ruleset. Raises ProviderFatalError where the server refuses the token for want of
        rights, ProviderNotReadyError where there is no ruleset after `wait` seconds.
        """
        with self._lifecycle:
            if self._gone:  # the SDK initialises and shuts down in threads, and one may overtake the other
                raise ProviderNotReadyError("the provider was shut down")
            client = self._client
            self._heard.clear()
            self._initializing = True
            client.off(self._told)
            client.on(self._told)
            try:
                self._await_ruleset(client)
                status = client.status
            finally:
                self._initializing = False
            if status == "READY":
                return
            # Only after `initialize` the SDK sets the provider's status, to READY or ERROR: it is put right after that.
            self._attend()
            if status == "FATAL":
                raise ProviderFatalError(self._why)
            if status != "STALE":
                raise ProviderNotReadyError(self._why or _no_ruleset(client, self._wait))

    def shutdown(self) -> None:
        """Report what was counted and stop; a client that was given stays as it is. May be called again."""
        self._heard.set()  # whoever waits in `initialize` need not go on
        with self._lifecycle:
            self._gone = self._gone or self._attached
            self._attached = False
            self._attend_no_more()
            self._client.off(self._told)
            if self._owns_client:
                client, self._client = self._client, Client(self._client.options)
                client.close()

    def _await_ruleset(self, client: Client) -> None:
        client.start()
        status = client.status
        if status in {"READY", "FATAL"} or not client.options.url:
            return
        if status != "STALE":
            self._heard.wait(self._wait)
            return
        # The SDK asks a provider that is STALE, and none that is not ready yet: what is held is served at once.
        self._pass_on(Event(EventKind.STALE, self._why))
        self._heard.wait(min(self._wait, CACHED_WAIT_SECONDS))

    def after_fork(self) -> None:
        """Called in each child process: a thread that was about to begin or to end `initialize` did not come along."""
        initializing, self._initializing = self._initializing, False
        self._lifecycle = threading.RLock()
        self._heard = threading.Event()
        if self._attached:  # what `initialize` does first; how it goes the child's own client tells by event
            self._client.off(self._told)
            self._client.on(self._told)
            self._client.start()
        if initializing and self._client.status in {"READY", "STALE"}:
            # From a thread of its own: a lock of the SDK may have been held at the fork, and nobody must wait for it.
            threading.Thread(target=self.tell_status, daemon=True).start()

    def tell_status(self) -> None:
        """Tell the SDK by event how the client stands now; whoever waits in `initialize` for that waits no more."""
        self._heard.set()
        match self._client.status:
            case "READY":
                self._pass_on(Event(EventKind.READY))
            case "STALE":
                self._pass_on(Event(EventKind.STALE, self._why))
            case status:
                why = self._why or _no_ruleset(self._client, self._wait)
                self._pass_on(Event(EventKind.ERROR, why, fatal=status == "FATAL"))

    # Events (section 5).

    def _told(self, event: Event) -> None:
        if self._initializing:
            self._why = event.message
        else:
            self._pass_on(event)
        if event.kind is EventKind.READY or event.fatal:
            self._heard.set()

    def _pass_on(self, event: Event) -> None:
        emit: Callable[..., None] | None = getattr(self, "_on_emit", None)
        if emit is None:
            return
        code = None
        if event.kind is EventKind.ERROR:
            code = ErrorCode.PROVIDER_FATAL if event.fatal else ErrorCode.GENERAL
        changed = list(event.changed) if event.kind is EventKind.CONFIGURATION_CHANGED else None
        emit(self, _EVENTS[event.kind], ProviderEventDetails(changed, event.message or None, code))

    def _attend(self) -> None:
        self._attend_no_more()
        for kind in _OF_INITIALIZE:
            api.add_handler(kind, self._settle)

    def _attend_no_more(self) -> None:
        for kind in _OF_INITIALIZE:
            with suppress(ValueError):  # where all handlers were cleared
                api.remove_handler(kind, self._settle)

    def _settle(self, details: EventDetails) -> None:
        """The SDK told how a provider's `initialize` ended: say what is so where it is otherwise by now.

        It names providers by name alone. So another one's event may have come,
        and attention ends only when this one is READY.
        """
        status = self._client.status
        if details.provider_name != self.get_metadata().name:
            return
        if status == "READY":
            self._attend_no_more()
        if status == "STALE" or (status == "READY" and details.error_code is not None):
            self.tell_status()

    # Evaluation (section 2.2).

    def get_metadata(self) -> Metadata:
        """The provider's name."""
        return _METADATA

    def resolve_boolean_details(
        self, flag_key: str, default_value: bool, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[bool]:
        """The answer of a boolean flag. Never raises."""
        return self._details("boolean", flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """The answer of a string flag. Never raises."""
        return self._details("string", flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """The answer of an integer flag. Never raises."""
        return self._details("integer", flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """The answer of a float flag. Never raises."""
        return self._details("float", flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """The answer of an object flag; its value is a copy, which the caller may alter. Never raises."""
        details = self._details("object", flag_key, default_value, evaluation_context)
        if details.error_code is None:
            details.value = copied(details.value)
        return details

    def _details(
        self, kind: FlagType, key: str, default: V, evaluation_context: EvaluationContext | None
    ) -> FlagResolutionDetails[V]:
        try:
            context = flat(evaluation_context)
        except Exception as error:  # noqa: BLE001 - attributes hold anything, and evaluating is total
            problem = f"the context cannot be read ({type(error).__name__})"
            return FlagResolutionDetails(default, ErrorCode.INVALID_CONTEXT, problem, Reason.ERROR)
        found, held = self._client.answer(kind, key, context)
        known = self._known
        if known.held is not held:
            known = self._known = Metadatas(held)
        metadata = known.of_rules.get(found.rule) or known.metadata(found.rule)
        if found.error is None:
            return FlagResolutionDetails(found.value, None, None, _REASONS[found.reason], found.variant, metadata)
        return FlagResolutionDetails(default, _ERRORS[found.error], found.message, Reason.ERROR, None, metadata)


_METADATA = Metadata(NAME)


def _no_ruleset(client: Client, wait: float) -> str:
    if not client.options.url:
        return "the client is offline, and was given no ruleset"
    return f"no ruleset came within {wait:g} s"


_providers: weakref.WeakSet[FlagtrailProvider] = weakref.WeakSet()


def providers() -> tuple[FlagtrailProvider, ...]:
    """Every provider of this process that is still in use somewhere."""
    return tuple(_providers)


def _after_fork() -> None:
    for provider in providers():
        provider.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
