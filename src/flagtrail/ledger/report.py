"""What the offline verifier found, and what it did not prove. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

EXIT_CODES = {"verified": 0, "tampered": 1, "undecided": 2}


@dataclass(frozen=True, slots=True)
class Report:
    """What the verifier found. Where `status` is not `verified`, `problem` says why and the other fields say nothing.

    `level` A0: the log's key alone vouches; A1: `held` things that the auditor
    kept agree as well. `low` and `high` bound the entries (high exclusive) of a
    ledger of `size` with this `root` (base64). `oldest` and `newest` are the
    times of the first and the last entry, `pinned` how many entries from the
    start the kept things pin. `limits` is what was not proved.
    """

    status: Literal["verified", "tampered", "undecided"]
    problem: str = ""
    level: Literal["A0", "A1"] = "A0"
    origin: str = ""
    low: int = 0
    high: int = 0
    size: int = 0
    root: str = ""
    disclosures: int = 0
    erased: int = 0
    oldest: str = ""
    newest: str = ""
    held: int = 0
    pinned: int = 0
    deep: bool = False
    limits: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 verified, 1 tampered with, 2 cannot be decided."""
        return EXIT_CODES[self.status]

    def text(self) -> str:
        """The report for people."""
        if self.status != "verified":
            word = "TAMPERED WITH" if self.status == "tampered" else "CANNOT BE DECIDED"
            return f"{word}: {self.problem}\n"
        lines = [
            f"VERIFIED at assurance level {self.level}: {self.origin}",
            f"  entries      {self.low} to {self.high} (exclusive) of {self.size}, {self.oldest} to {self.newest}",
            f"  head         size {self.size}, root {self.root}",
            f"  disclosures  {self.disclosures} values, {self.erased} erased",
            f"  compared     with {self.held} kept; {'every entry read' if self.deep else 'every entry hashed'}",
            "Not proved:",
            *(f"  - {limit}" for limit in self.limits),
        ]
        return "\n".join(lines) + "\n"


def with_limits(report: Report) -> Report:
    """A report of a verified export, with what it leaves unproved."""
    return replace(report, limits=tuple(_limits(report)))


def _limits(report: Report) -> Iterator[str]:
    yield "that an entry is true: only that the ledger has held it unaltered since it was signed"
    if report.level == "A0":
        yield (
            "that nobody with the signing key rewrote all of it: nothing you kept was compared (--held);"
            " keep this checkpoint for next time"
        )
    elif report.pinned < report.size:
        yield f"that nobody with the signing key rewrote entries from {report.pinned} on: what you kept ends there"
    yield f"that nothing came after entry {report.size}: an older export verifies as well"
    if not report.deep:
        yield "that the entries are well-formed and the disclosed values are those committed to (--deep)"
    if (report.low, report.high) != (0, report.size):
        yield "anything about entries outside of the range, but that they exist"
    if report.erased:
        yield f"what the {report.erased} erased values were"
