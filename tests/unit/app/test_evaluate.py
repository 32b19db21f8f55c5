"""What an environment serves is named by its own documents, whatever else moves the ledger."""

from __future__ import annotations

import pytest
from tests.support.installation import ADA, CHECKOUT, LIVE, Shop, make, put

from flagtrail.app.evaluate import Evaluation, Served
from flagtrail.app.projects import project_operations
from flagtrail.app.usage import UsageCounter
from flagtrail.model.environment import Project
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import Subject, flag_subject, targeting_subject

STAGING = targeting_subject("shop", "checkout", "staging")


def evaluation(shop: Shop) -> Evaluation:
    return Evaluation(lambda: shop.changes.state, UsageCounter(shop.storage, shop.clock))


def served(shop: Shop) -> Served:
    return evaluation(shop).served("shop", "production")


def test_served__another_project_changed__is_the_same_object() -> None:
    shop = Shop().set_up()
    live = evaluation(shop)
    before = live.served("shop", "production")
    shop.changes.apply(
        ADA, make(*project_operations(Project("other")), put(flag_subject("other", "x"), boolean_flag("x")))
    )
    assert live.served("shop", "production") is before


def test_served__another_environment_changed__is_the_same_object() -> None:
    shop = Shop().set_up()
    live = evaluation(shop)
    before = live.served("shop", "production")
    shop.patch(STAGING, {"enabled": True})
    assert live.served("shop", "production") is before


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        pytest.param(LIVE, {"enabled": True}, id="a targeting"),
        pytest.param(CHECKOUT, {"description": "new"}, id="a flag"),
    ],
)
def test_served__its_own_documents_changed__has_another_name(subject: Subject, value: object) -> None:
    shop = Shop().set_up()
    live = evaluation(shop)
    before = live.served("shop", "production")
    size = shop.patch(subject, value).size
    after = live.served("shop", "production")
    assert (after.size, after.digest != before.digest) == (size, True)


def test_served__by_a_replica_that_started_later__has_the_same_name() -> None:
    shop = Shop().set_up()
    shop.patch(LIVE, {"enabled": True})
    before = served(shop)
    shop.patch(STAGING, {"enabled": True})
    after = served(shop)
    assert (before.size, before.digest) == (after.size, after.digest)


def test_served__by_installations_of_equal_size_and_other_content__have_other_names() -> None:
    one, other = Shop().set_up(), Shop().set_up()
    one.patch(LIVE, {"enabled": True})
    other.patch(LIVE, {"off_variant": "on"})
    first, second = served(one), served(other)
    assert (first.size == second.size, first.digest == second.digest) == (True, False)


def test_served__environments_of_one_project__have_other_names() -> None:
    live = evaluation(Shop().set_up())
    assert live.served("shop", "production").digest != live.served("shop", "staging").digest
