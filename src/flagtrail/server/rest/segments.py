"""Segments: named conditions, used by the targetings of many flags."""

from __future__ import annotations

from litestar import Response, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from flagtrail.model.change import Operation
from flagtrail.model.flag import Json
from flagtrail.model.subject import segment_subject
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

_ALL = "/projects/{project:str}/segments"
_ONE = "/projects/{project:str}/segments/{segment:str}"


class NewSegment(Why, frozen=True, kw_only=True):
    """A segment's whole document."""

    segment: Json


class SegmentPatch(Why, frozen=True, kw_only=True):
    """A merge patch (RFC 7396) of a segment."""

    patch: Json


@get(_ALL, opt={"role": "viewer"}, sync_to_thread=True, summary="List the segments")
def list_segments(project: FromPath[str], call: Caller) -> DocumentPage:
    """By key."""
    require_project(call.app, project)
    state = call.app.ask.state
    return DocumentPage([document_view(state, segment_subject(project, key)) for key in state.segments(project)])


@post(_ALL, opt={"role": "editor"}, summary="Make a segment")
async def create_segment(project: FromPath[str], data: JSONBody[NewSegment], call: Caller) -> Changed:
    """Refused where the key exists."""
    subject = segment_subject(project, key_of(data.segment))
    operation = Operation(action="create", subject=subject, value=data.segment, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@get(_ONE, opt={"role": "viewer"}, sync_to_thread=True, summary="Read a segment")
def read_segment(project: FromPath[str], segment: FromPath[str], call: Caller) -> Response[DocumentView]:
    """The document and its version."""
    return with_etag(document_view(call.app.ask.state, segment_subject(project, segment)))


@put(_ONE, opt={"role": "editor"}, summary="Set a segment")
async def put_segment(
    project: FromPath[str], segment: FromPath[str], data: JSONBody[NewSegment], call: Caller
) -> Changed:
    """The whole document; made where there is none."""
    subject = segment_subject(project, segment)
    operation = Operation(action="put", subject=subject, value=data.segment, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@patch(_ONE, opt={"role": "editor"}, summary="Edit a segment")
async def edit_segment(
    project: FromPath[str], segment: FromPath[str], data: JSONBody[SegmentPatch], call: Caller
) -> Changed:
    """By merge patch."""
    subject = segment_subject(project, segment)
    operation = Operation(action="patch", subject=subject, value=data.patch, version=seen_version(call, data))
    return await change(call, [operation], data, about=subject)


@delete(_ONE, opt={"role": "editor"}, status_code=200, summary="Delete a segment")
async def delete_segment(
    project: FromPath[str], segment: FromPath[str], call: Caller, data: JSONBody[Why | None] = None
) -> Changed:
    """Refused while a targeting or another segment names it."""
    body, subject = data or NO_WHY, segment_subject(project, segment)
    operation = Operation(action="delete", subject=subject, version=seen_version(call, body))
    return await change(call, [operation], body, about=subject)


ROUTES: list[HTTPRouteHandler] = [
    list_segments,
    create_segment,
    read_segment,
    put_segment,
    edit_segment,
    delete_segment,
]
