from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.batches import in_one_commit
from tests.support.ledgers import Draft, append, fill, problems, seqs, targeting_draft

from flagtrail.model.entry import Entry
from flagtrail.model.errors import InvalidQuery, SettingInvalid, StorageCorrupt, StorageFailed, VersionConflict
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Cell, EntryQuery, Storage, Transaction, load
from flagtrail.storage._sqlite import blocks, database, rows
from flagtrail.storage.sqlite import SqliteStorage

SOURCE = Path(__file__).parents[3] / "src"
NEXT = max(database.migrations()) + 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def storage(path: Path) -> Iterator[SqliteStorage]:
    opened = load(f"sqlite:///{path}")
    assert isinstance(opened, SqliteStorage)
    yield opened
    opened.close()


def sql(path: Path, *statements: str) -> None:
    """Run statements as somebody with the file and a shell could."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        pytest.param("UPDATE ledger_entry SET leaf = x'0000' WHERE seq = 0", "never altered", id="alter an entry"),
        pytest.param("DELETE FROM ledger_entry WHERE seq = 1", "never deleted", id="delete an entry"),
        pytest.param(
            "INSERT INTO ledger_entry VALUES (9, x'0000', zeroblob(32), 's', 1, 0)", "without a gap", id="leave a gap"
        ),
        pytest.param(
            "INSERT INTO ledger_entry VALUES (2, x'0000', zeroblob(32), 'projects/default/flags/checkout', 2, 0)",
            "UNIQUE",
            id="use a version twice",
        ),
        pytest.param("UPDATE ledger_private SET value = x'22'", "never altered", id="alter a disclosure"),
        pytest.param("UPDATE ledger_head SET size = 1", "only grows", id="shorten the ledger"),
        pytest.param("DELETE FROM ledger_head", "only grows", id="delete the head"),
        pytest.param(
            "UPDATE document SET version = 3, seq = 2", "FOREIGN KEY", id="change a document without an entry"
        ),
        pytest.param("UPDATE document SET version = 4, seq = 2", "by one version", id="skip a version"),
        pytest.param("UPDATE document SET version = 3", "with a new entry", id="use an entry again"),
        pytest.param("UPDATE document SET version = 1, seq = 0", "by one version", id="take a document back"),
        pytest.param("DELETE FROM document", "never deleted", id="delete a document"),
        pytest.param("INSERT INTO document VALUES ('x', 1, 1, '')", "FOREIGN KEY", id="use another document's entry"),
        pytest.param(
            "INSERT INTO document VALUES ('x', 1, 9, '')", "FOREIGN KEY", id="make a document without an entry"
        ),
        pytest.param("INSERT INTO document VALUES ('x', 2, 1, '')", "begins with version 1", id="begin at version 2"),
    ],
)
def test_database__what_would_falsify_the_ledger__is_refused_by_itself(
    storage: Storage, path: Path, statement: str, message: str
) -> None:
    fill(storage, Draft(), Draft())

    with pytest.raises(sqlite3.IntegrityError, match=message):
        sql(path, statement)

    assert problems(storage) == []


def test_erasing__a_disclosure__leaves_the_entry_naming_what_was_erased(storage: Storage, path: Path) -> None:
    fill(storage, Draft(why="Ada's birthday"))

    sql(path, "DELETE FROM ledger_private WHERE name = 'why'")

    entry = storage.entry(0)
    assert entry is not None
    assert (entry.why, entry.erased) == ("", ("why",))
    assert problems(storage) == []


@pytest.mark.parametrize(
    "alteration",
    [
        pytest.param("UPDATE ledger_entry SET leaf = CAST(replace(leaf, 'BILL-1', 'BILL-2') AS BLOB)", id="leaf"),
        pytest.param("UPDATE ledger_entry SET leaf_hash = zeroblob(32) WHERE seq = 1", id="leaf hash"),
        pytest.param("UPDATE ledger_head SET root = zeroblob(32)", id="root"),
    ],
)
def test_hashing_again__an_entry_altered_by_sql_after_dropping_the_triggers__shows_it(
    storage: Storage, path: Path, alteration: str
) -> None:
    fill(storage, Draft(), Draft(ticket="BILL-1"), Draft())

    sql(path, "DROP TRIGGER ledger_entry_unaltered", "DROP TRIGGER ledger_head_grows", alteration)

    assert problems(storage) != []


def test_append__a_trigger_that_fails__is_refused_and_nothing_changed(storage: Storage, path: Path) -> None:
    fill(storage, Draft())
    sql(path, "CREATE TRIGGER t BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'audit is down'); END")

    with pytest.raises(StorageFailed, match="audit is down"):
        fill(storage, targeting_draft())

    assert (storage.head().size, seqs(list(storage.current()))) == (1, [0])


def test_append__a_trigger_that_rolls_back__fails_all_of_the_batch(storage: Storage, path: Path) -> None:
    sql(path, "CREATE TRIGGER t BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ROLLBACK, 'lost'); END")

    def work(transaction: Transaction) -> None:
        transaction.put_cell("place", Cell("a", b"1"))
        append(transaction, Draft())

    with pytest.raises(StorageFailed, match="lost"):
        storage.write(work)

    assert storage.cells("place") == []


def test_commit__that_is_refused__fails_the_unit_whose_fault_it_is_and_no_other(storage: SqliteStorage) -> None:
    orphan = "INSERT INTO document VALUES ('orphan', 1, 99, '')"
    outcomes = in_one_commit(
        storage,
        {
            "innocent": lambda transaction: append(transaction, Draft()),
            "guilty": lambda _: storage._writer._connection.execute(orphan),  # behind the door
        },
    )

    assert outcomes == {"innocent": None, "guilty": StorageFailed}
    assert (storage.head().size, problems(storage)) == (1, [])


def test_commit__that_fails_by_no_fault_of_sqlite__lets_the_next_go_on(storage: SqliteStorage) -> None:
    too_large = 1 << 80  # no column takes it, and it is no error of SQLite's

    with pytest.raises(OverflowError):
        storage.write(lambda transaction: transaction.put_cell("place", Cell("a", b"1", too_large)))

    assert seqs(fill(storage, Draft())) == [0]
    assert storage.cells("place") == []


def test_commit__of_a_transaction_that_sqlite_undid__writes_nothing(storage: SqliteStorage) -> None:
    def work(transaction: Transaction) -> None:
        storage._writer._connection.execute("ROLLBACK")  # as SQLite does by itself after some errors of a disk
        append(transaction, Draft())

    with pytest.raises(StorageFailed, match="transaction is lost"):
        storage.write(work)

    assert (storage.head().size, seqs(list(storage.current())), list(storage.leaves(0, 9))) == (0, [], [])
    assert storage.leaf_hashes(0, 9) == []
    assert seqs(fill(storage, Draft())) == [0]


def test_commit__that_fails__fails_those_who_were_refused_for_what_it_held(storage: SqliteStorage) -> None:
    def change(transaction: Transaction) -> None:
        append(transaction, Draft())
        storage._writer._connection.execute("ROLLBACK")

    def conflict(transaction: Transaction) -> None:
        assert transaction.head.size == 1
        raise VersionConflict("somebody was faster")

    assert in_one_commit(storage, {"one": change, "two": conflict}) == {"one": StorageFailed, "two": StorageFailed}
    assert storage.head().size == 0


def test_unit__that_wants_the_first_few_entries__reads_few_while_others_wait(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(storage, *[Draft()] * 500)
    read: list[int] = []
    entries = rows.entries

    def counted(connection: sqlite3.Connection, wanted: Sequence[int]) -> list[Entry]:
        read.append(len(wanted))
        return entries(connection, wanted)

    monkeypatch.setattr(rows, "entries", counted)

    assert storage.write(lambda transaction: next(transaction.entries_from(3))).seq == 3
    assert sum(read) < 50


def test_write__within_a_unit_of_work__is_refused_before_it_waits_for_itself(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        storage.write(lambda _: storage.put_cell("place", Cell("a", b"1")))


def test_reading__within_a_unit_of_work__sees_what_is_durable(storage: Storage) -> None:
    def work(transaction: Transaction) -> int:
        append(transaction, Draft())
        return storage.head().size

    assert storage.write(work) == 0


def test_reading__a_path_that_is_not_unicode__is_refused(storage: Storage) -> None:
    with pytest.raises(InvalidQuery, match="not valid Unicode"):
        storage.as_of("projects/\ud800")


def test_reading__after_close__is_refused(storage: Storage) -> None:
    storage.close()

    with pytest.raises(StorageFailed, match="closed"):
        storage.head()


def test_blocks__failing__cost_no_answer_and_no_later_write(
    storage: Storage, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sql(path, "CREATE TRIGGER t BEFORE INSERT ON block BEGIN SELECT RAISE(ABORT, 'no blocks'); END")
    fill(storage, *[Draft()] * (blocks.SIZE + 1))
    fill(storage, Draft(why="later"))

    assert seqs(storage.entries(EntryQuery(text="later"))) == [blocks.SIZE + 1]
    assert "storage.index_failed" in caplog.text


def test_blocks__left_out_by_another_process__are_made_up_for(storage: Storage, path: Path) -> None:
    sql(path, "CREATE TRIGGER t BEFORE INSERT ON block BEGIN SELECT RAISE(ABORT, 'no blocks'); END")
    fill(storage, *[Draft()] * (2 * blocks.SIZE))
    storage.write(lambda _: None)
    sql(path, "DROP TRIGGER t")

    fill(storage, Draft())
    storage.write(lambda _: None)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM block").fetchone() == (2,)


def test_settings__of_every_connection__make_a_commit_durable(storage: SqliteStorage) -> None:
    with storage._reading() as connection:
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]

    assert found == ["wal", 2, 1]


def test_readers__cannot_write(storage: SqliteStorage) -> None:
    with pytest.raises(StorageFailed, match="cannot be written"), storage._reading() as connection:
        connection.execute("DELETE FROM cell")


def test_open__a_new_file__is_for_its_owner_alone(storage: Storage, path: Path) -> None:
    assert storage.head().size == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("sqlite:///flagtrail.db", "flagtrail.db", id="relative"),
        pytest.param("sqlite:////var/lib/flagtrail.db", "/var/lib/flagtrail.db", id="absolute"),
        pytest.param("sqlite:///a%20b%3F.db", "a b?.db", id="percent-encoded"),
    ],
)
def test_location__of_a_url__is_its_path(url: str, expected: str) -> None:
    assert database.Location.from_url(url).path == Path(expected)


def test_location__with_a_timeout__waits_that_long() -> None:
    assert database.Location.from_url("sqlite:///a.db?timeout=0.5").timeout == 0.5


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://host/a.db",
        "sqlite:///:memory:",
        "sqlite:///a.db?timeout=soon",
        "sqlite:///a.db?timeout=-1",
        "sqlite:///a.db?cache=shared",
        "sqlite:///a.db#part",
    ],
)
def test_location__of_a_url_that_names_no_file__is_refused(url: str) -> None:
    with pytest.raises(SettingInvalid, match="names no database file"):
        database.Location.from_url(url)


def test_open__a_name_with_marks_of_a_url__is_that_file(tmp_path: Path) -> None:
    load(f"sqlite:///{tmp_path}/a%3Fmode=memory%23.db").close()

    assert (tmp_path / "a?mode=memory#.db").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"no database at all " * 300, id="another file"),
        pytest.param(b"SQLite format 3\x00" + b"\xff" * 8000, id="a header and noise"),
    ],
)
def test_open__a_file_that_is_no_database__is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StorageCorrupt, match="damaged, or is no SQLite database"):
        load(f"sqlite:///{path}")

    assert path.read_bytes() == content


def test_open__somebody_elses_database__is_refused_and_left_alone(path: Path) -> None:
    sql(path, "CREATE TABLE theirs (id)")
    before = path.read_bytes()

    with pytest.raises(StorageCorrupt, match="not one of Flagtrail's"):
        load(f"sqlite:///{path}")

    assert path.read_bytes() == before


def test_open__a_file_cut_short__is_refused(path: Path) -> None:
    storage = load(f"sqlite:///{path}")
    fill(storage, *[Draft(why="x" * 500)] * 50)
    storage.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 4096 // 2 * 4096)

    with pytest.raises(StorageCorrupt):
        load(f"sqlite:///{path}")


def test_reading__a_page_of_noise__is_reported_as_damage(path: Path) -> None:
    storage = load(f"sqlite:///{path}")
    fill(storage, *[Draft(why="x" * 500)] * 200)
    storage.close()
    with path.open("r+b") as file:
        for page in range(20, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)

    def read() -> None:
        again = load(f"sqlite:///{path}")
        try:
            again.entries_from(0, 200)
        finally:
            again.close()

    with pytest.raises(StorageCorrupt):
        read()


def test_open__a_head_that_counts_otherwise__is_refused(storage: Storage, path: Path) -> None:
    fill(storage, Draft())
    storage.close()
    sql(path, "UPDATE ledger_head SET size = 5")

    with pytest.raises(StorageCorrupt, match="its head counts 5 entries, there are 1"):
        load(f"sqlite:///{path}")


def test_open__a_newer_schema__is_refused_with_both_numbers(storage: Storage, path: Path) -> None:
    storage.close()
    sql(path, "PRAGMA user_version = 999")

    with pytest.raises(StorageFailed, match=r"newer Flagtrail \(schema 999, this one knows \d+\); install") as caught:
        load(f"sqlite:///{path}")

    assert caught.value.facts["schema"] == 999


def test_open__a_migration_that_fails_half_way__leaves_the_old_schema(
    storage: Storage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(storage, Draft())
    storage.close()
    scripts = {**database.migrations(), NEXT: "CREATE TABLE added (id);\nINSERT INTO nowhere VALUES (1);\n"}
    monkeypatch.setattr(database, "migrations", lambda: scripts)

    with pytest.raises(StorageFailed, match="nowhere"):
        load(f"sqlite:///{path}")

    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert (connection.execute("PRAGMA user_version").fetchone(), "added" in tables) == ((NEXT - 1,), False)


def test_open__a_migration_to_come__is_applied_once(
    storage: Storage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = fill(storage, Draft())
    storage.close()
    scripts = {**database.migrations(), NEXT: "CREATE TABLE added (id);\n"}
    monkeypatch.setattr(database, "migrations", lambda: scripts)

    for _ in range(2):
        again = load(f"sqlite:///{path}")
        assert again.entries_from(0, 9) == appended
        again.close()


def test_open__while_another_process_writes__does_not_wait(storage: Storage, path: Path) -> None:
    fill(storage, Draft())

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        second = load(f"sqlite:///{path}?timeout=0")
        assert second.head().size == 1
        second.close()


def test_open__by_many_at_once__migrates_once(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(load, [f"sqlite:///{path}"] * 8))

    assert [storage.head().size for storage in opened] == [0] * 8
    for storage in opened:
        storage.close()


def test_migrations__numbers__follow_each_other_from_one() -> None:
    assert list(database.migrations()) == list(range(1, len(database.migrations()) + 1))


def test_open__no_such_folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="nowhere does not exist; create it"):
        load(f"sqlite:///{tmp_path}/nowhere/ledger.db")


def test_open__a_folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="is a folder; name a file"):
        load(f"sqlite:///{tmp_path}")


OPEN_AS_SOMEBODY = """
    import os, sys
    import flagtrail.storage.memory, flagtrail.storage.sqlite  # while this user may still read Python's own folder
    if os.geteuid() == 0:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
    from flagtrail.model.errors import FlagtrailError
    from flagtrail.storage import Cell, load
    try:
        load(sys.argv[1]).put_cell("place", Cell("a", b"1"))
    except FlagtrailError as error:
        print(error.code, error.detail)
