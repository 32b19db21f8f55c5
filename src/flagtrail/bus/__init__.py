"""The door to the bus: "the ledger moved", told between the replicas of one installation.

A bus carries no data and may lose anything at any time: every replica also looks at the ledger's head every second,
so that a bus which is gone only delays. What replicas share by it (`Shared`) are copies and sums of the last minute.
A new file in this folder is a new bus. It holds `SCHEMES` and `open_bus(url, name) -> Bus`, and passes
`tests/contract/bus`. Files whose name starts with `_` are parts of buses.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from flagtrail.model.errors import ExtraMissing, SettingInvalid

Heard: TypeAlias = Callable[[int], None]
"""What is called with a ledger's size that somebody told, from a thread of the bus: it must be quick."""


class BusLost(Exception):
    """The other side did not answer in time, or refused: what was asked may have been done all the same."""


class Sum(msgspec.Struct, frozen=True):
    """What all replicas counted together, and the seconds that are left until it is forgotten."""

    total: int
    left: float


class Shared(Protocol):
    """What replicas keep together, where a bus can. Calls block for some seconds at most, and raise BusLost."""

    @property
    def failing(self) -> float | None:
        """Since when (Unix seconds) every call has failed; None where the newest did not."""

    def copy(self, name: str, counts: Mapping[str, int], *, after: str, step: str) -> bool:
        """Add counts to a named copy of what one process holds; `step` names this addition, `after` the one before.

        An empty `after` begins the copy anew. False where it is not at that step: it was lost, or taken. One that is
        not added to for half a day is forgotten.
        """

    def copies(self, idle: float) -> dict[str, float]:
        """The copies that nobody added to for `idle` seconds or longer, with their seconds."""

    def take(self, name: str) -> dict[str, int]:
        """The counts of a copy, to which nobody adds any more; the same again until it is forgotten. Empty: none."""

    def forget(self, name: str) -> None:
        """Remove a copy, taken or not; one that is not there is no error."""

    def add(self, counts: Mapping[str, int], *, seconds: int) -> dict[str, Sum]:
        """Add to counters that are forgotten so many seconds after they began; what each holds then.

        What was asked and not answered may count.
        """

    def close(self) -> None:
        """Close connections; a later call makes them again."""


class Standing(msgspec.Struct, frozen=True):
    """Whether an end hears others and can tell them, as far as it knows, and since when (Unix seconds) that is so."""

    connected: bool
    since: float


class Bus(Protocol):
    """One replica's end. No call blocks on the other side or raises, whatever became of that."""

    @property
    def name(self) -> str:
        """The plug-in's name."""

    @property
    def between_processes(self) -> bool:
        """Whether other processes on the same ledger hear it."""

    @property
    def standing(self) -> Standing:
        """How it fares. One that has not listened yet is not connected."""

    @property
    def shared(self) -> Shared | None:
        """What replicas keep together; None where this bus only tells."""

    def publish(self, size: int) -> None:
        """Tell the other replicas that the ledger has so many entries now.

        Returns at once; it is told by a thread. Of several that wait for that only the largest is told.
        """

    def listen(self, heard: Heard) -> None:
        """Call `heard` from now on with every size that another replica told; one's own may be among them.

        Called once. A connection that is lost is made again, for ever; what was told meanwhile is not heard.
        """

    def close(self) -> None:
        """Tell what waits to be told, if that can be done at once, and stop: a second at most."""


def load(url: str, name: str) -> Bus:
    """The bus that serves the URL's scheme, for the installation of this `name`; nothing is connected to yet.

    Raises SettingInvalid for a URL that cannot be used, ExtraMissing where its library is not installed.
    """
    scheme = url.partition(":")[0]
    known: list[str] = []
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        schemes: tuple[str, ...] = module.SCHEMES
        if scheme in schemes:
            try:
                opened: Bus = module.open_bus(url, name)
            except ModuleNotFoundError as error:
                detail = f"this needs {error.name}, which comes with the extra [{info.name}]"
                raise ExtraMissing(detail, extra=info.name) from error
            return opened
        known.extend(schemes)
    raise SettingInvalid(f"no bus serves {scheme!r}; known are {', '.join(sorted(known))}", setting="FLAGTRAIL_REDIS")
