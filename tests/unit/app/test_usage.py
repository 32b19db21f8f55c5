"""Counting: in memory, flushed as sums, nothing lost when a flush fails."""

from __future__ import annotations

import threading

import pytest
from tests.support.installation import LIVE, Shop

from flagtrail.app import usage
from flagtrail.app.evaluate import Evaluation
from flagtrail.app.usage import UsageCounter
from flagtrail.model.errors import NotFound, StorageFailed
from flagtrail.model.resolution import Answers, ErrorCode, Reason, Resolution, Settled
from flagtrail.model.usage import Usage
from flagtrail.storage import ReportMark

ON = Resolution("checkout", "on", value=True, reason=Reason.DEFAULT)


def counted(shop: Shop) -> list[tuple[str, str, str, int, str]]:
    return [(row.environment, row.flag, row.variant, row.count, row.client) for row in shop.storage.usage("shop")]


def test_flush__adds_up_what_was_counted() -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    for _ in range(3):
        counter.count("shop", "production", ON, "ofrep")
    counter.flush()
    counter.count("shop", "production", ON, "ofrep")
    counter.flush()
    counter.flush()

    assert counted(shop) == [("production", "checkout", "on", 4, "ofrep")]


def test_count__of_a_flag_that_was_not_found__counts_for_nobody() -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    counter.count(
        "shop", "production", Resolution("no", None, None, Reason.ERROR, error=ErrorCode.FLAG_NOT_FOUND), "ofrep"
    )

    assert counter.flush() == 0


def test_flush__that_fails__keeps_the_counts_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    counter.count("shop", "production", ON, "ofrep")

    def failing(_rows: object, **_: object) -> None:
        raise StorageFailed("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(shop.storage, "add_usage", failing)
        with pytest.raises(StorageFailed):
            counter.flush()
    counter.count("shop", "production", ON, "ofrep")
    counter.flush()

    assert counted(shop) == [("production", "checkout", "on", 2, "ofrep")]


@pytest.mark.parametrize("failures", [1, 3])
def test_flush__that_was_written_though_its_answer_was_lost__counts_once(
    monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    add = shop.storage.add_usage

    def losing(rows: list[Usage], *, report: ReportMark) -> bool:
        add(rows, report=report)
        raise StorageFailed("the connection broke within COMMIT")

    with monkeypatch.context() as patched:
        patched.setattr(shop.storage, "add_usage", losing)
        for _ in range(failures):
            counter.count("shop", "production", ON, "ofrep")
            with pytest.raises(StorageFailed):
                counter.flush()
    written = counter.flush()

    assert (counted(shop), counter.flush()) == ([("production", "checkout", "on", failures, "ofrep")], 0)
    assert written == (1 if failures == 1 else 2)


def test_flush__with_more_rows_than_memory_allows__drops_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    monkeypatch.setattr(usage, "MAX_ROWS", 2)
    for variant in "abcd":
        counter.count("shop", "production", Resolution("f", variant, value=1, reason=Reason.DEFAULT), "ofrep")

    assert (counter.flush(), counter.dropped) == (2, 2)


def test_count_all__of_resolutions_that_nobody_shares__keeps_memory_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    monkeypatch.setattr(usage, "MAX_ROWS", 50)
    for _ in range(1_000):
        counter.count("shop", "production", Resolution("f", "on", value=1, reason=Reason.DEFAULT), "ofrep")

    assert max(len(counts.held) for counts in (*counter._counts.values(), usage._Counts())) <= 51
    counter.flush()
    assert sum(row[3] for row in counted(shop)) == 1_000


def test_count__from_many_threads_while_flushing__loses_nothing() -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)

    def work() -> None:
        for _ in range(5_000):
            counter.count("shop", "production", ON, "ofrep")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        counter.flush()
    counter.flush()

    assert sum(row[3] for row in counted(shop)) == 20_000


def test_evaluate__counts_single_and_bulk_evaluations_apart() -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    evaluation = Evaluation(lambda: shop.changes.state, counter)
    evaluation.evaluate("shop", "production", "checkout", {})
    evaluation.evaluate_all("shop", "production", {})
    counter.flush()

    assert {row[4] for row in counted(shop)} == {"ofrep", "ofrep-bulk"}


def test_evaluate__after_a_change__serves_it_at_once() -> None:
    shop = Shop().set_up()
    evaluation = Evaluation(lambda: shop.changes.state, UsageCounter(shop.storage, shop.clock))
    before = evaluation.evaluate("shop", "production", "checkout", {}).variant
    shop.patch(LIVE, {"enabled": True})

    assert (before, evaluation.evaluate("shop", "production", "checkout", {}).variant) == ("off", "on")


def test_evaluate__in_an_unknown_environment__is_not_found() -> None:
    shop = Shop().set_up()
    evaluation = Evaluation(lambda: shop.changes.state, UsageCounter(shop.storage, shop.clock))

    with pytest.raises(NotFound):
        evaluation.evaluate("shop", "mars", "checkout", {})


def test_count_all__of_answers_that_are_shared__counts_each_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop().set_up()
    counter = UsageCounter(shop.storage, shop.clock)
    monkeypatch.setattr(usage, "MAX_WAITING", 3)
    off = Resolution("checkout", "off", value=False, reason=Reason.DEFAULT)
    other = Resolution("other", "on", value=True, reason=Reason.STATIC)
    together, again = Settled((ON, other)), Settled((off, other))
    for answers in (Answers((together,), (off,)), Answers((together,), ()), Answers((again,), (ON,))):
        counter.count_all("shop", "production", answers, "ofrep-bulk")
    counter.flush()

    assert sorted((row[1], row[2], row[3]) for row in counted(shop)) == [
        ("checkout", "off", 2),
        ("checkout", "on", 3),
        ("other", "on", 3),
    ]
