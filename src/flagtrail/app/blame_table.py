"""A blame as a table: one row per band, for spreadsheets."""

from __future__ import annotations

import csv
import io

import msgspec

from flagtrail.analysis.blame import Band, Blame
from flagtrail.analysis.timeline import person
from flagtrail.reports._cells import neutral

COLUMNS = (
    "flag",
    "start",
    "end",
    "variant",
    "value",
    "reason",
    "rule",
    "error",
    "entry",
    "who",
    "why",
    "ticket",
    "approval",
    "changes",
    "trace",
    "also",
)
"""Those from `entry` on tell of the entry that began the band; empty where none did. `end` is empty where it holds."""


def as_csv(blame: Blame) -> bytes:
    """The bands by flag, oldest first (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each in blame.flags:
        writer.writerows(tuple(map(neutral, (each.flag, *_cells(band)))) for band in each.bands)
    return text.getvalue().encode()


def _cells(band: Band) -> tuple[str, ...]:
    return (band.start, band.end or "", *_got(band), *_edge(band))


def _got(band: Band) -> tuple[str, ...]:
    got = band.got
    if got is None:
        return ("", "", "unknown: before the record", "", "")
    value = "" if got.error else msgspec.json.encode(got.value).decode()
    return (got.variant or "", value, got.reason, got.rule or "", got.error or "")


def _edge(band: Band) -> tuple[str, ...]:
    if band.edge is None:
        return ("",) * 8
    cause = band.edge.cause
    return (
        str(cause.seq),
        person(cause.actor),
        cause.why,
        cause.ticket,
        cause.approval or "",
        "; ".join(cause.words),
        " -> ".join(band.edge.trace),
        " ".join(map(str, band.edge.also)),
    )
