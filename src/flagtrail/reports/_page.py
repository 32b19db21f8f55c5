"""A compliance report as a page that needs nothing else: what the formats for reading are made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined

from flagtrail.analysis.compliance import ComplianceReport, Sample
from flagtrail.analysis.controls import Verdict, counted
from flagtrail.analysis.evidence import Change, Kind, Lack
from flagtrail.analysis.timeline import person
from flagtrail.changes.diff import text
from flagtrail.model.flag import Json

TITLES: Final[dict[Kind, str]] = {
    "soc2": "Evidence for SOC 2",
    "iso27001": "Evidence for ISO/IEC 27001",
    "pci": "Evidence for PCI DSS",
    "flag": "What happened to the flag",
    "access": "Who can change production",
}
VERDICTS: Final[dict[Verdict, str]] = {
    "shown": "Shown",
    "shown_in_part": "Shown in part",
    "not_shown": "Not shown",
    "nothing_to_show": "Nothing to show",
}
LACKS: Final[dict[Lack, str]] = {
    "no_reason": "no reason",
    "no_approval": "no approval",
    "self_approved": "approved by its author",
}
CHECKS: Final = {
    "no_reason": "Without a reason",
    "no_approval": "Without an approval",
    "self_approved": "Approved by its own author",
    "break_glass": "Made in an emergency",
    "outside_window": "Outside of a change window",
}
_BLANK = re.compile(r"\n\s*\n+")


def pieces(report: ComplianceReport, rows: int) -> Iterator[str]:
    """The page in pieces, with at most so many rows; it says where there are more."""
    changes = islice((row for row in report.rows() if isinstance(row, Change)), rows)
    page = _TEMPLATES.get_template("compliance.html").generate(
        summary=report.summary,
        found=report.summary.found,
        scope=report.summary.scope,
        changes=changes,
        samples=map(_documents, report.samples()),
        rows=rows,
        titles=TITLES,
        verdicts=VERDICTS,
        lacks=LACKS,
        checks=CHECKS,
    )
    return (_BLANK.sub("\n", piece) for piece in page)


class _Documents(msgspec.Struct, frozen=True):
    """A sampled entry's documents before and after, to the letter."""

    seq: int
    before: str | None
    after: str | None


def _documents(sample: Sample) -> _Documents:
    values = {each.name: _indented(each.value) for each in sample.values}
    return _Documents(sample.seq, values.get("before"), values.get("after"))


def _indented(value: str) -> str:
    return msgspec.json.format(value, indent=2)


def moment(stamp: str) -> str:
    """A stamp for people, in UTC; fractions of a second only where there are any."""
    day, _, time = stamp.removesuffix("Z").partition("T")
    return f"{day} {time.removesuffix('.000000')}"


def second(stamp: str) -> str:
    """A stamp for people, to the second."""
    return moment(stamp)[:19]


def _value(value: Json) -> str:
    return text(value)


_TEMPLATES = Environment(
    loader=PackageLoader("flagtrail.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(moment=moment, second=second, counted=counted, value=_value, person=person)
