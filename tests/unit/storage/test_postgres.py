from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.support import postgres
from tests.support.batches import in_one_commit
from tests.support.ledgers import Draft, append, fill, problems, seqs, targeting_draft

from flagtrail.model.errors import (
    FlagtrailError,
    InvalidQuery,
    SettingInvalid,
    StorageCorrupt,
    StorageFailed,
)
from flagtrail.model.subject import flag_subject
from flagtrail.storage import Cell, EntryQuery, Storage, Transaction, load
from flagtrail.storage._postgres import blocks, schema
from flagtrail.storage._postgres.store import PostgresStorage

NEXT = max(schema.migrations()) + 1


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgres.url_for(tmp_path)


@pytest.fixture
def storage(url: str) -> Iterator[PostgresStorage]:
    opened = load(url)
    assert isinstance(opened, PostgresStorage)
    yield opened
    opened.close()


def sql(url: str, *statements: str) -> None:
    """Run statements in one transaction, as the owner with a shell could."""
    with closing(psycopg.connect(url)) as connection, connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        pytest.param("UPDATE ledger_entry SET leaf = '\\x0000' WHERE seq = 0", "never altered", id="alter an entry"),
        pytest.param("DELETE FROM ledger_entry WHERE seq = 1", "never deleted", id="delete an entry"),
        pytest.param("TRUNCATE ledger_entry CASCADE", "never deleted|one by one", id="empty the entries"),
        pytest.param(
            "INSERT INTO ledger_entry VALUES (9, '\\x0000', sha256(''), 's', 1, 0)", "without a gap", id="leave a gap"
        ),
        pytest.param(
            "INSERT INTO ledger_entry VALUES (2, '\\x0000', sha256(''), 'projects/default/flags/checkout', 2, 0)",
            "unique",
            id="use a version twice",
        ),
        pytest.param("UPDATE ledger_private SET value = '\\x22'", "never altered", id="alter a disclosure"),
        pytest.param("TRUNCATE ledger_private", "one by one", id="empty the disclosures"),
        pytest.param("UPDATE ledger_head SET size = 1", "only grows", id="shorten the ledger"),
        pytest.param("DELETE FROM ledger_head", "only grows", id="delete the head"),
        pytest.param("TRUNCATE ledger_head", "only grows", id="empty the head"),
        pytest.param(
            "UPDATE document SET version = 3, seq = 2", "foreign key", id="change a document without an entry"
        ),
        pytest.param("UPDATE document SET version = 4, seq = 2", "by one version", id="skip a version"),
        pytest.param("UPDATE document SET version = 3", "with a new entry", id="use an entry again"),
        pytest.param("UPDATE document SET version = 1, seq = 0", "by one version", id="take a document back"),
        pytest.param("DELETE FROM document", "never deleted", id="delete a document"),
        pytest.param("TRUNCATE document", "never deleted", id="empty the documents"),
        pytest.param("INSERT INTO document VALUES ('x', 1, 1, '')", "foreign key", id="use another document's entry"),
        pytest.param(
            "INSERT INTO document VALUES ('x', 1, 9, '')", "foreign key", id="make a document without an entry"
        ),
        pytest.param("INSERT INTO document VALUES ('x', 2, 1, '')", "begins with version 1", id="begin at version 2"),
    ],
)
def test_database__what_would_falsify_the_ledger__is_refused_even_to_its_owner(
    storage: Storage, url: str, statement: str, message: str
) -> None:
    fill(storage, Draft(), Draft())

    with pytest.raises(psycopg.IntegrityError, match=message):
        sql(url, statement)

    assert problems(storage) == []


def test_erasing__a_disclosure__leaves_the_entry_naming_what_was_erased(storage: Storage, url: str) -> None:
    fill(storage, Draft(why="Ada's birthday"))

    sql(url, "DELETE FROM ledger_private WHERE name = 'why'")

    entry = storage.entry(0)
    assert entry is not None
    assert (entry.why, entry.erased) == ("", ("why",))
    assert problems(storage) == []


@pytest.mark.parametrize(
    "alteration",
    [
        pytest.param("UPDATE ledger_entry SET leaf = '\\x7b7d' WHERE seq = 1", id="leaf"),
        pytest.param("UPDATE ledger_entry SET leaf_hash = sha256('') WHERE seq = 1", id="leaf hash"),
        pytest.param("UPDATE ledger_head SET root = sha256('')", id="root"),
    ],
)
def test_hashing_again__an_entry_altered_by_a_superuser__shows_it(storage: Storage, url: str, alteration: str) -> None:
    fill(storage, Draft(), Draft(ticket="BILL-1"), Draft())

    sql(url, "SET session_replication_role = replica", alteration)

    leaves, head = list(storage.leaves(0, 3)), storage.head()
    from flagtrail.ledger.merkle import leaf_hashes, root_of

    assert (leaf_hashes(leaves), root_of(leaf_hashes(leaves))) != (storage.leaf_hashes(0, 3), head.root)


def test_append__a_trigger_that_fails__is_refused_and_nothing_changed(storage: Storage, url: str) -> None:
    fill(storage, Draft())
    sql(
        url,
        "CREATE FUNCTION down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'audit is down'; END $$",
        "CREATE TRIGGER t BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION down()",
    )

    with pytest.raises(StorageFailed, match="audit is down"):
        fill(storage, targeting_draft())

    assert (storage.head().size, seqs(list(storage.current()))) == (1, [0])


def test_commit__that_is_refused__fails_the_unit_whose_fault_it_is_and_no_other(storage: PostgresStorage) -> None:
    def orphan(transaction: Transaction) -> None:
        append(transaction, targeting_draft())
        storage._writer._connection.execute("INSERT INTO document VALUES ('orphan', 1, 99, '')")  # behind the door

    outcomes = in_one_commit(storage, {"innocent": lambda transaction: append(transaction, Draft()), "guilty": orphan})

    assert outcomes == {"innocent": None, "guilty": StorageFailed}
    assert (storage.head().size, problems(storage)) == (1, [])


