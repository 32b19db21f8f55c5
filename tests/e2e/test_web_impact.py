"""What came of a change, and its guard, as pages: charts with their words, questions that cannot be, both widths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import httpx2
import pytest
from playwright.sync_api import sync_playwright
from tests.e2e.web_world import P, World, rollout, served

from flagtrail.app.guards import GuardPart
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.model.change import Change
from flagtrail.model.entry import Entry
from flagtrail.model.guard import Limit
from flagtrail.model.metric import Sample
from flagtrail.server.web.charts import trend
from flagtrail.storage import EntryQuery

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


class Impacted:
    """The world with a change that made a metric jump, and with a guarded one."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.entry = _rollouts(world)[0]
        at = datetime.fromisoformat(self.entry.effective)
        dice = Random(3)
        world.app.storage.add_samples(
            P,
            [
                Sample(metric, round((at - timedelta(days=ago) + timedelta(minutes=minute)).timestamp() * 1_000), value)
                for ago in range(22)
                for minute in range(-120, 120)
                for metric, value in (
                    ("errors", 10 + dice.gauss(0, 1) + (9 if not ago and minute >= 0 else 0)),
                    ("calm", 200 + dice.gauss(0, 5)),
                )
            ],
        )
        now = datetime.now(UTC)
        world.app.storage.add_samples(P, [Sample("young", round(now.timestamp() * 1_000), 1.0)])
        part = GuardPart((Limit("errors", above=20.0),), 30)
        guard = world.app.guards.operation(P, "new_pricing", "production", part)
        change = Change(operations=(rollout("new_pricing", 61), guard), why="BILL-99 guarded")
        self.guarded = world.app.changes.apply(SYSTEM_IDENTITY, change).entries


def _rollouts(world: World) -> list[Entry]:
    query = EntryQuery(project=P, flag="new_pricing", environment="production", action="rollout_changed", limit=9)
    return [entry for entry in world.app.ask.log(query).entries if entry.subject.kind == "targeting"]


@pytest.fixture(scope="module")
def impacted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Impacted]:
    with served(tmp_path_factory.mktemp("impact")) as made:
        yield Impacted(made)


@pytest.fixture
def client(impacted: Impacted) -> Iterator[httpx2.Client]:
    secret = impacted.world.app.access.start_session("owner")
    cookies = {"flagtrail_session": secret}
    with httpx2.Client(base_url=impacted.world.url, cookies=cookies, follow_redirects=True, timeout=30) as made:
        yield made


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_impact__of_a_change__has_a_chart_for_each_metric_that_says_in_words_what_it_shows(
    client: httpx2.Client, impacted: Impacted
) -> None:
    page = client.get(f"/changes/{impacted.entry.seq}/impact").text
    labels = re.findall(r'<svg class="chart trend"[^>]*aria-label="([^"]*)"', page)

    assert [label.partition(":")[0] for label in labels] == ["calm", "errors"]
    assert "errors rose: " in labels[1]
    assert "After this change errors rose." in text(page)
    assert "Not enough data to judge young" in text(page)


def test_impact__of_a_change__has_the_figures_as_a_table_too(client: httpx2.Client, impacted: Impacted) -> None:
    found = text(client.get(f"/changes/{impacted.entry.seq}/impact", params={"metric": "errors"}).text)

    assert re.search(r"Before (9\.\d+|10(\.\d+)?) After (18\.\d+|19(\.\d+)?) ", found)
    assert "95 % interval" in found
    assert "calm" not in found


def test_impact__of_another_width__is_asked_for_by_the_form(client: httpx2.Client, impacted: Impacted) -> None:
    page = client.get(f"/changes/{impacted.entry.seq}/impact", params={"window": "15"}).text

    assert '<option value="15" selected>' in page


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        pytest.param({"window": "3"}, 400, id="too narrow"),
        pytest.param({"metric": "nothing"}, 404, id="no such metric"),
        pytest.param({"in": "moon"}, 404, id="no such environment"),
    ],
)
def test_impact__asked_for_what_is_not_there__says_so_on_the_page(
    client: httpx2.Client, impacted: Impacted, parameters: dict[str, str], status: int
) -> None:
    answer = client.get(f"/changes/{impacted.entry.seq}/impact", params=parameters)

    assert answer.status_code == status
    assert "Impact of" in answer.text


def test_change__of_what_is_served__leads_to_its_impact_without_javascript(
    client: httpx2.Client, impacted: Impacted
) -> None:
    page = client.get(f"/changes/{impacted.entry.seq}").text

    assert f'href="/changes/{impacted.entry.seq}/impact"' in page
    assert 'id="impact"' not in client.get("/changes/0").text


@pytest.mark.parametrize("place", [0, 1])
def test_change__that_is_guarded__shows_its_guard(client: httpx2.Client, impacted: Impacted, place: int) -> None:
    found = text(client.get(f"/changes/{impacted.guarded[place].seq}").text)

    assert "Guarded for 30 min: takes the change back if errors above 20 (mean of 5 min)." in found
    assert "Watching" in found


