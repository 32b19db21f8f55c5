"""What the command line says to bad input: one clear message, the right exit code, never a traceback."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.command_line import flagtrail_in

from flagtrail.app.bootstrap import App
from flagtrail.app.settings import Settings

RULES = '{"enabled": true, "off_variant": "off", "fallthrough": {"variant": "maybe"}}'
CASES: list[tuple[str, int, str]] = [
    ("", 2, "Usage: flagtrail [OPTIONS] COMMAND"),
    ("lgo", 2, "Did you mean 'log'?"),
    ("log --nope", 2, "No such option"),
    ("log --since yesterday", 2, "'yesterday' is not a time > Correct the named parameter. Times are RFC 3339"),
    ("log nope", 1, "there never was"),
    ("log --segment nope", 1, "there never was"),
    ("log --env nope", 1, "there never was"),
    ("log --limit 0", 2, "0 is not in the range"),
    ("log --action flipped", 2, "is not one of"),
    ("log --project nope", 1, "there is no project 'nope'"),
    ("log flag --everything", 2, "--everything goes with no flag"),
    ("show 99999", 1, "there is no entry 99999"),
    ("show first", 2, "is not a valid"),
    ("revert 99999 --why w", 1, "there is no entry 99999"),
    ("flags show nope", 1, "there is no flag 'nope'"),
    ("flags show ..", 1, "is no key"),
    ("flags create checkout", 1, "exists"),
    ("flags create bad/key", 1, "is not a key"),
    ("flags create text --type string", 2, "needs its variants"),
    ("flags create text --type string --variant blue", 2, "is not name=value"),
    ("flags create count --type integer --variant a=x --variant b=2", 1, "count"),
    ("flags edit checkout", 2, "Nothing to change was named."),
    ("flags edit checkout --untag nope --why w", 1, "there is no tag 'nope'; the flag has none"),
    ("flags edit checkout --tag a --untag a --why w", 2, "--tag and --untag both name 'a'"),
    ("flags edit nope --tag a --why w", 1, "there is no flag 'nope'"),
    ("flags edit checkout --patch list.json --why w", 2, "a merge patch is a JSON object"),
    ("enable nope --why w", 1, "there is no flag 'nope'"),
    ("enable checkout", 1, "A reason is required."),
    ("enable checkout --env nope", 1, "there is no environment 'nope'"),
    ("enable checkout --why w --if-version 7", 1, "Somebody changed it meanwhile."),
    ("rollout checkout 101 --why w", 1, "must be from 0 to 100"),
    ("rollout checkout half --why w", 2, "is not a valid float"),
    ("rollout checkout 10 --variant nope --why w", 1, "is not a variant"),
    ("target checkout --file missing.json --why w", 2, "No such file"),
    ("target checkout --file broken.json --why w", 2, "not JSON"),
    ("target checkout --file list.json --why w", 1, "an object is needed"),
    ("target checkout --file maybe.json --why w", 1, "maybe"),
    ("target checkout --file large.json --why w", 2, "larger than 1 MiB"),
    ("segments create s", 2, "Say who they are"),
    ("segments create s --when {", 2, "not JSON"),
    ('segments create s --when {"segment":"nope"}', 1, "nope"),
    ("segments edit nope --description d", 1, "there is no segment 'nope'"),
    ("eval checkout --context {", 2, "not JSON"),
    ("eval checkout --context plan", 2, "is not attribute=value"),
    ("eval checkout --context [1]", 2, "is not attribute=value"),
    ("eval checkout --env nope", 1, "there is no environment 'nope'"),
    ("eval checkout --at 2001-01-01", 1, "The record does not reach back that far."),
    ("eval checkout --at soon", 2, "neither a time nor an entry's seq"),
    ("stale --owner nope", 1, "no flag has the owner 'nope'; owners are not named"),
    ("stale snooze checkout --until soon --why w", 1, "is no date"),
    ("stale snooze checkout --until 2001-01-01 --why w", 1, "must be from tomorrow"),
    ("stale ready checkout --why w", 1, "no reason speaks for the removal of checkout"),
    ("stale removed checkout --why w", 2, "--commit"),
    ("stale reopen checkout --why w", 1, "nobody decided that"),
    ("stale thresholds --set lifetime=9 --why w", 1, "belongs to a lifecycle kind"),
    ("stale thresholds --set one_variant=soon", 2, "is no setting: write one_variant=60"),
    ("stale thresholds --set other.scan=9", 2, "nor one of them after a kind"),
    ("stale lifespan checkout --set release.scan=9", 2, "A flag has one kind"),
    ("stale nudge --enable --zone Mars/Base --why w", 1, "nudge#/zone: 'Mars/Base' is no time zone"),
    ("stale nudge --at 25:00 --why w", 1, "is no time"),
    ("stale nudge --day someday", 2, "someday"),
    ("stale lifespan checkout --reset", 1, "there is no lifespan"),
    ("exposure nope", 1, "there never was"),
    ("exposure checkout --where plan", 2, "is not attribute=value"),
    ("tokens create t --env nope", 1, "there is no environment 'nope'"),
    ("tokens create t --role admin", 2, "--role is for admin tokens"),
    ("tokens create t --expires soon", 2, "neither a time nor a number of days"),
    ("tokens revoke nope", 1, "there is no token 'nope'"),
    ("members login-link nope", 1, "there is no member 'nope'"),
    ("members password owner", 1, "must have 12 to 1024 characters"),
    ("alerts test slack", 2, ""),
    ("import nope source", 1, "no importer reads 'nope'"),
    ("import git missing", 1, "The source cannot be read."),
    ("import git missing --bucketing flagd_v9", 2, "is not one of"),
    ("import flagd broken.json", 1, "The source cannot be read."),
    ("export --out full", 1, "is not an empty folder"),
    ("backup --out full", 1, "full exists"),
    ("backup --out missing/copy.db", 1, "cannot be made"),
    ("verify missing --key k", 2, "does not exist"),
    ("verify full", 2, "Whose ledger is it?"),
    ("verify full --key k", 2, "CANNOT BE DECIDED"),
    ("report compliance", 2, "is not one of"),
    ("report soc2 --format docx", 2, "is not one of"),
    ("report soc2 --json --format csv", 2, "prints the summary"),
    ("report soc2 --out report.docx", 2, "names no format"),
    ("report flag", 2, "needs a flag"),
    ("report soc2 --since 2026-02-01 --until 2026-01-01", 2, "is empty"),
    ("verify tests.jsonl --key k", 2, "does not exist"),
    ("schema nope", 2, "is not one of"),
    ("log --server nonsense", 2, "is not an address"),
    ("log --server http://127.0.0.1:1", 1, "No server answers."),
    ("up --port 0", 2, "not in the range"),
    ("up --host 203.0.113.1", 2, "cannot listen on 203.0.113.1"),
]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database that has one flag, and with files that no command can use."""
    folder = tmp_path_factory.mktemp("refusals")
    assert flagtrail_in(folder, "flags", "create", "checkout").code == 0
    (folder / "broken.json").write_text('{"enabled": tru')
    (folder / "list.json").write_text("[]")
    (folder / "maybe.json").write_text(RULES)
    (folder / "large.json").write_bytes(b" " * (1 << 20) + b"{}")
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    return folder


