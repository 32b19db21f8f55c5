"""Subscriptions: who is told of which changes, through which channels, and when."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.model.change import Operation
from flagtrail.model.flag import Json
from flagtrail.model.subject import subscription_subject
from flagtrail.server.rest.body import NO_WHY, Why
from flagtrail.server.rest.call import (
    Caller,
    Changed,
    DocumentPage,
    DocumentView,
    change,
    document_view,
    require_project,
    seen_version,
    with_etag,
)
from flagtrail.server.rest.documents import key_of

_ALL = "/projects/{project:str}/subscriptions"
_ONE = "/projects/{project:str}/subscriptions/{subscription:str}"


class NewSubscription(Why, frozen=True, kw_only=True):
    """A subscription's whole document."""

    subscription: Json


class SubscriptionPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a subscription."""

    patch: Json


@get(_ALL, opt={"role": "viewer"}, sync_to_thread=True, summary="List the subscriptions")
def list_subscriptions(project: FromPath[str], call: Caller) -> DocumentPage:
    """By key. Version 0 of `critical` is the built-in one."""
    require_project(call.app, project)
    state = call.app.ask.state
    found = state.subscriptions(project).items()
    return DocumentPage([document_view(state, subscription_subject(project, key), each) for key, each in found])


@post(_ALL, opt={"role": "editor"}, summary="Make a subscription")
async def create_subscription(project: FromPath[str], data: JSONBody[NewSubscription], call: Caller) -> Changed:
    """Refused where the key exists. `critical` needs the role admin."""
    subject = subscription_subject(project, key_of(data.subscription))
    operation = Operation(action="create", subject=subject, value=data.subscription, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read a subscription")
def read_subscription(project: FromPath[str], subscription: FromPath[str], call: Caller) -> Response[DocumentView]:
    """The document and its version."""
    require_project(call.app, project)
    state = call.app.ask.state
    standing = state.subscriptions(project).get(subscription)
    return with_etag(document_view(state, subscription_subject(project, subscription), standing))


@put(_ONE, opt={"role": "editor"}, summary="Set a subscription")
async def put_subscription(
    project: FromPath[str], subscription: FromPath[str], data: JSONBody[NewSubscription], call: Caller
) -> Changed:
    """The whole document; made where there is none. `critical` needs the role admin."""
    subject = subscription_subject(project, subscription)
    operation = Operation(action="put", subject=subject, value=data.subscription, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@patch(_ONE, opt={"role": "editor"}, summary="Edit a subscription")
async def edit_subscription(
    project: FromPath[str], subscription: FromPath[str], data: JSONBody[SubscriptionPatch], call: Caller
) -> Changed:
    """By merge patch; a list is replaced whole. `critical` needs the role admin."""
    subject = subscription_subject(project, subscription)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete(_ONE, opt={"role": "editor"}, status_code=200, summary="Delete a subscription")
async def delete_subscription(
    project: FromPath[str], subscription: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """What already waits for it still arrives. After `critical` the built-in one stands again; that needs admin."""
    body, subject = data or NO_WHY, subscription_subject(project, subscription)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


ROUTES: list[HTTPRouteHandler] = [
    list_subscriptions,
    create_subscription,
    read_subscription,
    put_subscription,
    edit_subscription,
    delete_subscription,
]
