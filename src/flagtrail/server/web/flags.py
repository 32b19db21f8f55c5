"""The list of flags, with search and filters, and the form that makes a new one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast, get_args

import msgspec

from flagtrail.model.change import Operation
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.flag import Flag, FlagType, Json, LifecycleKind
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.targeting import Targeting, default_targeting
from flagtrail.server.web.forms import Form, read_json, read_list
from flagtrail.server.web.page import Html, Page, Refusal, does, shows
from flagtrail.server.web.words import status

PAGE = 50
TONES = (("enabled", "switched on"), ("on", "on for everybody"), ("part", "on for some"), ("off", "off for everybody"))
TYPES: tuple[str, ...] = get_args(FlagType)
KINDS: tuple[str, ...] = get_args(LifecycleKind)
STARTS: dict[str, str] = {
    "boolean": '{\n  "on": true,\n  "off": false\n}',
    "string": '{\n  "blue": "blue",\n  "green": "green"\n}',
    "integer": '{\n  "low": 1,\n  "high": 10\n}',
    "float": '{\n  "low": 0.1,\n  "high": 0.9\n}',
    "object": '{\n  "plain": {},\n  "off": {}\n}',
}


class Filters(msgspec.Struct, frozen=True):
    """What the list was asked for; `state` is an environment and a tone ("production:on")."""

    search: str = ""
    tag: str = ""
    owner: str = ""
    state: str = ""
    show: str = ""


class Row(msgspec.Struct, frozen=True):
    """One flag of the list: its targeting per environment, when it last changed, and why it is stale (or empty)."""

    flag: Flag
    targetings: dict[str, Targeting]
    changed: str
    stale: str = ""


@shows("/flags")
def flag_list(page: Page) -> Html:
    """The flags of the project."""
    project = page.require_project()
    state = page.app.ask.state
    query = page.query
    filters = Filters(*(query.get(name) for name in Filters.__struct_fields__))
    flags = state.flags(project)
    found = list(_matching(page, flags.values(), filters))
    number = max(query.number("page") or 1, 1)
    first = (number - 1) * PAGE
    return page.render(
        "flags.html",
        filters=filters,
        filtered=any(getattr(filters, name) for name in Filters.__struct_fields__),
        rows=found[first : first + PAGE],
        found=len(found),
        first=first + 1,
        number=number,
        total=len(flags),
        archived_total=sum(flag.archived for flag in flags.values()),
        project_name=state.projects()[project].name or project,
        tags=sorted({tag for flag in flags.values() for tag in flag.tags}),
        owners=sorted({flag.owner for flag in flags.values() if flag.owner}),
        states=[
            (f"{env.key}:{tone}", f"{env.name or env.key}: {told}")
            for env in page.environments.values()
            for tone, told in TONES
        ],
    )


def _matching(page: Page, flags: Iterable[Flag], filters: Filters) -> Iterable[Row]:
    """The rows that the filters leave, most recently changed first."""
    stale = stale_reasons(page)
    rows = [row(page.app.ask.state, page.project, list(page.environments), flag, stale) for flag in flags]
    kept = [each for each in rows if _is_shown(each, filters)]
    if filters.search:
        kept.sort(key=lambda each: not each.flag.key.casefold().startswith(filters.search.casefold()))
        return kept
    return sorted(kept, key=lambda each: each.changed, reverse=True)


def _is_shown(each: Row, filters: Filters) -> bool:
    flag = each.flag
    shown = {"": not flag.archived, "archived": flag.archived, "stale": bool(each.stale)}.get(filters.show, True)
    if not shown or (filters.tag and filters.tag not in flag.tags) or (filters.owner and filters.owner != flag.owner):
        return False
    environment, _, tone = filters.state.partition(":")
    targeting = each.targetings.get(environment)
    if targeting is not None and not (targeting.enabled if tone == "enabled" else status(targeting).tone == tone):
        return False
    haystack = f"{flag.key} {flag.description} {flag.owner} {' '.join(flag.tags)}".casefold()
    return all(word in haystack for word in filters.search.casefold().split())


def row(state: State, project: str, environments: list[str], flag: Flag, stale: dict[str, str]) -> Row:
    """One flag with how it is served everywhere."""
    targetings: dict[str, Targeting] = {}
    changed = [held.effective for held in [state.held(flag_subject(project, flag.key))] if held is not None]
    for environment in environments:
        held = state.held(targeting_subject(project, flag.key, environment))
        living = held is not None and held.document is not None
        targetings[environment] = cast("Targeting", held.document) if held and living else default_targeting(flag)
        if held is not None:
            changed.append(held.effective)
    return Row(flag, targetings, max(changed, default=""), stale.get(flag.key, ""))


def stale_reasons(page: Page) -> dict[str, str]:
    """Why each stale flag of the project is stale, in a line."""
    report = page.app.ask.stale(page.project)
    return {found.flag: "; ".join(reason.evidence for reason in found.reasons) for found in report.at_stage("stale")}


@shows("/flags/new", "editor")
def new_flag(page: Page) -> Html:
    """The form that makes a flag."""
    return _new(page, Form([("type", "boolean"), ("variants", STARTS["boolean"])]))


@does("/flags/new", "editor")
def create_flag(page: Page) -> Html:
    """Make the flag; disabled everywhere."""
    form = page.form
    if form.get("do") == "type":
        typed = [pair for pair in form.pairs() if pair[0] != "variants"]
        return _new(page, Form([*typed, ("variants", STARTS.get(form.get("type"), "{}"))]))
    key = form.get("key")

    def again(error: FlagtrailError) -> Html:
        return _new(page, form, Refusal("new", error, form))

    try:
        operation = Operation(action="create", subject=flag_subject(page.require_project(), key), value=read_flag(form))
    except FlagtrailError as error:
        return again(error)
    return page.change([operation], done=f"Created {key}.", to=page.link(f"/flags/{key}"), again=again)


def _new(page: Page, form: Form, refused: Refusal | None = None) -> Html:
    status_code = 200 if refused is None else refused.status
    return page.render(
        "flag_new.html", status=status_code, form=form, refused=refused, types=TYPES, kinds=KINDS, starts=STARTS
    )


def read_flag(form: Form) -> Json:
    """A flag's document from its form; what is wrong with it is the change's to say."""
    return {
        "key": form.get("key"),
        "type": form.get("type", "boolean"),
        "variants": read_json(form.raw("variants"), "variants"),
        "description": form.get("description"),
        "owner": form.get("owner"),
        "tags": read_list(form.get("tags")),
        "lifecycle": {"kind": form.get("kind", "release"), "remove_by": form.optional("remove_by")},
    }
