"""What the Python SDK evaluates arrives at the server: each evaluation once, and of contexts what was allowed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx2
import msgspec
from tests.support.documents import boolean_flag, enabled
from tests.support.server import RunningServer

from flagtrail.sdk.client import Client
from flagtrail.sdk.options import Options

EVALUATIONS = 1_000


def test_what_an_application_evaluated__is_counted_once_and_under_its_name(
    server: RunningServer, admin: httpx2.Client, project: str
) -> None:
    body = {"flag": boolean_flag("switch"), "targeting": {"production": enabled()}, "why": "a test"}
    admin.post(f"/api/v1/projects/{project}/flags", json=body).raise_for_status()
    document = {"key": f"sdk-{project}", "kind": "server", "project": project, "environment": "production"}
    secret = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"}).json()["secret"]
    options = Options(
        url=server.url,
        token=secret,
        application="shop/1.4.2",
        flush_every=0.1,
        sample_contexts=5,
        sample_attributes=("plan",),
    )
    client = Client(options)
    client.start(wait=60)
    for number in range(EVALUATIONS):
        client.get_boolean(
            "switch", default=False, context={"targetingKey": f"u{number}", "plan": "pro", "name": "Ada"}
        )
    client.close()
    found = admin.get(f"/api/v1/projects/{project}/flags/switch/usage").json()
    with closing(sqlite3.connect(server.database, timeout=60)) as database:
        rows = database.execute("SELECT context FROM usage_context WHERE project = ?", (project,)).fetchall()

    assert [(row["application"], row["count"]) for row in found["clients"]] == [("shop/1.4.2", EVALUATIONS)]
    assert found["clients"][0]["client"].startswith("flagtrail-python/")
    assert {tuple(msgspec.json.decode(row[0]).items()) for row in rows} == {(("plan", "pro"),)}
