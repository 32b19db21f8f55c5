"""PostgreSQL that goes away and comes back, and users that may do little."""

from __future__ import annotations

import itertools
import select
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.support import postgres
from tests.support.batches import in_one_commit
from tests.support.ledgers import Draft, append, fill, problems, seqs
from tests.support.postgres import PostgresServer

from flagtrail import storage as door
from flagtrail.model.errors import OutcomeUnknown, StorageFailed, VersionConflict
from flagtrail.model.metric import Sample
from flagtrail.model.reference import ScanHead, ScannedFlag, ScannedQuery
from flagtrail.model.subject import flag_subject
from flagtrail.model.usage import SampledContext, Usage
from flagtrail.storage import Cell, EntryQuery, ReportMark, Storage, Transaction, load
from flagtrail.storage._postgres import blocks, rows, writer
from flagtrail.storage._postgres.store import PostgresStorage

HOUR = "2026-03-05T12:00:00Z"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of these tests alone: they stop it."""
    with postgres.postgres_server() as started:
        yield started


@pytest.fixture
def storage(server: PostgresServer) -> Iterator[PostgresStorage]:
    opened = load(server.new_database())
    assert isinstance(opened, PostgresStorage)
    yield opened
    opened.close()


def restart(server: PostgresServer, how: signal.Signals) -> None:
    server.stop(how)
    server.start()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_restart__of_the_server__is_noticed_by_nobody_who_asks_later(
    storage: PostgresStorage, server: PostgresServer, how: signal.Signals
) -> None:
    fill(storage, Draft())
    with ThreadPoolExecutor(4) as pool:  # several kept connections
        list(pool.map(lambda _: storage.head(), range(40)))

    restart(server, how)

    assert storage.head().size == 1
    storage.put_cell("place", Cell("a", b"1"))
    storage.add_usage([Usage("default", "production", "checkout", "on", "", HOUR, 1, HOUR)])
    fill(storage, Draft())
    assert (problems(storage), storage.cell("place", "a")) == ([], b"1")


def test_server__that_is_down__is_told_at_once_and_nothing_was_changed(
    storage: PostgresStorage, server: PostgresServer
) -> None:
    fill(storage, Draft())
    server.stop()
    try:
        for ask in (storage.head, lambda: fill(storage, Draft()), lambda: storage.put_cell("a", Cell("a", b""))):
            with pytest.raises(StorageFailed, match="cannot be reached"):
                ask()
    finally:
        server.start()

    assert (storage.head().size, storage.cells("a")) == (1, [])


def test_server__killed_within_a_unit_of_work__takes_that_unit_alone(
    storage: PostgresStorage, server: PostgresServer
) -> None:
    fill(storage, Draft())

    def work(transaction: Transaction) -> None:
        append(transaction, Draft())
        server.stop(signal.SIGKILL)
        select.select([storage._writer._connection.fileno()], [], [], 10)  # its own process ends a little later
        append(transaction, Draft())

    with pytest.raises(StorageFailed):
        storage.write(work)
    server.start()

    assert seqs(fill(storage, Draft())) == [1]
    assert problems(storage) == []


def terminate(server: PostgresServer) -> None:
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'flagtrail'")


class _Losing:
    """A connection that is lost at COMMIT: before it arrives, or once it was done."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], server: PostgresServer, when: str) -> None:
        self._connection = connection
        self._server = server
        self._when = when

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: object, **named: object) -> object:
        if statement != "COMMIT":
            return self._connection.execute(statement, *arguments, **named)  # type: ignore[call-overload]  # passed on
        if self._when == "after":
            self._connection.execute("COMMIT")
        terminate(self._server)
        return self._connection.execute("COMMIT")


@pytest.mark.parametrize(("when", "committed"), [("before", False), ("after", True)])
def test_commit__whose_answer_is_lost__is_told_as_what_it_was(
    storage: PostgresStorage, server: PostgresServer, when: str, committed: bool
) -> None:
    storage._writer._connection = _Losing(storage._writer._connection, server, when)  # type: ignore[assignment]  # stands in

    try:
        fill(storage, Draft())
    except StorageFailed:
        told = False
    else:
        told = True

    assert (told, storage.head().size) == (committed, int(committed))
    assert seqs(fill(storage, Draft())) == [int(committed)]


