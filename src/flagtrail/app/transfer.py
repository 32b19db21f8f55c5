"""In and out: foreign history becomes changes; the ledger becomes a bundle that an auditor verifies."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from flagtrail import importers
from flagtrail.app.change import Changes
from flagtrail.app.identity import Identity
from flagtrail.app.sign import CheckpointSigner
from flagtrail.ledger import export
from flagtrail.model.actor import Actor, Author
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.entry import Entry
from flagtrail.model.errors import NotFound
from flagtrail.model.state import State
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.storage import Storage


class Imported(msgspec.Struct, frozen=True):
    """What an import did, or (dry run) would do."""

    versions: int
    entries: int
    skipped: int
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    dry_run: bool


class Transfer:
    """Imports and exports."""

    def __init__(self, storage: Storage, changes: Changes, signer: CheckpointSigner, origin: str) -> None:
        self._storage = storage
        self._changes = changes
        self._signer = signer
        self._origin = origin

    def bring_in(
        self,
        identity: Identity,
        kind: str,
        source: str,
        options: importers.Options,
        *,
        project: str,
        environment: str,
        dry_run: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Imported:
        """Append a foreign history as entries, one group per version, all or nothing.

        The actor is the import on behalf of each version's author; the entries'
        time is now, their `occurred_at` the version's. Versions that an earlier
        import of the same source brought in are skipped.
        """
        raise NotImplementedError
