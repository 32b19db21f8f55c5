"""What `--deep` sees although it hashes right and is signed: what Flagtrail cannot have written."""

from __future__ import annotations

import importlib.util
import json
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ledger.making import VKEY, entry, ledger, signed, story, write

from flagtrail.ledger import deep, merkle
from flagtrail.ledger.canonical import canonical, profile_bytes
from flagtrail.ledger.report import Report
from flagtrail.ledger.seal import Sealed
from flagtrail.ledger.verify import verify_bundle
from flagtrail.model.entry import Entry, Group
from flagtrail.model.errors import LedgerBroken

Leaf = dict[str, Any]
FILES = story(12).export()


def rewritten(at: int, alter: Callable[[Leaf], bytes]) -> dict[str, bytes]:
    """An export with one leaf altered and every later prev_root made to fit: what a stolen key allows."""
    of = story(12)
    frontier, sealed = merkle.EMPTY_FRONTIER, []
    for seq, each in enumerate(of.sealed):
        content = {**json.loads(each.leaf), "prev_root": b64encode(frontier.root()).decode()}
        leaf = alter(content) if seq == at else profile_bytes(content)
        sealed.append(Sealed(leaf, merkle.leaf_hash(leaf), each.committed))
        frontier = frontier.append(sealed[-1].leaf_hash)
    forged = replace(of, sealed=sealed)
    lines = b"".join(each.leaf + b"\n" for each in sealed)
    return signed({**FILES, "entries.jsonl": lines, "checkpoint": forged.checkpoint().encode()}, forged)


def report_of(files: dict[str, bytes], folder: Path, *, read: bool = True) -> Report:
    return verify_bundle(write(files, folder), [VKEY], deep=read)


def put(**changed: object) -> Callable[[Leaf], bytes]:
    return lambda leaf: canonical({**leaf, **changed})


def text(old: str, new: str) -> Callable[[Leaf], bytes]:
    return lambda leaf: canonical(leaf).decode().replace(old, new, 1).encode()


FORGED = [
    pytest.param(put(seq=6), "calls itself 6", id="another seq"),
    pytest.param(put(log="example.com/other"), "is of the log", id="another log"),
    pytest.param(put(prev_root=b64encode(bytes(32)).decode()), "prev_root", id="another past"),
    pytest.param(put(time="2026-11-22T07:00:04.000003Z"), "before that of the entry before", id="time goes back"),
    pytest.param(put(time="yesterday"), "'time'", id="no time"),
    pytest.param(put(version=3), "does not follow", id="a version left out"),
    pytest.param(put(previous=1), "does not follow", id="another previous entry"),
    pytest.param(put(previous=-1, version=1), "does not follow", id="a document created twice"),
    pytest.param(put(group={"id": "g-2", "index": 0, "count": 2}), "group", id="a group broken up"),
    pytest.param(put(group={"id": "g-9", "index": 1, "count": 2}), "group", id="a group changing its id"),
    pytest.param(put(group={"id": "g-2", "index": 1, "count": 3}), "group", id="a group changing its count"),
    pytest.param(put(more=1), "exactly the keys", id="a key too many"),
    pytest.param(put(v=1.5), "'v'", id="a float"),
    pytest.param(text('"v":1', '"v": 1'), "canonical", id="a space"),
    pytest.param(text('"v":1', '"v":1,"v":1'), "canonical", id="a key twice"),
    pytest.param(text('"BILL-42"', '"\\u0042ILL-42"'), "canonical", id="an escape"),
    pytest.param(text('"seq":5', '"seq":5.0'), "'seq'", id="the same number as a float"),
    pytest.param(text('"seq":5', '"seq":1e999'), "not JSON", id="an infinite number"),
    pytest.param(text('"seq":5', '"seq":NaN'), "not JSON", id="no number"),
    pytest.param(text('"BILL-42"', '"\\ud800"'), "not JSON", id="a lone surrogate"),
    pytest.param(lambda _: b"\xff\xff", "not JSON", id="not UTF-8"),
    pytest.param(lambda _: b"[" * 30_000 + b"]" * 30_000, "not JSON", id="nested beyond reason"),
    pytest.param(lambda _: b"[]", "exactly the keys", id="no object"),
]


