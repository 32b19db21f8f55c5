"""The web UI in a real browser: what people do with it, with and without JavaScript, on a desk and on a phone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from tests.e2e.web_world import PROBE, World, served

from flagtrail.model.access import Member
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.subject import member_subject
from flagtrail.storage import EntryQuery

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGES = [
    pytest.param("/", id="dashboard"),
    pytest.param("/flags", id="flags"),
    pytest.param("/flags?show=all&state=production:enabled", id="flags filtered"),
    pytest.param("/flags?search=nothing+like+this", id="flags without a match"),
    pytest.param("/flags/new", id="new flag"),
    pytest.param("/flags/new_pricing", id="flag"),
    pytest.param("/flags/new_pricing?where=plan%3Denterprise&environment=production", id="flag with exposure"),
    pytest.param("/flags/new_pricing?where=oops", id="flag with an unreadable question"),
    pytest.param("/flags/checkout_colour", id="flag with three variants"),
    pytest.param("/flags/odd_text?environment=development", id="flag with markup in its texts"),
    pytest.param("/flags/team_templates", id="deleted flag"),
    pytest.param("/flags/new_pricing/edit", id="flag details"),
    pytest.param("/flags/new_pricing/archive", id="archive"),
    pytest.param("/flags/billing_v2/delete", id="delete"),
    pytest.param("/flags/new_pricing/environments/production/edit", id="targeting editor"),
    pytest.param("/flags/new_pricing/environments/production/edit?as=json", id="targeting as JSON"),
    pytest.param("/flags/odd_text/environments/development/edit", id="targeting editor with markup"),
    pytest.param("/changes", id="changes"),
    pytest.param("/changes?text=BILL-42&action=rollout_changed&since=2026-01-01", id="changes filtered"),
    pytest.param("/changes?everything=yes", id="changes of everything"),
    pytest.param("/changes?since=never", id="changes with an unreadable time"),
    pytest.param("/changes/3", id="entry"),
    pytest.param("/stale", id="stale"),
    pytest.param("/stale/board", id="board of stale flags"),
    pytest.param("/stale/health", id="health of stale flags"),
    pytest.param("/stale/settings", id="settings of stale flags"),
    pytest.param("/evaluate", id="evaluate"),
    pytest.param("/evaluate?flag=new_pricing&context=plan%3Denterprise&at=2026-11-01T10:00", id="evaluate the past"),
    pytest.param("/evaluate?context=plan%3Dpro", id="evaluate all"),
    pytest.param("/investigate?flag=new_pricing", id="investigate"),
    pytest.param("/investigate/suspects", id="suspects form"),
    pytest.param("/investigate/suspects?at=2026-11-22T09:00&within=30d", id="suspects"),
    pytest.param("/segments", id="segments"),
    pytest.param("/segments/beta", id="segment"),
    pytest.param("/segments/odd_segment", id="segment with markup"),
    pytest.param("/segments/beta/edit", id="segment editor"),
    pytest.param("/segments/new", id="new segment"),
    pytest.param("/environments", id="environments"),
    pytest.param("/tokens", id="tokens"),
    pytest.param("/members", id="members"),
    pytest.param("/alerts", id="alerts"),
    pytest.param("/alerts/new", id="new subscription"),
    pytest.param("/alerts/subscriptions/critical", id="subscription"),
    pytest.param("/reports", id="reports"),
    pytest.param("/reports?kind=soc2&since=2026-08-01", id="report"),
    pytest.param("/reports?kind=flag&since=2026-08-01&flag=new_pricing&where=plan%3Denterprise", id="report of a flag"),
    pytest.param("/reports?kind=access&since=", id="report of access"),
    pytest.param("/reports?kind=soc2&since=2026-08-01&flag=new_pricing", id="report that is refused"),
    pytest.param("/account", id="account"),
    pytest.param("/?project=mobile", id="empty project"),
    pytest.param("/flags/nope", id="not found"),
    pytest.param("/nowhere", id="nothing served"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    with served(tmp_path_factory.mktemp("web")) as made:
        yield made


@pytest.fixture(scope="module")
def browser(world: World) -> Iterator[Browser]:
    assert world.url
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield launched
        launched.close()


Open = Callable[..., Page]


@pytest.fixture
def signed_in(world: World, browser: Browser) -> Iterator[Open]:
    """Opens a page as the owner; keyword arguments are those of a browser context."""
    contexts: list[BrowserContext] = []

    def open_(path: str, **options: Any) -> Page:  # noqa: ANN401 - forwarded as they are
        context = browser.new_context(**options)
        contexts.append(context)
        secret = world.app.access.start_session("owner")
        context.add_cookies([{"name": "flagtrail_session", "value": secret, "url": world.url}])
        page = context.new_page()
        page.goto(world.url + path)
        return page

    yield open_
    for context in contexts:
        context.close()


def test_login_link__opened_by_a_preview_first__still_signs_in_once(world: World, browser: Browser) -> None:
    context = browser.new_context()
    link = world.login_link()
    context.request.get(link)
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in to Flagtrail").click()
    expect(page.get_by_role("heading", name="Default")).to_be_visible()
    context.close()
    other = browser.new_context().new_page()
    other.goto(link)
    other.get_by_role("button", name="Sign in to Flagtrail").click()
    expect(other.get_by_role("alert")).to_contain_text("was used")
    other.context.close()


def test_page__without_a_session__leads_to_sign_in_and_back(world: World, browser: Browser) -> None:
    page = browser.new_context().new_page()
    world.app.access.set_password("m0", "correct horse battery")
    page.goto(f"{world.url}/flags/new_pricing")
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="new_pricing")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.context.close()


def test_password__wrong__is_refused_with_the_address_kept(world: World, browser: Browser) -> None:
    page = browser.new_context().new_page()
    page.goto(f"{world.url}/login")
    page.get_by_label("E-mail").fill("ana@example.com")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    expect(page.get_by_label("E-mail")).to_have_value("ana@example.com")
    page.context.close()


@pytest.mark.parametrize("script", [pytest.param(True, id="JavaScript"), pytest.param(False, id="no JavaScript")])
def test_rollout__changed_with_a_reason__stands_in_the_timeline(signed_in: Open, script: bool) -> None:
    percent, why = ("61", "with script") if script else ("62", "without script")
    page = signed_in("/flags", java_script_enabled=script)
    page.get_by_label("Search").fill("pric")
    page.get_by_label("Search").press("Enter")
    expect(page.get_by_role("link", name="dark_mode")).to_have_count(0)
    page.get_by_role("link", name="new_pricing", exact=True).click()
    page.get_by_text("Roll out to a percentage").click()
    page.get_by_label("Percentage").fill(percent)
    page.locator("#rollout-why").fill(why)
    page.get_by_role("button", name="Set the rollout in Production").click()
    expect(page.get_by_role("status")).to_contain_text(f"rolled out to {percent} %")
    newest = page.locator("#timeline > li").first
    expect(newest).to_contain_text(why)
    expect(newest).to_contain_text(f"to {percent} %")


def test_rollout__without_a_reason_in_production__is_refused_and_keeps_what_was_typed(
    world: World, signed_in: Open
) -> None:
    before = world.app.ask.state.size
    page = signed_in("/flags/new_pricing")
    page.get_by_text("Roll out to a percentage").click()
    page.get_by_label("Percentage").fill("77")
    page.locator("#rollout-ticket").fill("BILL-77")
    page.get_by_role("button", name="Set the rollout in Production").click()
    expect(page.get_by_role("alert")).to_contain_text("A reason is required")
    expect(page.get_by_label("Percentage")).to_have_value("77")
    expect(page.locator("#rollout-ticket")).to_have_value("BILL-77")
    assert world.app.ask.state.size == before


def test_switch__seen_at_an_older_version__is_refused_with_what_happened_since(world: World, signed_in: Open) -> None:
    page = signed_in("/flags/dark_mode?environment=staging")
    other = signed_in("/flags/dark_mode?environment=staging")
    other.get_by_text("Switch on", exact=False).first.click()
    other.locator("#switch-why").fill("first come")
    other.get_by_role("button", name="Switch on in Staging").click()
    expect(other.get_by_role("status")).to_be_visible()
    page.get_by_text("Switch on", exact=False).first.click()
    page.locator("#switch-why").fill("second come")
    page.locator("form[action*='enable'] button").first.click()
    expect(page.get_by_role("alert")).to_contain_text("first come")
    expect(page.locator("#switch-why")).to_have_value("second come")
    assert world.app.ask.log(EntryQuery(project="default", text="second come")).entries == ()


def test_targeting_editor__a_rule_added_and_moved__is_saved_as_shown(world: World, signed_in: Open) -> None:
    page = signed_in("/flags/dark_mode/environments/development/edit", java_script_enabled=False)
    for name, values in (("Colleagues", "beta"), ("Germans", "DE, AT")):
        page.get_by_role("button", name="Add rule").click()
        page.get_by_label(f"Name of rule {page.locator('fieldset.rule').count()}").fill(name)
        rule = page.locator("fieldset.rule").last
        if name == "Colleagues":
            rule.get_by_label("Operator 1").select_option("segment")
        else:
            rule.get_by_label("Attribute 1").fill("country")
        rule.get_by_label("Values 1").fill(values)
    page.get_by_role("button", name="Move rule 2 up").click()
    page.get_by_role("button", name="Save targeting in Development").click()
    expect(page.get_by_role("status")).to_contain_text("Saved the targeting")
    targeting = world.app.ask.state.targeting("default", "dark_mode", "development")
    assert targeting is not None
    assert [rule.description for rule in targeting.rules] == ["Germans", "Colleagues"]
    assert targeting.rules[0].when.values == ("DE", "AT")
    assert targeting.rules[1].when.segment == "beta"


def test_form__while_the_ledger_takes_no_entry__says_so_and_changes_nothing(world: World, signed_in: Open) -> None:
    page = signed_in("/flags/mobile_push?environment=development")
    before = world.app.ask.state
    with closing(sqlite3.connect(world.app.settings.database.removeprefix("sqlite:///"), timeout=60)) as database:
        database.execute("CREATE TRIGGER no_entries BEFORE INSERT ON ledger_entry BEGIN SELECT raise(ABORT, 'no'); END")
        page.get_by_text("Switch off").first.click()
        page.locator("#switch-why").fill("while the disk is broken")
        page.get_by_role("button", name="Switch off in Development").click()
        expect(page.get_by_role("alert")).to_contain_text("nothing was changed")
        database.execute("DROP TRIGGER no_entries")
    expect(page.locator("#switch-why")).to_have_value("while the disk is broken")
    assert world.app.ask.state is before


def test_details__saved_after_somebody_else__are_refused_once_and_then_saved(world: World, signed_in: Open) -> None:
    page = signed_in("/flags/fast_export/edit")
    other = signed_in("/flags/fast_export/edit")
    other.get_by_label("Owner").fill("exports")
    other.locator("#edit-why").fill("they build it")
    other.get_by_role("button", name="Save details").click()
    expect(other.get_by_role("status")).to_be_visible()
    page.get_by_label("Description").fill("Exports in seconds.")
    page.locator("#edit-why").fill("says what it does")
    page.get_by_role("button", name="Save details").click()
    expect(page.get_by_role("alert")).to_contain_text("they build it")
    page.get_by_role("button", name="Save details").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    flag = world.app.ask.state.flag("default", "fast_export")
    assert flag is not None
    assert flag.description == "Exports in seconds."


def test_targeting_json__with_several_defects__lists_all_and_keeps_the_text(signed_in: Open) -> None:
    page = signed_in("/flags/new_pricing/environments/staging/edit?as=json")
    text = page.get_by_label("Targeting as JSON").input_value()
    wrong = text.replace('"off_variant": "off"', '"off_variant": "of"').replace('"beta"', '"betta"')
    page.get_by_label("Targeting as JSON").fill(wrong)
    page.get_by_role("button", name="Save targeting").click()
    expect(page.get_by_role("alert").locator("li")).to_have_count(2)
    expect(page.get_by_label("Targeting as JSON")).to_have_value(wrong)


def test_entry__taken_back__gives_the_document_back_what_it_had(world: World, signed_in: Open) -> None:
    page = signed_in("/flags/checkout_colour?environment=development")
    page.get_by_text("Switch on", exact=False).first.click()
    page.locator("#switch-why").fill("too early")
    page.get_by_role("button", name="Switch on in Development").click()
    newest = page.locator("#timeline > li").first
    newest.get_by_text("Take back", exact=True).click()
    newest.get_by_label("Reason").fill("it was too early")
    newest.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status")).to_contain_text("Took back")
    targeting = world.app.ask.state.targeting("default", "checkout_colour", "development")
    assert targeting is None or not targeting.enabled


def test_evaluate__at_a_past_time__answers_with_what_was_served_then(signed_in: Open) -> None:
    page = signed_in("/evaluate?flag=new_pricing")
    page.locator("#context").fill("targetingKey=u-1\nplan=enterprise")
    page.locator("#at").fill("2026-11-01T10:00")
    page.get_by_role("button", name="Evaluate").click()
    expect(page.locator(".verdict b")).to_have_text("off")
    expect(page.locator(".verdict")).to_contain_text("Now it would be on")


def test_exposure__of_enterprise__tells_from_when_it_was_on(signed_in: Open) -> None:
    page = signed_in("/flags/new_pricing")
    page.locator("#where").fill("plan=enterprise")
    page.get_by_role("button", name="Answer").click()
    expect(page.locator("#exposure .words li").first).to_have_text(
        "on for all from 24 Aug 2026, 09:30 to 1 Nov 2026, 09:30"
    )


def test_exposure__that_depends_on_more__is_hatched_in_the_picture(signed_in: Open) -> None:
    page = signed_in("/flags/new_pricing?where=&environment=production")
    band = page.locator("#exposure .band.depends").first
    assert "url" in band.evaluate("band => getComputedStyle(band).fill")


def test_report__by_a_preset__is_told_and_read_in_full(signed_in: Open) -> None:
    page = signed_in("/reports")
    page.get_by_role("link", name="last quarter").click()
    expect(page.get_by_role("row", name="CC8.1")).to_contain_text("shown in part")
    page.get_by_role("link", name="Read all").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Evidence for SOC 2")
    assert page.evaluate("getComputedStyle(document.querySelector('.figures')).display") == "flex"


def test_report__as_csv__is_downloaded_under_its_name(signed_in: Open) -> None:
    page = signed_in("/reports?kind=pci&since=2026-08-01&until=2026-11-01")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "pci-default-2026-08-01-2026-11-01.csv"


def test_search__typed__narrows_the_list_without_loading_the_page_anew(signed_in: Open) -> None:
    page = signed_in("/flags")
    page.evaluate("window.sameDocument = true")
    page.get_by_label("Search").press_sequentially("pricing")
    expect(page.locator("table.flags tbody tr")).to_have_count(1)
    assert page.evaluate("window.sameDocument")
    assert "search=pricing" in page.url


def test_token__made__shows_its_secret_once(world: World, signed_in: Open) -> None:
    page = signed_in("/tokens")
    page.get_by_label("Key").fill("web-test")
    page.get_by_role("button", name="Make token").click()
    secret = page.locator("#secret").inner_text()
    assert world.app.access.by_token(secret).actor.name == "web-test"
    page.goto(page.url)
    expect(page.locator("body")).not_to_contain_text(secret)


def test_theme__chosen__is_remembered(signed_in: Open) -> None:
    page = signed_in("/stale", color_scheme="light")
    page.get_by_role("button", name="Dark").first.click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.url.endswith("/stale")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(16, 19, 18)"


def test_form__sent_by_another_site__changes_nothing(world: World, signed_in: Open) -> None:
    page = signed_in("/flags")
    before = world.app.ask.state.size
    address = f"{world.url}/flags/new_pricing/environments/production/disable"
    answer = page.context.request.post(address, form={"why": "mischief"})
    assert answer.status == 403
    assert world.app.ask.state.size == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/flags/nope", 404, id="no such flag"),
        pytest.param("/nowhere", 404, id="no such page"),
        pytest.param("/changes?since=never", 400, id="a time that is none"),
        pytest.param("/changes?before=9999999999999999999", 400, id="a cursor that is none"),
        pytest.param("/?project=nope", 404, id="no such project"),
        pytest.param("/logout", 405, id="a form's address"),
    ],
)
def test_page__that_cannot_be_shown__says_so_in_the_same_design(signed_in: Open, path: str, status: int) -> None:
    page = signed_in("/account")
    answer = page.goto(page.url.removesuffix("/account") + path)
    assert answer is not None
    assert answer.status == status
    expect(page.locator("h1")).to_be_visible()


def test_page__for_a_viewer__offers_no_change_and_refuses_one(world: World, browser: Browser) -> None:
    viewer = Member("vera", "Vera", "vera@example.com", "viewer")
    operation = Operation(action="create", subject=member_subject("vera"), value=encode(viewer))
    world.app.changes.apply(world.app.access.member_identity("owner"), Change(operations=(operation,), why="looks"))
    context = browser.new_context()
    secret = world.app.access.start_session("vera")
    context.add_cookies([{"name": "flagtrail_session", "value": secret, "url": world.url}])
    page = context.new_page()
    page.goto(f"{world.url}/flags/new_pricing")
    expect(page.get_by_role("button", name="Switch")).to_have_count(0)
    answer = page.goto(f"{world.url}/tokens")
    assert answer is not None
    assert answer.status == 403
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_page__on_a_desk_and_on_a_phone__breaks_no_rule(signed_in: Open, path: str) -> None:
    page = signed_in("/account")
    told: list[str] = []
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: told.extend(_complaints(message)))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.set_viewport_size({"width": 390, "height": 844})
    base = page.url.removesuffix("/account")
    page.goto(base + path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert told == []
    assert [address for address in requested if not address.startswith(base)] == []
    assert page.title() != "owned"
    assert page.locator("main img").count() == 0
    assert page.evaluate(UNLABELLED) == []
    assert page.locator("h1").count() == 1


UNLABELLED = """[...document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href]")]
  .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.title))
  .map((e) => e.outerHTML)"""


def _complaints(message: ConsoleMessage) -> list[str]:
    """Errors and warnings, but for the answers' own status (a page for 404 is a page)."""
    if message.type not in {"error", "warning"} or "the server responded with a status of" in message.text:
        return []
    return [message.text]


def test_markup__in_every_text__stays_text(signed_in: Open) -> None:
    page = signed_in("/flags/odd_text?environment=development")
    expect(page.locator("main")).to_contain_text(PROBE)
    assert page.locator("main script").count() == 0
    page.goto(page.url.replace("/flags/odd_text", "/changes"))
    expect(page.locator("main")).to_contain_text(PROBE)
    assert page.locator("main script").count() == 0