"""


@pytest.mark.parametrize("present", [True, False])
def test_open__a_read_only_folder__says_so(present: bool, tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    folder.mkdir()
    path = folder / "ledger.db"
    if present:
        load(f"sqlite:///{path}").close()
        path.chmod(0o444)
    folder.chmod(0o555)
    for parent in folder.parents:
        if os.geteuid() == 0 and parent.is_relative_to(tmp_path.parents[2]):
            parent.chmod(0o755)

    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(OPEN_AS_SOMEBODY), f"sqlite:///{path}"],
            env={"PYTHONPATH": str(SOURCE)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        folder.chmod(0o755)

    assert done.stderr == ""
    assert done.stdout.startswith("storage_failed")
    assert "give this user write permission" in done.stdout


def test_write__a_full_disk__is_refused_changes_nothing_and_recovers(storage: SqliteStorage) -> None:
    fill(storage, Draft())
    connection = storage._writer._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    storage.write(lambda _: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())

    with pytest.raises(StorageFailed, match="no space left"):
        fill(storage, *[Draft(why="x" * 5000)] * 20)

    assert problems(storage) == []
    storage.write(lambda _: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert seqs(fill(storage, Draft())) == [1]


def test_write__locked_by_another_process__is_refused_after_the_timeout(path: Path) -> None:
    storage = load(f"sqlite:///{path}?timeout=0.05")

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="locked by another process"):
            fill(storage, Draft())
        other.execute("ROLLBACK")

    assert seqs(fill(storage, Draft())) == [0]
    storage.close()


APPEND = """
    import sys
    from flagtrail.model.subject import flag_subject
    from flagtrail.storage import load
    from tests.support.ledgers import Draft, fill
    storage = load(sys.argv[1])
    for _ in range(int(sys.argv[3])):
        fill(storage, Draft(subject=flag_subject("default", sys.argv[2])))
    storage.close()
"""


def test_two_processes__appending_to_one_file__make_one_sound_ledger(storage: Storage, path: Path) -> None:
    fill(storage, Draft())
    command = [sys.executable, "-c", textwrap.dedent(APPEND), f"sqlite:///{path}"]
    environment = {**os.environ, "PYTHONPATH": f"{SOURCE}{os.pathsep}{SOURCE.parent}"}
    others = [subprocess.Popen([*command, name, "25"], env=environment) for name in ("one", "two")]
    for _ in range(25):
        fill(storage, Draft(subject=flag_subject("default", "three")))

    assert [other.wait(60) for other in others] == [0, 0]
    assert (storage.head().size, problems(storage)) == (76, [])


def test_generators__left_half_way__do_not_keep_the_log_from_being_cut(storage: SqliteStorage, path: Path) -> None:
    fill(storage, *[Draft()] * 1500)
    leaves, disclosures = storage.leaves(0, 1500), storage.disclosures(0, 1500)
    next(leaves)
    next(disclosures)

    with closing(sqlite3.connect(path)) as connection:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    assert busy == 0
