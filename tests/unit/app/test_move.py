"""Moving an installation between stores: all of it, proved, and again where it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.installation import ADA, LIVE, ORIGIN, Clock, Shop, make, patch
from tests.support.ledgers import problems, stores, url_in

from flagtrail import storage as door
from flagtrail.app.bootstrap import App
from flagtrail.app.change import Changes
from flagtrail.app.move import Moved, MoveRefused, _copy_cells, move, move_database, unfinished
from flagtrail.app.settings import Settings
from flagtrail.app.sign import CheckpointSigner
from flagtrail.model.errors import LedgerBroken, StorageFailed
from flagtrail.model.metric import Sample
from flagtrail.model.reference import CodeReference, CountPoint, ScanHead, ScannedFlag, ScannedQuery
from flagtrail.model.usage import SampledContext, Usage
from flagtrail.storage import Cell, EntryQuery, Record, ReportMark, Storage

SCHEMES = [scheme for scheme, _ in stores()]
HOUR = "2026-03-05T12:00:00Z"
CHANGES = 2_300


class Interrupted(Exception):
    pass


def quiet(done: int, total: int | None = None) -> None:
    """Progress that nobody looks at."""


@pytest.fixture
def opened() -> Iterator[Callable[[str], Storage]]:
    made: list[Storage] = []

    def open_(url: str) -> Storage:
        made.append(door.load(url))
        return made[-1]

    yield open_
    for storage in made:
        storage.close()


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Storage]:
    """An installation that was used: changes, a signed checkpoint, a token's hash, usage."""
    shop = Shop(f"sqlite:///{tmp_path / 'source.db'}").set_up()
    storage = shop.storage
    for turn in range(20):
        shop.patch(LIVE, {"enabled": turn % 2 == 0})
    storage.put_cell("installation", Cell("origin", ORIGIN.encode()))
    CheckpointSigner(storage, origin=ORIGIN, key_path=tmp_path / "flagtrail.key").checkpoint()
    storage.put_cell("session", Cell("a", b"\x00secret", 12.5))
    storage.add_usage(
        [Usage("shop", "production", "checkout", "on", rule, HOUR, 5, HOUR, "python/1") for rule in ("", "r1")],
        report=ReportMark("r-1", 1000.0),
        contexts=[SampledContext("shop", "production", HOUR, {"number": number}) for number in range(3)],
    )
    storage.add_samples(
        "shop", [Sample("errors", 1_000 * at, at / 7, "production", (("region", "eu"),)) for at in range(9)]
    )
    storage.put_scan(
        ScanHead("shop", "web", "main", "c0ffee0", HOUR, HOUR, default=True),
        [
            ScannedFlag(
                repository="web",
                branch="main",
                flag="checkout",
                counts={"evaluation": 1},
                history=(CountPoint("2025-01-01T00:00:00.000000Z", "abcdef0", 2),),
                references=(CodeReference("checkout", "cart.py", 7, "evaluation"),),
            )
        ],
    )
    yield storage
    storage.close()


def held(storage: Storage) -> dict[str, object]:
    """Everything that a store holds, as it tells it."""
    head = storage.head()
    return {
        "head": head,
        "records": list(storage.records(0, head.size)),
        "current": list(storage.current()),
        "cells": {name: storage.cells(name) for name in storage.collections()},
        "usage": storage.usage("shop"),
        "summary": storage.usage_summary("shop"),
        "clients": storage.usage_clients("shop", "checkout"),
        "reporters": storage.usage_reporters("shop"),
        "contexts": storage.sampled_contexts("shop", "production"),
        "reports": [mark for mark in storage.usage_reports() if not mark.id.startswith("move/")],
        "samples": [(series, storage.samples(series)) for series in storage.metric_series()],
        "scans": (storage.scans(), storage.scanned_flags(ScannedQuery(project="shop", references=True))),
        "flag": storage.entries(EntryQuery(project="shop", flag="checkout")),
        "text": storage.entries(EntryQuery(text="because")),
    }


def moved(source: Storage, target: Storage) -> Moved:
    return move(source, target, now=5000.0, progress=quiet)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_move__of_an_installation__brings_everything(
    source: Storage, tmp_path: Path, scheme: str, opened: Callable[[str], Storage]
) -> None:
    target = opened(url_in(scheme, tmp_path))

    told = moved(source, target)

    assert (held(target), problems(target)) == (held(source), [])
    assert (told.origin, told.size, told.root) == (ORIGIN, source.head().size, source.head().root.hex())
    assert (told.entries, told.usage, told.contexts) == (source.head().size, 2, 3)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_move__there_and_back_again__alters_nothing(
    source: Storage, tmp_path: Path, scheme: str, opened: Callable[[str], Storage]
) -> None:
    there, back = opened(url_in(scheme, tmp_path)), opened(f"sqlite:///{tmp_path / 'back.db'}")

    moved(source, there)
    moved(there, back)

    assert held(back) == held(source)


def test_move__then_a_change__goes_on_where_the_source_stopped(
    source: Storage, tmp_path: Path, opened: Callable[[str], Storage]
) -> None:
    target = opened(url_in("postgresql", tmp_path))
    moved(source, target)
    clock = Clock()
    clock.move(days=1)

    Changes(target, origin=ORIGIN, clock=clock).apply(ADA, make(patch(LIVE, {"enabled": True})))

    assert (target.head().size, problems(target)) == (source.head().size + 1, [])


