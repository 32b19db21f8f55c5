from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from tests.support.ledgers import Draft, append, fill, moment, problems, record, seqs, targeting_draft

from flagtrail.ledger.merkle import EMPTY_ROOT, Frontier
from flagtrail.model.errors import StorageFailed
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Cell, Head, Storage, Transaction

Opener = Callable[[], Storage]
EMPTY = Frontier()


def test_head__nothing_appended__is_the_empty_tree(storage: Storage) -> None:
    assert storage.head() == Head(0, (), EMPTY_ROOT, "")


def test_append__several_records__are_read_back_as_they_were(storage: Storage) -> None:
    drafts = [
        Draft(why="because", ticket="BILL-42"),
        targeting_draft(before={"enabled": False}, after={"enabled": True}),
        Draft(before={"description": "new"}, after=None, actions=("deleted",)),
    ]

    appended = fill(storage, *drafts)

    assert storage.entries_from(0, 10) == appended


def test_append__several_records__moves_the_head(storage: Storage) -> None:
    fill(storage, Draft(), Draft(), targeting_draft())

    head = storage.head()
    assert (head.size, len(head.frontier), head.last_time) == (3, 2, moment(2))


def test_append__several_records__leaves_a_sound_ledger(storage: Storage) -> None:
    fill(storage, Draft(), Draft(), targeting_draft())
    fill(storage, targeting_draft(), targeting_draft("other"))

    assert problems(storage) == []


def test_append__nothing__is_no_error(storage: Storage) -> None:
    assert fill(storage) == []


def test_entry__beyond_the_end__is_none(storage: Storage) -> None:
    fill(storage, Draft())

    assert [storage.entry(seq) is None for seq in (-1, 0, 1, 2**70)] == [True, False, True, True]


@pytest.mark.parametrize(
    ("seq", "limit", "expected"),
    [
        pytest.param(0, 2, [0, 1], id="from the start"),
        pytest.param(3, 9, [3, 4], id="to the end"),
        pytest.param(-4, 1, [0], id="before the start"),
        pytest.param(5, 9, [], id="from the end on"),
        pytest.param(0, 0, [], id="none wanted"),
    ],
)
def test_entries_from__bounds__are_kept(storage: Storage, seq: int, limit: int, expected: list[int]) -> None:
    fill(storage, *[Draft()] * 5)

    assert seqs(storage.entries_from(seq, limit)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        pytest.param(0, 5, 5, id="all"),
        pytest.param(1, 3, 2, id="a part"),
        pytest.param(3, 3, 0, id="empty"),
        pytest.param(4, 99, 1, id="beyond the end"),
    ],
)
def test_ranges__bounds__are_half_open(storage: Storage, low: int, high: int, expected: int) -> None:
    fill(storage, *[Draft()] * 5)

    counts = (
        len(list(storage.leaves(low, high))),
        len(storage.leaf_hashes(low, high)),
        len({disclosure.seq for disclosure in storage.disclosures(low, high)}),
    )

    assert counts == (expected,) * 3


def test_disclosures__several_entries__come_by_seq_and_name(storage: Storage) -> None:
    fill(storage, Draft(why="one", before={}), Draft(why="two", before={}))

    found = [(each.seq, each.name) for each in storage.disclosures(0, 2)]

    assert found == sorted(found)


def test_leaves__more_than_one_page__all_come(storage: Storage) -> None:
    fill(storage, *[Draft()] * 2100)

    assert len(list(storage.leaves(0, 2100))) == 2100


def test_append__a_gap__is_refused_and_nothing_changed(storage: Storage) -> None:
    late = record(Draft(), EMPTY.append(bytes(32)), version=1)
    head = Head(1, (late.leaf_hash,), late.leaf_hash, late.entry.time)

    with pytest.raises(StorageFailed, match="entry 1 came where 0 is next"):
        storage.write(lambda transaction: transaction.append([late], head))

    assert storage.head().size == 0


def test_append__a_head_of_another_size__is_refused_and_nothing_changed(storage: Storage) -> None:
    made = record(Draft(), EMPTY, version=1)
    head = Head(2, (made.leaf_hash,), made.leaf_hash, made.entry.time)

    with pytest.raises(StorageFailed, match="1 entries after 0 do not make 2"):
        storage.write(lambda transaction: transaction.append([made], head))

    assert storage.head().size == 0


@pytest.mark.parametrize("version", [1, 3, 9])
def test_append__a_version_that_is_not_the_next__is_refused_and_nothing_changed(storage: Storage, version: int) -> None:
    fill(storage, Draft())

    with pytest.raises(StorageFailed):
        fill(storage, targeting_draft(), Draft(version=version))

    assert storage.head().size == 1


def test_append__a_first_version_that_is_not_one__is_refused(storage: Storage) -> None:
    with pytest.raises(StorageFailed):
        fill(storage, Draft(version=2))


def test_append__a_refusal_that_the_work_swallows__changes_nothing_all_the_same(storage: Storage) -> None:
    def work(transaction: Transaction) -> None:
        transaction.put_cell("place", Cell("a", b"1"))
        append(transaction, targeting_draft())
        with contextlib.suppress(StorageFailed):  # it may come only when the work has ended
            append(transaction, Draft(version=7))
        transaction.put_cell("place", Cell("b", b"2"))

    with pytest.raises(StorageFailed):
        storage.write(work)

    assert (storage.head().size, storage.cells("place")) == (0, [])


