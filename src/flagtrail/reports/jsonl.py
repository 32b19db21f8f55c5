"""A compliance report as JSON Lines: everything in it, for machines, and what `flagtrail verify` checks.

One line of the type `report`; then `change` and `elsewhere` in order of seq; then `sample`; then `end`, by whose
absence a file that broke off is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import msgspec

from flagtrail.analysis.compliance import ComplianceReport

KIND = "jsonl"
MEDIA_TYPE = "application/jsonl"
SUFFIX = "jsonl"

_PIECE = 1 << 16


def render(report: ComplianceReport) -> Iterator[bytes]:
    """The lines, in pieces of some size."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    held = bytearray(encode(report.summary) + b"\n")
    lines = 1
    for line in chain(report.rows(), report.samples()):
        held += encode(line) + b"\n"
        lines += 1
        if len(held) >= _PIECE:
            yield bytes(held)
            held.clear()
    yield bytes(held) + encode({"type": "end", "lines": lines + 1}) + b"\n"
