"""The page of one flag: what is served where, how it came to that, and for whom it was on."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar.params import FromPath

from flagtrail.app.answers import EntryQuery
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment
from flagtrail.model.errors import FlagtrailError, NotFound
from flagtrail.model.flag import Flag
from flagtrail.model.reference import removed_by
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.targeting import Targeting, default_targeting
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web.flags import stale_reasons
from flagtrail.server.web.history import Asked, asked_exposure, rollout_chart
from flagtrail.server.web.impact import guards_of, metric_names
from flagtrail.server.web.page import Html, Page, Refusal, shows
from flagtrail.server.web.references import references_panel
from flagtrail.server.web.usage import usage_panel

TIMELINE = 20


class Served(msgspec.Struct, frozen=True):
    """How a flag is served in one environment; version 0 where nobody has said anything yet."""

    environment: Environment
    targeting: Targeting
    version: int
    since: str
    seq: int | None


@shows("/flags/{key:str}")
def flag_page(page: Page, key: FromPath[str]) -> Html:
    """A flag."""
    return show_flag(page, key)


def show_flag(page: Page, key: str, refused: Refusal | None = None) -> Html:
    """The flag's page; with `refused`, the form that was refused stands open with what was typed."""
    project = page.require_project()
    state = page.app.ask.state
    held = state.held(flag_subject(project, key))
    if held is None:
        raise NotFound(f"there is no flag {key!r} in {project}", kind="flag", key=key)
    entries, older = timeline(page, key)
    shared: dict[str, Any] = {
        "key": key,
        "entries": entries,
        "older": older,
        "refused": refused,
        "version": held.version,
    }
    if held.document is None:
        return page.render("flag_gone.html", entry=page.app.ask.entry(held.seq), **shared)
    flag = cast("Flag", held.document)
    environments = [served(state, project, flag, environment) for environment in page.environments.values()]
    chosen = next((each for each in environments if each.environment.key == page.environment), None)
    asked = asked_exposure(page, key) if chosen else Asked()
    status = refused.status if refused else 200
    if asked.error is not None:
        status = HTTP_STATUS.get(type(asked.error), 400)
    return page.render(
        "flag.html",
        status=status,
        flag=flag,
        held=held,
        created=_created(page, key),
        removed_by=_removed_by(page, key) if flag.archived else "",
        environments=environments,
        chosen=chosen,
        stale=stale_reasons(page).get(key, ""),
        dependents=dependents(state, project, key),
        guard=guards_of(page, key, page.environment) if chosen else None,
        metric_names=metric_names(page),
        rollout=rollout_chart(page, flag) if chosen else None,
        asked=asked,
        usage=_usage(page, key),
        references=references_panel(page, key),
        usage_panel=usage_panel(page, flag) if chosen else None,
        **shared,
    )


def served(state: State, project: str, flag: Flag, environment: Environment) -> Served:
    """How the flag is served in the environment."""
    held = state.held(targeting_subject(project, flag.key, environment.key))
    if held is None or held.document is None:
        return Served(environment, default_targeting(flag), 0 if held is None else held.version, "", None)
    return Served(environment, cast("Targeting", held.document), held.version, held.effective, held.seq)


def timeline(page: Page, key: str) -> tuple[tuple[Entry, ...], int | None]:
    """The flag's history, newest first, and where its next page begins."""
    query = EntryQuery(
        project=page.project,
        flag=key,
        environment=page.query.optional("only"),
        before=page.query.number("before"),
        limit=TIMELINE,
    )
    found = page.app.ask.log(query)
    return found.entries, found.next


def _created(page: Page, key: str) -> Entry | None:
    """The entry that made the flag, the latest one if it was made several times."""
    query = EntryQuery(project=page.project, flag=key, kind="flag", action="created", limit=10)
    own = flag_subject(page.project, key)
    return next((entry for entry in page.app.ask.log(query).entries if entry.subject == own), None)


def _removed_by(page: Page, key: str) -> str:
    """The commit that removed an archived flag from source code, where its archiving names one."""
    query = EntryQuery(project=page.project, flag=key, kind="flag", action="archived", limit=10)
    own = flag_subject(page.project, key)
    archived = next((entry for entry in page.app.ask.log(query).entries if entry.subject == own), None)
    return "" if archived is None else removed_by(archived.why)


def dependents(state: State, project: str, key: str) -> list[tuple[str, str]]:
    """(flag, environment) of the targetings that ask for this flag: what a change here can alter elsewhere."""
    return sorted(
        (held.subject.flag or "", held.subject.environment or "")
        for held in state.of_kind("targeting", project)
        if ("flag", key) in held.mentions
    )


def _usage(page: Page, key: str) -> list[tuple[str, int, str]]:
    """(environment, count, last seen) of the flag's evaluations."""
    rows = page.app.storage.usage_summary(page.project)
    return [(row.environment, row.count, row.last) for row in rows if row.flag == key]


def refused_on(page: Page, key: str, form: str, error: FlagtrailError | None) -> Html:
    """The flag's page after one of its forms was refused, or previewed."""
    return show_flag(page, key, Refusal(form, error, page.form))
