"""What every format of a report owes: a suite over each file behind the door."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator

import pytest
from tests.support.evidence import PRINTS, Calendar, P, company, january, rendered

from flagtrail.analysis.compliance import ComplianceReport
from flagtrail.app.bootstrap import App
from flagtrail.app.evidence import Asked
from flagtrail.model.errors import InvalidQuery
from flagtrail.reports import _page, kinds, load

PERIOD = {"since": "2026-01-08", "until": "2026-01-25"}
QUIET = {"since": "2026-01-16", "until": "2026-01-18"}
ABOUT = ["access", "flag", "iso27001", "pci", "soc2"]
PRINTED = (pytest.mark.slow, pytest.mark.skipif(not PRINTS, reason="Pango is not installed: make pango"))
EVERY = [(format_, kind) for format_ in sorted(kinds()) for kind in ABOUT if format_ != "pdf"]
EACH = [*EVERY, *(pytest.param("pdf", kind, marks=PRINTED) for kind in ("flag", "soc2"))]
"""Every format with every kind; a PDF takes seconds, since Pango has to start, and is the page of `html`."""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    clock = Calendar()
    made = company(tmp_path_factory.mktemp("formats"), clock=clock)
    january(made, clock)
    yield made
    made.close()


def report(app: App, kind: str = "soc2", **period: str) -> ComplianceReport:
    about = {"flag": "pricing", "where": {"plan": "pro"}} if kind == "flag" else {}
    return app.evidence.report(Asked(kind=kind, project=P, **about, **(period or PERIOD)))  # type: ignore[arg-type]


def plain(page: str) -> str:
    """A page's text without its tags."""
    return " ".join(html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)).split())


def page(app: App, kind: str = "soc2", **period: str) -> str:
    return rendered(report(app, kind, **period), "html").decode()


def rows(app: App) -> list[dict[str, str]]:
    text = rendered(report(app), "csv").decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("format_", sorted(kinds()))
def test_format__names_itself_its_media_type_and_its_suffix(format_: str) -> None:
    made = load(format_)
    assert (made.KIND, made.SUFFIX, "/" in made.MEDIA_TYPE) == (format_, format_, True)


def test_load__unknown_format__refused_with_those_known() -> None:
    with pytest.raises(InvalidQuery, match="known are " + ", ".join(sorted(kinds()))):
        load("docx")


@pytest.mark.parametrize(("format_", "kind"), EACH)
def test_render__same_report_twice__same_bytes(app: App, format_: str, kind: str) -> None:
    assert rendered(report(app, kind), format_) == rendered(report(app, kind), format_)


@pytest.mark.parametrize(("format_", "kind"), EACH)
def test_render__nothing_changed__still_a_report(app: App, format_: str, kind: str) -> None:
    assert rendered(report(app, kind, **QUIET), format_)


def test_jsonl__report__begins_with_its_summary_and_ends_with_its_length(app: App) -> None:
    lines = [json.loads(line) for line in rendered(report(app), "jsonl").splitlines()]
    assert [line["type"] for line in lines] == [
        "report",
        *("change", "change", "elsewhere", "change", "change", "change"),
        *("sample", "sample", "sample"),
        "end",
    ]
    assert (lines[0]["scope"]["kind"], lines[0]["found"]["changes"], lines[-1]["lines"]) == ("soc2", 5, 11)


def test_csv__report__a_row_for_each_change(app: App) -> None:
    found = rows(app)
    assert [row["seq"] for row in found] == ["8", "9", "12", "13", "14"]
    assert {key: found[3][key] for key in ("document", "why", "ticket", "reaches", "exceptions", "surface")} == {
        "document": "projects/default/segments/beta",
        "why": "teams, too",
        "ticket": "BILL-42",
        "reaches": "production",
        "exceptions": "no_approval",
        "surface": "system",
    }
    assert json.loads(found[3]["after"])["when"]["values"] == ["pro", "team"]


def test_csv__cell_like_a_formula__stays_text(app: App) -> None:
    assert (rows(app)[0]["email"], rows(app)[1]["why"]) == ("'=1+1@example.org", "'-1 to try")


def test_html__markup_in_a_name__is_escaped(app: App) -> None:
    assert "<script" not in page(app)
    assert "&lt;script&gt;alert(1)" in page(app)


@pytest.mark.parametrize("kind", ABOUT)
def test_html__page__needs_nothing_from_elsewhere(app: App, kind: str) -> None:
    assert re.findall(r"(?:src|href|@import|url\()", page(app, kind)) == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (
            "soc2",
            "Evidence for SOC 2 Project default. Recorded from 2026-01-08 00:00:00 up to (not including) 2026-01-25",
        ),
        ("soc2", "5 changes 3 reached production"),
        ("soc2", "CC8.1 Changes are authorised, explained and recorded Shown in part 3 changes reached production."),
        ("soc2", "Without an approval: 3 changes to production, which is every one of them (entries 8, 13, 14)."),
        ("soc2", "approvals are no part of this version of Flagtrail"),
        ("soc2", "Outside of a change window: Flagtrail has no change windows"),
        ("soc2", "3 changes drawn from the 3 that reached production (all of them)."),
        ("soc2", "The period holds the entries 8 to 15 (not including), 7 entries in all; 5 of them are told above"),
        ("iso27001", "A.5.3: Nobody both makes and approves a change. Not shown"),
        ("pci", "10.4 The log is looked at Not shown"),
        ("flag", "What happened to the flag pricing Project default, for contexts with plan = pro."),
        ("flag", "2026-01-08 12:00:00 2026-01-25 00:00:00 on 100 % <script>alert(1)</script>: pilot (entry 8)"),
        ("access", "At the end of the period: 3 people and tokens"),
        ("access", "made 2 changes. 2 of them altered who can change production."),
        ("access", "2 changes drawn from the 2 that altered who can change production (all of them)."),
        ("access", "Ana ana@example.org person editor everywhere production 10"),
    ],
)
def test_html__page__tells_in_plain_words(app: App, kind: str, told: str) -> None:
    assert told in plain(page(app, kind))


def test_html__nothing_changed__says_so(app: App) -> None:
    text = plain(page(app, "soc2", **QUIET))
    assert "Nothing was changed in this period." in text
    assert "Exceptions None was found." in text


def test_page__more_changes_than_it_takes__says_where_the_others_are(app: App) -> None:
    text = plain("".join(_page.pieces(report(app), 2)))
    assert "This page shows the first 2 of 5 changes." in text
    assert "teams, too" not in text
