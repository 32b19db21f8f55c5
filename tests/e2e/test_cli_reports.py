"""Reports on the command line: told in short, written to files, checked offline; and what is left where one breaks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.command_line import flagtrail_in

PERIOD = ("--since", "2026-01-01")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a flag that was rolled out, and the key that signs its ledger."""
    folder = tmp_path_factory.mktemp("reports")
    for line in (
        "flags create checkout --description Pay",
        "enable checkout --why launch",
        "rollout checkout 25 --why carefully",
    ):
        assert flagtrail_in(folder, *line.split()).code == 0
    return folder


def key(folder: Path) -> str:
    shutil.rmtree(folder / "exported", ignore_errors=True)
    outcome = flagtrail_in(folder, "export", "--out", "exported", "--json")
    told = outcome.json
    assert isinstance(told, dict)
    return str(told["key"])


def test_report__on_the_terminal__tells_verdicts_and_what_was_not_checked(folder: Path) -> None:
    outcome = flagtrail_in(folder, "report", "soc2")
    assert outcome.code == 0
    for told in (
        "reached production",
        "CC8.1",
        "shown in part",
        "outside window: not checked: Flagtrail has no change",
    ):
        assert told in outcome.out


def test_report__with_json__is_the_summary(folder: Path) -> None:
    told = flagtrail_in(folder, "report", "pci", "--json").json
    assert isinstance(told, dict)
    assert [each["control"] for each in told["controls"]] == ["6.5", "10.2", "10.3", "10.4", "10.5"]


def test_report__of_a_flag__tells_when_it_was_on(folder: Path) -> None:
    outcome = flagtrail_in(folder, "report", "flag", "--flag", "checkout", "--env", "production")
    assert "on 25 %" in outcome.out


def test_report__of_access__names_who_can_change_production(folder: Path) -> None:
    assert "admin everywhere" in flagtrail_in(folder, "report", "access").out


@pytest.mark.parametrize(
    ("suffix", "beginning"), [("jsonl", b'{"type":"report"'), ("csv", b"seq,time,"), ("html", b"<!doctype html>")]
)
def test_report__to_a_file__in_the_format_of_its_name_and_the_same_again(
    folder: Path, suffix: str, beginning: bytes
) -> None:
    made = []
    for name in (f"one.{suffix}", f"two.{suffix}"):
        outcome = flagtrail_in(folder, "report", "soc2", *PERIOD, "--out", name)
        made.append((folder / name).read_bytes())
        assert outcome.out == f"Wrote {name} ({len(made[-1]):,} bytes).\n"
    assert made[0].startswith(beginning)
    assert made[0] == made[1]


def test_report__in_a_pipe__is_the_file_itself(folder: Path) -> None:
    outcome = flagtrail_in(folder, "report", "soc2", "--format", "csv")
    assert outcome.out.splitlines()[0].startswith("seq,time,occurred_at,document")


def test_verify__a_report__is_verified_and_tampering_is_told(folder: Path) -> None:
    flagtrail_in(folder, "report", "soc2", "--out", "all.jsonl")
    whole = (folder / "all.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "cut.jsonl").write_bytes(b"".join(whole[:2] + whole[3:]))
    verified = flagtrail_in(folder, "verify", "all.jsonl", "--key", key(folder))
    tampered = flagtrail_in(folder, "verify", "cut.jsonl", "--key", key(folder), "--json")
    assert (verified.code, verified.out[:33]) == (0, "VERIFIED: The report soc2 is comp")
    assert (tampered.code, '"status": "tampered"' in tampered.out) == (1, True)


def test_report__that_is_refused__leaves_no_file(folder: Path) -> None:
    outcome = flagtrail_in(folder, "report", "flag", "--flag", "nope", "--out", "nope.csv")
    assert (outcome.code, sorted(path.name for path in folder.glob("*nope*"))) == (1, [])
