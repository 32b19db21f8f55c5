"""The signer: checkpoints of the ledger, by a key and a memory of its own outside the database."""

from __future__ import annotations

import base64
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from flagtrail.app import trace
from flagtrail.ledger.checkpoint import NoteError, Signer, parse_checkpoint, verifier_key, verify_note
from flagtrail.ledger.merkle import Frontier
from flagtrail.model.errors import LedgerBroken, SettingInvalid
from flagtrail.storage import Cell, Head, Storage, Transaction


class _Memory(msgspec.Struct, frozen=True):
    """What the signer remembers: the frontier of what it signed last, that note, and the key that signed it."""

    origin: str
    size: int = 0
    frontier: tuple[bytes, ...] = ()
    note: str = ""
    vkey: str = ""


class Signed(msgspec.Struct, frozen=True):
    """The size that the newest checkpoint covers, and when that was last found to be all there is (Unix seconds)."""

    size: int
    at: float


class CheckpointSigner:
    """Signs the ledger's head, and refuses whatever is no extension of what it signed before.

    Its memory is a file beside the key (mode 0600), written and synced before a
    checkpoint is published: a database that was rewritten or set back cannot
    make it forget. Several processes with one key take turns (a lock on the
    file) and share the memory. Where the file is lost, the newest checkpoint in
    the database is the least that must be extended. Without a key file (a
    database in memory) all of it lives as long as the process.

    A ledger that another key signed is refused (SettingInvalid), unless
    `new_key` says that this is meant: auditors trust the old key, and a lost
    file must not be replaced in silence.
    """

    def __init__(self, storage: Storage, *, origin: str, key_path: Path | None, new_key: bool = False) -> None:
        self._storage = storage
        self._origin = origin
        signed_by = None if key_path is None or new_key else storage.cell("checkpoint", "vkey")
        if signed_by is not None and key_path is not None and not key_path.exists():
            raise _other_key(signed_by.decode(), f"{key_path.name} is missing")
        self._key = _load_key(key_path)
        if signed_by is not None and signed_by.decode() != self.vkey:
            raise _other_key(signed_by.decode(), "the present key is another")
        self._memory_path = None if key_path is None else key_path.with_suffix(".signed")
        self._signing = threading.Lock()
        self._memory = self._remembered()
        self._confirmed: Signed | None = None
        size = storage.head().size
        if size < self._memory.size:
            told = f"{self._memory.size} entries were signed, but the database has {size}"
            raise LedgerBroken(f"{told}: its end was cut off, or an older backup was restored (docs/how-to/backup.md)")

    @property
    def public_key(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""
        return self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @cached_property
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
            if not self._signed(head):
                with _turn(self._memory_path):
                    self._memory = self._remembered()
                    head = self._storage.head()
                    if not self._signed(head):
                        with trace.span("checkpoint.sign", size=head.size, entries=head.size - self._memory.size):
                            self._extend(head)
            self._confirmed = Signed(head.size, time.time())
            return self._memory.note

    @property
    def confirmed(self) -> Signed | None:
        """What this process last found signed up to the head; None before it looked."""
        return self._confirmed

    def follow(self) -> None:
        """Remember the newest checkpoint that another replica published, where it extends what is remembered.

        So a replica that takes over refuses what the one before it would have refused. Without a key file there is
        nothing to follow. Raises LedgerBroken where it is no extension, SettingInvalid where another key signed it.
        """
        note = self._storage.cell("checkpoint", "newest")
        if self._memory_path is None or note is None:
            return
        with self._signing:
            if note.decode() != self._memory.note:
                with _turn(self._memory_path):
                    self._memory = self._remembered()
                    self._witness(note.decode(), self._memory_path)
            if self._memory.size == self._storage.head().size:
                self._confirmed = Signed(self._memory.size, time.time())

    def _witness(self, note: str, path: Path) -> None:
        published = parse_checkpoint(note)
        if published.size < self._memory.size or note == self._memory.note:
            return
        try:
            verify_note(note, self.vkey)
        except NoteError:
            signed_by = self._storage.cell("checkpoint", "vkey") or b"somebody"
            raise _other_key(signed_by.decode(), "this replica has another key") from None
        known = Frontier(self._memory.size, self._memory.frontier)
        frontier = known.extend(self._storage.leaf_hashes(known.size, published.size))
        if frontier.size != published.size or frontier.root() != published.root:
            raise LedgerBroken(f"the ledger is not what its checkpoint of size {published.size} says")
        memory = _Memory(self._origin, published.size, tuple(frontier.peaks), note, self.vkey)
        _write_private(path, msgspec.json.encode(memory))
        self._memory = memory

    def _signed(self, head: Head) -> bool:
        """Whether the note that is remembered says what the head is, by the present key."""
        memory = self._memory
        known = Frontier(memory.size, memory.frontier)
        return memory.vkey == self.vkey and memory.size == head.size and known.root() == head.root

    def _extend(self, head: Head) -> None:
        known = Frontier(self._memory.size, self._memory.frontier)
        signer = Signer(self._origin, self.public_key, self.sign, known)
        hashes = self._storage.leaf_hashes(known.size, head.size)
        signer, note = signer.advance(hashes, size=head.size, root=head.root)
        memory = _Memory(self._origin, head.size, tuple(signer.frontier.peaks), note, self.vkey)
        if self._memory_path is not None:
            _write_private(self._memory_path, msgspec.json.encode(memory))
        self._storage.write(lambda tx: self._publish(tx, memory))
        self._memory = memory

    def _publish(self, tx: Transaction, memory: _Memory) -> None:
        """Show the newest checkpoint to everybody. One of a larger ledger, which another replica signed, stays."""
        newest, vkey = tx.cell("checkpoint", "newest"), tx.cell("checkpoint", "vkey")
        same_key = vkey == memory.vkey.encode()
        if newest is None or not same_key or parse_checkpoint(newest.decode()).size <= memory.size:
            tx.put_cell("checkpoint", Cell("newest", memory.note.encode()))
        if not same_key:
            tx.put_cell("checkpoint", Cell("vkey", memory.vkey.encode()))

    def _remembered(self) -> _Memory:
        path = self._memory_path
        if path is None:
            return self._memory if hasattr(self, "_memory") else _Memory(self._origin)
        if not path.exists():
            return self._published()
        try:
            memory = msgspec.json.decode(path.read_bytes(), type=_Memory)
        except (msgspec.DecodeError, OSError) as error:
            raise SettingInvalid(f"the signer's memory {path.name} cannot be read") from error
        if memory.origin != self._origin:
            raise LedgerBroken(f"the signer signed for {memory.origin}, this database is {self._origin}")
        return memory

    def _published(self) -> _Memory:
        """What the newest checkpoint in the database pins, where the signer's own memory is gone."""
        note = self._storage.cell("checkpoint", "newest")
        if note is None:
            return _Memory(self._origin)
        published = parse_checkpoint(note.decode())
        frontier = Frontier(0, ()).extend(self._storage.leaf_hashes(0, published.size))
        if frontier.size != published.size or frontier.root() != published.root:
            raise LedgerBroken(f"the ledger is not what its checkpoint of size {published.size} says")
        return _Memory(self._origin, published.size, tuple(frontier.peaks))


@contextmanager
def _turn(memory_path: Path | None) -> Iterator[None]:
    """One process at a time between reading the memory and writing it."""
    if memory_path is None:
        yield
        return
    try:
        with memory_path.with_suffix(".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise SettingInvalid(f"{memory_path.name} cannot be locked: {error.strerror}") from error


def _other_key(signed_by: str, found: str) -> SettingInvalid:
    detail = (
        f"this ledger was signed by {signed_by}, but {found}: restore the key file, "
        "or set FLAGTRAIL_NEW_KEY=true and give auditors the new key"
    )
    return SettingInvalid(detail, setting="FLAGTRAIL_KEY_FILE")


def _load_key(path: Path | None) -> Ed25519PrivateKey:
    """The key in the file, made at first start."""
    if path is None:
        return Ed25519PrivateKey.generate()
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        if _write_private(path, base64.b64encode(raw) + b"\n", over=False):
            return key
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes().strip(), validate=True))
    except (ValueError, OSError) as error:
        raise SettingInvalid(f"the key file {path.name} cannot be read", setting="FLAGTRAIL_KEY_FILE") from error


def _write_private(path: Path, content: bytes, *, over: bool = True) -> bool:
    """Replace the file whole, readable by its owner only, synced before it counts.

    Not `over`: False where another process made it first; that one stays.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if over:
            draft.replace(path)
            return True
        return _placed(draft, path)
    except OSError as error:
        raise SettingInvalid(
            f"{path.name} cannot be written: {error.strerror}", setting="FLAGTRAIL_KEY_FILE"
        ) from error


def _placed(draft: Path, path: Path) -> bool:
    """Give a draft its name, unless another process has given it to its own; whether it was done."""
    try:
        os.link(draft, path)
    except FileExistsError:
        draft.unlink()
        return False
    except OSError:  # a file system without links: whoever is last wins
        draft.replace(path)
        return True
    draft.unlink()
    return True
