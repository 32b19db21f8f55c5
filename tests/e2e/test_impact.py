"""Metrics pushed over HTTP, and what came of a change: through the API and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.support.command_line import flagtrail_in
from tests.support.documents import attribute_test, boolean_flag, enabled, split
from tests.support.server import RunningServer, running_server

from flagtrail.app.clock import stamp
from flagtrail.model.metric import Sample
from flagtrail.model.usage import Usage
from flagtrail.storage import load

Json = Any
NOW = datetime.now(UTC)
METRICS = "/api/v1/projects/default/metrics"
FLAG = "/api/v1/projects/default/flags/f"
TARGETING = f"{FLAG}/environments/production"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("impact")) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        for key in ("f", "other"):
            body = {"flag": boolean_flag(key), "targeting": {"production": enabled(fallthrough=split(25_000, 75_000))}}
            assert client.post("/api/v1/projects/default/flags", json={**body, "why": "a test"}).is_success
        yield client


def token(client: httpx2.Client, key: str, **parts: str) -> str:
    body = {"token": {"key": key, **parts}, "why": "a test"}
    answer = client.post("/api/v1/tokens", json=body)
    assert answer.is_success, answer.text
    secret: str = answer.json()["secret"]
    return secret


def push(client: httpx2.Client, *samples: Json) -> httpx2.Response:
    return client.post(METRICS, json={"samples": list(samples)})


def test_push__by_an_administrator__is_kept_and_listed(client: httpx2.Client) -> None:
    at = stamp(NOW - timedelta(hours=2))
    answer = push(client, {"metric": "pushed.one", "value": 2, "time": at, "environment": "production"})

    assert (answer.status_code, answer.json()) == (200, {"samples": 1})
    (found,) = [each for each in client.get(METRICS).json()["items"] if each["name"] == "pushed.one"]
    assert (found["source"], found["environments"]) == ("pushed", ["production"])
    told = datetime.fromisoformat(found["last"]) - datetime.fromisoformat(at)
    assert abs(told) <= timedelta(milliseconds=1)


def test_push__without_a_time__counts_as_now(client: httpx2.Client) -> None:
    push(client, {"metric": "pushed.now", "value": 0.5, "labels": {"region": "eu"}})
    points = client.get(f"{METRICS}/pushed.now").json()["points"]

    assert [point["value"] for point in points] == [0.5]
    assert abs(points[0]["at"] / 1_000 - datetime.now(UTC).timestamp()) < 600


def test_push__leaves_no_entry(client: httpx2.Client) -> None:
    before = client.get("/readyz").json()["size"]
    push(client, {"metric": "pushed.none", "value": 1})

    assert client.get("/readyz").json()["size"] == before


@pytest.mark.parametrize(
    ("sample", "path", "told"),
    [
        pytest.param({"metric": "a b"}, "/samples/1/metric", "is no metric's name", id="name"),
        pytest.param({"environment": "moon"}, "/samples/1/environment", "there is no environment", id="environment"),
        pytest.param({"value": 1e101}, "/samples/1/value", "must be a number from", id="value"),
        pytest.param({"time": "soon"}, "/samples/1/time", "is not a time", id="time"),
        pytest.param({"time": -1e308}, "/samples/1/time", "is not a time", id="a time beyond all numbers"),
        pytest.param({"time": "2036-01-01"}, "/samples/1/time", "in the future", id="future"),
        pytest.param({"time": 5}, "/samples/1/time", "before what is kept", id="long ago"),
        pytest.param({"time": 1e300}, "/samples/1/time", "in the future", id="never"),
        pytest.param({"labels": {"a/b": "x"}}, "/samples/1/labels", "is no label's name", id="label"),
        pytest.param({"labels": {"a": "x" * 101}}, "/samples/1/labels", "at most 100 printable", id="long label"),
        pytest.param({"labels": {"a": "\u0000"}}, "/samples/1/labels", "at most 100 printable", id="nul"),
        pytest.param({"labels": {f"l{n}": "" for n in range(11)}}, "/samples/1/labels", "more than 10", id="labels"),
    ],
)
def test_push__one_sample_that_cannot_be__refuses_all_and_says_where(
    client: httpx2.Client, sample: Json, path: str, told: str
) -> None:
    answer = push(client, {"metric": "refused", "value": 1}, {"metric": "refused", "value": 1, **sample})
    (defect,) = answer.json()["defects"]

    assert (answer.status_code, answer.json()["code"], defect["path"]) == (422, "invalid_document", path)
    assert told in defect["message"]
    assert "refused" not in {each["name"] for each in client.get(METRICS).json()["items"]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"samples": []}, id="none"),
        pytest.param({"samples": [{"metric": "m", "value": "1"}]}, id="a text"),
        pytest.param({"samples": [{"metric": "m", "value": 1, "colour": "red"}]}, id="an unknown key"),
        pytest.param({"samples": [{"metric": "m", "value": 1}] * 10_001}, id="too many"),
    ],
)
def test_push__of_another_shape__is_malformed(client: httpx2.Client, body: Json) -> None:
    answer = client.post(METRICS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_push__into_an_unknown_project__is_not_found(client: httpx2.Client) -> None:
    answer = client.post("/api/v1/projects/moon/metrics", json={"samples": [{"metric": "m", "value": 1}]})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_push__too_many_series__is_refused_whole(client: httpx2.Client) -> None:
    samples = [{"metric": "wide", "value": 1, "labels": {"user": str(number)}} for number in range(1_001)]
    answer = push(client, *samples)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "wide" not in {each["name"] for each in client.get(METRICS).json()["items"]}


def test_push__with_a_server_token__is_for_its_own_environment(server: RunningServer, client: httpx2.Client) -> None:
    secret = token(client, "pusher", kind="server", project="default", environment="staging")
    with server.client(secret) as application:
        own = push(application, {"metric": "pushed.app", "value": 1})
        others = push(application, {"metric": "pushed.app", "value": 1, "environment": "production"})
        elsewhere = application.post("/api/v1/projects/moon/metrics", json={"samples": [{"metric": "m", "value": 1}]})

    assert (own.status_code, others.status_code, elsewhere.status_code) == (200, 422, 403)
    (found,) = [each for each in client.get(METRICS).json()["items"] if each["name"] == "pushed.app"]
    assert found["environments"] == ["staging"]


def test_push__more_often_than_a_token_may_report__is_told_to_wait(tmp_path: Path) -> None:
    with running_server(tmp_path, reports_per_minute="2") as server, server.client() as admin:
        secret = token(admin, "busy", kind="server", project="default", environment="staging")
        with server.client(secret) as application:
            answers = [push(application, {"metric": "m", "value": 1}) for _ in range(3)]
        people = [push(admin, {"metric": "m", "value": 1}).status_code for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert people == [200, 200, 200]


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        pytest.param("client", {"project": "default", "environment": "staging"}, id="a client token"),
        pytest.param("admin", {"project": "default", "role": "viewer"}, id="a viewer"),
    ],
)
def test_push__by_who_may_change_nothing__is_forbidden(
    server: RunningServer, client: httpx2.Client, kind: str, parts: dict[str, str]
) -> None:
    with server.client(token(client, f"may-not-{kind}", kind=kind, **parts)) as other:
        assert push(other, {"metric": "m", "value": 1, "environment": "staging"}).status_code == 403


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        pytest.param({"environment": "moon"}, 404, id="environment"),
        pytest.param({"since": "2026-01-02", "until": "2026-01-01"}, 400, id="nothing between"),
        pytest.param({"since": "1990-01-01", "step": 1}, 400, id="too many points"),
        pytest.param({"step": 0}, 400, id="no step"),
        pytest.param({"since": "soon"}, 400, id="no time"),
    ],
)
def test_read_metric__asked_for_what_cannot_be__is_refused(
    client: httpx2.Client, parameters: dict[str, str], status: int
) -> None:
    push(client, {"metric": "pushed.read", "value": 1})
    assert client.get(f"{METRICS}/pushed.read", params=parameters).status_code == status


def test_read_metric__that_nobody_has__is_not_found(client: httpx2.Client) -> None:
    assert client.get(f"{METRICS}/nothing").json()["code"] == "not_found"


@pytest.fixture(scope="module")
def changed(server: RunningServer, client: httpx2.Client) -> int:
    """A rollout, whose metric `errors` jumped with it while `calm` did not; the entry's seq."""
    entry = client.post(f"{TARGETING}/rollout", json={"percent": 50, "why": "more"}).json()["entries"][0]
    at = datetime.fromisoformat(entry["time"])
    samples = []
    for days in range(15):
        for minute in range(-60, 5):
            moment = int((at - timedelta(days=days) + timedelta(minutes=minute, seconds=20)).timestamp()) * 1_000
            wave = (minute * 7 + days * 3) % 5 / 10
            jump = 4.0 if not days and minute >= 0 else 0.0
            samples.append(Sample("errors", moment, 10 + wave + jump, "production"))
            samples.append(Sample("calm", moment, 5 + wave, "production"))
    storage = load(f"sqlite:///{server.database}")
    storage.add_samples("default", samples)
    hour = stamp((at - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0))
    storage.add_usage([Usage("default", "production", "f", "on", "", hour, 300, hour)])
    storage.close()
    seq: int = entry["seq"]
    return seq


