"""What every operation is given and gives back: the call, and the views of documents, entries and changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
from anyio.to_thread import run_sync
from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter

from flagtrail.app import trace
from flagtrail.app.bootstrap import App
from flagtrail.app.change import Receipt
from flagtrail.app.identity import Identity
from flagtrail.app.preview import Predicted
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import MAX_INTEGER, Document
from flagtrail.model.entry import Entry
from flagtrail.model.errors import MalformedRequest, NotFound, VersionConflict
from flagtrail.model.flag import Json
from flagtrail.model.state import State
from flagtrail.model.subject import Subject
from flagtrail.server.identity import Signed
from flagtrail.server.rest.body import Why

MAX_LIMIT = 500
MAX_IDEMPOTENCY_KEY = 255

Seq = Annotated[int, PathParameter(ge=0, le=MAX_INTEGER, description="An entry's number in the ledger.")]
Cursor = Annotated[int | None, QueryParameter(ge=0, le=MAX_INTEGER, description="`next` of the page before.")]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="Items per page.")]


class Call(msgspec.Struct, frozen=True):
    """One request, beyond its address and body."""

    app: App
    signed: Signed
    request: str
    idempotency_key: str | None
    if_match: int | None

    @property
    def identity(self) -> Identity:
        """Who asks."""
        return self.signed.identity


Caller: TypeAlias = NamedDependency[Call]


async def provide_call(request: Request[Any, Any, Any]) -> Call:
    """The call of a request that the guard let through."""
    state, headers = request.scope["state"], request.headers
    return call_of(
        request.app.state.flagtrail,
        state["signed"],
        state["request_id"],
        headers.get("idempotency-key"),
        headers.get("if-match"),
    )


def call_of(app: App, signed: Signed, request: str, idempotency_key: str | None, if_match: str | None) -> Call:
    """The call of these headers; raises MalformedRequest for what they cannot be."""
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
        raise MalformedRequest(f"an Idempotency-Key has 1 to {MAX_IDEMPOTENCY_KEY} characters")
    return Call(app, signed, request, idempotency_key, _version(if_match))


def _version(if_match: str | None) -> int | None:
    """The version in `If-Match`: `"7"`; `*` and nothing mean any."""
    if if_match is None or if_match.strip() == "*":
        return None
    digits = if_match.strip().removeprefix("W/").strip('"')
    if not (digits.isascii() and digits.isdigit()) or int(digits) > MAX_INTEGER:
        raise MalformedRequest('If-Match must be one version, for example: If-Match: "7"')
    return int(digits)


class EntryView(Entry, frozen=True, kw_only=True):
    """An entry, what it altered in words, and the address of its page."""

    words: tuple[str, ...]
    url: str


class EntryDetail(EntryView, frozen=True, kw_only=True):
    """An entry, with what its change was predicted to do: null until that is stored, and where it can shift nothing."""

    preview: Predicted | None = None


class DocumentView(msgspec.Struct, frozen=True):
    """A document as it stands: its address, version, the entry that made it so, and since when."""

    subject: Subject
    version: int
    effective: str
    seq: int
    document: Json


class LogPage(msgspec.Struct, frozen=True):
    """Entries, newest first; `next` is the cursor of the page after, null on the last."""

    items: list[EntryView]
    next: int | None


class DocumentPage(msgspec.Struct, frozen=True):
    """Documents by key; `next` is the cursor of the page after, null on the last."""

    items: list[DocumentView]
    next: str | None = None


class Changed(msgspec.Struct, frozen=True):
    """What a change did. One that altered nothing has `changed` false and no entries.

    `document` (null once deleted) and `version` are of the document that was addressed; `size` is the ledger's.
    """

    changed: bool
    entries: list[EntryView]
    size: int
    document: Json
    version: int


def entry_view(app: App, entry: Entry) -> EntryView:
    """The entry with its words and address."""
    fields = msgspec.structs.asdict(entry)
    return EntryView(**fields, words=app.ask.words(entry), url=f"{app.settings.base_url}/changes/{entry.seq}")


def entry_detail(app: App, entry: Entry) -> EntryDetail:
    """The entry with the preview that is stored with its change."""
    fields = msgspec.structs.asdict(entry_view(app, entry))
    return EntryDetail(**fields, preview=app.previews.stored(entry))


def document_view(state: State, subject: Subject, fallback: Document | None = None) -> DocumentView:
    """The living document at `subject`, or `fallback` as version 0; raises NotFound where there is neither."""
    held = state.held(subject)
    if held is not None and held.document is not None:
        return DocumentView(subject, held.version, held.effective, held.seq, held.document)
    if fallback is None:
        raise NotFound(f"there is no {subject.kind} {subject.name!r}", kind=subject.kind, key=subject.name)
    return DocumentView(subject, 0 if held is None else held.version, "", -1, fallback)


def with_etag(view: DocumentView) -> Response[DocumentView]:
    """The document with its version as ETag, as `If-Match` takes it."""
    return Response(view, headers={"ETag": f'"{view.version}"'})


async def change(call: Call, operations: Sequence[Operation], body: Why, *, about: Subject) -> Changed:
    """Make the change and tell what it did; `about` is the document that the request addressed."""
    made = Change(operations=tuple(operations), why=body.why, ticket=body.ticket)
    return changed(call, await _receipt(call, made), about)


async def _receipt(call: Call, made: Change) -> Receipt:
    """Wait for the change, without a thread of its own: it goes straight to the writer, and comes straight back.

    A request that is cancelled meanwhile has made it all the same: everybody but its client is told.
    """
    loop = asyncio.get_running_loop()
    receipt: asyncio.Future[Receipt] = loop.create_future()

    def settle() -> None:
        try:
            found = settled()
        except BaseException as error:  # noqa: BLE001 - it belongs to who waits
            if not receipt.done():
                receipt.set_exception(error)
        else:
            if not receipt.done():
                receipt.set_result(found)

    def done() -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
            loop.call_soon_threadsafe(settle)

    changes = call.app.changes
    try:
        with trace.span("change") as span:
            settled = changes.begin(
                call.identity, made, done=done, request=call.request, idempotency_key=call.idempotency_key
            )
            told = await receipt
            span.set(entries=len(told.entries), size=told.size)
            return told
    except VersionConflict as conflict:
        raise await run_sync(changes.explained, conflict) from None


def changed(call: Call, receipt: Receipt, about: Subject) -> Changed:
    """The answer of a change: the document is that of the receipt's own entries, not of whoever came after."""
    entries = [entry_view(call.app, entry) for entry in receipt.entries]
    own = [entry for entry in receipt.entries if entry.subject == about]
    if own:
        return Changed(True, entries, receipt.size, own[-1].after, own[-1].version)
    held = call.app.ask.state.held(about)
    document, version = (None, 0) if held is None else (held.document, held.version)
    return Changed(receipt.changed, entries, receipt.size, document, version)


def seen_version(call: Call, body: Why) -> int | None:
    """The version that the caller has seen: from the body or `If-Match`, which must agree."""
    if body.version is not None and call.if_match is not None and body.version != call.if_match:
        raise MalformedRequest(f"If-Match says version {call.if_match}, the body says {body.version}")
    return call.if_match if body.version is None else body.version


def require_project(app: App, project: str) -> None:
    """Raise NotFound where there is no such project."""
    if project not in app.ask.state.projects():
        raise NotFound(f"there is no project {project!r}", kind="project", key=project)


def require_flag(app: App, project: str, flag: str) -> None:
    """Raise NotFound where there is no such flag."""
    if app.ask.state.flag(project, flag) is None:
        raise NotFound(f"there is no flag {flag!r}", kind="flag", key=flag)
