"""A compliance report as one printable HTML page that needs nothing else."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.analysis.timeline import person
from flagtrail.changes.diff import text

KIND = "html"
MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = "html"

EXCEPTIONS = {"no_reason": "without a reason"}


def render(report: ComplianceReport) -> bytes:
    """The page: what happened in plain words first, then every change, then the proof."""
    lacking = {told: sum(lack in each.exceptions for each in report.exceptions) for lack, told in EXCEPTIONS.items()}
    page = _TEMPLATES.get_template("compliance.html")
    return page.render(report=report, exceptions=EXCEPTIONS, lacking=lacking).encode()


def when(stamp: str) -> str:
    """A stamp for people, with the time's name."""
    return f"{moment(stamp)} UTC"


def moment(stamp: str) -> str:
    """A stamp for people, in UTC; fractions of a second only where there are any."""
    day, _, time = stamp.removesuffix("Z").partition("T")
    return f"{day} {time.removesuffix('.000000')}"


def counted(number: int, thing: str) -> str:
    """A number with its noun: "1 change", "2 changes", "no changes"."""
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


_TEMPLATES = Environment(
    loader=PackageLoader("flagtrail.reports"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_TEMPLATES.filters.update(when=when, moment=moment, counted=counted, value=text, person=person)
