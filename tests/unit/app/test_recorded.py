"""What is live is what the ledger recorded; and a repeated request is one request."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.installation import ADA, LIVE, ORIGIN, Shop, make, patch, put

from flagtrail.app.change import Changes, Receipt
from flagtrail.app.evaluate import Evaluation
from flagtrail.app.projects import project_operations
from flagtrail.app.usage import UsageCounter
from flagtrail.model.change import Operation
from flagtrail.model.environment import Project
from flagtrail.model.errors import MalformedRequest
from flagtrail.model.flag import Flag
from flagtrail.model.subject import flag_subject, project_subject, targeting_subject

COLOUR = flag_subject("shop", "colour")
UNORDERED = Flag("colour", "object", {"red": {"b": 1, "a": 1.0}, "green": {}, "blue": {"zero": -0.0}})


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    made = Shop("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db").set_up()
    yield made
    made.storage.close()


def served(shop: Shop, changes: Changes) -> str:
    evaluation = Evaluation(lambda: changes.state, UsageCounter(shop.storage, shop.clock))
    return repr(evaluation.evaluate("shop", "production", "colour", {}))


def test_state__of_documents_with_keys_in_any_order__is_the_same_after_a_restart(shop: Shop) -> None:
    shop.apply(put(COLOUR, UNORDERED))
    again = Changes(shop.storage, origin=ORIGIN, clock=shop.clock)

    assert (repr(again.state.flag("shop", "colour")), served(shop, again)) == (
        repr(shop.changes.state.flag("shop", "colour")),
        served(shop, shop.changes),
    )


def test_apply__of_a_first_targeting__does_not_depend_on_a_restart(shop: Shop) -> None:
    shop.apply(put(COLOUR, UNORDERED))
    again = Changes(shop.storage, origin=ORIGIN, clock=shop.clock)
    places = [targeting_subject("shop", "colour", env) for env in ("production", "staging")]

    first = shop.patch(places[0], {"enabled": True}).entries[0].after
    second = again.apply(ADA, make(patch(places[1], {"enabled": True}))).entries[0].after

    assert first == second


def test_receipt__holds_the_entry_as_the_storage_tells_it(shop: Shop) -> None:
    entry = shop.apply(put(COLOUR, UNORDERED)).entries[0]

    assert repr(shop.storage.entry(entry.seq)) == repr(entry)


def test_apply__of_one_key_by_two_callers_at_once__answers_both_with_the_one_change(shop: Shop) -> None:
    held, receipts = threading.Event(), list[Receipt]()
    blocker = threading.Thread(target=lambda: shop.storage.write(lambda _tx: held.wait(60)))
    blocker.start()

    def call() -> None:
        receipts.append(shop.changes.apply(ADA, make(patch(LIVE, {"enabled": True})), idempotency_key="k"))

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    held.set()
    for thread in (blocker, *callers):
        thread.join()

    assert [[entry.seq for entry in receipt.entries] for receipt in receipts] == [[6], [6]]


def test_apply__of_a_key_that_is_older_than_a_day__is_a_new_change(shop: Shop) -> None:
    shop.changes.apply(ADA, make(patch(LIVE, {"enabled": True})), idempotency_key="k")
    shop.clock.move(hours=25)

    assert shop.changes.apply(ADA, make(patch(LIVE, {"enabled": False})), idempotency_key="k").changed


def test_revert__twice_with_one_key__happens_once_whatever_was_done_between(shop: Shop) -> None:
    shop.patch(LIVE, {"enabled": True})
    seq = shop.patch(LIVE, {"enabled": False}).entries[0].seq
    first = shop.changes.revert(ADA, seq, why="back", idempotency_key="k")
    shop.patch(LIVE, {"enabled": False})

    again = shop.changes.revert(ADA, seq, why="back", idempotency_key="k")

    assert (again, shop.storage.head().size) == (first, 10)


def test_revert__with_a_key_of_another_request__is_refused(shop: Shop) -> None:
    seq = shop.patch(LIVE, {"enabled": True}).entries[0].seq
    shop.changes.apply(ADA, make(patch(LIVE, {"enabled": False})), idempotency_key="k")

    with pytest.raises(MalformedRequest):
        shop.changes.revert(ADA, seq, why="back", idempotency_key="k")


def test_revert__of_a_projects_creation__takes_all_of_it_back(shop: Shop) -> None:
    made = shop.apply(*project_operations(Project("other")))

    shop.changes.revert(ADA, made.entries[0].seq, why="by mistake")

    assert list(shop.changes.state.projects()) == ["shop"]


def test_revert__of_more_documents_than_one_request_may_name__is_not_bounded(shop: Shop) -> None:
    flags = [put(flag_subject("shop", f"f{n}"), Flag(f"f{n}", "boolean", {"on": True})) for n in range(999)]
    shop.apply(*flags)
    gone = shop.apply(Operation(action="delete", subject=project_subject("shop")))

    shop.changes.revert(ADA, gone.entries[0].seq, why="needed")

    assert (len(gone.entries), len(shop.changes.state.flags("shop"))) == (1_005, 1_000)
