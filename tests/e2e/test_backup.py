"""Backup while serving, and restore somewhere else: nothing acknowledged is missing, and the ledger verifies."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import msgspec
import pytest
from tests.support.command_line import flagtrail_in
from tests.support.documents import boolean_flag
from tests.support.postgres import binaries, shared_server
from tests.support.server import RunningServer, running_server

WRITERS = 4


class Told(msgspec.Struct, frozen=True):
    """What `flagtrail backup --json` prints."""

    file: str
    size: int
    root: str
    checkpoint: str


class Writers:
    """Threads that change one flag each, again and again; `acknowledged` holds the sizes that they were told."""

    def __init__(self, server: RunningServer) -> None:
        self.acknowledged: list[int] = []
        self._server = server
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]

    def _write(self, number: int) -> None:
        with self._server.client() as client:
            address = f"/api/v1/projects/default/flags/f{number}/environments/staging"
            flag = {"flag": boolean_flag(f"f{number}"), "why": "a test"}
            assert client.post("/api/v1/projects/default/flags", json=flag).status_code == 201
            step = 0
            while not self._over.is_set():
                answer = client.post(f"{address}/{('enable', 'disable')[step % 2]}", json={"why": "a test"})
                assert answer.status_code == 200, answer.text
                self.acknowledged.append(answer.json()["size"])
                step += 1

    @contextmanager
    def writing(self, at_least: int) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            while len(self.acknowledged) < at_least:
                threading.Event().wait(0.01)
            yield
            most = len(self.acknowledged) + at_least
            while len(self.acknowledged) < most:
                threading.Event().wait(0.01)
        finally:
            self._over.set()
            for thread in self._threads:
                thread.join()


def checkpoint(client: httpx2.Client) -> str:
    return client.get("/api/v1/ledger/checkpoint").text


def key(client: httpx2.Client) -> str:
    return client.get("/api/v1/ledger/key").text.strip()


def verified(folder: Path, database: Path, vkey: str, *held: Path) -> str:
    """What an export of the database says to the verifier, every entry read."""
    out = folder / f"export-{len(list(folder.iterdir()))}"
    environ = {"FLAGTRAIL_DATABASE": f"sqlite:///{database}"}
    assert flagtrail_in(folder, "export", "--out", str(out), **environ).code == 0
    kept = [part for each in held for part in ("--held", str(each))]
    outcome = flagtrail_in(folder, "verify", str(out), "--key", vkey, "--deep", *kept)
    return outcome.out if outcome.code == 0 else f"{outcome.code}: {outcome.out}{outcome.err}"


@pytest.mark.slow
def test_a_backup__taken_under_load_and_restored_elsewhere__lacks_nothing_acknowledged_before_it(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    copy = tmp_path / "copy.db"
    with running_server(here) as server, server.client() as client:
        writers = Writers(server)
        with writers.writing(at_least=200):
            signed = checkpoint(client)
            before = max(writers.acknowledged)
            database = {"FLAGTRAIL_DATABASE": f"sqlite:///{server.database}"}
            told = msgspec.json.decode(
                flagtrail_in(tmp_path, "backup", "--out", str(copy), "--json", **database).out, type=Told
            )
        after, vkey = max(writers.acknowledged), key(client)
    (tmp_path / "kept").write_text(signed)
    shutil.copy(copy, there / "flagtrail.db")
    shutil.copy(here / "flagtrail.key", there / "flagtrail.key")
    with running_server(there) as server, server.client() as client:
        ready = client.get("/readyz").json()
        restored_key, restored = key(client), checkpoint(client)
    (tmp_path / "restored").write_text(restored)

    assert before <= told.size < after
    assert (ready["status"], restored_key) == ("ok", vkey)
    assert verified(tmp_path, there / "flagtrail.db", vkey, tmp_path / "kept").startswith("VERIFIED at assurance")
    # The restored ledger goes its own way from where it was copied: what it signs is no history of the other one.
    assert not verified(tmp_path, here / "flagtrail.db", vkey, tmp_path / "restored").startswith("VERIFIED")


@pytest.mark.slow
def test_an_older_backup__restored_beside_what_was_signed_since__is_refused_until_that_is_accepted(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy.db"
    with running_server(tmp_path) as server, server.client() as client:
        database = {"FLAGTRAIL_DATABASE": f"sqlite:///{server.database}"}
        assert flagtrail_in(tmp_path, "backup", "--out", str(copy), **database).code == 0
        client.post("/api/v1/projects", json={"key": "later", "why": "a test"})
        checkpoint(client)
        old_key = key(client)
    for name in ("flagtrail.db", "flagtrail.db-wal", "flagtrail.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copy(copy, tmp_path / "flagtrail.db")

    refused = flagtrail_in(tmp_path, "log", **database)
    for name in ("flagtrail.key", "flagtrail.signed"):  # as docs/how-to/backup.md has it
        (tmp_path / name).rename(tmp_path / f"{name}.lost")
    with running_server(tmp_path, new_key="true") as server, server.client() as client:
        again = client.post("/api/v1/projects", json={"key": "again", "why": "a test"})
        new_key = key(client)

    assert (refused.code, "an older backup was restored" in " ".join(refused.err.split())) == (1, True)
    assert (again.status_code, new_key != old_key) == (201, True)
    assert verified(tmp_path, tmp_path / "flagtrail.db", new_key).startswith("VERIFIED")


def _tool(name: str) -> str:
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (make postgres)")
    return str(found / name)


@pytest.mark.slow
def test_a_dump_of_postgresql__taken_under_load_and_restored__lacks_nothing_acknowledged_before_it(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    dump, restore = _tool("pg_dump"), _tool("pg_restore")
    source, target = shared_server().new_database(), shared_server().new_database()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    keyed = str(here / "flagtrail.key")
    with running_server(here, database=source, key_file=keyed) as server, server.client() as client:
        writers = Writers(server)
        with writers.writing(at_least=200):
            signed = checkpoint(client)
            before = max(writers.acknowledged)
            subprocess.run([dump, "-Fc", "-d", source, "-f", str(tmp_path / "dump")], check=True, env=environ)
        after, vkey = max(writers.acknowledged), key(client)
    (tmp_path / "kept").write_text(signed)
    command = [restore, "--exit-on-error", "--no-owner", "-d", target, str(tmp_path / "dump")]
    subprocess.run(command, check=True, env=environ)
    shutil.copy(keyed, there / "flagtrail.key")
    moved_key = str(there / "flagtrail.key")
    with running_server(there, database=target, key_file=moved_key) as server, server.client() as client:
        ready = client.get("/readyz").json()
        size, restored_key = ready["size"], key(client)
    told = {"FLAGTRAIL_DATABASE": target, "FLAGTRAIL_KEY_FILE": moved_key}
    assert flagtrail_in(tmp_path, "export", "--out", "export", **told).code == 0
    checked = flagtrail_in(tmp_path, "verify", "export", "--key", vkey, "--deep", "--held", "kept")

    assert before <= size < after
    assert (ready["status"], restored_key, checked.code) == ("ok", vkey, 0)
