"""What a change would do, over HTTP and on the command line: answered in full, and nothing is changed by asking."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.command_line import Outcome, flagtrail_in
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer, running_server

Json = Any
PRO = attribute_test("plan", "equals", "pro")
CONTEXTS = [{"targetingKey": f"u{n}", "plan": "pro" if n % 4 == 0 else "free"} for n in range(200)]
P = "/api/v1/projects/default"
SHOP = f"{P}/flags/shop/environments/production"
COLUMNS = "before -> after"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A flag that follows a segment, one that needs the first, and the sampled contexts of an application."""
    with running_server(tmp_path_factory.mktemp("preview")) as server, server.client() as admin:
        pilots = {"key": "pilots", "when": attribute_test("plan", "in", "enterprise")}
        _done(admin.post(f"{P}/segments", json={"segment": pilots, "why": "a test"}))
        shop = enabled(rules=[rule({"segment": "pilots"})], fallthrough={"variant": "off"})
        needing = enabled(prerequisites=[{"flag": "shop", "variants": ["on"]}])
        for key, targeting in (("shop", shop), ("basket", needing), ("alone", enabled())):
            body = {"flag": boolean_flag(key), "targeting": {"production": targeting}, "why": "a test"}
            _done(admin.post(f"{P}/flags", json=body))
        token = {"key": "sdk", "kind": "server", "project": "default", "environment": "production"}
        secret = _done(admin.post("/api/v1/tokens", json={"token": token, "why": "a test"}))["secret"]
        with server.client(secret) as sdk:
            report = {"id": secrets.token_hex(16), "sdk": "test/1", "periods": [], "contexts": CONTEXTS}
            assert sdk.post("/sdk/v1/usage", json=report).status_code == 202
        yield server


def _done(answer: httpx2.Response) -> Json:
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def admin(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


def ask(admin: httpx2.Client, path: str, body: Json) -> Json:
    """The preview; the ledger is as long after it as it was before."""
    before = admin.get("/api/v1/ledger/checkpoint").text
    found = _done(admin.post(path, json=body))
    assert admin.get("/api/v1/ledger/checkpoint").text == before
    return found


def moved(found: Json) -> dict[str, int]:
    return {flag["flag"]: flag["changed"]["count"] for flag in found["flags"]}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        pytest.param(f"{SHOP}/preview", {"targeting": enabled()}, {"shop": 200, "basket": 200}, id="whole targeting"),
        pytest.param(
            f"{SHOP}/preview", {"patch": {"rules": [rule(PRO)]}}, {"shop": 50, "basket": 50}, id="patch of a targeting"
        ),
        pytest.param(f"{SHOP}/preview", {"percent": 100}, {"shop": 200, "basket": 200}, id="rollout"),
        pytest.param(f"{SHOP}/preview", {"enabled": False, "why": ""}, {"shop": 0}, id="switch"),
        pytest.param(
            f"{P}/segments/pilots/preview",
            {"segment": {"key": "pilots", "when": PRO}},
            {"shop": 50, "basket": 50},
            id="whole segment",
        ),
        pytest.param(
            f"{P}/segments/pilots/preview",
            {"patch": {"when": PRO}},
            {"shop": 50, "basket": 50},
            id="patch of a segment",
        ),
        pytest.param(
            f"{P}/flags/alone/preview",
            {"patch": {"variants": {"on": True, "off": False, "maybe": False}}},
            {"alone": 0},
            id="patch of a flag",
        ),
        pytest.param(
            f"{P}/flags/alone/preview", {"flag": boolean_flag("alone", archived=True)}, {"alone": 200}, id="flag"
        ),
        pytest.param(f"{P}/flags/alone/preview", {"delete": True}, {"alone": 200}, id="deletion"),
        pytest.param(
            f"{P}/preview",
            {
                "operations": [
                    {"action": "patch", "subject": {"kind": "segment", "key": "pilots"}, "value": {"when": PRO}},
                    {
                        "action": "patch",
                        "subject": {"kind": "targeting", "flag": "alone", "environment": "production"},
                        "value": {"enabled": False},
                    },
                ]
            },
            {"alone": 200, "shop": 50, "basket": 50},
            id="several documents",
        ),
    ],
)
def test_preview__each_kind_of_change__counts_contexts_that_get_another_value(
    admin: httpx2.Client, path: str, body: Json, expected: dict[str, int]
) -> None:
    found = ask(admin, path, body)
    assert moved(found) == expected
    assert (found["population"]["source"], found["population"]["size"]) == ("sampled", 200)


def test_preview__the_answer__tells_it_in_words_with_the_matrix_the_breakdown_and_examples(
    admin: httpx2.Client,
) -> None:
    found = ask(admin, f"{SHOP}/preview", {"patch": {"rules": [rule(PRO)]}})
    assert found["words"][0] == (
        "About 25 % of the 200 sampled contexts (50) would get on instead of off (95 %: 20 % to 31 %). "
        "By plan: pro 100 %, free 0 %."
    )
    first = found["flags"][0]["transitions"][0]
    assert (first["before"], first["after"], first["differs"], first["contexts"]["count"]) == ("off", "on", True, 50)
    assert {example["plan"] for example in first["examples"]} == {"pro"}
    assert found["flags"][0]["breakdowns"][0]["attribute"] == "plan"