@pytest.mark.parametrize("reached", ["write", "add_usage", "put_cell", "delete_cell"])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_move__interrupted_anywhere__is_finished_by_the_next(
    source: Storage, monkeypatch: pytest.MonkeyPatch, reached: str, times: int
) -> None:
    target = door.load("memory:")
    left = iter(range(times))

    def stop(*_: object, **__: object) -> None:
        if next(left, None) is None:
            raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("flagtrail.app.move._ENTRIES", 7)
        original = getattr(target, reached)

        def interrupted(*arguments: object, **named: object) -> object:
            stop()
            return original(*arguments, **named)

        patched.setattr(target, reached, interrupted)
        try:
            moved(source, target)
        except Interrupted:
            half = True
        else:
            half = False

    assert half == unfinished(target) or not target.head().size
    if half:
        moved(source, target)
    assert (held(target), unfinished(target)) == (held(source), False)


def test_move__into_a_store_that_is_not_empty__is_refused_and_alters_nothing(source: Storage, tmp_path: Path) -> None:
    target = Shop(f"sqlite:///{tmp_path / 'other.db'}").set_up().storage
    before = target.head()

    with pytest.raises(MoveRefused, match=f"not empty: it holds {before.size} entries"):
        moved(source, target)

    assert (target.head(), unfinished(target)) == (before, False)
    target.close()


def test_move__again_when_it_is_done__is_refused(source: Storage) -> None:
    target = door.load("memory:")
    moved(source, target)

    with pytest.raises(MoveRefused, match="not empty"):
        moved(source, target)


def half_moved(source: Storage, monkeypatch: pytest.MonkeyPatch, where: str = "_copy_usage") -> Storage:
    target = door.load("memory:")

    def interrupted(*_: object) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(f"flagtrail.app.move.{where}", interrupted)
        with pytest.raises(Interrupted):
            moved(source, target)
    return target


def test_move__of_another_installation_into_a_half_moved_one__is_refused(
    source: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = half_moved(source, monkeypatch)
    other = door.load("memory:")
    other.put_cell("installation", Cell("origin", b"flagtrail.local/other"))

    with pytest.raises(MoveRefused, match=r"this is flagtrail\.local/other"):
        moved(other, target)


def test_move__of_a_half_moved_one__is_refused(source: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MoveRefused, match="into the source was interrupted"):
        moved(half_moved(source, monkeypatch), door.load("memory:"))


def test_move__when_the_source_counted_meanwhile__is_refused(source: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    target = half_moved(source, monkeypatch, "_copy_cells")
    source.add_usage([Usage("shop", "production", "checkout", "on", "", HOUR, 1, HOUR)])

    with pytest.raises(MoveRefused, match="went on counting"):
        moved(source, target)


def test_move__of_a_source_that_moves_on__is_refused_and_then_brings_the_rest(
    source: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, shop = door.load("memory:"), Shop(f"sqlite:///{tmp_path / 'source.db'}")

    def change_first(*arguments: Storage) -> int:
        shop.clock.move(days=2)
        shop.patch(LIVE, {"off_variant": "on"})
        return copied(*arguments)

    copied = _copy_cells
    with monkeypatch.context() as patched:
        patched.setattr("flagtrail.app.move._copy_cells", change_first)
        with pytest.raises(MoveRefused, match="changed while it was copied"):
            moved(source, target)

    moved(source, target)
    assert held(target) == held(source)
    shop.storage.close()


def test_move__of_what_arrives_otherwise_than_it_was_sent__is_refused(
    source: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = door.load("memory:")
    monkeypatch.setattr(target, "leaves", lambda low, high: iter([b"{}"] * (high - low)))

    with pytest.raises(LedgerBroken, match="does not hash to the root"):
        moved(source, target)

    assert unfinished(target)


def test_move__of_values_that_arrive_otherwise__is_refused(source: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    target = door.load("memory:")
    monkeypatch.setattr(target, "disclosures", lambda _low, _high: iter(()))

    with pytest.raises(LedgerBroken, match="values beside"):
        moved(source, target)


def test_move__of_a_source_that_is_not_what_it_signed__is_refused(source: Storage) -> None:
    note = (source.cell("checkpoint", "newest") or b"").decode().splitlines(keepends=True)
    note[2] = "A" * 43 + "=\n"
    source.put_cell("checkpoint", Cell("newest", "".join(note).encode()))

    with pytest.raises(LedgerBroken, match="signed checkpoint"):
        moved(source, door.load("memory:"))


def test_move__of_a_source_whose_entries_end_early__is_refused(
    source: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = source.records

    def short(low: int, high: int) -> Iterator[Record]:
        return whole(low, min(high, 5))

    monkeypatch.setattr(source, "records", short)

    with pytest.raises(LedgerBroken, match="but there are 5"):
        moved(source, door.load("memory:"))


def test_move_database__whose_source_does_not_exist__makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="does not exist"):
        move_database(f"sqlite:///{tmp_path}/no.db", f"sqlite:///{tmp_path}/new.db", now=0.0, progress=quiet)

    assert list(tmp_path.iterdir()) == []


def test_app__on_a_half_moved_database__does_not_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'half.db'}"
    storage = door.load(url)
    storage.put_cell("move", Cell("begun", b"{}"))
    storage.close()

    with pytest.raises(MoveRefused, match="interrupted"):
        App(Settings(database=url))
