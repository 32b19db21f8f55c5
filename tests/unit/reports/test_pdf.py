"""A report as PDF: read back as text, and what is said where it cannot be printed."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.support.evidence import PRINTS, Calendar, P, company, january, rendered

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.app.evidence import Asked
from flagtrail.model.errors import ExtraMissing, InternalError
from flagtrail.reports import _print, load


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComplianceReport]:
    clock = Calendar()
    app = company(tmp_path_factory.mktemp("pdf"), clock=clock)
    january(app, clock)
    yield app.evidence.report(Asked(kind="soc2", project=P, since="2026-01-08", until="2026-01-25"))
    app.close()


def stands_in(folder: Path, monkeypatch: pytest.MonkeyPatch, raises: str) -> None:
    """Something else in WeasyPrint's place, for the process that prints."""
    (folder / "weasyprint.py").write_text(f"raise {raises}\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))


prints = pytest.mark.skipif(not PRINTS, reason="Pango is not installed: make pango")


@prints
def test_pdf__read_back__tells_on_page_one_what_the_period_shows(report: ComplianceReport) -> None:
    file = PdfReader(io.BytesIO(rendered(report, "pdf")))
    pages = [" ".join(page.extract_text().split()) for page in file.pages]
    assert file.metadata is not None
    assert (file.metadata.title or "").startswith("Evidence for SOC 2: default, 2026-01-08")
    for told in ("Evidence for SOC 2", "CC8.1", "Shown in part", "Without an approval: 3 changes"):
        assert told in pages[0]
    assert f"1 of {len(pages)}" in pages[0]
    assert "teams, too" in " ".join(pages)
    assert report.summary.proof.end.root in pages[-1].replace(" ", "")


@pytest.mark.parametrize(
    ("raises", "told"),
    [
        pytest.param(
            "ModuleNotFoundError('no', name='weasyprint')",
            "a PDF needs weasyprint, which comes with the extra [pdf]: pip install 'flagtrail[pdf]'",
            id="not installed",
        ),
        pytest.param(
            "OSError('cannot load library libpango-1.0-0')",
            "a PDF needs Pango, a library of the system (cannot load library libpango-1.0-0)",
            id="without Pango",
        ),
    ],
)
def test_pdf__that_cannot_be_printed__names_what_is_missing_before_the_first_byte(
    report: ComplianceReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raises: str, told: str
) -> None:
    stands_in(tmp_path, monkeypatch, raises)
    with pytest.raises(ExtraMissing) as refused:
        next(load("pdf").render(report))
    assert refused.value.detail.startswith(told)


def test_pdf__whose_printing_breaks__is_a_mistake_of_ours(
    report: ComplianceReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_in(tmp_path, monkeypatch, "RuntimeError('torn')")
    with pytest.raises(InternalError, match="torn"):
        next(load("pdf").render(report))


@prints
def test_printing__a_page_that_loads_something__loads_nothing() -> None:
    page = b"<p>one<img src='http://127.0.0.1:1/x.png'><img src='file:///etc/hostname'></p>"
    done = subprocess.run([sys.executable, "-m", _print.__name__, "id"], input=page, capture_output=True, check=True)
    (only,) = PdfReader(io.BytesIO(done.stdout)).pages
    assert (only.extract_text().strip(), len(only.images)) == ("one", 0)