def test_write__an_exception__undoes_entries_and_cells_and_is_raised_as_it_was(storage: Storage) -> None:
    fill(storage, Draft())
    storage.put_cell("place", Cell("kept", b"old"))
    thrown = ValueError("no")

    def work(transaction: Transaction) -> None:
        append(transaction, Draft(), targeting_draft())
        transaction.put_cell("place", Cell("kept", b"new"))
        transaction.put_cell("place", Cell("added", b"new"))
        raise thrown

    with pytest.raises(ValueError, match="no") as caught:
        storage.write(work)

    assert caught.value is thrown
    assert (storage.head().size, storage.cells("place")) == (1, [Cell("kept", b"old")])
    assert problems(storage) == []


def test_write__after_an_exception__goes_on(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError):
        storage.write(lambda _: 1 // 0)

    assert seqs(fill(storage, Draft())) == [0]


def test_transaction__its_own_additions__are_seen_by_it(storage: Storage) -> None:
    fill(storage, Draft())

    def work(transaction: Transaction) -> tuple[int, list[int], bytes | None]:
        append(transaction, Draft())
        transaction.put_cell("place", Cell("a", b"1"))
        return transaction.head.size, seqs(list(transaction.entries_from(0))), transaction.cell("place", "a")

    assert storage.write(work) == (2, [0, 1], b"1")


def test_transaction__a_cell_deleted_in_it__is_gone_for_it(storage: Storage) -> None:
    storage.put_cell("place", Cell("a", b"1"))

    def work(transaction: Transaction) -> bytes | None:
        transaction.delete_cell("place", "a")
        return transaction.cell("place", "a")

    assert storage.write(work) is None
    assert storage.cells("place") == []


def test_write__sixteen_threads__every_entry_is_there_once(storage: Storage) -> None:
    def change(thread: int) -> list[int]:
        subject = flag_subject("default", f"flag-{thread}")
        return [fill(storage, Draft(subject=subject))[0].seq for _ in range(10)]

    with ThreadPoolExecutor(16) as pool:
        acknowledged = [seq for found in pool.map(change, range(16)) for seq in found]

    assert sorted(acknowledged) == list(range(160))
    assert problems(storage) == []


def test_write__failing_and_succeeding_threads__only_the_failing_are_undone(storage: Storage) -> None:
    together = threading.Barrier(8)

    def change(thread: int) -> bool:
        def work(transaction: Transaction) -> None:
            append(transaction, Draft(subject=flag_subject("default", f"flag-{thread}")))
            if thread % 2:
                raise ValueError(thread)

        together.wait()
        try:
            storage.write(work)
        except ValueError as error:
            return error.args == (thread,)
        return thread % 2 == 0

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(change, range(8)))

    assert outcomes == [True] * 8
    assert {entry.subject.flag for entry in storage.current()} == {"flag-0", "flag-2", "flag-4", "flag-6"}


def test_readers__a_unit_of_work_under_way__see_only_what_is_durable(storage: Storage) -> None:
    fill(storage, Draft())
    seen: list[tuple[int, list[int]]] = []
    reading, read = threading.Event(), threading.Event()

    def look() -> None:
        reading.wait(60)
        # Readers may wait for the writer, who may end between two reads; half of what it does no read shows.
        read.set()
        seen.append((storage.head().size, seqs(storage.entries_from(0, 9))))

    def work(transaction: Transaction) -> None:
        append(transaction, Draft())
        reading.set()
        read.wait(60)
        append(transaction, targeting_draft())

    reader = threading.Thread(target=look)
    reader.start()
    storage.write(work)
    reader.join()

    assert seen in ([(1, [0])], [(1, [0, 1, 2])], [(3, [0, 1, 2])])


def test_close__twice__is_no_error(storage: Storage) -> None:
    storage.close()
    storage.close()


def test_write__after_close__is_refused(storage: Storage) -> None:
    storage.close()

    with pytest.raises(StorageFailed, match="closed"):
        fill(storage, Draft())


def test_reopen__everything__is_there_again(reopen: Opener) -> None:
    storage = reopen()
    appended = fill(storage, Draft(why="kept"), targeting_draft(), Draft())
    storage.put_cell("session", Cell("a", b"secret", 12.5))
    head = storage.head()

    again = reopen()

    assert (again.head(), again.entries_from(0, 9), again.cells("session")) == (
        head,
        appended,
        [Cell("a", b"secret", 12.5)],
    )


def test_reopen__after_a_reopen__appends_go_on(reopen: Opener) -> None:
    fill(reopen(), Draft(), targeting_draft())
    fill(reopen(), Draft())

    assert problems(reopen()) == []


def test_disclosures__some_withheld__only_the_given_are_kept(storage: Storage) -> None:
    made = record(Draft(why="private"), EMPTY, version=1)
    kept = tuple(each for each in made.disclosures if each.name != "why")
    head = Head(1, (made.leaf_hash,), made.leaf_hash, made.entry.time)

    storage.write(lambda transaction: transaction.append([msgspec.structs.replace(made, disclosures=kept)], head))

    assert list(storage.disclosures(0, 1)) == sorted(kept, key=lambda each: each.name)