@pytest.mark.parametrize(("when", "committed"), [("before", False), ("after", True)])
def test_commit__of_a_batch_whose_answer_is_lost__tells_each_unit_what_it_was_and_runs_none_again(
    storage: PostgresStorage, server: PostgresServer, when: str, committed: bool
) -> None:
    runs: list[str] = []

    def lose(transaction: Transaction) -> None:
        runs.append("lose")
        append(transaction, Draft())
        storage._writer._connection = _Losing(storage._writer._connection, server, when)  # type: ignore[assignment]  # stands in

    def make(transaction: Transaction) -> None:
        runs.append("make")
        append(transaction, Draft())

    outcomes = in_one_commit(storage, {"one": make, "lose": lose, "two": make})

    assert set(outcomes.values()) == {None if committed else StorageFailed}
    assert (runs, storage.head().size) == (["make", "lose", "make"], 3 * int(committed))
    assert problems(storage) == []


class _Crashing(_Losing):
    """A connection that arrives at COMMIT, and goes on once told to."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], server: PostgresServer) -> None:
        super().__init__(connection, server, "before")
        self.arrived, self.crashed = threading.Event(), threading.Event()
        self.number = ""

    def execute(self, statement: str, *arguments: object, **named: object) -> object:
        if statement == "COMMIT":
            found = self._connection.execute("SELECT pg_current_xact_id()::text").fetchone()
            self.number = "" if found is None else str(found[0])
            self.arrived.set()
            self.crashed.wait(60)
        return self._connection.execute(statement, *arguments, **named)  # type: ignore[call-overload]  # passed on


def test_commit__lost_in_a_crash__is_not_taken_for_the_one_that_got_its_number_afterwards(
    storage: PostgresStorage, server: PostgresServer
) -> None:
    """PostgreSQL gives the number of a transaction that never reached its log to another one after a crash."""
    server.stop()
    server.start(wal_writer_delay="10s")  # nothing reaches the log before a COMMIT
    fill(storage, Draft())
    crashing = _Crashing(storage._writer._connection, server)
    storage._writer._connection = crashing  # type: ignore[assignment]  # stands in
    with (
        ThreadPoolExecutor(1) as pool,
        closing(load(server.url(storage._writer._location.name.partition(" ")[0]))) as other,
    ):
        lost = pool.submit(fill, storage, Draft())
        crashing.arrived.wait(60)
        restart(server, signal.SIGKILL)
        other.put_cell("place", Cell("a", b"1"))
        crashing.crashed.set()

        with pytest.raises(StorageFailed):
            lost.result()
        with psycopg.connect(server.url("postgres")) as asking:
            reused = asking.execute("SELECT pg_xact_status(%s::xid8)", (crashing.number,)).fetchone()

    assert (reused, storage.head().size) == (("committed",), 1)
    assert (seqs(fill(storage, Draft())), problems(storage)) == ([1], [])


def test_marks__of_processes_that_are_gone__are_removed_a_day_later(storage: PostgresStorage) -> None:
    def marks() -> int:
        return len(storage._firsts("SELECT writer FROM commit_mark"))

    storage.write(
        lambda _: storage._writer._connection.execute(
            "INSERT INTO commit_mark SELECT gen_random_uuid(), 7, now() - interval '25 hours'"
        )
    )
    before = marks()
    storage.delete_expired_cells(0.0)

    assert (before, marks()) == (2, 1)


def test_commit__whose_outcome_nobody_can_tell__says_so(
    storage: PostgresStorage, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_ASK_FOR_SECONDS", 0.0)
    storage._writer._connection = _Losing(storage._writer._connection, server, "after")  # type: ignore[assignment]  # stands in

    with pytest.raises(OutcomeUnknown, match="nobody can say whether it did"):
        fill(storage, Draft())


def test_commit__that_fails_by_no_fault_of_postgres__lets_the_next_go_on(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(rows, "write", fail)
        with pytest.raises(MemoryError):
            fill(storage, Draft())

    assert seqs(fill(storage, Draft())) == [0]
    assert problems(storage) == []


def test_commit__whose_answer_is_lost__fails_those_who_were_refused_for_what_it_held(
    storage: PostgresStorage, server: PostgresServer
) -> None:
    def change(transaction: Transaction) -> None:
        append(transaction, Draft())
        storage._writer._connection = _Losing(storage._writer._connection, server, "before")  # type: ignore[assignment]  # stands in

    def conflict(transaction: Transaction) -> None:
        assert transaction.head.size == 1
        raise VersionConflict("somebody was faster")

    assert in_one_commit(storage, {"one": change, "two": conflict}) == {"one": StorageFailed, "two": StorageFailed}


def test_head__held_by_another_for_too_long__is_told(storage: PostgresStorage, server: PostgresServer) -> None:
    storage.write(lambda _: storage._writer._connection.execute("SET lock_timeout = '100ms'"))
    other = load(server.url(storage._writer._location.name.partition(" ")[0]))
    held, free = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        append(transaction, Draft())
        held.set()
        free.wait(60)

    holding = threading.Thread(target=other.write, args=(hold,))
    holding.start()
    held.wait(60)
    with pytest.raises(StorageFailed, match="locked by another change"):
        fill(storage, Draft())
    free.set()
    holding.join()

    assert seqs(fill(storage, Draft())) == [1]
    other.close()


def test_unit_of_work__that_hangs_with_the_head__is_ended_so_that_others_go_on(
    storage: PostgresStorage, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.1)
    other = load(server.url(storage._writer._location.name.partition(" ")[0]))
    assert isinstance(other, PostgresStorage)
    other.write(lambda _: other._writer._connection.execute("SET lock_timeout = '200ms'"))

    def hang(transaction: Transaction) -> None:
        append(transaction, Draft())
        other.write(lambda others: append(others, Draft()))  # waits for the head, and ends who hangs with it

    with pytest.raises(StorageFailed, match="ended this connection"):
        storage.write(hang)

    assert seqs(fill(storage, Draft())) == [1]
    assert problems(other) == []
    other.close()


def test_unit_of_work__that_takes_long_but_goes_on__is_not_ended(
    storage: PostgresStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "IDLE_SECONDS", 0.4)
    storage.write(lambda _: storage._writer._connection.execute("SET idle_in_transaction_session_timeout = '1s'"))

    def import_much(transaction: Transaction) -> None:
        for number in range(8):
            time.sleep(0.2)
            append(transaction, Draft(subject=flag_subject("default", f"flag-{number}")))

    storage.write(import_much)

    assert storage.head().size == 8


def test_standby__that_takes_no_changes__says_so(storage: PostgresStorage) -> None:
    storage.write(lambda _: storage._writer._connection.execute("SET default_transaction_read_only = on"))

    with pytest.raises(StorageFailed, match="takes no changes now"):
        fill(storage, Draft())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, Storage]]:
    """A database that its owner migrated, opened by a user who is only in flagtrail_app; the user's address."""
    server = postgres.shared_server()
    name = postgres.url_for(tmp_path).rpartition("/")[2]
    owner, user = f"owner_{name}", f"app_{name}"
    server.execute(f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'o'")
    server.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'u'")
    server.execute(f"ALTER DATABASE {name} OWNER TO {owner}")
    server.execute(f"GRANT CREATE ON SCHEMA public TO {owner}", name)
    door.migrate(server.url(name, user=owner, password="o"))
    server.execute(f"GRANT flagtrail_app TO {user}")
    url = server.url(name, user=user, password="u")
    opened = load(url)
    yield url, opened
    opened.close()


def test_app_role__can_do_all_that_a_server_does(served: tuple[str, Storage]) -> None:
    _, storage = served
    assert isinstance(storage, PostgresStorage)
    fill(storage, *[Draft()] * blocks.SIZE)
    fill(storage, Draft(subject=flag_subject("default", "search")))
    storage.settle()
    storage.put_cell("place", Cell("a", b"1", 5.0))
    storage.delete_cell("place", "b")
    storage.add_usage(
        [Usage("default", "production", "checkout", "on", "", HOUR, 1, HOUR)],
        report=ReportMark("r", 0.0),
        contexts=[SampledContext("default", "production", HOUR, {})],
    )

    storage.add_samples("default", [Sample("errors", at, 0.5) for at in (1, 2)])
    for _ in range(2):
        storage.put_scan(
            ScanHead("default", "shop", "fix", "c0ffee0", HOUR, HOUR),
            [ScannedFlag(repository="shop", branch="fix", flag="checkout")],
        )

    assert storage._pool.ask(blocks.built) == blocks.SIZE
    assert (storage.delete_old_samples(2), len(storage.metric_series())) == (1, 1)
    assert (len(storage.scanned_flags(ScannedQuery(project="default"))), storage.delete_old_scans("3")) == (1, 1)
    assert (storage.delete_expired_cells(9.0), storage.delete_old_usage(1e10)) == (1, 2)
    assert seqs(storage.entries(EntryQuery(project="default", flag="search"))) == [blocks.SIZE]
    assert problems(storage) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET leaf = leaf",
        "DELETE FROM ledger_entry",
        "TRUNCATE ledger_entry CASCADE",
        "UPDATE ledger_private SET value = value",
        "DELETE FROM ledger_private",
        "DELETE FROM document",
        "DELETE FROM ledger_head",
        "INSERT INTO ledger_head VALUES (1, 0, '', '', '')",
        "UPDATE entry_index SET words = ''",
        "UPDATE flagtrail_schema SET version = 99",
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "DROP TRIGGER ledger_entry_stays ON ledger_entry",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (x int)",
    ],
)
def test_app_role__what_would_alter_the_ledger__is_not_allowed(served: tuple[str, Storage], statement: str) -> None:
    url, storage = served
    fill(storage, Draft())

    with closing(psycopg.connect(url)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_examine__as_a_member_of_the_group__finds_nothing_to_better_but_encryption(
    served: tuple[str, Storage],
) -> None:
    told = door.examine(served[0])

    assert told.protection == "this user can add to the ledger and read it, and can alter nothing of it"
    assert [each for each in told.advice if "fsync" not in each and "encrypted" not in each] == []


def test_examine__with_a_trigger_taken_away__says_so(tmp_path: Path) -> None:
    url = postgres.url_for(tmp_path)
    door.migrate(url)
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_stays")

    assert door.examine(url).protection.startswith("1 of the 10 triggers")


def test_examine__of_a_database_without_a_ledger__alters_nothing(tmp_path: Path) -> None:
    url = postgres.url_for(tmp_path)

    told = door.examine(url)

    assert (told.schema, "flagtrail migrate" in told.protection) == (0, True)
    assert door.examine(url) == told


def test_open__behind_the_code_by_a_user_who_may_not_migrate__says_who_may(tmp_path: Path) -> None:
    server = postgres.shared_server()
    name = postgres.url_for(tmp_path).rpartition("/")[2]
    server.execute(f"CREATE ROLE nobody_{name} LOGIN PASSWORD 'u'")

    with pytest.raises(StorageFailed, match="flagtrail migrate"):
        load(server.url(name, user=f"nobody_{name}", password="u"))


def test_database__that_is_full_now_and_then__takes_everything_again_whatever_failed_before(
    storage: PostgresStorage, server: PostgresServer
) -> None:
    """A statement that was to be prepared when another one failed never was; psycopg may believe that it is."""
    name = storage._writer._location.name.partition(" ")[0]
    server.execute(
        "CREATE TABLE disk AS SELECT false AS is_full;"
        " CREATE FUNCTION grow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF (SELECT is_full FROM disk) THEN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END IF;"
        " RETURN NEW; END $$;"
        " CREATE TRIGGER grow BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION grow()",
        name,
    )

    def work(transaction: Transaction) -> None:
        append(transaction, Draft())
        transaction.put_cell("place", Cell("a", b"1"))

    wrong = []
    for pattern in itertools.product((True, False), repeat=4):
        opened = load(server.url(name))
        for is_full in (*pattern, False):
            server.execute(f"UPDATE disk SET is_full = {is_full}", name)
            try:
                opened.write(work)
            except StorageFailed as error:
                wrong += [] if is_full else [f"{pattern}: {error}"]
        opened.close()

    assert (wrong, problems(storage)) == ([], [])
