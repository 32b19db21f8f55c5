"""Peers: one adapter for each SDK that ours is measured beside, found by its file.

An adapter's SDK is imported at its top: where that fails the peer is not there, and is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from openfeature.evaluation_context import EvaluationContext
from openfeature.provider import AbstractProvider

if TYPE_CHECKING:
    from bench.peers.workloads import Spec


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Engine:
    """An SDK that is ready to evaluate, offline.

    `context` makes the SDK's own context, outside of what is timed. `booleans`
    calls the SDK's own method for one flag and each context, as an application
    does: this loop is what is timed, and its answers are what is checked.
    `every` evaluates all flags by the SDK's own means for that, or by a loop over
    the keys; `values` reads its answer, untimed. `provider` makes the product's
    OpenFeature provider over the same document, where there is one.
    """

    context: Callable[[Mapping[str, str]], Any]
    booleans: Callable[[str, Sequence[Any]], list[Any]]
    every: Callable[[Any], Any]
    values: Callable[[Any], Mapping[str, Any]] = dict
    provider: Callable[[], AbstractProvider] | None = None
    close: Callable[[], object] = _nothing


class Peer(Protocol):
    """What an adapter's module holds. `RECORDS` says what one call records, `PACKAGES` whose versions are told."""

    PACKAGES: tuple[str, ...]
    RECORDS: str

    def document(self, specs: Sequence[Spec]) -> bytes:
        """The flags as the product's server would send them."""

    def load(self, document: bytes) -> Engine:
        """From that document to an engine that is ready: what is timed as loading."""


def openfeature_context(attributes: Mapping[str, str]) -> EvaluationContext:
    """The context as an application hands it to the OpenFeature client."""
    rest = {name: value for name, value in attributes.items() if name != "user_id"}
    return EvaluationContext(attributes["user_id"], rest)
