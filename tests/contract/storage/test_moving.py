from __future__ import annotations

from tests.support.ledgers import Draft, append, fill, moment, person, record, targeting_draft

from flagtrail.ledger.merkle import Frontier
from flagtrail.model.entry import Touch
from flagtrail.model.subject import segment_subject
from flagtrail.model.usage import SampledContext, Usage
from flagtrail.storage import Cell, Head, ReportMark, Storage

HOUR = "2026-03-05T12:00:00Z"


def usage(project: str, environment: str) -> Usage:
    return Usage(project, environment, "checkout", "on", "", HOUR, 1, HOUR)


def test_records__of_appended_entries__are_what_was_appended(storage: Storage) -> None:
    touches = (Touch("default", "checkout", "production"), Touch("default", "search", "staging"))
    drafts = (
        Draft(why="because", ticket="BILL-42"),
        targeting_draft(before={"enabled": False}, after={"enabled": True}, actor=person("bob")),
        Draft(subject=segment_subject("default", "beta"), touches=touches, occurred_at=moment(-50)),
    )
    frontier, made = Frontier(), []
    for draft in drafts:
        made.append(record(draft, frontier, version=1))
        frontier = frontier.append(made[-1].leaf_hash)
    head = Head(frontier.size, frontier.peaks, frontier.root(), made[-1].entry.time)
    storage.write(lambda transaction: transaction.append(made, head))

    found = list(storage.records(0, 3))

    assert [(each.entry, each.leaf, each.leaf_hash, each.touches) for each in found] == [
        (each.entry, each.leaf, each.leaf_hash, each.touches) for each in made
    ]
    assert [sorted(each.disclosures, key=lambda one: one.name) for each in found] == [
        sorted(each.disclosures, key=lambda one: one.name) for each in made
    ]


def test_records__bounds__are_half_open(storage: Storage) -> None:
    fill(storage, *[Draft()] * 5)

    assert [each.entry.seq for each in storage.records(1, 3)] == [1, 2]
    assert [each.entry.seq for each in storage.records(4, 99)] == [4]


def test_records__more_than_one_page__all_come(storage: Storage) -> None:
    storage.write(lambda transaction: append(transaction, *[Draft()] * 2_100))

    assert [each.entry.seq for each in storage.records(0, 2_100)] == list(range(2_100))


def test_collections__of_cells__come_once_and_sorted(storage: Storage) -> None:
    for collection, key in (("y", "1"), ("x", "1"), ("x", "2")):
        storage.put_cell(collection, Cell(key, b""))

    assert storage.collections() == ["x", "y"]


def test_usage_places__of_counts_and_of_contexts__come_once_and_sorted(storage: Storage) -> None:
    storage.add_usage([usage("default", "staging"), usage("other", "production")])
    storage.add_usage([usage("default", "staging")], contexts=[SampledContext("default", "production", HOUR, {})])

    assert storage.usage_places() == [("default", "production"), ("default", "staging"), ("other", "production")]


def test_usage_reports__that_were_added__are_told_with_their_time(storage: Storage) -> None:
    storage.add_usage([], report=ReportMark("r-2", 1000.0))
    storage.add_usage([], report=ReportMark("r-1", 2000.5))

    assert storage.usage_reports() == [ReportMark("r-1", 2000.5), ReportMark("r-2", 1000.0)]
