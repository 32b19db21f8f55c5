"""Receipts (C2SP tlog-proof@v1): one text that shows, offline and for ever, that an entry is in the ledger.

Standard library only. Kept by whoever made a change, a receipt is also evidence
that a later export can be held against.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from flagtrail.ledger.checkpoint import (
    Checkpoint,
    NoteError,
    NoteMalformed,
    VerifierKey,
    hash_from,
    parse_checkpoint,
    size_from,
    strict_base64,
    verify_note,
)
from flagtrail.ledger.merkle import leaf_hash, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES = 63
"""No tree with a 63-bit size has longer inclusion proofs."""


class ReceiptRefuted(NoteError):
    """The receipt's proof does not lead from the leaf to the root of its checkpoint."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The place of a leaf, the proof from its sibling up, and the checkpoint. `extra` is not authenticated."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""


def write_receipt(index: int, proof: Sequence[bytes], checkpoint: str, extra: bytes = b"") -> str:
    """The receipt as text; raises NoteMalformed for a checkpoint that is none, or that does not cover the index."""
    if not 0 <= index < parse_checkpoint(checkpoint).size:
        raise NoteMalformed(f"the checkpoint does not cover entry {index}")
    lines = [HEADER]
    if extra:
        lines.append(f"extra {b64encode(extra).decode()}")
    lines.append(f"index {index}")
    lines.extend(b64encode(each).decode() for each in proof)
    return "\n".join(lines) + "\n\n" + checkpoint


def parse_receipt(text: str) -> Receipt:
    """Read a receipt without verifying anything; NoteMalformed where it does not have the form of one."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != HEADER:
        raise NoteMalformed(f"a receipt starts with {HEADER!r} and ends with a checkpoint")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = strict_base64(lines.pop(0).removeprefix("extra "))
        if not extra:
            raise NoteMalformed("an empty extra line has to be left out")
    if not lines or not lines[0].startswith("index "):
        raise NoteMalformed("a receipt names the index of its entry")
    index = size_from(lines.pop(0).removeprefix("index "))
    if len(lines) > MAX_PROOF_HASHES:
        raise NoteMalformed(f"an inclusion proof has at most {MAX_PROOF_HASHES} hashes")
    return Receipt(index, tuple(hash_from(line) for line in lines), checkpoint, extra)


def verify_receipt(text: str, leaf: bytes, vkey: str | VerifierKey) -> Checkpoint:
    """The checkpoint that the key signed and that includes exactly this leaf at the receipt's index.

    Raises NoteMalformed, NoteUnsigned, NoteForged (the checkpoint), ReceiptRefuted (the proof).
    """
    receipt = parse_receipt(text)
    verify_note(receipt.checkpoint, vkey)
    checkpoint = parse_checkpoint(receipt.checkpoint)
    if not verify_inclusion(leaf_hash(leaf), receipt.index, checkpoint.size, receipt.proof, checkpoint.root):
        raise ReceiptRefuted(f"the proof does not show this entry at {receipt.index} of {checkpoint.size}")
    return checkpoint
