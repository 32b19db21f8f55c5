"""Compliance reports as files, one suite over every kind."""

from __future__ import annotations

import csv
import html
import io
import json
import re

import pytest
from tests.unit.analysis.histories import ENTERPRISE, ENV, OFF, ON, History, P, at, rule, targeting

from flagtrail.analysis.compliance import ComplianceReport, LedgerFacts, Scope, compliance
from flagtrail.model.actor import Actor
from flagtrail.model.environment import Environment
from flagtrail.model.errors import InvalidQuery
from flagtrail.model.subject import targeting_subject
from flagtrail.reports import kinds, load

LEDGER = LedgerFacts(7, "ab" * 32, "flagtrail.example\n7\nq83v\n")
MALLORY = Actor(kind="person", id="act_9", name="<script>alert(1)</script>")


def report(
    flag: str | None = "f", since: str = at(5), *, production: bool = True, who: Actor = MALLORY
) -> ComplianceReport:
    history = History()
    history.flag("f", at(1))
    history.target("f", targeting(OFF), at(2))
    history.put(
        targeting_subject(P, "f", ENV),
        targeting(OFF, rule(ENTERPRISE)),
        at(9),
        occurred_at=at(8),
        why="=1+1",
        actor=who,
    )
    history.segment("beta", ENTERPRISE, at(9))
    history.target("f", targeting(OFF, rule(ENTERPRISE, OFF)), at(10), why="pilot ended", approval="req-1")
    history.target("f", targeting(ON, rule(ENTERPRISE, OFF)), at(11), why="launch", approval="req-2")
    scope = Scope(project=P, flag=flag, where={"plan": "enterprise"} if flag else {}, since=since, until=at(20))
    return compliance(history.entries, scope, [Environment(ENV, production=production)], LEDGER)


def page(flag: str | None = "f", since: str = at(5), *, production: bool = True) -> str:
    return load("html").render(report(flag, since, production=production)).decode()


def plain(text: str) -> str:
    """A page's text without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def rows(found: ComplianceReport) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(load("csv").render(found).decode(), newline="")))


def test_kinds__every_file_of_the_folder__found_by_name() -> None:
    assert {name: (kind.MEDIA_TYPE, kind.SUFFIX) for name, kind in kinds().items()} == {
        "csv": ("text/csv; charset=utf-8", "csv"),
        "html": ("text/html; charset=utf-8", "html"),
        "json": ("application/json", "json"),
    }


def test_load__unknown_kind__refused_with_those_known() -> None:
    with pytest.raises(InvalidQuery, match="known are csv, html, json"):
        load("docx")


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_render__same_report_twice__same_bytes(kind: str) -> None:
    assert load(kind).render(report()) == load(kind).render(report())


@pytest.mark.parametrize("kind", sorted(kinds()))
@pytest.mark.parametrize("flag", ["f", None], ids=["a flag", "the project"])
def test_render__nothing_changed__still_a_report(kind: str, flag: str | None) -> None:
    assert load(kind).render(report(flag, at(15)))


def test_json__report__holds_all_of_it() -> None:
    found = json.loads(load("json").render(report()))
    assert [each["row"]["seq"] for each in found["authorisations"]] == [2, 4, 5]
    assert found["ledger"]["size"] == 7
    assert found["exposures"][0]["intervals"][0]["answer"]["standing"] == "served"


def test_csv__report__a_row_for_each_change() -> None:
    found = rows(report())
    assert [row["seq"] for row in found] == ["2", "4", "5"]
    assert found[0]["learned"] == at(9)
    assert (found[0]["time"], found[0]["environment"], found[0]["exceptions"]) == (at(8), ENV, "")
    assert (found[1]["production"], found[1]["ticket"], found[1]["approval"]) == ("yes", "BILL-42", "req-1")


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_csv__cell_like_a_formula__stays_text(sign: str) -> None:
    row = rows(report(who=Actor(kind="person", id="act_9", name=f"{sign}cmd")))[0]
    assert (row["who"], row["why"]) == (f"'{sign}cmd", "'=1+1")


def test_html__markup_in_a_name__is_escaped() -> None:
    assert "<script" not in page()
    assert "&lt;script&gt;alert(1)" in page()


def test_html__page__needs_nothing_from_elsewhere() -> None:
    assert re.findall(r"(?:src|href|@import|url\()", page()) == []


@pytest.mark.parametrize(
    "told",
    [
        "What happened to the flag f",
        "In every environment, from 2026-01-05 00:00:00 UTC up to 2026-01-20 00:00:00 UTC. For plan = enterprise.",
        "There were 3 changes , made by Alice (2), <script>alert(1)</script> (1).",
        "3 changes reached customers.",
        "Every change that reached customers has a reason.",
        "No settings (a flag in an environment) served something else at the end of the period than before it.",
        "f production off 100 % the same",
        "2026-01-08 00:00:00 2026-01-10 00:00:00 on 100 % <script>alert(1)</script>: =1+1 (entry 2)",
        "2026-01-08 00:00:00 recorded 2026-01-09 00:00:00",
        "pilot ended (BILL-42) req-1",
        "the ledger had 7 entries",
    ],
)
def test_html__page__tells_in_plain_words(told: str) -> None:
    assert told in plain(page())


def test_html__whole_project__shows_only_what_serves_otherwise() -> None:
    text = plain(page(None))
    assert "What happened to all flags of default" in text
    assert "f production off 100 % if plan in [enterprise]: off 100 %; else on 100 %" in text
    assert "everywhere created country" not in text


def test_html__nothing_changed__says_so() -> None:
    text = plain(page(None, at(15)))
    assert "There were no changes ." in text
    assert "Nothing was served otherwise." in text
    assert "Nothing was changed." in text


def test_html__nothing_reached_customers__nothing_lacks() -> None:
    text = plain(page("f", at(5), production=False))
    assert "Every change that reached customers has a reason." in text


def test_html__time_with_a_fraction__keeps_it() -> None:
    text = plain(page("f", "2026-01-05T00:00:00.000001Z"))
    assert "from 2026-01-05 00:00:00.000001 UTC" in text
