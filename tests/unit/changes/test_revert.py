"""Taking an entry back, where nobody has built on it."""

from __future__ import annotations

import pytest

from flagtrail.changes.merge import merge_patch
from flagtrail.changes.revert import revert
from flagtrail.model.actor import SYSTEM
from flagtrail.model.change import Operation
from flagtrail.model.document import decode
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.errors import VersionConflict
from flagtrail.model.flag import Json
from flagtrail.model.state import State, Versioned
from flagtrail.model.subject import flag_subject

SUBJECT = flag_subject("shop", "f")
OLD = {"key": "f", "type": "boolean", "variants": {"on": True, "off": False}, "owner": "ada", "description": ""}
NEW = {**OLD, "owner": "bob", "archived": True}


def entry(before: Json, after: Json) -> Entry:
    return Entry(
        seq=7,
        id="id",
        time="2026-01-01T00:00:00.000000Z",
        actor=SYSTEM,
        subject=SUBJECT,
        version=2,
        actions=("details_changed",),
        paths=(),
        before=before,
        after=after,
        group=Group("g"),
        source=Source("api"),
    )


def state(value: Json) -> State:
    document = None if value is None else decode(SUBJECT, value)
    return State().having([Versioned(SUBJECT, document, 5, 9, "")], size=10)


def full(value: Json) -> Json:
    return {"tags": [], "lifecycle": {"kind": "release", "remove_by": None}, "archived": False, **value}


@pytest.mark.parametrize(
    ("before", "after", "now", "expected"),
    [
        pytest.param(full(OLD), full(NEW), NEW, ("put", full(OLD), 5), id="an edit"),
        pytest.param(
            full(OLD),
            full(NEW),
            {**NEW, "description": "since"},
            ("put", {**full(OLD), "description": "since"}, 5),
            id="an edit with another beside it",
        ),
        pytest.param(
            full(OLD), full(NEW), {**NEW, "owner": "ada"}, ("put", full(OLD), 5), id="an edit half taken back already"
        ),
        pytest.param(None, full(OLD), OLD, ("delete", None, 5), id="a creation"),
        pytest.param(full(OLD), None, None, ("create", full(OLD), None), id="a deletion"),
        pytest.param(
            {"variants": {"a": 1}},
            {"variants": {"a": True}},
            {**OLD, "variants": {"a": True}},
            ("put", {**full(OLD), "variants": {"a": 1}}, 5),
            id="one for true",
        ),
        pytest.param(
            {"key": "f"},
            {"key": "f", "owner": "ada"},
            OLD,
            ("put", {k: v for k, v in full(OLD).items() if k != "owner"}, 5),
            id="a key that the entry added",
        ),
    ],
)
def test_revert__of_an_entry__undoes_it(
    before: Json, after: Json, now: Json, expected: tuple[str, Json, int | None]
) -> None:
    operation: Operation = revert(state(now), entry(before, after))

    assert (operation.action, operation.value, operation.version) == expected


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        pytest.param(full(OLD), full(NEW), {**NEW, "owner": "eve"}, id="an edit that was edited since"),
        pytest.param(None, full(OLD), NEW, id="a creation that was edited since"),
        pytest.param(full(OLD), None, OLD, id="a deletion that was made anew since"),
        pytest.param(full(OLD), full(NEW), None, id="an edit of what is gone"),
    ],
)
def test_revert__of_what_others_built_on__is_a_conflict(before: Json, after: Json, now: Json) -> None:
    with pytest.raises(VersionConflict):
        revert(state(now), entry(before, after))


def test_revert__of_a_deletion_in_an_empty_state__creates() -> None:
    assert revert(State(), entry(full(OLD), None)).action == "create"


MERGES: list[tuple[Json, Json, Json]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "expected"), MERGES)
def test_merge_patch__of_rfc_7396_appendix_a__gives_its_result(target: Json, patch: Json, expected: Json) -> None:
    assert merge_patch(target, patch) == expected
