"""Members: people with an account; and who the caller is."""

from __future__ import annotations

import msgspec
from litestar import get, patch, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.app.access import LOGIN_LINK_HOURS, require_other
from flagtrail.model.access import Grant
from flagtrail.model.actor import Actor
from flagtrail.model.change import Operation
from flagtrail.model.errors import NotFound
from flagtrail.model.flag import Json
from flagtrail.model.subject import member_subject
from flagtrail.server.rest.body import Why
from flagtrail.server.rest.call import Call, Caller, Changed, DocumentPage, change, document_view, seen_version
from flagtrail.server.rest.documents import key_of

_ONE = "/members/{member:str}"


class NewMember(Why, frozen=True, kw_only=True):
    """A member's document."""

    member: Json


class MemberPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a member."""

    patch: Json


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A password of 12 to 1,024 characters."""

    password: str


class LoginLink(msgspec.Struct, frozen=True):
    """A link that signs the member in once."""

    url: str
    hours: int


class Done(msgspec.Struct, frozen=True):
    """It was done; no document of the ledger is concerned."""

    done: bool = True


class Me(msgspec.Struct, frozen=True):
    """The caller, as the ledger names it, and its roles; `scope` is a token's (project, environment)."""

    actor: Actor
    role: str | None
    grants: tuple[Grant, ...]
    scope: tuple[str | None, str | None]
    evaluates_only: bool


@get("/me", opt={"role": "signed_in"}, sync_to_thread=False, summary="Who am I?")
def me(call: Caller) -> Me:
    """The identity behind the credential."""
    identity = call.identity
    return Me(identity.actor, identity.role, identity.grants, identity.scope, identity.evaluates_only)


@get("/members", opt={"role": "admin"}, sync_to_thread=True, summary="List the members")
def list_members(call: Caller) -> DocumentPage:
    """By key."""
    state = call.app.ask.state
    keys = sorted(held.subject.name for held in state.of_kind("member"))
    return DocumentPage([document_view(state, member_subject(key)) for key in keys])


@post("/members", opt={"role": "admin"}, summary="Make a member")
async def create_member(data: JSONBody[NewMember], call: Caller) -> Changed:
    """Send a login link, or set a password, to let them in."""
    subject = member_subject(key_of(data.member))
    operation = Operation(action="create", subject=subject, value=data.member, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@patch(_ONE, opt={"role": "admin"}, summary="Edit a member")
async def edit_member(member: FromPath[str], data: JSONBody[MemberPatch], call: Caller) -> Changed:
    """By merge patch: the role, the grants, or `active` false to lock them out. Nobody demotes themselves."""
    if isinstance(data.patch, dict) and data.patch.keys() & {"role", "active", "grants"}:
        require_other(call.identity, member)
    subject = member_subject(member)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@post(f"{_ONE}/login-link", opt={"role": "admin"}, sync_to_thread=True, summary="Make a login link")
def create_login_link(member: FromPath[str], call: Caller) -> LoginLink:
    """Whoever opens it first is signed in as the member; pass it on by a way that only they can read."""
    secret = call.app.access.login_link_secret(member)
    return LoginLink(f"{call.app.settings.base_url}/login/{secret}", LOGIN_LINK_HOURS)


@post(f"{_ONE}/password", opt={"role": "signed_in"}, status_code=200, sync_to_thread=True, summary="Set a password")
def set_password(member: FromPath[str], data: JSONBody[NewPassword], call: Caller) -> Done:
    """One's own, or as an administrator anybody's. Only its argon2id hash is stored."""
    if not _is_self(call, member):
        call.identity.require("admin")
    if call.app.ask.state.get(member_subject(member)) is None:
        raise NotFound(f"there is no member {member!r}", kind="member", key=member)
    call.app.access.set_password(member, data.password)
    return Done()


def _is_self(call: Call, member: str) -> bool:
    session = call.signed.session
    return session is not None and session.member == member


ROUTES: list[HTTPRouteHandler] = [me, list_members, create_member, edit_member, create_login_link, set_password]
