"""The door to report files: a compliance report becomes bytes, piece by piece.

A new file in this folder is a new format. It holds `KIND`, `MEDIA_TYPE`, `SUFFIX` and
`render(report) -> Iterator[bytes]`, which depends on nothing but the report: the same report gives
the same bytes, and nothing is held that grows with its rows. What it cannot do is refused before
the first piece. A name that starts with an underscore is no format but a part of some.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Protocol, cast

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.model.errors import InvalidQuery


class ReportFormat(Protocol):
    """What a file in this folder offers. `SUFFIX` names files, without a dot."""

    KIND: str
    MEDIA_TYPE: str
    SUFFIX: str

    def render(self, report: ComplianceReport) -> Iterator[bytes]:
        """The report as a file of this format."""


def kinds() -> dict[str, ReportFormat]:
    """Every format by its name, sorted."""
    names = (info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    found = {module.KIND: cast("ReportFormat", module) for module in modules}
    return dict(sorted(found.items()))


def load(kind: str) -> ReportFormat:
    """The format with this name; raises InvalidQuery where there is none."""
    known = kinds()
    if kind not in known:
        raise InvalidQuery(f"there is no report in the format {kind!r}; known are {', '.join(known)}", value=kind)
    return known[kind]
