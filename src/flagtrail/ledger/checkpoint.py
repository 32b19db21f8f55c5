"""Checkpoints (C2SP tlog-checkpoint): signed notes (C2SP signed-note) that commit a log to its size and root.

Standard library only, and stricter than the C2SP texts where leniency would leave bytes
unprotected: base64 has one form for each value, control characters are refused.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from flagtrail.ledger import ed25519
from flagtrail.ledger.merkle import EMPTY_FRONTIER, HASH_BYTES, Frontier

ED25519 = 0x01
"""The signature type of plain Ed25519 signatures (signed-note, section "Signature types")."""
MAX_SIGNATURES = 16
KEY_ID_BYTES = 4

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}").fullmatch
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]").search
_LINE = re.compile(r"— (\S+) (\S+)").fullmatch


class NoteError(ValueError):
    """A note, checkpoint or key cannot be relied on. The subclasses say which of the reasons it is."""


class NoteMalformed(NoteError):
    """The bytes do not have the form that the specification demands."""


class NoteUnsigned(NoteError):
    """The note bears no signature of the key in question."""


class NoteForged(NoteError):
    """A signature of the key in question does not verify."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name, its 4-byte id, and the signature proper."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note: `text` ends in a newline and is what is signed. Nothing here has been verified."""

    text: str
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits to: its first `size` leaves have this `root`. Nothing here has been verified."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 public key with its name, as it is trusted."""

    name: str
    key_id: bytes
    public_key: bytes


def strict_base64(text: str) -> bytes:
    """Bytes from their one standard base64 text.

    Python's decoder takes texts whose last bits are altered; they would be a
    second text for the same bytes. Raises NoteMalformed for any but the one form.
    """
    try:
        value = b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, Base64Error) as error:
        raise NoteMalformed(f"{text[:60]!r} is not base64") from error
    if b64encode(value).decode() != text:
        raise NoteMalformed(f"{text[:60]!r} is not the base64 text of any bytes")
    return value


def size_from(text: str) -> int:
    """A size or index from its decimal text: no sign, no leading zero, at most 19 digits; NoteMalformed otherwise."""
    if _SIZE(text) is None:
        raise NoteMalformed(f"{text[:60]!r} is not a size")
    return int(text)


def hash_from(text: str) -> bytes:
    """A SHA-256 hash from its base64 text; NoteMalformed where it is not one."""
    value = strict_base64(text)
    if len(value) != HASH_BYTES:
        raise NoteMalformed(f"a hash has {HASH_BYTES} bytes, {text!r} has {len(value)}")
    return value


