"""/metrics: what it counts, who may read it, and that all of it stands in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx2
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from tests.support.documents import boolean_flag, enabled
from tests.support.faults import until
from tests.support.server import RunningServer, running_server

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
SECRET = "a-token-for-prometheus"
_numbers = count(1)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose metrics have a token."""
    with running_server(tmp_path_factory.mktemp("guarded"), metrics_token=SECRET) as server:
        yield server


Labels = tuple[tuple[str, str], ...]


def measured(client: httpx2.Client) -> dict[tuple[str, Labels], float]:
    """Every sample by its name and sorted labels."""
    text = client.get("/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read_text(text)
        for sample in family.samples
    }


def increase(
    before: dict[tuple[str, Labels], float], after: dict[tuple[str, Labels], float], name: str, **labels: str
) -> float:
    key = (name, tuple(sorted(labels.items())))
    return after[key] - before.get(key, 0.0)


def token(admin: httpx2.Client, kind: str, **fields: str) -> str:
    document = {"key": f"m{next(_numbers)}", "kind": kind, **fields}
    secret: str = admin.post("/api/v1/tokens", json={"token": document, "why": "a test"}).json()["secret"]
    return secret


def furnish(admin: httpx2.Client) -> str:
    """A project with one flag, on in production; its key."""
    key = f"m{next(_numbers)}"
    admin.post("/api/v1/projects", json={"key": key, "why": "a test"})
    flag = {"flag": boolean_flag("f"), "targeting": {"production": enabled()}, "why": "a test"}
    assert admin.post(f"/api/v1/projects/{key}/flags", json=flag).status_code == 201
    return key


def test_changes__are_counted_by_action_and_timed(admin: httpx2.Client, project: str) -> None:
    before = measured(admin)
    admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("f"), "why": "a test"})
    admin.post(f"/api/v1/projects/{project}/flags/f/environments/production/enable", json={"why": "a test"})
    after = measured(admin)

    assert [
        increase(before, after, "flagtrail_changes_total"),
        increase(before, after, "flagtrail_entries_total"),
        increase(before, after, "flagtrail_ledger_size"),
        increase(before, after, "flagtrail_actions_total", action="enabled"),
        increase(before, after, "flagtrail_append_seconds_count"),
        increase(before, after, "flagtrail_append_seconds_bucket", le="+Inf"),
    ] == [2, 2, 2, 1, 2, 2]


def test_evaluations_and_requests__are_counted(admin: httpx2.Client, server: RunningServer) -> None:
    project = furnish(admin)
    secret = token(admin, "client", project=project, environment="production")
    before = measured(admin)
    with server.client(secret) as client:
        for _ in range(3):
            client.post("/ofrep/v1/evaluate/flags/f", json={"context": {}})
        client.post("/ofrep/v1/evaluate/flags", json={"context": {}})
        client.post("/ofrep/v1/evaluate/flags/unknown", json={"context": {}})
    labels = {"project": project, "environment": "production", "client": "ofrep"}

    def flushed() -> bool:
        counted = [
            value
            for (name, given), value in measured(admin).items()
            if name == "flagtrail_evaluations_total" and ("project", project) in given
        ]
        return sum(counted) >= 4

    assert until(flushed)
    after = measured(admin)
    assert [
        increase(before, after, "flagtrail_evaluations_total", **labels),
        increase(before, after, "flagtrail_evaluations_total", **{**labels, "client": "ofrep-bulk"}),
        increase(before, after, "flagtrail_requests_total", surface="ofrep", status="2xx"),
        increase(before, after, "flagtrail_requests_total", surface="ofrep", status="4xx"),
    ] == [3, 1, 4, 1]


