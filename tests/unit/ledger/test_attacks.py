"""The attacks of the ledger's specification (section 10), each with its expected detector, and the limits asserted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.ledger.making import KEY, ORIGIN, VKEY, Ledger, entry, ledger, private_key, story, write

from flagtrail.ledger import merkle, proof
from flagtrail.ledger.checkpoint import verifier_key
from flagtrail.ledger.report import Report
from flagtrail.ledger.verify import verify_bundle

HONEST = story(12)
REWRITTEN = ledger(entry(seq, ticket="OTHER" if seq == 6 else "BILL-42") for seq in range(12))
"""What a thief of the key can make: entry 6 altered, and all that follows made to fit."""
OTHER_KEY = private_key("other")
OTHER_VKEY = verifier_key(ORIGIN, OTHER_KEY.public_key().public_bytes_raw())


def held(folder: Path, content: str | bytes, *, of: dict[str, bytes], deep: bool = True, keys: int = 1) -> Report:
    """The report on an export held against one kept thing."""
    kept = folder / "kept"
    kept.write_bytes(content if isinstance(content, bytes) else content.encode())
    return verify_bundle(write(of, folder / "bundle"), [OTHER_VKEY, VKEY][-keys:], [kept], deep=deep)


def receipt(of: Ledger, index: int, size: int) -> str:
    return proof.write_receipt(index, merkle.inclusion_proof(of.hashes[:size], index), of.checkpoint(size))


def test_stolen_key__everything_rewritten__is_accepted_at_a0(tmp_path: Path) -> None:
    """The limit, asserted: with nothing kept, the signing key is the whole of the proof."""
    report = verify_bundle(write(REWRITTEN.export(), tmp_path), [VKEY], deep=True)
    assert (report.status, report.level) == ("verified", "A0")


def test_stolen_key__at_a0__the_report_says_what_it_does_not_exclude(tmp_path: Path) -> None:
    report = verify_bundle(write(REWRITTEN.export(), tmp_path), [VKEY], deep=True)
    assert "nobody with the signing key rewrote all of it" in report.text()


KEPT: list[object] = [
    pytest.param(HONEST.checkpoint(7), id="a checkpoint after the altered entry"),
    pytest.param(HONEST.checkpoint(12), id="a checkpoint of the same size"),
    pytest.param(HONEST.sealed[8].leaf, id="a later entry, which pins its past"),
    pytest.param(HONEST.sealed[6].leaf + b"\n", id="the altered entry itself"),
    pytest.param(receipt(HONEST, 6, 7), id="the receipt of the altered entry"),
    pytest.param(receipt(HONEST, 2, 12), id="the receipt of another entry, signed later"),
]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("content", KEPT)
def test_stolen_key__something_kept_from_before__shows_the_fork(
    tmp_path: Path, content: str | bytes, *, deep: bool
) -> None:
    assert held(tmp_path, content, of=REWRITTEN.export(), deep=deep).status == "tampered"


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("content", KEPT)
def test_honest_ledger__something_kept_from_before__reaches_a1(
    tmp_path: Path, content: str | bytes, *, deep: bool
) -> None:
    report = held(tmp_path, content, of=HONEST.export(), deep=deep)
    assert (report.status, report.level, report.held) == ("verified", "A1", 1)


def test_stolen_key__a_rewrite_after_what_was_kept__is_accepted_and_said(tmp_path: Path) -> None:
    """The limit, asserted: what was kept pins its own past, not what came after it."""
    report = held(tmp_path, HONEST.checkpoint(5), of=REWRITTEN.export())
    assert (report.status, report.level, report.pinned, "rewrote entries from 5 on" in report.text()) == (
        "verified",
        "A1",
        5,
        True,
    )


@pytest.mark.parametrize(
    ("content", "pinned"),
    [
        pytest.param(HONEST.checkpoint(7), 7, id="a checkpoint pins its size"),
        pytest.param(HONEST.sealed[7].leaf, 8, id="an entry pins its past and itself"),
        pytest.param(receipt(HONEST, 2, 9), 9, id="a receipt pins its checkpoint's size"),
    ],
)
def test_kept__what_it_pins__is_reported(tmp_path: Path, content: str | bytes, pinned: int) -> None:
    assert held(tmp_path, content, of=HONEST.export()).pinned == pinned


def test_kept__a_receipt_whose_size_the_range_does_not_show__pins_its_entry_only(tmp_path: Path) -> None:
    report = held(tmp_path, receipt(HONEST, 2, 9), of=HONEST.export(0, 5))
    assert (report.status, report.level, report.pinned) == ("verified", "A1", 0)


def test_truncated_export__with_something_newer_kept__is_tampering(tmp_path: Path) -> None:
    report = held(tmp_path, HONEST.checkpoint(12), of=HONEST.export(size=10))
    assert (report.status, "its end was cut off" in report.problem) == ("tampered", True)


@pytest.mark.parametrize("seq", [10, 11])
def test_truncated_export__with_a_newer_entry_kept__is_tampering(tmp_path: Path, seq: int) -> None:
    report = held(tmp_path, HONEST.sealed[seq].leaf, of=HONEST.export(size=10))
    assert (report.status, "its end was cut off" in report.problem) == ("tampered", True)


def test_truncated_export__with_nothing_newer_kept__is_accepted_and_said(tmp_path: Path) -> None:
    """The limit, asserted: an honest older export looks the same."""
    report = held(tmp_path, HONEST.checkpoint(4), of=HONEST.export(size=10))
    assert (report.status, "nothing came after entry 10" in report.text()) == ("verified", True)


@pytest.mark.parametrize(
    ("content", "low", "high"),
    [
        pytest.param(HONEST.checkpoint(3), 5, 9, id="a checkpoint from before the range"),
        pytest.param(HONEST.checkpoint(10), 5, 9, id="a checkpoint between the range and the head"),
        pytest.param(HONEST.sealed[2].leaf, 5, 9, id="an entry from before the range"),
        pytest.param(HONEST.checkpoint(0), 0, 12, id="a checkpoint of size 0, which proves nothing"),
        pytest.param(b"", 0, 12, id="an empty file"),
        pytest.param(b"\xff", 0, 12, id="no text"),
        pytest.param(b"{}", 0, 12, id="no entry"),
        pytest.param(b"{", 0, 12, id="no JSON"),
        pytest.param("c2sp.org/tlog-proof@v1\n", 0, 12, id="no receipt"),
        pytest.param(Ledger(HONEST.sealed, OTHER_KEY).checkpoint(), 0, 12, id="signed by another key"),
        pytest.param(
            ledger([entry(0)], origin="example.com/other").sealed[0].leaf, 0, 12, id="an entry of another log"
        ),
    ],
)
def test_kept__what_cannot_be_compared__is_undecided(tmp_path: Path, content: str | bytes, low: int, high: int) -> None:
    assert held(tmp_path, content, of=HONEST.export(low, high)).status == "undecided"


def test_kept__the_first_entry__is_compared_although_its_root_proves_nothing(tmp_path: Path) -> None:
    report = held(tmp_path, HONEST.sealed[0].leaf, of=HONEST.export())
    assert (report.status, report.level, report.pinned) == ("verified", "A1", 1)


def test_kept__a_file_that_is_not_there__is_undecided(tmp_path: Path) -> None:
    report = verify_bundle(write(HONEST.export(), tmp_path / "bundle"), [VKEY], [tmp_path / "nowhere"])
    assert report.status == "undecided"


def test_kept__a_checkpoint_of_another_log_of_the_same_key__is_undecided(tmp_path: Path) -> None:
    other = Ledger(HONEST.sealed, KEY, "example.com/other")
    kept = tmp_path / "kept"
    kept.write_text(other.checkpoint())
    keys = [verifier_key(other.origin, KEY.public_key().public_bytes_raw()), VKEY]
    assert verify_bundle(write(HONEST.export(), tmp_path / "b"), keys, [kept]).status == "undecided"


@pytest.mark.parametrize("size", [7, 12])
def test_kept__a_checkpoint_of_the_older_of_two_keys__is_compared(tmp_path: Path, size: int) -> None:
    older = Ledger(HONEST.sealed, OTHER_KEY).checkpoint(size)
    assert held(tmp_path, older, of=HONEST.export(), keys=2).level == "A1"


def test_kept__a_checkpoint_of_the_newer_of_two_keys__is_compared(tmp_path: Path) -> None:
    assert held(tmp_path, HONEST.checkpoint(7), of=HONEST.export(), keys=2).level == "A1"


def edited(files: dict[str, bytes], name: str, alter: Callable[[bytes], bytes]) -> dict[str, bytes]:
    return {**files, name: alter(files[name])}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("name", "alter"),
    [
        pytest.param("entries.jsonl", lambda old: old.replace(b"BILL-42", b"BILL-43", 1), id="an entry edited"),
        pytest.param("entries.jsonl", lambda old: old.split(b"\n", 1)[1], id="the first entry deleted"),
        pytest.param("entries.jsonl", lambda old: old.rsplit(b"\n", 2)[0] + b"\n", id="the last entry deleted"),
        pytest.param("entries.jsonl", lambda old: old + old.splitlines(keepends=True)[0], id="an entry added"),
        pytest.param("disclosures.jsonl", lambda old: old.replace(b"team 0", b"team 9", 1), id="a value edited"),
        pytest.param("disclosures.jsonl", lambda old: old.split(b"\n", 1)[1], id="a value hidden"),
        pytest.param("README.txt", lambda old: old + b"Trust me.\n", id="the instructions edited"),
        pytest.param("verify.pyz", lambda old: old + b"\0", id="the verifier replaced"),
    ],
)
def test_export_edited__without_the_key__is_tampering(
    tmp_path: Path, name: str, alter: Callable[[bytes], bytes], *, deep: bool
) -> None:
    files = edited(HONEST.export(), name, alter)
    assert verify_bundle(write(files, tmp_path), [VKEY], deep=deep).status == "tampered"


def test_files_mixed__from_two_exports_of_one_ledger__is_tampering(tmp_path: Path) -> None:
    mixed = {**HONEST.export(), "checkpoint": HONEST.export(size=10)["checkpoint"]}
    assert verify_bundle(write(mixed, tmp_path), [VKEY]).status == "tampered"
