"""The door to report files: a typed compliance report becomes bytes.

A new file in this folder is a new kind. It holds `KIND`, `MEDIA_TYPE`,
`SUFFIX` and `render(report) -> bytes`, which depends on nothing but the
report: the same report gives the same bytes.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Protocol, cast

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.model.errors import InvalidQuery


class ReportKind(Protocol):
    """What a file in this folder offers. `SUFFIX` names files, without a dot."""

    KIND: str
    MEDIA_TYPE: str
    SUFFIX: str

    def render(self, report: ComplianceReport) -> bytes:
        """The report as a file of this kind."""


def kinds() -> dict[str, ReportKind]:
    """Every kind by its name, sorted."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    found = {module.KIND: cast("ReportKind", module) for module in modules}
    return dict(sorted(found.items()))


def load(kind: str) -> ReportKind:
    """The kind with this name; raises InvalidQuery where there is none."""
    known = kinds()
    if kind not in known:
        raise InvalidQuery(f"there is no report of the kind {kind!r}; known are {', '.join(known)}", value=kind)
    return known[kind]
