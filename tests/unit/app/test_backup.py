"""Backups are read through before they count, and leave nothing behind where they do not."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.installation import LIVE, ORIGIN, Shop

from flagtrail import storage as door
from flagtrail.app.backup import Backup, back_up
from flagtrail.app.sign import CheckpointSigner
from flagtrail.ledger.checkpoint import parse_checkpoint
from flagtrail.model.errors import AlreadyExists, FlagtrailError, LedgerBroken, SettingInvalid, StorageFailed


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database with seven entries, of which six are signed."""
    url = f"sqlite:///{tmp_path}/flagtrail.db"
    shop = Shop(url).set_up()
    CheckpointSigner(shop.storage, origin=ORIGIN, key_path=tmp_path / "flagtrail.key").checkpoint()
    shop.patch(LIVE, {"enabled": True})
    shop.storage.close()
    return url


def backed_up(url: str, out: Path) -> Backup:
    return back_up(url, out, lambda _done, _total: None)


def listed(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_backup__holds_every_entry_and_the_newest_checkpoint(url: str, tmp_path: Path) -> None:
    made = backed_up(url, tmp_path / "copy.db")
    original, copy = door.load(url), door.load(f"sqlite:///{tmp_path}/copy.db")
    heads = (original.head(), copy.head())
    original.close()
    copy.close()

    assert heads[0] == heads[1]
    assert (made.size, made.root, parse_checkpoint(made.checkpoint).size) == (7, heads[0].root.hex(), 6)


def test_backup__is_one_file_for_its_owner_alone(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    backed_up(url, folder / "copy.db")

    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir()] == [("copy.db", 0o600)]


def test_backup__never_holds_the_signing_key(url: str, tmp_path: Path) -> None:
    backed_up(url, tmp_path / "copy.db")

    assert (tmp_path / "flagtrail.key").read_bytes().strip() not in (tmp_path / "copy.db").read_bytes()


def test_backup__to_a_file_that_exists__is_refused_and_leaves_it(url: str, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("mine")

    with pytest.raises(AlreadyExists):
        backed_up(url, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


def test_backup__of_an_empty_ledger__is_a_backup(tmp_path: Path) -> None:
    door.load(f"sqlite:///{tmp_path}/a.db").close()

    assert backed_up(f"sqlite:///{tmp_path}/a.db", tmp_path / "copy.db").size == 0


def alter(database: sqlite3.Connection) -> None:
    database.execute("UPDATE ledger_entry SET leaf = CAST(CAST(leaf AS TEXT) || ' ' AS BLOB) WHERE seq = 3")


def rewrite_the_checkpoint(database: sqlite3.Connection) -> None:
    (note,) = database.execute("SELECT value FROM cell WHERE collection = 'checkpoint' AND key = 'newest'").fetchone()
    other = note.replace(note.split(b"\n")[2], b"A" * 43 + b"=")
    database.execute("UPDATE cell SET value = ? WHERE collection = 'checkpoint' AND key = 'newest'", (other,))


@pytest.mark.parametrize("tamper", [alter, rewrite_the_checkpoint])
def test_backup__of_a_ledger_that_does_not_hash__is_refused_and_left_nowhere(
    url: str, tmp_path: Path, tamper: Callable[[sqlite3.Connection], None]
) -> None:
    with closing(sqlite3.connect(tmp_path / "flagtrail.db")) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{name}"')
        tamper(database)
        database.commit()
    before = listed(tmp_path)

    with pytest.raises(LedgerBroken):
        backed_up(url, tmp_path / "copy.db")
    assert listed(tmp_path) == before


@pytest.mark.parametrize(
    ("database", "out", "refusal"),
    [
        ("memory:", "copy.db", SettingInvalid),
        ("nothing://x", "copy.db", SettingInvalid),
        ("sqlite:///{folder}/flagtrail.db", "missing/copy.db", StorageFailed),
        ("sqlite:///{folder}/missing.db", "copy.db", StorageFailed),
    ],
    ids=["memory", "no store", "no folder", "no database"],
)
@pytest.mark.usefixtures("url")
def test_backup__that_cannot_be_made__says_so_and_leaves_nothing(
    tmp_path: Path, database: str, out: str, refusal: type[FlagtrailError]
) -> None:
    before = listed(tmp_path)

    with pytest.raises(refusal):
        backed_up(database.format(folder=tmp_path), tmp_path / out)
    assert listed(tmp_path) == before