def test_preview__contexts_in_the_body__are_the_population(admin: httpx2.Client) -> None:
    body = {"percent": 100, "contexts": [{"targetingKey": "u1", "a": 1}], "drawn_from": 7, "by": ["a"]}
    found = ask(admin, f"{SHOP}/preview", body)
    assert found["population"] == {"source": "given", "size": 1, "of": 7, "since": "", "until": ""}


def test_preview__no_sampled_contexts__is_by_the_rules_alone(admin: httpx2.Client) -> None:
    staging = f"{P}/flags/shop/environments/staging"
    found = ask(admin, f"{staging}/preview", {"targeting": enabled(fallthrough=split(25_000, 75_000))})
    assert found["words"][0] == "Of all contexts, 25 % get on instead of off."
    assert found["flags"][0]["rules"]["changed"] == 0.25


def test_preview__so_already__says_so(admin: httpx2.Client) -> None:
    assert ask(admin, f"{SHOP}/preview", {"enabled": True})["words"] == ["It is so already: this alters nothing."]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        pytest.param(f"{SHOP}/preview", {}, 400, "malformed_request", id="nothing would be changed"),
        pytest.param(f"{SHOP}/preview", {"enabled": True, "percent": 5}, 400, "malformed_request", id="two changes"),
        pytest.param(f"{SHOP}/preview", {"typo": 1}, 400, "malformed_request", id="unknown member"),
        pytest.param(f"{SHOP}/preview", {"percent": 500}, 422, "invalid_document", id="bad percentage"),
        pytest.param(f"{SHOP}/preview", {"targeting": {"x": 1}}, 422, "invalid_document", id="bad targeting"),
        pytest.param(f"{SHOP}/preview", {"enabled": False, "version": 99}, 409, "version_conflict", id="moved"),
        pytest.param(f"{SHOP}/preview", {"enabled": False, "contexts": []}, 422, "invalid_document", id="nobody"),
        pytest.param(
            f"{SHOP}/preview",
            {"enabled": False, "contexts": [{"targetingKey": 1}, {"a": "x" * 9_000}]},
            422,
            "invalid_document",
            id="bad contexts",
        ),
        pytest.param(
            f"{SHOP}/preview", {"enabled": False, "by": list("abcdef")}, 400, "invalid_query", id="too many by"
        ),
        pytest.param(f"{P}/flags/nope/preview", {"patch": {}}, 404, "not_found", id="no such flag"),
        pytest.param(f"{P}/flags/shop/preview", {"delete": True}, 409, "in_use", id="others need it"),
        pytest.param(
            f"{P}/segments/pilots/preview",
            {"patch": {"description": "x"}, "environment": "nowhere"},
            404,
            "not_found",
            id="no such environment",
        ),
        pytest.param("/api/v1/projects/nope/preview", {"operations": []}, 400, "malformed_request", id="no operation"),
        pytest.param(
            f"{P}/preview",
            {"operations": [{"action": "delete", "subject": {"kind": "flag", "project": "other", "flag": "shop"}}]},
            400,
            "malformed_request",
            id="of another project",
        ),
        pytest.param(
            f"{P}/preview",
            {"operations": [{"action": "delete", "subject": {"kind": "member", "key": "owner"}}]},
            400,
            "malformed_request",
            id="no document of a project",
        ),
    ],
)
def test_preview__what_the_change_would_be_refused_for__is_refused(
    admin: httpx2.Client, path: str, body: Json, status: int, code: str
) -> None:
    answer = admin.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_preview__bad_contexts__are_all_named(admin: httpx2.Client) -> None:
    body = {"enabled": False, "contexts": [{}, {"targetingKey": 1}, {"a": "x" * 9_000}]}
    defects = admin.post(f"{SHOP}/preview", json=body).json()["defects"]
    assert [defect["path"] for defect in defects] == ["/contexts/1/targetingKey", "/contexts/2"]


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("auditor", 403), ("editor", 200)])
def test_preview__is_for_whoever_may_make_the_change(
    server: RunningServer, admin: httpx2.Client, role: str, status: int
) -> None:
    token = {"key": f"as-{role}", "kind": "admin", "role": role}
    secret = _done(admin.post("/api/v1/tokens", json={"token": token, "why": "a test"}))["secret"]
    operation = {"action": "patch", "subject": {"kind": "flag", "flag": "shop"}, "value": {"owner": "x"}}
    with server.client(secret) as client:
        answers = [
            client.post(f"{SHOP}/preview", json={"enabled": False}),
            client.post(f"{P}/preview", json={"operations": [operation]}),
        ]
    assert [answer.status_code for answer in answers] == [status, status]


