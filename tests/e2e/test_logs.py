"""The log tells what happened, and never whom it concerns or what opens anything: every surface is driven."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import msgspec
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled
from tests.support.receiver import Receiver, receiving
from tests.support.server import RunningServer, running_server

EMAIL = "margarethe.quist@example.org"
NAME = "Margarethe Quist"
PASSWORD = "correct horse battery"
TARGETING_KEY = "customer-8812734"
METRICS = "metrics-token-0123456789"
WEBHOOK_SECRET = f"whsec_{'MDEyMzQ1' * 4}"
WHY = "because Margarethe asked for it by telephone"
WRONG = "ft_admin_wrong-token-that-somebody-guessed"


class Driven(NamedTuple):
    """What the log says after everything was asked, and the secrets that were used."""

    lines: list[str]
    secrets: dict[str, str]


def change(admin: httpx2.Client) -> dict[str, str]:
    """Members, tokens, flags: what holds names and secrets. The secrets that it was answered."""
    member = {"member": {"key": "mq", "name": NAME, "email": EMAIL, "role": "editor"}, "why": WHY}
    assert admin.post("/api/v1/members", json=member).status_code == 201
    link = admin.post("/api/v1/members/mq/login-link", json={}).json()
    admin.post("/api/v1/members/mq/password", json={"password": PASSWORD})
    server = {"key": "s", "kind": "server", "project": "default", "environment": "production"}
    secret = admin.post("/api/v1/tokens", json={"token": server, "why": WHY}).json()["secret"]
    flag = boolean_flag("f", tags=["critical"])
    body = {"flag": flag, "targeting": {"production": enabled()}, "why": WHY}
    assert admin.post("/api/v1/projects/default/flags", json=body).status_code == 201
    segment = {"segment": {"key": "vip", "when": attribute_test("email", "in", EMAIL)}, "why": WHY}
    assert admin.post("/api/v1/projects/default/segments", json=segment).status_code == 201
    return {"login link": str(link), "server token": str(secret)}


def evaluate(server: RunningServer, secret: str) -> None:
    context = {"targetingKey": TARGETING_KEY, "email": EMAIL}
    counts = [{"flag": "f", "variant": "on", "rule": "", "count": 1}]
    with server.client(secret) as client:
        for body in ({"context": context}, {"context": EMAIL}, {"context": {"targetingKey": 5, "email": EMAIL}}):
            client.post("/ofrep/v1/evaluate/flags/f", json=body)
            client.post("/ofrep/v1/evaluate/flags", json=body)
        report = {
            "id": "0123456789abcdef",
            "sdk": f"sdk of {NAME}",
            "application": EMAIL,
            "periods": [{"ago": 0, "counts": [*counts, {**counts[0], "flag": f"!{EMAIL}"}]}],
            "contexts": [context],
        }
        client.post("/sdk/v1/usage", json=report)
        client.post("/sdk/v1/usage", json={**report, "extra": EMAIL})
        client.post("/otlp/v1/logs", content=EMAIL.encode(), headers={"Content-Type": "application/json"})
        client.get("/sdk/v1/ruleset")
        with client.stream("GET", "/sdk/v1/stream") as stream:
            next(stream.iter_bytes())


def ask(admin: httpx2.Client) -> None:
    for path in (
        "changes",
        f"changes?actor={EMAIL}",
        f"changes?text={EMAIL}",
        f"changes?typo={EMAIL}",
        f"members/{EMAIL}",
        f"projects/default/flags/{EMAIL}",
        "projects/default/flags/f/history",
        "ledger/checkpoint",
        "ledger/export",
        "alerts",
        "me",
    ):
        admin.get(f"/api/v1/{path}")
    context = {"targetingKey": TARGETING_KEY, "email": EMAIL}
    admin.post("/api/v1/projects/default/evaluate", json={"environment": "production", "context": context})
    admin.post("/api/v1/projects/default/evaluate", json={"environment": EMAIL, "context": EMAIL})
    admin.post("/api/v1/members", json={"member": {"key": "x", "email": EMAIL, "password": PASSWORD}})
    admin.post("/api/v1/members", content=f'{{"email": "{EMAIL}"'.encode())
    admin.post("/api/v1/alerts/test", json={"channel": "slack"})
    admin.get("/metrics")


def sign_in(server: RunningServer, link: str) -> str:
    """Sign in by the link and by password, rightly and wrongly; the session's secret."""
    found = re.search(r"/login/([\w-]+)", link)
    assert found is not None
    with server.client("") as browser:
        browser.get(f"/login/{found[1]}", follow_redirects=True)
        browser.post("/login", data={"token": found[1]}, headers={"Sec-Fetch-Site": "same-origin"})
        session = browser.cookies.get("flagtrail_session") or ""
        for page in ("/", "/account", f"/changes?actor={EMAIL}", "/members", f"/flags/{EMAIL}"):
            browser.get(page)
    with server.client("") as stranger:
        stranger.get(f"/login/{found[1]}")
        stranger.get(f"/login?token={found[1]}")
        for password in ("wrong", PASSWORD):
            stranger.post("/login", data={"email": EMAIL, "password": password})
    with server.client(WRONG) as guesser:
        for path in ("/api/v1/me", "/ofrep/v1/evaluate/flags", "/sdk/v1/ruleset", "/metrics"):
            guesser.get(path, headers={"X-Forwarded-For": "192.0.2.7"})
    return session


