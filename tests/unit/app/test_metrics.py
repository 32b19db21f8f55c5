"""What is told of SDKs and followers, out of the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.support.installation import Shop

from flagtrail.app.clock import stamp
from flagtrail.app.metrics import FORGOTTEN, SILENT, Heard, Metrics
from flagtrail.model.usage import Usage
from flagtrail.storage import Cell

SECOND = timedelta(seconds=10)


def report(shop: Shop, environment: str, client: str, ago: timedelta, application: str = "shop/1") -> None:
    last = stamp(shop.clock.now - ago)
    shop.storage.add_usage([Usage("shop", environment, "checkout", "on", "", last, 1, last, client, application)])


@pytest.mark.parametrize(
    ("ago", "counts"),
    [
        (timedelta(), (1, 0)),
        (SILENT - SECOND, (1, 0)),
        (SILENT + SECOND, (0, 1)),
        (FORGOTTEN - SECOND, (0, 1)),
        (FORGOTTEN + SECOND, None),
    ],
    ids=["now", "within the hour", "after an hour", "within the week", "after a week"],
)
def test_an_sdk__by_when_it_was_last_heard__is_told_or_forgotten(
    ago: timedelta, counts: tuple[int, int] | None
) -> None:
    shop = Shop().set_up()
    report(shop, "production", "python/1", ago)

    found = Metrics(shop.storage, shop.changes, shop.clock).look().result(10).sdks

    assert found == (() if counts is None else (Heard("shop", "production", *counts),))


def test_sdks__are_counted_by_environment_and_application() -> None:
    shop = Shop().set_up()
    for environment, application in (("production", "shop/1"), ("production", "cart/1"), ("staging", "shop/1")):
        report(shop, environment, "python/1", timedelta(), application)

    found = Metrics(shop.storage, shop.changes, shop.clock).look().result(10).sdks

    assert [(each.environment, each.heard) for each in found] == [("production", 2), ("staging", 1)]


@pytest.mark.parametrize("client", ["ofrep", "ofrep-bulk"])
def test_what_this_server_counts_itself__is_no_sdk(client: str) -> None:
    shop = Shop().set_up()
    report(shop, "production", client, SILENT + SECOND, "")

    assert Metrics(shop.storage, shop.changes, shop.clock).look().result(10).sdks == ()


def test_places__are_those_of_the_followers() -> None:
    shop = Shop().set_up()
    shop.storage.put_cell("place", Cell("alerts-slack", b'{"seq": 4, "attempts": 2}'))

    assert Metrics(shop.storage, shop.changes, shop.clock).look().result(10).places == {"alerts-slack": 4}
