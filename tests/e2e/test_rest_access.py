"""Who may what: tokens, sessions, roles, the demo on this machine; and what becomes of failed attempts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from redis import Redis
from tests.support.documents import boolean_flag
from tests.support.redis_server import running_redis
from tests.support.server import RunningServer, running_server

from flagtrail.server.asgi import configure_logging

Json = Any


def issue(admin: httpx2.Client, key: str, **token: Json) -> str:
    answer = admin.post("/api/v1/tokens", json={"token": {"key": key, **token}, "why": "a test"})
    assert answer.status_code == 201, answer.text
    secret: str = answer.json()["secret"]
    return secret


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param({"Authorization": "Bearer ft_admin_wrong"}, id="wrong"),
        pytest.param({"Authorization": "Basic b3duZXI6eA=="}, id="of another scheme"),
        pytest.param({"Authorization": "Bearer"}, id="empty"),
        pytest.param({"Cookie": "flagtrail_session=wrong"}, id="wrong session"),
    ],
)
def test_a_credential__missing_or_wrong__is_401(server: RunningServer, headers: dict[str, str]) -> None:
    with server.client("", **headers) as nobody:
        answer = nobody.get("/api/v1/me")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/api/docs", "/api/openapi.json"])
def test_an_ungated_address__answers_without_a_credential(server: RunningServer, path: str) -> None:
    with server.client("") as nobody:
        assert nobody.get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/login", 200),
        ("/api/docs", 200),
        ("/api/v1/me", 200),
        ("/api/v1/projects/default/flags", 200),
        ("/api/v1/ledger/export", 200),
        ("/api/v1/projects/nowhere/flags", 404),
    ],
)
def test_head__of_what_get_answers__says_the_same_without_a_body(admin: httpx2.Client, path: str, status: int) -> None:
    got, headed = admin.get(path), admin.head(path)
    assert (headed.status_code, headed.content, got.status_code) == (status, b"", status)
    assert headed.headers["content-type"] == got.headers["content-type"]


def test_head__of_what_is_only_posted_to__is_405_and_says_what_is_taken(admin: httpx2.Client) -> None:
    headed = admin.head("/api/v1/projects/default/evaluate")
    elsewhere = admin.put("/api/v1/projects/default/flags", json={})
    assert (headed.status_code, headed.content, elsewhere.status_code) == (405, b"", 405)
    assert {"GET", "HEAD", "POST"} <= set(elsewhere.headers["allow"].split(", "))


def test_every_answer__has_the_security_headers(server: RunningServer) -> None:
    with server.client("") as nobody:
        headers = nobody.get("/api/v1/me").headers
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers


def test_the_reference_page__loads_nothing_from_elsewhere(server: RunningServer) -> None:
    with server.client("") as nobody:
        page = nobody.get("/api/docs").text
    assert [word for word in ("<script", "http://", "https://") if word in page] == []


def test_a_token__knows_who_it_is(admin: httpx2.Client) -> None:
    told = admin.get("/api/v1/me").json()
    assert (told["actor"]["name"], told["actor"]["kind"], told["role"]) == ("Test", "token", "admin")


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("auditor", 403), ("editor", 201), ("approver", 201), ("admin", 201)]
)
def test_a_role__may_make_a_flag__from_editor_on(
    server: RunningServer, admin: httpx2.Client, project: str, role: str, status: int
) -> None:
    secret = issue(admin, f"{project}-{role}", kind="admin", role=role)
    with server.client(secret) as client:
        answer = client.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("f")})
    assert answer.status_code == status


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("auditor", 200), ("admin", 200)])
def test_the_log_of_everything__is_for_auditors_and_administrators(
    server: RunningServer, admin: httpx2.Client, project: str, role: str, status: int
) -> None:
    secret = issue(admin, f"{project}-log-{role}", kind="admin", role=role)
    with server.client(secret) as client:
        assert client.get("/api/v1/changes").status_code == status


def test_a_token_of_one_project__sees_and_changes_no_other(
    server: RunningServer, admin: httpx2.Client, project: str
) -> None:
    secret = issue(admin, f"{project}-own", kind="admin", role="admin", project=project)
    with server.client(secret) as client:
        assert client.get(f"/api/v1/projects/{project}/flags").status_code == 200
        assert client.get("/api/v1/projects/default/flags").status_code == 403
        keys = [item["subject"]["project"] for item in client.get("/api/v1/projects").json()["items"]]
    assert keys == [project]


@pytest.mark.parametrize("kind", ["client", "server"])
def test_an_sdks_token__reads_no_configuration(
    server: RunningServer, admin: httpx2.Client, project: str, kind: str
) -> None:
    secret = issue(admin, f"{project}-{kind}", kind=kind, project=project, environment="production")
    with server.client(secret) as client:
        paths = [f"projects/{project}/flags", f"projects/{project}/flags/f/history", "ledger/checkpoint", "changes"]
        assert [client.get(f"/api/v1/{path}").status_code for path in paths] == [403] * 4


def test_a_token__revoked__is_refused_at_once(server: RunningServer, admin: httpx2.Client, project: str) -> None:
    secret = issue(admin, f"{project}-revoked", kind="admin")
    with server.client(secret) as client:
        assert client.get("/api/v1/me").status_code == 200
        assert admin.delete(f"/api/v1/tokens/{project}-revoked").status_code == 200
        assert client.get("/api/v1/me").status_code == 401


def test_a_token__expired__is_refused(server: RunningServer, admin: httpx2.Client, project: str) -> None:
    secret = issue(admin, f"{project}-old", kind="admin", expires_at="2020-01-01T00:00:00.000000Z")
    with server.client(secret) as client:
        assert client.get("/api/v1/me").status_code == 401


def test_a_list_of_tokens__holds_no_secret(admin: httpx2.Client, project: str) -> None:
    secret = issue(admin, f"{project}-secret", kind="admin")
    assert secret not in admin.get("/api/v1/tokens").text


def test_a_member__made_and_edited__leaves_an_entry_each(admin: httpx2.Client, project: str) -> None:
    member = {"key": f"{project}-ada", "name": "Ada", "email": f"{project}@example.org"}
    assert admin.post("/api/v1/members", json={"member": member}).status_code == 201
    edited = admin.patch(f"/api/v1/members/{project}-ada", json={"patch": {"role": "editor"}})
    assert (edited.status_code, edited.json()["entries"][0]["actions"]) == (200, ["access_changed"])
    link = admin.post(f"/api/v1/members/{project}-ada/login-link").json()
    assert "/login/" in link["url"]


class Browser:
    """A signed-in browser: its cookie, and the CSRF token that its pages hold."""

    def __init__(self, server: RunningServer, session: str, csrf: str) -> None:
        self.client = server.client("", Cookie=f"flagtrail_session={session}")
        self.csrf = csrf


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """The owner's browser, on a server of its own; the session is made before the server starts."""
    from flagtrail.app.bootstrap import App
    from flagtrail.app.settings import Settings

    app = App(Settings(database=f"sqlite:///{tmp_path}/flagtrail.db"))
    app.first_start()
    secret = app.access.start_session("owner")
    session = app.access.session(secret)
    assert session is not None
    app.close()
    with running_server(tmp_path) as server:
        browser = Browser(server, secret, session.csrf)
        with browser.client:
            yield browser


