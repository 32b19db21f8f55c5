"""In and out: foreign history becomes entries; the ledger becomes a bundle that an auditor verifies."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from flagtrail.app.change import MAX_WHY, Changes
from flagtrail.app.identity import Identity
from flagtrail.app.sign import CheckpointSigner
from flagtrail.importers import ImportedVersion
from flagtrail.ledger.checkpoint import parse_checkpoint
from flagtrail.ledger.export import Export
from flagtrail.ledger.merkle import RangeProof, inclusion_proof, range_proof
from flagtrail.ledger.proof import write_receipt
from flagtrail.model.actor import Actor
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import Document, encode
from flagtrail.model.errors import HistoryOrder, InvalidQuery, NotFound, VersionConflict
from flagtrail.model.subject import Subject, flag_subject, segment_subject, targeting_subject
from flagtrail.storage import Cell, Storage, Transaction

_CHUNK = 1 << 20


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did or, in a dry run, would do. `skipped` versions came in earlier."""

    versions: int
    skipped: int
    entries: int
    flags: tuple[str, ...]
    notes: tuple[str, ...]
    dry_run: bool


class _Memory(msgspec.Struct, frozen=True):
    """What is known of a source that was imported before: its versions, and the keys of the last one.

    `lent` are the subjects (flags, segments) whose definition another import of
    the project brought in first, as a rule that of another environment's file:
    this source then says only how they are served in its own environment.
    """

    project: str = ""
    references: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    lent: tuple[Subject, ...] = ()


