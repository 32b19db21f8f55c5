"""Replicas killed, and stopped for longer than their leases, among sixteen writers."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.postgres import url_for
from tests.support.world import World, until, world

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "postgresql"])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    sqlite = f"sqlite:///{tmp_path}/flagtrail.db?timeout=5"
    with world(tmp_path, sqlite if request.param == "sqlite" else url_for(tmp_path)) as made:
        yield made


def stop(company: World, pid: int) -> None:
    """Stop a process wherever it stands; with a SQLite file not while it has the lock, which nobody could take away."""
    if company.database.startswith("postgresql:"):
        os.kill(pid, signal.SIGSTOP)
        return
    with closing(sqlite3.connect(company.folder / "flagtrail.db", timeout=60, isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        os.kill(pid, signal.SIGSTOP)
        database.execute("ROLLBACK")


def test_replica__killed_among_writers__is_replaced_and_its_sdks_come_back(company: World) -> None:
    with company.working():
        company.servers[0].process.kill()  # it holds all leases: it was first
        company.servers[0].process.wait()
        taken = company.taken_over()
        company.worked()
        company.restart(0)

    assert (taken, company.refused()) == (True, 0)
    assert company.defects(replica_lost=True) == []


def test_replica__stopped_for_longer_than_its_lease__goes_on_and_does_no_harm(company: World) -> None:
    first = company.servers[0].process
    with company.working():
        stop(company, first.pid)
        taken = company.taken_over()  # on PostgreSQL as soon as what it held there was ended, within ten seconds
        first.send_signal(signal.SIGCONT)
        lost = until(lambda: len(company.logged("lease.lost")) >= len(company.takings()))

    assert (taken, lost) == (True, True)
    assert company.defects(replica_lost=True) == []
