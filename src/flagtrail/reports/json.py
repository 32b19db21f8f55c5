"""A compliance report as JSON: everything in it, for machines."""

from __future__ import annotations

import msgspec

from flagtrail.analysis.compliance import ComplianceReport

KIND = "json"
MEDIA_TYPE = "application/json"
SUFFIX = "json"


def render(report: ComplianceReport) -> bytes:
    """The report, indented, with a line end after it."""
    return msgspec.json.format(msgspec.json.encode(report, order="deterministic"), indent=2) + b"\n"
