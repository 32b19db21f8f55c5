"""Counting what is appended."""

from __future__ import annotations

import pytest
from tests.support.installation import CHECKOUT, Shop, make, patch

from flagtrail.app.meter import APPEND_SECONDS, Meter
from flagtrail.model.errors import StorageFailed


def test_meter__of_a_shop__counts_changes_entries_and_what_they_did() -> None:
    shop = Shop().set_up()
    before = shop.changes.meter.read()
    shop.patch(CHECKOUT, {"owner": "billing"})
    shop.patch(CHECKOUT, {"archived": True})

    read = shop.changes.meter.read()

    assert (read.changes - before.changes, read.entries - before.entries) == (2, 2)
    assert (read.actions["details_changed"], read.actions["archived"]) == (1, 1)


def test_meter__of_a_change_that_altered_nothing__stays() -> None:
    shop = Shop().set_up()
    before = shop.changes.meter.read()
    shop.patch(CHECKOUT, {"owner": ""})

    assert shop.changes.meter.read() == before


def test_meter__of_a_change_that_was_repeated__counts_it_once() -> None:
    from tests.support.installation import ADA

    shop = Shop().set_up()
    before = shop.changes.meter.read().changes
    for _ in range(2):
        shop.changes.apply(ADA, make(patch(CHECKOUT, {"owner": "billing"})), idempotency_key="k")

    assert shop.changes.meter.read().changes - before == 1


def test_meter__of_times__counts_each_within_every_bound_that_it_keeps() -> None:
    shop, meter = Shop().set_up(), Meter()
    entries = tuple(shop.storage.entries_from(0, 1))
    for seconds in (0.0005, 0.3, 100.0):
        meter.appended([entries], seconds)

    read = meter.read()

    assert (len(read.within), read.within[0], read.within[-2], read.within[-1]) == (len(APPEND_SECONDS) + 1, 1, 2, 3)
    assert read.seconds == 100.3005


def test_meter__of_changes_that_the_database_did_not_take__counts_them_and_knows_when_it_takes_them_again() -> None:
    shop, meter = Shop().set_up(), Meter()
    for _ in range(2):
        with pytest.raises(StorageFailed):
            meter.tried(_full)
    failing = (meter.failing(60.0), meter.failing(0.0))
    meter.appended([tuple(shop.storage.entries_from(0, 1))], 0.1)

    assert (meter.read().failed, failing, meter.failing(60.0)) == (2, (True, False), False)


def _full() -> None:
    raise StorageFailed("no space")