def fail(server: RunningServer, admin: httpx2.Client) -> None:
    """The ledger takes no entry for a while: what the server logs of its own failures."""
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        database.execute("CREATE TRIGGER broken BEFORE INSERT ON ledger_entry BEGIN SELECT raise(ABORT, 'broken'); END")
        member = {"member": {"key": "other", "name": NAME, "email": f"other.{EMAIL}"}, "why": WHY}
        assert admin.post("/api/v1/members", json=member).status_code == 503
        database.execute("DROP TRIGGER broken")


def alerted(receiver: Receiver, admin: httpx2.Client) -> None:
    """A critical change is alerted: refused for good first, then dropped, then taken."""
    for status in (410, 500, 204):
        receiver.status = status
        before = len(receiver.received)
        action = "enable" if status == 500 else "disable"
        admin.post(f"/api/v1/projects/default/flags/f/environments/production/{action}", json={"why": WHY})
        deadline = time.monotonic() + 60
        while len(receiver.received) == before:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)


@pytest.fixture(scope="module", params=["info", "debug"])
def driven(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driven]:
    folder = tmp_path_factory.mktemp("logs")
    with (
        receiving() as receiver,
        running_server(
            folder,
            log_level=request.param,
            metrics_token=METRICS,
            alert_private_targets="true",
            slack_webhook=receiver.url,
            webhook_url=receiver.url,
            webhook_secret=WEBHOOK_SECRET,
        ) as server,
        server.client() as admin,
    ):
        secrets = change(admin)
        evaluate(server, secrets["server token"])
        ask(admin)
        session = sign_in(server, secrets["login link"])
        fail(server, admin)
        alerted(receiver, admin)
        hook = urlsplit(receiver.url)
        secrets |= {
            "admin token": server.token,
            "session": session,
            "webhook": hook.path,
            "webhook host": hook.netloc,
            "webhook secret": WEBHOOK_SECRET,
            "metrics token": METRICS,
            "password": PASSWORD,
            "login link": secrets["login link"].rpartition("/login/")[2].split("'")[0].split('"')[0],
            "owner link": server.login or "",
            "guess": WRONG,
            "key": (folder / "flagtrail.key").read_text().strip(),
        }
        server.stop()
        yield Driven(server.log.read_text().splitlines(), secrets)


SECRETS = (
    *("admin token", "server token", "login link", "owner link", "session", "password", "guess", "key"),
    *("webhook", "webhook host", "webhook secret", "metrics token"),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", SECRETS)
def test_the_log__of_everything__holds_no_secret(driven: Driven, name: str) -> None:
    secret = driven.secrets[name]

    assert len(secret) >= 10
    assert [line for line in driven.lines if secret in line] == []


@pytest.mark.slow
@pytest.mark.parametrize("text", [EMAIL, NAME, TARGETING_KEY, WHY, "192.0.2.7", "127.0.0.1:"])
def test_the_log__of_everything__names_nobody(driven: Driven, text: str) -> None:
    held = [line for line in driven.lines if text in line]

    assert [line for line in held if "server.started" not in line and "Uvicorn running" not in line] == []


@pytest.mark.slow
def test_the_log__of_everything__has_no_address_of_mail_at_all(driven: Driven) -> None:
    assert [line for line in driven.lines if re.search(r"[\w.+-]+@[\w-]+\.\w+", line)] == []


@pytest.mark.slow
def test_the_log__of_everything__is_json_and_tells_what_happened(driven: Driven) -> None:
    events = {msgspec.json.decode(line)["event"] for line in driven.lines}

    assert {"server.started", "request.done", "request.failed", "alert.failed", "sync.stream_ended"} <= events


HASTE = """
import logging, threading
import structlog
from flagtrail.server.asgi import configure_logging

configure_logging("info")
ours, theirs = structlog.get_logger(), logging.getLogger("uvicorn")

def tell():
    for number in range(300):
        ours.info("ours", number=number)
        theirs.warning("theirs %s", number)

threads = [threading.Thread(target=tell) for _ in range(8)]
for thread in threads:
    thread.start()
"""


def test_lines__of_many_threads_by_two_libraries__are_whole() -> None:
    done = subprocess.run([sys.executable, "-c", HASTE], capture_output=True, check=True)

    assert [msgspec.json.decode(line)["level"] for line in done.stderr.splitlines()].count("warning") == 2400
