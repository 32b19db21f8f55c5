"""The change log, one entry of it, and taking a change back."""

from __future__ import annotations

from contextlib import suppress
from typing import get_args

import msgspec
from litestar.params import FromPath

from flagtrail.app.answers import EntryQuery
from flagtrail.app.ask import At
from flagtrail.model.entry import Entry
from flagtrail.model.errors import BeforeRecord, FlagtrailError
from flagtrail.model.state import Mention
from flagtrail.model.subject import Kind
from flagtrail.server.identity import require_overseer
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.rest.questions import instant
from flagtrail.server.web.forms import Form
from flagtrail.server.web.impact import SERVING, guard_of
from flagtrail.server.web.page import Html, Page, Refusal, does, shows
from flagtrail.server.web.words import Day, by_day

KINDS: tuple[str, ...] = get_args(Kind)
LIMIT = 30


class Filters(msgspec.Struct, frozen=True):
    """What the log was asked for, as it was typed. `everything` is all projects, members and tokens."""

    text: str = ""
    flag: str = ""
    segment: str = ""
    actor: str = ""
    environment_of: str = ""
    action: str = ""
    kind: str = ""
    field: str = ""
    since: str = ""
    until: str = ""
    everything: str = ""


class Altered(msgspec.Struct, frozen=True):
    """A flag that an entry about something else altered, and in which environments."""

    flag: str
    environments: list[str]


def _filters(query: Form) -> Filters:
    return Filters(*(query.get(name) for name in Filters.__struct_fields__))


@shows("/changes")
def change_log(page: Page) -> Html:
    """Who changed what, newest first."""
    page.require_project()
    filters = _filters(page.query)
    refused: FlagtrailError | None = None
    days: list[Day] = []
    older: int | None = None
    try:
        if filters.everything:
            require_overseer(page.who)
        found = page.app.ask.log(_query(page, filters))
        days, older = by_day(found.entries), found.next
    except FlagtrailError as error:
        refused = error
    return page.render(
        "changes.html",
        status=200 if refused is None else HTTP_STATUS.get(type(refused), 400),
        filters=filters,
        filtered=any(getattr(filters, name) for name in Filters.__struct_fields__),
        refused=refused,
        days=days,
        older=older,
        kinds=KINDS,
        oversees=page.oversees,
    )


def _query(page: Page, filters: Filters) -> EntryQuery:
    return EntryQuery(
        project=None if filters.everything else page.project,
        flag=None if filters.everything else filters.flag or None,
        segment=filters.segment or None,
        environment=filters.environment_of or None,
        kind=filters.kind or None,
        actor=filters.actor or None,
        action=filters.action or None,
        since=instant(filters.since or None, "since"),
        until=instant(filters.until or None, "until"),
        text=filters.text or None,
        field=filters.field or None,
        before=page.query.number("before"),
        limit=LIMIT,
    )


@shows("/changes/{seq:int}")
def change_page(page: Page, seq: FromPath[int]) -> Html:
    """One entry."""
    return _show(page, seq)


def _show(page: Page, seq: int, refused: Refusal | None = None) -> Html:
    entry = _readable(page, seq)
    app = page.app
    leaf = app.storage.leaf_hashes(seq, seq + 1)
    return page.render(
        "change.html",
        status=200 if refused is None else refused.status,
        entry=entry,
        group=[each for each in app.ask.group(entry) if each.seq != seq],
        leaf=leaf[0].hex() if leaf else "",
        size=app.ask.state.size,
        refused=refused,
        altered=_altered(page, entry),
        predicted=app.previews.stored(entry),
        has_impact=entry.subject.kind in SERVING,
        guard=guard_of(page, entry),
    )


def _altered(page: Page, entry: Entry) -> list[Altered]:
    """The other flags in whose history the entry stands: what a segment, or a flag that others ask for, reached."""
    project, own = entry.subject.project or "", entry.subject.flag
    if entry.subject.kind not in {"segment", "flag", "targeting"}:
        return []

    def stands(flag: str, environment: str | None = None) -> bool:
        query = EntryQuery(project=project, flag=flag, environment=environment, before=entry.seq + 1, limit=1)
        return any(found.seq == entry.seq for found in page.app.ask.log(query).entries)

    environments = page.app.ask.state.environments(project)
    flags = sorted(flag for flag in _reachable(page, entry) if flag != own and stands(flag))
    return [Altered(flag, [key for key in environments if stands(flag, key)]) for flag in flags]


def _reachable(page: Page, entry: Entry) -> set[str]:
    """The flags that depended on the entry's document just before its request or just after, at any remove.

    Only these can stand in its history; to ask that of every flag would take a second in a large project.
    """
    subject, project = entry.subject, entry.subject.project or ""
    first = entry.seq - entry.group.index
    found: set[str] = set()
    for seq in (first - 1, first + entry.group.count - 1):
        with suppress(BeforeRecord):
            state = page.app.past.state_at(project, At(seq=seq))
            waiting: list[Mention] = [("segment", subject.name) if subject.flag is None else ("flag", subject.flag)]
            seen = set(waiting)
            while waiting:
                users = state.users_of(project, waiting.pop())
                mentions: set[Mention] = {("flag", u.flag) if u.flag else ("segment", u.name) for u in users}
                waiting.extend(mentions - seen)
                seen |= mentions
            found |= {key for kind, key in seen if kind == "flag"}
    return found


def _readable(page: Page, seq: int) -> Entry:
    """The entry, where the identity may read it: what belongs to no project is for administrators and auditors."""
    entry = page.app.ask.entry(seq)
    if entry.subject.project is None:
        require_overseer(page.who)
    else:
        page.who.require("viewer", entry.subject.project)
    return entry


@does("/changes/{seq:int}/revert", needs="viewer")
def take_back(page: Page, seq: FromPath[int]) -> Html:
    """Take an entry back, with all that was changed together with it; the change flow asks for the role it needs."""
    entry = _readable(page, seq)
    form = page.form
    to = form.get("next") or page.link_to(entry.subject)

    def again(error: FlagtrailError | None) -> Html:
        return _show(page, seq, Refusal("revert", error, form))

    if page.previewing:
        page.environment = entry.subject.environment or page.environment
        return page.look(lambda trial: page.app.previews.taking_back(page.who, seq, trial), again=again)
    return page.attempt(
        lambda: page.app.changes.revert(
            page.who, seq, why=form.get("why"), ticket=form.get("ticket"), request=page.request_id
        ),
        done=f"Took back #{seq}.",
        to=to,
        again=again,
    )
