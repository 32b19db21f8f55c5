"""A compliance report as PDF: the page of the format html, printed on A4. Needs the extra [pdf]."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

import msgspec

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.model.errors import ExtraMissing, InternalError
from flagtrail.reports import _print
from flagtrail.reports._page import pieces

KIND = "pdf"
MEDIA_TYPE = "application/pdf"
SUFFIX = "pdf"

ROWS = 500
"""Laying out takes time and memory with every row; the page says where the others are."""
SECONDS = 300
_PIECE = 1 << 16
_turn = threading.Lock()
"""One at a time: each keeps a core busy."""


def render(report: ComplianceReport) -> Iterator[bytes]:
    """The file. Raises ExtraMissing where WeasyPrint, or a library of the system that it needs, is not installed."""
    identifier = hashlib.sha256(msgspec.json.encode(report.summary)).hexdigest()
    with tempfile.TemporaryFile() as page, tempfile.TemporaryFile() as made:
        page.writelines(piece.encode() for piece in pieces(report, ROWS))
        page.seek(0)
        with _turn:
            _printed(page, made, identifier)
        made.seek(0)
        yield from iter(lambda: made.read(_PIECE), b"")


def _printed(page: IO[bytes], made: IO[bytes], identifier: str) -> None:
    """Print in another process, whose order of sets is always the same, so that the same page makes the same file."""
    done = subprocess.run(  # noqa: S603 - our own module, and a hash
        [sys.executable, "-m", _print.__name__, identifier],
        stdin=page,
        stdout=made,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        timeout=SECONDS,
        check=False,
    )
    told = done.stderr.decode(errors="replace").strip()
    match done.returncode:
        case 0:
            return
        case _print.NOT_INSTALLED:
            raise ExtraMissing(
                f"a PDF needs {told}, which comes with the extra [pdf]: pip install 'flagtrail[pdf]'", extra="pdf"
            )
        case _print.NO_LIBRARY:
            raise ExtraMissing(
                f"a PDF needs Pango, a library of the system ({told}); on Debian: "
                "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
                extra="pdf",
            )
        case code:
            raise InternalError(f"printing ended with {code}: {told[-500:]}")
