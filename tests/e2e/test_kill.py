"""kill -9 in the middle of a stream of appends: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from tests.support.ledgers import problems, url_in

from flagtrail.storage import Storage, load

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}

# Four threads, so that commits carry several units of work; each of three documents of which two are one group.
STREAM = """
    import os, sys, threading
    from flagtrail.model.subject import flag_subject
    from flagtrail.storage import load
    from tests.support.ledgers import Draft, append, newest_versions, targeting_draft

    storage = load(sys.argv[1])
    versions = newest_versions(storage.current())
    lock = threading.Lock()

    def stream(thread):
        flag = f"flag-{thread}"
        drafts = (Draft(subject=flag_subject("default", flag), why="x" * 300), targeting_draft(flag))
        while True:
            made = storage.write(lambda transaction: append(transaction, *drafts, versions=versions))
            os.write(1, f"{made[-1].seq}\\n".encode())

    for thread in range(4):
        threading.Thread(target=stream, args=(thread,)).start()
"""


def killed_stream(url: str, seconds: float) -> list[int]:
    """The seqs that a stream acknowledged until it was killed, so long after its first."""
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STREAM), url], env=ENVIRONMENT, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(seconds)
    child.kill()
    rest = child.stdout.read()
    child.stdout.close()
    assert child.wait() == -9
    whole_lines = (first + rest).rpartition(b"\n")[0]
    return [int(line) for line in whole_lines.split()]


def lost(storage: Storage, acknowledged: list[int]) -> list[int]:
    """Acknowledged seqs that have no entry."""
    size = storage.head().size
    return [seq for seq in acknowledged if seq >= size]


CASES = [*(("sqlite", seed) for seed in range(4)), *(("postgresql", seed) for seed in range(2))]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "seed"), CASES)
def test_kill__ten_times_at_random_moments__loses_nothing_acknowledged_and_keeps_nothing_half_done(
    scheme: str, seed: int, tmp_path: Path
) -> None:
    url = url_in(scheme, tmp_path)
    dice = random.Random(seed)
    for _ in range(10):
        acknowledged = killed_stream(url, dice.expovariate(8))

        storage = load(url)
        storage.write(lambda transaction: transaction.head)  # behind whatever PostgreSQL was about to commit
        found = (lost(storage, acknowledged), problems(storage), storage.head().size % 2)
        storage.close()

        assert found == ([], [], 0)
