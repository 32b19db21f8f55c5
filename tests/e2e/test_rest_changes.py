"""Changes through the API: made once, told in full, refused whole."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.support.documents import boolean_flag, enabled, split
from tests.support.server import RunningServer

Json = Any


def make_flag(admin: httpx2.Client, project: str, key: str = "new_pricing", **body: Json) -> Json:
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag(key), **body})
    assert answer.status_code == 201, answer.text
    return answer.json()


def targeting_of(project: str, flag: str = "new_pricing", environment: str = "production") -> str:
    return f"/api/v1/projects/{project}/flags/{flag}/environments/{environment}"


def log_of(admin: httpx2.Client, project: str, **filters: str) -> list[Json]:
    answer = admin.get(f"/api/v1/projects/{project}/changes", params=filters)
    assert answer.status_code == 200, answer.text
    items: list[Json] = answer.json()["items"]
    return items


def test_a_flag__made_edited_archived_restored_deleted__leaves_one_entry_each(
    admin: httpx2.Client, project: str
) -> None:
    make_flag(admin, project, why="BILL-42")
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    admin.patch(one, json={"patch": {"description": "The new prices"}, "why": "tell what it is"})
    admin.post(f"{one}/archive", json={"why": "no longer needed"})
    admin.post(f"{one}/restore", json={"why": "needed after all"})
    admin.request("DELETE", one, json={"why": "gone"})
    entries = log_of(admin, project, kind="flag")
    assert [(entry["actions"], entry["why"]) for entry in reversed(entries)] == [
        (["created"], "BILL-42"),
        (["details_changed"], "tell what it is"),
        (["archived"], "no longer needed"),
        (["restored"], "needed after all"),
        (["deleted"], "gone"),
    ]


def test_an_entry__of_a_request__names_its_actor_and_request(admin: httpx2.Client, project: str) -> None:
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("x"), "ticket": "BILL-7"})
    [entry] = answer.json()["entries"]
    assert (entry["actor"]["name"], entry["ticket"], entry["source"]["request"]) == (
        "Test",
        "BILL-7",
        answer.headers["x-request-id"],
    )


def test_a_body__that_names_an_actor__is_refused(admin: httpx2.Client, project: str) -> None:
    body = {"flag": boolean_flag("x"), "actor": {"kind": "person", "id": "act_boss"}}
    assert admin.post(f"/api/v1/projects/{project}/flags", json=body).status_code == 400


def test_a_new_flag__without_targeting__is_disabled_in_every_environment(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    [item] = admin.get(f"/api/v1/projects/{project}/flags").json()["items"]
    assert {key: served["enabled"] for key, served in item["environments"].items()} == {
        "production": False,
        "staging": False,
        "development": False,
    }


def test_a_new_flag__with_targetings__is_one_group(admin: httpx2.Client, project: str) -> None:
    made = make_flag(admin, project, targeting={"staging": enabled(), "development": enabled()})
    groups = [entry["group"] for entry in made["entries"]]
    assert [(group["id"] == groups[0]["id"], group["index"], group["count"]) for group in groups] == [
        (True, 0, 3),
        (True, 1, 3),
        (True, 2, 3),
    ]


def test_a_change_of_several_documents__one_of_them_wrong__changes_nothing(admin: httpx2.Client, project: str) -> None:
    before = admin.get("/readyz").json()["size"]
    body = {
        "flag": boolean_flag("whole"),
        "targeting": {"staging": enabled(), "development": enabled(fallthrough={"variant": "purple"})},
    }
    answer = admin.post(f"/api/v1/projects/{project}/flags", json=body)
    assert (answer.status_code, admin.get("/readyz").json()["size"]) == (422, before)
    assert admin.get(f"/api/v1/projects/{project}/flags/whole").status_code == 404


def test_a_targeting__nobody_wrote__reads_as_the_default_one_at_version_0(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    answer = admin.get(targeting_of(project))
    assert (answer.headers["etag"], answer.json()["document"]["enabled"]) == ('"0"', False)


@pytest.mark.parametrize(
    ("action", "body", "actions"),
    [
        pytest.param("enable", {}, ["created", "enabled"], id="enable"),
        pytest.param("rollout", {"percent": 25}, ["created", "rollout_changed"], id="rollout"),
    ],
)
def test_one_step__on_a_targeting__is_one_entry(
    admin: httpx2.Client, project: str, action: str, body: Json, actions: list[str]
) -> None:
    make_flag(admin, project)
    answer = admin.post(f"{targeting_of(project)}/{action}", json={**body, "why": "BILL-42 go live"})
    assert [entry["actions"] for entry in answer.json()["entries"]] == [actions]


def test_a_rollout__raised__tells_so_in_words(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    admin.post(f"{targeting_of(project)}/rollout", json={"percent": 25, "why": "a start"})
    answer = admin.post(f"{targeting_of(project)}/rollout", json={"percent": 50, "why": "half"})
    assert any("25 %" in line and "50 %" in line for line in answer.json()["entries"][0]["words"])


def test_a_change__that_alters_nothing__says_so_and_leaves_no_entry(admin: httpx2.Client, project: str) -> None:
    made = make_flag(admin, project)
    answer = admin.put(f"/api/v1/projects/{project}/flags/new_pricing", json={"flag": made["document"]})
    told = answer.json()
    assert (answer.status_code, told["changed"], told["entries"], told["version"]) == (200, False, [], 1)
    assert told["document"] == made["document"]


def test_a_stale_version__is_409_with_the_diff_between(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    admin.patch(one, json={"patch": {"owner": "billing"}, "why": "whose it is"})
    answer = admin.patch(one, json={"patch": {"owner": "growth"}}, headers={"If-Match": '"1"'})
    told = answer.json()
    assert (answer.status_code, told["code"], told["expected"], told["actual"]) == (409, "version_conflict", 1, 2)
    assert [(step["why"], step["paths"], step["actor"]) for step in told["diff"]] == [
        ("whose it is", ["/owner"], "Test")
    ]


@pytest.mark.parametrize("sent", ['"1"', "1", 'W/"1"', "*"])
def test_if_match__of_the_present_version__lets_the_change_through(
    admin: httpx2.Client, project: str, sent: str
) -> None:
    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    answer = admin.patch(one, json={"patch": {"owner": "billing"}}, headers={"If-Match": sent})
    assert (answer.status_code, answer.json()["version"]) == (200, 2)


def test_an_etag__is_what_if_match_takes(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    etag = admin.get(one).headers["etag"]
    assert admin.patch(one, json={"patch": {"owner": "a"}}, headers={"If-Match": etag}).status_code == 200
    assert admin.patch(one, json={"patch": {"owner": "b"}}, headers={"If-Match": etag}).status_code == 409


def test_if_match_and_version__that_disagree__are_refused(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    answer = admin.patch(one, json={"patch": {"owner": "a"}, "version": 1}, headers={"If-Match": '"2"'})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_a_merge_patch__with_null__takes_the_key_back_to_its_default(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    admin.patch(one, json={"patch": {"owner": "billing", "tags": ["critical"]}})
    document = admin.patch(one, json={"patch": {"owner": None}}).json()["document"]
    assert (document["owner"], document["tags"]) == ("", ["critical"])


def test_production__without_a_reason__is_refused_and_names_the_remedy(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    answer = admin.post(f"{targeting_of(project)}/enable")
    assert (answer.status_code, answer.json()["code"]) == (422, "why_required")
    assert admin.get(targeting_of(project)).json()["version"] == 0


def test_staging__without_a_reason__is_changed(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project)
    assert admin.post(f"{targeting_of(project, environment='staging')}/enable").status_code == 200


def test_a_policy_of_always__asks_for_a_reason_everywhere(admin: httpx2.Client, project: str) -> None:
    policy = {"policy": {"why_required": "always", "why_min_length": 5}, "why": "auditors asked"}
    assert admin.put(f"/api/v1/projects/{project}/policy", json=policy).status_code == 200
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("x"), "why": "ok"})
    assert answer.json()["code"] == "why_required"


def test_an_idempotency_key__used_again__answers_the_first_change_again(admin: httpx2.Client, project: str) -> None:
    body = {"flag": boolean_flag("once")}
    headers = {"Idempotency-Key": f"{project}-once"}
    first = admin.post(f"/api/v1/projects/{project}/flags", json=body, headers=headers)
    again = admin.post(f"/api/v1/projects/{project}/flags", json=body, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert [entry["seq"] for entry in again.json()["entries"]] == [entry["seq"] for entry in first.json()["entries"]]
    assert len(log_of(admin, project, flag="once")) == 1


def test_an_idempotency_key__used_for_another_change__is_refused(admin: httpx2.Client, project: str) -> None:
    headers = {"Idempotency-Key": f"{project}-other"}
    admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("a")}, headers=headers)
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("b")}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_a_deleted_flag__restored__comes_back_with_its_targetings(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project, targeting={"staging": enabled(fallthrough=split(25_000, 75_000))})
    one = f"/api/v1/projects/{project}/flags/new_pricing"
    assert admin.request("DELETE", one, json={"why": "by mistake"}).json()["document"] is None
    answer = admin.post(f"{one}/restore", json={"why": "it was a mistake"})
    assert (answer.status_code, len(answer.json()["entries"])) == (200, 2)
    served = admin.get(targeting_of(project, environment="staging")).json()["document"]
    assert [share["weight"] for share in served["fallthrough"]["split"]] == [25_000, 75_000]


def test_a_flag__another_depends_on__is_not_deleted(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project, "base")
    prerequisites = [{"flag": "base", "variants": ["on"]}]
    make_flag(admin, project, "top", targeting={"staging": enabled(prerequisites=prerequisites)})
    answer = admin.request("DELETE", f"/api/v1/projects/{project}/flags/base", json={"why": "gone"})
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")


def test_a_change__reverted__gives_the_document_back_and_names_what_it_reverts(
    admin: httpx2.Client, project: str
) -> None:
    make_flag(admin, project)
    changed = admin.post(f"{targeting_of(project)}/enable", json={"why": "go"}).json()["entries"][0]
    seq = changed["seq"]
    answer = admin.post(f"/api/v1/projects/{project}/changes/{seq}/revert", json={"why": "it broke"})
    [entry] = answer.json()["entries"]
    assert (answer.status_code, entry["reverts"], entry["why"]) == (200, seq, "it broke")
    assert admin.get(targeting_of(project)).json()["document"]["enabled"] is False


def test_an_environment__deleted__takes_its_targetings_with_it(admin: httpx2.Client, project: str) -> None:
    make_flag(admin, project, targeting={"staging": enabled()})
    answer = admin.request("DELETE", f"/api/v1/projects/{project}/environments/staging", json={"why": "gone"})
    kinds = [entry["subject"]["kind"] for entry in answer.json()["entries"]]
    assert (answer.status_code, kinds) == (200, ["targeting", "environment"])


def test_a_list_of_flags__is_cut_into_pages(admin: httpx2.Client, project: str) -> None:
    for number in range(5):
        make_flag(admin, project, f"f{number}")
    first = admin.get(f"/api/v1/projects/{project}/flags", params={"limit": 3}).json()
    rest = admin.get(f"/api/v1/projects/{project}/flags", params={"limit": 3, "cursor": first["next"]}).json()
    keys = [item["flag"]["key"] for page in (first, rest) for item in page["items"]]
    assert (keys, rest["next"]) == ([f"f{number}" for number in range(5)], None)


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        pytest.param({"search": "PRIC"}, ["new_pricing"], id="search, without case"),
        pytest.param({"tag": "critical"}, ["new_pricing"], id="tag"),
        pytest.param({"owner": "growth"}, ["banner"], id="owner"),
        pytest.param({"kind": "operational"}, ["banner"], id="kind"),
        pytest.param({"archived": "true"}, ["old"], id="archived"),
        pytest.param({"archived": "any"}, ["banner", "new_pricing", "old"], id="archived or not"),
    ],
)
def test_a_list_of_flags__filtered__holds_what_matches(
    admin: httpx2.Client, project: str, filters: dict[str, str], keys: list[str]
) -> None:
    flags = [
        boolean_flag("new_pricing", tags=["critical"]),
        boolean_flag("banner", owner="growth", lifecycle={"kind": "operational"}),
        boolean_flag("old", archived=True),
    ]
    for flag in flags:
        assert admin.post(f"/api/v1/projects/{project}/flags", json={"flag": flag}).status_code == 201
    found = admin.get(f"/api/v1/projects/{project}/flags", params=filters).json()["items"]
    assert [item["flag"]["key"] for item in found] == keys


def test_sixteen_clients_at_once__against_one_version__let_one_through(
    server: RunningServer, admin: httpx2.Client, project: str
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    make_flag(admin, project)
    one = f"/api/v1/projects/{project}/flags/new_pricing"

    def attempt(number: int) -> int:
        with server.client() as client:
            body = {"patch": {"owner": f"team{number}"}, "version": 1}
            return client.patch(one, json=body).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(attempt, range(16)))
    assert statuses == [200, *[409] * 15]
