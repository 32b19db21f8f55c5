"""Making the demo: the steps of everybody, in order of time, through the change flow."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from flagtrail.app import predict
from flagtrail.app.bootstrap import App
from flagtrail.app.clock import stamp
from flagtrail.app.demo import lasting, leaving
from flagtrail.app.demo.calendar import Batch, Calendar, Clock, Step
from flagtrail.app.demo.catalogue import Row, rows
from flagtrail.app.demo.code import scans
from flagtrail.app.demo.company import company_steps
from flagtrail.app.demo.contexts import contexts
from flagtrail.app.demo.going import going
from flagtrail.app.demo.incident import incident
from flagtrail.app.demo.life import PROJECT, Life
from flagtrail.app.demo.samples import samples
from flagtrail.app.demo.usage import Served, usage_rows
from flagtrail.app.identity import SYSTEM_IDENTITY, Identity
from flagtrail.app.settings import Settings
from flagtrail.model.actor import Actor
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import AlreadyExists, SettingInvalid
from flagtrail.model.targeting import Targeting
from flagtrail.model.usage import Usage
from flagtrail.storage import EntryQuery

SEED = 20_241_122
Progress = Callable[[int, int], None]
"""Called with (steps told so far, steps in all)."""

Histories: TypeAlias = dict[tuple[str, str], list[Served]]
"""How each flag was served in each environment, oldest first."""

_LIVES = {**lasting.LIVES, **leaving.LIVES, "incident": incident}
_USAGE_BATCH = 5_000


def ensure_demo(settings: Settings, *, now: datetime, progress: Progress | None = None) -> bool:
    """Make the demo where its database is not there yet; whether it was made.

    It is made in a folder of its own and moved into place when whole, so that
    an interrupted start leaves nothing behind.
    """
    target = database_path(settings)
    if target.exists():
        return False
    workshop = target.with_name(f".{target.stem}.making")
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        workshop.mkdir(parents=True)
        draft = workshop / target.name
        make_demo(msgspec.structs.replace(settings, database=f"sqlite:///{draft}"), now=now, progress=progress)
        for made in sorted(workshop.iterdir(), key=lambda path: path == draft):  # the database last: it says "whole"
            made.replace(target.with_name(made.name))
    except OSError as error:
        raise SettingInvalid(
            f"the demo cannot be made in {target.parent.resolve()}: {error.strerror}", setting="FLAGTRAIL_DATABASE"
        ) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return True


def database_path(settings: Settings) -> Path:
    """The file in which the demo is kept; raises SettingInvalid for a database that is no file."""
    parts = urlsplit(settings.database)
    if parts.scheme != "sqlite":
        raise SettingInvalid("the demo is kept in an SQLite file", setting="FLAGTRAIL_DATABASE")
    return Path(unquote(parts.path.removeprefix("/")))


def make_demo(settings: Settings, *, now: datetime, progress: Progress | None = None) -> None:
    """Tell the whole story into the empty database of the settings."""
    clock = Clock(now)
    with contextlib.closing(App(settings, clock=clock)) as app:
        tell_demo(app, clock, now=now, progress=progress)


def tell_demo(app: App, clock: Clock, *, now: datetime, seed: int = SEED, progress: Progress | None = None) -> None:
    """Tell the story up to `now` in an app that goes by `clock`. Raises AlreadyExists in one that is in use."""
    if app.ready():
        raise AlreadyExists("the database holds an installation already; the demo needs one of its own")
    calendar = Calendar(now)
    clock.at = calendar.moment(0, hour=8)
    app.first_start()
    flags = rows()
    served = _tell(app, calendar, clock, story(flags, calendar, seed), progress or (lambda _done, _all: None))
    clock.at = calendar.now
    for batch in _batches(usage_rows(flags, served, calendar, seed)):
        app.storage.add_usage(batch)
    app.storage.add_usage((), contexts=contexts(calendar.now, seed))
    for clock.at, scan in scans(flags, app.changes.state, calendar, seed):
        app.references.upload(SYSTEM_IDENTITY, PROJECT, scan)
    clock.at = calendar.now
    _predict_the_night(app)
    app.storage.add_samples(PROJECT, list(samples(calendar, seed)))


def _predict_the_night(app: App) -> None:
    """Let the first start predict what the story's last changes were to do, as if the server had run then."""
    since = stamp(app.clock() - predict.MAX_AGE)
    recent = app.storage.entries(EntryQuery(since=since, limit=predict.MAX_BEHIND))
    if recent:
        predict.begin_at(app.storage, recent[-1].seq - recent[-1].group.index)


def story(flags: Sequence[Row], calendar: Calendar, seed: int) -> list[Step]:
    """Every step of everybody, oldest first."""
    steps = company_steps(calendar)
    for row in flags:
        life = Life(row, calendar, seed)
        _LIVES[row.life.partition(":")[0]](life)
        if row.life not in {"incident", "operational"}:
            life.everyday()
        life.steps.extend(going(life, calendar, seed))
        steps.extend(life.steps)
    return sorted(steps, key=lambda step: step.at)


def _tell(
    app: App, calendar: Calendar, clock: Clock, steps: list[Step], progress: Progress
) -> dict[tuple[str, str], list[Served]]:
    """Apply the steps, each day's in one transaction; how each flag was served, and since when."""
    served: Histories = {}
    done = 0
    for _, run in groupby(steps, key=lambda step: (calendar.day(step.at), calendar.day(step.at) or step.at)):
        day = list(run)
        batch = Batch(((_identity(app, step.who), step.change) for step in day), [step.at for step in day], clock)
        for receipt in app.changes.apply_all(batch):
            for entry in receipt.entries:
                _note(served, entry)
        done += len(day)
        progress(done, len(steps))
    return served


def _identity(app: App, who: str) -> Identity:
    """A person of the story, who never signed in: the entries say so."""
    if who == "system":
        return SYSTEM_IDENTITY
    if who.startswith("token:"):
        key = who.removeprefix("token:")
        return Identity(Actor(kind="token", id=f"act_token_{key}", name="CI pipeline", via="demo"), role="editor")
    known = app.access.member_identity(who, via="demo")
    return msgspec.structs.replace(known, actor=msgspec.structs.replace(known.actor, auth="none"))


def _note(served: Histories, entry: Entry) -> None:
    subject = entry.subject
    if subject.kind != "targeting":
        return
    targeting = None if entry.after is None else decode(subject, entry.after)
    known = served.setdefault((subject.flag or "", subject.environment or ""), [])
    known.append(Served(datetime.fromisoformat(entry.time), targeting if isinstance(targeting, Targeting) else None))


def _batches(found: Iterator[Usage]) -> Iterator[list[Usage]]:
    while batch := list(islice(found, _USAGE_BATCH)):
        yield batch
