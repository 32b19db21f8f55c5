from __future__ import annotations

import pytest
from tests.support.ledgers import Draft, fill, moment, seqs, targeting_draft

from flagtrail.model.errors import InvalidQuery
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Storage

CHECKOUT = flag_subject("default", "checkout").path
SEARCH = flag_subject("default", "search").path

# Learned in the order of seq; 1 and 3 happened earlier than they were learned.
HISTORY = (
    Draft(),  # 0
    Draft(subject=flag_subject("default", "search"), occurred_at=moment(-50)),  # 1
    Draft(),  # 2
    Draft(subject=flag_subject("default", "search"), occurred_at=moment(-40)),  # 3
    Draft(after=None, before={}, actions=("deleted",)),  # 4
    targeting_draft(),  # 5
)


def test_history__one_subject__comes_oldest_first(storage: Storage) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.history([CHECKOUT])) == [0, 2, 4]


def test_history__several_subjects__are_ordered_by_effective_time(storage: Storage) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.history([CHECKOUT, SEARCH, CHECKOUT])) == [1, 3, 0, 2, 4]


def test_history__the_same_effective_time__is_ordered_by_seq(storage: Storage) -> None:
    fill(storage, *(Draft(time=moment(0)) for _ in range(4)))

    assert seqs(storage.history([CHECKOUT])) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        pytest.param(moment(2), [1, 3, 0, 2], id="inclusive"),
        pytest.param(moment(1.999999), [1, 3, 0], id="a microsecond earlier"),
        pytest.param(moment(-45), [1], id="before the ledger began"),
    ],
)
def test_history__until__bounds_the_effective_time(storage: Storage, until: str, expected: list[int]) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.history([CHECKOUT, SEARCH], until=until)) == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        pytest.param(moment(0), None, [0, 2, 4], id="inclusive"),
        pytest.param(moment(0.000001), None, [2, 4], id="a microsecond later"),
        pytest.param(moment(-45), moment(0), [3, 0], id="between two"),
        pytest.param(moment(2), moment(1), [], id="the wrong way round"),
    ],
)
def test_history__since__bounds_the_effective_time(
    storage: Storage, since: str, until: str | None, expected: list[int]
) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.history([CHECKOUT, SEARCH], since=since, until=until)) == expected


@pytest.mark.parametrize(("limit", "expected"), [(0, []), (2, [1, 3]), (9, [1, 3, 0, 2, 4])])
def test_history__limit__keeps_the_first(storage: Storage, limit: int, expected: list[int]) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.history([CHECKOUT, SEARCH], limit=limit)) == expected


@pytest.mark.parametrize("paths", [pytest.param([], id="none"), pytest.param(["projects/nowhere"], id="unknown")])
def test_history__no_such_subject__is_empty(storage: Storage, paths: list[str]) -> None:
    fill(storage, *HISTORY)

    assert storage.history(paths) == []


@pytest.mark.parametrize(
    ("time", "seq", "expected"),
    [
        pytest.param(moment(2), None, 2, id="at the very microsecond"),
        pytest.param(moment(1.999999), None, 0, id="a microsecond before"),
        pytest.param(moment(-1), None, None, id="before it was"),
        pytest.param(None, 3, 2, id="at a seq between"),
        pytest.param(None, 2, 2, id="at its seq"),
        pytest.param(None, -1, None, id="before the first seq"),
        pytest.param(None, 2**70, 4, id="at a seq far beyond"),
        pytest.param(moment(99), None, 4, id="after it was deleted: the deletion"),
        pytest.param(moment(99), 3, 2, id="both bounds"),
        pytest.param(None, None, 4, id="no bound: now"),
    ],
)
def test_as_of__bounds__give_the_newest_entry_within(
    storage: Storage, time: str | None, seq: int | None, expected: int | None
) -> None:
    fill(storage, *HISTORY)

    found = storage.as_of(CHECKOUT, time=time, seq=seq)

    assert (None if found is None else found.seq) == expected


def test_as_of__imported_history__counts_from_when_it_happened(storage: Storage) -> None:
    fill(storage, *HISTORY)

    by_time = storage.as_of(SEARCH, time=moment(-45))
    by_seq = storage.as_of(SEARCH, seq=0)

    assert (by_time and by_time.seq, by_seq) == (1, None)


def test_as_of__history_learned_out_of_order__goes_by_effective_time(storage: Storage) -> None:
    fill(storage, Draft(), Draft(occurred_at=moment(-10)), Draft(occurred_at=moment(-20)))

    found = [storage.as_of(CHECKOUT, time=moment(at)) for at in (-20, -15, -10, -1, 0)]

    assert [entry and entry.seq for entry in found] == [2, 2, 1, 1, 0]


def test_as_of__a_time_that_cannot_be_read__is_refused(storage: Storage) -> None:
    with pytest.raises(InvalidQuery):
        storage.as_of(CHECKOUT, time="then")


@pytest.mark.parametrize(
    ("prefix", "time", "seq", "expected"),
    [
        pytest.param("projects/default/", None, None, [4, 5, 3], id="now, by path"),
        pytest.param("projects/default/", None, 1, [0, 1], id="at a seq"),
        pytest.param("projects/default/", moment(-45), None, [1], id="at a time"),
        pytest.param("projects/default/flags/c", None, None, [4, 5], id="a part of a key"),
        pytest.param("projects/default/flags/checkout/", None, None, [5], id="below one"),
        pytest.param("", None, None, [4, 5, 3], id="everything"),
        pytest.param("projects/%", None, None, [], id="a wildcard of SQL"),
        pytest.param("members/", None, None, [], id="nothing there"),
    ],
)
def test_paths_as_of__a_prefix__gives_each_subject_once(
    storage: Storage, prefix: str, time: str | None, seq: int | None, expected: list[int]
) -> None:
    fill(storage, *HISTORY)

    assert seqs(storage.paths_as_of(prefix, time=time, seq=seq)) == expected


def test_current__deleted_documents__are_there_as_their_deletion(storage: Storage) -> None:
    fill(storage, *HISTORY)

    assert seqs(list(storage.current())) == [3, 4, 5]


def test_current__left_half_way__lets_appends_go_on(storage: Storage) -> None:
    fill(storage, *HISTORY)
    newest = storage.current()
    next(newest)

    fill(storage, Draft(version=4))

    assert seqs(list(newest)) == [4, 5]
