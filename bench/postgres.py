"""Changes on PostgreSQL: over HTTP, and through the store alone, beside pgbench with the very same transaction.

    python -m bench.production changes

The transaction of pgbench locks the head, and writes one change's rows into the tables of a store, with all their
triggers and keys, in one statement; what it leaves out is deciding, sealing and hashing. The machine should be idle.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from bench import questions, stores
from bench.load import ROUNDS, Load, appended, drive
from tests.support.documents import boolean_flag
from tests.support.postgres import PASSWORD, PostgresServer, binaries
from tests.support.server import running_server

from flagtrail.storage import Storage, load

_CLIENTS = (1, 16)
_PEER = {1: 142, 16: 237}
"""Toggles per second of Unleash 8 on such a machine and PostgreSQL (docs/decisions/0011-postgres.md)."""
_TRANSACTION = """
BEGIN;
SELECT size, size + 1 AS next, size - :base + 2 AS version FROM ledger_head FOR UPDATE \\gset
WITH entry AS (INSERT INTO ledger_entry SELECT :size, leaf, leaf_hash, 'bench', :version, :size FROM bench),
disclosed AS (INSERT INTO ledger_private SELECT :size, name, salt, value FROM bench_private),
moved AS (UPDATE document SET version = :version, seq = :size WHERE path = 'bench'),
found AS (INSERT INTO entry_index SELECT :size, :size, terms, words FROM bench)
UPDATE ledger_head SET size = :next;
COMMIT;
"""
_PREPARED = """
CREATE TABLE bench AS SELECT leaf, leaf_hash, terms, words FROM ledger_entry JOIN entry_index USING (seq)
  ORDER BY seq DESC LIMIT 1;
CREATE TABLE bench_private AS SELECT name, salt, value FROM ledger_private
  WHERE seq = (SELECT size - 1 FROM ledger_head);
WITH entry AS (INSERT INTO ledger_entry SELECT size, leaf, leaf_hash, 'bench', 1, 0 FROM ledger_head, bench),
begun AS (INSERT INTO document SELECT 'bench', 1, size, '' FROM ledger_head)
UPDATE ledger_head SET size = size + 1
"""


def pgbench(server: PostgresServer, url: str, clients: int, seconds: float) -> float:
    """Transactions per second on a database that holds a change already."""
    with closing(psycopg.connect(url)) as connection, connection:
        if connection.execute("SELECT to_regclass('bench')").fetchone() == (None,):
            connection.execute(_PREPARED.encode())
        ((base,),) = connection.execute("SELECT seq + 1 FROM ledger_entry WHERE subject = 'bench' AND version = 1")
    found = binaries()
    if found is None:
        raise SystemExit("PostgreSQL is not installed (make postgres)")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_TRANSACTION)
        script.flush()
        command = [str(found / "pgbench"), "-n", "-M", "prepared", "-f", script.name, "-c", str(clients)]
        command += ["-j", "1", "-T", str(max(1, round(seconds))), "-D", f"base={base}", "-h", "127.0.0.1"]
        command += ["-p", str(server.port), "-U", "postgres", url.rpartition("/")[2]]
        told = subprocess.run(command, env={"PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=True).stdout
    return next(float(line.split()[2]) for line in told.splitlines() if line.startswith("tps"))


def through_the_store(storage: Storage, ledger: questions.Ledger, clients: int, seconds: float) -> float:
    """Changes per second, each its own unit of work, sealed as it is made."""
    until = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            storage.write(partial(ledger.append, count=1))
            done += 1
        return done

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(work, range(clients))) / seconds


def tell(name: str, measure: Callable[[], float], limit: Callable[[], float]) -> float:
    """One line: the figure beside pgbench's, by turns; the figure."""
    rounds = [(measure(), limit()) for _ in range(ROUNDS)]
    ours, bare = (float(statistics.median(side)) for side in zip(*rounds, strict=True))
    ratio = statistics.median(one / other for one, other in rounds)
    print(f"{name:41} {ours:9,.0f}/s  pgbench {bare:9,.0f}/s  ratio {ratio:.2f}")
    return ours


def run(seconds: float) -> None:
    """Print every figure."""
    with stores.open_folder() as name, stores.postgres(Path(name)) as server:
        bare_url = server.new_database("bare")
        with closing(load(bare_url)) as bare:
            bare.write(partial(questions.Ledger(10**6, seed=8).append, count=1_000))
        with closing(load(server.new_database("store"))) as storage:
            ledger = questions.Ledger(10**6)
            storage.write(partial(ledger.append, count=1_000))
            for clients in _CLIENTS:
                limit = partial(pgbench, server, bare_url, clients, seconds)
                tell(
                    f"changes through the store, {clients:2} threads",
                    partial(through_the_store, storage, ledger, clients, seconds),
                    limit,
                )
        settings: dict[str, Any] = {"database": server.new_database("served"), "key_file": f"{name}/flagtrail.key"}
        with (
            running_server(Path(name), fresh=True, log_level="warning", **settings) as served,
            served.client() as admin,
        ):
            admin.post("/api/v1/projects/default/flags", json={"flag": boolean_flag("changing")}).raise_for_status()
            body = b'{"patch": {"description": "number {n}"}, "why": "a benchmark"}'
            headers = {"Authorization": f"Bearer {served.token}", "Content-Type": "application/json"}
            for clients in _CLIENTS:
                asked = Load("PATCH", "/api/v1/projects/default/flags/changing", (body,), headers, clients)
                drive(served.url, asked, 0.5)
                limit = partial(pgbench, server, bare_url, clients, seconds)
                ours = tell(f"changes over HTTP, {clients:2} clients", partial(appended, served, asked, seconds), limit)
                goal = 5 * _PEER[clients]
                verdict = "met" if ours >= goal else "MISSED"
                told = (
                    f"Unleash 8 {_PEER[clients]}/s  ratio {ours / _PEER[clients]:.1f}  goal 5.0 ({goal:,}/s) {verdict}"
                )
                print(f"{'':41} {told}")