def note_text(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint: three lines, and no extension lines (they are not recommended, and hold no time)."""
    if not _is_key_name(origin):
        raise NoteMalformed(f"{origin!r} cannot name a log: no spaces, no plus, not empty")
    if size < 0 or len(root) != HASH_BYTES:
        raise NoteMalformed("a checkpoint has a size of 0 or more and a root of 32 bytes")
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"


def _is_key_name(name: str) -> bool:
    """Signed-note: not empty, no Unicode spaces, no plus; and no control characters, as in all of a note."""
    return bool(name) and "+" not in name and not any(char.isspace() for char in name) and _CONTROL(name) is None


def key_id(name: str, public_key: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
    return sha256(name.encode() + b"\n" + bytes([ED25519]) + public_key).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, public_key: bytes) -> str:
    """The key as one line of text (vkey): what is handed to an auditor. Raises NoteMalformed for no Ed25519 key."""
    if not _is_key_name(name) or len(public_key) != ed25519.KEY_BYTES:
        raise NoteMalformed(f"no verifier key can be made for {name!r} and {len(public_key)} bytes")
    return f"{name}+{key_id(name, public_key).hex()}+{b64encode(bytes([ED25519]) + public_key).decode()}"


def parse_vkey(text: str) -> VerifierKey:
    """The key of a vkey text; NoteMalformed where it is none, is of another type, or its id is not its own."""
    parts = text.split("+", 2)
    if len(parts) != 3:  # noqa: PLR2004 - name, id and key
        raise NoteMalformed(f"{text[:80]!r} is not a verifier key: it has the form name+id+key")
    name, _, encoded = parts
    value = strict_base64(encoded)
    if value[:1] != bytes([ED25519]):
        raise NoteMalformed(f"the key of {name!r} is not of type Ed25519 (0x01)")
    if verifier_key(name, value[1:]) != text:
        raise NoteMalformed(f"the id in the verifier key of {name!r} is not the id of that key")
    return VerifierKey(name, key_id(name, value[1:]), value[1:])


def sign_note(text: str, name: str, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """The text with one signature line. `sign` makes the 64-byte Ed25519 signature of the bytes it is given.

    Raises NoteMalformed for a text that no note can hold.
    """
    verifier_key(name, public_key)
    if not text.endswith("\n") or _CONTROL(text) is not None:
        raise NoteMalformed("the text of a note ends in a newline and has no control characters")
    line = b64encode(key_id(name, public_key) + sign(text.encode())).decode()
    return f"{text}\n— {name} {line}\n"


def parse_note(note: str) -> Note:
    """Take a note apart without verifying it; NoteMalformed where it does not have the form of one."""
    if _CONTROL(note) is not None:
        raise NoteMalformed("a note has no control characters")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not text or not lines.endswith("\n"):
        raise NoteMalformed("a note is a text, an empty line, and signature lines")
    signatures = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise NoteMalformed(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(text + "\n", signatures)


def _signature(line: str) -> Signature:
    parts = _LINE(line)
    if parts is None or not _is_key_name(parts[1]):
        raise NoteMalformed(f"{line[:80]!r} is not a signature line")
    value = strict_base64(parts[2])
    if len(value) <= KEY_ID_BYTES:
        raise NoteMalformed(f"{line[:80]!r} holds no signature")
    return Signature(parts[1], value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])


def parse_checkpoint(note: str) -> Checkpoint:
    """Read a checkpoint without verifying its signatures; NoteMalformed where it is none.

    Extension lines are refused: our logs write none, and witnesses need not sign them.
    """
    parsed = parse_note(note)
    lines = parsed.text[:-1].split("\n")
    if len(lines) != 3 or not lines[0]:  # noqa: PLR2004 - origin, size and root
        raise NoteMalformed("a checkpoint has three lines: origin, size and root")
    return Checkpoint(lines[0], size_from(lines[1]), hash_from(lines[2]), parsed.signatures)


def verify_note(note: str, vkey: str | VerifierKey) -> str:
    """The text of a note, once the key's signature of it has been verified. Lines of other keys are ignored.

    Raises NoteMalformed, NoteUnsigned where the key has not signed, NoteForged where its signature is wrong.
    """
    key = parse_vkey(vkey) if isinstance(vkey, str) else vkey
    parsed = parse_note(note)
    own = [line for line in parsed.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
    if not own:
        raise NoteUnsigned(f"there is no signature of {key.name} with key {key.key_id.hex()}")
    for line in own:
        if not ed25519.verify(key.public_key, parsed.text.encode(), line.signature):
            raise NoteForged(f"the signature of {key.name} does not verify")
    return parsed.text


@dataclass(frozen=True, slots=True)
class Signer:
    """The core of the signer: it signs extensions of what it signed before, and nothing else.

    `frontier` is its memory. It belongs outside the database whose ledger it
    watches, and is made durable before the note is published: keep the signer
    that `advance` returns, then hand out the note.
    """

    origin: str
    public_key: bytes
    sign: Callable[[bytes], bytes] = field(repr=False)
    frontier: Frontier = EMPTY_FRONTIER

    def advance(self, hashes: Sequence[bytes], *, size: int, root: bytes) -> tuple[Signer, str]:
        """The signer with its new memory, and the checkpoint of the head with this `size` and `root`.

        `hashes` are the leaf hashes from the signer's own size up to `size`; none
        to sign the same head again (a heartbeat). Raises LedgerBroken for whatever is not an
        extension: a shorter ledger, missing or surplus entries, another root.
        """
        known = self.frontier.size
        if size < known:
            raise _broken(f"the ledger has {size} entries, but {known} were signed before: its end was cut off")
        if len(hashes) != size - known:
            raise _broken(f"{len(hashes)} entries from {known} on do not lead to size {size}")
        grown = self.frontier.extend(hashes)
        if grown.root() != root:
            raise _broken(f"the first {known} entries with those after them do not hash to the root of size {size}")
        note = sign_note(note_text(self.origin, size, root), self.origin, self.public_key, self.sign)
        return replace(self, frontier=grown), note


def _broken(detail: str) -> Exception:
    """LedgerBroken, imported late: the offline verifier shares this file and has no third-party package."""
    from flagtrail.model.errors import LedgerBroken

    return LedgerBroken(f"signing refused: {detail}")