def test_a_session__reads__without_a_csrf_token(browser: Browser) -> None:
    assert browser.client.get("/api/v1/me").json()["actor"]["auth"] == "session"


@pytest.mark.parametrize(
    ("shown", "status"),
    [
        pytest.param({}, 403, id="none"),
        pytest.param({"X-CSRF-Token": "wrong"}, 403, id="wrong"),
    ],
)
def test_a_session__changing__needs_its_csrf_token(browser: Browser, shown: dict[str, str], status: int) -> None:
    body = {"flag": boolean_flag("f")}
    refused = browser.client.post("/api/v1/projects/default/flags", json=body, headers=shown)
    assert (refused.status_code, refused.json()["code"]) == (status, "forbidden")
    good = browser.client.post("/api/v1/projects/default/flags", json=body, headers={"X-CSRF-Token": browser.csrf})
    assert (good.status_code, good.json()["entries"][0]["actor"]["name"]) == (201, "Owner")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("demo"), demo=True) as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 201, id="of this machine"),
        pytest.param({"Host": "localhost:8080"}, 201, id="by the name localhost"),
        pytest.param({"Origin": "{url}"}, 201, id="from a page of its own"),
        pytest.param({"Host": "flags.example.org"}, 401, id="by a name of elsewhere (DNS rebinding)"),
        pytest.param({"Host": "127.0.0.1.example.org"}, 401, id="by a name that begins like an address"),
        pytest.param({"Origin": "https://example.org"}, 401, id="from a page of elsewhere"),
        pytest.param({"Origin": "http://127.0.0.1:1"}, 401, id="from a page of another port"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 401, id="from another port, by form"),
        pytest.param({"Origin": "null"}, 401, id="from a page of nowhere"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 401, id="from another site"),
        pytest.param({"X-Forwarded-For": "203.0.113.7"}, 401, id="through a proxy"),
    ],
)
def test_the_demo__signs_in_by_itself__on_this_machine_alone(
    demo: RunningServer, headers: dict[str, str], status: int, request: pytest.FixtureRequest
) -> None:
    key = f"f{abs(hash(request.node.name))}"
    sent = {name: value.replace("{url}", demo.url) for name, value in headers.items()}
    with demo.client("", **sent) as client:
        answer = client.post("/api/v1/projects/default/flags", json={"flag": boolean_flag(key)})
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("agent", "via"),
    [pytest.param("curl/8.5", "api", id="any client"), pytest.param("flagtrail-cli/1.0", "cli", id="the command line")],
)
def test_the_demos_own_sign_in__at_the_api__is_recorded_by_its_surface(
    demo: RunningServer, agent: str, via: str
) -> None:
    with demo.client("", **{"User-Agent": agent}) as client:
        answer = client.post("/api/v1/projects/default/flags", json={"flag": boolean_flag(f"by-{via}")})
    entry = answer.json()["entries"][0]
    assert (entry["actor"]["via"], entry["source"]["via"]) == (via, via)