@pytest.mark.parametrize(("line", "code", "said"), CASES, ids=[line or "nothing" for line, _, _ in CASES])
def test_bad_input__each__gets_one_message_and_its_exit_code(folder: Path, line: str, code: int, said: str) -> None:
    outcome = flagtrail_in(folder, *line.split(), stdin="short\n")
    told = outcome.err + outcome.out
    assert (outcome.code, "Traceback" in told) == (code, False)
    assert said in " ".join(told.split())


def test_refusal__with_json__is_one_object_on_standard_error(folder: Path) -> None:
    outcome = flagtrail_in(folder, "enable", "checkout", "--json")
    assert outcome.out == ""
    assert '"code": "why_required"' in outcome.err


def test_setting__unknown__is_named(folder: Path) -> None:
    outcome = flagtrail_in(folder, "log", FLAGTRAIL_DATABSE="x")
    assert (outcome.code, "FLAGTRAIL_DATABSE is not a setting" in outcome.err) == (2, True)


def test_database__that_is_none__is_refused(tmp_path: Path) -> None:
    (tmp_path / "flagtrail.db").write_bytes(b"this is no database at all" * 100)
    outcome = flagtrail_in(tmp_path, "log")
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "The database is damaged.")


def test_database__that_is_empty__is_not_made_by_a_question(tmp_path: Path) -> None:
    (tmp_path / "flagtrail.db").touch()
    outcome = flagtrail_in(tmp_path, "log")
    assert (outcome.code, "flagtrail.db is empty" in outcome.err) == (1, True)
    assert [(each.name, each.stat().st_size) for each in tmp_path.iterdir()] == [("flagtrail.db", 0)]


