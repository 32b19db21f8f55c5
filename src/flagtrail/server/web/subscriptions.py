"""Subscriptions: the form that makes, edits and deletes one."""

from __future__ import annotations

from typing import Any, get_args

from litestar.params import FromPath

from flagtrail.app.wording import channel_words, filter_words, time_words
from flagtrail.app.zones import zone_names
from flagtrail.model.access import role_needed
from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.entry import ACTIONS
from flagtrail.model.errors import FlagtrailError, NotFound
from flagtrail.model.flag import Json
from flagtrail.model.subject import Kind, Subject, subscription_subject
from flagtrail.model.subscription import OF_NO_PROJECT, WEEKDAYS, Subscription
from flagtrail.server.web.forms import Form, read_list
from flagtrail.server.web.page import Html, Page, Refusal, does, shows, version_seen

KINDS = [kind for kind in get_args(Kind) if kind not in OF_NO_PROJECT]
CRITICAL_NIGHT = {"from": "22:00", "to": "07:00", "days": [], "zone": "UTC", "critical_passes": True}
"""What the form proposes where there are no quiet hours yet."""
EVERY = (("immediate", "one by one, at once"), ("hourly", "together, every hour"), ("daily", "together, once a day"))


@shows("/alerts/new", "editor")
def new_subscription(page: Page) -> Html:
    """The form that makes a subscription."""
    return _edit(page, "", encode(Subscription("")), "0")


@shows("/alerts/subscriptions/{key:str}")
def subscription_page(page: Page, key: FromPath[str]) -> Html:
    """A subscription: in words, and as a form for those who may edit it."""
    subject, standing = _standing(page, key)
    return _edit(page, key, encode(standing), str(_version(page, subject)))


@does("/alerts/new")
def create_subscription(page: Page) -> Html:
    """Make a subscription."""
    return _save(page, "")


@does("/alerts/subscriptions/{key:str}")
def save_subscription(page: Page, key: FromPath[str]) -> Html:
    """Save a subscription."""
    _standing(page, key)
    return _save(page, key)


@does("/alerts/subscriptions/{key:str}/delete")
def delete_subscription(page: Page, key: FromPath[str]) -> Html:
    """Delete a subscription."""
    subject, standing = _standing(page, key)
    operation = Operation(action="delete", subject=subject, version=page.form.number("version"))

    def again(error: FlagtrailError) -> Html:
        return _edit(page, key, encode(standing), str(_version(page, subject)), Refusal("delete", error, page.form))

    return page.change([operation], done=f"Deleted the subscription {key}.", to=page.link("/alerts"), again=again)


def _standing(page: Page, key: str) -> tuple[Subject, Subscription]:
    project = page.require_project()
    found = page.app.ask.state.subscriptions(project).get(key)
    if found is None:
        raise NotFound(f"there is no subscription {key!r} in {project}", kind="subscription", key=key)
    return subscription_subject(project, key), found


def _version(page: Page, subject: Subject) -> int:
    held = page.app.ask.state.held(subject)
    return 0 if held is None else held.version


def _save(page: Page, key: str) -> Html:
    form, named = page.form, key or page.form.get("key")
    value = _typed(form, named)
    subject = subscription_subject(page.require_project(), named)

    def again(error: FlagtrailError) -> Html:
        return _edit(page, key, value, version_seen(form, error), Refusal("subscription", error, form))

    try:
        version = form.number("version") if key else None
    except FlagtrailError as error:
        return again(error)
    operation = Operation(action="put" if key else "create", subject=subject, value=value, version=version)
    return page.change([operation], done=f"Saved the subscription {named}.", to=page.link("/alerts"), again=again)


def _typed(form: Form, key: str) -> dict[str, Json]:
    """The document as it was typed."""
    quiet: Json = {
        "days": form.all("days"),
        "from": form.get("quiet_from"),
        "to": form.get("quiet_to"),
        "zone": form.get("quiet_zone") or "UTC",
        "critical_passes": form.get("critical_passes") == "yes",
    }
    return {
        "key": key,
        "description": form.get("description"),
        "enabled": form.get("enabled") == "yes",
        "channels": form.all("channels"),
        "filter": {
            "tags": read_list(form.get("tags")),
            "flags": read_list(form.get("flags")),
            "environments": form.all("environments"),
            "production": form.get("production") == "yes",
            "actions": form.all("actions"),
            "actors": [name.strip() for name in form.get("actors").split(",") if name.strip()],
            "kinds": form.all("kinds"),
        },
        "digest": {
            "every": form.get("every", "immediate"),
            "at": form.get("at") or "09:00",
            "zone": form.get("zone") or "UTC",
        },
        "quiet_hours": quiet if form.get("quiet") == "yes" else None,
    }


def _edit(page: Page, key: str, value: Any, version: str, refused: Refusal | None = None) -> Html:  # noqa: ANN401 - JSON
    project = page.require_project()
    standing = page.app.ask.state.subscriptions(project).get(key)
    known = [channel.name for channel in page.app.channels]
    told: list[str] = []
    if standing is not None:
        told = [filter_words(standing.filter), channel_words(standing.channels), time_words(standing)]
    return page.render(
        "subscription.html",
        status=200 if refused is None else refused.status,
        key=key,
        value=value,
        quiet=value["quiet_hours"] or CRITICAL_NIGHT,
        version=version,
        built_in=bool(key) and page.app.ask.state.get(subscription_subject(project, key)) is None,
        standing=standing,
        told=told,
        refused=refused,
        mine=page.may(role_needed(subscription_subject(project, key))),
        known=known,
        named=[*known, *(name for name in value["channels"] if name not in known)],
        zones=zone_names(),
        every=EVERY,
        kinds=KINDS,
        actions=ACTIONS,
        days=WEEKDAYS,
    )