def impact(client: httpx2.Client, seq: int, **parameters: Json) -> Json:
    return client.get(f"/api/v1/projects/default/changes/{seq}/impact", params=parameters).json()


def test_impact__right_after_a_change__says_that_there_is_not_enough_yet(client: httpx2.Client, changed: int) -> None:
    found = impact(client, changed, metric="errors")

    assert [each["verdict"] for each in found["metrics"]] == ["not_enough_data"]
    assert "after the change; 3 are needed" in found["metrics"][0]["lacking"]


def test_impact__of_a_rollout__tells_what_the_rules_predict(client: httpx2.Client, changed: int) -> None:
    (flag,) = impact(client, changed)["flags"]

    assert (flag["flag"], flag["predicted"]["basis"]) == ("f", "rules")
    assert flag["predicted"]["changed"] == pytest.approx(0.25)
    assert flag["observed"]["lacking"].startswith("0 evaluations in the hours before")


def test_impact__of_a_segment__reaches_the_flags_that_use_it(client: httpx2.Client, changed: int) -> None:
    segment = {"segment": {"key": "s", "when": attribute_test("plan", "in", "pro")}, "why": "a test"}
    assert client.post("/api/v1/projects/default/segments", json=segment).is_success
    rules = [{"id": "r1", "when": {"segment": "s"}, "serve": {"variant": "on"}}]
    other = "/api/v1/projects/default/flags/other/environments/production"
    assert client.put(other, json={"targeting": enabled(rules=rules), "why": "a test"}).is_success
    edited = client.patch(
        "/api/v1/projects/default/segments/s",
        json={"patch": {"when": attribute_test("plan", "in", "free")}, "why": "a test"},
    ).json()
    found = impact(client, edited["entries"][0]["seq"])

    assert [each["flag"] for each in found["flags"]] == ["other"]
    assert found["environment"] == "production"
    assert changed in found["meanwhile"]


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        pytest.param({"environment": "moon"}, 404, id="environment"),
        pytest.param({"metric": "nothing"}, 404, id="metric"),
        pytest.param({"window": 4}, 400, id="window"),
        pytest.param({"colour": "red"}, 400, id="parameter"),
    ],
)
def test_impact__asked_for_what_is_not_there__is_refused(
    client: httpx2.Client, changed: int, parameters: Json, status: int
) -> None:
    assert client.get(f"/api/v1/projects/default/changes/{changed}/impact", params=parameters).status_code == status


