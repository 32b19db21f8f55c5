"""A small installation to change: one project, three environments, a clock that is ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support import postgres

from flagtrail import storage as door
from flagtrail.app.change import Changes, Receipt
from flagtrail.app.identity import Identity
from flagtrail.app.projects import project_operations
from flagtrail.model.access import Role
from flagtrail.model.actor import Actor
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import Document, encode
from flagtrail.model.environment import Project
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import Subject, flag_subject, targeting_subject


def settings_of(scheme: str, folder: Path) -> dict[str, str]:
    """The settings of a server whose store has this scheme, with all that is its own in the folder."""
    if scheme != "postgresql":
        return {}
    return {"database": postgres.url_for(folder), "key_file": str(folder / "flagtrail.key")}


CHECKOUT = flag_subject("shop", "checkout")
LIVE = targeting_subject("shop", "checkout", "production")
ORIGIN = "flagtrail.local/test"


class Clock:
    """Starts at `start` and moves a millisecond each time it is read, and as far as it is told."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def person(name: str, role: Role = "admin") -> Identity:
    actor = Actor(kind="person", id=f"act_{name}", name=name, email=f"{name}@example.com", auth="session", via="api")
    return Identity(actor, role=role)


ADA = person("ada")


def put(subject: Subject, document: Document, version: int | None = None) -> Operation:
    return Operation(action="put", subject=subject, value=encode(document), version=version)


def patch(subject: Subject, value: object, version: int | None = None) -> Operation:
    return Operation(action="patch", subject=subject, value=value, version=version)


def make(*operations: Operation, why: str = "because") -> Change:
    return Change(operations=operations, why=why)


class Shop:
    """Project `shop` with the flag `checkout`, over any storage."""

    def __init__(self, url: str = "memory://") -> None:
        self.clock = Clock()
        self.storage = door.load(url)
        self.changes = Changes(self.storage, origin=ORIGIN, clock=self.clock)

    def set_up(self) -> Shop:
        self.apply(*project_operations(Project("shop")), put(CHECKOUT, boolean_flag("checkout")))
        return self

    def apply(self, *operations: Operation, why: str = "because", by: Identity = ADA) -> Receipt:
        return self.changes.apply(by, make(*operations, why=why))

    def patch(self, subject: Subject, value: object, *, by: Identity = ADA) -> Receipt:
        return self.apply(patch(subject, value), by=by)
