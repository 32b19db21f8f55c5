"""The ledger as an auditor takes it: the signed checkpoint, the key, entries in order, and exports."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Annotated

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream

from flagtrail.model.document import MAX_INTEGER
from flagtrail.server.identity import require_overseer, require_reader
from flagtrail.server.rest.call import Caller, Limit, LogPage, entry_view

_TEXT = "text/plain; charset=utf-8"
From = Annotated[int, QueryParameter(name="from", ge=0, le=MAX_INTEGER, description="The first entry's seq.")]
To = Annotated[int | None, QueryParameter(name="to", ge=0, le=MAX_INTEGER, description="The seq after the last.")]


@get(
    "/ledger/checkpoint",
    opt={"role": "signed_in"},
    sync_to_thread=True,
    media_type=MediaType.TEXT,
    summary="Read the newest signed checkpoint",
)
def checkpoint(call: Caller) -> Response[str]:
    """A C2SP checkpoint: origin, size, root and signature. It tells nothing of what the entries say."""
    require_reader(call.identity)
    return Response(call.app.ask.checkpoint(), media_type=_TEXT)


@get(
    "/ledger/key",
    opt={"role": "signed_in"},
    sync_to_thread=True,
    media_type=MediaType.TEXT,
    summary="Read the key that signs checkpoints",
)
def key(call: Caller) -> Response[str]:
    """The verifier key (C2SP signed-note) that an auditor keeps."""
    require_reader(call.identity)
    return Response(f"{call.app.signer.vkey}\n", media_type=_TEXT)


@get("/ledger/entries", opt={"role": "signed_in"}, sync_to_thread=True, summary="Read entries in order")
def entries(call: Caller, first: From = 0, limit: Limit = 50) -> LogPage:
    """Oldest first, from a seq on; `next` is the seq to go on from. For administrators and auditors."""
    require_overseer(call.identity)
    found = call.app.storage.entries_from(first, limit + 1)
    page = found[:limit]
    items = [entry_view(call.app, entry) for entry in page]
    return LogPage(items, page[-1].seq + 1 if len(found) > limit else None)


@get(
    "/ledger/export",
    opt={"role": "signed_in", "files": ["application/x-tar"]},
    sync_to_thread=True,
    summary="Export the ledger for an auditor",
)
def export(call: Caller, low: From = 0, high: To = None) -> Stream:
    """An uncompressed tar of entries, disclosures, checkpoint, proof and verifier; `flagtrail verify` reads it.

    For administrators and auditors. Streamed; one that breaks off has no MANIFEST at its end and does not verify.
    """
    require_overseer(call.identity)
    bundle = call.app.transfer.export_bundle(low, high)
    first = next(bundle)  # what is refused is refused before the answer begins
    headers = {"Content-Disposition": 'attachment; filename="flagtrail-export.tar"'}
    return Stream(_all(first, bundle), media_type="application/x-tar", headers=headers)


def _all(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    return chain((first,), rest)


ROUTES: list[HTTPRouteHandler] = [checkpoint, key, entries, export]
