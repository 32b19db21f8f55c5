"""A compliance report as CSV (RFC 4180): one row per change, for spreadsheets."""

from __future__ import annotations

import csv
import io

from flagtrail.analysis.compliance import Authorisation, ComplianceReport

KIND = "csv"
MEDIA_TYPE = "text/csv; charset=utf-8"
SUFFIX = "csv"

COLUMNS = (
    "seq",
    "time",
    "learned",
    "environment",
    "via",
    "who",
    "actor",
    "approval",
    "actions",
    "changes",
    "why",
    "ticket",
    "production",
    "exceptions",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula (OWASP, CSV injection)."""


def render(report: ComplianceReport) -> bytes:
    """A header and the changes, oldest first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows([_neutral(cell) for cell in _cells(each)] for each in report.authorisations)
    return text.getvalue().encode()


def _cells(each: Authorisation) -> tuple[str, ...]:
    row = each.row
    return (
        str(row.seq),
        row.time,
        row.learned,
        row.environment or "",
        row.via or "",
        each.who,
        row.actor.id,
        row.approval or "",
        " ".join(row.actions),
        "; ".join(row.words),
        row.why,
        row.ticket,
        "yes" if each.production else "no",
        " ".join(each.exceptions),
    )


def _neutral(cell: str) -> str:
    """The cell as text: an apostrophe keeps spreadsheets from calculating it."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
