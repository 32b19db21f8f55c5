"""What a form would do is shown before it is saved: by its button, and with scripts by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import msgspec
import pytest
from playwright.sync_api import expect, sync_playwright
from tests.e2e.test_web import ARGS, CHROMIUM
from tests.e2e.web_world import NOW, World, served

from flagtrail.app.clock import stamp
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.model.change import Change, Operation
from flagtrail.model.preview import PREVIEWS, PredictedShift, StoredPreview, preview_key
from flagtrail.model.subject import flag_subject, targeting_subject
from flagtrail.model.usage import SampledContext
from flagtrail.storage import Cell, EntryQuery

EDITOR = "/flags/new_pricing/environments/production"
CONTEXTS = [
    {"targetingKey": f"u{n}", "plan": ("enterprise", "pro", "free", "free")[n % 4], "note": "<b>bold</b>"}
    for n in range(400)
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The company, and whom it serves in production."""
    with served(tmp_path_factory.mktemp("preview")) as made:
        at = stamp(NOW - timedelta(days=2))
        contexts = [SampledContext("default", "production", at, context) for context in CONTEXTS]
        made.app.storage.add_usage((), contexts=contexts)
        yield made


@pytest.fixture
def client(world: World) -> Iterator[httpx2.Client]:
    secret = world.app.access.start_session("owner")
    cookies = {"flagtrail_session": secret, "flagtrail_environment": "production"}
    with httpx2.Client(base_url=world.url, cookies=cookies, timeout=30.0) as made:
        yield made


def preview(world: World, client: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """The form at `path` with its button Preview pressed; nothing is changed by it."""
    shown = client.get("/flags/new_pricing").text
    found = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert found is not None
    before = world.app.ask.state.size
    answer = client.post(path, data={"csrf": found.group(1), "do": "preview", **fields})
    assert world.app.ask.state.size == before
    return answer


def told(answer: httpx2.Response) -> str:
    """What the preview's panel says, white space made single; empty where there is none."""
    panel = answer.text.partition('class="card pad tried"')[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel.partition("<form")[0]))


TARGETING = (
    '{"enabled": true, "off_variant": "off", "fallthrough": {"variant": "off"}, "rules": [{"id": "p", '
    '"when": {"attribute": "plan", "operator": "in", "values": ["pro"]}, "serve": {"variant": "on"}}]}'
)
FORM = {
    "rules": "1",
    "enabled": "yes",
    "off_variant": "off",
    "f.serve": "off",
    "r0.id": "p",
    "r0.serve": "on",
    "r0.join": "all",
    "r0.attribute": "plan",
    "r0.operator": "in",
    "r0.values": "pro",
}


@pytest.mark.parametrize(
    ("path", "fields", "sentence"),
    [
        pytest.param(f"{EDITOR}/disable", {}, "would get off instead of on", id="switch"),
        pytest.param(
            f"{EDITOR}/rollout", {"percent": "100", "variant": "on"}, "would get on instead of off", id="rollout"
        ),
        pytest.param(f"{EDITOR}/edit", FORM, "would get another value", id="targeting as a form"),
        pytest.param(f"{EDITOR}/edit", {"mode": "json", "json": TARGETING}, "would get another value", id="as JSON"),
        pytest.param(
            "/flags/new_pricing/edit",
            {"type": "boolean", "variants": '{"on": false, "off": true}', "kind": "release"},
            "All of the 400 sampled contexts would get another value",
            id="details",
        ),
        pytest.param("/flags/checkout_colour/archive", {}, "would get another value", id="archive"),
        pytest.param("/flags/checkout_colour/delete", {}, "would get another value", id="delete"),
    ],
)
def test_button__of_each_editor__shows_what_saving_would_do(
    world: World, client: httpx2.Client, path: str, fields: dict[str, str], sentence: str
) -> None:
    answer = preview(world, client, path, **fields)
    assert answer.status_code == 200
    assert sentence in told(answer)
    assert "applications sampled from 2026-11-20" in told(answer)


def test_button__of_a_segment__shows_the_flags_that_follow(world: World, client: httpx2.Client) -> None:
    fields = {"s.join": "all", "s.attribute": "plan", "s.operator": "in", "s.values": "free"}
    answer = preview(world, client, "/segments/beta/edit", **fields)
    assert "1 flag that follows it would give another value: new_pricing" in told(answer)


def test_button__where_saving_would_be_refused__says_why(world: World, client: httpx2.Client) -> None:
    answer = preview(world, client, f"{EDITOR}/edit", mode="json", json="{", version="")
    assert (answer.status_code, answer.text.count('role="alert"')) == (400, 1)
    assert "is not JSON" in answer.text
    answer = preview(world, client, "/flags/billing_v2/archive")
    assert "is archived" in answer.text


