"""The board of stale flags, through its forms: every action is an entry, every refusal is told, nothing is markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import expect, sync_playwright
from tests.e2e.web_world import PROBE, P, World, put, served

from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.model.access import Member
from flagtrail.model.change import Change
from flagtrail.model.document import encode
from flagtrail.model.nudge import Nudge
from flagtrail.model.stage import FlagStage, Snooze
from flagtrail.model.subject import member_subject
from flagtrail.model.thresholds import Days, Kinds, Thresholds

BOARD = "/stale/board"
FLAG = "sso_enforced"
CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("stale")) as made:
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def column(html: str, stage: str) -> str:
    """What stands in a column."""
    return html.partition(f'aria-labelledby="h-{stage}"')[2].partition("</section>")[0]


def send(client: httpx2.Client, what: str, **fields: str) -> httpx2.Response:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(BOARD).text)
    assert found is not None
    return client.post(f"/flags/{FLAG}/{what}", data={"csrf": found.group(1), **fields})


def test_board__by_stage__shows_reasons_owner_age_what_to_keep_and_the_command(client: httpx2.Client) -> None:
    page = client.get(BOARD).text
    card = text(column(page, "stale").partition(f'id="flag-{FLAG}"')[2].partition("</li> <li")[0])
    assert all(told in card for told in ("identity, release", "days old", "One variant for everybody", "Keep on"))
    assert f"flagtrail cleanup {FLAG} --repo . --variant on" in card
    assert 'id="flag-dark_mode"' in column(page, "potentially_stale")


def test_board__flag_that_others_need__says_so_and_offers_no_confirmation(client: httpx2.Client) -> None:
    card = column(client.get(BOARD).text, "stale").partition('id="flag-billing_v2"')[2].partition('id="flag-')[0]
    assert ("Needed by others" in card, "ready_to_remove" in card) == (True, False)


def test_board__of_one_owner_and_stage__shows_those_alone(client: httpx2.Client) -> None:
    page = client.get(BOARD, params={"owner": "identity", "stage": "stale"}).text
    assert sorted(re.findall(r'id="flag-(\w+)"', page)) == ["smart_retries", FLAG]


def test_way_out__by_forms__each_step_is_an_entry(world: World, client: httpx2.Client) -> None:
    def standing() -> Any:  # noqa: ANN401 - a document
        return world.app.ask.state.stage(P, FLAG)

    ready = send(client, "stage", stage="ready_to_remove", why="agreed")
    assert f'id="flag-{FLAG}"' in column(ready.text, "ready_to_remove")
    assert standing() == FlagStage("ready_to_remove", ("one_variant", "past_expected_lifetime"), "on")
    gone = send(client, "stage", stage="code_removed", commit="https://git.example.org/c/4f2a9c1", why="merged")
    assert '<a href="https://git.example.org/c/4f2a9c1" rel="noreferrer noopener">4f2a9c1</a>' in gone.text
    again = send(client, "stage/reopen", why="the report still reads it", owner_shown="identity")
    assert (f"{FLAG} is open again." in again.text, str(again.url).endswith("?owner=identity")) == (True, True)
    assert standing().stage == "stale"
    assert "moved its stage" in text(client.get(f"/flags/{FLAG}").text)


def test_snooze__by_its_form__stands_in_a_column_of_its_own_until_it_is_ended(
    world: World, client: httpx2.Client
) -> None:
    snoozed = send(client, "snooze", until="2027-02-01", owner="", why=PROBE)
    assert world.app.ask.state.snooze(P, FLAG) == Snooze("2027-02-01", "identity", PROBE)
    assert f'id="flag-{FLAG}"' in column(snoozed.text, "snoozed")
    assert PROBE not in snoozed.text
    assert "Snoozed until 2027-02-01" in text(client.get("/stale").text)
    ended = send(client, "unsnooze", why="done")
    assert (world.app.ask.state.snooze(P, FLAG), f'id="flag-{FLAG}"' in column(ended.text, "stale")) == (None, True)


@pytest.mark.parametrize(
    ("what", "fields", "status", "told"),
    [
        pytest.param("snooze", {"until": "2020-01-01", "why": "w"}, 422, "must be from tomorrow to", id="yesterday"),
        pytest.param("snooze", {"until": "2027-02-01"}, 422, "say why the flag is to be left in peace", id="no reason"),
        pytest.param("unsnooze", {}, 404, "there is no snooze", id="not snoozed"),
        pytest.param("stage", {"stage": "code_removed"}, 422, "which commit removed the code", id="no commit"),
        pytest.param("stage", {"stage": "stale"}, 400, "is no stage that people decide", id="not for people"),
        pytest.param("stage/reopen", {}, 409, "nobody decided that", id="nothing to take back"),
    ],
)
def test_form__that_is_refused__says_why_on_the_board(
    client: httpx2.Client, what: str, fields: dict[str, str], status: int, told: str
) -> None:
    answer = send(client, what, **fields)
    assert (answer.status_code, told in text(answer.text).replace("&#39;", "'").lower()) == (status, True)


def test_health__draws_each_month_and_tells_it_in_a_table(client: httpx2.Client) -> None:
    page = client.get("/stale/health").text
    table = text(page.partition('id="h-table"')[2])
    assert (page.count('class="chart bars"') >= 2, "Nov 2026 so far" in table, "Dec 2025" in table) == (
        True,
        True,
        True,
    )


def test_health__of_a_project_without_flags__says_so(client: httpx2.Client) -> None:
    assert "no stage was written down yet" in text(client.get("/stale/health?project=mobile").text)


def test_board__of_a_stage_that_is_not__is_refused(client: httpx2.Client) -> None:
    assert client.get(BOARD, params={"stage": PROBE}).status_code == 400


def submit(client: httpx2.Client, address: str, **fields: Any) -> httpx2.Response:  # noqa: ANN401 - texts, or lists
    found = re.search(r'name="csrf" value="([^"]+)"', client.get("/stale/settings").text)
    assert found is not None
    return client.post(address, data={"csrf": found.group(1), **fields})


def test_settings__thresholds__are_set_by_kind_and_shown_with_what_holds(world: World, client: httpx2.Client) -> None:
    fields = {".one_variant": "60", "release.lifetime": "90", "kill_switch.permanent": "no", "why": "we ship monthly"}
    saved = submit(client, "/stale/thresholds", version="0", **fields)
    kinds = Kinds(release=Days(lifetime=90), kill_switch=Days(permanent=False))
    assert world.app.ask.state.thresholds(P) == Thresholds(Days(one_variant=60), kinds)
    assert re.search(r'name="release.one_variant" value="" placeholder="60"', saved.text)
    late = submit(client, "/stale/thresholds", version="0", why="w")
    assert (late.status_code, "changed meanwhile" in text(late.text)) == (409, True)
    assert submit(client, "/stale/thresholds", version="1", why="as before").status_code == 200
    assert world.app.ask.state.thresholds(P) == Thresholds()


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        pytest.param({".scan": "0"}, 422, "must be from 1 to 3,650 days", id="no days"),
        pytest.param({".scan": "soon"}, 400, "is not a number", id="no number"),
    ],
)
def test_settings__thresholds_that_cannot_be__are_refused_and_kept(
    client: httpx2.Client, fields: dict[str, str], status: int, told: str
) -> None:
    answer = submit(client, "/stale/thresholds", **fields)
    assert (answer.status_code, told in text(answer.text)) == (status, True)
    assert f'name=".scan" value="{fields[".scan"]}"' in answer.text


def test_settings__nudge__is_set_and_its_zone_is_known(world: World, client: httpx2.Client) -> None:
    fields = {"day": "fri", "at": "08:30", "zone": "Europe/Berlin", "why": "w"}
    shown = submit(client, "/stale/nudge", version="0", enabled="yes", channels=["slack"], **fields)
    assert world.app.ask.state.nudge(P) == Nudge(True, "fri", "08:30", "Europe/Berlin", ("slack",))
    assert "slack not set up" in text(shown.text)
    refused = submit(client, "/stale/nudge", version="1", **{**fields, "zone": "Mars/Base"})
    assert (refused.status_code, "is no time zone" in text(refused.text)) == (422, True)


def test_flag__said_to_be_permanent__is_no_longer_on_the_board(client: httpx2.Client) -> None:
    shown = submit(client, f"/flags/{FLAG}/lifespan", permanent="yes", why="we keep it")
    assert (f"{FLAG} is permanent." in shown.text, "Meant to stay" in text(shown.text)) == (True, True)
    assert f'id="flag-{FLAG}"' not in client.get(f"{BOARD}?stage=stale").text
    submit(client, f"/flags/{FLAG}/lifespan", permanent="no", why="no more")
    assert f'id="flag-{FLAG}"' in client.get(f"{BOARD}?stage=stale").text


def test_viewer__sees_the_board_and_no_forms(world: World) -> None:
    viewer = Member("vera", "Vera", "vera@example.com", role="viewer")
    world.app.changes.apply(
        SYSTEM_IDENTITY, Change(operations=(put(member_subject("vera"), encode(viewer)),), why="a viewer")
    )
    with world.browser("vera") as client:
        page = client.get(BOARD).text
        assert (f'id="flag-{FLAG}"' in page, f"/flags/{FLAG}/snooze" in page) == (True, False)


@pytest.mark.browser
def test_board__by_keyboard__snoozes_a_flag(world: World) -> None:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    cookie = {"name": "flagtrail_session", "value": world.app.access.start_session("owner"), "url": world.url}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
        context.add_cookies([cookie])  # type: ignore[list-item] # a cookie
        page = context.new_page()
        page.goto(f"{world.url}{BOARD}?stage=stale")
        card = page.locator("#flag-smart_retries")
        card.locator("summary", has_text="Snooze").focus()
        page.keyboard.press("Enter")
        card.get_by_label("Reason required").fill("the audit first")
        page.keyboard.press("Enter")
        expect(page.locator(".flash")).to_contain_text("smart_retries is snoozed until")
        browser.close()
    assert world.app.ask.state.snooze(P, "smart_retries") is not None
