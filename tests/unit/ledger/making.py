"""Small ledgers for tests: deterministic keys, salts and entries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flagtrail.ledger import merkle
from flagtrail.ledger.checkpoint import note_text, sign_note, verifier_key
from flagtrail.ledger.export import Export
from flagtrail.ledger.seal import Sealed, seal
from flagtrail.model.actor import Actor, Author
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.subject import flag_subject, targeting_subject

ORIGIN = "flags.example.com/audit/test"


def private_key(seed: str = "log") -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())


KEY = private_key()
PUBLIC = KEY.public_key().public_bytes_raw()
VKEY = verifier_key(ORIGIN, PUBLIC)


def salts(seed: str = "salt") -> Callable[[], bytes]:
    """A source of salts that gives the same ones in each run."""
    state = [seed.encode()]

    def following() -> bytes:
        state[0] = hashlib.sha256(state[0]).digest()
        return state[0][:16]

    return following


@dataclass(frozen=True)
class Kept:
    """A disclosure as storage keeps it."""

    seq: int
    name: str
    salt: bytes
    value: bytes


def entry(seq: int, /, **changed: Any) -> Entry:  # noqa: ANN401 - forwarded to Entry
    """Entry `seq` of a story with three documents: each is created, then changed over and over; pairs make groups."""
    number, turn = seq % 3, seq // 3
    known: dict[str, Any] = {
        "seq": seq,
        "id": f"01-{seq:04}",
        "time": f"2026-11-22T07:{seq // 60 % 60:02}:{seq % 60:02}.{seq:06}Z",
        "actor": Actor(kind="person", id=f"act_{number}", name="Zoë Ångström", email="zoe@example.com", auth="session"),
        "subject": flag_subject("default", "new") if number == 0 else targeting_subject("default", "new", f"e{number}"),
        "version": turn + 1,
        "previous": seq - 3 if turn else -1,
        "actions": ("details_changed",) if turn else ("created",),
        "paths": ("/owner",),
        "before": {"owner": f"team {turn - 1}"} if turn else None,
        "after": {"owner": f"team {turn}", "share": 0.5},
        "why": "BILL-42 go live" if number else "",
        "ticket": "BILL-42",
        "group": Group(f"g-{seq // 2}", seq % 2, 2),
        "source": Source("web", f"r_{seq}", "1.4.0"),
    }
    return Entry(**{**known, **changed})


IMPORTED = Actor(kind="import", id="act_import", via="import", for_=Author("Ann", "ann@example.com"))


@dataclass
class Ledger:
    """A ledger in memory, as the storage and the signer together make it."""

    sealed: list[Sealed]
    key: Ed25519PrivateKey = KEY
    origin: str = ORIGIN

    @property
    def hashes(self) -> list[bytes]:
        return [each.leaf_hash for each in self.sealed]

    def checkpoint(self, size: int | None = None) -> str:
        hashes = self.hashes[: len(self.sealed) if size is None else size]
        return self.sign(note_text(self.origin, len(hashes), merkle.root_of(hashes)))

    def sign(self, text: str) -> str:
        return sign_note(text, self.origin, self.key.public_key().public_bytes_raw(), self.key.sign)

    def disclosures(self, low: int, high: int, erased: Iterable[tuple[int, str]] = ()) -> list[Kept]:
        return [
            Kept(seq, each.name, each.salt, each.value)
            for seq in range(low, high)
            for each in sorted(self.sealed[seq].committed, key=lambda committed: committed.name)
            if (seq, each.name) not in set(erased)
        ]

    def export(
        self, low: int = 0, high: int | None = None, size: int | None = None, erased: Iterable[tuple[int, str]] = ()
    ) -> dict[str, bytes]:
        """The files of an export of [low, high) under the checkpoint of `size`."""
        size = len(self.sealed) if size is None else size
        high = size if high is None else high
        files = Export(
            [each.leaf for each in self.sealed[low:high]],
            self.disclosures(low, high, erased),
            checkpoint=self.checkpoint(size),
            low=low,
            high=high,
            proof=merkle.range_proof(self.hashes[:size], low, high),
            public_key=self.key.public_key().public_bytes_raw(),
            sign=self.key.sign,
        )
        return {name: b"".join(chunks) for name, chunks in files}


def ledger(entries: Iterable[Entry], *, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> Ledger:
    """Seal entries one after the other."""
    sealed: list[Sealed] = []
    frontier, salt = merkle.EMPTY_FRONTIER, salts()
    for each in entries:
        sealed.append(seal(each, log=origin, prev_root=frontier.root(), salt=salt))
        frontier = frontier.append(sealed[-1].leaf_hash)
    return Ledger(sealed, key, origin)


def story(count: int) -> Ledger:
    """A well-formed ledger of `count` entries."""
    return ledger(entry(seq) for seq in range(count))


def write(files: dict[str, bytes], folder: Path) -> Path:
    """Lay the files of an export down."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def signed(files: dict[str, bytes], signer: Ledger, alter: Callable[[str], str] = str) -> dict[str, bytes]:
    """The files with a manifest that fits them, as only a holder of the key can make it."""
    text = alter(files["MANIFEST"].decode().partition("\n\n")[0] + "\n")
    head = [line for line in text.split("\n")[:-1] if not line.startswith("file ")]
    listed = [
        f"file {hashlib.sha256(content).hexdigest()} {len(content)} {name}"
        for name, content in sorted(files.items())
        if name != "MANIFEST"
    ]
    return {**files, "MANIFEST": signer.sign("\n".join([*head, *listed]) + "\n").encode()}