def test_panel__attributes_named__are_broken_down_by(world: World, client: httpx2.Client) -> None:
    answer = preview(world, client, f"{EDITOR}/disable", by="note, targetingKey")
    assert [name for name in ("note", "targetingKey") if f"by {name}</caption>" in answer.text] == [
        "note",
        "targetingKey",
    ]
    assert 'value="note, targetingKey"' in answer.text
    refused = preview(world, client, f"{EDITOR}/disable", by="a b c d e f")
    assert "name at most 5 attributes" in refused.text


def test_button__keeps_what_was_typed(world: World, client: httpx2.Client) -> None:
    answer = preview(world, client, f"{EDITOR}/rollout", percent="63", variant="off", why="soon", ticket="B-1")
    for typed in ('value="63"', 'value="soon"', 'value="B-1"', "<option selected>off</option>"):
        assert typed in answer.text


def test_panel__contexts_with_markup__are_shown_as_text(world: World, client: httpx2.Client) -> None:
    answer = preview(world, client, f"{EDITOR}/disable")
    assert "&lt;b&gt;bold&lt;/b&gt;" in answer.text
    assert "<b>bold</b>" not in answer.text


def test_panel__without_sampled_contexts__tells_the_rules(world: World, client: httpx2.Client) -> None:
    answer = preview(world, client, "/flags/new_pricing/environments/staging/disable")
    assert "There are no sampled contexts: this is computed from the rules alone." in told(answer)


def test_panel__many_variants__is_a_list_of_transitions(world: World, client: httpx2.Client) -> None:
    variants = {f"v{n}": n for n in range(9)}
    split = [{"variant": key, "weight": 11_111 if n else 11_112} for n, key in enumerate(variants)]
    targeting = {"enabled": True, "off_variant": "v0", "fallthrough": {"split": split}}
    many = {"key": "many", "type": "integer", "variants": variants}
    operations = (
        Operation(action="create", subject=flag_subject("default", "many"), value=many),
        Operation(action="create", subject=targeting_subject("default", "many", "production"), value=targeting),
    )
    world.app.changes.apply(SYSTEM_IDENTITY, Change(operations=operations, why="a test"))
    answer = preview(world, client, "/flags/many/environments/production/disable")
    assert '<th scope="col">Then</th>' in answer.text


def test_change_page__with_a_stored_preview__tells_what_it_was_to_do(world: World, client: httpx2.Client) -> None:
    entry = world.app.ask.log(EntryQuery(project="default", flag="new_pricing", limit=1)).entries[0]
    shift = PredictedShift(
        flag="new_pricing",
        environment="production",
        before={"off": 1.0},
        after={"on": 0.25, "off": 0.75},
        changed=0.25,
        basis="rules",
    )
    stored = StoredPreview(seq=entry.seq, count=1, time=entry.time, flags=(shift,))
    world.app.storage.put_cell(PREVIEWS, Cell(preview_key(entry.seq), msgspec.json.encode(stored)))
    page = client.get(f"/changes/{entry.seq}").text
    assert "What it was to do" in page
    assert "new_pricing in production: 25 % get another value, by the rules alone" in page


def test_take_back__previewed__shows_what_it_would_do(world: World, client: httpx2.Client) -> None:
    change = Change(
        operations=(
            Operation(
                action="patch",
                subject=targeting_subject("default", "checkout_colour", "production"),
                value={"enabled": False},
            ),
        ),
        why="a test",
    )
    seq = world.app.changes.apply(SYSTEM_IDENTITY, change).entries[0].seq
    assert "another value" in told(preview(world, client, f"/changes/{seq}/revert"))


@pytest.mark.browser
def test_scripts__a_fold_that_is_opened_and_a_field_that_changes__show_it_by_themselves(world: World) -> None:
    if not CHROMIUM.exists():
        pytest.skip("needs Debian's Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        context = browser.new_context()
        secret = world.app.access.start_session("owner")
        context.add_cookies([{"name": "flagtrail_session", "value": secret, "url": world.url}])
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        before = world.app.ask.state.size
        page.goto(f"{world.url}/flags/new_pricing?environment=production")
        page.get_by_text("Switch off", exact=False).first.click()
        expect(page.locator("#switch-preview")).to_contain_text("would get off instead of on")
        page.get_by_text("Roll out to a percentage").click()
        page.get_by_label("Percentage").fill("100")
        expect(page.locator("#rollout-preview")).to_contain_text("would get on instead of off")
        page.locator("#rollout-by").fill("plan")
        expect(page.locator("#rollout-preview table").nth(1)).to_contain_text("enterprise")
        expect(page.locator("#rollout-by")).to_be_focused()
        page.goto(f"{world.url}{EDITOR}/edit")
        page.get_by_label("Switched on in Production").uncheck()
        expect(page.locator("#targeting-preview")).to_contain_text("would get off instead of on")
        page.get_by_label("Name of rule 1").fill("still being typed")
        expect(page.get_by_label("Name of rule 1")).to_have_value("still being typed")
        assert (said, world.app.ask.state.size) == ([], before)
        browser.close()