def test_impact__of_an_entry_of_another_project__is_not_found(client: httpx2.Client) -> None:
    assert client.get("/api/v1/projects/default/changes/0/impact").status_code == 404
    assert client.get("/api/v1/projects/default/changes/999999/impact").status_code == 404


def in_folder(folder: Path, *arguments: str, stdin: str = "") -> str:
    outcome = flagtrail_in(folder, *arguments, stdin=stdin)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def test_command_line__pushes_shows_and_judges(tmp_path: Path) -> None:
    in_folder(tmp_path, "flags", "create", "f")
    in_folder(tmp_path, "enable", "f", "--why", "go live")
    seq = flagtrail_in(tmp_path, "log", "f", "--json").json["items"][0]["seq"]  # type: ignore[index] # the API's JSON
    many = '[{"metric": "errors", "value": 1.5}, {"metric": "errors", "value": 2.5, "labels": {"a": "b"}}]'

    assert in_folder(tmp_path, "metrics", "list").startswith("No metric is watched")
    assert in_folder(tmp_path, "metrics", "push", "errors", "0.02", "--label", "a=c") == "Kept 1 sample.\n"
    assert in_folder(tmp_path, "metrics", "push", "--file", "-", stdin=many) == "Kept 2 samples.\n"
    assert in_folder(tmp_path, "metrics", "list").splitlines()[2].split()[:3] == ["errors", "pushed", "production"]
    assert "3" in in_folder(tmp_path, "metrics", "show", "errors", "--step", "86400").split()
    told = in_folder(tmp_path, "impact", str(seq), "--window", "30")
    assert told.startswith(f"Entry {seq} in production")
    assert "Not enough data to judge errors: " in told
    assert "before: off 100 %" in told


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["push"], id="nothing"),
        pytest.param(["push", "errors"], id="no value"),
        pytest.param(["push", "errors", "1", "--file", "x"], id="both"),
        pytest.param(["push", "errors", "1", "--label", "a"], id="half a label"),
        pytest.param(["push", "--file", "-"], id="no list"),
    ],
)
def test_command_line__a_push_of_nothing__is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert flagtrail_in(tmp_path, "metrics", *arguments, stdin="{}").code == 2