def test_reports_and_streams__are_counted(admin: httpx2.Client, server: RunningServer) -> None:
    project = furnish(admin)
    secret = token(admin, "server", project=project, environment="production")
    counts = [{"flag": "f", "variant": "on", "rule": "", "count": 7}]
    report = {"id": f"{project}-0123456789abcdef", "sdk": "test/1", "periods": [{"ago": 0, "counts": counts}]}
    place = {"project": project, "environment": "production"}
    before = measured(admin)
    with server.client(secret) as client:
        for _ in range(2):
            client.post("/sdk/v1/usage", json=report)
        with client.stream("GET", "/sdk/v1/stream"):
            during = measured(admin)

    assert [
        increase(before, during, "flagtrail_reports_total", outcome="added"),
        increase(before, during, "flagtrail_reports_total", outcome="repeated"),
        increase(before, during, "flagtrail_reported_evaluations_total"),
        increase(before, during, "flagtrail_requests_total", surface="reports", status="2xx"),
        increase(before, during, "flagtrail_requests_total", surface="sync", status="2xx"),
        during["flagtrail_streams", tuple(sorted(place.items()))],
    ] == [1, 1, 7, 2, 1, 1]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_metrics__in_either_format__can_be_read_by_its_parser(admin: httpx2.Client, accept: str) -> None:
    answer = admin.get("/metrics", headers={"Accept": accept})
    read = read_openmetrics if "openmetrics" in accept else read_text

    assert answer.headers["content-type"].startswith(accept)
    assert {"flagtrail_build_info", "flagtrail_append_seconds"} <= {family.name for family in read(answer.text)}


@pytest.mark.parametrize(
    ("role", "status"), [("viewer", 403), ("editor", 403), ("approver", 403), ("auditor", 200), ("admin", 200)]
)
def test_metrics__asked_from_elsewhere__are_for_overseers(guarded: RunningServer, role: str, status: int) -> None:
    with guarded.client() as owner:
        secret = token(owner, "admin", role=role)
    with guarded.client(secret, **{"X-Forwarded-For": "192.0.2.7"}) as client:
        assert client.get("/metrics").status_code == status


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {SECRET}", 200),
        (f"bearer {SECRET}", 200),
        (f"Bearer {SECRET}x", 401),
        (f"Basic {SECRET}", 401),
        ("Bearer", 401),
        ("", 401),
    ],
    ids=["the token", "any case", "another", "another scheme", "no token", "nothing"],
)
def test_metrics__with_a_token_of_their_own__take_that_alone(
    guarded: RunningServer, authorization: str, status: int
) -> None:
    given = {"Authorization": authorization} if authorization else {}
    with guarded.client("", **given, **{"X-Forwarded-For": "192.0.2.7"}) as client:
        assert client.get("/metrics").status_code == status


def test_the_metrics_token__opens_nothing_else(guarded: RunningServer) -> None:
    with guarded.client(SECRET) as client:
        assert client.get("/api/v1/me").status_code == 401


def test_metrics__that_are_public__are_for_anybody(tmp_path: Path) -> None:
    with (
        running_server(tmp_path, metrics_token="public") as server,
        server.client("", **{"X-Forwarded-For": "192.0.2.7"}) as nobody,
    ):
        assert nobody.get("/metrics").status_code == 200


def test_metrics__of_this_machine__need_no_credential(guarded: RunningServer) -> None:
    with guarded.client("") as nobody:
        assert nobody.get("/metrics").status_code == 200


def test_every_metric__stands_in_the_documentation_and_no_other_does(tmp_path: Path) -> None:
    secret = f"whsec_{'MDEyMzQ1' * 4}"
    hook = running_server(tmp_path, webhook_url="https://hooks.invalid/x", webhook_secret=secret)
    with hook as server, server.client() as admin:
        text = admin.get("/metrics").text
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in read_text(text)
        if family.samples or family.name.startswith("flagtrail_")
    }

    assert set(re.findall(r"^\| `((?:flagtrail|process)_\w+)`(?: \*)? \|", PAGE.read_text(), re.MULTILINE)) == names