def test_write__within_a_unit_of_work__is_refused_before_it_waits_for_itself(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        storage.write(lambda _: storage.put_cell("place", Cell("a", b"1")))


def test_reading__within_a_unit_of_work__sees_what_is_durable(storage: Storage) -> None:
    def work(transaction: Transaction) -> int:
        append(transaction, Draft())
        return storage.head().size

    assert storage.write(work) == 0


@pytest.mark.parametrize("path", ["projects/\ud800", "projects/\0"])
def test_reading__a_path_that_no_text_can_be__is_refused(storage: Storage, path: str) -> None:
    with pytest.raises(InvalidQuery, match=r"not valid Unicode|NUL"):
        storage.as_of(path)


def test_entries__a_key_with_nul__finds_nothing(storage: Storage) -> None:
    fill(storage, Draft())

    assert storage.entries(EntryQuery(project="default", flag="check\0out")) == []


def test_reading__after_close__is_refused(storage: Storage) -> None:
    storage.close()

    with pytest.raises(StorageFailed, match="closed"):
        storage.head()


def test_blocks__failing__cost_no_answer_and_no_later_write(
    storage: PostgresStorage, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sql(url, "ALTER TABLE block_term ADD CHECK (term = 'no blocks')")
    fill(storage, *[Draft()] * (blocks.SIZE + 1))
    fill(storage, Draft(why="later"))
    storage.settle()

    assert seqs(storage.entries(EntryQuery(text="later"))) == [blocks.SIZE + 1]
    assert "storage.index_failed" in caplog.text


def test_blocks__left_behind_by_a_store_that_closed__are_built_by_the_next(url: str) -> None:
    with closing(load(url)) as first:
        sql(url, "ALTER TABLE block_term ADD CONSTRAINT no CHECK (term = 'no blocks')")
        fill(first, *[Draft()] * blocks.SIZE)
    sql(url, "ALTER TABLE block_term DROP CONSTRAINT no")

    with closing(load(url)) as second:
        assert isinstance(second, PostgresStorage)
        second.settle()
        assert second._pool.ask(blocks.built) == blocks.SIZE


def test_two_stores__appending_to_one_database__make_one_sound_ledger(url: str) -> None:
    stores = [load(url) for _ in range(2)]

    def change(number: int) -> int:
        subject = flag_subject("default", f"flag-{number}")
        return fill(stores[number % 2], Draft(subject=subject))[0].seq

    with ThreadPoolExecutor(8) as pool:
        acknowledged = list(pool.map(change, range(60)))

    assert (sorted(acknowledged), problems(stores[0])) == (list(range(60)), [])
    for store in stores:
        store.close()


def test_open__many_at_once_on_an_empty_database__make_it_once(url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(load, [url] * 8))

    assert [storage.head().size for storage in opened] == [0] * 8
    for storage in opened:
        storage.close()


def test_open__a_newer_schema__is_refused_and_left_as_it_was(url: str) -> None:
    load(url).close()
    sql(url, f"UPDATE flagtrail_schema SET version = {NEXT}")

    with pytest.raises(StorageFailed, match=f"newer Flagtrail .schema {NEXT}, this one knows {NEXT - 1}."):
        load(url)


def test_open__a_head_that_counts_other_than_there_are_entries__is_corrupt(url: str) -> None:
    load(url).close()
    sql(url, "SET session_replication_role = replica", "UPDATE ledger_head SET size = 5")

    with pytest.raises(StorageCorrupt, match="counts 5 entries, there are 0"):
        load(url)


def test_open__tables_of_something_else__are_left_as_they_were(url: str) -> None:
    sql(url, "CREATE TABLE document (mine text)")

    with pytest.raises(StorageFailed, match="already exists"):
        load(url)

    with closing(psycopg.connect(url)) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    assert tables == [("document",)]


def test_open__a_schema_named_in_the_url__lives_beside_others(url: str) -> None:
    sql(url, "CREATE SCHEMA mine")
    with closing(load(url)) as one, closing(load(f"{url}?options=-csearch_path%3Dmine")) as other:
        fill(one, Draft())

        assert (one.head().size, other.head().size) == (1, 0)


def secretive(url: str, part: str, other: str) -> str:
    assert part in url
    return url.replace(part, other)


@pytest.mark.parametrize(
    ("part", "other", "message"),
    [
        pytest.param("s3cret", "wr0ng", "does not let this user in|password", id="password"),
        pytest.param("/t", "/nowhere_t", "does not exist", id="database"),
        pytest.param("@127.0.0.1:", "@127.0.0.1:1", "cannot be reached|cannot be read", id="port"),
    ],
)
def test_open__an_address_that_leads_nowhere__says_so_without_the_password(
    url: str, part: str, other: str, message: str
) -> None:
    with pytest.raises(FlagtrailError, match=message) as caught:
        load(secretive(url, part, other))

    told = f"{caught.value} {caught.value.facts} {caught.value.__cause__}"
    assert [secret for secret in (postgres.PASSWORD, "p@ss", "p%40ss", "wr0ng") if secret in told] == []


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:hunter2@[host/db", "postgresql://u:hunter2@h/db?nonsense=1", "postgresql://u:hunter%2@h"],
)
def test_open__a_url_that_cannot_be_read__is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        load(url)

    assert "hunter" not in f"{caught.value} {caught.value.facts} {caught.value.__cause__}"


def test_repr__of_a_location__holds_no_password(storage: PostgresStorage) -> None:
    assert postgres.PASSWORD not in repr(storage._writer._location)
