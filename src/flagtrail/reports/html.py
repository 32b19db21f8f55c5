"""A compliance report as one printable HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.reports._page import pieces

KIND = "html"
MEDIA_TYPE = "text/html"
SUFFIX = "html"

ROWS = 10_000
"""Beyond that browsers are slow and nobody reads; the page says so, and JSON Lines and CSV hold all."""
_PIECE = 1 << 16


def render(report: ComplianceReport) -> Iterator[bytes]:
    """The page: what the period shows in plain words first, then every change, then the proof."""
    held: list[str] = []
    size = 0
    for piece in pieces(report, ROWS):
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield "".join(held).encode()
            held, size = [], 0
    yield "".join(held).encode()
