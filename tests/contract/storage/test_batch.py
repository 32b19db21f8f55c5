"""Units of work that share a commit: each is all or nothing for itself, and sees what those before it added."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from tests.support.batches import in_one_commit
from tests.support.ledgers import Draft, append, fill, problems, seqs, targeting_draft

from flagtrail.model.errors import StorageFailed
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Cell, EntryQuery, Head, Storage, Transaction

Work = Callable[[Transaction], object]


def make(flag: str) -> Work:
    return lambda transaction: append(transaction, Draft(subject=flag_subject("default", flag)))


def break_off(transaction: Transaction) -> None:
    """Fails after its entry, its new actor and a cell were written."""
    append(transaction, Draft(why="broken off"))
    transaction.put_cell("place", Cell("a", b"broken off"))
    raise ValueError


def skip_versions(transaction: Transaction) -> None:
    """What only the database knows to be wrong."""
    transaction.put_cell("place", Cell("a", b"refused"))
    append(transaction, Draft(subject=flag_subject("default", "skipped"), version=7))


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("failing", "error"), [pytest.param(break_off, ValueError), pytest.param(skip_versions, StorageFailed)]
)
def test_batch__with_a_failing_unit__undoes_that_one_alone(
    storage: Storage, failing: Work, error: type[Exception], at: int
) -> None:
    others: list[tuple[str, Work]] = [("one", make("one")), ("two", make("two"))]
    works = dict([*others[:at], ("failing", failing), *others[at:]])

    outcomes = in_one_commit(storage, works)

    assert outcomes == {"one": None, "two": None, "failing": error}
    assert [entry.subject.flag for entry in storage.entries_from(0, 9)] == ["one", "two"]
    assert (storage.cells("place"), problems(storage)) == ([], [])


def test_batch__of_changes_of_one_document__keeps_every_version(storage: Storage) -> None:
    fill(storage, targeting_draft())

    outcomes = in_one_commit(storage, {str(number): make("checkout") for number in range(5)})

    assert set(outcomes.values()) == {None}
    history = storage.history([flag_subject("default", "checkout").path])
    assert [(entry.seq, entry.version) for entry in history] == [(seq, seq) for seq in range(1, 6)]
    assert problems(storage) == []


def test_batch__after_a_failing_first_unit__finds_its_actor_all_the_same(storage: Storage) -> None:
    in_one_commit(storage, {"failing": break_off, "next": make("next")})
    fill(storage, Draft())

    assert seqs(storage.entries(EntryQuery(actor="ada@example.com"))) == [1, 0]


def test_unit__in_a_batch__sees_what_those_before_it_added(storage: Storage) -> None:
    fill(storage, Draft())
    storage.put_cell("place", Cell("gone", b"1"))
    seen: list[object] = []

    def add(transaction: Transaction) -> None:
        append(transaction, Draft())
        transaction.put_cell("place", Cell("a", b"added"))
        transaction.delete_cell("place", "gone")

    def look(transaction: Transaction) -> None:
        cells = [transaction.cell("place", key) for key in ("a", "gone", "never")]
        seen[:] = [transaction.head.size, seqs(list(transaction.entries_from(0))), cells]

    in_one_commit(storage, {"add": add, "look": look})

    assert seen == [2, [0, 1], [b"added", None, None]]
    assert storage.cells("place") == [Cell("a", b"added")]


@pytest.mark.parametrize("first", [0, 1, 79, 80])
def test_unit__that_reads_on_from_a_place__gets_each_entry_once(storage: Storage, first: int) -> None:
    fill(storage, *[Draft()] * 79)

    def read(transaction: Transaction) -> list[int]:
        append(transaction, Draft())
        return seqs(list(transaction.entries_from(first)))

    assert storage.write(read) == list(range(first, 80))


def test_unit__that_swallows_a_gap_it_made__changes_nothing_all_the_same(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        with pytest.raises(StorageFailed, match="do not make"):
            transaction.append([], Head(1, (bytes(32),), bytes(32), ""))
        transaction.put_cell("place", Cell("a", b"1"))

    with pytest.raises(StorageFailed):
        storage.write(work)

    assert storage.cells("place") == []


def test_submit__of_a_unit_of_work__tells_when_it_is_durable(storage: Storage) -> None:
    done = threading.Event()

    pending = storage.submit(lambda transaction: append(transaction, Draft()), done.set)

    assert done.wait(60)
    assert (seqs(pending.outcome()), storage.head().size) == ([0], 1)


def test_submit__of_a_unit_of_work_that_fails__gives_its_exception(storage: Storage) -> None:
    done = threading.Event()
    pending = storage.submit(break_off, done.set)

    assert done.wait(60)
    with pytest.raises(ValueError):  # noqa: PT011 - as it was raised
        pending.outcome()
    assert storage.head().size == 0


def test_submit__after_close__is_refused(storage: Storage) -> None:
    storage.close()

    with pytest.raises(StorageFailed, match="closed"):
        storage.submit(break_off, lambda: None).outcome()
