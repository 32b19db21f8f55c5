"""The Investigate page: read as a browser without scripts would get it, and looked at in Chromium."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest
from playwright.sync_api import Error, expect, sync_playwright
from tests.e2e.test_web import ARGS, CHROMIUM
from tests.e2e.web_world import PROBE, World, served

from flagtrail.app.investigate import COLLECTION, Kept
from flagtrail.storage import Cell

WINDOW = {"since": "2026-10-25T00:00", "until": "2026-11-22T09:00"}
CONTEXT = "targetingKey=u-1\nplan=enterprise"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with served(tmp_path_factory.mktemp("investigate")) as made:
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    with world.browser() as made:
        yield made


def told(html: str) -> str:
    """A page's main part as text, white space made single."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.partition("<main")[2]))


def send(client: httpx2.Client, **fields: str) -> httpx2.Response:
    """The form as a browser sends it."""
    token = re.search(r'name="csrf" value="([^"]+)"', client.get("/investigate").text)
    assert token is not None
    return client.post("/investigate", data={"csrf": token.group(1), "context": CONTEXT, **fields})


def test_investigation__of_a_context__tells_who_altered_what_it_got(client: httpx2.Client) -> None:
    page = send(client, **WINDOW, flag="new_pricing")
    assert page.status_code == 200
    text = told(page.text)
    assert re.search(r"altered 1 flag 25 Oct 2026, 00:00 to 22 Nov 2026, 09:00 UTC", text)
    assert "What happened" in text
    assert re.search(r"new_pricing on → became off|new_pricing off → became on", text)
    anchors = re.findall(r'href="#(entry-\d+)"', page.text)
    assert anchors
    assert all(f'id="{anchor}"' in page.text for anchor in anchors)


def test_investigation__its_address__holds_nothing_of_the_context(client: httpx2.Client, world: World) -> None:
    page = send(client, **WINDOW)
    address = urlsplit(str(page.url))
    assert re.fullmatch(r"/investigate/[\w-]{16}", address.path)
    assert address.query == ""
    assert client.get(address.path).text.count("plan=enterprise") >= 1
    assert [cell.key for cell in world.app.storage.cells(COLLECTION)].count(address.path.rpartition("/")[2]) == 1


def test_investigation__of_all_flags__folds_those_that_did_not_change(client: httpx2.Client) -> None:
    text = told(send(client, span="7 days").text)
    assert re.search(r"\d+ flags that gave the same answer all the time", text)
    assert re.search(r"altered \d+ flags? of \d+", text) or "Nothing changed for them" in text


def test_investigation__exported__is_the_whole_answer(client: httpx2.Client) -> None:
    path = send(client, **WINDOW, flag="new_pricing").url.path
    table = list(csv.DictReader(io.StringIO(client.get(f"{path}/export?format=csv").text)))
    whole = client.get(f"{path}/export?format=json").json()
    (flag,) = whole["flags"]
    assert [row["start"] for row in table] == [band["start"] for band in flag["bands"]]
    entries = [band["edge"] and str(band["edge"]["cause"]["seq"]) for band in flag["bands"]]
    assert [row["entry"] or None for row in table] == entries
    assert any(entries)
    assert client.get(f"{path}/export?format=xml").status_code == 400


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        pytest.param({"context": ""}, 400, "the context is empty", id="no context"),
        pytest.param({"context": "plan"}, 400, "is not attribute=value", id="no value"),
        pytest.param({"context": '{"plan": '}, 400, "is not JSON", id="broken JSON"),
        pytest.param(
            {"context": "targetingKey=42"}, 400, "The targetingKey must be a text", id="a key that is no text"
        ),
        pytest.param({"since": "soon"}, 400, "is not a time", id="no time"),
        pytest.param({"since": "2026-11-02", "until": "2026-11-01"}, 400, "is empty", id="empty window"),
        pytest.param({"since": "2001-01-01", "until": "2002-01-01"}, 404, "nothing is known", id="before the record"),
        pytest.param({"until": "0001-01-01T07:00"}, 404, "nothing is known", id="a day before the first day"),
        pytest.param({"context": '{"plan": "\\ud800"}'}, 400, "surrogates not allowed", id="half a surrogate pair"),
        pytest.param({"context": '{"seats": 1e999}'}, 400, "is not JSON", id="a number beyond all numbers"),
        pytest.param({"flag": "nope"}, 404, "there never was a flag", id="no such flag"),
        pytest.param({"environment": "moon"}, 404, "there never was an environment", id="no such environment"),
        pytest.param({"context": f"plan={PROBE}{'x' * 20_000}"}, 400, "at most 16 KiB", id="too large"),
    ],
)
def test_form__that_is_refused__stands_with_what_was_typed(
    client: httpx2.Client, fields: dict[str, str], status: int, said: str
) -> None:
    page = send(client, **fields)
    assert page.status_code == status
    assert said.lower() in told(page.text).lower()
    assert PROBE not in page.text
    if fields.get("since"):
        assert f'value="{fields["since"]}"' in page.text


