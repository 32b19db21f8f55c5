"""The change flow: one transaction, one truth, whatever happens around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import ADA, CHECKOUT, LIVE, ORIGIN, Shop, make, patch, person, put

from flagtrail.app.change import MAX_OPERATIONS, Changes
from flagtrail.model.access import Grant, Role
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition
from flagtrail.model.document import encode
from flagtrail.model.errors import (
    Forbidden,
    InvalidDocument,
    MalformedRequest,
    NotFound,
    StorageFailed,
    VersionConflict,
    WhyRequired,
)
from flagtrail.model.flag import boolean_flag
from flagtrail.model.segment import Segment
from flagtrail.model.state import State
from flagtrail.model.subject import environment_subject, flag_subject, segment_subject, targeting_subject
from flagtrail.storage import Cell, EntryQuery, Transaction


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db"
    made = Shop(url).set_up()
    yield made
    made.storage.close()


def test_apply__of_an_edit__appends_one_entry_that_says_who_when_why_and_what(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})

    entry = shop.storage.entries(EntryQuery(limit=1))[0]

    assert (entry.actor, entry.why, entry.actions, entry.subject, entry.seq, entry.time) == (
        ADA.actor,
        "because",
        ("created", "enabled"),
        LIVE,
        6,
        "2026-01-01T00:00:00.002000Z",
    )


def test_apply__that_alters_nothing__appends_nothing_and_says_so(shop: Shop) -> None:
    receipt = shop.patch(CHECKOUT, {})

    assert (receipt.changed, receipt.size, shop.storage.head().size) == (False, 6, 6)


def test_apply__of_several_documents__is_one_group(shop: Shop) -> None:
    receipt = shop.apply(put(flag_subject("shop", "a"), boolean_flag("a")), patch(LIVE, {"enabled": True}))

    assert [(entry.group.index, entry.group.count) for entry in receipt.entries] == [(0, 2), (1, 2)]


def test_apply__with_one_defect_among_several__changes_nothing(shop: Shop) -> None:
    with pytest.raises(InvalidDocument):
        shop.apply(put(flag_subject("shop", "a"), boolean_flag("a")), patch(LIVE, {"off_variant": "nope"}))

    assert (shop.storage.head().size, shop.changes.state.flag("shop", "a")) == (6, None)


def test_apply__to_production_without_a_reason__is_refused(shop: Shop) -> None:
    with pytest.raises(WhyRequired):
        shop.apply(patch(LIVE, {"enabled": True}), why=" ")


def test_apply__against_an_old_version__tells_what_happened_since(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    shop.patch(LIVE, {"off_variant": "on"}, by=person("bob"))

    with pytest.raises(VersionConflict) as caught:
        shop.apply(patch(LIVE, {"enabled": False}, version=1))

    diff = caught.value.facts["diff"]
    assert diff == [
        {"seq": 7, "actor": "bob", "time": "2026-01-01T00:00:00.003000Z", "paths": ["/off_variant"], "why": "because"}
    ]


def test_begin__of_an_edit__tells_when_its_receipt_is_there_and_publishes(shop: Shop) -> None:
    done = threading.Event()

    receipt = shop.changes.begin(ADA, make(patch(LIVE, {"enabled": True})), done=done.set)

    assert done.wait(60)
    assert [entry.actions for entry in receipt().entries] == [("created", "enabled")]
    assert (shop.changes.state.size, shop.changes.meter.read().changes) == (7, 2)


def test_begin__against_an_old_version__gives_a_conflict_that_can_be_explained(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    shop.patch(LIVE, {"off_variant": "on"}, by=person("bob"))
    done = threading.Event()
    receipt = shop.changes.begin(ADA, make(patch(LIVE, {"enabled": False}, version=1)), done=done.set)

    assert done.wait(60)
    with pytest.raises(VersionConflict) as caught:
        receipt()

    assert "diff" not in caught.value.facts
    explained = shop.changes.explained(caught.value)
    assert explained.facts["theirs"] == shop.storage.entries(EntryQuery(limit=1))[0].after


def test_begin__without_the_role__is_refused_at_once(shop: Shop) -> None:
    with pytest.raises(Forbidden):
        shop.changes.begin(person("eve", "viewer"), make(patch(LIVE, {"enabled": True})), done=pytest.fail)


def test_apply__by_the_clock_moved_back__never_goes_back_in_time(shop: Shop) -> None:
    before = shop.patch(LIVE, {"enabled": True}).entries[0].time
    shop.clock.move(hours=-5)

    assert shop.patch(LIVE, {"enabled": False}).entries[0].time == before


def test_apply__of_history_from_the_future__is_refused(shop: Shop) -> None:
    change = Change(operations=(patch(LIVE, {}),), why="w", occurred_at="2199-01-01T00:00:00.000000Z")

    with pytest.raises(InvalidDocument, match="future"):
        shop.changes.apply(ADA, change)


@pytest.mark.parametrize(
    ("role", "grants", "allowed"),
    [
        pytest.param("viewer", (), False, id="a viewer"),
        pytest.param("auditor", (), False, id="an auditor"),
        pytest.param("editor", (), True, id="an editor"),
        pytest.param("viewer", (Grant("shop", "editor", "production"),), True, id="an editor of that environment"),
        pytest.param("viewer", (Grant("shop", "editor", "staging"),), False, id="an editor of another environment"),
        pytest.param("viewer", (Grant("other", "admin"),), False, id="an admin of another project"),
    ],
)
def test_apply__needs_the_role_in_that_place(
    shop: Shop, role: Role, grants: tuple[Grant, ...], *, allowed: bool
) -> None:
    identity = msgspec.structs.replace(person("eve", role), grants=grants)
    try:
        done = shop.patch(LIVE, {"enabled": True}, by=identity).changed
    except Forbidden:
        done = False

    assert done == allowed


def test_apply__of_an_environment_by_an_editor__is_forbidden(shop: Shop) -> None:
    with pytest.raises(Forbidden):
        shop.apply(patch(environment_subject("shop", "staging"), {"name": "x"}), by=person("eve", "editor"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(Change(operations=(patch(LIVE, {}),) * (MAX_OPERATIONS + 1)), id="too many operations"),
        pytest.param(Change(operations=(patch(LIVE, {}),), why="x" * 10_001), id="an endless reason"),
        pytest.param(Change(operations=(patch(LIVE, {}),), why="x", ticket="\x00"), id="a NUL in the ticket"),
    ],
)
def test_apply__of_what_is_out_of_bounds__is_refused(shop: Shop, change: Change) -> None:
    with pytest.raises((MalformedRequest, InvalidDocument)):
        shop.changes.apply(ADA, change)


def test_apply__twice_with_one_idempotency_key__happens_once(shop: Shop) -> None:
    change = make(patch(LIVE, {"enabled": True}))
    first = shop.changes.apply(ADA, change, idempotency_key="k")
    shop.patch(LIVE, {"enabled": False})

    again = shop.changes.apply(ADA, change, idempotency_key="k")

    assert ([entry.seq for entry in again.entries], shop.storage.head().size) == ([first.entries[0].seq], 8)


def test_apply__of_a_no_op_twice_with_one_key__is_a_no_op_twice(shop: Shop) -> None:
    receipts = [shop.changes.apply(ADA, make(patch(CHECKOUT, {})), idempotency_key="k") for _ in range(2)]

    assert [receipt.changed for receipt in receipts] == [False, False]


def test_apply__of_another_change_with_a_used_key__is_refused(shop: Shop) -> None:
    shop.changes.apply(ADA, make(patch(LIVE, {"enabled": True})), idempotency_key="k")

    with pytest.raises(MalformedRequest):
        shop.changes.apply(ADA, make(patch(LIVE, {"enabled": False})), idempotency_key="k")


def test_apply__with_the_key_of_another_actor__is_a_change_of_its_own(shop: Shop) -> None:
    shop.changes.apply(ADA, make(patch(LIVE, {"enabled": True})), idempotency_key="k")

    assert shop.changes.apply(person("bob"), make(patch(LIVE, {"enabled": False})), idempotency_key="k").changed


def test_apply__with_cells__writes_them_with_the_change_or_not_at_all(shop: Shop) -> None:
    shop.changes.apply(ADA, make(patch(LIVE, {"enabled": True})), cells=[("box", Cell("a", b"1"))])
    with pytest.raises(InvalidDocument):
        shop.changes.apply(ADA, make(patch(LIVE, {"off_variant": "no"})), cells=[("box", Cell("b", b"2"))])

    assert [cell.key for cell in shop.storage.cells("box")] == ["a"]


def test_apply__when_the_append_fails__changes_nothing_and_goes_on_afterwards(shop: Shop) -> None:
    class Refusing:
        def __init__(self, tx: Transaction) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> object:
            return getattr(self._tx, name)

        def append(self, *_: object) -> None:
            raise StorageFailed("the disk is full")

    write = shop.storage.write
    shop.storage.write = lambda work: write(lambda tx: work(Refusing(tx)))  # type: ignore[method-assign, arg-type]
    with pytest.raises(StorageFailed):
        shop.patch(LIVE, {"enabled": True})
    shop.storage.write = write  # type: ignore[method-assign]

    assert (shop.changes.state.targeting("shop", "checkout", "production"), shop.patch(LIVE, {}).entries[0].seq) == (
        None,
        6,
    )


def test_apply__when_others_appended_to_the_same_storage__builds_on_what_they_did(shop: Shop) -> None:
    other = Changes(shop.storage, origin=ORIGIN, clock=shop.clock)
    shop.patch(LIVE, {"enabled": True})

    receipt = other.apply(ADA, make(patch(LIVE, {"off_variant": "on"}, version=1)))

    assert (receipt.entries[0].version, other.state.size) == (2, 8)


def test_catch_up__after_others_appended__publishes_and_tells_the_listeners(shop: Shop) -> None:
    other = Changes(shop.storage, origin=ORIGIN, clock=shop.clock)
    heard: list[State] = []
    other.on_moved(heard.append)
    shop.patch(LIVE, {"enabled": True})

    other.catch_up()
    other.catch_up()

    assert [state.size for state in heard] == [7]


def test_state__after_a_restart__is_the_same(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    shop.apply(patch(flag_subject("shop", "checkout"), {"description": "x"}))

    assert Changes(shop.storage, origin=ORIGIN, clock=shop.clock).state == shop.changes.state


def test_revert__of_an_entry__gives_the_document_back_and_says_what_it_reverts(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    seq = shop.patch(LIVE, {"enabled": False}).entries[0].seq

    receipt = shop.changes.revert(ADA, seq, why="too early")

    targeting = shop.changes.state.targeting("shop", "checkout", "production")
    assert targeting is not None
    assert (targeting.enabled, receipt.entries[0].reverts) == (True, seq)


def test_revert__of_one_entry_of_a_group__takes_back_the_whole_group(shop: Shop) -> None:
    made = shop.apply(
        put(flag_subject("shop", "a"), boolean_flag("a")), patch(targeting_subject("shop", "a", "staging"), {})
    )

    shop.changes.revert(ADA, made.entries[1].seq, why="wrong")

    assert (
        shop.changes.state.flag("shop", "a"),
        shop.changes.state.targeting("shop", "a", "staging"),
    ) == (None, None)


def test_revert__of_a_deletion__brings_the_flag_and_its_targetings_back(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    before = shop.changes.state.flag("shop", "checkout"), shop.changes.state.targeting("shop", "checkout", "production")
    deleted = shop.apply(Operation(action="delete", subject=CHECKOUT))

    shop.changes.revert(ADA, deleted.entries[0].seq, why="needed after all")

    after = shop.changes.state.flag("shop", "checkout"), shop.changes.state.targeting("shop", "checkout", "production")
    assert after == before


def test_revert__of_what_never_was__is_not_found(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.changes.revert(ADA, 99, why="x")


def test_apply_all__of_many_changes__keeps_their_groups_and_actors_apart(shop: Shop) -> None:
    parts = [
        (person("bob"), make(patch(LIVE, {"enabled": True}))),
        (person("eve"), make(patch(LIVE, {"enabled": False}))),
    ]

    receipts = shop.changes.apply_all(parts)

    assert [(receipt.entries[0].actor.name, receipt.entries[0].group.count) for receipt in receipts] == [
        ("bob", 1),
        ("eve", 1),
    ]


def test_apply_all__with_one_refusal__does_none_of_it(shop: Shop) -> None:
    parts = [(ADA, make(patch(LIVE, {"enabled": True}))), (ADA, make(patch(LIVE, {"off_variant": "no"})))]
    with pytest.raises(InvalidDocument):
        shop.changes.apply_all(parts)

    assert shop.storage.head().size == 6


def test_apply_all__as_a_dry_run__tells_and_does_nothing(shop: Shop) -> None:
    receipts = shop.changes.apply_all([(ADA, make(patch(LIVE, {"enabled": True})))], dry_run=True)

    assert (receipts[0].changed, shop.storage.head().size, shop.changes.state.size) == (True, 6, 6)


def test_segment_edit__that_turns_a_flag_on__stands_in_that_flags_history(shop: Shop) -> None:
    beta = segment_subject("shop", "beta")
    shop.apply(put(beta, Segment("beta", Condition(attribute="beta", operator="equals", values=(True,)))))
    rule = {"id": "r", "when": {"segment": "beta"}, "serve": {"variant": "on"}}
    shop.patch(LIVE, {"enabled": True, "rules": [rule], "fallthrough": {"variant": "off"}})
    edit = shop.apply(patch(beta, {"when": {"attribute": "plan", "operator": "in", "values": ["pro"]}}))

    history = shop.storage.entries(EntryQuery(project="shop", flag="checkout", environment="production"))

    assert history[0].seq == edit.entries[0].seq


def test_encode__of_the_checkout_flag__is_what_the_entry_holds(shop: Shop) -> None:
    flag = shop.changes.state.flag("shop", "checkout")
    assert flag is not None

    assert shop.storage.entries(EntryQuery(kind="flag"))[0].after == encode(flag)