def test_change__that_is_not_guarded__shows_none(client: httpx2.Client, impacted: Impacted) -> None:
    assert 'id="guard"' not in client.get(f"/changes/{impacted.entry.seq}").text


def test_flag__with_a_guard__shows_it_in_its_environment_alone(client: httpx2.Client) -> None:
    own, other = (
        client.get("/flags/new_pricing", params={"environment": environment}).text
        for environment in ("production", "staging")
    )

    assert ('id="guard"' in own, 'id="guard"' in other) == (True, False)
    assert "set a guard" in text(own)


def test_trend__of_nothing__is_nothing() -> None:
    assert trend([], at=0, step=1, low=0, high=1, means=(), title="x") == ""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_change__in_a_browser__takes_its_impact_in_and_fits_the_screen(
    impacted: Impacted, width: int, scheme: str
) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]  # one of two
        )
        page = context.new_page()
        page.goto(impacted.world.login_link())
        page.get_by_role("button").first.click()
        page.goto(f"{impacted.world.url}/changes/{impacted.entry.seq}")
        page.locator("#impact svg.trend").first.wait_for()
        charts = page.locator("#impact svg.trend").count()
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        browser.close()

    assert (charts, over) == (2, 0)


ENABLE = "/flags/checkout_colour/environments/staging"


def send(client: httpx2.Client, address: str, impacted: Impacted, **fields: str) -> httpx2.Response:
    secret = client.cookies["flagtrail_session"]
    session = impacted.world.app.access.session(secret)
    assert session is not None
    return client.post(address, data={"csrf": session.csrf, "why": "a test", **fields})


def state(impacted: Impacted) -> dict[str, object]:
    """The guards of the flag that the forms are about, by environment: limits and what is done."""
    return {
        view.environment: ([limit.words for limit in view.guard.limits], view.guard.minutes, view.guard.action)
        for view in impacted.world.app.guards.guards(P, flag="checkout_colour")
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"guard": "errors>"}, "is no limit", id="half a limit"),
        pytest.param({"guard": "nothing>1"}, "there is no metric", id="no such metric"),
        pytest.param({"guard": "errors>1", "guard_minutes": ""}, "is missing", id="no time"),
        pytest.param({"guard": "errors>1", "guard_minutes": "soon"}, "is not a number", id="no number"),
        pytest.param({"guard": "errors>1", "guard_minutes": "2"}, "must be from 5 to 1440", id="too short"),
        pytest.param({"guard": "errors>1", "guard_action": "explode"}, "must be one of", id="no action"),
    ],
)
@pytest.mark.parametrize("form", ["enable", "rollout"])
def test_form__with_a_guard_that_cannot_be__says_why_and_keeps_what_was_typed(
    client: httpx2.Client, impacted: Impacted, form: str, fields: dict[str, str], told: str
) -> None:
    given = {"guard_minutes": "30", "percent": "10", "variant": "", **fields}
    answer = send(client, f"{ENABLE}/{form}", impacted, **given)

    assert answer.status_code in {400, 422}
    assert told in answer.text
    assert f'value="{fields["guard"].replace(">", "&gt;")}"' in answer.text
    assert state(impacted) == {}


def test_form__with_a_guard__sets_it_and_calls_it_off(client: httpx2.Client, impacted: Impacted) -> None:
    given = {"guard": "errors>20, calm<1", "guard_minutes": "45", "guard_action": "alert"}
    send(client, f"{ENABLE}/enable", impacted, **given)
    send(client, f"{ENABLE}/disable", impacted, **given)
    assert state(impacted) == {"staging": (["errors above 20", "calm below 1"], 45, "alert")}

    page = send(client, f"{ENABLE}/guard/stop", impacted)
    assert "is called off; what it guarded stays." in page.text
    assert state(impacted) == {}
    assert send(client, f"{ENABLE}/guard/stop", impacted).status_code == 404


def test_form__of_the_whole_targeting__sets_a_guard_too(client: httpx2.Client, impacted: Impacted) -> None:
    document = '{"enabled": true, "off_variant": "blue", "fallthrough": {"variant": "green"}}'
    flag = impacted.world.app.ask.state.flag(P, "checkout_colour")
    assert flag is not None
    first, second, *_ = flag.variants
    text = document.replace("blue", first).replace("green", second)
    fields = {"mode": "json", "json": text, "guard": "errors>20", "guard_minutes": "30"}
    answer = send(client, f"{ENABLE}/edit?as=json", impacted, **fields)
    refused = send(client, f"{ENABLE}/edit?as=json", impacted, **{**fields, "guard": "errors"})

    assert (answer.status_code, refused.status_code) == (200, 400)
    assert state(impacted) == {"staging": (["errors above 20"], 30, "revert")}
