"""What pages say: read as a browser without scripts would get them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

import httpx2
import pytest
from tests.e2e.web_world import World, rollout, served

from flagtrail.model.change import Change
from flagtrail.model.condition import Condition
from flagtrail.model.errors import VersionConflict
from flagtrail.model.targeting import Rule, Serve, Share, Targeting
from flagtrail.server.reference_page import reference_page
from flagtrail.server.web import words
from flagtrail.storage import EntryQuery


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("pages")) as made:
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def _told(html: str) -> str:
    """A page's main part as text, white space made single."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


def _send(client: httpx2.Client, page: str, action: str, **fields: str) -> httpx2.Response:
    """A form as a browser sends it: with the token that stands in the page."""
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(page).text)
    assert found is not None
    return client.post(action, data={"csrf": found.group(1), **fields})


def _segment_edit(world: World) -> int:
    query = EntryQuery(project="default", segment="beta", text="Two more domains", limit=1)
    return world.app.ask.log(query).entries[0].seq


def test_rollout_chart__of_a_flag_with_rules__says_whom_it_shows(client: httpx2.Client) -> None:
    assert "Everybody else: those whom no rule" in _told(client.get("/flags/new_pricing").text)


def test_rollout_chart__where_a_segment_was_edited__is_marked_with_a_link(world: World, client: httpx2.Client) -> None:
    drawn = client.get("/flags/new_pricing").text.partition('class="chart marks"')[2].partition("</svg>")[0]
    assert f'<a href="/changes/{_segment_edit(world)}" aria-label="16 Nov 2026, 09:30, segment beta: ' in drawn


def test_rollout_chart__each_step__is_told_with_who_and_why(client: httpx2.Client) -> None:
    drawn = client.get("/flags/new_pricing").text.partition('class="chart steps"')[2].partition("</svg>")[0]
    assert re.search(r"<title>[^<]*: [^<]*on 25 %[^<]*; [^<]+: BILL-42 step to 25 % \(#\d+\)</title>", drawn)
    assert "the last step: " in drawn.partition(">")[0]


def test_rollout_chart__of_a_flag_without_rules__needs_no_note(client: httpx2.Client) -> None:
    assert "chart-note" not in client.get("/flags/billing_v2").text


def test_entry__of_a_segment__lists_the_flags_it_altered_by_environment(world: World, client: httpx2.Client) -> None:
    page = client.get(f"/changes/{_segment_edit(world)}").text
    listed = page.partition('id="h-altered"')[2].partition("</section>")[0]
    links = re.findall(r'href="(/flags/new_pricing[^"]*)"', listed)
    assert links == [
        "/flags/new_pricing",
        "/flags/new_pricing?environment=production",
        "/flags/new_pricing?environment=staging",
    ]


def test_entry__of_a_flag_that_another_asks_for__lists_the_other(world: World, client: httpx2.Client) -> None:
    operation = rollout("billing_v2", 99)
    owner = world.app.access.member_identity("owner")
    entry = world.app.changes.apply(owner, Change(operations=(operation,), why="nearly all")).entries[0]
    listed = client.get(f"/changes/{entry.seq}").text.partition('id="h-altered"')[2].partition("</section>")[0]
    assert re.findall(r'href="(/flags/[^"]*)"', listed) == [
        "/flags/new_pricing",
        "/flags/new_pricing?environment=production",
    ]


def test_report__of_an_inverted_period__is_refused_in_the_form(client: httpx2.Client) -> None:
    answer = client.get("/reports?since=2026-11-20&until=2026-01-01")
    form = _told(answer.text).partition("Make the report")[0]
    assert (answer.status_code, "That cannot be answered." in form) == (400, True)


def test_report__of_a_period__tells_verdicts_exceptions_and_the_sample(client: httpx2.Client) -> None:
    told = _told(client.get("/reports?kind=soc2&since=2026-09-01&until=2026-11-20").text)
    for part in ("CC8.1", "shown in part", "Flagtrail has no change windows", "drawn by the ledger's root"):
        assert part in told


def test_report__presets__are_the_month_quarter_and_year_that_are_over(client: httpx2.Client) -> None:
    page = client.get("/reports").text
    assert re.findall(r"since=([0-9-]+)&amp;until=([0-9-]+)", page) == [
        ("2026-10-01", "2026-11-01"),
        ("2026-07-01", "2026-10-01"),
        ("2025-01-01", "2026-01-01"),
    ]