class Transfer:
    """Imports and exports."""

    def __init__(self, storage: Storage, changes: Changes, signer: CheckpointSigner) -> None:
        self._storage = storage
        self._changes = changes
        self._signer = signer

    def bring_in(
        self,
        identity: Identity,
        versions: Sequence[ImportedVersion],
        *,
        source: str,
        project: str,
        environment: str,
        dry_run: bool = False,
    ) -> Imported:
        """Append a foreign history, one group per version, in one transaction: all of it or nothing.

        The actor is the import on behalf of each version's author; an entry's
        `time` is now and its `occurred_at` the version's. `source` names where
        the versions came from: those that came from there before are skipped,
        and flags that the next version lacks are deleted. Of flags that another
        import brought in (another environment's file) only the targeting is
        written. Raises HistoryOrder for flags that no import brought in, NotFound for an
        unknown project or environment and the refusals of a change.
        """
        self._refuse_unknown(project, environment)
        name = hashlib.sha256(f"{project}/{environment}/{source}".encode()).hexdigest()
        raw = self._storage.cell("import", name)
        memory = _Memory() if raw is None else msgspec.json.decode(raw, type=_Memory)
        fresh = [version for version in versions if not _known(version, memory)]
        lent = set(memory.lent) | self._lent(project, name, fresh, memory)
        parts: list[tuple[Identity, Change]] = []
        flags, segments = set(memory.flags), set(memory.segments)
        left = (_root(subject, environment, lent) for subject in _subjects(project, flags, segments))
        living = {subject for subject in left if subject is not None and self._changes.state.get(subject) is not None}
        before: ImportedVersion | None = None
        for version in fresh:
            operations = _operations(project, environment, version, before, living, lent)
            flags, segments, before = set(version.flags), set(version.segments), version
            if operations:
                why = version.message[:MAX_WHY].replace("\x00", "")
                change = Change(operations=operations, why=why, occurred_at=version.occurred_at)
                parts.append((_importing(identity, version), change))
        kept = _Memory(
            project,
            (*memory.references, *(version.reference for version in fresh)),
            tuple(sorted(flags)),
            tuple(sorted(segments)),
            tuple(sorted(lent, key=lambda subject: subject.path)),
        )

        def guard(tx: Transaction) -> None:
            if tx.cell("import", name) != raw:
                raise VersionConflict("the same source was imported just now by somebody else", source=source)

        receipts = self._changes.apply_all(
            parts,
            request=f"import {name[:16]}",
            cells=[("import", Cell(name, msgspec.json.encode(kept)))],
            guard=guard,
            dry_run=dry_run,
        )
        entries = [entry for receipt in receipts for entry in receipt.entries]
        return Imported(
            versions=len(fresh),
            skipped=len(versions) - len(fresh),
            entries=len(entries),
            flags=tuple(sorted({entry.subject.flag for entry in entries if entry.subject.flag})),
            notes=tuple(f"{version.reference[:12]}: {note}" for version in fresh for note in version.notes),
            dry_run=dry_run,
        )

    def _lent(self, project: str, name: str, versions: Sequence[ImportedVersion], memory: _Memory) -> set[Subject]:
        """What the versions name and another import brought in.

        Raises HistoryOrder for what no import brought in: dated history must not rewrite the past of other flags.
        """
        brought = {subject for version in versions for subject in _subjects(project, version.flags, version.segments)}
        strange = brought - set(_subjects(project, memory.flags, memory.segments))
        standing = {subject for subject in strange if self._changes.state.get(subject) is not None}
        others = [
            msgspec.json.decode(cell.value, type=_Memory) for cell in self._storage.cells("import") if cell.key != name
        ]
        known = {
            s for other in others if other.project == project for s in _subjects(project, other.flags, other.segments)
        }
        if standing - known:
            names = sorted(subject.path.split("/", 2)[2] for subject in standing - known)
            raise HistoryOrder(f"no import brought in {', '.join(names[:5])}, which exist", subjects=names)
        return standing

    def _refuse_unknown(self, project: str, environment: str) -> None:
        if project not in self._changes.state.projects():
            raise NotFound(f"there is no project {project!r}", kind="project", key=project)
        if self._changes.state.environment(project, environment) is None:
            raise NotFound(f"there is no environment {environment!r}", kind="environment", key=environment)

    def export(self, low: int = 0, high: int | None = None) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The files of an export of the entries `low <= seq < high` (all, where left out), each with its bytes."""
        note = self._signer.checkpoint()
        size = parse_checkpoint(note).size
        end = size if high is None else high
        if not 0 <= low <= end <= size:
            raise InvalidQuery(f"the ledger holds entries 0 to {size}; {low} to {end} is no part of it")
        whole = (low, end) == (0, size)
        proof = RangeProof() if whole else range_proof(self._storage.leaf_hashes(0, size), low, end)
        yield from Export(
            self._storage.leaves(low, end),
            self._storage.disclosures(low, end),
            checkpoint=note,
            low=low,
            high=end,
            public_key=self._signer.public_key,
            sign=self._signer.sign,
            proof=proof,
        )

    def export_bundle(self, low: int = 0, high: int | None = None) -> Iterator[bytes]:
        """The same as one uncompressed tar (ustar); each file is spooled to disk first, for its size."""
        for name, chunks in self.export(low, high):
            with tempfile.TemporaryFile() as spool:
                spool.writelines(chunks)
                header = tarfile.TarInfo(name)
                header.size = spool.tell()
                yield header.tobuf(format=tarfile.USTAR_FORMAT)
                spool.seek(0)
                yield from iter(lambda: spool.read(_CHUNK), b"")
                yield b"\0" * (-header.size % tarfile.BLOCKSIZE)
        yield b"\0" * tarfile.BLOCKSIZE * 2

    def proof(self, seq: int) -> str:
        """The receipt of one entry (C2SP tlog-proof): its inclusion in the newest checkpoint."""
        note = self._signer.checkpoint()
        size = parse_checkpoint(note).size
        if not 0 <= seq < size:
            raise NotFound(f"there is no entry {seq}", kind="entry", key=str(seq))
        return write_receipt(seq, inclusion_proof(self._storage.leaf_hashes(0, size), seq), note)


def _known(version: ImportedVersion, memory: _Memory) -> bool:
    """Whether a version came in before. One of a source without dates may come back: A, B, and A again are three."""
    if version.occurred_at is None:
        return version.reference in memory.references[-1:]
    return version.reference in memory.references


def _subjects(project: str, flags: Iterable[str], segments: Iterable[str]) -> list[Subject]:
    """The definitions that a version is about."""
    return [*(flag_subject(project, key) for key in flags), *(segment_subject(project, key) for key in segments)]


def _root(subject: Subject, environment: str, lent: Collection[Subject]) -> Subject | None:
    """What goes when a source no longer names a definition: itself; of a lent flag its targeting, of a segment none."""
    if subject not in lent:
        return subject
    return targeting_subject(subject.project or "", subject.flag, environment) if subject.flag else None


def _documents(
    project: str, environment: str, version: ImportedVersion, lent: Collection[Subject]
) -> dict[Subject, Document]:
    """Every document that the version writes."""
    found: dict[Subject, Document] = {segment_subject(project, key): each for key, each in version.segments.items()}
    for key, (flag, targeting) in version.flags.items():
        found[flag_subject(project, key)] = flag
        found[targeting_subject(project, key, environment)] = targeting
    return {subject: document for subject, document in found.items() if subject not in lent}


def _operations(
    project: str,
    environment: str,
    version: ImportedVersion,
    before: ImportedVersion | None,
    living: set[Subject],
    lent: Collection[Subject],
) -> tuple[Operation, ...]:
    """What makes the project's documents those of the version, where they differ from the version before.

    `living` is what earlier versions left behind and a version that lacks it takes away; it is brought up to this one.
    """
    wanted = _documents(project, environment, version, lent)
    had = {} if before is None else _documents(project, environment, before, lent)
    operations = [
        Operation(action="put", subject=subject, value=encode(document))
        for subject, document in wanted.items()
        if subject not in had or msgspec.json.encode(had[subject]) != msgspec.json.encode(document)
    ]
    roots = {_root(subject, environment, lent) for subject in _subjects(project, version.flags, version.segments)}
    gone = sorted(living - roots, key=lambda subject: (subject.kind, subject.path))
    operations.extend(Operation(action="delete", subject=subject) for subject in gone)
    living.difference_update(gone)
    living.update(subject for subject in roots if subject is not None)
    return tuple(operations)


def _importing(identity: Identity, version: ImportedVersion) -> Identity:
    """The caller's roles, acting as the import on behalf of the version's author."""
    actor = identity.actor
    importing = Actor(
        kind="import",
        id=actor.id,
        name=actor.name,
        email=actor.email,
        auth=actor.auth,
        via="import",
        for_=version.author,
    )
    return msgspec.structs.replace(identity, actor=importing)
