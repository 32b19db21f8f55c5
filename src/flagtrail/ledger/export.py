"""Writing an export: the flat bundle that an auditor verifies without us.

Pure and streaming: files come out as chunks, so a million entries never lie in
memory. The bytes of the ledger are checked on their way out: an export that
would not verify is not finished.
"""

from __future__ import annotations

import pkgutil
import zipfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from io import BytesIO
from typing import Protocol

import msgspec

from flagtrail.ledger.canonical import profile_bytes
from flagtrail.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_note, verifier_key, verify_note
from flagtrail.ledger.manifest import CHECKPOINT, DISCLOSURES, ENTRIES, MANIFEST, PROOF, ListedFile, Manifest
from flagtrail.ledger.merkle import EMPTY_FRONTIER, Frontier, RangeProof, leaf_hashes, range_root
from flagtrail.model.errors import LedgerBroken

VERIFIER, README = "verify.pyz", "README.txt"
VERIFIER_MODULES = (
    *("__init__", "ledger/__init__", "ledger/merkle", "ledger/leaf", "ledger/ed25519", "ledger/checkpoint"),
    *(
        "ledger/proof",
        "ledger/manifest",
        "ledger/bundle",
        "ledger/evidence",
        "ledger/deep",
        "ledger/draw",
        "ledger/adding",
        "ledger/report",
        "ledger/period",
        "ledger/verify",
    ),
)
"""The modules of the offline verifier, all of them on the standard library alone."""

_CHUNK_BYTES = 1 << 20
_NO_PROOF = RangeProof()

Chunks = Iterator[bytes]


class Disclosed(Protocol):
    """One committed value on its way out: what storage keeps beside a leaf."""

    @property
    def seq(self) -> int:
        """The entry it belongs to."""

    @property
    def name(self) -> str:
        """Which of the entry's committed values it is."""

    @property
    def salt(self) -> bytes:
        """The 16 bytes that the commitment was salted with."""

    @property
    def value(self) -> bytes:
        """The canonical bytes of the value."""


class _Commitments(msgspec.Struct, frozen=True):
    commitments: dict[str, str | None]


_commitments = msgspec.json.Decoder(_Commitments)


