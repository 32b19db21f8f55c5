"""kill -9 in the middle of a stream of changes: nothing acknowledged is lost, nothing stands without its entry."""

from __future__ import annotations

import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest
from tests.support.crasher import Acknowledged, crash_course
from tests.support.forking import forking
from tests.support.installation import ORIGIN, Shop
from tests.support.ledgers import url_in

from flagtrail import storage as door
from flagtrail.app.change import Changes
from flagtrail.app.clock import utc_now
from flagtrail.ledger.merkle import leaf_hash, root_of
from flagtrail.model.document import encode
from flagtrail.storage import Storage

KILLS = 20
COURSES = [*(("sqlite", seed) for seed in range(4)), *(("postgresql", seed) for seed in range(3))]
"""Each on a ledger of its own: all of it is read after every kill."""


def acknowledged(pipe: Connection) -> list[Acknowledged]:
    """Everything the process told before it died; a message that was cut off is none."""
    told = []
    try:
        while pipe.poll():
            told.append(msgspec.json.decode(pipe.recv_bytes(), type=Acknowledged))
    except (EOFError, OSError):
        pass
    return told


def kill_one(url: str, run: int, dice: random.Random) -> list[Acknowledged]:
    """Start a process, let it make some changes and work for a random while more, and kill it."""
    context = forking()
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=crash_course, args=(url, run, sending), daemon=True)
    process.start()
    sending.close()
    assert receiving.recv_bytes() == b"ready"
    told = [msgspec.json.decode(receiving.recv_bytes(), type=Acknowledged) for _ in range(dice.randrange(4))]
    time.sleep(dice.uniform(0.0, 0.03))
    process.kill()
    process.join()
    return told + acknowledged(receiving)


def defects(storage: Storage, told: list[Acknowledged]) -> list[str]:
    """Everything that is wrong with the storage after a kill; empty is right."""
    head = storage.head()
    leaves = list(storage.leaves(0, head.size))
    found = []
    if len(leaves) != head.size or root_of(map(leaf_hash, leaves)) != head.root:
        found.append("the tree does not hash to the head")
    newest = {entry.subject.path: entry for entry in storage.entries_from(0, head.size)}
    found += [f"acknowledged entry {max(one.seqs)} is gone" for one in told if max(one.seqs) >= head.size]
    if told and newest[told[-1].path].seq == told[-1].seqs[-1] and newest[told[-1].path].after != told[-1].after:
        found.append(f"{told[-1].path} is not what was acknowledged")
    state = Changes(storage, origin=ORIGIN, clock=utc_now).state
    for held in state.all():
        entry = newest.pop(held.subject.path)
        if entry.after != (None if held.document is None else encode(held.document)) or entry.version != held.version:
            found.append(f"{held.subject.path} is not as its entry says")
    groups: dict[str, int] = {}
    for entry in storage.entries_from(0, head.size):
        groups[entry.group.id] = groups.get(entry.group.id, 0) + 1
        if entry.group.index == entry.group.count - 1 and groups[entry.group.id] != entry.group.count:
            found.append(f"group {entry.group.id} is not whole")
    return found + [f"{path} has an entry and no state" for path in newest]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "seed"), COURSES)
def test_kill__many_times_in_a_stream_of_changes__loses_nothing_and_leaves_nothing_half_done(
    tmp_path: Path, scheme: str, seed: int
) -> None:
    url = url_in(scheme, tmp_path)
    Shop(url).set_up().storage.close()
    dice = random.Random(20261122 + seed)
    answered, wrong = 0, []
    for run in range(KILLS):
        told = kill_one(url, run, dice)
        answered += len(told)
        storage = door.load(url)
        wrong += [f"run {run}: {defect}" for defect in defects(storage, told)]
        storage.close()

    assert (wrong, answered > KILLS) == ([], True)
