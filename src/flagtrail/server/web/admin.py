"""Setting up: projects, environments, the policy, tokens and members."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast, get_args

from litestar.params import FromPath

from flagtrail.app.access import LOGIN_LINK_HOURS, require_other
from flagtrail.app.clock import read_time
from flagtrail.app.projects import project_operations
from flagtrail.model.access import Member, Token, TokenKind
from flagtrail.model.change import Operation
from flagtrail.model.document import decode
from flagtrail.model.environment import Project
from flagtrail.model.errors import Defect, FlagtrailError, InvalidDocument
from flagtrail.model.flag import Json
from flagtrail.model.subject import environment_subject, member_subject, policy_subject, token_subject
from flagtrail.server.web.page import Html, Page, Refusal, does, shows

TOKEN_KINDS: tuple[str, ...] = get_args(TokenKind)
DEMANDS = (("production", "of changes that reach production"), ("always", "of every change"), ("never", "never"))


def _status(refused: Refusal | None) -> int:
    return 200 if refused is None else refused.status


# Environments, projects and the policy


@shows("/environments")
def environments(page: Page) -> Html:
    """Where the project runs, and what it demands of a change."""
    return _environments(page)


def _environments(page: Page, refused: Refusal | None = None) -> Html:
    state = page.app.ask.state
    project = page.require_project()
    counts = {
        key: sum(targeting.enabled for targeting in state.targetings(project, key).values())
        for key in page.environments
    }
    return page.render(
        "environments.html",
        status=_status(refused),
        refused=refused,
        counts=counts,
        projects=state.projects(),
        policy=state.policy(project),
        demands=DEMANDS,
    )


def _again(form: str, page: Page) -> Callable[[FlagtrailError], Html]:
    return lambda error: _environments(page, Refusal(form, error, page.form))


@does("/environments", needs="admin")
def save_environment(page: Page) -> Html:
    """Make an environment, or save one."""
    form = page.form
    key = form.get("key")

    def again(error: FlagtrailError) -> Html:
        return _environments(page, Refusal(f"environment-{key}" if "edit" in form else "new", error, form))

    try:
        position = _position(page, form.number("position"))
    except FlagtrailError as error:
        return again(error)
    value: Json = {
        "key": key,
        "name": form.get("name"),
        "production": form.get("production") == "yes",
        "position": position,
    }
    operation = Operation(
        action="put" if "edit" in form else "create",
        subject=environment_subject(page.require_project(), key),
        value=value,
    )
    return page.change([operation], done=f"Saved the environment {key}.", to=page.link("/environments"), again=again)


def _position(page: Page, typed: int | None) -> int:
    """The place that was typed, else the one it has, else the last one."""
    if typed is not None:
        return typed
    known = page.environments.get(page.form.get("key"))
    return known.position if known else max((env.position for env in page.environments.values()), default=-1) + 1


@does("/environments/delete", needs="admin")
def delete_environment(page: Page) -> Html:
    """Delete an environment with the targetings in it."""
    key = page.form.get("key")
    operation = Operation(action="delete", subject=environment_subject(page.require_project(), key))
    return page.change(
        [operation],
        done=f"Deleted the environment {key}.",
        to=page.link("/environments"),
        again=_again(f"delete-{key}", page),
    )


@does("/projects", needs="admin", everywhere=True)
def create_project(page: Page) -> Html:
    """Make a project with its policy and the usual environments."""
    key = page.form.get("key")
    operations = project_operations(Project(key, page.form.get("name") or key))
    return page.change(
        operations, done=f"Made the project {key}.", to=f"/flags?project={key}", again=_again("project", page)
    )


@does("/policy", needs="admin")
def save_policy(page: Page) -> Html:
    """Save what the project demands of a change."""
    form = page.form
    again = _again("policy", page)
    try:
        least = form.number("why_min_length")
    except FlagtrailError as error:
        return again(error)
    value: Json = {"why_required": form.get("why_required"), "why_min_length": 1 if least is None else least}
    operation = Operation(action="put", subject=policy_subject(page.require_project()), value=value)
    return page.change([operation], done="Saved the policy.", to=page.link("/environments"), again=again)


# Tokens


@shows("/tokens", "admin", everywhere=True)
def tokens(page: Page) -> Html:
    """Credentials of machines."""
    return _tokens(page)


def _tokens(page: Page, refused: Refusal | None = None, secret: str = "", made: str = "") -> Html:
    held = sorted(page.app.ask.state.of_kind("token"), key=lambda each: each.subject.name)
    return page.render(
        "tokens.html",
        status=_status(refused),
        refused=refused,
        tokens=[(cast("Token", each.document), each.effective) for each in held],
        kinds=TOKEN_KINDS,
        secret=secret,
        made=made,
        today=page.app.clock().strftime("%Y-%m-%d"),
    )


@does("/tokens", needs="admin", everywhere=True)
def create_token(page: Page) -> Html:
    """Make a token; its secret is in this answer alone, so there is no redirect."""
    form = page.form
    key = form.get("key")
    kind = form.get("kind")
    scope = form.get("scope", "project") if kind == "admin" else "environment"
    try:
        expires = form.optional("expires_at")
        if scope == "environment" and form.optional("environment") is None:
            raise InvalidDocument([Defect("/environment", "must be chosen for a token of one environment")])
        value = {
            "key": key,
            "kind": kind,
            "name": form.get("name"),
            "project": None if scope == "everything" else page.project,
            "environment": form.optional("environment") if scope == "environment" else None,
            "role": form.get("role", "editor"),
            "expires_at": None if expires is None else read_time(expires),
        }
        token = decode(token_subject(key), value)
        issued = page.app.access.issue_token(
            page.who, cast("Token", token), why=form.get("why"), request=page.request_id
        )
    except FlagtrailError as error:
        return _tokens(page, Refusal("new", error, form))
    return _tokens(page, secret=issued.secret, made=key)


@does("/tokens/{key:str}/revoke", needs="admin", everywhere=True)
def revoke_token(page: Page, key: FromPath[str]) -> Html:
    """Revoke a token, at once and for good."""
    operation = Operation(action="patch", subject=token_subject(key), value={"revoked": True})
    return page.change(
        [operation],
        done=f"Revoked {key}.",
        to=page.link("/tokens"),
        again=lambda error: _tokens(page, Refusal(f"revoke-{key}", error, page.form)),
    )


# Members


@shows("/members", "admin", everywhere=True)
def members(page: Page) -> Html:
    """People with an account."""
    return _members(page)


def _members(page: Page, refused: Refusal | None = None, link: str = "", made: str = "") -> Html:
    held = sorted(page.app.ask.state.of_kind("member"), key=lambda each: each.subject.name)
    return page.render(
        "members.html",
        status=_status(refused),
        refused=refused,
        members=[(cast("Member", each.document), each.version) for each in held],
        link=link,
        made=made,
        hours=LOGIN_LINK_HOURS,
    )


@does("/members", needs="admin", everywhere=True)
def create_member(page: Page) -> Html:
    """Make a member."""
    form = page.form
    key = form.get("key")
    value: Json = {"key": key, "name": form.get("name"), "email": form.get("email"), "role": form.get("role")}
    operation = Operation(action="create", subject=member_subject(key), value=value)
    return page.change(
        [operation],
        done=f"Made the member {key}. Make them a login link to let them in.",
        to=page.link("/members"),
        again=lambda error: _members(page, Refusal("new", error, form)),
    )


@does("/members/{key:str}", needs="admin", everywhere=True)
def edit_member(page: Page, key: FromPath[str]) -> Html:
    """Save a member's role and whether they may sign in. Nobody demotes themselves."""
    form = page.form
    patch = {
        "name": form.get("name"),
        "email": form.get("email"),
        "role": form.get("role"),
        "active": form.get("active") == "yes",
    }

    def again(error: FlagtrailError) -> Html:
        return _members(page, Refusal(f"edit-{key}", error, form))

    held = cast("Member | None", page.app.ask.state.get(member_subject(key)))
    try:
        version = form.number("version")
        if held is not None and (held.role, held.active) != (patch["role"], patch["active"]):
            require_other(page.who, key)
    except FlagtrailError as error:
        return again(error)
    operation = Operation(action="patch", subject=member_subject(key), value=patch, version=version)
    return page.change([operation], done=f"Saved {key}.", to=page.link("/members"), again=again)


@does("/members/{key:str}/login-link", needs="admin", everywhere=True)
def create_login_link(page: Page, key: FromPath[str]) -> Html:
    """Make a one-time login link; it is in this answer alone."""
    try:
        secret = page.app.access.login_link_secret(key)
    except FlagtrailError as error:
        return _members(page, Refusal(f"link-{key}", error, page.form))
    return _members(page, link=f"{page.app.settings.base_url}/login?token={secret}", made=key)