class Export:
    """One export, to be written out once: iterate over it for each file's name and chunks, in order.

    `leaves` are those of [low, high), `disclosures` theirs by (seq, name). `proof`
    places the range in the checkpoint's tree (`merkle.range_proof`); a full export needs none.
    `sign` is the Ed25519 signature of the log's key over the manifest.
    Iterating raises LedgerBroken, before a MANIFEST is written, where the entries do not hash to the checkpoint's root.
    """

    def __init__(  # noqa: PLR0913 - each is one part of the bundle
        self,
        leaves: Iterable[bytes],
        disclosures: Iterable[Disclosed],
        *,
        checkpoint: str,
        low: int,
        high: int,
        public_key: bytes,
        sign: Callable[[bytes], bytes],
        proof: RangeProof = _NO_PROOF,
    ) -> None:
        self._leaves = leaves
        self._disclosures = disclosures
        self._note = checkpoint
        self._checkpoint: Checkpoint = parse_checkpoint(checkpoint)
        self._low, self._high = low, high
        self._public_key = public_key
        self._sign = sign
        self._proof = proof
        self._frontier = Frontier(low, proof.left) if low else EMPTY_FRONTIER
        self._committed = self._disclosed = 0
        self._vkey = verifier_key(self._checkpoint.origin, public_key)
        verify_note(checkpoint, self._vkey)
        if not 0 <= low <= high <= self._checkpoint.size:
            raise ValueError(f"[{low}, {high}) is no range of {self._checkpoint.size} entries")

    def __iter__(self) -> Iterator[tuple[str, Chunks]]:
        """Each file's name and bytes, the MANIFEST last. Chunks that the caller leaves are read by the next step."""
        files = []
        for name, chunks in self._contents():
            counted = _Counted(chunks)
            yield name, iter(counted)
            for _ in counted:
                pass
            files.append(ListedFile(counted.digest.hexdigest(), counted.size, name))
        self._check_root()
        manifest = Manifest(
            self._checkpoint.origin,
            self._low,
            self._high,
            self._checkpoint.size,
            self._disclosed,
            self._committed - self._disclosed,
            tuple(sorted(files, key=lambda file: file.name)),
        )
        note = sign_note(manifest.render(), self._checkpoint.origin, self._public_key, self._sign)
        yield MANIFEST, iter((note.encode(),))

    def _contents(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        yield CHECKPOINT, (self._note.encode(),)
        yield PROOF, (_proof_bytes(self._proof),)
        yield ENTRIES, self._entry_chunks()
        yield DISCLOSURES, self._disclosure_chunks()
        yield VERIFIER, (verifier_archive(),)
        yield README, (_readme(self._checkpoint, self._low, self._high, self._vkey).encode(),)

    def _entry_chunks(self) -> Chunks:
        for lines in _batches(self._leaves):
            self._frontier = self._frontier.extend(leaf_hashes(lines))
            self._committed += sum(map(_count_commitments, lines))
            yield b"\n".join(lines) + b"\n"

    def _disclosure_chunks(self) -> Chunks:
        for lines in _batches(map(_disclosure_line, self._disclosures)):
            self._disclosed += len(lines)
            yield b"\n".join(lines) + b"\n"

    def _check_root(self) -> None:
        size, root = self._checkpoint.size, self._checkpoint.root
        if self._frontier.size != self._high:
            raise LedgerBroken(f"the entries end at {self._frontier.size}, not at {self._high}")
        if range_root(self._frontier, self._proof.right, size) != root:
            raise LedgerBroken(
                f"entries [{self._low}, {self._high}) do not hash to the root of the checkpoint of {size}"
            )


def _count_commitments(leaf: bytes) -> int:
    try:
        found = _commitments.decode(leaf).commitments
    except msgspec.DecodeError as error:
        raise LedgerBroken(f"stored bytes are no entry: {error}") from error
    return sum(each is not None for each in found.values())


class _Counted:
    """Chunks that are hashed and counted as they pass."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self.digest = sha256()
        self.size = 0

    def __iter__(self) -> Chunks:
        for chunk in self._chunks:
            self.digest.update(chunk)
            self.size += len(chunk)
            yield chunk


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    held = 0
    for line in lines:
        batch.append(line)
        held += len(line)
        if held >= _CHUNK_BYTES:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _disclosure_line(disclosed: Disclosed) -> bytes:
    """The value travels as text inside the line: the exact bytes that were committed to, never written anew."""
    return profile_bytes(
        {
            "seq": disclosed.seq,
            "name": disclosed.name,
            "salt": b64encode(disclosed.salt).decode(),
            "value": disclosed.value.decode(),
        }
    )


def _proof_bytes(proof: RangeProof) -> bytes:
    return profile_bytes([[b64encode(each).decode() for each in side] for side in (proof.left, proof.right)]) + b"\n"


def verifier_archive() -> bytes:
    """`verify.pyz`: the verifier's own modules as one executable file; the same bytes for the same version."""
    written = BytesIO()
    written.write(b"#!/usr/bin/env python3\n")
    with zipfile.ZipFile(written, "w") as archive:
        for module in VERIFIER_MODULES:
            source = pkgutil.get_data("flagtrail", f"{module}.py")
            if source is None:  # pragma: no cover - only where a loader hides the sources
                raise LedgerBroken(f"the source of {module} is not at hand")
            _add(archive, f"flagtrail/{module}.py", source)
        _add(archive, "__main__.py", b"import sys\n\nfrom flagtrail.ledger.verify import main\n\nsys.exit(main())\n")
    return written.getvalue()


def _add(archive: zipfile.ZipFile, name: str, source: bytes) -> None:
    info = zipfile.ZipInfo(name)  # its default time is fixed: 1980-01-01
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, source)


def _readme(checkpoint: Checkpoint, low: int, high: int, vkey: str) -> str:
    root = b64encode(checkpoint.root).decode()
    return f"""Export of the Flagtrail ledger {checkpoint.origin}
entries {low} to {high} (exclusive) of {checkpoint.size}

To verify, with Python 3.11 or later and nothing else:

  python3 -I -S verify.pyz DIRECTORY --key 'VERIFIER KEY' --deep

Take the verifier key from the operator by another way than this export. The export claims

  {vkey}

and a forger would claim his own. For the same reason prefer your own copy of the verifier.

Add --held FILE for every checkpoint, receipt or single entry of this ledger that you kept
from before. Without any, the verifier reaches assurance level A0 only: it excludes everybody
but a holder of the signing key. With one (A1) not even he can have altered what came before it.

Keep this checkpoint for next time:

  {checkpoint.size} {root}

MANIFEST           signed: range, counts, and the SHA-256 of every other file
checkpoint         signed: what the ledger committed to (C2SP tlog-checkpoint)
entries.jsonl      the entries, one canonical JSON text (RFC 8785) each; values are salted commitments
disclosures.jsonl  the committed values with their salts; erased ones are absent and counted
range-proof.json   the hashes that place the range in the ledger's Merkle tree (RFC 6962)
verify.pyz         the verifier; exit code 0 verified, 1 tampered with, 2 cannot be decided
"""
