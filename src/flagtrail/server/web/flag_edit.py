"""What the forms of a flag do: its switch, its rollout, its details, and its end."""

from __future__ import annotations

from typing import Literal, cast

import msgspec
from litestar.params import FromPath

from flagtrail.model.change import Operation
from flagtrail.model.errors import Defect, FlagtrailError, InvalidDocument, NotFound
from flagtrail.model.flag import Flag, Json
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.server.operations import restoring
from flagtrail.server.web.flag import dependents, refused_on
from flagtrail.server.web.flags import KINDS, TYPES, read_flag
from flagtrail.server.web.forms import Form, write_values
from flagtrail.server.web.guards import guarding
from flagtrail.server.web.page import Html, Page, Refusal, does, shows, version_seen

MEANINGS = {
    "Archive": "Applications no longer get it (they fall back to their own default), lists no longer show it. "
    "It can be restored.",
    "Restore": "Applications get it again, as it is targeted now.",
    "Delete": "The flag and its targeting in every environment go. Its history stays, and it can be brought back.",
}


@does("/flags/{key:str}/environments/{environment:str}/enable")
def enable(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """Switch a flag on in an environment."""
    return _switch(page, key, environment, on=True)


@does("/flags/{key:str}/environments/{environment:str}/disable")
def disable(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """Switch a flag off in an environment."""
    return _switch(page, key, environment, on=False)


def _switch(page: Page, key: str, environment: str, *, on: bool) -> Html:
    page.environment = environment

    def again(error: FlagtrailError | None) -> Html:
        return refused_on(page, key, "switch", error)

    try:
        guard = guarding(page, key, environment)
    except FlagtrailError as error:
        return again(error)
    return page.edit(
        [_targeting(page, key, environment, "patch", {"enabled": on}), *guard],
        done=f"{key} is {'on' if on else 'off'} in {environment}.",
        to=page.link(f"/flags/{key}", environment=environment),
        again=again,
    )


@does("/flags/{key:str}/environments/{environment:str}/rollout")
def roll_out(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """Set one percentage."""
    page.environment = environment

    def again(error: FlagtrailError | None) -> Html:
        return refused_on(page, key, "rollout", error)

    try:
        percent = float(page.form.get("percent"))
    except ValueError:
        return again(InvalidDocument([Defect("/percent", f"{page.form.get('percent')!r} is not a number")]))
    try:
        guard = guarding(page, key, environment)
    except FlagtrailError as error:
        return again(error)
    value = {"percent": percent, "variant": page.form.optional("variant")}
    return page.edit(
        [_targeting(page, key, environment, "rollout", value), *guard],
        done=f"{key} is rolled out to {page.form.get('percent')} % in {environment}.",
        to=page.link(f"/flags/{key}", environment=environment),
        again=again,
    )


def _targeting(page: Page, key: str, environment: str, action: Literal["patch", "rollout"], value: Json) -> Operation:
    subject = targeting_subject(page.require_project(), key, environment)
    return Operation(action=action, subject=subject, value=value, version=page.form.number("version"))


@shows("/flags/{key:str}/edit", "editor")
def edit_details(page: Page, key: FromPath[str]) -> Html:
    """The form of what all environments share."""
    flag, version = _flag(page, key)
    fields = {
        "version": str(version),
        "type": flag.type,
        "description": flag.description,
        "owner": flag.owner,
        "tags": write_values(flag.tags),
        "kind": flag.lifecycle.kind,
        "remove_by": flag.lifecycle.remove_by or "",
        "variants": msgspec.json.format(msgspec.json.encode(flag.variants), indent=2).decode(),
    }
    return _details(page, flag, Form(fields.items()))


@does("/flags/{key:str}/edit")
def save_details(page: Page, key: FromPath[str]) -> Html:
    """Save what all environments share."""
    flag, _ = _flag(page, key)
    form = page.form

    def again(error: FlagtrailError | None) -> Html:
        return _details(page, flag, form, Refusal("edit", error, form))

    try:
        value = {**read_flag(form), "key": key, "archived": flag.archived}
        version = form.number("version")
    except FlagtrailError as error:
        return again(error)
    operation = Operation(action="put", subject=flag_subject(page.project, key), value=value, version=version)
    return page.edit([operation], done=f"Saved {key}.", to=page.link(f"/flags/{key}"), again=again)


def _details(page: Page, flag: Flag, form: Form, refused: Refusal | None = None) -> Html:
    return page.render(
        "flag_edit.html",
        status=200 if refused is None else refused.status,
        key=flag.key,
        flag=flag,
        form=form,
        version=version_seen(form, None if refused is None else refused.error),
        refused=refused,
        types=TYPES,
        kinds=KINDS,
        live=is_live(page, flag.key),
    )


@shows("/flags/{key:str}/archive", "editor")
def confirm_archive(page: Page, key: FromPath[str]) -> Html:
    """Ask before archiving."""
    return _confirm(page, key, "Archive")


@shows("/flags/{key:str}/restore", "editor")
def confirm_restore(page: Page, key: FromPath[str]) -> Html:
    """Ask before restoring."""
    return _confirm(page, key, "Restore")


@shows("/flags/{key:str}/delete", "editor")
def confirm_delete(page: Page, key: FromPath[str]) -> Html:
    """Ask before deleting."""
    return _confirm(page, key, "Delete")


@does("/flags/{key:str}/archive")
def archive(page: Page, key: FromPath[str]) -> Html:
    """Archive a flag."""
    operation = Operation(
        action="patch",
        subject=flag_subject(page.require_project(), key),
        value={"archived": True},
        version=page.form.number("version"),
    )
    return _end(page, key, "Archive", [operation], f"Archived {key}.", page.link(f"/flags/{key}"))


@does("/flags/{key:str}/delete")
def delete(page: Page, key: FromPath[str]) -> Html:
    """Delete a flag with its targetings."""
    operation = Operation(
        action="delete", subject=flag_subject(page.require_project(), key), version=page.form.number("version")
    )
    return _end(page, key, "Delete", [operation], f"Deleted {key}.", page.link("/flags"))


@does("/flags/{key:str}/restore")
def restore(page: Page, key: FromPath[str]) -> Html:
    """Unarchive a flag, or bring a deleted one back."""
    operations = restoring(page.app.ask, page.require_project(), key)
    return _end(page, key, "Restore", operations, f"Restored {key}.", page.link(f"/flags/{key}"))


def _end(page: Page, key: str, verb: str, operations: list[Operation], done: str, to: str) -> Html:
    def again(error: FlagtrailError | None) -> Html:
        if page.app.ask.state.flag(page.project, key) is None:
            return refused_on(page, key, "restore", error)
        return _confirm(page, key, verb, Refusal("confirm", error, page.form))

    return page.edit(operations, done=done, to=to, again=again)


def _confirm(page: Page, key: str, verb: str, refused: Refusal | None = None) -> Html:
    _, version = _flag(page, key)
    return page.render(
        "flag_confirm.html",
        status=200 if refused is None else refused.status,
        key=key,
        verb=verb,
        meaning=MEANINGS[verb],
        version=version,
        refused=refused,
        live=is_live(page, key),
        dependents=dependents(page.app.ask.state, page.project, key),
    )


def _flag(page: Page, key: str) -> tuple[Flag, int]:
    """A living flag and its version."""
    held = page.app.ask.state.held(flag_subject(page.require_project(), key))
    if held is None or held.document is None:
        raise NotFound(f"there is no flag {key!r} in {page.project}", kind="flag", key=key)
    return cast("Flag", held.document), held.version


def is_live(page: Page, key: str) -> bool:
    """Whether customers are served by the flag: it is on in an environment marked production."""
    state = page.app.ask.state
    found = [state.targeting(page.project, key, env.key) for env in page.environments.values() if env.production]
    return any(targeting is not None and targeting.enabled for targeting in found)