def test_context__of_any_shape__is_shown_again_as_it_was(client: httpx2.Client) -> None:
    page = send(client, context='{"targetingKey": "a, b", "seats": 3, "tags": ["x"], "note": "<b>"}')
    assert "&#34;tags&#34;: [" in page.text
    assert "<b>" not in page.text.partition("<main")[2].replace("<b>on", "").replace("<b>off", "")


def test_investigation__step_by_step__shows_before_and_after(client: httpx2.Client) -> None:
    page = send(client, **WINDOW, flag="new_pricing")
    why = re.search(r'href="(/investigate/[^"]+/why[^"]+)"', page.text)
    assert why is not None
    text = told(client.get(why.group(1).replace("&amp;", "&")).text)
    assert re.search(r"Just before: \w+ .*The flag is switched \w+ in production.*From then on: \w+", text)
    early = client.get(f"{page.url.path}/why?flag=new_pricing&at=2001-01-01")
    assert (early.status_code, "The record does not reach back that far" in told(early.text)) == (200, True)
    assert client.get(f"{page.url.path}/why?flag=new_pricing&at=soon").status_code == 400


def test_form__from_a_flag_or_an_entry__is_filled_in(client: httpx2.Client, world: World) -> None:
    seq = world.app.ask.state.size - 1
    while world.app.ask.entry(seq).subject.kind != "targeting":
        seq -= 1
    assert "/investigate?flag=new_pricing" in client.get("/flags/new_pricing").text
    assert 'value="new_pricing"' in client.get("/investigate?flag=new_pricing").text
    assert f"/investigate?around={seq}" in client.get(f"/changes/{seq}").text
    assert re.search(r'name="since"[^>]*value="2026-11-2', client.get(f"/investigate?around={seq}").text)
    assert client.get("/investigate?around=0").status_code == 404


def test_investigation__that_expired_or_never_was__is_not_found(client: httpx2.Client, world: World) -> None:
    path = send(client).url.path
    key = path.rpartition("/")[2]
    kept = world.app.investigations.open(key)
    past = (world.app.clock() - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    expired = msgspec.json.encode(Kept(kept.asked, past))
    world.app.storage.put_cell(COLLECTION, Cell(key, expired, None))
    assert client.get(path).status_code == 404
    assert client.get("/investigate/unheard").status_code == 404


def test_investigation__opened_by_nobody__asks_to_sign_in(world: World, client: httpx2.Client) -> None:
    answer = httpx2.get(f"{world.url}{send(client).url.path}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")


def test_investigation__of_another_project__is_opened_there(world: World, client: httpx2.Client) -> None:
    kept = world.app.investigations.open(send(client).url.path.rpartition("/")[2])
    key = world.app.investigations.keep(msgspec.structs.replace(kept.asked, project="mobile"))
    answer = client.get(f"/investigate/{key}")
    assert answer.url.query == b"project=mobile"
    assert answer.status_code == 404
    assert "there never was an environment" in told(answer.text).lower()
    assert "plan=enterprise" in answer.text
    assert client.get("/investigate?project=mobile").status_code == 200


def test_suspects__of_an_incident__are_told_in_words(client: httpx2.Client) -> None:
    text = told(client.get("/investigate/suspects?at=2026-11-22T09:00&within=30d").text)
    assert re.search(r"\d+ suspects? ", text)
    assert "No application has sampled contexts in production" in text
    assert re.search(r"Altered something for .* score [\d.]+", text)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("at=soon", 400, "is not a time"),
        ("at=2026-11-22&within=x", 400, "is no length of time"),
        ("at=2001-01-01", 404, "nothing is known"),
        ("at=2026-11-22&environment=moon", 404, "never was an environment"),
        ("at=2026-11-22T09:29&within=30min", 200, "No change altered anything"),
    ],
)
def test_suspects__without_an_answer__says_why(client: httpx2.Client, query: str, status: int, said: str) -> None:
    page = client.get(f"/investigate/suspects?{query}")
    assert (page.status_code, said.lower() in told(page.text).lower()) == (status, True)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scripts", [True, False])
def test_page__in_a_browser__fits_and_leads_from_an_edge_to_its_entry(world: World, width: int, scripts: bool) -> None:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda said: complaints.append(said.text))
            secret = world.app.access.start_session("owner")
            context.add_cookies([{"name": "flagtrail_session", "value": secret, "url": world.url}])
            page.goto(f"{world.url}/investigate?flag=new_pricing")
            page.get_by_label("Who").fill(CONTEXT)
            page.get_by_role("button", name="Last 30 days").click()
            expect(page.get_by_role("heading", name="What happened")).to_be_visible()
            edge = page.locator("svg.track a").last
            target = edge.get_attribute("href")
            edge.dispatch_event("click") if scripts else page.goto(f"{page.url}{target}")
            assert target is not None
            expect(page.locator(target)).to_be_visible()
            if scripts:
                assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert complaints == []
        except Error as error:
            raise AssertionError(error) from error
        finally:
            browser.close()
