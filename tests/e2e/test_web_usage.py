"""The usage panel of a flag's page: the picture, who asks, and that nothing reported is taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import sync_playwright
from tests.e2e.web_world import NOW, PROBE, P, World, served

from flagtrail.app.clock import stamp
from flagtrail.model.usage import Usage

CHROMIUM = Path("/usr/bin/chromium")
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAG = "/flags/checkout_colour"
LONG = "northwind-" + "x" * 190


def row(hours_ago: int, variant: str, count: int, client: str, application: str) -> Usage:
    at = stamp((NOW - timedelta(hours=hours_ago)).astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    return Usage(P, "production", "checkout_colour", variant, "", at, count, at, client, application)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("usage")) as made:
        flag = made.app.ask.state.flag(P, "checkout_colour")
        assert flag is not None
        first = next(iter(flag.variants))
        made.app.storage.add_usage(
            [
                row(0, first, 30, "flagtrail-python/0.1.0", "shop/1.5.0"),
                row(30, first, 12_000, "flagtrail-python/0.1.0", "shop/1.4.2"),
                row(30, PROBE, 8, PROBE[:90], PROBE),
                row(30, "", 2, "ofrep-bulk", ""),
                row(30, first, 1, "otlp", LONG),
                row(24 * 60, first, 5_000, "opentelemetry-swift/2.1.0", "ios/3.8.1"),
                Usage(P, "production", "ghost_flag", "", "", stamp(NOW), 4, stamp(NOW), "otlp", "ios/3.8.1"),
            ]
        )
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def panel(client: httpx2.Client, address: str = FLAG) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.text.partition('<section id="usage"')[2].partition("</section>")[0]


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize(
    ("reach", "bars", "told"),
    [
        pytest.param("day", 1, "30 evaluations in Production, by the hour", id="a day"),
        pytest.param("week", 2, "12,041 evaluations in Production, by the hour", id="a week"),
        pytest.param("quarter", 3, "17,041 evaluations in Production, by the day", id="a quarter"),
        pytest.param("year", 2, "17,041 evaluations in Production, by the week", id="a year"),
        pytest.param("century", 2, "12,041 evaluations in Production, by the hour", id="another"),
    ],
)
def test_panel__of_a_period__draws_a_bar_where_there_was_any(
    client: httpx2.Client, reach: str, bars: int, told: str
) -> None:
    found = panel(client, f"{FLAG}?reach={reach}")

    assert (found.count("<g><title>") in {bars, bars + 1}, told in text(found)) == (True, True)


def test_panel__bars__tell_each_variant_on_hover(client: httpx2.Client) -> None:
    assert re.search(
        r"<title>21 Nov 2026, 03:00: \w+ 12,001, the caller&#39;s default 2, &lt;script&gt;", panel(client)
    )


def test_panel__who_asks__is_listed_newest_first_and_the_others_folded_away(client: httpx2.Client) -> None:
    shown, folded, rest = panel(client).partition("<details")
    order = [shown.index(name) for name in ("shop/1.5.0", "shop/1.4.2")]

    assert (order == sorted(order), "ios/3.8.1" in shown, folded != "", "ios/3.8.1" in rest) == (
        True,
        False,
        True,
        True,
    )
    assert "OFREP, all flags at once" in shown


def test_panel__whatever_was_reported__is_no_markup(client: httpx2.Client) -> None:
    found = panel(client, f"{FLAG}?reach=%3Cscript%3E")

    assert ("<script" in found, "<img" in found, "&lt;script&gt;" in found) == (False, False, True)


def test_panel__where_nothing_was_reported__takes_it_for_no_proof(client: httpx2.Client) -> None:
    assert "silence is not taken for disuse" in text(panel(client, f"{FLAG}?environment=staging"))


def test_stale_page__what_is_asked_for_and_is_no_flag__is_listed(client: httpx2.Client) -> None:
    assert "Asked for, but no flag" in (page := text(client.get("/stale").text))
    assert "ghost_flag production" in page


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_panel__with_long_names__fits_the_screen(world: World, width: int, scheme: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]  # one of two
        )
        page = context.new_page()
        page.goto(world.login_link())
        page.get_by_role("button").first.click()
        page.goto(f"{world.url}{FLAG}")
        page.locator("#usage").wait_for()
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        title = page.title()
        browser.close()

    assert (over, "owned" in title) == (0, False)