def test_a_change__has_its_preview_stored_soon_after(
    server: RunningServer, admin: httpx2.Client, tmp_path: Path
) -> None:
    staged = {"patch": {"fallthrough": {"variant": "off"}, "rules": [rule(PRO)]}, "why": "a test"}
    entry = _done(admin.patch(f"{P}/flags/alone/environments/production", json=staged))["entries"][0]
    until = time.monotonic() + 15
    found: Json = None
    while found is None and time.monotonic() < until:
        time.sleep(0.1)
        found = _done(admin.get(f"{P}/changes/{entry['seq']}"))["preview"]
    assert [(each["flag"], each["before"], each["after"], each["sample"]) for each in found["flags"]] == [
        ("alone", {"on": 1.0}, {"on": 0.25, "off": 0.75}, 200)
    ]
    shown = flagtrail_in(
        tmp_path, "show", str(entry["seq"]), FLAGTRAIL_URL=server.url, FLAGTRAIL_TOKEN=server.token
    ).out
    assert "predicted\n  alone in production: 75 % get another value" in shown


def test_taking_a_change_back__is_previewed_as_any_other(
    server: RunningServer, admin: httpx2.Client, tmp_path: Path
) -> None:
    off = {"patch": {"enabled": False}, "why": "a test"}
    seq = _done(admin.patch(f"{P}/flags/alone/environments/production", json=off))["entries"][0]["seq"]
    found = ask(admin, f"{P}/changes/{seq}/preview", {})
    assert (found["environment"], list(moved(found))) == ("production", ["alone"])
    assert run(server, tmp_path, "--revert", str(seq)).out.startswith(found["words"][0])
    elsewhere = ask(admin, f"{P}/changes/{seq}/preview", {"environment": "staging"})
    assert elsewhere["words"] == ["Nothing that a flag serves in staging changes."]
    _done(admin.patch(f"{P}/flags/alone/environments/production", json={"patch": {"enabled": True}, "why": "a test"}))
    assert ask(admin, f"{P}/changes/{seq}/preview", {})["words"] == ["It is so already: this alters nothing."]


def test_taking_a_change_back__of_another_project__is_not_found(admin: httpx2.Client) -> None:
    first = admin.post(f"{P}/changes/0/preview", json={})
    assert (first.status_code, first.json()["code"]) == (404, "not_found")


# On the command line


def run(server: RunningServer, folder: Path, *arguments: str, stdin: str = "") -> Outcome:
    return flagtrail_in(
        folder, "preview", *arguments, stdin=stdin, FLAGTRAIL_URL=server.url, FLAGTRAIL_TOKEN=server.token
    )


@pytest.mark.parametrize(
    ("arguments", "count"),
    [(("--rollout", "100"), 200), (("--disable",), 0), (("--file", "pro.json"), 50), (("--rollout", "0"), 0)],
)
def test_command__each_way_to_say_it__tells_it_in_words_and_tables(
    server: RunningServer, tmp_path: Path, arguments: tuple[str, ...], count: int
) -> None:
    (tmp_path / "pro.json").write_text(
        '{"enabled": true, "off_variant": "off", "fallthrough": {"variant": "off"}, "rules": [{"id": "r", "when": '
        '{"attribute": "plan", "operator": "equals", "values": ["pro"]}, "serve": {"variant": "on"}}]}'
    )
    outcome = run(server, tmp_path, "shop", *arguments)
    assert (outcome.code, outcome.err) == (0, "")
    assert (f"({count})" in outcome.out.splitlines()[0]) == (0 < count < 200)
    assert COLUMNS in outcome.out


def test_command__a_segment__tells_the_flags_that_follow(server: RunningServer, tmp_path: Path) -> None:
    condition = '{"attribute": "plan", "operator": "equals", "values": ["pro"]}'
    outcome = run(server, tmp_path, "--segment", "pilots", "--file", "-", "--by", "plan", stdin=condition)
    assert outcome.code == 0
    assert outcome.out.startswith("2 flags that follow it would give another value: basket (25 %), shop (25 %).")
    assert 'off -> on, for example {"targetingKey":' in outcome.out


def test_command__as_json__is_the_answer_of_the_api(server: RunningServer, tmp_path: Path) -> None:
    assert moved(run(server, tmp_path, "shop", "--rollout", "100", "--json").json) == {"shop": 200, "basket": 200}


def test_command__by_the_rules_alone__tells_the_cases(server: RunningServer, tmp_path: Path) -> None:
    outcome = run(server, tmp_path, "alone", "--enable", "--env", "staging")
    assert outcome.out.splitlines()[0] == "Of all contexts, 100 % get on instead of off."
    assert "computed from the rules alone" in outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--enable",),
        ("shop",),
        ("shop", "--enable", "--rollout", "5"),
        ("shop", "--enable", "--variant", "on"),
        ("shop", "--segment", "pilots", "--enable"),
        ("--segment", "pilots", "--enable"),
        ("--revert", "5", "--enable"),
        ("shop", "--revert", "5"),
        ("shop", "--enable", "--population", "missing.csv"),
        ("shop", "--enable", "--population", "p.xlsx"),
        ("shop", "--enable", *("--by", "a") * 6),
    ],
)
def test_command__wrong_usage__says_so(server: RunningServer, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(server, tmp_path, *arguments).code == 2
