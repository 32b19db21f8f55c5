"""Scans of source code: the newest of each branch, with the history that the ones before it left."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec

from flagtrail.model.reference import (
    MAX_POINTS,
    CodeReference,
    CountPoint,
    Removal,
    ScanHead,
    ScannedFlag,
    ScannedQuery,
)
from flagtrail.storage import Storage

Opener = Callable[[], Storage]
COMMIT = "c0ffee0"
ALL = ScannedQuery(project="default", references=True)


def at(day: int) -> str:
    return f"2026-03-{day:02}T12:00:00.000000Z"


def head(day: int = 1, **parts: object) -> ScanHead:
    given = {"project": "default", "repository": "shop", "branch": "main", "commit": COMMIT, "default": True, **parts}
    return ScanHead(at=at(day), received=at(day), **given)  # type: ignore[arg-type]  # named by each test


def flag(key: str = "checkout", count: int = 1, removal: Removal | None = None) -> ScannedFlag:
    """As it is put: its repository and branch are the scan's."""
    references = tuple(
        CodeReference(key, "src/cart.py", 7 + line, "evaluation", 4, 'if on("checkout"):\0', "pay", "python")
        for line in range(count)
    )
    counts = {"evaluation": count} if count else {}
    return ScannedFlag(
        repository="",
        branch="",
        flag=key,
        counts=counts,  # type: ignore[arg-type]  # a literal
        removal=removal,
        references=references,
    )


def held(flag: ScannedFlag, *points: tuple[int, int], repository: str = "shop", branch: str = "main") -> ScannedFlag:
    """As it is given back, with points (day, count) of its history."""
    history = tuple(CountPoint(at(day), COMMIT, count) for day, count in points)
    return msgspec.structs.replace(flag, repository=repository, branch=branch, history=history)


def test_put_scan__the_first_of_a_branch__is_what_is_held(storage: Storage) -> None:
    removal = Removal("abcdef0", at(1), "Remove old_pricing")
    one = head(url="https://example.org/{path}#L{line}", files=9, skipped=1)

    assert storage.put_scan(one, [flag("checkout", 2), flag("old_pricing", 0, removal)])
    assert storage.scans("default") == [one]
    assert storage.scanned_flags(ALL) == [
        held(flag("checkout", 2), (1, 2)),
        held(flag("old_pricing", 0, removal), (1, 0)),
    ]


def test_put_scan__a_newer_one__takes_its_place_and_goes_on_with_the_history(storage: Storage) -> None:
    storage.put_scan(head(1), [flag(count=3), flag("gone")])
    storage.put_scan(head(2), [flag(count=3)])
    storage.put_scan(head(3), [flag(count=1)])

    assert storage.scans() == [head(3)]
    assert storage.scanned_flags(ALL) == [held(flag(count=1), (1, 3), (3, 1))]


def test_put_scan__the_same_again__changes_nothing(storage: Storage) -> None:
    storage.put_scan(head(1), [flag(count=3)])
    for _ in range(2):
        assert storage.put_scan(head(2), [flag(count=2)])

    assert storage.scanned_flags(ALL) == [held(flag(count=2), (1, 3), (2, 2))]


def test_put_scan__an_older_one__is_not_kept(storage: Storage) -> None:
    storage.put_scan(head(2), [flag(count=2)])

    assert not storage.put_scan(head(1), [flag(count=5), flag("other")])
    assert storage.scans() == [head(2)]
    assert storage.scanned_flags(ALL) == [held(flag(count=2), (2, 2))]


def test_put_scan__of_other_branches__touches_nothing_of_this_one(storage: Storage) -> None:
    storage.put_scan(head(), [flag(count=2)])
    storage.put_scan(head(branch="fix", default=False), [flag(count=1)])
    storage.put_scan(head(repository="app"), [flag(count=4)])
    storage.put_scan(head(project="other"), [flag(count=9)])

    assert [each.place for each in storage.scans("default")] == [("app", "main"), ("shop", "fix"), ("shop", "main")]
    assert [each.project for each in storage.scans()] == ["default"] * 3 + ["other"]
    assert [each.total for each in storage.scanned_flags(ALL)] == [4, 1, 2]


def test_put_scan__many_counts__keeps_the_newest_points(storage: Storage) -> None:
    points = tuple(CountPoint(f"2025-01-01T00:{minute:02}:00.000000Z", COMMIT, minute) for minute in range(59))
    storage.put_scan(head(), [msgspec.structs.replace(flag(count=0), history=points)])

    (found,) = storage.scanned_flags(ALL)
    assert len(found.history) == MAX_POINTS
    assert found.history[-2:] == (points[-1], CountPoint(at(1), COMMIT, 0))


def test_put_scan__two_at_once__leave_the_newer_one(storage: Storage) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda day: storage.put_scan(head(day), [flag(count=day)]), [3, 1, 4, 2] * 3))

    assert storage.scans() == [head(4)]
    (found,) = storage.scanned_flags(ALL)
    assert (found.total, found.history[-1].count) == (4, 4)


def test_scanned_flags__asked_for_one_flag_or_scan__are_those_alone(storage: Storage) -> None:
    storage.put_scan(head(), [flag("a"), flag("b")])
    storage.put_scan(head(branch="fix"), [flag("a")])

    one = storage.scanned_flags(ScannedQuery(project="default", flag="a"))
    assert [(each.branch, each.counts, each.references) for each in one] == [
        ("fix", {"evaluation": 1}, ()),
        ("main", {"evaluation": 1}, ()),
    ]
    place = ScannedQuery(project="default", place=("shop", "main"))
    assert [each.flag for each in storage.scanned_flags(place)] == ["a", "b"]
    assert storage.scanned_flags(ScannedQuery(project="other")) == []


def test_delete_old_scans__before_a_moment__spares_default_branches(storage: Storage) -> None:
    for branch, day in (("main", 1), ("old", 1), ("new", 3)):
        storage.put_scan(head(day, branch=branch, default=branch == "main"), [flag()])

    assert storage.delete_old_scans(at(3)) == 1
    assert [each.branch for each in storage.scans()] == ["main", "new"]
    assert [each.branch for each in storage.scanned_flags(ALL)] == ["main", "new"]


def test_delete_scans__of_a_repository__leaves_the_others(storage: Storage) -> None:
    places = ["default/old/main", "default/old/fix", "default/new/main", "shop/old/main"]
    for project, repository, branch in (place.split("/") for place in places):
        storage.put_scan(head(project=project, repository=repository, branch=branch), [flag()])

    assert (storage.delete_scans("default", "old"), storage.delete_scans("default", "old")) == (2, 0)
    assert [(each.project, each.repository) for each in storage.scans()] == [("default", "new"), ("shop", "old")]
    assert [each.repository for each in storage.scanned_flags(ALL)] == ["new"]


def test_scans__after_it_was_opened_again__are_there(reopen: Opener) -> None:
    reopen().put_scan(head(), [flag(count=2)])

    storage = reopen()
    assert storage.scans() == [head()]
    assert storage.scanned_flags(ALL) == [held(flag(count=2), (1, 2))]
