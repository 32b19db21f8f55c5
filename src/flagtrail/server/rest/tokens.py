"""Tokens: the credentials of machines."""

from __future__ import annotations

from litestar import delete, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.model.access import Token
from flagtrail.model.change import Operation
from flagtrail.model.document import decode
from flagtrail.model.flag import Json
from flagtrail.model.subject import token_subject
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Caller,
    Changed,
    DocumentPage,
    change,
    changed,
    document_view,
    seen_version,
)
from flagtrail.server.rest.documents import key_of


class NewToken(Why, frozen=True, kw_only=True):
    """A token's document. `server` and `client` tokens need a project and an environment."""

    token: Json


class IssuedToken(Changed, frozen=True, kw_only=True):
    """A new token; `secret` is shown here and never again."""

    secret: str


@get("/tokens", opt={"role": "admin"}, sync_to_thread=True, summary="List the tokens")
def list_tokens(call: Caller) -> DocumentPage:
    """By key, revoked ones too, without their secrets."""
    state = call.app.ask.state
    keys = sorted(held.subject.name for held in state.of_kind("token"))
    return DocumentPage([document_view(state, token_subject(key)) for key in keys])


@post("/tokens", opt={"role": "admin"}, sync_to_thread=True, summary="Make a token")
def create_token(data: JSONBody[NewToken], call: Caller) -> IssuedToken:
    """The secret is in this answer alone; an Idempotency-Key is of no use here."""
    token = decode(token_subject(key_of(data.token)), data.token)
    if not isinstance(token, Token):
        raise TypeError("a token's subject decodes to a token")
    issued = call.app.access.issue_token(call.identity, token, why=data.why, request=call.request)
    made = changed(call, issued.receipt, token_subject(token.key))
    return IssuedToken(made.changed, made.entries, made.size, made.document, made.version, secret=issued.secret)


@delete("/tokens/{token:str}", opt={"role": "admin"}, status_code=200, summary="Revoke a token")
async def revoke_token(token: FromPath[str], call: Caller, data: JSONBody[Why | None] = None) -> Changed:
    """At once and for good. Its document stays, so that its past acts keep their name."""
    body, subject = data or NO_WHY, token_subject(token)
    operation = Operation(action="patch", subject=subject, value={"revoked": True}, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


ROUTES: list[HTTPRouteHandler] = [list_tokens, create_token, revoke_token]
