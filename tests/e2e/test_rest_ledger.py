"""The ledger over HTTP: what an auditor takes away verifies without the server."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import httpx2
import pytest
from tests.support.documents import boolean_flag

from flagtrail.ledger.checkpoint import parse_checkpoint, verify_note
from flagtrail.ledger.proof import parse_receipt


@pytest.fixture
def entry(admin: httpx2.Client, project: str) -> int:
    """The seq of a flag's creation."""
    answer = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("f")})
    seq: int = answer.json()["entries"][0]["seq"]
    return seq


def test_a_checkpoint__verifies_with_the_key(admin: httpx2.Client, entry: int) -> None:
    note, key = admin.get("/api/v1/ledger/checkpoint").text, admin.get("/api/v1/ledger/key").text
    verify_note(note, key.strip())
    assert parse_checkpoint(note).size > entry


def test_a_proof__of_an_entry__names_it(admin: httpx2.Client, project: str, entry: int) -> None:
    answer = admin.get(f"/api/v1/projects/{project}/changes/{entry}/proof")
    assert (answer.status_code, parse_receipt(answer.text).index) == (200, entry)


def test_entries__in_order__go_on_where_the_page_ended(admin: httpx2.Client, entry: int) -> None:
    page = admin.get("/api/v1/ledger/entries", params={"from": 0, "limit": 2}).json()
    more = admin.get("/api/v1/ledger/entries", params={"from": page["next"], "limit": 2}).json()
    assert [item["seq"] for item in page["items"] + more["items"]] == [0, 1, 2, 3]
    assert entry >= 3


@pytest.mark.usefixtures("entry")
def test_an_export__is_a_tar_that_verifies_offline(admin: httpx2.Client, tmp_path: Path) -> None:
    answer = admin.get("/api/v1/ledger/export")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as bundled:
        assert "MANIFEST" in bundled.getnames()
    bundle = tmp_path / "export.tar"
    bundle.write_bytes(answer.content)
    key = admin.get("/api/v1/ledger/key").text.strip()
    command = [sys.executable, "-m", "flagtrail.ledger.verify", "--key", key, "--json", str(bundle)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["status"] == "verified"


def test_an_export__of_entries_that_do_not_exist__is_refused_before_it_begins(admin: httpx2.Client) -> None:
    answer = admin.get("/api/v1/ledger/export", params={"from": 0, "to": 999_999_999})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
