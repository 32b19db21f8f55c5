"""The signer: checkpoints of the ledger, by a key and a memory of its own outside the database."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from flagtrail.ledger.checkpoint import Signer, verifier_key
from flagtrail.ledger.merkle import Frontier
from flagtrail.model.errors import LedgerBroken, SettingInvalid
from flagtrail.storage import Cell, Storage


class _Memory(msgspec.Struct, frozen=True):
    """What the signer remembers: the frontier of what it signed last, and that note."""

    origin: str
    size: int
    frontier: tuple[bytes, ...]
    note: str


class CheckpointSigner:
    """Signs the ledger's head, and refuses whatever is no extension of what it signed before.

    Its memory is a file beside the key (mode 0600), written and synced before a
    checkpoint is published: a database that was rewritten or set back cannot
    make it forget. Without a key file (a database in memory) it lives as long
    as the process.
    """

    def __init__(self, storage: Storage, *, origin: str, key_path: Path | None) -> None:
        self._storage = storage
        self._origin = origin
        self._key = _load_key(key_path)
        self._memory_path = None if key_path is None else key_path.with_suffix(".signed")
        self._signing = threading.Lock()
        self._memory = self._remembered()

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def vkey(self) -> str:
        """The verifier key (C2SP signed-note): what an auditor is given."""
        return verifier_key(self._origin, self.public_key)

    def sign(self, message: bytes) -> bytes:
        """The key's signature: for an export's manifest."""
        return self._key.sign(message)

    def checkpoint(self) -> str:
        """The newest checkpoint: signs the present head if it is not signed yet.

        Raises LedgerBroken where the database no longer extends what was signed.
        """
        with self._signing:
            head = self._storage.head()
            known = self._memory.size
            if head.size == known and self._memory.note and head.root == Frontier(known, self._memory.frontier).root():
                return self._memory.note
            signer = Signer(self._origin, self.public_key, self.sign, Frontier(known, self._memory.frontier))
            hashes = self._storage.leaf_hashes(known, head.size)
            signer, note = signer.advance(hashes, size=head.size, root=head.root)
            self._memory = _Memory(self._origin, head.size, tuple(signer.frontier.peaks), note)
            self._persist()
            self._storage.put_cell("checkpoint", Cell(f"{head.size:019d}", note.encode()))
            return note

    def _remembered(self) -> _Memory:
        if self._memory_path is None or not self._memory_path.exists():
            return _Memory(self._origin, 0, (), "")
        try:
            memory = msgspec.json.decode(self._memory_path.read_bytes(), type=_Memory)
        except (msgspec.DecodeError, OSError) as error:
            raise SettingInvalid(f"the signer's memory {self._memory_path.name} cannot be read") from error
        if memory.origin != self._origin:
            raise LedgerBroken(f"the signer signed for {memory.origin}, this database is {self._origin}")
        return memory

    def _persist(self) -> None:
        if self._memory_path is not None:
            _write_private(self._memory_path, msgspec.json.encode(self._memory))


def _load_key(path: Path | None) -> Ed25519PrivateKey:
    """The key in the file, made at first start."""
    if path is None:
        return Ed25519PrivateKey.generate()
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        _write_private(path, base64.b64encode(raw) + b"\n")
        return key
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes().strip(), validate=True))
    except (ValueError, OSError) as error:
        raise SettingInvalid(f"the key file {path.name} cannot be read", setting="FLAGTRAIL_KEY_FILE") from error


def _write_private(path: Path, content: bytes) -> None:
    """Replace the file whole, readable by its owner only, synced before it counts."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise SettingInvalid(
            f"{path.name} cannot be written: {error.strerror}", setting="FLAGTRAIL_KEY_FILE"
        ) from error
