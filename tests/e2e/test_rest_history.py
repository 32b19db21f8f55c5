"""Questions about the past through the API, and the gaps of others that are none here."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.support.documents import attribute_test, boolean_flag, enabled, rule, split
from tests.support.server import RunningServer

Json = Any


def post(admin: httpx2.Client, path: str, **body: Json) -> Json:
    answer = admin.post(f"/api/v1{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def history_of(admin: httpx2.Client, project: str, flag: str, **filters: Json) -> list[Json]:
    answer = admin.get(f"/api/v1/projects/{project}/flags/{flag}/history", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


@pytest.fixture
def priced(admin: httpx2.Client, project: str) -> str:
    """A project with a segment, and a flag that is on in production for that segment."""
    segment = {"key": "big", "when": attribute_test("plan", "in", "enterprise")}
    post(admin, f"/projects/{project}/segments", segment=segment)
    targeting = enabled(rules=[rule({"segment": "big"})], fallthrough={"variant": "off"})
    post(
        admin,
        f"/projects/{project}/flags",
        flag=boolean_flag("new_pricing"),
        targeting={"production": targeting},
        why="BILL-42 go live",
    )
    return project


def test_a_segments_edit__that_turns_a_flag_on__stands_in_that_flags_history(admin: httpx2.Client, priced: str) -> None:
    when = attribute_test("plan", "in", "enterprise", "team")
    answer = admin.patch(
        f"/api/v1/projects/{priced}/segments/big", json={"patch": {"when": when}, "why": "teams get it too"}
    )
    assert answer.status_code == 200, answer.text
    newest = history_of(admin, priced, "new_pricing")[0]
    assert (newest["subject"]["kind"], newest["why"]) == ("segment", "teams get it too")


def test_a_reason__sent_with_any_change__is_kept(admin: httpx2.Client, project: str) -> None:
    segment = {"key": "s", "when": attribute_test("plan", "exists")}
    segment["when"].pop("values")
    base = f"/api/v1/projects/{project}"
    made = [
        admin.post(f"{base}/flags", json={"flag": boolean_flag("f"), "why": "why 0"}),
        admin.patch(f"{base}/flags/f", json={"patch": {"owner": "o"}, "why": "why 1"}),
        admin.post(f"{base}/flags/f/environments/staging/enable", json={"why": "why 2"}),
        admin.post(f"{base}/flags/f/environments/staging/rollout", json={"percent": 5, "why": "why 3"}),
        admin.post(f"{base}/flags/f/environments/staging/disable", json={"why": "why 4"}),
        admin.put(f"{base}/flags/f/environments/staging", json={"targeting": enabled(), "why": "why 5"}),
        admin.post(f"{base}/flags/f/archive", json={"why": "why 6"}),
        admin.post(f"{base}/flags/f/restore", json={"why": "why 7"}),
        admin.request("DELETE", f"{base}/flags/f", json={"why": "why 8"}),
        admin.post(f"{base}/segments", json={"segment": segment, "why": "why 9"}),
        admin.post(f"{base}/environments", json={"environment": {"key": "qa"}, "why": "why 10"}),
        admin.put(f"{base}/policy", json={"policy": {"why_required": "never"}, "why": "why 11"}),
    ]
    told = [{entry["why"] for entry in answer.json()["entries"]} for answer in made]
    assert told == [{f"why {number}"} for number in range(12)]


def test_time_filters__work_to_the_microsecond(admin: httpx2.Client, project: str) -> None:
    post(admin, f"/projects/{project}/flags", flag=boolean_flag("f"))
    for owner in ("a", "b", "c"):
        admin.patch(f"/api/v1/projects/{project}/flags/f", json={"patch": {"owner": owner}})
    path = f"/api/v1/projects/{project}/changes"
    entries = admin.get(path, params={"flag": "f"}).json()["items"]
    times = [entry["time"] for entry in entries]
    assert len(set(times)) == 4
    since = admin.get(path, params={"flag": "f", "since": times[2], "until": times[0]}).json()["items"]
    assert [entry["time"] for entry in since] == times[1:3]


def test_the_log__in_pages__holds_every_entry_once(admin: httpx2.Client, project: str) -> None:
    for number in range(7):
        post(admin, f"/projects/{project}/flags", flag=boolean_flag(f"f{number}"))
    seen: list[int] = []
    cursor: Json = None
    while True:
        params = {"kind": "flag", "limit": 3, **({} if cursor is None else {"cursor": cursor})}
        page = admin.get(f"/api/v1/projects/{project}/changes", params=params).json()
        seen.extend(entry["seq"] for entry in page["items"])
        cursor = page["next"]
        if cursor is None:
            break
    assert (len(seen), seen) == (7, sorted(set(seen), reverse=True))


@pytest.mark.parametrize(
    ("filters", "whys"),
    [
        pytest.param({"environment": "production"}, ["half", "BILL-42 go live"], id="environment"),
        pytest.param({"action": "targeting_changed"}, ["BILL-42 go live"], id="action"),
        pytest.param({"kind": "segment"}, [""], id="kind"),
        pytest.param({"segment": "big"}, [""], id="segment"),
        pytest.param({"text": "bill-42"}, ["BILL-42 go live", "BILL-42 go live"], id="text, without case"),
        pytest.param({"field": "/fallthrough"}, ["half"], id="changed field"),
        pytest.param({"actor": "nobody"}, [], id="actor who did nothing"),
    ],
)
def test_the_log__filtered__holds_what_matches(
    admin: httpx2.Client, priced: str, filters: dict[str, str], whys: list[str]
) -> None:
    targeting = f"/projects/{priced}/flags/new_pricing/environments/production"
    post(admin, f"{targeting}/rollout", percent=50, why="half")
    found = admin.get(f"/api/v1/projects/{priced}/changes", params=filters).json()["items"]
    kept = [entry for entry in found if entry["subject"]["kind"] != "environment"]
    assert [entry["why"] for entry in kept] == whys


def test_exposure__of_a_segment__answers_when_it_was_on(admin: httpx2.Client, priced: str) -> None:
    path = f"/api/v1/projects/{priced}/flags/new_pricing/environments/production/exposure"
    answer = admin.get(path, params={"where": "plan=enterprise"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["flag"] == "new_pricing"


def test_the_rollout_history__has_a_step_per_percentage(admin: httpx2.Client, project: str) -> None:
    targeting = f"/projects/{project}/flags/f/environments/production"
    post(admin, f"/projects/{project}/flags", flag=boolean_flag("f"))
    post(admin, f"{targeting}/enable", why="on")
    for percent in (10, 50):
        post(admin, f"{targeting}/rollout", percent=percent, why=f"to {percent}")
    steps = admin.get(f"/api/v1{targeting}/rollout-history").json()["steps"]
    assert len(steps) >= 3


def test_an_evaluation__at_a_past_seq__answers_as_then(admin: httpx2.Client, priced: str) -> None:
    first = history_of(admin, priced, "new_pricing")[0]["seq"]
    post(admin, f"/projects/{priced}/flags/new_pricing/environments/production/disable", why="it broke")
    question = {"environment": "production", "flag": "new_pricing", "context": {"plan": "enterprise"}}
    now = post(admin, f"/projects/{priced}/evaluate", **question)
    then = post(admin, f"/projects/{priced}/evaluate", **question, at=first)
    assert (now["resolution"]["value"], then["resolution"]["value"]) == (False, True)


def test_an_evaluation__before_the_first_entry__is_no_guess(admin: httpx2.Client, priced: str) -> None:
    question = {"flag": "new_pricing", "context": {}, "at": "2001-01-01T00:00:00Z"}
    answer = admin.post(f"/api/v1/projects/{priced}/evaluate", json=question)
    assert (answer.status_code, answer.json()["code"]) == (404, "before_record")


def test_an_evaluation__explained__shows_the_rule_that_decided(admin: httpx2.Client, priced: str) -> None:
    question = {"flag": "new_pricing", "context": {"plan": "enterprise"}, "explain": True}
    told = post(admin, f"/projects/{priced}/evaluate", **question)
    assert [(step["id"], step["held"]) for step in told["explanation"]["rules"]] == [("r1", True)]


def test_an_evaluation__of_all_flags__answers_each(admin: httpx2.Client, priced: str) -> None:
    post(admin, f"/projects/{priced}/flags", flag=boolean_flag("other"))
    told = post(admin, f"/projects/{priced}/evaluate", context={"plan": "enterprise"})
    assert {item["resolution"]["flag"]: item["resolution"]["value"] for item in told["items"]} == {
        "new_pricing": True,
        "other": False,
    }


def test_the_state__after_an_entry__is_of_then(admin: httpx2.Client, priced: str) -> None:
    seq = history_of(admin, priced, "new_pricing")[0]["seq"]
    post(admin, f"/projects/{priced}/flags", flag=boolean_flag("later"))
    then = admin.get(f"/api/v1/projects/{priced}/state", params={"at": seq}).json()["items"]
    flags = {item["subject"]["flag"] for item in then if item["subject"]["kind"] == "flag"}
    assert flags == {"new_pricing"}


@pytest.mark.parametrize("path", ["stale", "dashboard"])
def test_a_report__answers(admin: httpx2.Client, priced: str, path: str) -> None:
    answer = admin.get(f"/api/v1/projects/{priced}/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_a_changes_page__tells_it_in_words_and_where_to_find_it(
    admin: httpx2.Client, server: RunningServer, priced: str
) -> None:
    seq = history_of(admin, priced, "new_pricing")[0]["seq"]
    told = admin.get(f"/api/v1/projects/{priced}/changes/{seq}").json()
    assert (bool(told["words"]), told["url"]) == (True, f"{server.url}/changes/{seq}")


def test_an_entry__of_another_project__is_not_found_there(admin: httpx2.Client, project: str, priced: str) -> None:
    seq = history_of(admin, priced, "new_pricing")[0]["seq"]
    assert admin.get(f"/api/v1/projects/default/changes/{seq}").status_code == 404
    assert admin.get(f"/api/v1/changes/{seq}").json()["subject"]["project"] == project


def test_a_flag_deleted_with_its_split__is_still_told_in_full(admin: httpx2.Client, project: str) -> None:
    targeting = enabled(fallthrough=split(25_000, 75_000))
    post(admin, f"/projects/{project}/flags", flag=boolean_flag("f"), targeting={"staging": targeting})
    admin.request("DELETE", f"/api/v1/projects/{project}/flags/f", json={"why": "gone"})
    history = history_of(admin, project, "f", environment="staging")
    gone = next(entry for entry in history if entry["subject"]["kind"] == "targeting")
    assert ("deleted" in gone["actions"], gone["before"]["enabled"]) == (True, True)
