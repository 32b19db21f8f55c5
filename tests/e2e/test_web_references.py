"""A flag's places in source code on its page: what was found, what was not looked for, and nothing taken for markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import sync_playwright
from tests.e2e.web_world import NOW, PROBE, P, World, served

from flagtrail.app.clock import stamp
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.model.change import Change, Operation
from flagtrail.model.reference import CodeReference, Removal, Scan, with_commit
from flagtrail.model.subject import flag_subject

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAG = "/flags/new_pricing"
LONG = f"src/{'deeply/nested/' * 9}cart_of_a_shop.py"
HOST = "https://git.example.org/acme/shop/blob/{commit}/{path}#L{line}"


def reference(line: int, path: str = "src/shop/cart.py", **parts: str) -> CodeReference:
    given = {"kind": "evaluation", "snippet": 'if flags.is_on("new_pricing", user):', "symbol": "Cart.total", **parts}
    return CodeReference("new_pricing", path, line, language="python", **given)  # type: ignore[arg-type]  # by name


FOUND = (
    reference(41),
    reference(112, symbol=""),
    reference(9, "src/shop/keys.py", kind="definition", snippet='NEW_PRICING = "new_pricing"', symbol=""),
    reference(1, LONG, kind="comment", snippet=PROBE, symbol=PROBE),
    reference(20, "tests/test_cart.py", kind="test_stub", snippet=f"@override({'x' * 180}, new_pricing=True)"),
)


def scan(found: tuple[CodeReference, ...], **parts: object) -> Scan:
    given = {"repository": "acme/shop", "branch": "main", "default": True, "url": HOST, "at": stamp(NOW), **parts}
    return Scan(commit="c0ffee0" * 5, keys=("new_pricing", "billing_v2"), references=found, **given)  # type: ignore[arg-type]  # as above


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("references")) as made:
        removal = Removal("abcdef0" * 5, stamp(NOW - timedelta(days=3)), "Remove the old billing engine")
        for one in (
            scan((*FOUND, reference(7)), at=stamp(NOW - timedelta(days=9))),
            scan(FOUND, skipped=2, removals={"billing_v2": removal}),
            scan((), repository="acme/mobile", url=""),
            scan(FOUND[:2], branch="try-prices", default=False),
        ):
            assert made.app.references.upload(SYSTEM_IDENTITY, P, one).kept
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def section(client: httpx2.Client, address: str = FLAG) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.text.partition('<section id="references"')[2].partition("</section>")[0]


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_section__of_a_flag_that_code_names__tells_counts_and_places(client: httpx2.Client) -> None:
    found = text(section(client))

    assert "3 evaluations" not in found
    assert "2 evaluations, 1 definition, 1 test stub, 1 comment; 6 references until 22 Nov 2026" in found
    assert "2 files could not be read" in found
    assert "41 if flags.is_on(&#34;new_pricing&#34;, user): evaluation in Cart.total" in found
    assert "Not named in acme/mobile (scanned just now)" in found
    assert "On 1 other branch" in found


def test_section__places__link_to_the_commit_at_the_repositorys_host(client: httpx2.Client) -> None:
    assert f'href="https://git.example.org/acme/shop/blob/{"c0ffee0" * 5}/src/shop/cart.py#L41"' in section(client)


def test_section__of_a_flag_that_left_the_code__names_the_commit(client: httpx2.Client) -> None:
    found = text(section(client, "/flags/billing_v2"))

    assert "commit abcdef0abc removed the last reference, 19 Nov 2026 (Remove the old billing engine)" in found


def test_section__whatever_was_scanned__is_no_markup(client: httpx2.Client) -> None:
    found = section(client)

    assert ("<script" in found, "<img" in found, "&lt;script&gt;" in found) == (False, False, True)


def test_section__of_a_flag_that_nobody_looked_for__says_so_plainly(client: httpx2.Client) -> None:
    found = text(section(client, "/flags/checkout_colour"))

    assert "No scan of a default branch looked for this flag yet: whether code still names it is not known" in found


def test_flag_page__of_a_flag_that_was_archived_with_a_commit__names_it(world: World, client: httpx2.Client) -> None:
    why = with_commit("PRICE-9 is done", "c0ffee0c0ffee0")
    operation = Operation(action="patch", subject=flag_subject(P, "odd_text"), value={"archived": True})
    world.app.changes.apply(SYSTEM_IDENTITY, Change(operations=(operation,), why=why))

    assert "Removed from the code by commit c0ffee0c0ffee0" in text(client.get("/flags/odd_text").text)


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_section__with_long_paths_and_lines__fits_the_screen(world: World, width: int, scheme: str) -> None:
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
        page.locator("#references").wait_for()
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        title = page.title()
        browser.close()

    assert (over, "owned" in title) == (0, False)