def test_bad_segment__of_an_exposure__is_told_without_a_word_about_times(folder: Path) -> None:
    outcome = flagtrail_in(folder, "exposure", "checkout", "--where", "plan")
    assert outcome.err.splitlines()[-1] == "  > Correct the named parameter."


def test_database__in_a_folder_that_is_not_there__is_refused(tmp_path: Path) -> None:
    outcome = flagtrail_in(tmp_path, "flags", "create", "x", FLAGTRAIL_DATABASE="sqlite:///nowhere/here.db")
    assert (outcome.code, "the folder nowhere does not exist" in " ".join(outcome.err.split())) == (1, True)


def test_database__that_takes_no_entry__refuses_the_change_and_keeps_the_rest(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "checkout")
    with closing(sqlite3.connect(tmp_path / "flagtrail.db")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'no more entries'); END"
        )
    outcome = flagtrail_in(tmp_path, "enable", "checkout", "--why", "go")
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "The database failed; nothing was changed.")
    assert "production: disabled" in flagtrail_in(tmp_path, "flags", "show", "checkout").out


def test_ledger__set_back_behind_what_was_signed__is_told(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "first")
    kept = (tmp_path / "flagtrail.db").read_bytes()
    flagtrail_in(tmp_path, "flags", "create", "second")
    (tmp_path / "flagtrail.db").write_bytes(kept)
    outcome = flagtrail_in(tmp_path, "doctor")
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "The ledger does not verify.")


def flagtrail_process(folder: Path, *arguments: str, **how: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "flagtrail", *arguments], cwd=folder, **{**pipes, **how})  # type: ignore[call-overload,no-any-return]


def test_pipe__closed_by_its_reader__ends_in_silence(folder: Path) -> None:
    with flagtrail_process(folder, "schema") as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
    assert (process.returncode, told) == (0, "")


def test_port__in_use__is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        outcome = flagtrail_in(tmp_path, "up", "--port", str(taken.getsockname()[1]))
    assert (outcome.code, "choose another with --port" in " ".join(outcome.err.split())) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_demo__in_a_database_in_memory__is_refused(tmp_path: Path) -> None:
    outcome = flagtrail_in(tmp_path, "demo", "--port", "65123", FLAGTRAIL_DATABASE="memory:")
    assert (outcome.code, "kept in an SQLite file" in outcome.err) == (2, True)


LIGHT = """
import sys
sys.modules["click"] = None
from flagtrail.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["log"], 1, "pip install 'flagtrail[server]'", id="a command that needs the server"),
        pytest.param(["verify", "none", "--key", "k"], 2, "CANNOT BE DECIDED", id="the verifier"),
    ],
)
def test_light_package__without_click__names_the_extra_or_verifies(
    tmp_path: Path, arguments: list[str], code: int, said: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    told = done.stdout + done.stderr
    assert (done.returncode, said in told, "Traceback" in told) == (code, True, False)


def test_internal_defect__is_told_without_a_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr("flagtrail.app.ask.Ask.log", broken)
    outcome = flagtrail_in(folder, "log")
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "Flagtrail made a mistake.")


def test_interrupt__while_asking__is_told_in_one_word(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> App:
        raise KeyboardInterrupt

    monkeypatch.setattr("flagtrail.app.bootstrap.App.__init__", interrupted)
    outcome = flagtrail_in(folder, "log")
    assert (outcome.code, outcome.err) == (130, "Interrupted.\n")


def test_read_only_folder__for_a_user_who_may_not_write__is_refused(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.touch()
    settings = Settings(
        database=f"sqlite:///{target}/flagtrail.db"
    )  # a file where a folder should be: nobody can write
    outcome = flagtrail_in(tmp_path, "flags", "create", "x", FLAGTRAIL_DATABASE=settings.database)
    assert (outcome.code, "Traceback" in outcome.err) == (1, False)
