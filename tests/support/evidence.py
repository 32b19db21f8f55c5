"""Reports of a made-up company's period: an app with changes in it, and the same ledger in another store."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes.util import find_library
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.app.settings import Settings
from flagtrail.model.access import Member, Token
from flagtrail.model.actor import Actor
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition
from flagtrail.model.document import Document, encode
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.subject import (
    Subject,
    flag_subject,
    member_subject,
    segment_subject,
    targeting_subject,
    token_subject,
)
from flagtrail.model.targeting import Rule, Serve, Targeting
from flagtrail.reports import load
from flagtrail.storage import Cell, Storage

P = "default"
PRINTS = all(map(find_library, ("pango-1.0", "pangoft2-1.0", "harfbuzz-subset")))
"""Whether this machine can print (`make pango`)."""
ON, OFF = Serve(variant="on"), Serve(variant="off")
BETA = Rule("r1", Condition(segment="beta"), ON)
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
MALLORY = Identity(
    Actor(kind="person", id="act_9", name="<script>alert(1)</script>", email="=1+1@example.org", auth="session"),
    role="admin",
)


class Calendar:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = JANUARY

    def __call__(self) -> datetime:
        return self.now

    def day(self, number: int) -> None:
        """Go to a day of January, at noon."""
        self.now = JANUARY + timedelta(days=number - 1, hours=12)


def company(folder: Path, database: str = "memory:", clock: Calendar | None = None) -> App:
    """An app whose ledger is signed by the key in the folder."""
    settings = Settings(database=database, key_file=str(folder / "flagtrail.key"), origin="flags.example.org")
    return App(settings, clock=clock or Calendar())


def put(app: App, subject: Subject, document: Document | None, why: str = "", who: Identity = MALLORY) -> int:
    """Put or delete one document; the ledger's size then."""
    value = None if document is None else encode(document)
    action = "delete" if document is None else "put"
    operation = Operation(action=action, subject=subject, value=value)  # type: ignore[arg-type] # one of both
    return app.changes.apply(who, Change(operations=(operation,), why=why, ticket="BILL-42")).size


def january(app: App, clock: Calendar, *, last: int = 31) -> None:
    """What happened in January: a flag is made, targeted by a segment, launched, told more; people come."""
    clock.day(1)
    app.first_start()
    clock.day(5)
    put(app, flag_subject(P, "pricing"), boolean_flag("pricing"))
    put(app, segment_subject(P, "beta"), Segment("beta", Condition(attribute="plan", operator="in", values=("pro",))))
    clock.day(8)
    put(app, targeting_subject(P, "pricing", "production"), Targeting("off", OFF, enabled=True, rules=(BETA,)), "pilot")
    put(app, targeting_subject(P, "pricing", "staging"), Targeting("off", ON, enabled=True), "-1 to try")
    clock.day(12)
    put(app, member_subject("ana"), Member("ana", "Ana", "ana@example.org", role="editor"), "joins")
    put(app, token_subject("ci"), Token("ci", "admin", "CI", P), "pipeline")
    put(app, flag_subject(P, "other"), boolean_flag("other"))
    clock.day(15)
    wider = Segment("beta", Condition(attribute="plan", operator="in", values=("pro", "team")))
    put(app, segment_subject(P, "beta"), wider, "teams, too")
    clock.day(20)
    put(app, targeting_subject(P, "pricing", "production"), Targeting("off", ON, enabled=True, rules=(BETA,)), "launch")
    if last < 31:
        return
    clock.day(31)
    put(app, flag_subject(P, "pricing"), boolean_flag("pricing", description="Prices of 2026."))


def copied(app: App, store: Storage) -> None:
    """Append all of the app's ledger to another store, as `flagtrail move` does."""
    head = app.storage.head()
    store.write(lambda tx: tx.append(list(app.storage.records(0, head.size)), head))
    store.write(lambda tx: tx.put_cell("installation", Cell("origin", app.origin.encode())))


def rendered(report: object, kind: str) -> bytes:
    """The whole file."""
    pieces: Iterator[bytes] = load(kind).render(report)  # type: ignore[arg-type] # the door's own
    return b"".join(pieces)
