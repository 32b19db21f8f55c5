"""A period as evidence for an auditor: what it shows, every entry of it, and the proof that none is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from flagtrail.analysis.access import Holder
from flagtrail.analysis.controls import Control
from flagtrail.analysis.evidence import Row, Scope
from flagtrail.analysis.exposure import Exposure
from flagtrail.analysis.findings import Findings, Sampling
from flagtrail.analysis.standing import Standing


class Mark(msgspec.Struct, frozen=True):
    """The ledger at one end of the period: its size and root (base64) then, and the checkpoint that was signed over
    them (C2SP; empty for the ledger without entries).
    """

    size: int
    root: str
    note: str


class Completeness(msgspec.Struct, frozen=True):
    """What shows that no entry is missing (see `ledger/period.py`); hashes are base64.

    `left` are the peaks of the tree before the period; the leaf hashes and roots of the rows, added to them in order,
    make the root at its end. `consistency` leads from the one checkpoint to the other.
    """

    begin: Mark
    end: Mark
    left: tuple[str, ...]
    consistency: tuple[str, ...]


class Access(msgspec.Struct, frozen=True):
    """Who could change production just before the period, and at its end."""

    before: tuple[Holder, ...]
    after: tuple[Holder, ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True, tag="report", tag_field="type"):
    """All of a report but its rows. `origin` is the ledger's name; `first` the stamp of its very first entry.

    `standings` are the flags that serve otherwise at the period's end (all that were asked for, of the kind `flag`);
    `exposures` belong to the kind `flag`, `access` to the kind `access`.
    """

    v: int = 1
    origin: str
    scope: Scope
    first: str
    found: Findings
    controls: tuple[Control, ...]
    standings: tuple[Standing, ...]
    exposures: tuple[Exposure, ...]
    access: Access | None
    proof: Completeness

    @property
    def sample(self) -> Sampling:
        """Which changes to look at."""
        return self.found.sampling


class Value(msgspec.Struct, frozen=True):
    """One committed value: its canonical JSON text, and the salt (base64) with which its commitment was made."""

    name: str
    salt: str
    value: str


class Sample(msgspec.Struct, frozen=True, tag="sample", tag_field="type"):
    """A sampled entry, so that it can be checked alone: its leaf to the letter, the values that the leaf commits to,
    and a receipt (C2SP tlog-proof) that leads from the leaf to the checkpoint at the period's end.
    """

    seq: int
    leaf: str
    values: tuple[Value, ...]
    receipt: str


class ComplianceReport(msgspec.Struct, frozen=True):
    """A report: its summary at once; its rows and samples read as they are asked for, each time anew.

    Rows are in order of seq and without a gap from the period's first entry to its last.
    """

    summary: Summary
    rows: Callable[[], Iterator[Row]]
    samples: Callable[[], Iterator[Sample]]
