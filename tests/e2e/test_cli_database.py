"""migrate, move and doctor, on PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.support import postgres
from tests.support.command_line import flagtrail_in


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgres.url_for(tmp_path)


def with_key(folder: Path, url: str) -> dict[str, str]:
    return {"FLAGTRAIL_DATABASE": url, "FLAGTRAIL_KEY_FILE": str(folder / "flagtrail.key")}


def test_migrate__an_empty_database__makes_the_schema_and_says_what_protects_it(tmp_path: Path, url: str) -> None:
    outcome = flagtrail_in(tmp_path, "migrate", FLAGTRAIL_DATABASE=url)

    assert (outcome.code, outcome.err) == (0, "")
    assert "PostgreSQL" in outcome.out
    assert "a superuser and could remove them" in outcome.out
    assert postgres.PASSWORD not in outcome.out


def test_migrate__again_and_as_json__says_the_same(tmp_path: Path, url: str) -> None:
    flagtrail_in(tmp_path, "migrate", FLAGTRAIL_DATABASE=url)

    told = flagtrail_in(tmp_path, "migrate", "--json", FLAGTRAIL_DATABASE=url).json

    assert isinstance(told, dict)
    assert (told["schema"], told["user"]) == (told["known"], "postgres")


def test_doctor__in_process__tells_of_the_database(tmp_path: Path, url: str) -> None:
    made = flagtrail_in(tmp_path, "flags", "create", "checkout", "--why", "x", **with_key(tmp_path, url))

    outcome = flagtrail_in(tmp_path, "doctor", **with_key(tmp_path, url))

    assert (made.code, outcome.code) == (0, 0)
    assert [name for name in ("store", "schema", "protection", "database user") if name not in outcome.out] == []
    assert postgres.PASSWORD not in outcome.out
    assert "All is well." in outcome.out


def test_any_command__on_postgresql_without_a_key_file__asks_for_one(tmp_path: Path, url: str) -> None:
    outcome = flagtrail_in(tmp_path, "flags", "list", FLAGTRAIL_DATABASE=url)

    assert (outcome.code, "FLAGTRAIL_KEY_FILE" in outcome.err) == (2, True)


def test_move__from_a_file_to_postgresql__is_the_same_installation(tmp_path: Path, url: str) -> None:
    key = {"FLAGTRAIL_KEY_FILE": str(tmp_path / "flagtrail.key")}
    for number in range(3):
        flagtrail_in(tmp_path, "flags", "create", f"flag{number}", "--why", "x", **key)
    before = flagtrail_in(tmp_path, "doctor", "--json", **key).json

    outcome = flagtrail_in(tmp_path, "move", "--from", "sqlite:///flagtrail.db", "--to", url)

    after = flagtrail_in(tmp_path, "doctor", "--json", FLAGTRAIL_DATABASE=url, **key).json
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert (outcome.code, outcome.err) == (0, "")
    assert "nothing was lost, nothing was altered" in outcome.out
    assert [after[name] for name in ("ledger", "root", "key")] == [before[name] for name in ("ledger", "root", "key")]
    assert re.search(r"root +[0-9a-f]{64}\n", outcome.out)


def test_move__into_one_that_is_not_empty__is_refused(tmp_path: Path, url: str) -> None:
    flagtrail_in(tmp_path, "flags", "create", "a", "--why", "x", **with_key(tmp_path, url))
    flagtrail_in(tmp_path, "flags", "create", "b", "--why", "x")

    outcome = flagtrail_in(tmp_path, "move", "--from", "sqlite:///flagtrail.db", "--to", url, "--json")

    assert (outcome.code, '"move_refused"' in outcome.err) == (1, True)
    assert postgres.PASSWORD not in outcome.err


def test_move__to_an_address_that_leads_nowhere__keeps_the_password_to_itself(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "b", "--why", "x")

    outcome = flagtrail_in(
        tmp_path, "move", "--from", "sqlite:///flagtrail.db", "--to", "postgresql://u:hunter2@127.0.0.1:9/x"
    )

    assert (outcome.code, "cannot be reached" in outcome.err, "hunter2" in outcome.err) == (1, True, False)
