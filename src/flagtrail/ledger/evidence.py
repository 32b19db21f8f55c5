"""What an auditor kept: a checkpoint, a receipt or a single entry, to hold an export against.

Standard library only. Each pins a root of the past; whoever has the signing key can
sign another history, but cannot make it have that root.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flagtrail.ledger.checkpoint import NoteError, hash_from, parse_checkpoint
from flagtrail.ledger.leaf import defect
from flagtrail.ledger.merkle import leaf_hash, verify_inclusion
from flagtrail.ledger.proof import HEADER, parse_receipt


class Inapplicable(Exception):
    """The evidence cannot be compared with this export; says why. It speaks neither for nor against it."""


class Contradicted(Exception):
    """The evidence and the export cannot both be of one ledger; says how."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing kept: the tree of `size` leaves had `root`.

    `reach` is how many entries the ledger had at least. A receipt and an entry
    also pin the leaf at `index`: by `proof`, or by its hash.
    """

    name: str
    size: int
    root: bytes
    reach: int
    index: int | None = None
    leaf_hash: bytes | None = None
    proof: tuple[bytes, ...] = ()

    def hold_against(self, roots: Mapping[int, bytes], hashes: Mapping[int, bytes], size: int) -> int:
        """Compare with an export of a ledger of `size`: its `roots` by size and leaf `hashes` by index.

        Returns how many entries are pinned by it: 0 where only a single one is. Raises
        Contradicted, or Inapplicable where the export shows nothing of what this pins.
        """
        if self.reach > size:
            raise Contradicted(
                f"{self.name} shows a ledger of at least {self.reach} entries, this export is of one of {size}:"
                " its end was cut off, or it was made earlier"
            )
        pinned = 0
        compared = False
        if self.size in roots and self.size > 0:  # every ledger has the same root at size 0
            compared, pinned = True, self.size
            if roots[self.size] != self.root:
                raise Contradicted(
                    f"{self.name} and this export have different histories up to size {self.size}: a fork"
                )
        if self.index is not None and self.index in hashes:
            compared = True
            pinned = pinned + 1 if self.index == pinned else pinned
            if not self._pins(self.index, hashes[self.index]):
                raise Contradicted(f"entry {self.index} of {self.name} is not entry {self.index} of this export")
        if not compared:
            raise Inapplicable(
                f"{self.name} speaks of size {self.size}; the export has no root of that size to compare it with"
            )
        return pinned

    def _pins(self, index: int, found: bytes) -> bool:
        if self.leaf_hash is not None:
            return found == self.leaf_hash
        return verify_inclusion(found, index, self.size, self.proof, self.root)


def read_evidence(name: str, content: bytes, origin: str, verify: Callable[[str], str]) -> Evidence:
    """Evidence from the bytes of a kept file: a checkpoint, a receipt, or an entry's leaf as an export holds it.

    `verify` returns the text of a signed note or raises NoteError. Raises
    Inapplicable for what is no evidence about the log with this origin.
    """
    try:
        text = content.decode()
        if text.startswith("{"):
            return _entry(name, text.removesuffix("\n"), origin)
        if text.startswith(HEADER):
            receipt = parse_receipt(text)
            return _checkpoint(name, receipt.checkpoint, origin, verify, receipt.index, receipt.proof)
        return _checkpoint(name, text, origin, verify)
    except ValueError as error:  # NoteError, UnicodeDecodeError and JSONDecodeError are
        raise Inapplicable(f"{name} is no evidence: {error}") from error


def _checkpoint(
    name: str,
    note: str,
    origin: str,
    verify: Callable[[str], str],
    index: int | None = None,
    proof: Sequence[bytes] = (),
) -> Evidence:
    verify(note)
    checkpoint = parse_checkpoint(note)
    if checkpoint.origin != origin:
        raise NoteError(f"it is of the log {checkpoint.origin!r}")
    return Evidence(name, checkpoint.size, checkpoint.root, checkpoint.size, index, None, tuple(proof))


def _entry(name: str, line: str, origin: str) -> Evidence:
    leaf = json.loads(line)
    wrong = defect(leaf)
    if wrong is not None:
        raise NoteError(f"it is no entry: {wrong}")
    if leaf["log"] != origin:
        raise NoteError(f"it is of the log {leaf['log']!r}")
    seq = leaf["seq"]
    return Evidence(name, seq, hash_from(leaf["prev_root"]), seq + 1, seq, leaf_hash(line.encode()))