@pytest.fixture(params=["rewrite_plain", "rewrite_fast"])
def encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to write a line anew: with the standard library alone, and with orjson."""
    monkeypatch.setattr(deep, "rewrite", getattr(deep, request.param))


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(("alter", "problem"), FORGED)
def test_deep__an_entry_that_flagtrail_cannot_have_written__is_tampering(
    tmp_path: Path, alter: Callable[[Leaf], bytes], problem: str
) -> None:
    report = report_of(rewritten(5, alter), tmp_path)
    assert (report.status, problem in report.problem, report.problem) == ("tampered", True, report.problem)


@pytest.mark.parametrize(("alter", "problem"), FORGED)
def test_verify__such_an_entry_without_deep__is_accepted_and_said_to_be_unread(
    tmp_path: Path, alter: Callable[[Leaf], bytes], problem: str
) -> None:
    """The limit, asserted: the signature covers it, so only reading the entries shows it."""
    report = report_of(rewritten(5, alter), tmp_path, read=False)
    assert (report.status, any("--deep" in limit for limit in report.limits), bool(problem)) == ("verified", True, True)


@pytest.mark.parametrize("at", [0, 11])
def test_verify__a_first_or_last_entry_that_is_none__has_an_unknown_time(tmp_path: Path, at: int) -> None:
    report = report_of(rewritten(at, put(time=7)), tmp_path, read=False)
    assert (report.oldest if at == 0 else report.newest) == "unknown"


@pytest.mark.parametrize("line", [b"[]", b"{}", b"no JSON"])
def test_verify__a_first_line_that_is_no_entry__has_an_unknown_time(tmp_path: Path, line: bytes) -> None:
    assert report_of(rewritten(0, lambda _: line), tmp_path, read=False).oldest == "unknown"


def test_deep__an_honest_export_without_orjson__is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "rewrite", deep.rewrite_plain)
    assert report_of(FILES, tmp_path).status == "verified"


def test_deep__where_orjson_is_not_installed__takes_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    spec = importlib.util.spec_from_file_location("deep_alone", deep.__file__)
    assert spec is not None
    assert spec.loader is not None
    alone = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "deep_alone", alone)
    spec.loader.exec_module(alone)
    assert alone.rewrite is alone.rewrite_plain


def status(entries: list[Entry], folder: Path, low: int = 0, high: int | None = None) -> str:
    return report_of(ledger(entries).export(low, high), folder).status


@pytest.mark.parametrize(
    ("entries", "low", "high", "expected"),
    [
        pytest.param([entry(0), entry(1)], 0, 2, "verified", id="a whole group"),
        pytest.param([entry(0)], 0, 1, "tampered", id="a group that is open at the ledger's end"),
        pytest.param([entry(0), entry(1)], 0, 1, "verified", id="a group that the range cuts at its end"),
        pytest.param([entry(0), entry(1)], 1, 2, "verified", id="a group that the range cuts at its start"),
        pytest.param([entry(0, group=Group("g", 1, 2))], 0, 1, "tampered", id="a group without its start"),
        pytest.param(
            [entry(0, group=Group("g")), entry(1, group=Group("h", 1, 2))], 0, 2, "tampered", id="a group joined late"
        ),
        pytest.param([entry(0, version=2, group=Group("g"))], 0, 1, "tampered", id="a document that starts at 2"),
        pytest.param([entry(n, group=Group("g")) for n in range(6)], 4, 6, "verified", id="documents from before"),
        pytest.param(
            [*(entry(n, group=Group("g")) for n in range(4)), entry(4, group=Group("g"), version=1)],
            4,
            5,
            "tampered",
            id="version 1 with an entry before",
        ),
    ],
)
def test_deep__groups_and_versions_at_the_edges__are_judged_by_what_the_range_shows(
    tmp_path: Path, entries: list[Entry], low: int, high: int, expected: str
) -> None:
    assert status(entries, tmp_path, low, high) == expected


def disclosing(lines: list[bytes]) -> dict[str, bytes]:
    return signed({**FILES, "disclosures.jsonl": b"".join(line + b"\n" for line in lines)}, story(0))


LINES = FILES["disclosures.jsonl"].splitlines()


@pytest.mark.usefixtures("encoder")
@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        pytest.param([*LINES, LINES[-1]], "disclosed twice", id="the last one twice"),
        pytest.param([LINES[0], *LINES], "disclosed twice", id="one twice"),
        pytest.param(LINES[::-1], "not in the range or not in order", id="backwards"),
        pytest.param(LINES[1:], "miscounts", id="one left out"),
        pytest.param([LINES[0].replace(b"zoe@", b"ann@"), *LINES[1:]], "not what the entry committed", id="altered"),
        pytest.param([LINES[0].replace(b'"seq":0', b'"seq":99'), *LINES[1:]], "not in the range", id="of no entry"),
        pytest.param(
            [LINES[0].replace(b"actor_email", b"for_email"), *LINES[1:]], "never committed", id="another name"
        ),
        pytest.param([LINES[0].replace(b"actor_email", b"password"), *LINES[1:]], "never committed", id="unknown name"),
        pytest.param([LINES[0].replace(b'"seq"', b'"sec"'), *LINES[1:]], "exactly the keys", id="another key"),
        pytest.param([LINES[0].replace(b"}", b',"z":1}'), *LINES[1:]], "exactly the keys", id="a key too many"),
        pytest.param([b"[]", *LINES[1:]], "exactly the keys", id="no object"),
        pytest.param([b"", *LINES], "not JSON", id="an empty line"),
        pytest.param([LINES[0].replace(b'==",', b'=!",'), *LINES[1:]], "the salt", id="a salt that is not base64"),
        pytest.param(
            [LINES[0].replace(b'=="', b'"').replace(b'"salt":"', b'"salt":"AA'), *LINES[1:]], "not", id="salt"
        ),
        pytest.param([LINES[0].replace(b'"name"', b' "name"'), *LINES[1:]], "canonical", id="a space"),
    ],
)
def test_deep__disclosures_that_do_not_fit__is_tampering(tmp_path: Path, lines: list[bytes], problem: str) -> None:
    report = report_of(disclosing(lines), tmp_path)
    assert (report.status, problem in report.problem, report.problem) == ("tampered", True, report.problem)


def test_verify__altered_disclosures_signed_anew__are_accepted_without_deep(tmp_path: Path) -> None:
    """The limit, asserted: without --deep disclosures are covered by the export's signature only."""
    assert (
        report_of(disclosing([LINES[0].replace(b"zoe@", b"ann@"), *LINES[1:]]), tmp_path, read=False).status
        == "verified"
    )


def test_export__a_stored_leaf_that_is_no_entry__says_that_the_ledger_is_broken() -> None:
    of = story(2)
    broken = replace(of, sealed=[Sealed(b"{}", merkle.leaf_hash(b"{}"), ()), of.sealed[1]])
    with pytest.raises(LedgerBroken, match="no entry"):
        broken.export()
