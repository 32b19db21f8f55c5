"""A compliance report as CSV (RFC 4180): one row per change, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.analysis.evidence import Change
from flagtrail.model.flag import Json
from flagtrail.reports._cells import neutral

KIND = "csv"
MEDIA_TYPE = "text/csv"
SUFFIX = "csv"

COLUMNS = (
    "seq",
    "time",
    "occurred_at",
    "document",
    "environment",
    "via",
    "who",
    "actor",
    "email",
    "authenticated",
    "surface",
    "approval",
    "actions",
    "changes",
    "why",
    "ticket",
    "reaches",
    "exceptions",
    "sampled",
    "before",
    "after",
    "erased",
    "leaf_hash",
)
_PIECE = 1 << 16
_encode = msgspec.json.Encoder(order="sorted").encode


def render(report: ComplianceReport) -> Iterator[bytes]:
    """A header and the changes, oldest first."""
    sampled = frozenset(report.summary.sample.seqs)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in report.rows():
        if isinstance(row, Change):
            writer.writerow([neutral(cell) for cell in _cells(row, sampled)])
            if text.tell() >= _PIECE:
                yield text.getvalue().encode()
                text.seek(0)
                text.truncate()
    yield text.getvalue().encode()


def _cells(each: Change, sampled: frozenset[int]) -> tuple[str, ...]:
    return (
        str(each.seq),
        each.time,
        each.occurred_at or "",
        each.subject.path,
        each.subject.environment or "",
        each.via or "",
        each.who,
        each.actor.id,
        each.actor.email,
        each.actor.auth,
        each.source.via,
        each.approval or "",
        " ".join(each.actions),
        "; ".join(each.words),
        each.why,
        each.ticket,
        each.reaches or "",
        " ".join(each.exceptions),
        "yes" if each.seq in sampled else "no",
        _value(each.before),
        _value(each.after),
        " ".join(each.erased),
        each.leaf_hash,
    )


def _value(value: Json) -> str:
    """A document as JSON with sorted keys; empty where there is none."""
    return "" if value is None else _encode(value).decode()
