"""After how many days what makes a flag stale, who is reminded of it and when: the forms that set it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from litestar.params import FromPath

from flagtrail.app.zones import zone_names
from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.errors import FlagtrailError
from flagtrail.model.flag import EXPECTED_LIFETIME_DAYS, Json
from flagtrail.model.nudge import Nudge
from flagtrail.model.subject import Subject, lifespan_subject, nudge_subject, thresholds_subject
from flagtrail.model.subscription import WEEKDAYS
from flagtrail.model.thresholds import PERMANENTLY, Days, Lifespan, Thresholds, limits
from flagtrail.server.web.flag import refused_on
from flagtrail.server.web.page import Html, Page, Refusal, does, shows, version_seen
from flagtrail.server.web.stale import CODES

KINDS = tuple(EXPECTED_LIFETIME_DAYS)
RULES = {
    **{name: CODES[name] for name in Days.__struct_fields__ if name in CODES},
    "lifetime": "Expected lifetime",
    "scan": "A scan is believed",
}
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Place(msgspec.Struct, frozen=True):
    """One field of the table: its name, what the project says there, and what holds where it says nothing."""

    name: str
    said: int | None
    holds: str


@shows("/stale/settings")
def stale_settings(page: Page) -> Html:
    """Thresholds and nudge."""
    return _settings(page)


def _settings(page: Page, refused: Refusal | None = None) -> Html:
    project, state = page.require_project(), page.app.ask.state
    held = state.thresholds(project)
    nudge = state.nudge(project) or Nudge(enabled=False)
    versions = {kind: _version(page, refused, kind) for kind in ("thresholds", "nudge")}
    return page.render(
        "stale_settings.html",
        status=200 if refused is None else refused.status,
        refused=refused,
        kinds=KINDS,
        rules=RULES,
        table={rule: [_place(held, kind, rule) for kind in ("", *KINDS)] for rule in RULES},
        permanent={kind: (getattr(held.kinds, kind).permanent, limits(kind).permanent) for kind in KINDS},
        nudge=nudge,
        days=list(zip(WEEKDAYS, DAYS, strict=True)),
        zones=zone_names(),
        channels=[channel.name for channel in page.app.channels],
        versions=versions,
    )


def _version(page: Page, refused: Refusal | None, kind: str) -> str:
    """The version that a form is made against."""
    if refused is not None and refused.form == kind:
        return version_seen(page.form, refused.error)
    subject = thresholds_subject(page.project) if kind == "thresholds" else nudge_subject(page.project)
    held = page.app.ask.state.held(subject)
    return str(0 if held is None else held.version)


def _place(held: Thresholds, kind: str, rule: str) -> Place | None:
    if not kind:
        return None if rule == "lifetime" else Place(f".{rule}", getattr(held.days, rule), "")
    said = getattr(getattr(held.kinds, kind), rule)
    found = limits(kind, held)
    holds = "never" if found.permanent and rule in PERMANENTLY else str(getattr(found, rule))
    return Place(f"{kind}.{rule}", said, holds)


@does("/stale/thresholds")
def save_thresholds(page: Page) -> Html:
    """Set the project's thresholds."""

    def make() -> Json:
        return {"days": _days(page, ""), "kinds": {kind: _days(page, kind) for kind in KINDS}}

    return _save(page, thresholds_subject(page.require_project()), make, "The thresholds are set.")


@does("/stale/nudge")
def save_nudge(page: Page) -> Html:
    """Set who is reminded, and when."""

    def make() -> Json:
        form = page.form
        given = {"day": form.get("day"), "at": form.get("at"), "zone": form.get("zone")}
        return {**given, "enabled": form.get("enabled") == "yes", "channels": form.all("channels")}

    return _save(page, nudge_subject(page.require_project()), make, "The nudge is set.")


def _days(page: Page, kind: str) -> dict[str, Json]:
    """What a column of the form says."""
    found: dict[str, Json] = {rule: page.form.number(f"{kind}.{rule}") for rule in RULES}
    found["permanent"] = {"yes": True, "no": False}.get(page.form.get(f"{kind}.permanent"))
    return {name: value for name, value in found.items() if value is not None}


def _save(page: Page, subject: Subject, make: Callable[[], Json], done: str) -> Html:
    def again(error: FlagtrailError) -> Html:
        return _settings(page, Refusal(subject.kind, error, page.form))

    try:
        operation = Operation(action="put", subject=subject, value=make(), version=page.form.number("version"))
    except FlagtrailError as error:
        return again(error)
    return page.change([operation], done=done, to=page.link("/stale/settings"), again=again)


@does("/flags/{key:str}/lifespan")
def set_permanent(page: Page, key: FromPath[str]) -> Html:
    """Say that a flag is meant to stay, or not."""
    subject = lifespan_subject(page.require_project(), key)
    permanent = page.form.get("permanent") == "yes"
    held = page.app.ask.state.lifespan(page.project, key) or Lifespan()
    value = encode(msgspec.structs.replace(held, permanent=permanent))
    return page.change(
        [Operation(action="put", subject=subject, value=value)],
        done=f"{key} is {'permanent' if permanent else 'not permanent'}.",
        to=page.link(f"/flags/{key}"),
        again=lambda error: refused_on(page, key, "lifespan", error),
    )
