"""The signer signs extensions only, and remembers outside the database."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import LIVE, ORIGIN, Shop

from flagtrail.app.sign import CheckpointSigner
from flagtrail.ledger.checkpoint import parse_checkpoint, verify_note
from flagtrail.model.errors import LedgerBroken, SettingInvalid
from flagtrail.storage import Cell


def signer(shop: Shop, path: Path | None) -> CheckpointSigner:
    return CheckpointSigner(shop.storage, origin=ORIGIN, key_path=path)


def test_checkpoint__of_the_head__is_signed_by_the_key_that_its_vkey_names(tmp_path: Path) -> None:
    shop = Shop().set_up()
    one = signer(shop, tmp_path / "a.key")

    note = one.checkpoint()

    verify_note(note, one.vkey)
    assert (parse_checkpoint(note).size, parse_checkpoint(note).root) == (6, shop.storage.head().root)


def test_key__is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    shop, path = Shop().set_up(), tmp_path / "a.key"
    keys = {signer(shop, path).vkey for _ in range(2)}

    assert (len(keys), stat.S_IMODE(path.stat().st_mode)) == (1, 0o600)


def test_checkpoint__again_without_a_change__is_the_same_note(tmp_path: Path) -> None:
    one = signer(Shop().set_up(), tmp_path / "a.key")

    assert one.checkpoint() == one.checkpoint()


def test_checkpoint__by_a_restarted_signer__extends_what_it_signed(tmp_path: Path) -> None:
    shop = Shop().set_up()
    signer(shop, tmp_path / "a.key").checkpoint()
    shop.patch(LIVE, {"enabled": True})

    assert parse_checkpoint(signer(shop, tmp_path / "a.key").checkpoint()).size == 7


def test_checkpoint__of_a_database_set_back__is_refused(tmp_path: Path) -> None:
    shop = Shop().set_up()
    shop.patch(LIVE, {"enabled": True})
    signer(shop, tmp_path / "a.key").checkpoint()

    with pytest.raises(LedgerBroken):
        signer(Shop().set_up(), tmp_path / "a.key").checkpoint()


def test_checkpoint__of_an_entry_altered_by_sql__is_refused(tmp_path: Path) -> None:
    shop = Shop(f"sqlite:///{tmp_path}/flagtrail.db").set_up()
    shop.patch(LIVE, {"enabled": True})
    connection = sqlite3.connect(tmp_path / "flagtrail.db")
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    altered = connection.execute(
        "UPDATE ledger_entry SET leaf = replace(CAST(leaf AS TEXT), 'production', 'PRODUCTION'),"
        " leaf_hash = randomblob(32) WHERE seq = 6"
    ).rowcount
    connection.commit()
    connection.close()

    with pytest.raises(LedgerBroken):
        signer(shop, tmp_path / "a.key").checkpoint()
    assert altered == 1
    shop.storage.close()


@pytest.mark.parametrize(("name", "refusal"), [("a.key", SettingInvalid), ("a.signed", SettingInvalid)])
def test_signer__with_a_damaged_file__says_which(tmp_path: Path, name: str, refusal: type[Exception]) -> None:
    shop = Shop().set_up()
    signer(shop, tmp_path / "a.key").checkpoint()
    (tmp_path / name).write_text("nonsense!")

    with pytest.raises(refusal, match=name):
        signer(shop, tmp_path / "a.key")


def test_signer__of_another_log__is_refused(tmp_path: Path) -> None:
    shop = Shop().set_up()
    signer(shop, tmp_path / "a.key").checkpoint()

    with pytest.raises((LedgerBroken, SettingInvalid)):
        CheckpointSigner(shop.storage, origin="flagtrail.local/other", key_path=tmp_path / "a.key")


def test_signer__in_a_folder_that_is_not_there__says_so(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid):
        signer(Shop().set_up(), tmp_path / "no" / "a.key")


def test_checkpoint__by_another_key__is_signed_by_that_key_once_that_is_meant(tmp_path: Path) -> None:
    shop = Shop().set_up()
    signer(shop, tmp_path / "a.key").checkpoint()
    (tmp_path / "a.key").unlink()
    for _ in range(2):
        with pytest.raises(SettingInvalid, match="FLAGTRAIL_NEW_KEY"):
            signer(shop, tmp_path / "a.key")
    other = CheckpointSigner(shop.storage, origin=ORIGIN, key_path=tmp_path / "a.key", new_key=True)
    verify_note(other.checkpoint(), other.vkey)

    assert signer(shop, tmp_path / "a.key").vkey == other.vkey


def test_signer__with_a_key_put_in_place_of_the_right_one__is_refused(tmp_path: Path) -> None:
    shop = Shop().set_up()
    signer(shop, tmp_path / "a.key").checkpoint()
    signer(Shop().set_up(), tmp_path / "b.key")
    (tmp_path / "b.key").replace(tmp_path / "a.key")

    with pytest.raises(SettingInvalid, match="another"):
        signer(shop, tmp_path / "a.key")


def test_checkpoint__whose_memory_could_not_be_kept__is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = signer(Shop().set_up(), tmp_path / "a.key")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    for _ in range(2):
        with pytest.raises(SettingInvalid):
            one.checkpoint()


def test_checkpoint__by_two_processes_in_turn__never_forgets_the_larger_one(tmp_path: Path) -> None:
    shop = Shop().set_up()
    first, second = (signer(shop, tmp_path / "a.key") for _ in range(2))
    sizes = []
    for turn in range(4):
        shop.patch(LIVE, {"enabled": turn % 2 == 0})
        sizes.append(parse_checkpoint((first, second)[turn % 2].checkpoint()).size)

    assert (sizes, parse_checkpoint(signer(shop, tmp_path / "a.key").checkpoint()).size) == ([7, 8, 9, 10], 10)


def elsewhere(shop: Shop, path: Path) -> CheckpointSigner:
    """A signer with the same key on another machine, which has a memory of its own."""
    path.mkdir()
    shutil.copy(path.parent / "a.key", path / "a.key")
    return signer(shop, path / "a.key")


def test_follow__remembers_what_another_machine_signed(tmp_path: Path) -> None:
    shop = Shop().set_up()
    first = signer(shop, tmp_path / "a.key")
    second = elsewhere(shop, tmp_path / "b")
    note = first.checkpoint()
    second.follow()

    assert msgspec.json.decode((tmp_path / "b" / "a.signed").read_bytes())["note"] == note


def test_checkpoint__by_another_machine_after_the_database_was_set_back__is_refused(tmp_path: Path) -> None:
    shop = Shop().set_up()
    first = signer(shop, tmp_path / "a.key")
    second = elsewhere(shop, tmp_path / "b")
    shop.patch(LIVE, {"enabled": True})
    first.checkpoint()
    second.follow()

    with pytest.raises(LedgerBroken):
        signer(Shop().set_up(), tmp_path / "b" / "a.key").checkpoint()


def test_follow__of_a_checkpoint_that_is_no_extension__is_refused(tmp_path: Path) -> None:
    shop, forked = Shop().set_up(), Shop().set_up()
    first = signer(shop, tmp_path / "a.key")
    second = elsewhere(forked, tmp_path / "b")
    shop.patch(LIVE, {"enabled": True})
    forked.patch(LIVE, {"enabled": False})
    forked.storage.put_cell("checkpoint", Cell("newest", first.checkpoint().encode()))

    with pytest.raises(LedgerBroken):
        second.follow()


def test_follow__of_a_checkpoint_by_another_key__is_refused(tmp_path: Path) -> None:
    shop = Shop().set_up()
    one = signer(shop, tmp_path / "a.key")
    signer(shop, tmp_path / "c.key").checkpoint()

    with pytest.raises(SettingInvalid, match="another key"):
        one.follow()


def test_checkpoint__by_a_machine_that_is_behind__leaves_the_newest_one(tmp_path: Path) -> None:
    shop = Shop().set_up()
    first = signer(shop, tmp_path / "a.key")
    second = elsewhere(shop, tmp_path / "b")
    behind = shop.storage.head()
    shop.patch(LIVE, {"enabled": True})
    newest = first.checkpoint()
    second._extend(behind)

    assert shop.storage.cell("checkpoint", "newest") == newest.encode()


def test_signer__whose_memory_was_lost__still_holds_the_database_to_its_checkpoint(tmp_path: Path) -> None:
    shop = Shop(f"sqlite:///{tmp_path}/flagtrail.db").set_up()
    note = signer(shop, tmp_path / "a.key").checkpoint()
    (tmp_path / "a.signed").unlink()
    extended = signer(shop, tmp_path / "a.key").checkpoint()
    (tmp_path / "a.signed").unlink()
    connection = sqlite3.connect(tmp_path / "flagtrail.db")
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute("UPDATE ledger_entry SET leaf_hash = randomblob(32) WHERE seq = 2")
    connection.commit()
    connection.close()

    with pytest.raises(LedgerBroken):
        signer(shop, tmp_path / "a.key")
    assert parse_checkpoint(extended).root == parse_checkpoint(note).root
    shop.storage.close()


def test_key__made_by_another_process_just_before__is_the_one_that_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, path = Shop().set_up(), tmp_path / "a.key"
    first = signer(shop, path)
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: path.suffix != ".key" and exists(path))

    second = signer(shop, path)

    assert second.vkey == first.vkey
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".new"] == []


def test_key__on_a_file_system_without_links__is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("flagtrail.app.sign.os.link", refuse)

    shop, path = Shop().set_up(), tmp_path / "a.key"
    assert signer(shop, path).vkey == signer(shop, path).vkey