def test_anomaly__over_http__ranks_the_changes_before_it(client: httpx2.Client, changed: int) -> None:
    at = stamp(datetime.now(UTC))
    found = client.get(
        "/api/v1/projects/default/impact", params={"metric": "errors", "at": at, "within": "1h", "window": 5}
    ).json()

    assert changed in {each["suspect"]["cause"]["seq"] for each in found["ranked"]}
    assert found["noticed"]["metric"] == "errors"


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        pytest.param({"metric": "nothing"}, 404, id="metric"),
        pytest.param({"at": "soon"}, 400, id="time"),
        pytest.param({"within": "long"}, 400, id="span"),
        pytest.param({"environment": "moon"}, 404, id="environment"),
    ],
)
def test_anomaly__asked_for_what_is_not_there__is_refused(
    client: httpx2.Client, changed: int, parameters: Json, status: int
) -> None:
    assert changed
    given = {"metric": "errors", "at": stamp(datetime.now(UTC)), **parameters}
    assert client.get("/api/v1/projects/default/impact", params=given).status_code == status


def test_command_line__an_anomaly__is_told_with_its_changes(tmp_path: Path) -> None:
    in_folder(tmp_path, "flags", "create", "f")
    in_folder(tmp_path, "enable", "f", "--why", "go live")
    in_folder(tmp_path, "metrics", "push", "errors", "0.02")
    told = in_folder(tmp_path, "impact", "--metric", "errors", "--at", stamp(datetime.now(UTC)))

    assert told.startswith("errors in production at ")
    assert "cannot be judged" in told


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["3", "--at", "2026-01-01"], id="both"),
        pytest.param(["--at", "2026-01-01"], id="no metric"),
        pytest.param(["--at", "2026-01-01", "--metric", "a", "--metric", "b"], id="two metrics"),
        pytest.param(["3", "--within", "2h"], id="within without at"),
    ],
)
def test_command_line__half_a_question__is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert flagtrail_in(tmp_path, "impact", *arguments).code == 2