def test_a_session__at_the_api__is_recorded_as_the_api(browser: Browser) -> None:
    shown = {"X-CSRF-Token": browser.csrf}
    answer = browser.client.post("/api/v1/projects/default/flags", json={"flag": boolean_flag("f")}, headers=shown)
    entry = answer.json()["entries"][0]
    assert (entry["actor"]["auth"], entry["actor"]["via"], entry["source"]["via"]) == ("session", "api", "api")


def test_a_session__at_a_page__is_recorded_as_the_web(browser: Browser) -> None:
    form = {"csrf": browser.csrf, "key": "paged", "name": "Paged"}
    browser.client.post("/projects", data=form)
    entries = browser.client.get("/api/v1/projects/paged/changes").json()["items"]
    assert {(entry["actor"]["via"], entry["source"]["via"]) for entry in entries} == {("web", "web")}


def test_the_demo__by_a_link_from_elsewhere__reads(demo: RunningServer) -> None:
    with demo.client("", **{"Sec-Fetch-Site": "cross-site"}) as client:
        assert client.get("/api/v1/me").json()["actor"]["name"] == "Owner"


def test_without_demo__this_machine__is_signed_in_by_nothing(server: RunningServer) -> None:
    with server.client("") as client:
        assert client.get("/api/v1/me").status_code == 401


def test_failed_credentials__are_recorded__added_up_per_minute(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        with server.client("ft_admin_wrong") as client:
            statuses = {client.get("/api/v1/me").status_code for _ in range(3)}
        server.stop()
    with running_server(tmp_path) as server, server.client() as admin:
        items = admin.get("/api/v1/changes", params={"kind": "signin"}).json()["items"]
    assert statuses == {401}
    assert (sum(item["after"]["attempts"] for item in items), len(items) <= 2) == (3, True)
    assert {(item["actor"]["kind"], tuple(item["actions"])) for item in items} == {("system", ("signin_failed",))}


@pytest.mark.slow
def test_failed_credentials__at_two_replicas_with_redis__are_counted_together(tmp_path: Path) -> None:
    with (
        running_redis(tmp_path) as redis,
        running_server(tmp_path, redis=redis.url) as first,
        running_server(tmp_path, redis=redis.url) as second,
        Redis.from_url(redis.url) as shared,
    ):
        with first.client("ft_admin_wrong") as client:
            statuses = {client.get("/api/v1/me").status_code for _ in range(20)}
        assert told(shared, 20)
        with second.client("ft_admin_wrong") as client:
            statuses |= {client.get("/api/v1/me").status_code for _ in range(10)}
            assert told(shared, 30)
            after = client.get("/api/v1/me").status_code
        with second.client() as admin:
            good = admin.get("/api/v1/me").status_code

    assert (statuses, after, good) == ({401}, 429, 200)


def told(shared: Redis, count: int) -> bool:
    """Whether the replicas have counted so many failures of this machine together."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (found,) = [shared.get(key) for key in shared.scan_iter("flagtrail/*/limit/failures/127.0.0.1")] or [None]
        if found == str(count).encode():
            time.sleep(0.2)  # its answer has come, too
            return True
        time.sleep(0.02)
    return False


def test_failed_credentials__too_many_of_them__are_429_until_a_minute_passed(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, server.client("ft_admin_wrong") as client:
        statuses = [client.get("/api/v1/me").status_code for _ in range(31)]
        answer = client.get("/api/v1/me")
        with server.client() as admin:
            good = admin.get("/api/v1/me").status_code
    assert statuses == [*[401] * 30, 429]
    assert (answer.status_code, answer.json()["code"], good) == (429, "too_many_requests", 200)
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_port_in_use__is_told_with_the_setting(server: RunningServer) -> None:
    from flagtrail.model.errors import SettingInvalid
    from flagtrail.server.asgi import bind

    port = int(server.url.rsplit(":", 1)[1])
    with pytest.raises(SettingInvalid, match="FLAGTRAIL_PORT"):
        bind("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_a_host_that_is_not_here__is_told_with_its_own_setting(host: str) -> None:
    from flagtrail.model.errors import SettingInvalid
    from flagtrail.server.asgi import bind

    with pytest.raises(SettingInvalid, match="choose another with --host or FLAGTRAIL_HOST"):
        bind(host, 0)


def test_the_log__from_start_to_stop__is_json_line_by_line(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        with server.client() as client:
            client.get("/api/v1/me")
        server.stop()
        lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    events = [line["event"] for line in lines]
    assert [line for line in lines if not {"event", "level", "timestamp"} <= line.keys()] == []
    assert {"server.started", "request.done", "Shutting down"} <= set(events)


def test_a_librarys_record__is_json_too__from_warnings_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    configure_logging("info")
    library = logging.getLogger("some.library")
    library.info("POST https://hooks.example.org/secret")
    try:
        int("no number")
    except ValueError:
        library.exception("it broke at %s", "start")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"], line["logger"]) for line in lines] == [
        ("it broke at start", "error", "some.library")
    ]
    assert "ValueError: invalid literal" in lines[0]["exception"]