def test_report_file__of_a_segment_edit__names_the_segment(client: httpx2.Client) -> None:
    file = client.get("/reports/soc2/html?since=2026-11-15&until=2026-11-17")
    assert '<td data-label="Document">segment beta</td>' in file.text
    style = re.search(r"<style>(.*?)</style>", file.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in file.headers["content-security-policy"]


@pytest.mark.parametrize("format_", ["csv", "jsonl"])
def test_report_file__for_machines__is_one_to_keep(client: httpx2.Client, format_: str) -> None:
    file = client.get(f"/reports/soc2/{format_}?since=2026-11-15&until=2026-11-17")
    assert file.headers["content-disposition"] == f'attachment; filename="soc2-default-2026-11-15-2026-11-17.{format_}"'


@pytest.mark.parametrize("path", ["/reports/soc3/html", "/reports/soc2/docx", "/reports?kind=soc3&since="])
def test_report__of_no_known_kind_or_format__is_refused(client: httpx2.Client, path: str) -> None:
    assert client.get(path).status_code == 400


def test_report_of_access__for_who_oversees_alone(world: World, client: httpx2.Client) -> None:
    assert "Who can change production at its end" in _told(client.get("/reports?kind=access&since=").text)
    with world.browser("m3") as other:
        assert [other.get(path).status_code for path in ("/reports?kind=access&since=", "/reports/access/csv")] == [
            403,
            403,
        ]
        assert "Access" not in re.findall(r"<option[^>]*>([^<]*)", other.get("/reports").text)


def test_password__set__keeps_this_browser_signed_in_and_no_other(world: World) -> None:
    with world.browser("m3") as here, world.browser("m3") as there:
        done = _send(here, "/account", "/account", password="correct horse battery", again="correct horse battery")
        assert "You stay signed in here" in done.text
        assert [each.get("/account").url.path for each in (here, there)] == ["/account", "/login"]


def test_password__refused__is_told_without_paths(world: World) -> None:
    with world.browser("m4") as client:
        answer = _send(client, "/account", "/account", password="short", again="short")
        assert "Your password was not set. Password must have 12 to 1024 characters" in _told(answer.text)


def test_sign_in__refused__speaks_of_no_token(world: World) -> None:
    answer = httpx2.post(f"{world.url}/login", data={"email": "ana@example.com", "password": "wrong"})
    assert (answer.status_code, "Bearer" in answer.text, "one-time login link" in answer.text) == (401, False, True)


def test_dashboard__of_a_project_without_flags__says_what_to_do_next(client: httpx2.Client) -> None:
    assert "flagtrail import git ../our-flags --path flags.json --dry-run --project mobile" in _told(
        client.get("/?project=mobile").text
    )


def test_dashboard__of_a_project_with_flags__has_no_next_steps(client: httpx2.Client) -> None:
    assert "Next steps" not in client.get("/").text


@pytest.mark.parametrize(
    ("member", "offered"), [pytest.param("owner", True, id="owner"), pytest.param("m2", False, id="editor")]
)
def test_dashboard__export_of_the_ledger__is_offered_to_those_who_may(world: World, member: str, offered: bool) -> None:
    with world.browser(member) as client:
        assert ("/api/v1/ledger/export" in client.get("/").text) is offered


def test_environment__made_without_a_place__is_the_last(world: World, client: httpx2.Client) -> None:
    _send(client, "/environments", "/environments", key="last_one", name="Last", position="")
    assert list(world.app.ask.state.environments("default"))[-1] == "last_one"


def test_admin_token__of_one_environment__is_limited_to_it(world: World, client: httpx2.Client) -> None:
    fields = {"key": "narrow", "kind": "admin", "role": "editor", "scope": "environment", "environment": "staging"}
    secret = re.search(r'id="secret">([^<]+)<', _send(client, "/tokens", "/tokens", **fields).text)
    assert secret is not None
    assert world.app.access.by_token(secret.group(1)).scope == ("default", "staging")


def test_admin_token__of_one_environment_that_is_not_named__is_refused(client: httpx2.Client) -> None:
    fields = {"key": "none", "kind": "admin", "role": "editor", "scope": "environment", "environment": ""}
    assert _send(client, "/tokens", "/tokens", **fields).status_code == 422


def test_flags__searched__are_counted_as_shown(client: httpx2.Client) -> None:
    assert re.search(r"Flags 1 of \d+ flags in Default", _told(client.get("/flags?search=new_pricing").text))


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param(Serve(variant="on"), "1 rule, else on", id="on"),
        pytest.param(Serve(variant="off"), "1 rule, else off", id="off"),
        pytest.param(Serve(split=(Share("on", 25_000), Share("off", 75_000))), "1 rule, else 25 %", id="some"),
    ],
)
def test_badge__of_rules__always_tells_what_the_others_get(others: Serve, expected: str) -> None:
    rule = Rule(id="r", when=Condition(segment="beta"), serve=Serve(variant="on"))
    assert words.status(Targeting("off", others, enabled=True, rules=(rule,))).label == expected


def test_conflict__between_whole_documents__names_the_environment_as_people_do(world: World) -> None:
    facts = {"subject": "projects/default/flags/new_pricing/environments/staging", "expected": 6, "actual": 7}
    told = words.conflict(VersionConflict("moved", **facts), world.app.ask.state.environments("default"))
    assert told == "new_pricing in Staging was changed meanwhile (it is version 7, you saw 6)"


def test_reference_page__of_a_text_with_backticks__shows_code() -> None:
    document = {
        "info": {"version": "1", "description": "Send `why` & more."},
        "paths": {},
        "components": {"schemas": {}},
    }
    assert "<p>Send <code>why</code> &amp; more.</p>" in reference_page(document, "n")
